"""What the newer desks say comes next, and that they say it in words, on a phone too."""

import re
from pathlib import Path

import pytest
from django.conf import settings as office
from django.test import Client
from django.utils import translation

from ccpa_office import clock
from ccpa_office.admin.book import SENTENCES, about
from ccpa_office.models import StaffMember
from notices_app.admin import book as book_of_notices
from requests_app.admin import book_outside, home, words
from requests_app.admin.outside_words import call_words, why_of
from requests_app.fulfillment import access
from requests_app.models import (
    Batch,
    BatchState,
    Chunk,
    OutsideCall,
    OutsideLook,
    Package,
    Switch,
)
from requests_app.outside_forms import in_words
from tests.fulfillment import outsiders
from tests.fulfillment.knowing import built, package_of, verified_to_know
from tests.requests.desks import at_desk, said

pytestmark = pytest.mark.django_db
BASE = Path(office.BASE_DIR)
CALL = re.compile(
    r'\b(?:record|record_many|_say|_?note)\(\s*(?:[\w.\[\]]+,\s*)?"([a-z-]+\.[a-z_-]+)"'
)

PAGES = [
    *(BASE / "templates" / "admin").rglob("*.html"),
    *(BASE / "templates" / "requests" / "package").glob("*.html"),
]
MUTE = r"<td(?![^>]*data-label)[^>]*>(?!</td>)"


@pytest.fixture(autouse=True)
def _in_the_demo(settings, tmp_path):
    settings.DEMO = True  # nobody in these tests has a second factor
    settings.PACKAGE_DIR = tmp_path / "packages"


# --- words --------------------------------------------------------------------------------------


def test_every_verb_of_the_book_has_a_sentence():
    rooms = [
        room for app in ("ccpa_office", "notices_app", "requests_app")
        for room in (BASE / app).rglob("*.py")
    ]  # fmt: skip
    verbs = {verb for room in rooms for verb in CALL.findall(room.read_text("utf-8"))}
    assert {"outside.asked", "part.asked", "system.secret", "request.received"} <= verbs
    assert {book_of_notices, book_outside}  # they have said theirs
    assert verbs - set(SENTENCES) == set()


def test_a_list_of_the_platform_is_no_number_of_a_request():
    assert about("drop:3", {}) == "List 3 of the deletion platform"


def test_by_what_somebody_is_known_is_said_in_words():
    asked = [("email", "a@example.org"), ("phone_number", "1"), ("library_card", "2")]
    assert [kind for kind, _value in in_words(asked)] == [
        "E-mail address", "Telephone", "library card",
    ]  # fmt: skip
    with translation.override("ja"):
        assert in_words([("name", "x")]) == [("名前", "x")]


@pytest.mark.parametrize("code", ["cut", "at-once", "no-ticket", "too-deep", "nothing-to-ask-by"])
def test_why_a_system_outside_stands_still_is_no_code(code):
    assert code not in why_of(code)


def test_a_code_that_nobody_foresaw_stays_beside_its_words():
    assert why_of("ZeroDivisionError") == f"{words.UNKNOWN.why} (ZeroDivisionError)"
    assert why_of("") == ""


def test_what_a_call_came_to_is_said_in_words():
    assert call_words(OutsideCall(means="later", code="slow")) == (
        "they asked us to come later (they answered too slowly)"
    )
    assert call_words(OutsideCall(means="refused", code="refused")) == "they refused it"
    assert call_words(OutsideCall()) == "no answer yet"


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda each: each.name)
def test_every_cell_of_a_card_says_what_it_is(page):
    tables = re.findall(r'<table class="cards".*?</table>', page.read_text("utf-8"), re.DOTALL)
    rows = [row for table in tables for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)]
    cells = [re.sub(r"^<tr[^>]*>\s*<td", "", row) for row in rows]  # the first one is the head
    mute = [each for row in cells for each in re.findall(MUTE, row)]
    assert mute == []


# --- packages -----------------------------------------------------------------------------------


def _turn(actor, package):
    return at_desk(actor).get(f"/admin/requests/{package.consumer_request.number}/").context["turn"]


def _waits_for(actor):
    facts = home.my_work(actor, clock.now())
    assert facts is not None
    return [row.number for row in facts["rows"]]


def test_a_case_to_know_leads_to_its_package_whoever_is_next(learners, mailbox, team):
    package = built(mailbox, team, learners)
    officer, approver = _turn(team.officer, package), _turn(team.approver, package)
    assert (officer.mine, officer.package, officer.offer) == (True, package, None)
    assert officer.next == "Look through the package, then say that it may go."
    assert (approver.mine, approver.whose) == (False, "It is an officer's turn")
    assert _waits_for(team.approver) == []
    access.propose(package, hash=package.hash, by=team.officer, at=clock.now())
    actors = team.approver, team.officer, team.verifier
    assert [_turn(actor, package).mine for actor in actors] == [True, False, False]
    assert _waits_for(team.approver) == [package.consumer_request.number]


