"""The views of the queue: for each kind of work, the requests that wait for it."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ccpa_office.models import StaffMember, WorkState
from ccpa_office.roles import Actor, Verb, holders, may
from requests_app.models import (
    Approval,
    Chunk,
    ConsumerRequest,
    Correction,
    CorrectionStage,
    Message,
    OutsideTask,
    Package,
    PackageStage,
    Part,
    PartStage,
    Plan,
    PlanState,
    Status,
    Step,
)

Rows = QuerySet[ConsumerRequest]


class View(NamedTuple):
    """One way to look at the queue."""

    label: str | Promise
    empty: str | Promise
    rows: Callable[[Rows, Actor, date], Rows]


def late_parts() -> QuerySet[Part]:
    """Parts of answers that nobody gave by their day."""
    return Part.objects.filter(
        stage=PartStage.ASKED, late_on__isnull=False, consumer_request__closed_at=None
    )


def parked(rows: Rows) -> Rows:
    """Requests with work that waits for a person: a step, a letter, a chunk, a correction, a
    package, or somebody outside or here who did not answer in time."""
    waits = {"state": WorkState.PARKED}
    chunks = Chunk.objects.filter(**waits, plans__consumer_request__isnull=False)
    ids = (
        Step.objects.filter(**waits)
        .values_list("consumer_request_id", flat=True)
        .union(
            Message.objects.filter(**waits).values_list("consumer_request_id", flat=True),
            chunks.values_list("plans__consumer_request_id", flat=True),
            Correction.objects.filter(**waits).values_list("consumer_request_id", flat=True),
            gave_up().values_list("consumer_request_id", flat=True),
            OutsideTask.objects.filter(**waits, plan__consumer_request__isnull=False).values_list(
                "plan__consumer_request_id", flat=True
            ),
            late_parts().values_list("consumer_request_id", flat=True),
        )
    )
    return rows.filter(pk__in=ids)


def gave_up() -> QuerySet[Package]:
    """Packages of open requests that the machine could not collect."""
    return Package.objects.filter(
        state=WorkState.PARKED, stage=PackageStage.BUILD, consumer_request__closed_at=None
    )


def corrections(rows: Rows) -> Rows:
    """Requests with corrections that one person proposed and another decides on."""
    proposed = Correction.objects.filter(
        consumer_request=OuterRef("pk"), stage=CorrectionStage.PROPOSED
    )
    return rows.filter(Exists(proposed), status=Status.VERIFIED, kind="correct")


def second(rows: Rows) -> Rows:
    """Requests that one person has approved and that wait for a second, and denials to approve."""
    approved_once = Approval.objects.filter(
        plan__consumer_request=OuterRef("pk"), plan__state=PlanState.FROZEN
    )
    return rows.filter(Q(status=Status.DENYING) | Q(Exists(approved_once), status=Status.PLANNED))


def shared(rows: Rows) -> Rows:
    """Requests whose plan holds rows that others reach too, not decided yet."""
    undecided = Plan.objects.filter(
        consumer_request=OuterRef("pk"), state=PlanState.FROZEN, undecided__gt=0
    )
    return rows.filter(Exists(undecided), status=Status.PLANNED)


def _one_of(*statuses: Status) -> Callable[[Rows, Actor, date], Rows]:
    return lambda rows, _actor, _on: rows.filter(status__in=statuses)


VIEWS: Mapping[str, View] = {
    "all": View(
        _("All open"),
        _("No request is open. New ones come by the form or the intake desk."),
        lambda rows, _actor, _on: rows,
    ),
    "mine": View(
        _("Mine"),
        _("Nothing is assigned to you. Take a case from “Unassigned”."),
        lambda rows, actor, _on: rows.filter(assigned_to_id=actor.id),
    ),
    "unassigned": View(
        _("Unassigned"),
        _("Somebody has taken every open case. New requests come here by themselves."),
        lambda rows, _actor, _on: rows.filter(assigned_to_id=None),
    ),
    "today": View(
        _("Due today"),
        _("No answer is due today. “Due this week” shows what comes."),
        lambda rows, _actor, on: rows.filter(due_on=on),
    ),
    "week": View(
        _("Due this week"),
        _("No answer is due in the next seven days."),
        lambda rows, _actor, on: rows.filter(due_on__gte=on, due_on__lte=on + timedelta(days=7)),
    ),
    "late": View(
        _("Late"),
        _("Nothing is late. What is due next stands on top of “All open”."),
        lambda rows, _actor, on: rows.filter(due_on__lt=on),
    ),
    "waiting": View(
        _("Waiting for the consumer"),
        _("The office waits for no consumer. Reminders go out by themselves."),
        _one_of(Status.WAITING),
    ),
    "identity": View(
        _("Identity to decide"),
        _("No identity waits for a verifier. One comes when a consumer has answered our letter."),
        _one_of(Status.CHECKING),
    ),
    "plans": View(
        _("Plans to approve"),
        _("No plan waits for an approver. One comes when a verifier has decided on a deletion."),
        _one_of(Status.PLANNED),
    ),
    "packages": View(
        _("Packages to hand over"),
        _("No package waits for an approver. One comes when somebody has looked it through."),
        _one_of(Status.COLLECTED),
    ),
    "corrections": View(
        _("Corrections to approve"),
        _("No correction waits for an approver. Somebody proposes one on the page of a request."),
        lambda rows, _actor, _on: corrections(rows),
    ),
    "shared": View(
        _("Shared rows"),
        _("No shared rows wait for a decision. A plan that meets rows of others stops here."),
        lambda rows, _actor, _on: shared(rows),
    ),
    "stopped": View(
        _("Stopped"),
        _("Nobody has pressed “This was not me”. Who does stops the request, and it stands here."),
        _one_of(Status.STOPPED),
    ),
    "second": View(
        _("Second approval"),
        _("Nothing waits for a second person. Plans above a ceiling and denials do."),
        lambda rows, _actor, _on: second(rows),
    ),
    "denials": View(
        _("Denials"),
        _("No denial waits for a second person. Counsel drafts one on the page of a request."),
        _one_of(Status.DENYING),
    ),
    "by-hand": View(
        _("By hand"),
        _("No case waits to be worked by hand. Opt-outs and copies come here."),
        lambda rows, _actor, _on: rows.filter(
            Q(status=Status.APPLYING) | Q(status=Status.VERIFIED) & ~Q(kind="delete")
        ),
    ),
    "parked": View(
        _("Parked"),
        _("No work waits for a person. What the machine gives up on comes here."),
        lambda rows, _actor, _on: parked(rows),
    ),
}


ROLE_VIEWS: tuple[tuple[Verb, str], ...] = (
    (Verb.VERIFY, "identity"),
    (Verb.APPROVE, "plans"),
    (Verb.APPROVE, "packages"),
    (Verb.APPROVE, "corrections"),
    (Verb.DECIDE_SHARED, "shared"),
    (Verb.RELEASE_STOP, "stopped"),
    (Verb.APPROVE_DENIAL, "denials"),
    (Verb.WORK_CASE, "by-hand"),
    (Verb.WORK_CASE, "parked"),
)


def my_views(actor: Actor) -> list[str]:
    """The views that this person's roles make work of."""
    return [view for verb, view in ROLE_VIEWS if may(actor, verb)]


