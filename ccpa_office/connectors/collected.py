"""What collecting gives back: a row as it stands, and what the map says of each of its columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

SHARED, PERIOD = "shared", "period"
"""Why a row comes without its values: somebody else reaches it too, or it is not of the period."""


class TooMany(Exception):
    """A table has more rows of these people than one answer may hold. Nothing is given."""


@dataclass(frozen=True)
class Piece:
    """One column and what the map says of what stands in it."""

    column: str
    category: str = ""
    source: str = ""
    never: str = ""  # a kind that no answer may disclose: 11 CCR 7024(d)
    sensitive: str = ""
    from_consumer: bool = False


@dataclass(frozen=True)
class Binary:
    """Bytes that nobody can read on a page, with their number in place of them."""

    size: int


@dataclass(frozen=True)
class Window:
    """The days asked for, both included, and the tables whose shared rows a person gives out."""

    first: date
    last: date
    given: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Asked:
    """One of several people whose rows are asked for together: their keys, and their days.

    Shared rows are never given this way: ``given`` of the window is empty.
    """

    people: Sequence[Any]
    window: Window


@dataclass(frozen=True)
class Record:
    """One row: its key, and a value for each piece of its table, or why there are none.

    A value is nothing, a truth, a whole number, a text, what JSON can hold, or ``Binary``.
    """

    key: tuple[Any, ...]
    values: tuple[Any, ...]
    why: str = ""


@dataclass(frozen=True)
class Tally:
    """How many rows of a table are the person's alone, shared, out of the period; what is filled.

    ``filled`` has, for each piece, the number of rows in which it holds something.
    """

    rows: int
    shared: int
    period: int
    filled: tuple[int, ...]


@dataclass(frozen=True)
class Corrected:
    """Whether one field was changed now, and whether the right value stands there."""

    done: bool
    stands: bool
