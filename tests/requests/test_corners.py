"""Corners in which a request could stand still, be answered too early, or be ended unheard."""

from datetime import timedelta

import pytest

from ccpa_office import clock
from ccpa_office.connectors.postgresql.connector import PostgreSQL
from ccpa_office.law.kinds import RequestKind
from requests_app import casework, silence, tasks, verification
from requests_app.admin.moves import MOVES, endings
from requests_app.correspondence.links import token_digest
from requests_app.fulfillment import batches, closing
from requests_app.models import (
    Plan,
    PlanState,
    Status,
    Step,
    StepKind,
    Switch,
)
from requests_app.verification.deciding import queue_plan
from requests_app.workflow import MoveNotAllowed
from tests.builders import HANA, ORLA, ask, confirm, fresh, plan_of, tokens
from tests.steps import approve, by_sql, checked, decided, gathered, query

pytestmark = pytest.mark.django_db


def _waiting(email=ORLA, **more):
    consumer_request = ask(email, **more)
    tasks.drain_verify()
    tasks.drain_mail()
    return fresh(consumer_request)


# --- who is not verified gets no answer ---------------------------------------------------------


@pytest.mark.parametrize("outcome", ["complied", "in-part"])
def test_nobody_answers_who_is_not_verified(outcome, mailbox, team, learners):
    consumer_request = _waiting(kind=RequestKind.KNOW_SPECIFIC)
    assert [word for word, _label in endings(consumer_request)][:1] == ["nothing-found"]
    with pytest.raises(MoveNotAllowed, match="not verified"):
        casework.close_by_hand(
            consumer_request, outcome=outcome, words="All of it.", by=team.officer, at=clock.now()
        )
    assert fresh(consumer_request).status == Status.WAITING


