"""Work on chunks, tasks and looks of systems outside, as workers claim them."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from ccpa_office import clock, sealing, work
from ccpa_office.models import StaffMember, WorkState
from ccpa_office.roles import Actor
from notices_app.models import SystemKind
from requests_app import targets
from requests_app.fulfillment.loading import is_halted
from requests_app.fulfillment.locating_outside import is_silent
from requests_app.fulfillment.outside import asking, hands, settling
from requests_app.fulfillment.outside.asking import ForAPerson, StillUnknown, Talk
from requests_app.fulfillment.outside.breaker import NotNow
from requests_app.fulfillment.packing import is_whole, open_part, open_subjects
from requests_app.models import (
    Chunk,
    OutsideLook,
    OutsideStage,
    OutsideTask,
    Plan,
    PlanState,
)
from requests_app.targets import Vendor

SYSTEM = Actor.system("outside")
HALTED = timedelta(minutes=1)
NEXT_SIGHT = timedelta(hours=1)
FIRST_POLL, LONGEST_POLL = timedelta(minutes=1), timedelta(hours=6)


# --- chunks -------------------------------------------------------------------------------------


def work_chunk(chunk: Chunk, *, at: datetime) -> None:
    """Make a task for each plan of a chunk; then wait until all are settled.

    The chunk holds up no task: it only says when the batch is done.
    """
    if is_halted(chunk):
        _wait(chunk, at + HALTED, "halted")
    elif _begin(chunk, at):
        pass
    else:
        _look_at_tasks(chunk, at)


def _look_at_tasks(chunk: Chunk, at: datetime) -> None:
    """Wait for a task, or for a person, or be done.

    Under the chunk's lock, as ``settling.settle`` is: otherwise a task that is settled between this
    look and the parking would leave a chunk that nobody wakes.
    """
    with transaction.atomic():
        settling.hold_chunk(chunk.pk)
        if _tasks(chunk).filter(state__in=[WorkState.READY, WorkState.RUNNING]).exists():
            _wait(chunk, at + NEXT_SIGHT, "outside")
        elif _tasks(chunk).filter(state=WorkState.PARKED).exists():
            work.park(chunk, error_code="outside")
        else:
            work.finish(chunk, stage=Chunk.Stage.DONE, erased_at=at, proved_at=at)


def _tasks(chunk: Chunk) -> QuerySet[OutsideTask]:
    return OutsideTask.objects.filter(plan__chunk=chunk)


def _wait(chunk: Chunk, until: datetime, code: str) -> None:
    """Let a chunk wait; this was no attempt."""
    work.finish(
        chunk, state="ready", attempts=chunk.attempts - 1, not_before=until, error_code=code
    )


def _begin(chunk: Chunk, at: datetime) -> bool:
    """Whether there were plans without a task; they have one now."""
    without = Plan.objects.filter(
        ~Exists(OutsideTask.objects.filter(plan=OuterRef("pk"))),
        chunk=chunk,
        state=PlanState.EXECUTING,
    ).select_related("consumer_request", "map_version__system__data_key")
    plans = list(without.order_by("pk"))
    if not plans:
        return False
    with transaction.atomic():
        OutsideTask.objects.bulk_create([_task(plan, at) for plan in plans])
        _wait(chunk, at + NEXT_SIGHT, "outside")
    return True


def _task(plan: Plan, at: datetime) -> OutsideTask:
    vendor = targets.vendor_under(plan.map_version)
    return OutsideTask(
        plan=plan,
        lane="erase",
        not_before=at,
        kind=vendor.description.kind,
        due_on=asking.due_on(vendor, plan.consumer_request, today=clock.day_of(at)),
        assigned_to_id=_assigned(vendor),
    )


def _assigned(vendor: Vendor) -> int | None:
    """The member of staff that a manual system's address names."""
    if not vendor.url.startswith("staff:"):
        return None
    named = StaffMember.objects.filter(username=vendor.url.removeprefix("staff:"), is_active=True)
    return named.values_list("pk", flat=True).first()


# --- tasks --------------------------------------------------------------------------------------


