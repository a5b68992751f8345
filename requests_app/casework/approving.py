"""Two people for every erasure: approve or refuse a plan."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from ccpa_office import ledger, sealing
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from requests_app import workflow
from requests_app.casework.refusals import ApprovalRefused
from requests_app.fulfillment import timetable
from requests_app.fulfillment.packing import is_whole, open_part, open_subjects
from requests_app.fulfillment.plan import PlanVoid, deciders, living, void_plans
from requests_app.models import (
    Approval,
    ConsumerRequest,
    Plan,
    PlanState,
    Status,
)


def why_not_approve(plan: Plan, by: Actor, *, hash: str, at: datetime) -> str:  # noqa: A002
    """Why ``by`` cannot approve ``plan`` now, or an empty text (the twin of ``approve``)."""
    try:
        check_approval(plan, by, hash=hash, at=at)
    except Exception as refusal:  # noqa: BLE001  every refusal is a sentence for the page
        return str(refusal) or str(type(refusal).__doc__).strip().partition("\n")[0]
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
    _require_no_part_in_it(plan, by)
    box = sealing.Box(plan.data_key)
    parts = [open_part(box, row) for row in plan.tables.order_by("ordinal")]
    if not is_whole(plan, open_subjects(box, plan), parts):
        raise PlanVoid("The plan is not what its hash says. Build it again.")


def _require_no_part_in_it(plan: Plan, by: Actor) -> None:
    if by.id in deciders(plan):
        raise ApprovalRefused("You decided on shared rows of it; another person approves it.")
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
    executable_at = timetable.next_run(at + timedelta(hours=settings.COOL_OFF_HOURS))
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
        consumer_request = workflow.locked(consumer_request)
        if consumer_request.status != Status.PLANNED:
            raise workflow.MoveNotAllowed("The plan does not wait for a yes or a no.")
        workflow.move(
            consumer_request,
            Status.VERIFIED,
            by=by,
            at=at,
            facts={"plan": plan.hash, "refused": True},
            reason=reason,
        )
    return plan
