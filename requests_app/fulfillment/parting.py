"""Chunks that cannot go on as they are: they wait, are sent back in part, or are parted."""

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q

from ccpa_office import clock_guard, ledger, sealing, work
from ccpa_office.roles import Actor
from requests_app import targets, workflow
from requests_app.fulfillment import erasure, proof
from requests_app.fulfillment.loading import NotWhatWasApproved, load
from requests_app.fulfillment.locating import Found
from requests_app.fulfillment.newborn import TooManyNewborn
from requests_app.fulfillment.packing import (
    Part,
    is_whole,
    open_part,
    open_subjects,
    seal_listed,
)
from requests_app.fulfillment.plan import freeze
from requests_app.models import (
    Batch,
    BatchState,
    Chunk,
    Listed,
    Plan,
    PlanState,
    Status,
    Switch,
)
from requests_app.verification.deciding import queue_plan

SYSTEM = Actor.system("batches")
BATCH_STOPPED = "batch-stopped"
"""Why the other chunks of a batch that stopped are set aside."""


def wait(chunk: Chunk, until: datetime, code: str) -> None:
    """Let a chunk wait; this was no attempt, so that no wait, however long, wears it out."""
    work.finish(
        chunk, state="ready", attempts=chunk.attempts - 1, not_before=until, error_code=code
    )


LIVE = (PlanState.APPROVED, PlanState.EXECUTING)


def has_plans(chunk: Chunk) -> bool:
    """Whether anything of a chunk is still to be carried out or proved."""
    return chunk.plans.filter(state__in=LIVE).exists()


def set_aside(chunk: Chunk, code: str) -> None:
    """Nothing more of a chunk is carried out, because its batch stopped. Raises ``LeaseLost``.

    Its requests wait for new plans. A plan of no request is stopped with it: what it was to take
    (a term that is over, rows that came back, a text) is due again.
    """
    with transaction.atomic():
        mine = chunk.plans.filter(state__in=LIVE)
        mine.filter(consumer_request__isnull=True).update(state=PlanState.STOPPED)
        if has_plans(chunk):
            work.park(chunk, error_code=code)
        else:
            work.finish(chunk, stage=Chunk.Stage.DONE, error_code=code)


def send_back(chunk: Chunk, too_many: TooManyNewborn, at: datetime) -> None:
    """Too many new rows: these plans are void, their requests are planned and approved anew.

    The other people of the chunk are not held up by them.
    """
    if chunk.batch.kind == Batch.Kind.LIST:
        _leave_out(chunk, too_many.people, at)
        return
    with transaction.atomic():
        sent = Q(pk__in=too_many.plans) | Q(parent__in=too_many.plans)
        void = chunk.plans.filter(sent, state=PlanState.EXECUTING)
        plans = list(void.select_related("consumer_request"))
        Plan.objects.filter(pk__in=[plan.pk for plan in plans]).update(state=PlanState.VOID)
        if chunk.plans.filter(state=PlanState.EXECUTING).exists():
            wait(chunk, at, "too-many-newborn")
        else:
            work.finish(chunk, stage=Chunk.Stage.DONE, error_code="too-many-newborn")
        for consumer_request in {plan.consumer_request for plan in plans if plan.consumer_request}:
            workflow.move(
                consumer_request, Status.VERIFIED, by=SYSTEM, at=at, facts={"newborn": True}
            )
            queue_plan(consumer_request, at=at)


def stand_still(chunk: Chunk, at: datetime) -> None:
    """Nothing of a chunk may be carried out now: it is over, or waits, or its batch has stopped.

    In a batch that stopped nobody waits: what was erased is proved, all else is set aside.
    """
    is_stopped = Batch.objects.filter(pk=chunk.batch_id, state=BatchState.STOPPED).exists()
    if not has_plans(chunk):
        work.finish(chunk, stage=Chunk.Stage.DONE)
    elif is_stopped and chunk.stage == Chunk.Stage.ERASE:
        set_aside(chunk, BATCH_STOPPED)
    elif is_stopped and not _is_held():
        loaded = load(chunk, looking=True)
        erasure.refresh(chunk, loaded.target)
        proof.prove_chunk(loaded, at=at)
    else:
        wait(chunk, at + timedelta(minutes=1), "halted")


def _is_held() -> bool:
    """Whether the whole office erases and proves nothing: the switch, or a suspect clock."""
    return Switch.objects.filter(stopped=True).exists() or not clock_guard.clock_is_trusted()


def _leave_out(chunk: Chunk, people: Set[int], at: datetime) -> None:
    """Go on with a list's chunk without some people, who wait for a list of their own.

    That one is opened when the rest of the batch had its turn (``lists.open_left``).
    """
    with transaction.atomic():
        Batch.objects.select_for_update().get(pk=chunk.batch_id)
        plan = _plan_of(chunk)
        box = sealing.Box(plan.data_key)
        known, rest = open_subjects(box, plan), sorted({*range(plan.people)} - people)
        _void(chunk, plan)
        if rest:
            wait(chunk, at, "too-many-newborn")
            _same_for(plan, chunk, rest, at)
        else:
            work.finish(chunk, stage=Chunk.Stage.DONE, error_code="too-many-newborn")
        Chunk.objects.filter(pk=chunk.pk).update(people=len(rest))
        new = _one_more(
            chunk, len(people), lane="plan", stage=Chunk.Stage.PLAN, state="done", at=at
        )
        left = [known[place] for place in sorted(people)]
        Listed.objects.create(chunk=new, data_key=plan.data_key, people=seal_listed(box, left))
        facts = {"chunk": chunk.ordinal, "people": len(left), "plan": plan.hash}
        ledger.record("list.left-out", subject=f"batch:{chunk.batch_id}", by=SYSTEM, at=at,
                      facts=facts)  # fmt: skip


