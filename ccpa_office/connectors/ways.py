"""Where a value stands in a row, and which way leads from a row to the person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

EACH = "[]"
"""A step into every element of an array."""

Inside = tuple[str, ...]
"""The steps from a column to a value within it: names of an object's keys, and ``EACH``.

Nothing where the column is the value. ``("people", "[]", "id")`` is ``people[].id`` of JSON, and
``("[]",)`` each element of a list, of JSON or of the store's own kind of array.
"""


@dataclass(frozen=True)
class Hop:
    """One step from a table towards the person: ``column`` here equals ``target`` in ``table``.

    With ``path`` the reference lies within the column that holds it: ``column`` of a step forward,
    ``target`` of a step back.
    """

    column: str
    table: str
    target: str
    forward: bool  # this row holds the reference; otherwise the next row refers to this one
    unique: bool  # the target is the whole primary key there, so that one row answers at most
    compare: str = "exact"
    also: tuple[tuple[str, str], ...] = ()  # further (column, target) that must agree: a wide key
    path: Inside = ()

    @property
    def many(self) -> bool:
        """Whether one column may hold several references."""
        return EACH in self.path


Path = tuple[Hop, ...]


def follows(paths: Iterable[Path], table: str, pairs: Iterable[tuple[str, str]]) -> bool:
    """Say whether a way goes first to a table, by no other columns than these.

    ``pairs`` are our columns, each with theirs that holds the same: then whatever they lead to is
    on that way.
    """
    known = set(pairs)
    return any(
        path[0].table == table
        and not path[0].path
        and {(path[0].column, path[0].target), *path[0].also} <= known
        for path in paths
        if path
    )


@dataclass(frozen=True)
class Named:
    """A column that holds something of a kind, and how its values are compared."""

    column: str
    kind: str
    compare: str = "exact"
    path: Inside = ()

    @property
    def many(self) -> bool:
        """Whether one column may hold several such values."""
        return EACH in self.path


@dataclass(frozen=True)
class ContactColumn:
    """A column with a contact, and the column that says since when it is unchanged."""

    column: str
    kind: str
    since: str
    path: Inside = ()


@dataclass(frozen=True)
class Point:
    """A data point that proves identity: compared by the system, never shown."""

    key: str
    group: str
    normalise: str
    column: str
    label: Mapping[str, str] = field(default_factory=dict, hash=False)
    path: Inside = ()


def shown(column: str, path: Inside) -> str:
    """Return a value's place as people write it: ``payload.people[].id``."""
    return "".join([column, *(step if step == EACH else f".{step}" for step in path)])


def unindexed(table: str, column: str, compare: str, quote: str = '"') -> str:
    """Say of a column that no index serves it, with the statement that makes one."""
    held = f"{quote}{column}{quote}"
    what = f"(lower({held}))" if compare == "casefold" else held
    name = f"{quote}{table}_{column}_{'lower_' if compare == 'casefold' else ''}ix{quote}"
    statement = f"CREATE INDEX {name} ON {quote}{table}{quote} ({what})"
    return f"{table}.{column}: people are found by it without an index: {statement}"
