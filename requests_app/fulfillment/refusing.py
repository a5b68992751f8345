"""A no to a batch that waits for approval: nothing of it is carried out."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from ccpa_office import ledger, sealing
from ccpa_office.roles import Actor, Verb, require
from requests_app import workflow
from requests_app.fulfillment import residue
from requests_app.fulfillment.batches import ApprovalRefused
from requests_app.fulfillment.plan import LIVING
from requests_app.models import (
    Batch,
    BatchState,
    Chunk,
    ConsumerRequest,
    Listed,
    Note,
    Plan,
    PlanState,
    Status,
)


def refuse(batch: Batch, *, reason: str, by: Actor, at: datetime) -> Batch:
    """Say no to a batch that waits: its plans are void, and officers ask for new ones.

    Raises ``ApprovalRefused``, ``NotAllowed``.
    """
    require(by, Verb.APPROVE_BATCH)
    with transaction.atomic():
        batch = Batch.objects.select_for_update().get(pk=batch.pk)
        if batch.state != BatchState.WAITING:
            raise ApprovalRefused("this batch does not wait for approval")
        if by.id == batch.opened_by_id:
            raise ApprovalRefused("who opened the batch cannot refuse it")
        batch.state, batch.stop_reason, batch.finished_at = BatchState.STOPPED, "refused", at
        batch.save(update_fields=["state", "stop_reason", "finished_at"])
        batch.chunks.filter(stage=Chunk.Stage.WAIT).update(stage=Chunk.Stage.DONE)
        facts = {"hash": batch.hash, "reason": sealing.digest("reason", reason).hex()}
        ledger.record("batch.refused", subject=f"batch:{batch.pk}", by=by, at=at, facts=facts)
        requests = _void_waiting(batch)
        residue.left(batch, at=at)
        for each in requests:
            workflow.note(each, reason, author=Note.Author.INTERNAL, by=by, at=at)
        if requests:
            workflow.move_all(
                requests,
                Status.VERIFIED,
                by=by,
                at=at,
                facts={"refused": True, "batch": batch.pk},
            )
    return batch


def _void_waiting(batch: Batch) -> list[ConsumerRequest]:
    """Void what a waiting batch holds, and what else its requests were to have done to them."""
    waiting = {"chunk__batch": batch, "state__in": [PlanState.FROZEN, PlanState.APPROVED]}
    asked = Plan.objects.filter(**waiting).values("consumer_request")
    plans = list(
        Plan.objects.filter(Q(**waiting) | Q(consumer_request__in=asked, state__in=LIVING))
        .select_related("consumer_request__data_key")
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    if any(plan.state == PlanState.EXECUTING for plan in plans):
        raise ApprovalRefused("part of a request in it is being carried out; refuse it after that")
    Plan.objects.filter(pk__in=[plan.pk for plan in plans]).update(state=PlanState.VOID)
    requests = {plan.consumer_request_id: plan.consumer_request for plan in plans}
    return [each for each in requests.values() if each]


def discard(batch: Batch, *, by: Actor, at: datetime) -> Batch:
    """Throw away a list that was never read to its end; nothing of it can be approved.

    Who still reads it, or builds its plans, finds out at the next chunk. Raises
    ``ApprovalRefused``, ``NotAllowed``.
    """
    require(by, Verb.STOP_BATCH)
    with transaction.atomic():
        batch = Batch.objects.select_for_update().get(pk=batch.pk)
        if batch.state != BatchState.GATHERING:
            raise ApprovalRefused("this batch is not being planned any more")
        batch.state, batch.stop_reason, batch.finished_at = BatchState.STOPPED, "discarded", at
        batch.save(update_fields=["state", "stop_reason", "finished_at"])
        gone = batch.chunks.filter(stage__in=[Chunk.Stage.PLAN, Chunk.Stage.WAIT])
        Listed.objects.filter(chunk__in=gone).delete()
        gone.update(stage=Chunk.Stage.DONE)
        Plan.objects.filter(chunk__batch=batch, state=PlanState.FROZEN).update(state=PlanState.VOID)
        ledger.record("batch.discarded", subject=f"batch:{batch.pk}", by=by, at=at)
    return batch
