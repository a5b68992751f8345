"""What people decide: more time, a denial, a stop released, a case closed by hand."""

from datetime import timedelta

import pytest

from ccpa_office import clock, staff
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, NotAllowed, Role, TouchedAccount
from requests_app import casework, correspondence, tasks, verification
from requests_app.casework import ApprovalRefused, GroundMissing, TooLate
from requests_app.models import Link, Message, Note, Outcome, Status
from requests_app.workflow import MoveNotAllowed
from tests.builders import KOFI, ORLA, actor, ask, fresh
from tests.steps import by_sql, checked, days_after, decided, lines

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
KNOW = RequestKind.KNOW_CATEGORIES
EXCEPTION = {"ground": "DEN_EXCEPTION", "exception": "DX_8", "words": "Tax law."}


def _roles(team, *allowed):
    everybody = {"clerk", "verifier", "officer", "approver", "counsel", "editor", "chief"}
    return [getattr(team, name) for name in sorted(everybody - set(allowed))]


# --- more time ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "allowed"), [(0, True), (44, True), (45, True), (46, False)])
def test_time_is_extended_in_the_first_45_days(day, allowed, team):
    consumer_request = ask(ORLA)
    at = days_after(consumer_request.received_at, day)
    if not allowed:
        with pytest.raises(TooLate):
            casework.extend(consumer_request, reason="more", by=team.officer, at=at)
        assert fresh(consumer_request).due_on == consumer_request.response_due_on
        return
    casework.extend(consumer_request, reason="Two more systems", by=team.officer, at=at)
    extended = fresh(consumer_request)
    assert (extended.due_on, extended.extended_at) == (extended.extended_due_on, at)
    assert extended.due_on is not None
    assert extended.due_on - extended.received_on == 90 * DAY
    assert lines(extended.number)[-1] == "request.extended"
    (letter,) = Message.objects.filter(letter="extension")
    assert "Two more systems" in correspondence.words_of(letter).text


def test_time_is_extended_once(team):
    consumer_request = ask(ORLA)
    stale = fresh(consumer_request)
    casework.extend(consumer_request, reason="more", by=team.officer, at=clock.now())
    for copy in (fresh(consumer_request), stale):
        with pytest.raises(TooLate):
            casework.extend(copy, reason="still more", by=team.officer, at=clock.now())
    assert Message.objects.filter(letter="extension").count() == 1


def test_time_is_not_extended_without_reason_role_or_duty(team):
    consumer_request = ask(ORLA)
    for reason in ("", "  \n"):
        with pytest.raises(GroundMissing):
            casework.extend(consumer_request, reason=reason, by=team.officer, at=clock.now())
    for each in _roles(team, "officer", "counsel", "chief"):
        with pytest.raises(NotAllowed):
            casework.extend(consumer_request, reason="x", by=each, at=clock.now())
    opted = ask("x@example.org", kind=RequestKind.OPT_OUT)
    with pytest.raises(TooLate):
        casework.extend(opted, reason="x", by=team.officer, at=clock.now())
    casework.withdraw(consumer_request, by=Actor.consumer(), at=clock.now())
    with pytest.raises(TooLate):
        casework.extend(fresh(consumer_request), reason="x", by=team.officer, at=clock.now())


# --- denial -------------------------------------------------------------------------------------


def _propose(consumer_request, by, **facts):
    return casework.propose_denial(consumer_request, by=by, at=clock.now(), **(EXCEPTION | facts))


