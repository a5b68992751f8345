"""The views of the queue: for each kind of work, the requests that wait for it."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb, may
from requests_app.models import (
    Approval,
    Chunk,
    ConsumerRequest,
    Message,
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


def parked(rows: Rows) -> Rows:
    """Requests with work that waits for a person: a step, a letter, or a chunk."""
    waits = {"state": WorkState.PARKED}
    chunks = Chunk.objects.filter(**waits, plans__consumer_request__isnull=False)
    ids = (
        Step.objects.filter(**waits)
        .values_list("consumer_request_id", flat=True)
        .union(
            Message.objects.filter(**waits).values_list("consumer_request_id", flat=True),
            chunks.values_list("plans__consumer_request_id", flat=True),
        )
    )
    return rows.filter(pk__in=ids)


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
        _("All open"), _("No request is open. New ones come by the form or the intake desk."),
        lambda rows, _actor, _on: rows,
    ),
    "mine": View(
        _("Mine"), _("Nothing is assigned to you. Take a case from “Unassigned”."),
        lambda rows, actor, _on: rows.filter(assigned_to_id=actor.id),
    ),
    "unassigned": View(
        _("Unassigned"), _("Somebody has taken every open case."),
        lambda rows, _actor, _on: rows.filter(assigned_to_id=None),
    ),
    "today": View(
        _("Due today"), _("No answer is due today."),
        lambda rows, _actor, on: rows.filter(due_on=on),
    ),
    "week": View(
        _("Due this week"), _("No answer is due in the next seven days."),
        lambda rows, _actor, on: rows.filter(due_on__gte=on, due_on__lte=on + timedelta(days=7)),
    ),
    "late": View(
        _("Late"), _("Nothing is late."),
        lambda rows, _actor, on: rows.filter(due_on__lt=on),
    ),
    "waiting": View(
        _("Waiting for the consumer"), _("The office waits for no consumer."),
        _one_of(Status.WAITING),
    ),
    "identity": View(
        _("Identity to decide"), _("No identity waits for a verifier."),
        _one_of(Status.CHECKING),
    ),
    "plans": View(
        _("Plans to approve"), _("No plan waits for an approver."), _one_of(Status.PLANNED)
    ),
    "shared": View(
        _("Shared rows"), _("No shared rows wait for a decision."),
        lambda rows, _actor, _on: shared(rows),
    ),
    "stopped": View(
        _("Stopped"), _("Nobody has pressed “This was not me”."), _one_of(Status.STOPPED)
    ),
    "second": View(
        _("Second approval"), _("Nothing waits for a second person."),
        lambda rows, _actor, _on: second(rows),
    ),
    "denials": View(
        _("Denials"), _("No denial waits for a second person."), _one_of(Status.DENYING)
    ),
    "by-hand": View(
        _("By hand"), _("No case waits to be worked by hand."),
        lambda rows, _actor, _on: rows.filter(
            Q(status=Status.APPLYING) | Q(status=Status.VERIFIED) & ~Q(kind="delete")
        ),
    ),
    "parked": View(
        _("Parked"), _("No work waits for a person."), lambda rows, _actor, _on: parked(rows)
    ),
}  # fmt: skip


ROLE_VIEWS: tuple[tuple[Verb, str], ...] = (
    (Verb.VERIFY, "identity"),
    (Verb.APPROVE, "plans"),
    (Verb.DECIDE_SHARED, "shared"),
    (Verb.RELEASE_STOP, "stopped"),
    (Verb.APPROVE_DENIAL, "denials"),
    (Verb.WORK_CASE, "by-hand"),
)


def my_views(actor: Actor) -> list[str]:
    """The views that this person's roles make work of."""
    return [view for verb, view in ROLE_VIEWS if may(actor, verb)]
