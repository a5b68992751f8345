"""The desks of requests: who sees what, what a button does, what a refusal says."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ccpa_office import clock, staff
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import LedgerLine, StaffMember
from ccpa_office.roles import Role, Verb, holders
from requests_app import correspondence, tasks
from requests_app.admin import queue
from requests_app.admin.queue_views import VIEWS
from requests_app.models import Message, Status
from tests import builders
from tests.builders import ORLA
from tests.requests.desks import at_desk, said, somebody

pytestmark = pytest.mark.django_db

QUEUE = "/admin/requests/"
PASSWORD = "a long pass phrase of mine"
LISTS = [
    "/admin/",
    QUEUE,
    "/admin/plans/",
    "/admin/plans/?all=1",
    "/admin/batches/",
    "/admin/letters/",
    "/admin/letters/?view=failed",
    "/admin/ledger/",
    "/admin/intake/",
    "/admin/staff/",
    "/admin/clock/",
]


@pytest.fixture(autouse=True)
def _in_the_demo(settings: Any) -> None:
    settings.DEMO = True  # nobody in these tests has a second factor


def case(consumer_request: Any, deed: str = "") -> str:
    return f"{QUEUE}{consumer_request.number}/{deed + '/' if deed else ''}"


@pytest.mark.parametrize("role", Role)
def test_every_desk_opens_for_the_roles_that_it_is_for_and_for_no_other(role, team):
    builders.ask()
    _actor, client = somebody(role)
    answers = {address: client.get(address).status_code for address in LISTS}
    sees = {
        QUEUE: Verb.SEE_CASES,
        "/admin/plans/": Verb.SEE_CASES,
        "/admin/plans/?all=1": Verb.SEE_CASES,
        "/admin/letters/": Verb.SEE_LETTERS,
        "/admin/letters/?view=failed": Verb.SEE_LETTERS,
        "/admin/ledger/": Verb.SEE_LEDGER,
        "/admin/intake/": Verb.INTAKE,
        "/admin/clock/": Verb.CONFIRM_CLOCK,
    }
    several = {
        "/admin/batches/": (Verb.RUN_BATCH, Verb.STOP_BATCH, Verb.APPROVE_BATCH),
        "/admin/staff/": (Verb.MANAGE_STAFF, Verb.CONFIRM_STAFF),
    }
    expected = {address: 200 if role in holders(verb) else 403 for address, verb in sees.items()}
    expected |= {
        address: 200 if any(role in holders(verb) for verb in verbs) else 403
        for address, verbs in several.items()
    }
    assert answers == {"/admin/": 200, **expected}


def test_a_superuser_without_a_role_sees_and_does_nothing(team):
    consumer_request = builders.ask()
    actor, before = somebody()
    StaffMember.objects.filter(pk=actor.id or 0).update(is_superuser=True)
    assert before.get("/admin/").status_code == 302  # touched since this session began
    client = at_desk(actor)
    home = client.get("/admin/")
    assert consumer_request.public_number not in home.content.decode()
    assert {client.get(address).status_code for address in LISTS[1:]} == {403}
    assert client.post(case(consumer_request, "take")).status_code == 403


@pytest.mark.parametrize("view", [*VIEWS, "junk"])
def test_each_view_of_the_queue_asks_the_database_as_often_for_three_rows_as_for_one(view, team):
    client = at_desk(team.chief)
    address = f"{QUEUE}?view={view}"
    client.get(address)
    counts = []
    for _more in range(2):
        builders.ask()
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get(address).status_code == 200
        counts.append(len(seen))
        builders.ask()
    assert counts[0] == counts[1]


@pytest.mark.parametrize("address", LISTS)
def test_each_list_asks_the_database_as_often_for_three_rows_as_for_one(address, team):
    client = at_desk(team.chief)
    builders.ask()
    client.get(address)
    with CaptureQueriesContext(connection) as one:
        client.get(address)
    builders.ask()
    builders.ask()
    builders.actor(Role.CLERK)
    with CaptureQueriesContext(connection) as three:
        client.get(address)
    assert len(one) == len(three)


def test_the_queue_shows_a_sender_only_masked(team):
    consumer_request = builders.ask(ORLA)
    page = at_desk(team.officer).get(QUEUE).content.decode()
    assert consumer_request.public_number in page
    assert ORLA not in page
    assert "o•••@e•••.org" in page


def test_pages_of_the_queue_go_by_key_and_meet_every_row_once(team, monkeypatch):
    monkeypatch.setattr(queue, "SIZE", 2)
    numbers = [builders.ask().number for _each in range(4)]
    numbers.append(builders.ask(kind=RequestKind.OPT_IN).number)
    client, seen, address = at_desk(team.officer), [], QUEUE
    while address:
        page = client.get(address)
        seen += [row.number for row in page.context["rows"]]
        after = page.context["page"].after
        address = f"{QUEUE}?after={after}" if after else ""
    assert seen == numbers


@pytest.mark.parametrize("junk", ["x", "2026-13-01.5", ".", "9" * 40, "2026-01-01.-1"])
def test_a_junk_mark_is_the_first_page(junk, team):
    builders.ask()
    page = at_desk(team.officer).get(QUEUE, {"after": junk})
    assert (page.status_code, len(page.context["rows"])) == (200, 1)


def test_a_number_is_found_in_whatever_way_it_is_typed(team):
    consumer_request = builders.ask()
    client = at_desk(team.officer)
    answer = client.post(f"{QUEUE}search/", {"q": f" {consumer_request.public_number.lower()} "})
    assert answer.headers["Location"] == case(consumer_request)
    listed = client.get(QUEUE, {"q": consumer_request.public_number})
    assert [row.number for row in listed.context["rows"]] == [consumer_request.number]


def test_an_address_is_looked_up_by_its_digest_and_the_book_says_that_somebody_looked(team):
    consumer_request = builders.ask(ORLA)
    page = at_desk(team.verifier).post(f"{QUEUE}search/", {"q": ORLA.upper()})
    assert [row.number for row in page.context["rows"]] == [consumer_request.number]
    line = LedgerLine.objects.get(verb="identity.searched")
    assert (line.actor, ORLA in line.body) == (team.verifier.label, False)


def test_who_may_not_see_identities_cannot_ask_whether_an_address_is_known(team):
    builders.ask(ORLA)
    page = at_desk(team.officer).post(f"{QUEUE}search/", {"q": ORLA}, follow=True)
    assert said(page) == ["Looking people up needs a role that may see identities."]


def test_looking_at_an_identity_takes_a_purpose_and_leaves_a_line(team):
    consumer_request = builders.ask(ORLA)
    client = at_desk(team.verifier)
    without = client.post(case(consumer_request, "identity"), {"purpose": ""})
    assert ORLA not in without.content.decode()
    assert not LedgerLine.objects.filter(verb="identity.seen").exists()
    opened = client.post(case(consumer_request, "identity"), {"purpose": "verify"})
    assert ORLA in opened.content.decode()
    assert ORLA not in client.get(case(consumer_request)).content.decode()
    assert LedgerLine.objects.filter(verb="identity.seen").count() == 1


def test_reading_the_texts_of_a_case_takes_a_purpose_and_leaves_a_line(team):
    consumer_request = builders.ask(ORLA)
    page = at_desk(team.clerk).post(case(consumer_request, "texts"), {"purpose": "answer"})
    assert consumer_request.public_number in page.content.decode()
    assert LedgerLine.objects.filter(verb="texts.seen", actor=team.clerk.label).count() == 1


def test_nothing_changes_by_looking(team):
    consumer_request = builders.ask()
    client = at_desk(team.chief)
    addresses = [
        reverse(f"admin:requests_app_consumerrequest_{word}", args=[consumer_request.number])
        for word in ("take", "identity", "extend", "close", "deny")
    ]
    assert {client.get(address).status_code for address in addresses} == {405}


def test_a_case_is_taken_with_one_press(team):
    consumer_request = builders.ask()
    page = at_desk(team.officer).post(case(consumer_request, "take"), follow=True)
    assert said(page) == ["The case is yours."]
    assert builders.fresh(consumer_request).assigned_to_id == team.officer.id


def test_a_move_that_the_level_of_identity_forbids_stays_on_the_page_and_says_why(
    team, learners, mailbox
):
    consumer_request = builders.ask(ORLA)
    builders.drain()
    builders.confirm(mailbox, ORLA, postal_code="00000", phone="000")
    builders.drain()
    page = at_desk(team.verifier).get(case(consumer_request))
    why = {offer.deed.word: offer.why_not for offer in page.context["offers"]}
    assert why["decide"].startswith("What matched gives: not verified.")
    refused = at_desk(team.verifier).post(
        case(consumer_request, "decide"), {"reason": "a hunch"}, follow=True
    )
    assert said(refused) == ["Not verified; needed: Reasonable degree of certainty."]


def test_the_verifier_reads_why_another_person_approves(team, learners, mailbox):
    chief, client = somebody(Role.CHIEF)
    team.verifier = chief
    consumer_request = builders.verified(mailbox, team)
    plan = builders.plan_of(consumer_request)
    address = f"/admin/plans/{plan.pk}/"
    why = {o.deed.word: o.why_not for o in client.get(address).context["offers"]}
    assert why["approve"] == "You verified this request; another person approves it."
    page = client.post(f"{address}approve/", {"hash": plan.hash}, follow=True)
    assert said(page) == ["You verified this request; another person approves it."]
    assert builders.fresh(consumer_request).status == Status.PLANNED


def test_a_plan_is_approved_by_its_hash_and_its_page_says_what_will_happen(team, learners, mailbox):
    consumer_request = builders.verified(mailbox, team)
    plan = builders.plan_of(consumer_request)
    client, address = at_desk(team.approver), f"/admin/plans/{plan.pk}/"
    page = client.get(address)
    assert re.match(r"\d+ rows in \d+ tables go\.", page.context["sentences"][0])
    stale = client.post(f"{address}approve/", {"hash": "0" * 64}, follow=True)
    assert said(stale) == ["The plan has changed since you opened it. Read the new one."]
    done = client.post(f"{address}approve/", {"hash": plan.hash}, follow=True)
    assert said(done) == [
        "Approved. The consumer is told, and can still stop it until it is carried out."
    ]
    assert builders.fresh(consumer_request).status == Status.APPROVED


def test_a_dry_run_shows_masked_rows_and_statements(team, learners, mailbox):
    plan = builders.plan_of(builders.verified(mailbox, team))
    page = at_desk(team.approver).post(f"/admin/plans/{plan.pk}/dry-run/")
    assert page.context["dry_run"].tables
    assert ORLA not in page.content.decode()


def test_an_old_proof_of_who_sits_there_is_asked_for_again_before_an_approval(
    team, learners, mailbox
):
    plan = builders.plan_of(builders.verified(mailbox, team))
    member = StaffMember.objects.get(pk=team.approver.id or 0)
    staff.set_password(member, PASSWORD, team.approver, clock.now())
    client = at_desk(team.approver)
    session = client.session
    session["account_authentication_methods"][0]["at"] -= 601
    session.save()
    answer = client.post(f"/admin/plans/{plan.pk}/approve/", {"hash": plan.hash})
    to = answer.headers["Location"]
    assert (to.partition("?")[0], plan.approvals.count()) == ("/accounts/reauthenticate/", 0)
    wrong = client.post(to, {"password": "not this one, sorry"})
    assert (wrong.status_code, plan.approvals.count()) == (200, 0)
    client.post(to, {"password": PASSWORD, "next": f"/admin/plans/{plan.pk}/approve/"})
    assert plan.approvals.count() == 1


def test_a_request_is_taken_in_at_the_desk_and_its_clerk_is_named(team):
    client = at_desk(team.clerk)
    nonce = client.get("/admin/intake/").context["chores"][0].form["nonce"].value()
    typed = {
        "nonce": nonce, "kind": "delete", "channel": "phone", "language": "es",
        "name": "Orla Dunmarrow", "email": ORLA, "phone_number": "", "words": "Called.",
    }  # fmt: skip
    first = client.post("/admin/intake/do/take-in/", typed)
    second = client.post("/admin/intake/do/take-in/", typed)
    assert first.headers["Location"] == second.headers["Location"]
    number = first.headers["Location"].split("/")[-2]
    taken = queue.by_number(number).get()
    assert (taken.channel, taken.language, taken.opened_by_id) == ("phone", "es", team.clerk.id)


def test_an_intake_without_anybody_to_find_is_refused_with_its_words_kept(team):
    client = at_desk(team.clerk)
    nonce = client.get("/admin/intake/").context["chores"][0].form["nonce"].value()
    page = client.post("/admin/intake/do/take-in/", {"nonce": nonce, "words": "Called."})
    assert page.status_code == 200
    assert "Called." in page.content.decode()


def test_a_denial_needs_two_people(team):
    consumer_request = builders.ask(kind=RequestKind.OPT_OUT)
    counsel = at_desk(team.counsel)
    typed = {"ground": "DEN_NOT_SELLING", "exception": "", "words": "We sell nothing."}
    counsel.post(case(consumer_request, "deny"), typed)
    own = counsel.post(case(consumer_request, "approve-denial"), follow=True)
    assert said(own)[-1] == "You drafted this denial; another person approves it."
    at_desk(team.approver).post(case(consumer_request, "approve-denial"))
    assert builders.fresh(consumer_request).status == Status.DENIED


def test_a_case_is_closed_by_hand_with_its_answer(team):
    consumer_request = builders.ask(kind=RequestKind.OPT_OUT)
    at_desk(team.officer).post(
        case(consumer_request, "close"), {"outcome": "complied", "words": "Done."}
    )
    assert builders.fresh(consumer_request).outcome == "complied"


def test_extending_twice_is_refused_in_words(team):
    consumer_request = builders.ask()
    client = at_desk(team.officer)
    client.post(case(consumer_request, "extend"), {"reason": "Many systems."})
    page = client.post(case(consumer_request, "extend"), {"reason": "Again."}, follow=True)
    assert said(page)[-1] == ("An extension is possible once, and only in the first 45 days.")


def test_a_failed_letter_is_sent_again_and_a_sound_one_is_not(team):
    builders.ask()
    letter = Message.objects.get()
    client = at_desk(team.clerk)
    page = client.post(f"/admin/letters/{letter.pk}/release/", follow=True)
    assert said(page) == ["This letter has not failed."]
    Message.objects.update(state="parked", error_code="refused", delivery="refused")
    client.post(f"/admin/letters/{letter.pk}/release/")
    letter.refresh_from_db()
    assert (letter.state, letter.delivery) == ("ready", "waiting")


def test_a_letter_is_read_with_a_purpose(team):
    builders.ask(ORLA)
    letter = Message.objects.get()
    client = at_desk(team.clerk)
    assert ORLA not in client.get(f"/admin/letters/{letter.pk}/").content.decode()
    page = client.post(f"/admin/letters/{letter.pk}/read/", {"purpose": "answer"})
    assert ORLA in page.content.decode()
    assert LedgerLine.objects.filter(verb="letter.read").count() == 1


def test_no_letter_shows_staff_what_opens_a_request(team, mailbox):
    consumer_request = builders.ask(ORLA)
    letter = Message.objects.get()
    (token,) = builders.tokens(correspondence.words_of(letter).text)
    client = at_desk(team.clerk)
    for _when in ("it waits", "it was sent"):
        for address in (f"/admin/letters/{letter.pk}/read/", case(consumer_request, "texts")):
            shown = client.post(address, {"purpose": "answer"}).content.decode()
            assert (token in shown, "/requests/l/…/" in shown) == (False, True)
        tasks.drain_mail()
    assert token in mailbox.last(ORLA)


def test_the_switch_stops_every_erasure_and_says_so(team):
    client = at_desk(team.officer)
    page = client.post("/admin/batches/do/stop/", {"reason": "A drill."}, follow=True)
    assert said(page) == ["Every erasure of the office stands still."]
    assert [offer.deed.word for offer in page.context["chores"]] == ["run", "allow"]


@pytest.mark.parametrize(
    "address",
    [
        f"{QUEUE}junk/",
        f"{QUEUE}7K3M92QX4TD/",
        f"{QUEUE}1/change/",
        f"{QUEUE}add/",
        "/admin/plans/x/",
        "/admin/plans/99999999999999999999/",
        "/admin/batches/0/",
        "/admin/letters/-1/",
        "/admin/auth/group/",
        "/admin/ccpa_office/staffmember/add/",
        "/admin/account/emailaddress/",
        "/admin/mfa/authenticator/",
        "/admin/jsi18n/",
        "/admin/autocomplete/",
        "/admin/r/1/1/",
    ],
)
def test_addresses_that_change_rows_or_are_junk_do_not_exist(address, team):
    assert at_desk(team.chief).get(address).status_code == 404


@pytest.mark.parametrize(
    "extra",
    [
        {"action": "delete_selected", "_selected_action": ["1", "x", "-5"]},
        {"form-TOTAL_FORMS": "1000000000", "form-INITIAL_FORMS": "-1", "_save": "1"},
        {"_popup": "1", "_to_field": "password", "_saveasnew": "1"},
    ],
)
def test_what_the_stock_admin_would_act_on_is_not_taken(extra, team):
    consumer_request = builders.ask()
    client = at_desk(team.chief)
    answers = [
        client.post(address, extra).status_code for address in [*LISTS, case(consumer_request)]
    ]
    assert set(answers) == {405} | ({200} if 200 in answers else set())
