"""Who may say yes: the verbs refuse, and each of verbs and database alone refuses too."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction

from ccpa_office import clock, staff
from ccpa_office.connectors.postgresql.connector import PostgreSQL
from ccpa_office.law.grounds import NoSuchException
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, NotAllowed, Role, TouchedAccount
from requests_app import casework, tasks, verification
from requests_app.casework import ApprovalRefused, PlanVoid, approving
from requests_app.fulfillment import batches, locating, packing
from requests_app.fulfillment import plan as planning
from requests_app.models import (
    Approval,
    Batch,
    BatchApproval,
    BatchState,
    Chunk,
    ConsumerRequest,
    LinkPurpose,
    Plan,
    PlanState,
    Status,
)
from requests_app.workflow import MoveNotAllowed
from tests.builders import KOFI, MARISOL, ORLA, Team, actor, fresh, plan_of
from tests.steps import (
    SHARED_TICKET,
    approve,
    by_sql,
    decided,
    gathered,
    learner,
    lines,
    opened,
    query,
    refused_by_the_database,
    without_triggers,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def planned(mailbox, team, learners, at_once):
    """A deletion whose plan waits for approval."""
    return decided(mailbox, team, ORLA)


def _say_yes(plan, by, hash_=""):
    return casework.approve(plan, hash=hash_ or plan.hash, by=by, at=clock.now())


def _insert(plan, by_id, hash_=""):
    Approval.objects.create(plan=plan, hash=hash_ or plan.hash, by_id=by_id, at=clock.now())


# --- one by one, in the verbs -------------------------------------------------------------------


def test_a_person_with_another_role_cannot_approve(planned, team):
    plan = plan_of(planned)
    for each in (team.clerk, team.verifier, team.officer, team.counsel, team.editor):
        with pytest.raises(NotAllowed):
            _say_yes(plan, each)
    with pytest.raises(NotAllowed):
        _say_yes(plan, Actor.system("batches"))
    with pytest.raises(NotAllowed):
        _say_yes(plan, Actor.consumer())
    assert not Approval.objects.exists()


def test_a_superuser_without_a_role_cannot_approve(planned, team):
    member = StaffMember.objects.create_superuser("root", password=None)
    with pytest.raises(NotAllowed):
        _say_yes(plan_of(planned), Actor.of(member))


def test_whoever_verified_cannot_approve(mailbox, team, learners):
    team.verifier = team.chief
    plan = plan_of(decided(mailbox, team, ORLA))
    with pytest.raises(ApprovalRefused, match="verified"):
        _say_yes(plan, team.chief)
    assert _say_yes(plan, team.approver).state == PlanState.APPROVED


def test_whoever_asked_for_the_plan_cannot_approve(planned, team):
    casework.ask_for_plan(planned, by=team.chief, at=clock.now())
    _work_plan()
    plan = plan_of(planned)
    assert plan.asked_by_id == team.chief.id
    with pytest.raises(ApprovalRefused, match="asked"):
        _say_yes(plan, team.chief)
    assert _say_yes(plan, team.approver).state == PlanState.APPROVED


def _work_plan():
    tasks.drain_plan()


def test_whoever_took_the_request_in_cannot_approve(planned, team):
    by_sql(
        "UPDATE requests_app_consumerrequest SET opened_by_id = %s WHERE id = %s",
        team.approver.id, planned.pk,
    )  # fmt: skip
    with pytest.raises(ApprovalRefused, match="took in"):
        _say_yes(plan_of(planned), team.approver)
    with refused_by_the_database():
        _insert(plan_of(planned), team.approver.id)
    assert _say_yes(plan_of(planned), team.second).state == PlanState.APPROVED


def test_nobody_approves_twice(mailbox, team, learners, settings):
    settings.APPROVALS_ALWAYS = 2
    plan = plan_of(decided(mailbox, team, ORLA))
    assert _say_yes(plan, team.approver).state == PlanState.FROZEN
    with pytest.raises(ApprovalRefused, match="second person"):
        _say_yes(plan, team.approver)
    with refused_by_the_database():
        _insert(plan, team.approver.id)
    assert _say_yes(plan, team.second).state == PlanState.APPROVED


@pytest.mark.parametrize("change", ["", "0" * 64, "other"])
def test_a_wrong_hash_is_no_yes(change, planned, team):
    plan = plan_of(planned)
    wrong = plan.hash.upper() if change == "other" else change
    with pytest.raises(PlanVoid):
        casework.approve(plan, hash=wrong, by=team.approver, at=clock.now())
    with refused_by_the_database():
        Approval.objects.create(plan=plan, hash=wrong, by_id=team.approver.id, at=clock.now())


def test_a_changed_plan_voids_what_was_said_of_the_old(mailbox, team, learners, settings):
    settings.APPROVALS_ALWAYS = 2
    consumer_request = decided(mailbox, team, ORLA)
    old = plan_of(consumer_request)
    _say_yes(old, team.approver)
    query(learners, "INSERT INTO newsletter VALUES ('x@example.org', now(), 'x')")
    casework.ask_for_plan(consumer_request, by=team.officer, at=clock.now())
    _work_plan()
    new = plan_of(consumer_request)
    assert (new.version, new.state, new.approvals.count()) == (2, PlanState.FROZEN, 0)
    for hash_ in (old.hash, new.hash):
        with pytest.raises(PlanVoid):
            _say_yes(old, team.second, hash_)
    assert _say_yes(new, team.second).state == PlanState.FROZEN


def test_a_touched_account_cannot_approve_until_a_third_person_confirms_it(planned, team):
    plan = plan_of(planned)
    member = StaffMember.objects.get(pk=team.approver.id)
    staff.set_password(member, "another-secret-93", by=team.chief, at=clock.now())
    with pytest.raises(TouchedAccount):
        _say_yes(plan, team.approver)
    with refused_by_the_database():
        _insert(plan, team.approver.id)
    staff.confirm_touch(member, by=team.second, at=clock.now())
    assert _say_yes(plan, team.approver).state == PlanState.APPROVED


def test_a_closed_account_cannot_approve(planned, team):
    member = StaffMember.objects.get(pk=team.approver.id)
    staff.set_active(member, False, by=team.chief, at=clock.now())
    with pytest.raises(NotAllowed):
        _say_yes(plan_of(planned), Actor.of(StaffMember.objects.get(pk=member.pk)))
    with refused_by_the_database():
        _insert(plan_of(planned), member.pk)


def test_undecided_shared_rows_hold_a_plan(mailbox, team, learners):
    consumer_request = decided(mailbox, team, MARISOL)
    plan = plan_of(consumer_request)
    assert plan.undecided > 0
    with pytest.raises(ApprovalRefused, match="not decided"):
        _say_yes(plan, team.approver)
    with refused_by_the_database():
        _insert(plan, team.approver.id)
    with refused_by_the_database():
        by_sql("UPDATE requests_app_plan SET state = 'approved' WHERE id = %s", plan.pk)


@pytest.mark.parametrize("ground", ["GX_3", "DX_0", "because", "GX_g"])
def test_what_is_no_exception_to_a_deletion_keeps_nothing(ground, mailbox, team, learners):
    plan = plan_of(decided(mailbox, team, MARISOL))
    with pytest.raises(NoSuchException):
        casework.decide_shared(
            plan, table="addresses", decision="keep", ground=ground, by=team.chief, at=clock.now()
        )
    assert Plan.objects.get().state == PlanState.FROZEN


def test_whoever_decided_on_shared_rows_cannot_approve(mailbox, team, learners):
    plan = plan_of(decided(mailbox, team, MARISOL))
    decided_plan = casework.decide_shared(
        plan, table="addresses", decision="keep", ground="GX_k", by=team.chief, at=clock.now()
    )
    with pytest.raises(ApprovalRefused, match="asked"):
        _say_yes(decided_plan, team.chief)
    with pytest.raises(PlanVoid):
        _say_yes(plan, team.approver)
    assert _say_yes(decided_plan, team.approver).state == PlanState.APPROVED


def test_whoever_decided_on_one_table_approves_no_later_version_of_the_plan(
    mailbox, team, learners
):
    known = learner(learners, SHARED_TICKET)
    query(learners, "UPDATE accounts SET email_changed_at = '2024-01-01' WHERE id = 10")
    plan = plan_of(decided(mailbox, team, known.pop("email"), **known))
    for table, how, ground, by in (
        ("addresses", "keep", "GX_k", team.chief), ("support_tickets", "strip", "", team.officer),
    ):  # fmt: skip
        plan = casework.decide_shared(
            plan, table=table, decision=how, ground=ground, by=by, at=clock.now()
        )
    with pytest.raises(ApprovalRefused, match="shared rows"):
        _say_yes(plan, team.chief)
    assert _say_yes(plan, team.approver).state == PlanState.APPROVED


def test_the_page_reads_why_before_anybody_presses(planned, team):
    plan = plan_of(planned)

    def why(by, hash_=plan.hash):
        return casework.why_not_approve(plan, by, hash=hash_, at=clock.now())

    assert why(team.approver) == ""
    assert "role" in why(team.clerk)
    assert "changed" in why(team.approver, "another")
    assert "role" in why(team.verifier)


# --- parallel -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_approvals_by_one_person_are_one(mailbox, team, learners, settings, at_once):
    settings.APPROVALS_ALWAYS = 2
    consumer_request = decided(mailbox, team, ORLA)
    plan = plan_of(consumer_request)

    def press(_number):
        try:
            return _say_yes(plan, team.approver).state
        except ApprovalRefused:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(press, range(50)))
    assert answers.count("refused") == 49
    assert Approval.objects.count() == 1
    assert lines(consumer_request.number).count("plan.approved") == 1
    assert fresh(consumer_request).status == Status.PLANNED
    assert batches.open_due(at=clock.now()) is None


# --- ceilings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("over", "needed"), [(0, 1), (1, 2)])
def test_rows_above_the_ceiling_need_two(over, needed, mailbox, team, learners, settings):
    rows = plan_of(decided(mailbox, team, KOFI)).rows_per_person
    settings.CEILING_ROWS = rows - over
    plan = plan_of(_again(team, KOFI, mailbox))
    assert (plan.approvals_needed, plan.above_ceiling) == (needed, needed == 2)
    _needs(plan, team, needed)


def _again(team, email, mailbox):
    return decided(mailbox, team, email)


def _needs(plan, team, needed):
    states = [_say_yes(plan, each).state for each in (team.approver, team.second)[:needed]]
    assert states == [PlanState.FROZEN] * (needed - 1) + [PlanState.APPROVED]


@pytest.mark.parametrize(("size", "needed"), [(10_000, 1), (10_001, 2)])
def test_the_share_counts_only_above_ten_thousand_rows(
    size, needed, mailbox, team, learners, settings, monkeypatch
):
    settings.CEILING_SHARE = 0.0001
    _with_size(monkeypatch, size)
    plan = plan_of(decided(mailbox, team, KOFI))
    assert plan.approvals_needed == needed


@pytest.mark.parametrize(("ceiling", "needed"), [(0.0001, 1), (0.00009, 2)])
def test_a_share_above_the_ceiling_needs_two(
    ceiling, needed, mailbox, team, learners, settings, monkeypatch
):
    settings.CEILING_SHARE = ceiling
    _with_size(monkeypatch, 100_000)
    plan = plan_of(decided(mailbox, team, KOFI))
    assert (plan.share, plan.approvals_needed) == (0.0001, needed)


def _with_size(monkeypatch, size):
    monkeypatch.setattr(PostgreSQL, "sizes", lambda self: {"activity_log": size})


def test_an_office_may_demand_two_always_and_never_none(mailbox, team, learners, settings):
    settings.APPROVALS_ALWAYS = 2
    assert plan_of(decided(mailbox, team, KOFI)).approvals_needed == 2
    settings.APPROVALS_ALWAYS = 0
    assert plan_of(decided(mailbox, team, ORLA)).approvals_needed == 1
    with refused_by_the_database():
        by_sql("UPDATE requests_app_plan SET approvals_needed = 0")


def test_sensitive_kinds_need_two(mailbox, team, learners, monkeypatch):
    def sensitive(found):
        return replace(locating.weigh(found), sensitive=True)

    monkeypatch.setattr(planning, "weigh", sensitive)
    plan = plan_of(decided(mailbox, team, KOFI))
    assert (plan.sensitive, plan.approvals_needed) == (True, 2)
    _needs(plan, team, 2)


@pytest.mark.parametrize(("ceiling", "waits"), [(2, False), (1, True)])
def test_people_above_the_ceiling_of_a_batch_need_two(
    ceiling, waits, mailbox, team, learners, settings, at_once
):
    asked = [decided(mailbox, team, email) for email in (KOFI, ORLA)]
    for each in asked:
        approve(each, team.approver)
    settings.CEILING_PEOPLE = ceiling
    batch = opened()
    assert (batch.people, batch.state) == (
        2, BatchState.WAITING if waits else BatchState.RUNNING,
    )  # fmt: skip
    assert {fresh(each).status for each in asked} == {
        Status.APPROVED if waits else Status.EXECUTING
    }


# --- a batch above the ceiling ------------------------------------------------------------------


@pytest.fixture
def waiting(mailbox, team, learners, settings, at_once):
    """A batch of two people that waits for two approvals."""
    for each in [decided(mailbox, team, email) for email in (KOFI, ORLA)]:
        approve(each, team.approver)
    settings.CEILING_PEOPLE = 1
    return batches.open_due(at=clock.now())


def _yes(batch, by, hash_=""):
    return batches.approve(batch, hash=hash_ or batch.hash, by=by, at=clock.now())


def test_two_people_start_a_large_batch_and_one_does_not(waiting, team):
    assert _yes(waiting, team.approver).state == BatchState.WAITING
    with pytest.raises(batches.ApprovalRefused, match="already"):
        _yes(waiting, team.approver)
    assert set(Plan.objects.values_list("state", flat=True)) == {"approved"}
    assert _yes(waiting, team.second).state == BatchState.RUNNING
    assert set(Plan.objects.values_list("state", flat=True)) == {"executing"}
    assert lines(f"batch:{waiting.pk}") == ["batch.approved"] * 2


def test_who_may_not_approve_a_batch(waiting, team):
    for each in (team.clerk, team.verifier, team.officer, team.counsel):
        with pytest.raises(NotAllowed):
            _yes(waiting, each)
    with pytest.raises(batches.ApprovalRefused, match="not what you saw"):
        _yes(waiting, team.approver, "0" * 64)
    verifier = actor(Role.CHIEF)
    by_sql("UPDATE requests_app_consumerrequest SET verified_by_id = %s", verifier.id)
    with pytest.raises(batches.ApprovalRefused, match="verified"):
        _yes(waiting, verifier)
    by_sql("UPDATE requests_app_batch SET opened_by_id = %s", team.approver.id)
    with pytest.raises(batches.ApprovalRefused, match="opened"):
        _yes(waiting, team.approver)
    member = StaffMember.objects.get(pk=team.second.id)
    staff.set_password(member, "another-secret-93", by=team.chief, at=clock.now())
    with pytest.raises(TouchedAccount):
        _yes(waiting, team.second)
    assert not BatchApproval.objects.exists()


def test_the_database_refuses_the_same_approvals_of_a_batch(waiting, team):
    verifier = actor(Role.CHIEF)
    by_sql("UPDATE requests_app_consumerrequest SET verified_by_id = %s", verifier.id)
    by_sql("UPDATE requests_app_batch SET opened_by_id = %s", team.approver.id)
    member = StaffMember.objects.get(pk=team.second.id)
    staff.set_password(member, "another-secret-93", by=team.chief, at=clock.now())
    good = actor(Role.APPROVER)
    for by_id, hash_ in (
        (team.clerk.staff_id, waiting.hash),
        (verifier.staff_id, waiting.hash),
        (team.approver.staff_id, waiting.hash),
        (team.second.staff_id, waiting.hash),
        (good.staff_id, "0" * 64),
        (999_999, waiting.hash),
    ):
        with refused_by_the_database():
            BatchApproval.objects.create(batch=waiting, by_id=by_id, hash=hash_, at=clock.now())
    given = BatchApproval.objects.create(
        batch=waiting, by_id=good.staff_id, hash=waiting.hash, at=clock.now()
    )
    with refused_by_the_database():
        BatchApproval.objects.filter(pk=given.pk).update(hash="0" * 64)
    with refused_by_the_database():
        BatchApproval.objects.all().delete()
    with refused_by_the_database():
        by_sql("UPDATE requests_app_batch SET approvals_needed = 1")


def test_a_large_batch_is_not_executed_by_sql_with_one_approval(waiting, team):
    _yes(waiting, team.approver)
    for change in (
        "UPDATE requests_app_plan SET state = 'executing'",
        (
            "UPDATE requests_app_batch SET state = 'running';"
            "UPDATE requests_app_plan SET state = 'executing'"
        ),
    ):
        with refused_by_the_database():
            by_sql(change)
    assert set(Plan.objects.values_list("state", flat=True)) == {"approved"}


def test_a_batch_whose_people_all_stopped_has_nothing_to_start(waiting, team):
    for consumer_request in ConsumerRequest.objects.filter(plans__isnull=False):
        casework.stop(consumer_request, at=clock.now())
    _yes(waiting, team.approver)
    _yes(waiting, team.second)
    assert Chunk.objects.get().stage == Chunk.Stage.DONE
    assert batches.finish_done(at=clock.now()) == 1


# --- the database alone -------------------------------------------------------------------------

ILLEGAL_APPROVALS: dict[str, Callable[[Plan, Team], tuple[int, str]]] = {
    "by the verifier": lambda plan, team: (team.verifier.staff_id, plan.hash),
    "by a clerk": lambda plan, team: (team.clerk.staff_id, plan.hash),
    "by an officer": lambda plan, team: (team.officer.staff_id, plan.hash),
    "by counsel": lambda plan, team: (team.counsel.staff_id, plan.hash),
    "by nobody": lambda plan, team: (999_999, plan.hash),
    "of another hash": lambda plan, team: (team.approver.staff_id, "f" * 64),
}


@pytest.mark.parametrize("case", list(ILLEGAL_APPROVALS))
def test_the_database_takes_no_illegal_approval(case, planned, team):
    by_id, hash_ = ILLEGAL_APPROVALS[case](plan_of(planned), team)
    with refused_by_the_database():
        _insert(plan_of(planned), by_id, hash_)
    with refused_by_the_database():
        by_sql(
            "INSERT INTO requests_app_approval (plan_id, hash, by_id, at, reason)"
            " VALUES (%s, %s, %s, now(), '')",
            plan_of(planned).pk, hash_, by_id,
        )  # fmt: skip


def test_an_approval_is_neither_edited_nor_taken_back(planned, team):
    approve(planned, team.approver)
    for statement in (
        "UPDATE requests_app_approval SET by_id = by_id + 1",
        "UPDATE requests_app_approval SET at = now()",
        "DELETE FROM requests_app_approval",
    ):
        with refused_by_the_database():
            by_sql(statement)


@pytest.mark.parametrize(
    "change",
    [
        "state = 'executing'",
        "state = 'executing', executable_at = now() - interval '1 day'",
        "state = 'proved'",
        "state = 'approved', hash = repeat('0', 64)",
        "rows = rows + 1",
        "summary = '[]'",
        "above_ceiling = false, approvals_needed = 0",
        "undecided = 0, people = 2",
        "map_digest = 'x'",
        "consumer_request_id = NULL",
    ],
)
def test_a_frozen_plan_is_neither_changed_nor_executed_by_sql(change, planned, team):
    with refused_by_the_database():
        by_sql(f"UPDATE requests_app_plan SET {change}")  # noqa: S608


def _execute_by_sql(plan, *, kind="due"):
    """Everything that an insider with SQL would do to have a plan carried out."""
    batch = Batch.objects.create(
        kind=kind, system_key="learners", state="running", people=1, ceiling=200,
        approvals_needed=0 if kind == "due" else 1, hash="x", opened_at=clock.now(),
    )  # fmt: skip
    chunk = Chunk.objects.create(batch=batch, ordinal=1, stage="erase", people=1, lane="erase")
    by_sql(
        "UPDATE requests_app_plan SET state = 'executing', chunk_id = %s WHERE id = %s",
        chunk.pk, plan.pk,
    )  # fmt: skip


def _approve_by_sql(plan, moment="now() - interval '1 minute'"):
    by_sql(
        f"UPDATE requests_app_plan SET state = 'approved', approved_at = now(),"  # noqa: S608
        f" executable_at = {moment} WHERE id = %s",
        plan.pk,
    )
    by_sql(
        "UPDATE requests_app_consumerrequest SET status = 'approved' WHERE id = %s",
        plan.consumer_request_id,
    )


def test_the_database_executes_nothing_without_an_approval(planned, team):
    plan = plan_of(planned)
    _approve_by_sql(plan)
    for kind in ("due", "list"):
        with refused_by_the_database():
            _execute_by_sql(plan, kind=kind)


def test_the_database_executes_nothing_above_a_ceiling_with_one_approval(
    mailbox, team, learners, settings
):
    settings.CEILING_ROWS = 1
    plan = plan_of(decided(mailbox, team, ORLA))
    _insert(plan, team.approver.id)
    _approve_by_sql(plan)
    with refused_by_the_database():
        _execute_by_sql(plan)
    assert plan.approvals_needed == 2


def test_the_database_keeps_the_cool_off(planned, team):
    plan = plan_of(planned)
    _insert(plan, team.approver.id)
    _approve_by_sql(plan, "now() + interval '1 hour'")
    with refused_by_the_database():
        _execute_by_sql(plan)
    _approve_by_sql(plan, "NULL")
    with refused_by_the_database():
        _execute_by_sql(plan)


@pytest.mark.parametrize("state", ["frozen", "void", "stopped", "residual"])
def test_the_database_executes_only_what_is_approved(state, planned, team):
    plan = plan_of(planned)
    _insert(plan, team.approver.id)
    _approve_by_sql(plan)
    by_sql("UPDATE requests_app_plan SET state = %s WHERE id = %s", state, plan.pk)
    with refused_by_the_database():
        _execute_by_sql(plan)


@pytest.mark.parametrize("status", ["stopped", "planned", "verified", "denying", "waiting"])
def test_the_database_executes_nothing_of_a_request_that_stands_elsewhere(status, planned, team):
    plan = plan_of(planned)
    _insert(plan, team.approver.id)
    _approve_by_sql(plan)
    by_sql(
        "UPDATE requests_app_consumerrequest SET status = %s WHERE id = %s",
        status, plan.consumer_request_id,
    )  # fmt: skip
    with refused_by_the_database():
        _execute_by_sql(plan)


def test_an_execution_is_not_inserted_from_outside(planned, team):
    plan = plan_of(planned)
    plan.pk = None
    plan.version = 9
    plan.state = PlanState.EXECUTING
    with refused_by_the_database():
        plan.save(force_insert=True)
    plan.state = PlanState.PROVED
    with refused_by_the_database():
        plan.save(force_insert=True)


def test_the_parts_of_a_plan_are_frozen(planned, team):
    plan = plan_of(planned)
    part = plan.tables.earliest("pk")
    with refused_by_the_database():
        by_sql("UPDATE requests_app_plantable SET keys = '' WHERE id = %s", part.pk)
    _say_yes(plan, team.approver)
    part.pk, part.ordinal = None, 99
    with refused_by_the_database():
        part.save(force_insert=True)


def test_a_part_slipped_in_before_the_approval_is_found_before_anything_is_touched(
    planned, team, learners
):
    plan = plan_of(planned)
    part = plan.tables.get(table="newsletter")
    part.pk, part.ordinal = None, 99
    part.save(force_insert=True)
    with pytest.raises(PlanVoid):
        _say_yes(plan, team.approver)
    assert not Approval.objects.exists()


def test_a_plan_whose_parts_were_swapped_is_not_carried_out(planned, team, learners):
    plan = plan_of(planned)
    _say_yes(plan, team.approver)
    chunk = gathered()
    with without_triggers():
        by_sql("DELETE FROM requests_app_plantable WHERE plan_id = %s AND ordinal = 0", plan.pk)
    batches.work_chunk(chunk, at=clock.now())
    chunk.refresh_from_db()
    assert (chunk.state, chunk.error_code) == ("parked", "not-what-was-approved")
    assert query(learners, "SELECT count(*) FROM accounts WHERE id = 4") == [(1,)]


def test_receipts_stay(planned, team):
    _say_yes(plan_of(planned), team.approver)
    batches.work_chunk(gathered(), at=clock.now())
    for statement in (
        "UPDATE requests_app_receipt SET done = 0",
        "DELETE FROM requests_app_receipt",
    ):
        with refused_by_the_database():
            by_sql(statement)


def test_completion_is_not_written_by_sql(planned, team):
    for status in ("planned", "approved", "executing", "telling", "verified"):
        by_sql(
            "UPDATE requests_app_consumerrequest SET status = %s WHERE id = %s", status, planned.pk
        )
        with refused_by_the_database():
            by_sql(
                "UPDATE requests_app_consumerrequest SET status = 'completed', closed_at = now(),"
                " outcome = 'complied' WHERE id = %s",
                planned.pk,
            )


# --- the verbs alone ----------------------------------------------------------------------------


def test_without_the_database_the_verbs_still_refuse(planned, team):
    plan = plan_of(planned)
    with without_triggers():
        for each in (team.verifier, team.clerk, team.officer, team.counsel):
            with pytest.raises(NotAllowed):
                _say_yes(plan, each)
        with pytest.raises(PlanVoid):
            _say_yes(plan, team.approver, "0" * 64)
        assert batches.open_due(at=clock.now()) is None
        _say_yes(plan, team.approver)
        with pytest.raises(PlanVoid):
            _say_yes(plan, team.second)


def test_without_the_verbs_the_database_still_refuses(planned, team, monkeypatch):
    monkeypatch.setattr(approving, "check_approval", lambda *_, **__: None)
    plan = plan_of(planned)
    for each in (team.verifier, team.clerk, team.officer, team.counsel):
        with refused_by_the_database():
            _say_yes(plan, each)
    with refused_by_the_database():
        _say_yes(plan, team.approver, "0" * 64)
    assert fresh(planned).status == Status.PLANNED


def test_without_the_verbs_no_person_alone_brings_an_erasure_about(
    mailbox, team, learners, at_once, monkeypatch
):
    monkeypatch.setattr(approving, "check_approval", lambda *_, **__: None)
    team.verifier = team.chief
    consumer_request = decided(mailbox, team, ORLA)
    with refused_by_the_database():
        approve(consumer_request, team.chief)
    casework.ask_for_plan(consumer_request, by=team.chief, at=clock.now())
    _work_plan()
    with refused_by_the_database():
        approve(consumer_request, team.chief)
    assert batches.open_due(at=clock.now()) is None


# --- cool-off -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "opens"), [(71, False), (73, True)])
def test_nothing_starts_before_the_cool_off_is_over(
    hours, opens, mailbox, team, learners, settings
):
    settings.BATCH_AT = "*"
    consumer_request = decided(mailbox, team, ORLA)
    plan = plan_of(consumer_request)
    at = clock.now()
    casework.approve(plan, hash=plan.hash, by=team.approver, at=at - timedelta(hours=hours))
    assert (batches.open_due(at=at) is not None) is opens
    assert (batches.run_now(by=team.officer, at=at) is not None) is False
    assert fresh(consumer_request).status == (Status.EXECUTING if opens else Status.APPROVED)


def test_a_wrong_clock_of_the_application_starts_nothing(mailbox, team, learners, settings):
    settings.BATCH_AT = "*"
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    with refused_by_the_database():
        batches.open_due(at=clock.now() + timedelta(hours=80))


def test_the_stop_link_stops_twenty_of_twenty_within_the_cool_off(
    mailbox, team, learners, settings
):
    settings.BATCH_AT = "*"
    stopped = 0
    for number in range(11, 31):
        known = learner(learners, number)
        consumer_request = decided(mailbox, team, known.pop("email"), **known)
        plan = plan_of(consumer_request)
        for table in {part["table"] for part in plan.summary if part["shared"]}:
            decision, ground = ("keep", "GX_k") if table == "addresses" else ("strip", "")
            plan = casework.decide_shared(
                plan, table=table, decision=decision, ground=ground, by=team.officer,
                at=clock.now(),
            )  # fmt: skip
        approve(consumer_request, team.approver)
        link = consumer_request.links.filter(purpose=LinkPurpose.STOP, voided_at=None).latest("pk")
        casework.stop_by_link(link, at=clock.now() + timedelta(hours=71, minutes=number))
        asked = fresh(consumer_request)
        stopped += (asked.status, asked.hold) == (Status.STOPPED, "not-me")
        with pytest.raises(verification.LinkGone):
            casework.stop_by_link(link, at=clock.now())
    assert stopped == 20
    assert batches.open_due(at=clock.now()) is None
    assert not Plan.objects.exclude(state__in=["stopped", "void"]).exists()


def test_a_stop_after_the_erasure_has_begun_is_refused_and_spends_nothing(planned, team):
    approve(planned, team.approver)
    gathered()
    link = planned.links.filter(purpose=LinkPurpose.STOP).latest("pk")
    with pytest.raises(MoveNotAllowed), transaction.atomic():
        casework.stop_by_link(link, at=clock.now())
    link.refresh_from_db()
    assert link.used_at is None
    assert fresh(planned).status == Status.EXECUTING
    with pytest.raises(MoveNotAllowed), transaction.atomic():
        casework.withdraw(planned, by=Actor.consumer(), at=clock.now())
    assert packing.ENGINE == "1"
