"""The queue: every open request, the nearest due date first, in views for what somebody does next.

Rows are light (no model instances), pages go by key, counts stop at a thousand: a page costs the
same whether ten requests are open or a million.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import sealing
from ccpa_office.admin import CAP, Page, capped_count
from ccpa_office.law.deadlines import received_date
from ccpa_office.models import DataKey, StaffMember
from ccpa_office.prepared import Prepared
from ccpa_office.templatetags.desk import day_short, due_words
from ccpa_office.templatetags.office import masked
from requests_app.admin.queue_views import Rows
from requests_app.models import (
    Channel,
    ConsumerRequest,
    Identifier,
    IdentifierSource,
    Status,
)
from requests_app.numbers import NotANumber, read_number
from requests_app.workflow import TURN, Turn

SIZE = 50
NO_DAY = date(9999, 1, 1)


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
    "assigned_to_id", "data_key_id",
)  # fmt: skip


ORDERS: Mapping[str, Sequence[str]] = {"due": ("due", "-due"), "received": ("-received",)}
"""What the indexes sort by: the due date up and down, and what came last."""


def sorted_by(rows: Rows, order: str) -> Rows:
    """All rows in one of the orders, for who reads them to the end."""
    up = F("due_on").asc(nulls_last=True), F("pk").asc()
    down = F("due_on").desc(nulls_last=True), F("pk").desc()
    return rows.order_by(*{"due": up, "-due": down}.get(order, (F("pk").desc(),)))


def page_of(rows: Rows, after: str, order: str = "due") -> Page:
    """One page, the nearest due date first; requests without a date come last."""
    mark = _read_mark(after)
    if order == "-received":
        return _newest(rows, mark)
    sign, behind = ("-", TupleLessThan) if order == "-due" else ("", TupleGreaterThan)
    found: list[dict[str, Any]] = []
    dated = rows.filter(due_on__isnull=False).order_by(f"{sign}due_on", f"{sign}pk")
    if mark is None or mark[0] != NO_DAY:
        beyond = dated if mark is None else dated.filter(behind(Tuple(F("due_on"), F("pk")), mark))
        found = list(beyond.values(*COLUMNS)[: SIZE + 1])
    if len(found) <= SIZE:
        undated = rows.filter(due_on__isnull=True).order_by(f"{sign}pk")
        if mark is not None and mark[0] == NO_DAY:
            undated = undated.filter(Q(pk__lt=mark[1]) if sign else Q(pk__gt=mark[1]))
        found += undated.values(*COLUMNS)[: SIZE + 1 - len(found)]
    shown = found[:SIZE]
    more = _mark(shown[-1]) if len(found) > SIZE else ""
    return Page(shown, more, mark is None)


def _newest(rows: Rows, mark: tuple[date, int] | None) -> Page:
    beyond = rows if mark is None else rows.filter(pk__lt=mark[1])
    found = list(beyond.order_by("-pk").values(*COLUMNS)[: SIZE + 1])
    shown = found[:SIZE]
    return Page(shown, _mark(shown[-1]) if len(found) > SIZE else "", mark is None)


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
    right: str
    sender: str
    received: SafeString | str
    due: SafeString
    stage: str
    waits_for: str
    assigned: str


def shown(rows: list[dict[str, Any]], *, at: datetime) -> list[Shown]:
    """The rows in words; three statements for any number of them: senders and names of staff."""
    senders = _senders(rows)
    staff = {row["assigned_to_id"] for row in rows} - {None}
    members = StaffMember.objects.filter(pk__in=staff).values_list("pk", "username")
    names = dict(members) if staff else {}
    words = _Words(today(at))
    return [_shown(row, senders, names, words) for row in rows]


class _Words:
    """What many rows of a page say alike, said once."""

    def __init__(self, on: date) -> None:
        self.closed = format_html('<span class="quiet">{}</span>', _("closed"))
        self.received = cache(day_short)
        self.due = cache(lambda day: due_words(day, on))
        self.day = cache(day_short)
        self.right = cache(lambda kind: str(RIGHTS[kind]))
        self.channel = cache(lambda channel: str(CHANNELS[channel]))
        self.stage = cache(lambda status: str(Status(status).label))
        self.turn = cache(lambda status: str(TURN[Status(status)].label))


def _shown(
    row: Mapping[str, Any], senders: Mapping[int, str], names: Mapping[int, str], words: _Words
) -> Shown:
    number, status = row["number"], row["status"]
    is_open = TURN[Status(status)] is not Turn.NOBODY
    return Shown(
        number=number,
        public_number=f"{number[:4]}-{number[4:8]}-{number[8:]}",
        right=words.right(row["kind"]),
        sender=senders.get(row["pk"], "") or words.channel(row["channel"]),
        received=words.day(row["received_on"]),
        due=words.due(row["due_on"]) if is_open else words.closed,
        stage=words.stage(status),
        waits_for=words.turn(status),
        assigned=names.get(row["assigned_to_id"], ""),
    )


HEAD = tuple(
    map(
        gettext_lazy,
        ("Number", "Right", "Channel", "Received", "Due", "Stage", "Waits for", "Assigned"),
    )
)


def cells_with(staff: Mapping[int, str], at: datetime) -> Callable[[Mapping[str, Any]], list[Any]]:
    """How a row becomes cells of a file; no sender is among them."""
    words = _Words(today(at))

    def cells(row: Mapping[str, Any]) -> list[Any]:
        each = _shown(row, {}, staff, words)
        return [
            each.public_number, each.right, words.channel(row["channel"]), row["received_on"],
            row["due_on"], each.stage, each.waits_for, each.assigned,
        ]  # fmt: skip

    return cells


RIGHTS: Mapping[str, Any] = dict(ConsumerRequest._meta.get_field("kind").flatchoices)
CHANNELS: Mapping[str, Any] = dict(Channel.choices)


def _typed(requests: list[int]) -> QuerySet[Identifier, Any]:
    typed = Identifier.objects.filter(
        consumer_request_id__in=requests,
        source=IdentifierSource.TYPED,
        kind__in=("email", "name"),
    )
    return typed.order_by("kind").values_list("consumer_request_id", "value")


KEYS: Prepared[DataKey] = Prepared(lambda keys: DataKey.objects.filter(pk__in=keys))
TYPED: Prepared[Any] = Prepared(_typed)


def _senders(rows: list[dict[str, Any]]) -> dict[int, str]:
    """The typed addresses of a page, masked; what cannot be opened any more stays unsaid.

    Two statements that never touch the requests again: joined to them, a page far down a long
    queue is planned as a walk through the whole queue.
    """
    key_of = {row["pk"]: row["data_key_id"] for row in rows if row["data_key_id"]}
    if not key_of:
        return {}
    keys = {key.pk: key for key in KEYS(list(key_of.values()))}
    found: dict[int, str] = {}
    for pk, value in TYPED(list(key_of)):
        if pk in found:
            continue
        try:
            opened = sealing.Box(keys[key_of[pk]]).open(bytes(value), context="identifier.value")
        except sealing.Unreadable:
            continue
        found[pk] = masked(opened)
    return found


def by_number(typed: str) -> Rows:
    """The request with a number, in whatever way somebody types it."""
    try:
        return ConsumerRequest.objects.filter(number=read_number(typed))
    except NotANumber:
        return ConsumerRequest.objects.none()


NUMBERED: Prepared[Any] = Prepared(
    lambda number: ConsumerRequest.objects.filter(number=number).values_list(*COLUMNS), planned=True
)


def numbered(typed: str) -> Page:
    """The page of the request with a number: one row, by its own index."""
    try:
        found = NUMBERED(read_number(typed))
    except NotANumber:
        found = []
    return Page([dict(zip(COLUMNS, row, strict=True)) for row in found], "", first=True)


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


def count_words(rows: Rows, page: Page | None = None) -> str:
    """How many, counted to a thousand and no further; a page that holds all is counted itself."""
    is_whole = page is not None and page.first and not page.after
    count = len(page.rows) if page is not None and is_whole else capped_count(rows)
    return f"{CAP:,}+" if count > CAP else f"{count:,}"


def today(at: Any) -> date:
    """The office's day."""
    return received_date(at)
