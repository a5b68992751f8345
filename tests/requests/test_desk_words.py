"""What the desks say: in words, to whom it matters, with the next step; and what they give out."""

import csv
import io
from typing import Any

import pytest
from django.utils import translation

from ccpa_office import clock
from ccpa_office.admin.book import SENTENCES, say
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import LedgerLine, StaffMember
from ccpa_office.roles import Role, Verb, holders
from requests_app import casework, correspondence, verification
from requests_app.admin import exporting, home, queue, words
from requests_app.fulfillment import lists
from requests_app.fulfillment.batches import ApprovalRefused
from requests_app.fulfillment.refusing import discard
from requests_app.models import (
    Batch,
    BatchState,
    ConsumerRequest,
    LinkAsked,
    Message,
    PlanState,
)
from tests import builders
from tests.builders import KOFI, ORLA
from tests.requests.desks import at_desk, said, somebody

pytestmark = pytest.mark.django_db
QUEUE = "/admin/requests/"


@pytest.fixture(autouse=True)
def _in_the_demo(settings: Any) -> None:
    settings.DEMO = True  # nobody in these tests has a second factor


# --- words ----------------------------------------------------------------------------------------


def test_every_letter_has_a_name_and_everybody_it_goes_to_too():
    assert set(words.LETTERS) == set(correspondence.LETTERS)
    assert {each.audience for each in correspondence.LETTERS.values()} == set(words.AUDIENCES)


@pytest.mark.parametrize("language", ["en", "ja", "es"])
def test_no_sentence_of_the_book_fails_on_a_line_without_facts(language):
    with translation.override(language):
        for verb in SENTENCES:
            assert say(verb, {"delete": 1, "mask": 2, "keep": 3} if "completed" in verb else {})


def test_a_verb_that_nobody_knows_is_said_as_it_stands():
    assert say("drill.carried-out", {}) == "Drill: carried out."


def test_the_book_says_what_happened_who_did_it_and_its_code_in_small(team):
    consumer_request = builders.ask()
    casework.assign(consumer_request, by=team.officer, at=clock.now())
    _auditor, client = somebody(Role.AUDITOR)
    page = client.get("/admin/ledger/", {"subject": consumer_request.number})
    row = page.context["rows"][0]
    assert (row["said"], row["line"].verb) == ("Took the case.", "request.assigned")
    assert row["who"] == StaffMember.objects.get(pk=team.officer.id or 0).username


def test_the_pages_of_one_subject_stay_with_it(team):
    builders.ask()
    _auditor, client = somebody(Role.AUDITOR)
    page = client.get("/admin/ledger/", {"subject": "batch:12"})
    assert page.context["keep"] == "subject=batch%3A12&"


@pytest.mark.parametrize("code", [*words.TROUBLES, "ZeroDivisionError"])
def test_a_letter_that_did_not_go_says_why_and_what_to_do(code, team):
    builders.ask()
    Message.objects.update(state="parked", error_code=code, delivery="waiting")
    letter = Message.objects.get()
    client = at_desk(team.clerk)
    trouble = words.trouble(code)
    assert trouble is not None
    listed = client.get("/admin/letters/?view=failed").context["letters"]
    assert [each["trouble"] for each in listed] == [trouble]
    shown = client.get(f"/admin/letters/{letter.pk}/").context
    assert (shown["state"], shown["trouble"]) == ("did not go", trouble)


def test_a_case_says_that_a_letter_of_it_did_not_go(team):
    consumer_request = builders.ask()
    Message.objects.update(state="parked", error_code="refused", delivery="refused")
    page = at_desk(team.clerk).get(f"{QUEUE}{consumer_request.number}/")
    assert [each["name"] for each in page.context["unsent"]] == ["receipt"]
    assert "The mail server refused this letter or its recipient." in page.content.decode()


def test_who_works_no_cases_is_shown_the_desks_and_what_they_are_for():
    _editor, client = somebody(Role.EDITOR)
    page = client.get("/admin/")
    assert page.context["has_work"] is False
    assert "Where personal information lies in your systems" in page.content.decode()


