"""Pages of a long list: by the key of the last row, never by counting what came before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Model, QuerySet, Value
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

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


def keyset(
    rows: QuerySet[Any],
    *,
    by: tuple[str, ...],
    after: tuple[Any, ...] | None,
    mark: Callable[[Any], str],
    descending: bool = False,
) -> Page:
    """One page of ``rows`` ordered by the columns ``by``, from behind the key ``after`` on."""
    order = [F(name).desc() if descending else F(name).asc() for name in by]
    chosen = rows.order_by(*order)
    if after is not None:
        chosen = chosen.filter(_beyond(by, after, descending=descending))
    found = list(chosen[: SIZE + 1])
    shown = found[:SIZE]
    more = mark(shown[-1]) if len(found) > SIZE else ""
    return Page(shown, more, after is None)


def _beyond(by: tuple[str, ...], after: tuple[Any, ...], *, descending: bool) -> Any:
    lookup = TupleLessThan if descending else TupleGreaterThan
    return lookup(Tuple(*[F(name) for name in by]), tuple(Value(part) for part in after))


def newest(rows: QuerySet[Any], token: str) -> Page:
    """The newest rows first, by primary key; a junk mark is the first page."""
    after = (int(token),) if token.isascii() and token.isdigit() and len(token) <= 18 else None
    if after is not None:
        rows = rows.filter(pk__lt=after[0])
    found = list(rows.order_by("-pk")[: SIZE + 1])
    shown: Sequence[Model] = found[:SIZE]
    return Page(shown, str(shown[-1].pk) if len(found) > SIZE else "", after is None)
