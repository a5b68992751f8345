"""A deletion list held against every row: digests are computed in the store, by several workers.

The list travels as one parameter. SQL standardizes what is plain, byte for byte as
``standardizing`` does; any other value is read out and decided there.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import psycopg
from psycopg import sql

from ccpa_office.connectors.base import Program
from ccpa_office.connectors.matching import (
    NOTHING,
    WIDTH,
    Held,
    Matched,
    Place,
    decide,
    places,
)
from ccpa_office.connectors.postgresql import keys
from ccpa_office.connectors.postgresql.binding import Binding, Walk, conjunction, walks
from ccpa_office.connectors.standardizing import LISTS

SQL = sql.SQL
AT_A_TIME = 1000


def _signs(kept: str) -> str:
    return f"lower(regexp_replace({{0}}, '[^{kept}]', '', 'g'))"


STANDARD = {
    "Email": ("lower({0})", ""),
    "Phone": ("right(regexp_replace({0}, '[^0-9]', '', 'g'), 10)", ""),
    "MAID": (_signs("0-9A-Fa-f"), "octet_length({0}) = 32"),
    "CTVID": (_signs("0-9A-Za-z"), "octet_length({0}) BETWEEN 8 AND 32"),
}
"""What SQL makes of a value that is plain, and what it must then be."""

ASCII = "{0} !~ '[^\\x01-\\x7f]'"
PLAIN = {"Email": "{0} !~ '[^\\x21-\\x7f]'", "Phone": ASCII, "MAID": ASCII, "CTVID": ASCII}
"""Which values are plain: ASCII, in an address without white space, as nearly all are."""

SETTINGS = (
    "SET TRANSACTION READ ONLY",
    "SET LOCAL enable_seqscan = on",  # every row is read: no index has these digests
    "SET LOCAL enable_mergejoin = off",  # nor does sorting every row help
    "SET LOCAL enable_nestloop = off",
    "SET LOCAL parallel_setup_cost = 0",  # the planner prices sha256 like any small function
    "SET LOCAL parallel_tuple_cost = 0",
    "SET LOCAL min_parallel_table_scan_size = 0",
    "SET LOCAL statement_timeout = '60min'",
)
"""How many workers there may be stays the store's own word (max_parallel_workers_per_gather)."""
ENTRY = f"substr(%(sought)s::bytea, {WIDTH} * n + 1, {WIDTH})"
ENTRIES = f"SELECT n, {ENTRY} AS digest FROM generate_series({{first}}, {{last}}) AS n{{unless}}"  # noqa: S608
UNLESS = f" WHERE {ENTRY} <> '\\x{NOTHING.hex()}'::bytea"
"""An entry that every empty value would meet names nobody."""
PARTS = 4
"""Into so many parts a list is cut, so that workers read it together."""
BYTES_EACH = 120
"""What an entry takes in a worker's hash table, and room to spare."""