def free_for(rows: Rows, actor: Actor, verb: Verb) -> Rows:
    """Without what another holder of the same verb has taken."""
    names = [role.value for role in holders(verb)]
    taken = StaffMember.objects.filter(
        pk=OuterRef("assigned_to_id"), is_active=True, groups__name__in=names
    ).exclude(pk=actor.id or 0)
    return rows.filter(~Exists(taken))


def to_approve(rows: Rows, actor: Actor) -> Rows:
    """Plans that this person may approve: others verified, asked, and decided on shared rows."""
    plans = Plan.objects.filter(
        ~Exists(Approval.objects.filter(plan=OuterRef("pk"), by_id=actor.id or 0)),
        consumer_request=OuterRef("pk"),
        state=PlanState.FROZEN,
        undecided=0,
    ).exclude(asked_by_id=actor.id or 0)
    mine = Q(verified_by_id=actor.id or 0) | Q(opened_by_id=actor.id or 0)
    others = rows.exclude(pk__in=rows.filter(mine).values("pk"))
    return others.filter(Exists(plans), status=Status.PLANNED)


def to_hand_over(rows: Rows, actor: Actor) -> Rows:
    """Packages in which this person had no part, nor in the request."""
    me = actor.id or 0
    mine = Package.objects.filter(
        Q(prepared_by_id=me) | Q(asked_by_id=me),
        consumer_request=OuterRef("pk"),
        stage=PackageStage.PROPOSED,
    )
    own = rows.filter(Q(verified_by_id=me) | Q(opened_by_id=me)).values("pk")
    return rows.exclude(pk__in=own).filter(~Exists(mine))


def to_correct(rows: Rows, actor: Actor) -> Rows:
    """Corrections that another person proposed, of a request that others verified and took in."""
    me = actor.id or 0
    mine = Correction.objects.filter(
        consumer_request=OuterRef("pk"), stage=CorrectionStage.PROPOSED, proposed_by_id=me
    )
    own = rows.filter(Q(verified_by_id=me) | Q(opened_by_id=me)).values("pk")
    return rows.exclude(pk__in=own).filter(~Exists(mine))


def to_deny(rows: Rows, actor: Actor) -> Rows:
    """Denials that another person drafted."""
    others = Q(denial_drafted_by_id=None) | ~Q(denial_drafted_by_id=actor.id or 0)
    return rows.filter(others, status=Status.DENYING)


WAITING: Mapping[str, Callable[[Rows, Actor], Rows]] = {
    "identity": lambda rows, actor: free_for(rows, actor, Verb.VERIFY),
    "by-hand": lambda rows, actor: free_for(rows, actor, Verb.WORK_CASE),
    "plans": to_approve,
    "packages": to_hand_over,
    "corrections": to_correct,
    "denials": to_deny,
}


def waiting(name: str, rows: Rows, actor: Actor, on: date) -> Rows:
    """What of a view waits for this very person: not taken by another, no second half of theirs."""
    found = VIEWS[name].rows(rows, actor, on)
    return WAITING[name](found, actor) if name in WAITING else found
