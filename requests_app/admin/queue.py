"""The queue: every open request, the nearest due date first, in views for what somebody does next.

Rows are light (no model instances), pages go by key, counts stop at a thousand: a page costs the
same whether ten requests are open or a million.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ccpa_office import sealing
from ccpa_office.admin import CAP, Page, capped_count
from ccpa_office.law.deadlines import received_date
from ccpa_office.models import StaffMember, WorkState
from ccpa_office.roles import Actor, Verb, may
from ccpa_office.templatetags.office import masked
from requests_app.models import (
    Approval,
    Channel,
    Chunk,
    ConsumerRequest,
    Identifier,
    IdentifierSource,
    Message,
    Plan,
    PlanState,
    Status,
    Step,
)
from requests_app.numbers import NotANumber, read_number
from requests_app.workflow import TURN, Turn

SIZE = 50
NO_DAY = date(9999, 1, 1)
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


def open_rows() -> Rows:
    """Every open request; ``closed_at`` is what the index goes by."""
    return ConsumerRequest.objects.filter(closed_at__isnull=True)


def due_on(rows: Rows, day: str) -> Rows:
    """Rows due on one day of the strip; a junk day is no day."""
    try:
        return rows.filter(due_on=date.fromisoformat(day))
    except ValueError:
        return rows.none()


COLUMNS = (
    "pk", "number", "kind", "status", "channel", "received_on", "due_on",
    "assigned_to_id",
)  # fmt: skip


def page_of(rows: Rows, after: str) -> Page:
    """One page, the nearest due date first; requests without a date come last."""
    mark = _read_mark(after)
    found: list[dict[str, Any]] = []
    dated = rows.filter(due_on__isnull=False).order_by("due_on", "pk")
    if mark is None or mark[0] != NO_DAY:
        beyond = dated if mark is None else dated.filter(_behind(mark))
        found = list(beyond.values(*COLUMNS)[: SIZE + 1])
    if len(found) <= SIZE:
        undated = rows.filter(due_on__isnull=True).order_by("pk")
        if mark is not None and mark[0] == NO_DAY:
            undated = undated.filter(pk__gt=mark[1])
        found += undated.values(*COLUMNS)[: SIZE + 1 - len(found)]
    shown = found[:SIZE]
    more = _mark(shown[-1]) if len(found) > SIZE else ""
    return Page(shown, more, mark is None)


def _behind(mark: tuple[date, int]) -> TupleGreaterThan:
    return TupleGreaterThan(Tuple(F("due_on"), F("pk")), mark)


def _mark(row: Mapping[str, Any]) -> str:
    return f"{(row['due_on'] or NO_DAY).isoformat()}.{row['pk']}"


def _read_mark(text: str) -> tuple[date, int] | None:
    day, _dot, key = text.partition(".")
    if not (key.isascii() and key.isdigit() and len(key) <= 18):
        return None
    try:
        return date.fromisoformat(day), int(key)
    except ValueError:
        return None


class Shown(NamedTuple):
    """A row as the list shows it."""

    number: str
    public_number: str
    right: str | Promise
    sender: str
    received_on: date
    due_on: date | None
    stage: str | Promise
    waits_for: str | Promise
    assigned: str
    is_open: bool


def shown(rows: list[dict[str, Any]]) -> list[Shown]:
    """The rows in words; two statements for any number of them: senders and names of staff."""
    senders = _senders([row["pk"] for row in rows])
    staff = {row["assigned_to_id"] for row in rows} - {None}
    names = dict(StaffMember.objects.filter(pk__in=staff).values_list("pk", "username"))
    return [_shown(row, senders, names) for row in rows]


def _shown(row: Mapping[str, Any], senders: Mapping[int, str], names: Mapping[int, str]) -> Shown:
    number, status = row["number"], Status(row["status"])
    turn = TURN[status]
    return Shown(
        number=number,
        public_number=f"{number[:4]}-{number[4:8]}-{number[8:]}",
        right=RIGHTS[row["kind"]],
        sender=senders.get(row["pk"], "") or CHANNELS[row["channel"]],
        received_on=row["received_on"],
        due_on=row["due_on"] if turn is not Turn.NOBODY else None,
        stage=status.label,
        waits_for=turn.label,
        assigned=names.get(row["assigned_to_id"], ""),
        is_open=turn is not Turn.NOBODY,
    )


RIGHTS: Mapping[str, Any] = dict(ConsumerRequest._meta.get_field("kind").flatchoices)
CHANNELS: Mapping[str, Any] = dict(Channel.choices)


def _senders(ids: list[int]) -> dict[int, str]:
    """The typed addresses of a page, masked; what cannot be opened any more stays unsaid."""
    found: dict[int, str] = {}
    typed = Identifier.objects.filter(
        consumer_request_id__in=ids, source=IdentifierSource.TYPED, kind__in=("email", "name")
    ).select_related("consumer_request__data_key")
    for each in typed.order_by("kind"):
        key = each.consumer_request.data_key
        if key is None or each.consumer_request_id in found:
            continue
        try:
            value = sealing.Box(key).open(bytes(each.value), context="identifier.value")
        except sealing.Unreadable:
            continue
        found[each.consumer_request_id] = masked(value)
    return found


def by_number(typed: str) -> Rows:
    """The request with a number, in whatever way somebody types it."""
    try:
        return ConsumerRequest.objects.filter(number=read_number(typed))
    except NotANumber:
        return ConsumerRequest.objects.none()


def by_contact(typed: str) -> Rows:
    """The requests of an e-mail address or a telephone number, through keyed digests alone."""
    if "@" in typed:
        digests = sealing.digests("email", sealing.normal_email(typed))
        kind = "email"
    else:
        number = sealing.normal_phone(typed)
        digests = sealing.digests("phone_number", number) if number else []
        kind = "phone_number"
    known = Identifier.objects.filter(digest__in=digests, kind=kind)
    return ConsumerRequest.objects.filter(pk__in=known.values("consumer_request_id"))


def count_words(rows: Rows) -> str:
    """How many, counted to a thousand and no further."""
    count = capped_count(rows)
    return f"{CAP:,}+" if count > CAP else f"{count:,}"


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


def today(at: Any) -> date:
    """The office's day."""
    return received_date(at)