def test_the_letter_desk_speaks_no_codes(team):
    builders.ask()
    page = at_desk(team.clerk).get("/admin/letters/").content.decode()
    assert "receipt" in page
    assert "the address of the form" in page
    assert ">typed<" not in page


def test_a_stop_is_said_in_words_at_the_case(team, learners, mailbox):
    consumer_request = builders.verified(mailbox, team)
    casework.stop(consumer_request, at=clock.now())
    page = at_desk(team.approver).get(f"{QUEUE}{consumer_request.number}/")
    assert page.context["hold"] == "somebody pressed “This was not me”"
    assert "not-me" not in page.content.decode().replace("/not-me/", "")


def test_points_have_the_names_that_the_map_gives_them(team, learners, mailbox):
    consumer_request = builders.ask(ORLA)
    builders.drain()
    builders.confirm(mailbox, ORLA)
    builders.drain()
    page = at_desk(team.verifier).get(f"{QUEUE}{consumer_request.number}/")
    assert "ZIP or postal code of your address" in {row["point"] for row in page.context["points"]}


# --- what waits for me ----------------------------------------------------------------------------


def _mine(actor: Any) -> set[str]:
    facts = home.my_work(actor, clock.now())
    assert facts is not None
    return {row.number for row in facts["rows"]}


def test_what_i_have_taken_and_what_waits_for_others_is_not_what_waits_for_me(team):
    consumer_request = builders.ask()
    casework.assign(consumer_request, by=team.verifier, at=clock.now())
    facts = home.my_work(team.verifier, clock.now())
    assert facts is not None
    assert (facts["rows"], facts["taken"]) == ([], "1")


def test_what_another_verifier_has_taken_does_not_wait_for_me(team):
    consumer_request = builders.ask()
    ConsumerRequest.objects.update(status="checking")
    other = builders.actor(Role.VERIFIER)
    assert _mine(team.verifier) == _mine(other) == {consumer_request.number}
    casework.assign(consumer_request, by=other, at=clock.now())
    assert (_mine(team.verifier), _mine(other)) == (set(), {consumer_request.number})


def test_what_a_person_without_the_role_has_taken_still_waits_for_who_has_it(team):
    consumer_request = builders.ask()
    ConsumerRequest.objects.update(status="checking")
    casework.assign(consumer_request, by=team.clerk, at=clock.now())
    assert _mine(team.verifier) == {consumer_request.number}


def test_a_plan_waits_for_who_may_approve_it_and_not_for_who_verified(team, learners, mailbox):
    chief = builders.actor(Role.CHIEF)
    team.verifier = chief
    consumer_request = builders.verified(mailbox, team)
    assert builders.plan_of(consumer_request).state == PlanState.FROZEN
    assert (_mine(chief), _mine(team.approver)) == (set(), {consumer_request.number})


def test_a_denial_waits_for_another_than_who_drafted_it(team):
    consumer_request = builders.ask(kind=RequestKind.OPT_OUT)
    casework.propose_denial(
        consumer_request, ground="DEN_NOT_SELLING", exception="", words="We sell nothing.",
        by=team.counsel, at=clock.now(),
    )  # fmt: skip
    assert (_mine(team.counsel), _mine(team.approver)) == (set(), {consumer_request.number})


# --- whose turn -----------------------------------------------------------------------------------


def _turn(actor: Any, consumer_request: Any) -> Any:
    return at_desk(actor).get(f"{QUEUE}{consumer_request.number}/").context["turn"]


def test_a_case_says_whose_turn_it_is_and_gives_one_button_to_that_person(team, learners, mailbox):
    consumer_request = builders.ask(ORLA)
    assert _turn(team.clerk, consumer_request).whose == "The office's machine works on it"
    builders.drain()
    assert _turn(team.clerk, consumer_request).whose == "It is the consumer's turn"
    builders.confirm(mailbox, ORLA)
    builders.drain()
    mine, other = _turn(team.verifier, consumer_request), _turn(team.clerk, consumer_request)
    assert (mine.whose, mine.offer.deed.word) == ("It is your turn", "decide")
    assert (other.whose, other.offer) == ("It is a verifier's turn", None)
    assert mine.next == "Decide whether it is the consumer."