def _plan_of(chunk: Chunk) -> Plan:
    """The one plan of a list's chunk, of many people, that is being carried out."""
    living = chunk.plans.filter(state=PlanState.EXECUTING, parent__isnull=True)
    return living.select_related("data_key", "map_version").get()


def _void(chunk: Chunk, plan: Plan) -> None:
    """A plan counts no more, nor what was born since its freeze and named under it."""
    chunk.plans.filter(Q(pk=plan.pk) | Q(parent=plan)).update(state=PlanState.VOID)


def _one_more(
    chunk: Chunk, people: int, *, lane: str, stage: Chunk.Stage, state: str, at: datetime
) -> Chunk:
    """A further chunk of the same batch, which the caller holds."""
    last = Chunk.objects.filter(batch=chunk.batch_id).aggregate(last=Max("ordinal"))["last"] or 0
    return Chunk.objects.create(
        batch_id=chunk.batch_id, ordinal=1 + last, people=people, lane=lane, stage=stage,
        state=state, not_before=at,
    )  # fmt: skip


def part(chunk: Chunk, *, at: datetime) -> bool:
    """Give half of a chunk's people a chunk of their own; whether it had more than one to part.

    The store refused the whole because of somebody in it. Halved again and again, whoever is to
    blame stands alone in the end and is parked; everybody else is carried out.
    """
    with transaction.atomic():
        Batch.objects.select_for_update().get(pk=chunk.batch_id)
        executing = chunk.plans.filter(state=PlanState.EXECUTING)
        plans = list(executing.filter(parent__isnull=True).order_by("pk").only("pk", "people"))
        if len(plans) == 1:
            plans = _halves(chunk, plans[0].pk, at)
        if len(plans) < 2:
            return False
        half = plans[len(plans) // 2 :]
        people, parted = sum(plan.people for plan in half), [plan.pk for plan in half]
        new = _one_more(chunk, people, lane="erase", stage=Chunk.Stage.ERASE, state="ready", at=at)
        executing.filter(Q(pk__in=parted) | Q(parent__in=parted)).update(chunk=new)
        work.finish(chunk, state="ready", attempts=0, not_before=at, people=chunk.people - people)
        facts = {"chunk": chunk.ordinal, "new": new.ordinal, "people": people}
        ledger.record("batch.parted", subject=f"batch:{chunk.batch_id}", by=SYSTEM, at=at,
                      facts=facts)  # fmt: skip
    return True


def _halves(chunk: Chunk, pk: int, at: datetime) -> list[Plan]:
    """Cut a list's plan, which is of many people, into two that do the same to the same rows.

    Both stand under the approvals of the batch; the book says which plan they were. What was born
    since the freeze is looked for anew.
    """
    plan = Plan.objects.select_related("data_key", "map_version").get(pk=pk)
    if chunk.batch.kind != Batch.Kind.LIST or plan.people < 2:
        return []
    middle, places = plan.people // 2, range(plan.people)
    _void(chunk, plan)
    halves = [_same_for(plan, chunk, some, at) for some in (places[:middle], places[middle:])]
    facts = {"chunk": chunk.ordinal, "plan": plan.hash, "halves": [half.hash for half in halves]}
    ledger.record("plan.halved", subject=f"batch:{chunk.batch_id}", by=SYSTEM, at=at, facts=facts)
    return halves


def _same_for(plan: Plan, chunk: Chunk, places: Sequence[int], at: datetime) -> Plan:
    """A plan that does to the rows of some of a plan's people what was approved, and no more.

    Raises ``NotWhatWasApproved``.
    """
    box = sealing.Box(plan.data_key)
    people = open_subjects(box, plan)
    parts = [open_part(box, row) for row in plan.tables.order_by("ordinal")]
    if not is_whole(plan, people, parts):
        raise NotWhatWasApproved
    some = Found(
        targets.under(plan.map_version),
        [people[place] for place in places],
        _cut(parts, places),
        {},
    )
    same = freeze(
        some, data_key=plan.data_key, at=at, chunk=chunk, asked_by_id=plan.asked_by_id,
        approved_at=plan.approved_at, executable_at=plan.executable_at,
    )  # fmt: skip
    for state in (PlanState.APPROVED, PlanState.EXECUTING):
        Plan.objects.filter(pk=same.pk).update(state=state)
    return same


def _cut(parts: Sequence[Part], places: Sequence[int]) -> list[Part]:
    """The parts of some of the people, counted in their order."""
    new = {old: number for number, old in enumerate(places)}
    cut = []
    for each in parts:
        mine = [place for place, person in enumerate(each.persons) if person in new]
        keys = [each.keys[place] for place in mine]
        persons = [new[each.persons[place]] for place in mine]
        cut += [replace(each, keys=keys, persons=persons)] if mine else []
    return cut
