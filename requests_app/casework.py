"""What people decide about a case: approve, deny, extend, stop, release, close."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation

from ccpa_office import ledger, sealing
from ccpa_office.law.deadlines import may_extend, received_date
from ccpa_office.law.grounds import Denial, denial_grounds, exceptions_for, next_duty
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from requests_app import correspondence, verification, workflow
from requests_app.fulfillment import batches
from requests_app.fulfillment.plan import PlanVoid, ask_for_plan, living, void_plans
from requests_app.models import (
    Approval,
    ConsumerRequest,
    Link,
    Note,
    Outcome,
    Plan,
    PlanState,
    Status,
)
from requests_app.workflow import MoveNotAllowed

__all__ = ["PlanVoid", "ask_for_plan"]


class ApprovalRefused(Exception):
    """This approval does not count; the text says why and who can give it."""


class GroundMissing(Exception):
    """A denial needs a ground that is open against this kind of request, and its words."""


class TooLate(Exception):
    """The time in which this may be done is over."""


# --- approval -----------------------------------------------------------------------------------


def why_not_approve(plan: Plan, by: Actor, *, hash: str, at: datetime) -> str:  # noqa: A002
    """Why ``by`` cannot approve ``plan`` now, or an empty text (the twin of ``approve``)."""
    try:
        check_approval(plan, by, hash=hash, at=at)
    except Exception as refusal:  # noqa: BLE001  every refusal is a sentence for the page
        return str(refusal)
    return ""


def check_approval(plan: Plan, by: Actor, *, hash: str, at: datetime) -> None:  # noqa: A002
    """Raise unless ``by`` may approve exactly this plan now (design 6.4; VR-42)."""
    require(by, Verb.APPROVE)
    may_decide_now(by, at=at)
    consumer_request = plan.consumer_request
    if plan.state != PlanState.FROZEN or plan.hash != hash or consumer_request is None:
        raise PlanVoid("The plan has changed since you opened it. Read the new one.")
    if plan.undecided:
        raise ApprovalRefused("Rows that others reach too are not decided yet.")
    if by.id == consumer_request.verified_by_id:
        raise ApprovalRefused("You verified this request; another person approves it.")
    if by.id == plan.asked_by_id:
        raise ApprovalRefused("You asked for this plan; another person approves it.")
    if by.id == consumer_request.opened_by_id:
        raise ApprovalRefused("You took in this request; another person approves it.")
    if plan.approvals.filter(by_id=by.staff_id).exists():
        raise ApprovalRefused("You have approved this plan; it waits for a second person.")


def approve(plan: Plan, *, hash: str, by: Actor, at: datetime, reason: str = "") -> Plan:  # noqa: A002
    """One person says yes to one hash. With the last yes that is needed the cool-off begins.

    Raises ``NotAllowed``, ``TouchedAccount``, ``ApprovalRefused``, ``PlanVoid``.
    """
    with transaction.atomic():
        plan = (
            Plan.objects.select_for_update(of=("self",))
            .select_related("consumer_request__data_key")
            .get(pk=plan.pk)
        )
        check_approval(plan, by, hash=hash, at=at)
        Approval.objects.create(plan=plan, hash=hash, by_id=by.staff_id, at=at, reason=reason[:400])
        assert plan.consumer_request is not None  # noqa: S101  checked above
        given = plan.approvals.filter(hash=hash).count()
        ledger.record(
            "plan.approved",
            subject=plan.consumer_request.number,
            by=by,
            at=at,
            facts={"plan": hash, "approval": given, "needed": plan.approvals_needed},
        )
        if given >= plan.approvals_needed:
            _begin_cool_off(plan, plan.consumer_request, by=by, at=at)
    return plan


def _begin_cool_off(
    plan: Plan, consumer_request: ConsumerRequest, *, by: Actor, at: datetime
) -> None:
    executable_at = batches.next_run(at + timedelta(hours=settings.COOL_OFF_HOURS))
    plan.state, plan.approved_at, plan.executable_at = PlanState.APPROVED, at, executable_at
    plan.save(update_fields=["state", "approved_at", "executable_at"])
    if all(each.state == PlanState.APPROVED for each in living(consumer_request)):
        workflow.move(
            consumer_request,
            Status.APPROVED,
            by=by,
            at=at,
            facts={"plan": plan.hash, "executable_at": executable_at.isoformat()},
            letter_context=lambda _each: {"erase_after": executable_at},
        )


def refuse(plan: Plan, *, reason: str, by: Actor, at: datetime) -> Plan:
    """Say no to a plan: it is void, and the officer builds another."""
    require(by, Verb.APPROVE)
    with transaction.atomic():
        plan = Plan.objects.select_for_update().get(pk=plan.pk)
        consumer_request = plan.consumer_request
        if plan.state != PlanState.FROZEN or consumer_request is None:
            raise PlanVoid
        void_plans(consumer_request)
        workflow.move(
            consumer_request,
            Status.VERIFIED,
            by=by,
            at=at,
            facts={"plan": plan.hash, "refused": True},
            reason=reason,
        )
    return plan


# --- time ---------------------------------------------------------------------------------------


def extend(
    consumer_request: ConsumerRequest, *, reason: str, by: Actor, at: datetime
) -> ConsumerRequest:
    """Take up to 90 days from receipt, once, with the notice sent in time (7021(b); COM-09).

    Raises ``TooLate``, ``GroundMissing``, ``NotAllowed``.
    """
    require(by, Verb.EXTEND)
    if not reason.strip():
        raise GroundMissing("Say why more time is needed; the letter says it too.")
    allowed = may_extend(
        consumer_request.right,
        on=received_date(at),
        received_on=consumer_request.received_on,
        already=consumer_request.is_extended,
    )
    if not allowed or not consumer_request.is_open:
        raise TooLate("An extension is possible once, and only in the first 45 days.")
    with transaction.atomic():
        fresh = ConsumerRequest.objects.filter(
            pk=consumer_request.pk, extended_at__isnull=True
        ).update(extended_at=at, due_on=consumer_request.extended_due_on)
        if not fresh:
            raise TooLate("This request is extended already.")
        consumer_request.extended_at = at
        consumer_request.due_on = consumer_request.extended_due_on
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


# --- denial -------------------------------------------------------------------------------------


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
    if by.id == consumer_request.denial_drafted_by_id:
        raise ApprovalRefused("You drafted this denial; another person approves it.")
    words = _ground_words(consumer_request)
    with transaction.atomic():
        void_plans(consumer_request)
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
    """Send a denial back: the case stands again where it stood."""
    require(by, Verb.APPROVE_DENIAL)
    back = Status(consumer_request.previous_status)
    if back in {Status.STOPPED, Status.WAITING}:
        back = Status.CHECKING
    return workflow.move(
        consumer_request, back, by=by, at=at, facts={"denial": "refused"}, reason=reason,
        ground="", exception="", ground_detail=None, denial_drafted_by_id=None,
    )  # fmt: skip


# --- the consumer and the contact on file -------------------------------------------------------


def withdraw(consumer_request: ConsumerRequest, *, by: Actor, at: datetime) -> ConsumerRequest:
    """The consumer takes the request back, until it is being carried out (law 1.3)."""
    with transaction.atomic():
        void_plans(consumer_request)
        _void_links(consumer_request, at)
        return workflow.move(
            consumer_request, Status.WITHDRAWN, by=by, at=at, outcome=Outcome.WITHDRAWN
        )


def stop_by_link(link: Link, *, at: datetime) -> ConsumerRequest:
    """Stop from a contact on file, which says that it was not me: spend the link (VR-16).

    Raises ``verification.LinkGone``, or ``MoveNotAllowed`` once the erasure has begun.
    """
    with transaction.atomic():
        verification.spend(link, at=at)
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
            hold="not-me",
        )
        _void_links(consumer_request, at)
    return consumer_request


def release_stop(
    consumer_request: ConsumerRequest, *, reason: str, by: Actor, at: datetime
) -> ConsumerRequest:
    """A person looked into it: back to the check of identity; a new plan will be needed."""
    require(by, Verb.RELEASE_STOP)
    if not reason.strip():
        raise GroundMissing("Say what you found out.")
    return workflow.move(
        consumer_request, Status.CHECKING, by=by, at=at, reason=reason, hold="", stopped_at=None
    )


def _void_links(consumer_request: ConsumerRequest, at: datetime) -> None:
    consumer_request.links.filter(used_at__isnull=True).exclude(purpose="follow").update(
        voided_at=at
    )


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


# --- by hand ------------------------------------------------------------------------------------


def assign(consumer_request: ConsumerRequest, *, by: Actor, at: datetime) -> ConsumerRequest:
    """Take a case; whoever has it works it."""
    require(by, Verb.SEE_CASES)
    with transaction.atomic():
        ConsumerRequest.objects.filter(pk=consumer_request.pk).update(assigned_to_id=by.id)
        ledger.record("request.assigned", subject=consumer_request.number, by=by, at=at)
    consumer_request.assigned_to_id = by.id
    return consumer_request


_BY_HAND: dict[str, tuple[Status, Callable[[], Outcome]]] = {
    "complied": (Status.COMPLETED, lambda: Outcome.COMPLIED),
    "in-part": (Status.COMPLETED, lambda: Outcome.IN_PART),
    "duplicate": (Status.DUPLICATE, lambda: Outcome.DUPLICATE),
    "redirected": (Status.REDIRECTED, lambda: Outcome.REDIRECTED),
}


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
    end one, and it is said as such.
    """
    require(by, Verb.CLOSE_CASE)
    if outcome not in _BY_HAND or not words.strip():
        raise GroundMissing("Choose how it ended and write what the consumer will read.")
    to, meaning = _BY_HAND[outcome]
    nothing = ground == Denial.NO_DATA.value
    if to is Status.COMPLETED and consumer_request.kind == "delete" and not nothing:
        raise MoveNotAllowed("A deletion is complete when a second look proves it, never by hand.")
    if nothing and consumer_request.on_file:
        raise MoveNotAllowed("Something is on file for this request.")
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
