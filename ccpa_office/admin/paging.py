"""Pages of a long list: by the key of the last row, never by counting what came before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

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


def newest(rows: QuerySet[Any], token: str) -> Page:
    """The newest rows first, by primary key; a junk mark is the first page."""
    after = (int(token),) if token.isascii() and token.isdigit() and len(token) <= 18 else None
    if after is not None:
        rows = rows.filter(pk__lt=after[0])
    found = list(rows.order_by("-pk")[: SIZE + 1])
    shown: Sequence[Model] = found[:SIZE]
    return Page(shown, str(shown[-1].pk) if len(found) > SIZE else "", after is None)
