"""A person says that it is the consumer, or asks once more."""

from datetime import datetime

from django.db import transaction

from ccpa_office.law.certainty import (
    Level,
    is_certain_enough,
)
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from requests_app import correspondence, workflow
from requests_app.models import (
    ConsumerRequest,
    LinkPurpose,
    Status,
    Step,
    StepKind,
)
from requests_app.verification.looking import asked_points

EVALUATIONS = 3
"""How often the answers of one request are weighed (VR-13)."""


class IdentityNotProven(Exception):
    """What was compared does not reach the level that this request needs."""


def decide(
    consumer_request: ConsumerRequest, *, by: Actor, reason: str, at: datetime
) -> ConsumerRequest:
    """A person says: it is the consumer. Never below the level that is needed (VR-41).

    Raises ``NotAllowed``, ``IdentityNotProven``, ``workflow.MoveNotAllowed``.
    """
    require(by, Verb.VERIFY)
    may_decide_now(by, at=at)
    with transaction.atomic():
        consumer_request = _in_check(consumer_request)
        reached, required = (
            Level(consumer_request.level_reached),
            Level(consumer_request.level_required),
        )
        if not is_certain_enough(reached, required):
            raise IdentityNotProven(f"{reached.label}; needed: {required.label}")
        return verified(consumer_request, by=by, at=at, reason=reason)


def _in_check(consumer_request: ConsumerRequest) -> ConsumerRequest:
    """The request, locked, if its identity waits for a verifier. Raises ``MoveNotAllowed``."""
    consumer_request = workflow.locked(consumer_request)
    if consumer_request.status != Status.CHECKING:
        raise workflow.MoveNotAllowed("Its identity does not wait for a decision.")
    return consumer_request


def verified(
    consumer_request: ConsumerRequest, *, by: Actor, at: datetime, reason: str
) -> ConsumerRequest:
    """Move to verified; a deletion gets its plan built."""
    workflow.move(
        consumer_request,
        Status.VERIFIED,
        by=by,
        at=at,
        reason=reason,
        verified_by_id=by.id,
        verified_at=at,
    )
    if consumer_request.right is RequestKind.DELETE:
        queue_plan(consumer_request, at=at)
    return consumer_request


def queue_plan(consumer_request: ConsumerRequest, *, at: datetime) -> Step:
    """Leave the building of a plan to a worker; each one has its own number."""
    return Step.objects.create(
        lane="plan",
        not_before=at,
        consumer_request=consumer_request,
        kind=StepKind.PLAN,
        ordinal=1 + consumer_request.work.filter(kind=StepKind.PLAN).count(),
    )


def ask_again(
    consumer_request: ConsumerRequest, *, by: Actor, reason: str, at: datetime
) -> ConsumerRequest:
    """Ask the contact on file once more for what did not match, without saying which (VR-10).

    Raises ``NotAllowed``, ``workflow.MoveNotAllowed`` also after the last answer that may be
    weighed: a further letter would ask for one that nobody takes (VR-13).
    """
    require(by, Verb.VERIFY)
    with transaction.atomic():
        consumer_request = _in_check(consumer_request)
        if consumer_request.evaluations >= EVALUATIONS:
            raise workflow.MoveNotAllowed("Its answers were weighed as often as they may be.")
        workflow.move(
            consumer_request,
            Status.WAITING,
            by=by,
            at=at,
            reason=reason,
        )
        _void_links(consumer_request, at)
        correspondence.queue_all("confirm", [consumer_request], at=at, context=asked_points)
    return consumer_request


def _void_links(consumer_request: ConsumerRequest, at: datetime) -> None:
    consumer_request.links.filter(purpose=LinkPurpose.CONFIRM, used_at__isnull=True).update(
        voided_at=at
    )
