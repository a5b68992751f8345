"""The status page is drawn once for all who would read the same; what is one's own stays so."""

import re
from collections import Counter
from datetime import timedelta

import pytest
from django.middleware.csrf import CSRF_ALLOWED_CHARS
from django.test import Client

from ccpa_office import clock, drawn
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor
from requests_app import casework, tasks, verification
from requests_app.models import LinkPurpose
from requests_app.numbers import new_number
from tests.builders import ORLA, ask, fresh

pytestmark = pytest.mark.django_db
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@pytest.fixture(autouse=True)
def nothing_kept():
    drawn._kept.clear()


def _follows(client, consumer_request):
    session = client.session
    moment = int(clock.now().timestamp())
    session["cases"] = {**session.get("cases", {}), consumer_request.number: [moment, moment]}
    session.save()
    client.cookies["office-session"] = session.session_key


def _page(client, consumer_request, language=""):
    prefix = f"/{language}" if language else ""
    answer = client.get(f"{prefix}/requests/{consumer_request.public_number}/")
    assert answer.status_code == 200
    return answer.content.decode()


def _drawn_anew(client, consumer_request, language=""):
    drawn._kept.clear()
    return _page(client, consumer_request, language)


def _plain(page):
    return TOKEN.sub("", page)


def _cases():
    at = clock.now()
    waiting = ask(ORLA)
    tasks.drain_verify()
    withdrawn = ask("gone@example.org")
    casework.withdraw(withdrawn, by=Actor.consumer(), at=at)
    opted = ask("opt@example.org", kind=RequestKind.OPT_OUT)
    know = ask("know@example.org", kind=RequestKind.KNOW_SPECIFIC)
    old = ask("old@example.org", at=at - timedelta(days=9))
    return [ask("one@example.org"), ask("two@example.org"), waiting, withdrawn, opted, know, old]


def test_every_page_is_what_it_would_be_if_it_were_drawn_anew(client, learners, team):
    cases = _cases()
    for each in cases:
        _follows(client, each)
    for language in ("", "ja", "es"):
        anew = [_drawn_anew(client, each, language) for each in cases]
        drawn._kept.clear()
        for _again in range(2):
            kept = [_page(client, each, language) for each in cases]
            assert list(map(_plain, kept)) == list(map(_plain, anew))


def test_nobody_reads_another_ones_number_or_token(client, learners, team):
    one, two = ask("one@example.org"), ask("two@example.org")
    for each in (one, two):
        _follows(client, each)
    pages = [_page(client, each) for each in (one, two)]
    assert len(drawn._kept) == 1
    (kept,) = drawn._kept.values()
    tokens = [set(TOKEN.findall(page)) for page in pages]
    assert [len(found) for found in tokens] == [1, 1]
    assert not tokens[0] & tokens[1]
    assert not TOKEN.search(kept)
    for own, page, other in ((one, pages[0], two), (two, pages[1], one)):
        assert page.count(own.public_number) == kept.count("\x000\x00") > 0
        for number in (other.public_number, other.number):
            assert number not in page
            assert number not in kept
        assert "\x00" not in page


def test_a_page_is_one_statement_and_looks_alike_for_a_foreign_and_an_absent_number(
    client, learners, team, django_assert_num_queries
):
    own, foreign = ask("one@example.org"), ask("two@example.org")
    _follows(client, own)
    _page(client, own)
    absent = new_number()
    for number, status in ((own.number, 200), (foreign.number, 302), (absent, 302)):
        with django_assert_num_queries(1):
            assert client.get(f"/requests/{number}/").status_code == status


def test_the_token_of_a_kept_page_opens_its_form_and_nobody_elses(learners, team):
    one, other = Client(enforce_csrf_checks=True), Client(enforce_csrf_checks=True)
    asked = ask("one@example.org")
    tokens = []
    for browser in (one, one, other):
        _follows(browser, asked)
        tokens.append(TOKEN.findall(_page(browser, asked))[0])
    assert len(set(tokens)) == 3
    address = f"/requests/{asked.public_number}/message/"
    sent = [one.post(address, {"text": "x", "csrfmiddlewaretoken": each}) for each in tokens]
    assert [answer.status_code for answer in sent] == [302, 302, 403]


def test_letters_of_tokens_are_drawn_evenly():
    seen = Counter(drawn.letters(620_000))
    assert set(seen) == set(CSRF_ALLOWED_CHARS)
    assert max(abs(count - 10_000) for count in seen.values()) < 700  # seven deviations


def test_messages_are_never_kept(client, learners, team):
    one = ask("one@example.org")
    _follows(client, one)
    casework.hear(one, "a word of mine", at=clock.now())
    assert "a word of mine" in _page(client, one)
    refused = client.post(f"/requests/{one.public_number}/message/", {"text": ""})
    assert "error" in refused.content.decode()
    assert not drawn._kept


def test_only_so_many_pages_are_kept(client, learners, team, monkeypatch):
    monkeypatch.setattr(drawn, "MOST", 2)
    at = clock.now()
    cases = [ask(f"{days}@example.org", at=at - timedelta(days=days)) for days in range(3)]
    for each in cases:
        _follows(client, each)
        _page(client, each)
    assert len(drawn._kept) == 2


def test_a_request_that_moved_on_has_another_page(client, learners, team):
    one = ask("one@example.org")
    _follows(client, one)
    before = _plain(_page(client, one))
    link = one.links.get(purpose=LinkPurpose.FOLLOW)
    verification.follow(link, at=clock.now())
    casework.stop(fresh(one), at=clock.now())
    assert _plain(_page(client, fresh(one))) != before