def test_at_a_plan_the_turn_is_the_approvers_and_its_button_opens_the_plan(team, learners, mailbox):
    consumer_request = builders.verified(mailbox, team)
    mine, other = _turn(team.approver, consumer_request), _turn(team.verifier, consumer_request)
    assert (mine.mine, other.mine) == (True, False)
    assert mine.plan == builders.plan_of(consumer_request)


def test_what_does_not_match_enough_is_asked_again(team, learners, mailbox):
    consumer_request = builders.ask(ORLA)
    builders.drain()
    builders.confirm(mailbox, ORLA, postal_code="00000", phone="000")
    builders.drain()
    assert _turn(team.verifier, consumer_request).offer.deed.word == "ask-again"


# --- lists: sorted, and as files ------------------------------------------------------------------


@pytest.mark.parametrize("order", ["due", "-due", "-received"])
def test_every_order_of_the_queue_meets_every_row_once(order, team, monkeypatch):
    monkeypatch.setattr(queue, "SIZE", 2)
    numbers = [builders.ask().number for _each in range(3)]
    numbers += [builders.ask(kind=RequestKind.OPT_IN).number for _each in range(3)]
    client, seen, after = at_desk(team.officer), [], "start"
    while after:
        page = client.get(QUEUE, {"order": order, "after": after})
        seen += [row.number for row in page.context["rows"]]
        after = page.context["page"].after
    assert sorted(seen) == sorted(numbers)
    assert seen == [
        row["number"] for row in queue.sorted_by(queue.open_rows(), order).values("number")
    ]


def test_a_list_remembers_how_it_was_sorted(team):
    first, second = builders.ask(), builders.ask()
    client = at_desk(team.officer)
    client.get("/admin/requests/", {"order": "-received"})
    rows = client.get(QUEUE).context["rows"]
    assert [row.number for row in rows] == [second.number, first.number]
    page = client.get(QUEUE, {"order": "junk"}).content.decode()
    assert 'aria-sort="descending"' in page


FILES = {
    "/admin/requests/export/": "requests",
    "/admin/letters/export/": "letters",
    "/admin/batches/export/": "batches",
}


