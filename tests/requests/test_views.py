"""The consumer's pages, by a browser that has no script: forms, links, the request's own page."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from ccpa_office import clock, work
from ccpa_office.law.kinds import RequestKind
from requests_app import casework, tasks
from requests_app.forms import FORMS
from requests_app.models import ConsumerRequest, Link, LinkPurpose, Status, Step
from requests_app.numbers import new_number
from tests.builders import ORLA, ask, fresh, tokens
from tests.steps import by_sql

pytestmark = pytest.mark.django_db
PREFIXES = {"en": "", "ja": "/ja", "es": "/es"}
TYPED = {"email": "a@example.org", "name": "Ana Bello", "words": "x", "since": "everything"}


@pytest.fixture
def browser():
    return Client()


def _nonce(page):
    found = re.search(r'name="nonce" value="([^"]+)"', page.content.decode())
    assert found is not None
    return found.group(1)


def _fill(browser, kind, step, prefix="", **typed):
    path = f"{prefix}/requests/new/{kind}/"
    page = browser.get(path)
    return browser.post(path, TYPED | {"nonce": _nonce(page), "step": step} | typed)


# --- asking -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", list(PREFIXES))
@pytest.mark.parametrize("kind", [each.value for each in FORMS])
def test_a_form_is_filled_checked_and_sent_in_three_languages(kind, language, browser):
    prefix = PREFIXES[language]
    assert browser.get(f"{prefix}/requests/new/").status_code == 200
    checked = _fill(browser, kind, "check", prefix)
    assert checked.status_code == 200
    assert "a@example.org" in checked.content.decode()
    assert not ConsumerRequest.objects.exists()
    sent = browser.post(
        f"{prefix}/requests/new/{kind}/", TYPED | {"nonce": _nonce(checked), "step": "send"}
    )
    assert (sent.status_code, sent.url) == (302, f"{prefix}/requests/received/")
    asked = ConsumerRequest.objects.get()
    assert (asked.kind, asked.language, asked.channel) == (kind, language, "web")
    page = browser.get(sent.url)
    assert asked.public_number in page.content.decode()
    assert f'lang="{language}"' in page.content.decode()


def test_a_request_and_the_session_that_shows_its_number_stand_together_or_not_at_all(
    browser, monkeypatch, django_assert_max_num_queries
):
    sent = "/requests/new/delete/"

    def fields():
        return TYPED | {"nonce": _nonce(_fill(browser, "delete", "check", "")), "step": "send"}

    given = fields()
    with monkeypatch.context() as broken:
        broken.setattr(work, "seam", lambda _name: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            browser.post(sent, given)
    assert not ConsumerRequest.objects.exists()
    assert not Session.objects.exists()
    stood = []
    with monkeypatch.context() as watched:
        watched.setattr(work, "seam", lambda name: stood.append((name, Session.objects.count())))
        with django_assert_max_num_queries(11):  # seven, a savepoint, and the two that look
            assert browser.post(sent, given).status_code == 302
    assert stood == [("intake.before-commit", 1), ("intake.after-commit", 1)]
    assert browser.session["received"] == ConsumerRequest.objects.get().number
    key = browser.session.session_key
    assert browser.post(sent, fields()).status_code == 302
    assert (browser.session.session_key, ConsumerRequest.objects.count()) == (key, 2)


def test_a_second_press_gives_the_same_request(browser):
    page = browser.get("/requests/new/delete/")
    data = TYPED | {"nonce": _nonce(page), "step": "send"}
    for _press in range(3):
        assert browser.post("/requests/new/delete/", data).status_code == 302
    assert ConsumerRequest.objects.count() == 1


def test_a_mistake_is_summed_up_and_what_was_typed_is_kept(browser):
    page = _fill(browser, "delete", "send", email="nonsense", name="森川 <花>").content.decode()
    assert not ConsumerRequest.objects.exists()
    assert 'id="errors"' in page
    assert 'href="#id_email"' in page
    assert "森川 &lt;花&gt;" in page
    assert "nonsense" in page


def test_one_may_go_back_and_change(browser):
    page = _fill(browser, "delete", "change")
    assert page.status_code == 200
    assert "Ana Bello" in page.content.decode()
    assert not ConsumerRequest.objects.exists()


def test_an_old_form_is_renewed_with_its_answers(browser):
    page = browser.post("/requests/new/delete/", TYPED | {"nonce": "old", "step": "send"})
    assert not ConsumerRequest.objects.exists()
    again = browser.post("/requests/new/delete/", TYPED | {"nonce": _nonce(page), "step": "send"})
    assert again.status_code == 302
    assert ConsumerRequest.objects.count() == 1


@pytest.mark.parametrize("kind", ["opt-in", "admt-access", "nothing", "DELETE"])
def test_there_is_no_form_for_what_the_web_does_not_offer(kind, browser):
    assert browser.get(f"/requests/new/{kind}/").status_code == 404


def test_the_page_of_receipt_belongs_to_this_browser(browser):
    ask("x@example.org")
    assert browser.get("/requests/received/").url == "/requests/new/"


# --- links --------------------------------------------------------------------------------------


@pytest.fixture
def waiting(mailbox, team, learners):
    """A deletion with its letters sent."""
    consumer_request = ask(ORLA)
    tasks.drain_verify()
    tasks.drain_mail()
    return fresh(consumer_request)


def _tokens(mailbox):
    """The tokens by purpose, as the letters brought them."""
    receipt, confirm = (message.get_body(("plain",)).get_content() for message in mailbox.to(ORLA))
    return {"follow": tokens(receipt)[0], "confirm": tokens(confirm)[0], "stop": tokens(confirm)[1]}


def _land(browser, token):
    opened = browser.get(f"/requests/l/{token}/")
    assert (opened.status_code, opened.url) == (302, "/requests/l/")
    return browser.get("/requests/l/")


@pytest.mark.parametrize("purpose", ["follow", "confirm", "stop"])
def test_looking_at_a_link_spends_nothing(purpose, waiting, mailbox, browser):
    token = _tokens(mailbox)[purpose]
    for _scan in range(100):
        for method in ("GET", "HEAD", "OPTIONS"):
            browser.generic(method, f"/requests/l/{token}/")
            browser.generic(method, "/requests/l/")
    assert not Link.objects.exclude(used_at=None).exists()
    assert fresh(waiting).status == Status.WAITING
    assert _land(browser, token).status_code == 200


def test_the_token_leaves_the_address_and_the_session_keeps_none(waiting, mailbox, browser):
    token = _tokens(mailbox)["follow"]
    page = _land(browser, token).content.decode()
    assert token not in page
    assert token not in str(dict(browser.session))


def _follow(browser, mailbox):
    _land(browser, _tokens(mailbox)["follow"])
    return browser.post("/requests/l/")


def test_a_follow_link_opens_the_request_once(waiting, mailbox, browser):
    opened = _follow(browser, mailbox)
    assert opened.url == f"/requests/{waiting.public_number}/"
    page = browser.get(opened.url)
    assert page.status_code == 200
    assert waiting.public_number in page.content.decode()
    other = Client()
    gone = _land(other, _tokens(mailbox)["follow"])
    assert "link" in gone.content.decode().lower()
    assert other.get(opened.url)["Location"] == "/requests/status/"


def test_a_confirm_link_asks_for_the_points_and_is_spent_by_its_answer(waiting, mailbox, browser):
    page = _land(browser, _tokens(mailbox)["confirm"]).content.decode()
    assert "ZIP or postal code" in page
    few = browser.post("/requests/l/", {"phone": "707 555 0163"}).content.decode()
    assert 'id="errors"' in few
    assert "707 555 0163" in few
    assert not Step.objects.comparing().exists()
    done = browser.post("/requests/l/", {"phone": "707 555 0163", "postal_code": "95501"})
    assert done.status_code == 200
    assert Step.objects.comparing().count() == 1
    again = browser.post("/requests/l/", {"phone": "707 555 0163", "postal_code": "95501"})
    assert again.status_code == 200
    assert Step.objects.comparing().count() == 1


def test_a_stop_link_stops_without_any_sign_in(waiting, mailbox, browser):
    _land(browser, _tokens(mailbox)["stop"])
    assert browser.post("/requests/l/").status_code == 200
    assert fresh(waiting).status == Status.STOPPED


def _gone_page(browser, token):
    page = _land(browser, token)
    text = re.sub(r'nonce="[^"]*"|csrfmiddlewaretoken" value="[^"]*"', "", page.content.decode())
    return page.status_code, sorted(page.headers), text


def test_used_expired_voided_and_invented_links_look_the_same(waiting, mailbox):
    sent = _tokens(mailbox)
    _follow(Client(), mailbox)
    by_sql("UPDATE requests_app_link SET expires_at = now() WHERE purpose = 'confirm'")
    by_sql("UPDATE requests_app_link SET voided_at = now() WHERE purpose = 'stop'")
    pages = [_gone_page(Client(), token) for token in (*sent.values(), "x" * 43, "'--")]
    assert all(page == pages[0] for page in pages)


def test_a_closed_request_takes_no_answer(waiting, mailbox, browser, team):
    _land(browser, _tokens(mailbox)["confirm"])
    casework.close_by_hand(
        waiting, outcome="duplicate", words="Twice.", by=team.officer, at=clock.now()
    )
    page = browser.post("/requests/l/", {"phone": "707 555 0163", "postal_code": "95501"})
    assert page.status_code == 200
    assert not Step.objects.comparing().exists()


# --- the request's own page ---------------------------------------------------------------------


def _address(consumer_request, action=""):
    return f"/requests/{consumer_request.public_number}/{action}"


@pytest.mark.parametrize("action", ["", "withdraw/", "not-me/", "message/"])
def test_a_foreign_number_and_an_absent_one_are_alike(action, waiting, mailbox, browser):
    _follow(browser, mailbox)
    foreign = ask("other@example.org")
    seen = []
    for number in (foreign.public_number, "0000-0000-000", "7K3M-92QX-4TX", "nonsense", "x" * 200):
        path = f"/requests/{number}/{action}"
        answer = browser.post(path, {"text": "x"}) if action else browser.get(path)
        seen.append((answer.status_code, answer.get("Location"), answer.content))
    assert seen == [(302, "/requests/status/", b"")] * 5
    assert fresh(foreign).status == Status.RECEIVED


@pytest.mark.parametrize(("minutes", "open_"), [(29, True), (31, False)])
def test_a_page_closes_after_half_an_hour_without_use(minutes, open_, waiting, mailbox, browser,
                                                      monkeypatch):  # fmt: skip
    _follow(browser, mailbox)
    moment = clock.now() + timedelta(minutes=minutes)
    monkeypatch.setattr(clock, "now", lambda: moment)
    assert (browser.get(_address(waiting)).status_code == 200) is open_


def test_a_page_closes_after_twelve_hours_of_use(waiting, mailbox, browser, monkeypatch):
    _follow(browser, mailbox)
    start, opened = clock.now(), 0
    for minutes in range(0, 14 * 60, 20):
        monkeypatch.setattr(clock, "now", lambda m=minutes: start + timedelta(minutes=m))
        opened += browser.get(_address(waiting)).status_code == 200
    assert opened == 37


def test_messages_go_both_ways_on_the_page(waiting, mailbox, browser, team):
    _follow(browser, mailbox)
    sent = browser.post(_address(waiting, "message/"), {"text": "<b>Hello</b>"})
    assert sent.url == _address(waiting)
    casework.write(waiting, "Good day", by=team.clerk, at=clock.now())
    page = browser.get(_address(waiting)).content.decode()
    assert "&lt;b&gt;Hello&lt;/b&gt;" in page
    assert "Good day" in page
    empty = browser.post(_address(waiting, "message/"), {"text": ""})
    assert empty.status_code == 200
    assert "error" in empty.content.decode()


def test_a_closed_case_takes_no_message(waiting, mailbox, browser):
    _follow(browser, mailbox)
    browser.post(_address(waiting, "withdraw/"))
    browser.post(_address(waiting, "message/"), {"text": "Hello"})
    assert waiting.notes.count() == 0


def test_a_request_is_withdrawn_from_its_page(waiting, mailbox, browser):
    _follow(browser, mailbox)
    assert "Withdraw this request" in browser.get(_address(waiting)).content.decode()
    assert browser.post(_address(waiting, "withdraw/")).status_code == 200
    assert fresh(waiting).status == Status.WITHDRAWN
    again = browser.post(_address(waiting, "withdraw/"))
    assert "too late" in again.content.decode()
    assert "Withdraw this request" not in browser.get(_address(waiting)).content.decode()


def test_this_was_not_me_from_the_page_of_the_typed_address(waiting, mailbox, browser):
    _follow(browser, mailbox)
    assert browser.post(_address(waiting, "not-me/")).status_code == 200
    assert fresh(waiting).status == Status.STOPPED
    assert browser.post(_address(waiting, "not-me/")).status_code == 200


# --- methods, equal answers, opt-out ------------------------------------------------------------

PAGES = ["/requests/new/", "/requests/new/delete/", "/requests/status/", "/requests/l/",
         "/opt-out/", "/opt-out/status.json"]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_head_is_answered_like_get_without_the_page(path, browser):
    got, headed = browser.get(path), browser.head(path)
    assert (headed.status_code, headed.content) == (got.status_code, b"")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_refused(path, method, browser):
    assert browser.generic(method, path).status_code == 405


@pytest.mark.parametrize("name", ["withdraw", "message", "not-me"])
def test_what_changes_something_needs_a_post(name, browser):
    path = reverse(f"requests:{name}", kwargs={"number": "7K3M-92QX-4TD"})
    for method in ("GET", "HEAD", "PUT"):
        assert browser.generic(method, path).status_code == 405


def test_a_press_without_its_csrf_token_changes_nothing(waiting, mailbox):
    strict = Client(enforce_csrf_checks=True)
    _land(strict, _tokens(mailbox)["stop"])
    assert strict.post("/requests/l/").status_code == 403
    assert strict.post("/requests/new/delete/", TYPED).status_code == 403
    assert fresh(waiting).status == Status.WAITING


def test_the_status_page_says_the_same_whatever_is_typed(waiting, browser):
    pages = []
    for number, email in (
        (waiting.public_number, ORLA), (waiting.public_number, "x@example.org"),
        (new_number(), ORLA),
    ):  # fmt: skip
        page = browser.post("/requests/status/", {"number": number, "email": email})
        pages.append(re.sub(rb'value="[^"]*"', b"", page.content))
    assert len(set(pages)) == 1


def test_the_visitors_own_opt_out(browser):
    def state(**headers):
        return browser.get("/opt-out/status.json", **headers).json()["opted_out"]

    assert state() is False
    assert state(HTTP_SEC_GPC="1") is True
    assert [state(HTTP_SEC_GPC=value) for value in ("0", "", "true")] == [False] * 3
    asked = browser.get("/opt-out/status", HTTP_ACCEPT="application/json")
    assert asked.json() == {"opted_out": False}
    assert browser.get("/opt-out/status").url == "/opt-out/"
    _fill(browser, "opt-out", "send")
    assert state() is True
    assert Client().get("/opt-out/status.json").json() == {"opted_out": False}
    assert ConsumerRequest.objects.get().kind == RequestKind.OPT_OUT


def test_pages_of_persons_are_kept_by_no_cache(waiting, mailbox, browser):
    _follow(browser, mailbox)
    for path in (_address(waiting), "/requests/l/", "/requests/received/"):
        assert "no-store" in browser.get(path).get("Cache-Control", ""), path
    assert LinkPurpose.STOP in set(waiting.links.values_list("purpose", flat=True))
