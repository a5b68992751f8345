"""More time, or a denial: each with its reason, its letter, a second person."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import translation

from ccpa_office import ledger, sealing
from ccpa_office.law.deadlines import may_extend, received_date
from ccpa_office.law.grounds import Denial, denial_grounds, exceptions_for, next_duty
from ccpa_office.law.kinds import KNOW, RequestKind
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from requests_app import correspondence, workflow
from requests_app.casework.refusals import ApprovalRefused, GroundMissing, TooLate
from requests_app.casework.stopping import NO_DENIAL
from requests_app.fulfillment.plan import void_plans
from requests_app.models import (
    ConsumerRequest,
    Note,
    Outcome,
    PackageStage,
    Status,
)
from requests_app.verification import queue_collection, queue_plan


def extend(
    consumer_request: ConsumerRequest, *, reason: str, by: Actor, at: datetime
) -> ConsumerRequest:
    """Take up to 90 days from receipt, once, with the notice sent in time (7021(b); COM-09).

    Raises ``TooLate``, ``GroundMissing``, ``NotAllowed``.
    """
    require(by, Verb.EXTEND)
    if not reason.strip():
        raise GroundMissing("Say why more time is needed; the letter says it too.")
    with transaction.atomic():
        consumer_request = workflow.locked(consumer_request)
        allowed = may_extend(
            consumer_request.right,
            on=received_date(at),
            received_on=consumer_request.received_on,
            already=consumer_request.is_extended,
        )
        if not allowed or not consumer_request.is_open:
            raise TooLate("An extension is possible once, and only in the first 45 days.")
        consumer_request.extended_at = at
        consumer_request.due_on = consumer_request.extended_due_on
        consumer_request.save(update_fields=["extended_at", "due_on"])
        workflow.note(consumer_request, reason, author=Note.Author.INTERNAL, by=by, at=at)
        ledger.record(
            "request.extended",
            subject=consumer_request.number,
            by=by,
            at=at,
            facts={
                "due_on": str(consumer_request.due_on),
                "reason": sealing.digest("reason", reason).hex(),
            },
        )
        correspondence.queue_all(
            "extension", [consumer_request], at=at, context=lambda _each: {"reason": reason}
        )
    return consumer_request


def propose_denial(
    consumer_request: ConsumerRequest,
    *,
    ground: str,
    exception: str = "",
    words: str,
    by: Actor,
    at: datetime,
) -> ConsumerRequest:
    """Draft a denial with its ground and its words; another person decides (guard g5)."""
    require(by, Verb.DENY)
    _check_ground(consumer_request, ground, exception, words)
    assert consumer_request.data_key is not None  # noqa: S101  only purged requests have none
    sealed = sealing.Box(consumer_request.data_key).seal(words, context="request.ground")
    return workflow.move(
        consumer_request,
        Status.DENYING,
        by=by,
        at=at,
        facts={"ground": ground, "exception": exception},
        ground=ground,
        exception=exception,
        ground_detail=sealed,
        denial_drafted_by_id=by.id,
    )


def _check_ground(
    consumer_request: ConsumerRequest, ground: str, exception: str, words: str
) -> None:
    open_grounds = {each.value for each in denial_grounds(consumer_request.right)}
    if ground not in open_grounds:
        raise GroundMissing("This ground is not open against this kind of request.")
    if ground == Denial.EXCEPTION.value and exception not in {
        each.value for each in exceptions_for(consumer_request.right)
    }:
        raise GroundMissing("Name the exception that applies.")
    if not words.strip():
        raise GroundMissing("Write the basis in words that the consumer can understand.")


def approve_denial(
    consumer_request: ConsumerRequest, *, by: Actor, at: datetime
) -> ConsumerRequest:
    """A second person says yes to a denial; the letter says why and what comes next."""
    require(by, Verb.APPROVE_DENIAL)
    may_decide_now(by, at=at)
    with transaction.atomic():
        void_plans(consumer_request)
        consumer_request = workflow.locked(consumer_request)
        if by.id == consumer_request.denial_drafted_by_id:
            raise ApprovalRefused("You drafted this denial; another person approves it.")
        if consumer_request.status != Status.DENYING:  # there is no ground to write about
            raise workflow.MoveNotAllowed
        words = _ground_words(consumer_request)
        return workflow.move(
            consumer_request,
            Status.DENIED,
            by=by,
            at=at,
            facts={"ground": consumer_request.ground, "exception": consumer_request.exception},
            letter_context=lambda each: denial_words(each, words),
            outcome=Outcome.DENIED,
        )


def denial_words(consumer_request: ConsumerRequest, words: str) -> dict[str, Any]:
    """What the letter says of a denial: its ground, the detailed basis, and the next duty."""
    ground = Denial(consumer_request.ground)
    with translation.override(consumer_request.language):
        exceptions = {each.value: each.label for each in exceptions_for(consumer_request.right)}
        return {
            "ground": str(ground.label),
            "detail": words,
            "exception": str(exceptions.get(consumer_request.exception, "")),
            "duties": [duty.value for duty in next_duty(ground, consumer_request.right)],
        }


def _ground_words(consumer_request: ConsumerRequest) -> str:
    if not consumer_request.ground_detail or consumer_request.data_key is None:
        return ""
    box = sealing.Box(consumer_request.data_key)
    return box.open(bytes(consumer_request.ground_detail), context="request.ground")


def refuse_denial(
    consumer_request: ConsumerRequest, *, reason: str, by: Actor, at: datetime
) -> ConsumerRequest:
    """Send a denial back: the case stands again where it stood.

    A refused denial of a stopped case releases no stop: that takes its own verb and its reason.
    """
    require(by, Verb.APPROVE_DENIAL)
    with transaction.atomic():
        consumer_request = workflow.locked(consumer_request)
        if consumer_request.status != Status.DENYING:
            raise workflow.MoveNotAllowed("No denial waits for approval.")
        back = Status(consumer_request.previous_status)
        if back is Status.WAITING:
            back = Status.CHECKING
        workflow.move(
            consumer_request, back, by=by, at=at, facts={"denial": "refused"}, reason=reason,
            **NO_DENIAL,
        )  # fmt: skip
        if back is Status.VERIFIED and consumer_request.right is RequestKind.DELETE:
            queue_plan(consumer_request, at=at)
        if back is Status.VERIFIED and consumer_request.right in KNOW:
            _collect_what_was_let_go(consumer_request, at=at)
    return consumer_request


def _collect_what_was_let_go(consumer_request: ConsumerRequest, *, at: datetime) -> None:
    """No worker builds a package while a denial is weighed: each lets it go. It is due again."""
    package = consumer_request.packages.order_by("-version").first()
    if package and package.stage == PackageStage.BUILD and package.state == WorkState.DONE:
        queue_collection(
            consumer_request, at=at, asked_by_id=package.asked_by_id, given=package.given
        )
