"""Gathering what is due: when, what, how many at once."""

from datetime import UTC, datetime, timedelta

import pytest

from ccpa_office import clock
from ccpa_office.roles import NotAllowed
from requests_app import casework, tasks
from requests_app.fulfillment import batches, packing, timetable
from requests_app.models import Batch, BatchState, Chunk, Plan, PlanState, Status
from tests.builders import HANA, KOFI, ORLA, fresh, plan_of
from tests.steps import approve, by_sql, decided, gathered, lines, opened

pytestmark = pytest.mark.django_db


def _utc(year, month, day, hour, minute, second=0):
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "runs"),
    [
        (_utc(2026, 1, 10, 9, 59), _utc(2026, 1, 10, 10, 0)),
        (_utc(2026, 1, 10, 10, 0), _utc(2026, 1, 10, 10, 0)),
        (_utc(2026, 1, 10, 10, 0, 1), _utc(2026, 1, 11, 10, 0)),
        (_utc(2026, 7, 10, 8, 0), _utc(2026, 7, 10, 9, 0)),
        (_utc(2026, 3, 8, 9, 30), _utc(2026, 3, 8, 10, 0)),
        (_utc(2026, 3, 7, 11, 0), _utc(2026, 3, 8, 10, 0)),
        (_utc(2026, 11, 1, 8, 30), _utc(2026, 11, 1, 10, 0)),
        (_utc(2026, 12, 31, 23, 0), _utc(2027, 1, 1, 10, 0)),
    ],
)
def test_batches_run_at_two_in_the_morning_of_california(after, runs, settings):
    settings.BATCH_AT = "02:00"
    found = timetable.next_run(after)
    assert (found, found.tzinfo) == (runs, UTC)


def test_the_demo_runs_at_any_minute(settings):
    settings.BATCH_AT = "*"
    at = clock.now()
    assert timetable.next_run(at) == at


def test_a_plan_waits_for_its_cool_off_and_then_for_the_hour(mailbox, team, learners, settings):
    settings.COOL_OFF_HOURS, settings.BATCH_AT = 72, "02:00"
    consumer_request = decided(mailbox, team, ORLA)
    plan = plan_of(consumer_request)
    at = clock.now()
    casework.approve(plan, hash=plan.hash, by=team.approver, at=at)
    due = plan_of(consumer_request).executable_at
    assert due == timetable.next_run(at + timedelta(hours=72))
    assert batches.open_due(at=due - timedelta(seconds=1)) is None


def test_nothing_due_opens_no_batch(mailbox, team, learners, at_once):
    assert batches.open_due(at=clock.now()) is None
    decided(mailbox, team, ORLA)
    assert batches.open_due(at=clock.now()) is None
    assert not Batch.objects.exists()


def test_what_is_due_is_one_batch_of_one_chunk(mailbox, team, learners, at_once):
    asked = [decided(mailbox, team, email) for email in (ORLA, KOFI)]
    for each in asked:
        approve(each, team.approver)
    batch = opened()
    assert (batch.kind, batch.people, batch.approvals_needed, batch.state) == (
        "due", 2, 0, BatchState.RUNNING,
    )  # fmt: skip
    assert batch.hash == packing.batch_hash(Plan.objects.all())
    chunk = Chunk.objects.get()
    assert (chunk.people, chunk.stage, chunk.state, chunk.lane) == (2, "erase", "ready", "erase")
    assert {fresh(each).status for each in asked} == {Status.EXECUTING}
    assert batches.open_due(at=clock.now()) is None


def test_a_batch_takes_as_many_as_its_limit(mailbox, team, learners, at_once):
    for each in [decided(mailbox, team, email) for email in (ORLA, KOFI)]:
        approve(each, team.approver)
    assert [opened(limit=1).people for _each in range(2)] == [1, 1]


def test_a_stopped_request_is_not_gathered(mailbox, team, learners, at_once):
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    casework.stop(fresh(consumer_request), at=clock.now())
    assert batches.open_due(at=clock.now()) is None


def test_run_now_skips_the_hour_and_never_the_cool_off(mailbox, team, learners, settings):
    settings.COOL_OFF_HOURS, settings.BATCH_AT = 72, "02:00"
    early, late = decided(mailbox, team, ORLA), decided(mailbox, team, KOFI)
    at = clock.now()
    for each, hours in ((early, 73), (late, 71)):
        plan = plan_of(each)
        casework.approve(plan, hash=plan.hash, by=team.approver, at=at - timedelta(hours=hours))
    for each in (team.clerk, team.verifier, team.approver, team.counsel):
        with pytest.raises(NotAllowed):
            batches.run_now(by=each, at=at)
    batches.run_now(by=team.officer, at=at)
    while batches.open_due(at=at):
        pass
    assert [fresh(each).status for each in (early, late)] == [Status.EXECUTING, Status.APPROVED]


def test_people_at_the_switch_need_the_role_and_are_named(mailbox, team, learners, at_once):
    consumer_request = decided(mailbox, team, HANA)
    approve(consumer_request, team.approver)
    batch = opened()
    for each in (team.clerk, team.verifier):
        with pytest.raises(NotAllowed):
            batches.pause(batch, by=each, at=clock.now())
        with pytest.raises(NotAllowed):
            batches.set_kill_switch(stopped=True, reason="x", by=each, at=clock.now())
    batches.set_kill_switch(stopped=True, reason="x", by=team.counsel, at=clock.now())
    with pytest.raises(NotAllowed):
        batches.set_kill_switch(stopped=False, reason="x", by=team.counsel, at=clock.now())
    batches.pause(batch, by=team.approver, at=clock.now())
    with pytest.raises(NotAllowed):
        batches.resume(batch, by=team.approver, at=clock.now())
    batches.resume(batch, by=team.officer, at=clock.now())
    assert lines(f"batch:{batch.pk}") == ["batch.paused", "batch.running"]


def test_a_batch_is_done_when_its_chunks_are(mailbox, team, learners, at_once):
    approve(decided(mailbox, team, ORLA), team.approver)
    chunk = gathered()
    assert batches.finish_done(at=clock.now()) == 0
    batches.work_chunk(chunk, at=clock.now())
    at = clock.now()
    assert batches.finish_done(at=at) == 1
    batch = Batch.objects.get()
    assert (batch.state, batch.finished_at) == (BatchState.DONE, at)


def test_workers_do_it_all_without_arguments(mailbox, team, learners, at_once):
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    tasks.drain_house()
    tasks.drain_erase()
    assert fresh(consumer_request).status == Status.COMPLETED
    assert plan_of(consumer_request).state == PlanState.PROVED
    tasks.drain_prove()


def test_a_chunk_whose_people_all_left_is_done(mailbox, team, learners, at_once):
    approve(decided(mailbox, team, ORLA), team.approver)
    chunk = gathered()
    by_sql("UPDATE requests_app_plan SET state = 'void'")
    batches.work_chunk(chunk, at=clock.now())
    chunk.refresh_from_db()
    assert (chunk.state, chunk.stage) == ("done", Chunk.Stage.DONE)