def test_identity_is_decided_only_where_it_waits(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    assert consumer_request.status == Status.PLANNED
    for verb in (verification.decide, verification.ask_again):
        with pytest.raises(MoveNotAllowed, match="does not wait"):
            verb(consumer_request, by=team.chief, reason="again", at=clock.now())
    assert fresh(consumer_request).verified_by_id == team.verifier.id


def test_nobody_is_asked_for_an_answer_that_nobody_would_weigh(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA, postal_code="00000", phone="000")
    by_sql("UPDATE requests_app_consumerrequest SET evaluations = 3")
    with pytest.raises(MoveNotAllowed, match="as often as they may"):
        verification.ask_again(consumer_request, by=team.verifier, reason="no", at=clock.now())


def test_an_answer_whose_comparison_is_parked_is_not_ended_as_silence(mailbox, team, learners):
    consumer_request = _waiting()
    confirm(mailbox)
    Step.objects.filter(kind=StepKind.COMPARE).update(state="parked", error_code="worn_out")
    silence.end(at=clock.now() + timedelta(days=41))
    assert fresh(consumer_request).status == Status.WAITING


# --- plans --------------------------------------------------------------------------------------


def test_a_plan_that_is_asked_for_twice_is_built_once(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    for _press in range(2):
        casework.ask_for_plan(consumer_request, by=team.officer, at=clock.now())
    tasks.drain_plan()
    assert fresh(consumer_request).status == Status.PLANNED
    assert plan_of(consumer_request).state == PlanState.FROZEN


def test_a_late_step_leaves_an_approved_plan_alone(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    queue_plan(consumer_request, at=clock.now())
    tasks.drain_plan()
    assert plan_of(consumer_request).state == PlanState.APPROVED
    assert Step.objects.exclude(state="done").count() == 0


def test_a_refused_plan_can_be_built_again_at_the_desk(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    casework.refuse(plan_of(consumer_request), reason="too much", by=team.approver, at=clock.now())
    (replan,) = [deed for deed in MOVES if deed.word == "replan"]
    assert replan.offered(fresh(consumer_request))
    casework.ask_for_plan(consumer_request, by=team.officer, at=clock.now())
    tasks.drain_plan()
    assert fresh(consumer_request).status == Status.PLANNED


# --- stops --------------------------------------------------------------------------------------


def test_nothing_begins_while_the_switch_is_set_so_that_it_can_still_be_stopped(
    mailbox, team, learners, at_once
):
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    batches.set_kill_switch(stopped=True, reason="x", by=team.officer, at=clock.now())
    assert batches.open_due(at=clock.now()) is None
    casework.stop(fresh(consumer_request), at=clock.now())
    Switch.objects.update(stopped=False)
    assert batches.open_due(at=clock.now()) is None
    assert fresh(consumer_request).status == Status.STOPPED


def test_a_refused_denial_releases_no_stop(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    casework.stop(consumer_request, at=clock.now())
    casework.propose_denial(
        fresh(consumer_request), ground="DEN_UNVERIFIED", words="No.", by=team.counsel,
        at=clock.now(),
    )  # fmt: skip
    casework.refuse_denial(consumer_request, reason="wait", by=team.approver, at=clock.now())
    assert fresh(consumer_request).status == Status.STOPPED


def test_who_presses_too_late_is_told_so(client, mailbox, team, learners, at_once):
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    tasks.drain_mail()
    gathered()
    client.get(f"/requests/l/{tokens(mailbox.last(ORLA))[0]}/")
    page = client.post("/requests/l/", {"purpose": "stop"}).content.decode()
    assert "It cannot be stopped any more" in page
    assert consumer_request.links.filter(purpose="stop", used_at__isnull=False).count() == 0


# --- links --------------------------------------------------------------------------------------


def test_a_button_does_what_it_says_though_another_link_was_opened(client, mailbox, learners):
    consumer_request = _waiting()
    yes, no = tokens(mailbox.last(ORLA))
    client.get(f"/requests/l/{no}/")
    client.get(f"/requests/l/{yes}/")
    answer = client.post("/requests/l/", {"purpose": "stop"})
    assert answer["Location"] == "/requests/l/"
    client.get(f"/requests/l/{no}/")
    client.post("/requests/l/", {"purpose": "stop"})
    assert fresh(consumer_request).status == Status.STOPPED


def test_a_session_keeps_no_token_that_opens_anything(client, mailbox, learners):
    _waiting()
    token = tokens(mailbox.last(ORLA))[0]
    client.get(f"/requests/l/{token}/")
    assert token not in str(dict(client.session))
    assert client.session["token"] == token_digest(token).hex()
    assert b"Confirm that it was you" in client.get("/requests/l/").content


def test_a_withdrawn_opt_out_does_not_show_as_applied(client, mailbox, team):
    consumer_request = ask(kind=RequestKind.OPT_OUT)
    session = client.session
    session["received"] = consumer_request.number
    session.save()
    assert client.get("/opt-out/status.json").json() == {"opted_out": True}
    casework.withdraw(fresh(consumer_request), by=team.clerk, at=clock.now())
    assert client.get("/opt-out/status.json").json() == {"opted_out": False}


# --- what comes back ----------------------------------------------------------------------------


def test_an_alarm_of_the_others_leaves_a_void_plan_void(mailbox, team, learners, at_once):
    first, other = (decided(mailbox, team, email) for email in (ORLA, HANA))
    for each in (first, other):
        approve(each, team.approver)
    batches.work_chunk(gathered(), at=clock.now())
    by_sql("UPDATE requests_app_plan SET state = 'void' WHERE consumer_request_id = %s", other.pk)
    by_sql("UPDATE requests_app_look SET not_before = now() - interval '1 minute' WHERE day = 1")
    closing.close_told(at=clock.now())
    query(learners, "INSERT INTO newsletter VALUES (%s, now(), 'back')", ORLA)
    tasks.drain_prove()
    states = dict(Plan.objects.values_list("consumer_request_id", "state"))
    assert states == {first.pk: PlanState.RESIDUAL, other.pk: PlanState.VOID}


def test_one_broken_chore_keeps_no_other_waiting(monkeypatch, mailbox, learners):
    consumer_request = _waiting()
    monkeypatch.setattr(batches, "open_due", lambda **_more: 1 / 0)
    monkeypatch.setattr(clock, "now", lambda: consumer_request.received_at + timedelta(days=41))
    with pytest.raises(ZeroDivisionError):
        tasks.drain_house()
    assert fresh(consumer_request).status == Status.NOT_CONFIRMED


def test_a_first_plan_that_nobody_could_build_is_tried_again(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    verification.decide(consumer_request, by=team.verifier, reason="agrees", at=clock.now())
    with pytest.raises(MoveNotAllowed, match="first plan"):
        casework.ask_for_plan(consumer_request, by=team.officer, at=clock.now())
    Step.objects.filter(kind=StepKind.PLAN).update(state="parked", error_code="worn_out")
    casework.ask_for_plan(consumer_request, by=team.officer, at=clock.now())
    tasks.drain_plan()
    assert fresh(consumer_request).status == Status.PLANNED


def test_whom_a_system_knows_without_an_address_is_never_told_that_nothing_was_found(
    monkeypatch, mailbox, team, learners
):
    monkeypatch.setattr(PostgreSQL, "contacts_of", lambda _self, people: [[] for _ in people])
    consumer_request = _waiting()
    assert (consumer_request.on_file, consumer_request.hold) == (False, "no-contact")
    by_sql("UPDATE requests_app_identifier SET confirmed_at = now()")
    silence.end(at=clock.now() + timedelta(days=41))
    assert fresh(consumer_request).status == Status.NOT_CONFIRMED
