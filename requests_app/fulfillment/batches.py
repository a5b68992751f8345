"""Batches: gather what is due, hold it against the ceiling of people, let workers carry it out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from ccpa_office import clock_guard, ledger, work
from ccpa_office.connectors.base import ChangeBlocked, KeysRefused
from ccpa_office.models import WorkState
from ccpa_office.prepared import Changed, Prepared, insert
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from notices_app import datamap
from notices_app.models import SystemKind
from requests_app import workflow
from requests_app.fulfillment import erasure, newborn, outside, pacing, parting, proof
from requests_app.fulfillment.cutting import cut_plans
from requests_app.fulfillment.loading import Load, NotNow, NotWhatWasApproved, load
from requests_app.fulfillment.packing import batch_hash
from requests_app.fulfillment.timetable import next_run
from requests_app.models import (
    Batch,
    BatchApproval,
    BatchState,
    Chunk,
    ConsumerRequest,
    Look,
    Plan,
    PlanState,
    Status,
    Sweep,
    Switch,
)

SYSTEM = Actor.system("batches")
CHUNK = 1000


class ApprovalRefused(Exception):
    """This approval does not count: wrong hash, wrong person, or nothing to approve."""


def open_due(*, at: datetime, limit: int = CHUNK) -> Batch | None:
    """Gather approved plans whose cool-off is over into a batch: one chunk, or cut by rows.

    Returns None when nothing is due, while the clock is not trusted (PR-10), or while the kill
    switch is set: what has not begun can then still be stopped. Above the ceiling of people the
    batch waits for two people.
    """
    with transaction.atomic():
        plans = _due(limit)(at)
        plans = [plan for plan in plans if plan.map_version_id == plans[0].map_version_id]
        if not plans or not clock_guard.clock_is_trusted():
            return None
        people = sum(plan.people for plan in plans)
        waits = people > settings.CEILING_PEOPLE
        batch = Batch(
            kind=Batch.Kind.DUE,
            system_key=plans[0].system_key,
            state=BatchState.WAITING if waits else BatchState.RUNNING,
            people=people,
            ceiling=settings.CEILING_PEOPLE,
            approvals_needed=2 if waits else 0,
            hash=batch_hash(plans),
            opened_at=at,
        )
        insert([batch])
        for ordinal, cut in enumerate(cut_plans(plans), start=1):
            chunk = Chunk(
                batch=batch,
                ordinal=ordinal,
                people=sum(plan.people for plan in cut),
                lane="erase",
                not_before=at,
                stage=Chunk.Stage.WAIT if waits else first_stage(plans[0]),
                state="done" if waits else "ready",
            )
            insert([chunk])
            if waits:
                Plan.objects.filter(pk__in=[plan.pk for plan in cut]).update(chunk=chunk)
            else:
                start(cut, chunk, at=at)
    return batch


@cache
def _due(limit: int) -> Prepared[Plan]:
    return Prepared(
        lambda at: (
            Plan.objects.filter(
                ~Exists(Switch.objects.filter(stopped=True)),
                state=PlanState.APPROVED,
                executable_at__lte=at,
                chunk__isnull=True,
                consumer_request__status__in=[Status.APPROVED, Status.EXECUTING],
            )
            .select_related("consumer_request", "map_version__system")
            .defer("map_version__document")
            .select_for_update(of=("self", "consumer_request"), skip_locked=True)
            .order_by("executable_at", "pk")[:limit]
        ),
        planned=True,
    )


def first_stage(plan: Plan) -> Chunk.Stage:
    """What a chunk of such plans begins with: erasing, or asking a system outside."""
    is_database = plan.map_version.system.kind == SystemKind.SQL
    return Chunk.Stage.ERASE if is_database else Chunk.Stage.OUTSIDE


STARTED = Changed(
    lambda plans, chunk: (
        Plan.objects.filter(pk__in=plans), {"state": PlanState.EXECUTING, "chunk_id": chunk},
    )
)  # fmt: skip


def start(plans: Sequence[Plan], chunk: Chunk, *, at: datetime) -> None:
    """From approved to being carried out; the database asks for the approvals once more."""
    STARTED([plan.pk for plan in plans], chunk.pk)
    requests = {
        plan.consumer_request_id: plan.consumer_request
        for plan in plans
        if plan.consumer_request and plan.consumer_request.status == Status.APPROVED
    }
    if requests:
        workflow.move_all(
            list(requests.values()),
            Status.EXECUTING,
            by=SYSTEM,
            at=at,
            facts={"batch": chunk.batch_id},
        )


def approve(batch: Batch, *, hash: str, by: Actor, at: datetime) -> Batch:  # noqa: A002
    """One of two people says yes to a batch above the ceiling of people (design 6.4).

    Nobody who verified one of its people, or opened the list, counts. With the last approval the
    batch starts. Raises ``ApprovalRefused``, ``NotAllowed``.
    """
    require(by, Verb.APPROVE_BATCH)
    may_decide_now(by, at=at)
    with transaction.atomic():
        batch = Batch.objects.select_for_update().get(pk=batch.pk)
        if batch.state != BatchState.WAITING or batch.hash != hash:
            raise ApprovalRefused("this batch does not wait, or is not what you saw")
        if by.id == batch.opened_by_id or _verified_somebody(batch, by):
            raise ApprovalRefused("who opened the batch or verified somebody in it cannot approve")
        if Plan.objects.filter(
            Q(state=PlanState.FROZEN) | Q(state=PlanState.VOID, consumer_request=None),
            chunk__batch=batch,
            asked_by_id=by.staff_id,
        ).exists():
            raise ApprovalRefused("who decided on shared rows of the list cannot approve it")
        _made, new = BatchApproval.objects.get_or_create(
            batch=batch, by_id=by.staff_id, hash=hash, defaults={"at": at}
        )
        if not new:
            raise ApprovalRefused("you have approved this batch already")
        ledger.record(
            "batch.approved", subject=f"batch:{batch.pk}", by=by, at=at, facts={"hash": hash}
        )
        if batch.approvals.filter(hash=hash).count() >= batch.approvals_needed:
            (release if batch.kind == Batch.Kind.DUE else _schedule)(batch, at=at)
    return batch


def _schedule(batch: Batch, *, at: datetime) -> None:
    """A list that has its approvals waits for its cool-off, chunk by chunk."""
    plans = Plan.objects.filter(chunk__batch=batch, state=PlanState.FROZEN)
    living = list(plans.order_by("pk").only("hash", "undecided"))
    if batch_hash(living) != batch.hash or any(plan.undecided for plan in living):
        raise ApprovalRefused("rows that others reach too are not decided, or the plans changed")
    due = next_run(at + timedelta(hours=settings.COOL_OFF_HOURS))
    kinds = plans.filter(map_version__system__kind=SystemKind.SQL)
    stage = Chunk.Stage.ERASE if kinds.exists() else Chunk.Stage.OUTSIDE
    plans.update(state=PlanState.APPROVED, approved_at=at, executable_at=due)
    batch.chunks.filter(stage=Chunk.Stage.WAIT).update(stage=stage, state="ready", not_before=due)
    batch.state = BatchState.RUNNING
    batch.save(update_fields=["state"])


def _verified_somebody(batch: Batch, by: Actor) -> bool:
    return ConsumerRequest.objects.filter(plans__chunk__batch=batch, verified_by_id=by.id).exists()


def release(batch: Batch, *, at: datetime) -> None:
    """Start every chunk of a batch that has its approvals."""
    batch.state = BatchState.RUNNING
    batch.save(update_fields=["state"])
    for chunk in batch.chunks.filter(stage=Chunk.Stage.WAIT).order_by("ordinal"):
        plans = list(
            chunk.plans.filter(state=PlanState.APPROVED)
            .select_related("consumer_request", "map_version__system")
            .select_for_update(of=("self",))
            .order_by("pk")
        )
        if not plans:
            Chunk.objects.filter(pk=chunk.pk).update(stage=Chunk.Stage.DONE)
            continue
        Chunk.objects.filter(pk=chunk.pk).update(
            stage=first_stage(plans[0]), state="ready", lane="erase", not_before=at
        )
        start(plans, chunk, at=at)


# --- carrying out -------------------------------------------------------------------------------


def work_chunk(chunk: Chunk, *, at: datetime) -> None:
    """Carry out a claimed chunk: erase and prove, or have systems outside asked."""
    if chunk.stage != Chunk.Stage.OUTSIDE:
        _work_rows(chunk, at=at)
        return
    if chunk.batch.kind == Batch.Kind.RETURN:
        _start_list(chunk, at)
    outside.work_chunk(chunk, at=at)


def _work_rows(chunk: Chunk, *, at: datetime) -> None:
    """Erase and prove within the system's share of time."""
    turn = pacing.Turn()
    try:
        _carry_out(chunk, turn, at)
    except pacing.NotYet as later:
        parting.wait(chunk, later.until, "paced")
    except (ChangeBlocked, KeysRefused):
        if chunk.stage != Chunk.Stage.ERASE or not parting.part(chunk, at=at):
            erasure.refresh_without(chunk)
            raise
    finally:
        turn.end()