def test_a_package_that_the_machine_gave_up_on_is_somebodys_work(learners, mailbox, team):
    asked = verified_to_know(mailbox, team, learners)
    waiting = package_of(asked)
    assert _turn(team.officer, waiting).whose == "The office's machine works on it"
    desk = at_desk(team.officer)
    assert desk.get("/admin/packages/").context["packages"] == []
    Package.objects.update(state="parked", error_code="ZeroDivisionError", attempts=5)
    assert desk.get("/admin/packages/").context["packages"] == [waiting]
    page = desk.get(f"/admin/packages/{waiting.pk}/").content.decode()
    assert str(words.UNKNOWN.cure) in page
    turn = _turn(team.officer, waiting)
    assert (turn.mine, turn.next.partition(".")[0]) == (True, "Collecting gave up")
    lamp = 'href="/admin/requests/?view=parked">1 piece waits for a person'
    assert lamp in desk.get("/admin/").content.decode()
    rows = desk.get("/admin/requests/", {"view": "parked"}).context["rows"]
    assert [row.number for row in rows] == [asked.number]


# --- batches ------------------------------------------------------------------------------------


def test_a_batch_that_waits_for_a_system_outside_says_so_and_leads_there(team):
    at = clock.now()
    batch = Batch.objects.create(
        kind=Batch.Kind.DUE, system_key="paper", state=BatchState.RUNNING, people=1, ceiling=5,
        approvals_needed=0, hash="", opened_at=at,
    )  # fmt: skip
    chunk = Chunk.objects.create(
        batch=batch, ordinal=1, people=1, lane="erase", not_before=at, stage=Chunk.Stage.ERASE
    )
    desk, where = at_desk(team.officer), f"/admin/batches/{batch.pk}/"
    assert desk.get(where).context["standing"] == "It works by itself. Nothing is to be done."
    Switch.objects.create(pk=1, stopped=True, at=at, reason="A drill.")
    assert "stands still" in desk.get(where).context["standing"]
    Switch.objects.all().delete()
    Chunk.objects.filter(pk=chunk.pk).update(state="parked", error_code="outside")
    page = desk.get(where)
    assert page.context["standing"] == "Part of it waits for a person: see below."
    assert [each.what for each in page.context["parked"]] == ["Chunk 1"]
    assert "A system outside waits for a person." in page.content.decode()
    assert '<a href="/admin/outside/">Outside systems</a>' in page.content.decode()


# --- systems outside ----------------------------------------------------------------------------


def test_a_task_of_a_colleague_stands_at_the_desk_and_at_their_home(
    learners, mailbox, team, at_once
):
    name = StaffMember.objects.get(pk=team.officer.id or 0).username
    outsiders.register(team, "paper", f"staff:{name}", outsiders.MANUAL, "manual")
    task = outsiders.task_of(outsiders.carried_out(mailbox, team))
    desk = at_desk(team.officer)
    assert (task.state, task.assigned_to_id) == ("ready", team.officer.id)
    assert [each[0] for each in desk.get("/admin/outside/").context["tasks"]] == [task]
    counts = [
        (home.my_work(actor, clock.now()) or {})["outside"] for actor in (team.officer, team.clerk)
    ]
    assert counts == [1, 0]
    task.plan.refresh_from_db()
    look = OutsideLook.objects.create(
        task=task, day=7, lane="prove", not_before=clock.now(), state="parked", error_code="refused"
    )
    assert 'href="/admin/outside/">1 piece waits' in desk.get("/admin/").content.decode()
    page = desk.get(f"/admin/outside/{task.pk}/")
    assert "they refused it" in page.content.decode()
    assert page.context["next"].startswith("Do it there by hand, then answer here.")
    page = desk.post(f"/admin/outside/{task.pk}/look-again/", follow=True)
    assert said(page) == ["Tried again: 1."]
    look.refresh_from_db()
    assert (look.state, look.error_code) == ("ready", "")
    page = desk.post(f"/admin/outside/{task.pk}/look-again/", follow=True)
    assert said(page) == ["No later look at this system stands still."]


# --- languages ----------------------------------------------------------------------------------


def test_a_desk_and_the_sign_in_lead_to_themselves_in_each_language(team):
    desk = at_desk(team.officer)
    page = desk.get("/ja/admin/packages/").content.decode()
    assert '<a href="/admin/packages/" lang="en"' in page
    assert '<a href="/es/admin/packages/" lang="es"' in page
    assert (
        '<a href="/ja/accounts/login/" lang="ja"'
        in Client().get("/accounts/login/").content.decode()
    )
