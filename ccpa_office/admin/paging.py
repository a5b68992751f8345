"""Pages of a long list: by the key of the last row, never by counting what came before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest

SIZE = 50
CAP = 1000


@dataclass(frozen=True)
class Page:
    """The rows of one page; ``after`` is the mark of the next one, empty on the last."""

    rows: Sequence[Any]
    after: str
    first: bool


def capped_count(rows: QuerySet[Any], cap: int = CAP) -> int:
    """How many rows there are, counted to ``cap`` + 1 and no further."""
    return rows.order_by()[: cap + 1].count()


def newest(rows: QuerySet[Any], token: str, *, oldest: bool = False) -> Page:
    """The newest rows first, or the oldest, by primary key; a junk mark is the first page."""
    after = (int(token),) if token.isascii() and token.isdigit() and len(token) <= 18 else None
    if after is not None:
        rows = rows.filter(pk__gt=after[0]) if oldest else rows.filter(pk__lt=after[0])
    found = list(rows.order_by("pk" if oldest else "-pk")[: SIZE + 1])
    shown: Sequence[Model] = found[:SIZE]
    return Page(shown, str(shown[-1].pk) if len(found) > SIZE else "", after is None)


@dataclass(frozen=True)
class Order:
    """How a list is sorted, and for each column that can sort: where its head leads, its state."""

    word: str
    heads: Mapping[str, tuple[str, str]]


def order_of(request: HttpRequest, columns: Mapping[str, Sequence[str]]) -> Order:
    """The order that was asked for, or the one of last time; the first one at first.

    ``columns`` maps a column to the orders that its index gives: one, or one up and one down.
    """
    known = [word for words in columns.values() for word in words]
    key = f"order:{request.path}"
    asked = request.GET.get("order", "")
    if asked in known:
        request.session[key] = asked
    word = str(request.session.get(key, ""))
    word = word if word in known else known[0]
    heads: dict[str, tuple[str, str]] = {}
    for column, words in columns.items():
        to = next((each for each in words if each != word), word)
        given = request.GET.copy()
        given.pop("after", None)
        given["order"] = to
        state = ("descending" if word.startswith("-") else "ascending") if word in words else ""
        heads[column] = (f"?{given.urlencode()}", state)
    return Order(word, heads)
