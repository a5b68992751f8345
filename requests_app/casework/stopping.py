"""The consumer takes it back, the contact on file stops it, a person releases it."""

from datetime import datetime
from typing import Any

from django.db import transaction

from ccpa_office import ledger, sealing
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from requests_app import verification, workflow
from requests_app.casework.refusals import GroundMissing
from requests_app.fulfillment import handing
from requests_app.fulfillment.plan import void_plans
from requests_app.models import (
    CLOSED,
    ConsumerRequest,
    Link,
    LinkPurpose,
    Note,
    Outcome,
    PlanState,
    Status,
)

NOT_ME = "not-me"
NO_DENIAL: dict[str, Any] = {
    "ground": "", "exception": "", "ground_detail": None, "denial_drafted_by_id": None,
}  # fmt: skip
"""A draft of a denial that nobody approved leaves no ground behind."""


def withdraw(consumer_request: ConsumerRequest, *, by: Actor, at: datetime) -> ConsumerRequest:
    """The consumer takes the request back, until it is being carried out (law 1.3).

    Staff who were told so by the consumer need WORK_CASE.
    """
    if by.kind == "staff":
        require(by, Verb.WORK_CASE)
    with transaction.atomic():
        void_plans(consumer_request)
        workflow.move(consumer_request, Status.WITHDRAWN, by=by, at=at, outcome=Outcome.WITHDRAWN)
        _void_links(consumer_request, at)
    return consumer_request


def stop_by_link(link: Link, *, at: datetime) -> ConsumerRequest:
    """Stop from a contact on file, which says that it was not me: spend the link (VR-16).

    A package that was handed over is called back: nobody fetches it any more. Raises
    ``verification.LinkGone``, or ``MoveNotAllowed`` once the erasure has begun.
    """
    with transaction.atomic():
        verification.spend(link, LinkPurpose.STOP, at=at)
        if handing.call_back(link.consumer_request, at=at):
            return link.consumer_request
        return stop(link.consumer_request, at=at)


def stop(consumer_request: ConsumerRequest, *, at: datetime) -> ConsumerRequest:
    """Void the plan and stand still until a person has looked into it.

    Raises ``MoveNotAllowed`` once the erasure has begun.
    """
    with transaction.atomic():
        void_plans(consumer_request, PlanState.STOPPED)  # plans are locked before their request
        workflow.move(
            consumer_request,
            Status.STOPPED,
            by=Actor.consumer(),
            at=at,
            facts={"from": consumer_request.status},
            stopped_at=at,
            hold=NOT_ME,
            **NO_DENIAL,
        )
        _void_links(consumer_request, at)
    return consumer_request


def release_stop(
    consumer_request: ConsumerRequest, *, reason: str, by: Actor, at: datetime
) -> ConsumerRequest:
    """A person looked into it: back to the check of identity; a new plan will be needed."""
    require(by, Verb.RELEASE_STOP)
    may_decide_now(by, at=at)
    if not reason.strip():
        raise GroundMissing("Say what you found out.")
    with transaction.atomic():
        consumer_request = workflow.locked(consumer_request)
        if is_called_back(consumer_request):
            return _looked_into(consumer_request, reason, by, at)
        if consumer_request.status != Status.STOPPED:
            raise workflow.MoveNotAllowed("Nobody stopped this request.")
        return workflow.move(
            consumer_request, Status.CHECKING, by=by, at=at, reason=reason, hold="",
            stopped_at=None,
        )  # fmt: skip


def is_called_back(consumer_request: ConsumerRequest) -> bool:
    """Whether a contact on file said "not me" when the answer had been handed over already."""
    return consumer_request.status in CLOSED and consumer_request.hold == NOT_ME


def _looked_into(
    consumer_request: ConsumerRequest, reason: str, by: Actor, at: datetime
) -> ConsumerRequest:
    """The case stays closed; what the person found out stands beside it."""
    workflow.note(consumer_request, reason, author=Note.Author.INTERNAL, by=by, at=at)
    consumer_request.hold, consumer_request.stopped_at = "", None
    consumer_request.save(update_fields=["hold", "stopped_at"])
    facts = {"reason": sealing.digest("reason", reason).hex()}
    ledger.record("package.looked-into", subject=consumer_request.number, by=by, at=at, facts=facts)
    return consumer_request


def _void_links(consumer_request: ConsumerRequest, at: datetime) -> None:
    consumer_request.links.filter(used_at__isnull=True).exclude(purpose="follow").update(
        voided_at=at
    )