@pytest.mark.parametrize(
    "facts",
    [
        {"ground": ""}, {"ground": "DEN_INVENTED"}, {"ground": "DEN_NOT_SELLING"},
        {"exception": ""}, {"exception": "GX_q2"}, {"exception": "DX_9"}, {"words": " "},
    ],
)  # fmt: skip
def test_a_denial_needs_an_open_ground_its_exception_and_its_words(facts, mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    with pytest.raises(GroundMissing):
        _propose(consumer_request, team.counsel, **facts)
    assert fresh(consumer_request).status == Status.CHECKING


def test_a_denial_takes_two_people(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    for each in _roles(team, "counsel", "chief"):
        with pytest.raises(NotAllowed):
            _propose(consumer_request, each)
    _propose(consumer_request, team.counsel)
    with pytest.raises(ApprovalRefused):
        casework.approve_denial(fresh(consumer_request), by=team.counsel, at=clock.now())
    for each in (team.clerk, team.verifier, team.officer, team.editor):
        with pytest.raises(NotAllowed):
            casework.approve_denial(fresh(consumer_request), by=each, at=clock.now())
    casework.approve_denial(fresh(consumer_request), by=team.approver, at=clock.now())
    denied = fresh(consumer_request)
    assert (denied.status, denied.outcome, denied.ground, denied.exception) == (
        Status.DENIED, Outcome.DENIED, "DEN_EXCEPTION", "DX_8",
    )  # fmt: skip
    assert lines(denied.number)[-2:] == ["request.denying", "request.denied"]


def test_an_old_page_does_not_let_anybody_approve_the_own_draft(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    other = actor(Role.COUNSEL)
    _propose(consumer_request, other)
    stale = fresh(consumer_request)
    casework.refuse_denial(fresh(consumer_request), reason="no", by=team.approver, at=clock.now())
    _propose(fresh(consumer_request), team.counsel)
    with pytest.raises(ApprovalRefused):
        casework.approve_denial(stale, by=team.counsel, at=clock.now())


def test_a_denial_voids_the_plan_when_it_is_approved(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    _propose(consumer_request, team.counsel)
    plan = consumer_request.plans.get()
    assert plan.state == "frozen"
    casework.approve_denial(fresh(consumer_request), by=team.approver, at=clock.now())
    plan.refresh_from_db()
    assert plan.state == "void"


def test_a_plan_under_a_denial_in_draft_cannot_begin_its_cool_off(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    _propose(consumer_request, team.counsel)
    plan = consumer_request.plans.get()
    with pytest.raises(MoveNotAllowed):
        casework.approve(plan, hash=plan.hash, by=team.approver, at=clock.now())
    assert not plan.approvals.exists()


def test_refusing_a_plan_takes_no_denial_back(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    plan = consumer_request.plans.get()
    _propose(consumer_request, team.counsel)
    with pytest.raises(MoveNotAllowed):
        casework.refuse(plan, reason="x", by=team.approver, at=clock.now())
    plan.refresh_from_db()
    assert (fresh(consumer_request).status, plan.state) == (Status.DENYING, "frozen")


@pytest.mark.parametrize(
    ("make", "back"),
    [
        ("waiting", Status.CHECKING), ("checking", Status.CHECKING), ("planned", Status.PLANNED),
        ("verified", Status.VERIFIED), ("stopped", Status.STOPPED),
    ],
)  # fmt: skip
def test_a_refused_denial_leads_back(make, back, mailbox, team, learners):
    if make == "waiting":
        consumer_request = ask(ORLA)
        tasks.drain_verify()
    elif make == "planned":
        consumer_request = decided(mailbox, team, ORLA)
    else:
        consumer_request = checked(mailbox, ORLA)
    if make == "verified":
        verification.decide(consumer_request, by=team.verifier, reason="x", at=clock.now())
    if make == "stopped":
        casework.stop(consumer_request, at=clock.now())
    _propose(fresh(consumer_request), team.counsel)
    with pytest.raises(NotAllowed):
        casework.refuse_denial(fresh(consumer_request), reason="x", by=team.officer, at=clock.now())
    casework.refuse_denial(fresh(consumer_request), reason="no", by=team.approver, at=clock.now())
    returned = fresh(consumer_request)
    assert (returned.status, returned.ground, returned.exception, returned.ground_detail,
            returned.denial_drafted_by_id) == (back, "", "", None, None)  # fmt: skip
    if make == "verified":
        tasks.drain_plan()
        assert fresh(consumer_request).status == Status.PLANNED
    with pytest.raises(MoveNotAllowed):
        casework.refuse_denial(returned, reason="again", by=team.approver, at=clock.now())


def test_a_denial_in_draft_can_be_stopped_and_leaves_no_ground_behind(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    _propose(consumer_request, team.counsel, ground="DEN_NO_DATA", exception="")
    casework.stop(fresh(consumer_request), at=clock.now())
    stopped = fresh(consumer_request)
    assert (stopped.status, stopped.ground, stopped.denial_drafted_by_id) == (
        Status.STOPPED, "", None,
    )  # fmt: skip


# --- stopping and taking back -------------------------------------------------------------------


def test_a_stop_is_released_by_a_person_with_a_reason(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    casework.stop(consumer_request, at=clock.now())
    stopped = fresh(consumer_request)
    assert (stopped.hold, stopped.stopped_at is None) == ("not-me", False)
    for each in _roles(team, "approver", "chief"):
        with pytest.raises(NotAllowed):
            casework.release_stop(stopped, reason="x", by=each, at=clock.now())
    with pytest.raises(GroundMissing):
        casework.release_stop(stopped, reason=" ", by=team.approver, at=clock.now())
    touched = actor(Role.APPROVER)
    member = StaffMember.objects.get(pk=touched.staff_id)
    staff.set_password(member, "a pass phrase that two know", team.chief, clock.now())
    with pytest.raises(TouchedAccount):
        casework.release_stop(stopped, reason="We telephoned", by=touched, at=clock.now())
    casework.release_stop(stopped, reason="We telephoned", by=team.approver, at=clock.now())
    released = fresh(consumer_request)
    assert (released.status, released.hold, released.stopped_at) == (Status.CHECKING, "", None)
    with pytest.raises(MoveNotAllowed):
        casework.release_stop(released, reason="twice", by=team.approver, at=clock.now())


def test_only_what_was_stopped_is_released(mailbox, team, learners):
    consumer_request = ask(ORLA)
    tasks.drain_verify()
    drafted = checked(mailbox, KOFI)
    _propose(drafted, team.counsel)
    for each in (consumer_request, drafted):
        before = fresh(each).status
        with pytest.raises(MoveNotAllowed):
            casework.release_stop(fresh(each), reason="x", by=team.approver, at=clock.now())
        assert fresh(each).status == before


def test_a_stop_voids_every_link_but_the_one_to_follow(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    casework.stop(consumer_request, at=clock.now())
    living = Link.objects.filter(used_at=None, voided_at=None)
    assert set(living.values_list("purpose", flat=True)) == {"follow"}


def test_the_consumer_takes_it_back_and_staff_only_with_the_role(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    for each in (team.verifier, team.approver, team.counsel, team.editor):
        with pytest.raises(NotAllowed):
            casework.withdraw(consumer_request, by=each, at=clock.now())
    casework.withdraw(consumer_request, by=Actor.consumer(), at=clock.now())
    gone = fresh(consumer_request)
    assert (gone.status, gone.outcome) == (Status.WITHDRAWN, Outcome.WITHDRAWN)
    assert consumer_request.plans.get().state == "void"
    assert Message.objects.filter(letter="withdrawn").count() == 1
    with pytest.raises(MoveNotAllowed):
        casework.withdraw(gone, by=Actor.consumer(), at=clock.now())
    other = ask("x@example.org")
    assert casework.withdraw(other, by=team.clerk, at=clock.now()).status == Status.WITHDRAWN


# --- by hand ------------------------------------------------------------------------------------


def _close(consumer_request, team, outcome="complied", words="Here it is.", **more):
    return casework.close_by_hand(
        consumer_request, outcome=outcome, words=words, by=more.pop("by", team.officer),
        at=clock.now(), **more,
    )  # fmt: skip


@pytest.mark.parametrize("outcome", ["complied", "in-part"])
def test_a_deletion_is_never_completed_by_hand(outcome, mailbox, team, learners):
    for consumer_request in (ask("x@example.org"), checked(mailbox, ORLA)):
        with pytest.raises(MoveNotAllowed):
            _close(fresh(consumer_request), team, outcome)
    planned = decided(mailbox, team, ORLA)
    with pytest.raises(MoveNotAllowed):
        _close(planned, team, outcome)
    with pytest.raises(MoveNotAllowed):
        _close(planned, team, outcome, ground="DEN_NO_DATA")
    assert fresh(planned).status == Status.PLANNED


def test_nothing_found_ends_a_deletion_of_somebody_unknown(mailbox, team, learners):
    consumer_request = ask("nobody@example.org")
    tasks.drain_verify()
    _close(fresh(consumer_request), team, words="We looked.", ground="DEN_NO_DATA")
    ended = fresh(consumer_request)
    assert (ended.status, ended.outcome, ended.ground) == (
        Status.COMPLETED, Outcome.COMPLIED, "DEN_NO_DATA",
    )  # fmt: skip
    assert Message.objects.filter(letter="nothing_found").count() == 1


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("duplicate", Status.DUPLICATE), ("redirected", Status.REDIRECTED)],
)
def test_a_duplicate_or_misdirected_case_ends_with_words(outcome, status, team):
    consumer_request = ask(ORLA)
    _close(consumer_request, team, outcome)
    ended = fresh(consumer_request)
    assert (ended.status, ended.outcome) == (status, outcome)
    assert Message.objects.filter(letter="answer_manual").count() == 1
    assert Note.objects.filter(consumer_request=ended, author="internal").count() == 1


def test_a_verified_right_to_know_is_answered_by_hand(mailbox, team, learners):
    consumer_request = ask(ORLA, kind=KNOW)
    tasks.drain_verify()
    by_sql(
        "UPDATE requests_app_consumerrequest SET status = 'verified', verified_at = now(),"
        " level_reached = 'reasonable' WHERE id = %s",
        consumer_request.pk,
    )
    _close(fresh(consumer_request), team, "in-part", words="Kinds of information: two.")
    ended = fresh(consumer_request)
    assert (ended.status, ended.outcome) == (Status.COMPLETED, Outcome.IN_PART)
    assert ended.answered_at == ended.closed_at


def test_an_opt_out_is_closed_without_any_verification(team):
    consumer_request = ask("x@example.org", kind=RequestKind.OPT_OUT)
    _close(consumer_request, team, words="Done today.")
    assert fresh(consumer_request).status == Status.COMPLETED
    assert Message.objects.filter(letter="optout_done").count() == 1


@pytest.mark.parametrize(
    "facts",
    [{"outcome": "lost"}, {"outcome": ""}, {"words": " "}, {"ground": "DEN_FRAUD"}],
)
def test_a_case_is_not_closed_without_outcome_words_or_with_a_ground_of_denial(facts, team):
    consumer_request = ask("x@example.org", kind=RequestKind.OPT_OUT)
    with pytest.raises(GroundMissing):
        _close(consumer_request, team, **facts)
    for each in _roles(team, "officer", "chief"):
        with pytest.raises(NotAllowed):
            _close(consumer_request, team, by=each)


def test_messages_both_ways_are_sealed_and_told(team):
    consumer_request = ask(ORLA)
    casework.hear(consumer_request, "It is urgent, my number is 707 555 0163", at=clock.now())
    for _twice in range(2):
        casework.write(consumer_request, "Thank you", by=team.clerk, at=clock.now())
    with pytest.raises(NotAllowed):
        casework.write(consumer_request, "x", by=team.verifier, at=clock.now())
    assert lines(consumer_request.number)[1:] == [
        "message.received", "message.written", "message.written",
    ]  # fmt: skip
    assert not any(b"urgent" in bytes(note.text) for note in Note.objects.all())
    letters = Message.objects.filter(letter="message_from_us").order_by("pk")
    assert [letter.ordinal for letter in letters] == [1, 2]


def test_whoever_takes_a_case_has_it(team):
    consumer_request = ask(ORLA)
    casework.assign(consumer_request, by=team.officer, at=clock.now())
    assert fresh(consumer_request).assigned_to_id == team.officer.id
    with pytest.raises(NotAllowed):
        casework.assign(consumer_request, by=team.editor, at=clock.now())