class Matching:
    """The part of a connector that holds a deletion list against the store."""

    program: Program
    _connection: "psycopg.Connection[Any]"
    _binding: Binding
    _guard: Callable[[], AbstractContextManager[None]]

    def matched(self, kind: str, sought: bytes) -> Matched:
        """Find whom a list means; the hashes of one field are computed by the store itself."""
        wanted, found = places(self.program, kind), Matched()
        with self._guard(), self._connection.transaction():
            for setting in SETTINGS:
                self._connection.execute(setting)
            memory = max(4096, BYTES_EACH * (len(sought) // WIDTH) // 1024)
            self._connection.execute(f"SET LOCAL work_mem = '{memory}kB'")
            if kind in STANDARD:
                values = self._by_digest(kind, wanted, sought, found)
            else:
                values = self._stream(composed(self._binding, wanted), {})
            decide(kind, values, sought, found)
        return found

    def _by_digest(
        self, kind: str, wanted: list[Place], sought: bytes, found: Matched
    ) -> Iterator[Held]:
        """Add whom the store found; yield the values that it cannot decide."""
        field = LISTS[kind][0]
        for place in wanted:
            for walk in walks(self._binding, place.table):
                query = by_digest(self._binding, place, walk, sought)
                for number, value, *owner in self._rows(query, {"sought": sought}):
                    if number >= 0:
                        found.pairs.add((number, keys.key(owner)))
                    else:
                        yield keys.key(owner), field, value

    def _stream(self, query: sql.Composed, values: dict[str, Any]) -> Iterator[Held]:
        for field, value, *owner in self._rows(query, values):
            yield keys.key(owner), field, value

    def _rows(self, query: sql.Composed, values: dict[str, Any]) -> Iterator[Any]:
        """Rows as they come: a cursor in the store would let no worker help."""
        size = AT_A_TIME if psycopg.capabilities.has_stream_chunked() else 1
        with self._connection.cursor() as cursor:
            yield from cursor.stream(query, values, size=size)


def _value(
    binding: Binding, place: Place
) -> tuple[sql.Composable, list[sql.Composed], list[sql.Composable]]:
    """Return a field as a text, what must be joined to see it, and the conditions."""
    if not place.at.path:
        return SQL("{}::text").format(sql.Identifier("t", place.at.column)), [], []
    held = binding.column(place.table.name, place.at.column, place.at.path).value("t", "i")
    return held.text, held.joins, held.conditions()


def _owner(binding: Binding, walk: Walk) -> list[sql.Composable]:
    """Return the person's key as values that can be told apart: numbers stay, all else is text."""
    numbers = binding.integers(binding.person)
    return [
        part if is_number else SQL("{}::text").format(part)
        for part, is_number in zip(walk.owner, numbers, strict=True)
    ]


def _source(binding: Binding, place: Place, within: list[sql.Composed], walk: Walk) -> sql.Composed:
    table = SQL("{} AS t").format(binding.name(place.table.name))
    return SQL(", ").join([table, *within, *walk.joins])


def by_digest(binding: Binding, place: Place, walk: Walk, sought: bytes) -> sql.Composed:
    """Return (entry's place, NULL, owner...) of who is meant, and (-1, value, owner...) of others.

    Entry -1 of the list is what every value comes to that SQL cannot standardize.
    """
    made, must = STANDARD[_kind(place)]
    text, within, conditions = _value(binding, place)
    value = SQL("({} COLLATE \"C\")").format(text)  # fmt: skip
    standard = SQL(made).format(value)
    digest = SQL("sha256(textsend({}))").format(standard)  # plain ASCII is the same everywhere
    if must:
        digest = SQL("CASE WHEN {} THEN {} END").format(SQL(must).format(standard), digest)
    owner = _owner(binding, walk)
    return SQL(
        "SELECT l.n, CASE WHEN l.n < 0 THEN {text} END, {owner} FROM {source},"
        " ({entries} UNION ALL SELECT -1, ''::bytea) AS l"
        " WHERE {where} AND l.digest = CASE WHEN {plain} THEN {digest} ELSE ''::bytea END"
    ).format(
        text=text, owner=SQL(", ").join(owner), source=_source(binding, place, within, walk),
        entries=_entries(sought),
        where=conjunction([
            *conditions, *walk.conditions, SQL("{} IS NOT NULL").format(text),
            *[SQL("{} IS NOT NULL").format(part) for part in walk.owner],
        ]),
        plain=SQL(PLAIN[_kind(place)]).format(value), digest=digest,
    )  # fmt: skip


def _entries(sought: bytes) -> sql.Composed:
    """Return (place, digest) of every entry of the list, in parts that workers share."""
    unless = UNLESS if NOTHING in sought else ""
    count = len(sought) // WIDTH
    step = max(1, -(-count // PARTS))
    return SQL(" UNION ALL ").join(
        SQL(ENTRIES).format(
            first=SQL(str(first)), last=SQL(str(min(first + step, count) - 1)), unless=SQL(unless)
        )
        for first in range(0, count, step)
    )


def _kind(place: Place) -> str:
    return next(kind for kind, fields in LISTS.items() if fields == (place.field,))


def composed(binding: Binding, wanted: list[Place]) -> sql.Composed:
    """Return (field, value, owner...) of every value of several fields, a person's together."""
    parts = [
        SQL("SELECT {field} AS f, {text} AS v, {owner} FROM {source} WHERE {where}").format(
            field=sql.Literal(place.field), text=text,
            owner=SQL(", ").join(
                SQL("{} AS {}").format(part, sql.Identifier(f"o{number}"))
                for number, part in enumerate(_owner(binding, walk))
            ),
            source=_source(binding, place, within, walk),
            where=conjunction([
                *conditions, *walk.conditions, SQL("{} IS NOT NULL").format(text),
                *[SQL("{} IS NOT NULL").format(part) for part in walk.owner],
            ]),
        )
        for place in wanted
        for text, within, conditions in [_value(binding, place)]
        for walk in walks(binding, place.table)
    ]  # fmt: skip
    slots = [sql.Identifier(f"o{number}") for number in range(len(binding.person.key))]
    return SQL("SELECT * FROM ({}) AS held ORDER BY {}").format(
        SQL(" UNION ALL ").join(parts), SQL(", ").join(slots)
    )