def work_task(task: OutsideTask, *, at: datetime) -> None:
    """One claimed task, as far as it goes now."""
    plan = task.plan
    if plan.state != PlanState.EXECUTING or plan.chunk is None:
        work.finish(task, stage=OutsideStage.VOID)
        return
    if is_halted(plan.chunk):
        work.put_off(task, error_code="halted", delay=HALTED)
        return
    if code := _not_to_be_asked(task):
        work.park(task, error_code=code)
        return
    if task.kind == SystemKind.MANUAL and task.confirmed_at is None:
        hands.wake(task, at=at)
        return
    talk = Talk.about(task, targets.vendor_under(plan.map_version), at=at)
    try:
        _go_on(talk)
    except NotNow as later:
        _put_off(task, later, at)
    except StillUnknown:
        work.hand_back(task, error_code="unknown")
    except ForAPerson as why:
        work.park(task, error_code=why.code)


def _not_to_be_asked(task: OutsideTask) -> str:
    """Why nothing is asked for a task and a person takes it, as a code; empty when it is asked."""
    if not _is_what_was_approved(task.plan):
        return "not-what-was-approved"
    unanswered = is_silent(task.plan) and task.confirmed_at is None
    return hands.NOTHING_TO_ASK_BY if unanswered else ""


def _go_on(talk: Talk) -> None:
    """Ask, wait for what was taken in, look again."""
    task = talk.task
    if task.stage in {OutsideStage.ASK, OutsideStage.WAIT}:
        if not asking.delete(talk, asking.asked_of(task)):
            _poll_later(talk)
            return
        asking.hold(task, stage=OutsideStage.PROVE, deleted=task.deleted)
        task.stage = OutsideStage.PROVE
    settling.prove(talk)


def _poll_later(talk: Talk) -> None:
    """What was taken in is asked after again, more and more seldom, until it is due."""
    task, at = talk.task, talk.at
    if clock.day_of(at) > task.due_on:
        raise ForAPerson("overdue")
    waited = max(at - (task.asked_at or at), timedelta(0))
    pause = min(max(waited, FIRST_POLL), LONGEST_POLL)
    work.finish(
        task, state="ready", stage=OutsideStage.WAIT, attempts=task.attempts - 1,
        not_before=at + pause, error_code="pending",
    )  # fmt: skip


def _put_off(task: OutsideTask, later: NotNow, at: datetime) -> None:
    """Wait without counting an attempt; past its day the task becomes a person's work."""
    if clock.day_of(at) > task.due_on:
        work.park(task, error_code="overdue")
    else:
        work.put_off(task, error_code=later.code, delay=later.pause)


def _is_what_was_approved(plan: Plan) -> bool:
    box = sealing.Box(plan.data_key)
    parts = [open_part(box, row) for row in plan.tables.order_by("ordinal")]
    return is_whole(plan, open_subjects(box, plan), parts)


# --- looks --------------------------------------------------------------------------------------


def work_look(row: OutsideLook, *, at: datetime) -> None:
    """One claimed look."""
    try:
        settling.look_again(row, at=at)
    except NotNow as later:
        due = (row.task.proved_at or at) + timedelta(days=row.day)
        asking.wait_to_look(row, later, due=due, at=at)
    except StillUnknown:
        work.hand_back(row, error_code="unknown")
    except ForAPerson as why:
        work.park(row, error_code=why.code)


def claimed_task(rows: list[OutsideTask], *, at: datetime) -> None:
    """Handle claimed tasks with what they stand on, read at once."""
    wanted = OutsideTask.objects.select_related(
        "plan__data_key", "plan__chunk", "plan__consumer_request__data_key",
        "plan__map_version__system__data_key",
    )  # fmt: skip
    known = wanted.in_bulk([row.pk for row in rows])
    for row in rows:
        row.plan = known[row.pk].plan
        work_task(row, at=at)


def claimed_look(rows: list[OutsideLook], *, at: datetime) -> None:
    """Handle claimed looks with what they stand on."""
    wanted = OutsideTask.objects.select_related(
        "plan__data_key", "plan__consumer_request", "plan__map_version__system__data_key"
    )
    known = wanted.in_bulk([row.task_id for row in rows])
    for row in rows:
        row.task = known[row.task_id]
        work_look(row, at=at)