def _file(answer: Any) -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("address", FILES)
def test_a_list_goes_out_as_a_file_with_a_purpose_and_a_line_in_the_book(address, team):
    consumer_request = builders.ask(ORLA)
    answer = at_desk(team.officer).post(address, {"purpose": "audit"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert FILES[address] in answer.headers["Content-Disposition"]
    rows = _file(answer)
    wanted = {"requests": 2, "letters": 2, "batches": 1}[FILES[address]]
    assert len(rows) == wanted
    assert consumer_request.public_number in str(rows) or wanted == 1 or "letters" in address
    assert ORLA not in str(rows)
    line = LedgerLine.objects.get(verb="list.exported")
    assert (line.actor, line.subject) == (team.officer.label, "office")
    assert '"purpose":"audit"' in line.body.replace(" ", "")


@pytest.mark.parametrize("address", FILES)
def test_no_file_goes_out_without_a_purpose(address, team):
    page = at_desk(team.officer).post(address, {"purpose": ""}, follow=True)
    assert said(page) == ["Choose something for “Purpose”."]
    assert not LedgerLine.objects.filter(verb="list.exported").exists()


@pytest.mark.parametrize("role", Role)
def test_a_file_takes_the_role_for_it(role, team):
    _actor, client = somebody(role)
    answer = client.post("/admin/requests/export/", {"purpose": "audit"})
    allowed = role in holders(Verb.EXPORT) and role in holders(Verb.SEE_CASES)
    assert answer.status_code == (200 if allowed else 403)
    assert client.get("/admin/requests/export/").status_code == 405


def test_a_file_holds_the_view_that_stands_open(team):
    builders.ask()
    wanted = builders.ask(kind=RequestKind.OPT_OUT)
    answer = at_desk(team.officer).post(f"{FILE_OF_VIEW}", {"purpose": "work"})
    assert [row[0] for row in _file(answer)[1:]] == [wanted.public_number]


FILE_OF_VIEW = "/admin/requests/export/?view=by-hand"


@pytest.mark.parametrize("start", list("=+-@\t\r＝＋－＠"))
def test_no_cell_is_a_formula(start):
    assert exporting.cell(f"{start}1+1") == f"'{start}1+1"


def test_plain_cells_stay_as_they_are():
    day = clock.today()
    assert [exporting.cell(each) for each in ("a=b", 7, None, day)] == [
        "a=b", "7", "", day.isoformat(),
    ]  # fmt: skip


# --- ways out -------------------------------------------------------------------------------------


def test_links_that_gave_up_are_sent_from_the_letter_desk(team):
    consumer_request = builders.ask(ORLA)
    verification.ask_follow_link(consumer_request.number, ORLA, at=clock.now())
    client = at_desk(team.clerk)
    assert client.get("/admin/letters/").context["chores"] == []
    LinkAsked.objects.update(state="parked", error_code="worn_out", attempts=5)
    lamp = client.get("/admin/").content.decode()
    assert 'href="/admin/letters/">1 piece waits for a person' in lamp
    page = client.post("/admin/letters/do/links/", follow=True)
    assert said(page) == ["Tried again: 1."]
    builders.drain()
    assert not LinkAsked.objects.exists()
    assert Message.objects.filter(letter="follow").exists()
    assert LedgerLine.objects.filter(verb="work.retried", subject="office").count() == 1


def test_the_lamp_of_work_leads_where_it_can_be_tried_again(team):
    builders.ask()
    builders.ask()
    step = ConsumerRequest.objects.first()
    assert step is not None
    step.work.update(state="parked", error_code="worn_out")
    page = at_desk(team.clerk).get("/admin/").content.decode()
    assert 'href="/admin/requests/?view=parked">1 piece waits for a person' in page
    _editor, client = somebody(Role.EDITOR)
    assert "<span>1 piece waits for a person</span>" in client.get("/admin/").content.decode()


def test_a_list_whose_planning_broke_off_is_thrown_away_at_the_desk(team, learners, monkeypatch):
    def die(*_all: Any, **_more: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(lists, "close_gathering", die)
    batch = lists.open_list("learners", ["email", ORLA], by=team.officer, at=clock.now()).batch
    assert batch.state == BatchState.GATHERING
    client = at_desk(team.officer)
    page = client.get(f"/admin/batches/{batch.pk}/")
    assert [offer.deed.word for offer in page.context["offers"]] == ["discard"]
    client.post(f"/admin/batches/{batch.pk}/discard/")
    batch.refresh_from_db()
    assert (batch.state, batch.stop_reason) == (BatchState.STOPPED, "discarded")
    assert list(batch.chunks.values_list("stage", flat=True)) == ["done"]
    assert not batch.chunks.exclude(plans=None, listed=None).exists()
    with pytest.raises(ApprovalRefused):
        discard(batch, by=team.officer, at=clock.now())


def test_who_still_reads_a_list_that_was_thrown_away_finds_out(team, learners, monkeypatch):
    write_down = lists._write_down

    def thrown_away_meanwhile(batch: Batch, *args: Any, **more: Any) -> None:
        write_down(batch, *args, **more)
        discard(batch, by=team.officer, at=clock.now())

    monkeypatch.setattr(lists, "_write_down", thrown_away_meanwhile)
    with pytest.raises(lists.ListRefused):
        lists.open_list("learners", ["email", ORLA, KOFI], by=team.officer, at=clock.now())
    assert Batch.objects.get().state == BatchState.STOPPED
