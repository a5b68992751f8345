"""What people do with a case by hand: take it, write, close it."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from ccpa_office import ledger, work
from ccpa_office.law.grounds import Denial
from ccpa_office.law.kinds import VERIFIABLE, RequestKind
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb, require
from requests_app import correspondence, workflow
from requests_app.casework.refusals import GroundMissing
from requests_app.fulfillment import correction
from requests_app.models import (
    ConsumerRequest,
    Note,
    Outcome,
    Status,
)
from requests_app.workflow import MoveNotAllowed

_BY_HAND: dict[str, tuple[Status, Callable[[], Outcome]]] = {
    "complied": (Status.COMPLETED, lambda: Outcome.COMPLIED),
    "in-part": (Status.COMPLETED, lambda: Outcome.IN_PART),
    "duplicate": (Status.DUPLICATE, lambda: Outcome.DUPLICATE),
    "redirected": (Status.REDIRECTED, lambda: Outcome.REDIRECTED),
}


def hear(consumer_request: ConsumerRequest, text: str, *, at: datetime) -> Note:
    """A message from the consumer, from behind the follow link."""
    with transaction.atomic():
        ledger.record(
            "message.received", subject=consumer_request.number, by=Actor.consumer(), at=at
        )
        return workflow.note(
            consumer_request, text, author=Note.Author.CONSUMER, by=Actor.consumer(), at=at
        )


def write(consumer_request: ConsumerRequest, text: str, *, by: Actor, at: datetime) -> Note:
    """A message to the consumer: the mail says only that one waits on the request's page."""
    require(by, Verb.WORK_CASE)
    with transaction.atomic():
        note = workflow.note(consumer_request, text, author=Note.Author.OFFICE, by=by, at=at)
        ledger.record("message.written", subject=consumer_request.number, by=by, at=at)
        correspondence.queue_all("message_from_us", [consumer_request], at=at)
    return note


def assign(consumer_request: ConsumerRequest, *, by: Actor, at: datetime) -> ConsumerRequest:
    """Take a case; whoever has it works it."""
    require(by, Verb.SEE_CASES)
    with transaction.atomic():
        ConsumerRequest.objects.filter(pk=consumer_request.pk).update(assigned_to_id=by.id)
        ledger.record("request.assigned", subject=consumer_request.number, by=by, at=at)
    consumer_request.assigned_to_id = by.id
    return consumer_request


def try_again(consumer_request: ConsumerRequest, *, by: Actor, at: datetime) -> int:
    """Make due again what gave up on this request and waits for a person; how many pieces."""
    require(by, Verb.WORK_CASE)
    with transaction.atomic():
        parked = consumer_request.work.filter(state=WorkState.PARKED).order_by("pk")
        tried = [step for step in parked if work.unpark(step, not_before=at)]
        if tried:
            ledger.record(
                "work.retried",
                subject=consumer_request.number,
                by=by,
                at=at,
                facts={
                    "steps": [step.kind for step in tried],
                    "codes": sorted({step.error_code for step in tried}),
                },
            )
    return len(tried)


def close_by_hand(
    consumer_request: ConsumerRequest,
    *,
    outcome: str,
    words: str,
    ground: str = "",
    by: Actor,
    at: datetime,
) -> ConsumerRequest:
    """End a case that people worked by hand, with its outcome and the words of the answer.

    A deletion is never completed this way: that is derived from proof. Only "nothing found" may
    end one, and it is said as such. Nothing is answered to somebody who is not verified yet.
    """
    require(by, Verb.CLOSE_CASE)
    if outcome not in _BY_HAND or not words.strip():
        raise GroundMissing("Choose how it ended and write what the consumer will read.")
    to, meaning = _BY_HAND[outcome]
    nothing = ground == Denial.NO_DATA.value
    if ground and not nothing:
        raise GroundMissing("A case with another ground ends with a denial.")
    with transaction.atomic():
        consumer_request = workflow.locked(consumer_request)
        if to is Status.COMPLETED:
            _check_completion(consumer_request, nothing=nothing)
            _check_corrections(consumer_request, in_part=outcome == "in-part")
        return workflow.move(
            consumer_request,
            to,
            by=by,
            at=at,
            facts={"outcome": meaning().value, "ground": ground},
            reason=words,
            letter_context=lambda _each: {"reason": words},
            outcome=meaning(),
            ground=ground,
        )


def _check_completion(consumer_request: ConsumerRequest, *, nothing: bool) -> None:
    """Only who was verified gets an answer; only whom nobody knows is told that nothing is held."""
    if nothing:
        if consumer_request.on_file or consumer_request.hold:
            raise MoveNotAllowed("Something is on file for this request.")
        return
    if consumer_request.right is RequestKind.DELETE:
        raise MoveNotAllowed("A deletion is complete when a second look proves it, never by hand.")
    if consumer_request.right in VERIFIABLE and consumer_request.status != Status.VERIFIED:
        raise MoveNotAllowed("Who asks is not verified yet; only then is there an answer.")


def _check_corrections(consumer_request: ConsumerRequest, *, in_part: bool) -> None:
    """What the machine corrects is done when it was seen to be done, whatever anybody says."""
    if consumer_request.right is not RequestKind.CORRECT:
        return
    why_not = correction.why_not_complete(consumer_request, in_part=in_part)
    if why_not:
        raise MoveNotAllowed(why_not)