def _carry_out(chunk: Chunk, turn: pacing.Turn, at: datetime) -> None:
    """Erase and prove; after a crash go on where it stood."""
    try:
        loaded = _erase(chunk, turn, at) if chunk.stage == Chunk.Stage.ERASE else load(chunk)
    except NotNow:
        if chunk.stage == Chunk.Stage.ERASE and _start_list(chunk, at):
            _carry_out(chunk, turn, at)
        else:
            parting.stand_still(chunk, at)
        return
    except (erasure.KeyOfAnother, NotWhatWasApproved) as found:
        _stop(chunk, STOPS[type(found)], at)
        erasure.refresh_without(chunk)
        return
    except FrozenForAnother:
        _stop(chunk, STOPS[FrozenForAnother], at)
        return
    except newborn.TooManyNewborn as too_many:
        parting.send_back(chunk, too_many, at)
        return
    erasure.refresh(chunk, loaded.target)
    proof.prove_chunk(loaded, at=at)


class FrozenForAnother(Exception):
    """The system has another address by now: another database, for all that anybody knows."""


def _erase(chunk: Chunk, turn: pacing.Turn, at: datetime) -> Load:
    try:
        return erasure.run_chunk(chunk, at=at, turn=turn)
    except datamap.NoActiveMap:
        raise FrozenForAnother from None


