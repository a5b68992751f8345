"""Chunks that cannot go on as they are: they wait, are sent back in part, or are parted."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max, Q

from ccpa_office import ledger, work
from ccpa_office.roles import Actor
from requests_app import workflow
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
    """Give half of a chunk's plans a chunk of their own; whether it had more than one.

    The store refused the whole because of somebody in it. Halved again and again, whoever is to
    blame stands alone in the end and is parked; everybody else is carried out.
    """
    with transaction.atomic():
        Batch.objects.select_for_update().get(pk=chunk.batch_id)
        executing = chunk.plans.filter(state=PlanState.EXECUTING)
        plans = list(executing.filter(parent__isnull=True).order_by("pk").only("pk", "people"))
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
