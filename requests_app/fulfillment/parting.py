"""Chunks that cannot go on as they are: they wait, are sent back in part, or are parted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Q

from ccpa_office import ledger, sealing, work
from ccpa_office.roles import Actor
from requests_app import targets, workflow
from requests_app.fulfillment.locating import Found
from requests_app.fulfillment.packing import Part, is_whole, open_part, open_subjects
from requests_app.fulfillment.plan import freeze
from requests_app.models import Batch, Chunk, Plan, PlanState, Status
from requests_app.verification.deciding import queue_plan

SYSTEM = Actor.system("batches")


def wait(chunk: Chunk, until: datetime, code: str) -> None:
    """Let a chunk wait; this was no attempt, so that no wait, however long, wears it out."""
    work.finish(
        chunk, state="ready", attempts=chunk.attempts - 1, not_before=until, error_code=code
    )


def send_back(chunk: Chunk, sent: frozenset[int], at: datetime) -> None:
    """Too many new rows: these plans are void, their requests are planned and approved anew.

    The other people of the chunk are not held up by them.
    """
    with transaction.atomic():
        void = chunk.plans.filter(Q(pk__in=sent) | Q(parent__in=sent), state=PlanState.EXECUTING)
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
        chunks = Chunk.objects.filter(batch=chunk.batch_id)
        new = Chunk.objects.create(
            batch_id=chunk.batch_id, people=people, lane="erase", stage=Chunk.Stage.ERASE,
            ordinal=1 + (chunks.aggregate(last=Max("ordinal"))["last"] or 0), not_before=at,
        )  # fmt: skip
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
    box = sealing.Box(plan.data_key)
    people = open_subjects(box, plan)
    parts = [open_part(box, row) for row in plan.tables.order_by("ordinal")]
    is_list = chunk.batch.kind == Batch.Kind.LIST and len(people) > 1
    if not is_list or not is_whole(plan, people, parts):
        return []
    chunk.plans.filter(Q(pk=pk) | Q(parent=pk)).update(state=PlanState.VOID)
    target, middle = targets.under(plan.map_version), len(people) // 2
    halves = [
        freeze(
            Found(target, people[first:last], _cut(parts, first, last), {}),
            data_key=plan.data_key, at=at, chunk=chunk, asked_by_id=plan.asked_by_id,
            approved_at=plan.approved_at, executable_at=plan.executable_at,
        )
        for first, last in ((0, middle), (middle, len(people)))
    ]  # fmt: skip
    new = Plan.objects.filter(pk__in=[half.pk for half in halves])
    for state in (PlanState.APPROVED, PlanState.EXECUTING):
        new.update(state=state)
    facts = {"chunk": chunk.ordinal, "plan": plan.hash, "halves": [half.hash for half in halves]}
    ledger.record("plan.halved", subject=f"batch:{chunk.batch_id}", by=SYSTEM, at=at, facts=facts)
    return halves


def _cut(parts: Sequence[Part], first: int, last: int) -> list[Part]:
    """The parts of some of the people, counted from the first of them."""
    cut = []
    for each in parts:
        mine = [place for place, person in enumerate(each.persons) if first <= person < last]
        keys = [each.keys[place] for place in mine]
        persons = [each.persons[place] - first for place in mine]
        cut += [replace(each, keys=keys, persons=persons)] if mine else []
    return cut
