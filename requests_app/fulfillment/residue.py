"""What later looks found: a plan stays residual until each thing of it is settled or kept."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef

from ccpa_office import ledger
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor
from requests_app.models import Batch, OutsideTask, Plan, PlanState, ResidueState, Return, Trace

SYSTEM = Actor.system("proof")
CAME_BACK = "came-back"
"""Why a task of a system outside stands still: what it had deleted is there again."""
UNSETTLED = (ResidueState.OPEN, ResidueState.PLANNED)
OVER = (PlanState.VOID, PlanState.STOPPED)


def answered(plans: Iterable[int], *, at: datetime) -> None:
    """Settle what these plans, now proved, were the answer to; in the proof's transaction."""
    answers = list(plans)
    done = {"state": ResidueState.SETTLED, "settled_at": at}
    traces = Trace.objects.filter(answer__in=answers, state=ResidueState.PLANNED)
    returns = Return.objects.filter(answer__in=answers, state=ResidueState.PLANNED)
    touched = {*traces.values_list("plan", flat=True), *returns.values_list("plan", flat=True)}
    if touched:
        traces.update(**done, key=b"")
        returns.update(**done)
        close(touched, at=at)


def close(plans: Iterable[int], *, at: datetime) -> int:
    """Say proved again of residual plans of which nothing is unsettled; the database asks too."""
    trace = Trace.objects.filter(plan=OuterRef("pk"), state__in=UNSETTLED)
    back = Return.objects.filter(plan=OuterRef("pk"), state__in=UNSETTLED)
    clean = Plan.objects.filter(
        ~Exists(trace), ~Exists(back), pk__in=list(plans), state=PlanState.RESIDUAL
    ).select_related("consumer_request", "chunk")
    settled = list(clean)
    Plan.objects.filter(pk__in=[plan.pk for plan in settled]).update(state=PlanState.PROVED)
    OutsideTask.objects.filter(
        plan__in=settled, state=WorkState.PARKED, error_code=CAME_BACK
    ).update(state=WorkState.DONE, error_code="")
    if settled:
        entries = [(subject_of(plan), {"plan": plan.hash}) for plan in settled]
        ledger.record_many("proof.settled", entries, by=SYSTEM, at=at)
    return len(settled)


def left(batch: Batch, *, at: datetime) -> None:
    """Who refused to take what came back decided that it stays; in the refusal's transaction."""
    returns = Return.objects.filter(answer__chunk__batch=batch, state=ResidueState.PLANNED)
    plans = set(returns.values_list("plan", flat=True))
    returns.update(state=ResidueState.KEPT, settled_at=at)
    close(plans, at=at)


def reopen(*, at: datetime) -> None:
    """What a void plan was to answer waits for a decision again; a stopped one's for a new plan."""
    _ignored = at
    stopped = Return.objects.filter(state=ResidueState.PLANNED, answer__state=PlanState.STOPPED)
    stopped.update(state=ResidueState.OPEN, answer=None, tried_at=None)  # nobody said no
    for model in (Trace, Return):
        model._default_manager.filter(state=ResidueState.PLANNED, answer__state__in=OVER).update(
            state=ResidueState.OPEN, answer=None
        )


def replaced(old: Plan, new: Plan) -> None:
    """A decision made another version of a plan: what the old one was the answer to is its own."""
    for model in (Trace, Return):
        model._default_manager.filter(answer=old).update(answer=new)


def mark(plans: Iterable[Plan]) -> int:
    """Something was found: these plans are no longer proved."""
    proved = Plan.objects.filter(pk__in=[plan.pk for plan in plans], state=PlanState.PROVED)
    return proved.update(state=PlanState.RESIDUAL)


def subject_of(plan: Plan) -> str:
    """Whom the book names for a plan: its request, or its batch."""
    if plan.consumer_request:
        return plan.consumer_request.number
    return f"batch:{plan.chunk.batch_id}" if plan.chunk else "office"