def _start_list(chunk: Chunk, at: datetime) -> bool:
    """Start the chunk of a list when its turn has come; the database asks for the approvals."""
    with transaction.atomic():
        plans = list(
            chunk.plans.filter(
                state=PlanState.APPROVED,
                consumer_request__isnull=True,
                executable_at__lte=at,
                chunk__batch__state=BatchState.RUNNING,
            )
        )
        if plans and clock_guard.clock_is_trusted():
            start(plans, chunk, at=at)
            return True
    return False


def finish_done(*, at: datetime) -> int:
    """Say done of every running batch of which no chunk is open; one statement."""
    unfinished = Chunk.objects.filter(batch=OuterRef("pk")).exclude(stage=Chunk.Stage.DONE)
    return Batch.objects.filter(~Exists(unfinished), state=BatchState.RUNNING).update(
        state=BatchState.DONE, finished_at=at
    )


STOPS: dict[type[Exception], str] = {
    erasure.KeyOfAnother: "key-of-another",
    NotWhatWasApproved: "not-what-was-approved",
    FrozenForAnother: "new-address",
}


def _stop(chunk: Chunk, reason: str, at: datetime) -> None:
    """A key that now belongs to someone else, or a changed plan, stops the whole batch (PR-14)."""
    with transaction.atomic():
        parting.set_aside(chunk, reason)
        Batch.objects.filter(pk=chunk.batch_id).update(state=BatchState.STOPPED, stop_reason=reason)
        ledger.record(
            "batch.stopped",
            subject=f"batch:{chunk.batch_id}",
            by=SYSTEM,
            at=at,
            facts={"reason": reason, "chunk": chunk.ordinal},
        )


# --- people at the switch -----------------------------------------------------------------------


def pause(batch: Batch, *, by: Actor, at: datetime) -> None:
    """No further chunk starts until somebody resumes."""
    _switch(batch, BatchState.RUNNING, BatchState.PAUSED, Verb.STOP_BATCH, by=by, at=at)


def resume(batch: Batch, *, by: Actor, at: datetime) -> None:
    """Go on where it stood."""
    _switch(batch, BatchState.PAUSED, BatchState.RUNNING, Verb.RUN_BATCH, by=by, at=at)
    Chunk.objects.filter(batch=batch, state="ready").update(not_before=at)


def _switch(
    batch: Batch, was: BatchState, to: BatchState, verb: Verb, *, by: Actor, at: datetime
) -> None:
    require(by, verb)
    with transaction.atomic():
        if not Batch.objects.filter(pk=batch.pk, state=was).update(state=to):
            raise ApprovalRefused(f"the batch is not {was.label}")
        ledger.record(f"batch.{to.value}", subject=f"batch:{batch.pk}", by=by, at=at)


def gave_up(batch: Batch) -> list[Chunk | Look | Sweep]:
    """Chunks and looks that wait for a person and may be tried again.

    What stopped a batch is not among them: it takes new plans, not another attempt.
    """
    chunks = Chunk.objects.filter(batch=batch, state=WorkState.PARKED).exclude(
        Q(error_code__in=STOPS.values()) | Q(batch__state=BatchState.STOPPED)
    )
    looks = Look.objects.filter(chunk__batch=batch, state=WorkState.PARKED)
    sweeps = Sweep.objects.filter(batch=batch, state=WorkState.PARKED)
    return [*chunks.order_by("ordinal"), *looks.order_by("chunk", "day"), *sweeps]


def try_again(batch: Batch, *, by: Actor, at: datetime) -> int:
    """Make due again what gave up and may be tried again; how many pieces."""
    require(by, Verb.RUN_BATCH)
    with transaction.atomic():
        tried = [row for row in gave_up(batch) if work.unpark(row, not_before=at)]
        if tried:
            ledger.record(
                "work.retried", subject=f"batch:{batch.pk}", by=by, at=at,
                facts={"pieces": len(tried), "codes": sorted({row.error_code for row in tried})},
            )  # fmt: skip
    return len(tried)


def set_kill_switch(*, stopped: bool, reason: str, by: Actor, at: datetime) -> None:
    """Stop, or allow again, every erasure of the office."""
    require(by, Verb.STOP_BATCH if stopped else Verb.RUN_BATCH)
    with transaction.atomic():
        Switch.objects.update_or_create(
            pk=1, defaults={"stopped": stopped, "by_id": by.id, "at": at, "reason": reason[:200]}
        )
        ledger.record(
            "erasure.stopped" if stopped else "erasure.allowed", subject="office", by=by, at=at
        )


def run_now(*, by: Actor, at: datetime) -> Batch | None:
    """Make what is due run now instead of at the next ``BATCH_AT``; the cool-off stays."""
    require(by, Verb.RUN_BATCH)
    Plan.objects.filter(
        state=PlanState.APPROVED,
        approved_at__lte=at - timedelta(hours=settings.COOL_OFF_HOURS),
        executable_at__gt=at,
    ).update(executable_at=at)
    cooling = Plan.objects.filter(chunk=OuterRef("pk"), executable_at__gt=at)
    Chunk.objects.filter(~Exists(cooling), state="ready", batch__state=BatchState.RUNNING).update(
        not_before=at
    )
    return open_due(at=at)
