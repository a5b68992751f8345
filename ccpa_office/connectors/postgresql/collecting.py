"""One person's rows with their values: a server-side cursor for each table, in bounded memory."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg import sql

from ccpa_office.connectors.base import Key, Program, Table
from ccpa_office.connectors.collected import PERIOD, SHARED, Binary, Record, Tally, Window
from ccpa_office.connectors.postgresql.binding import (
    INTEGERS,
    Binding,
    Parameters,
    Walk,
    any_of,
    conjunction,
    walks,
)

SQL = sql.SQL
AT_A_TIME = 500
"""Rows in one answer of the store: with the texts of one such answer, all that memory holds."""

JSON = frozenset({"json", "jsonb"})


class Collecting:
    """The part of a connector that gives rows out."""

    program: Program
    _connection: "psycopg.Connection[Any]"
    _binding: Binding
    _people: Callable[[Sequence[Key]], Parameters]
    _all: Callable[[Any, Parameters], list[tuple[Any, ...]]]
    _guard: Callable[[], AbstractContextManager[None]]

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self._guard(), self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield

    def collect(self, table: str, people: Sequence[Key], window: Window) -> Iterator[Record]:
        step = self.program.table(table)
        query = collect(self._binding, step, window)
        with self._guard():
            yield from stream(self._connection, query, self._asked(people, window), step)

    def tally(self, table: str, people: Sequence[Key], window: Window) -> Tally:
        query = tally(self._binding, self.program.table(table), window)
        row = self._all(query, self._asked(people, window))[0]
        return Tally(row[0], row[1], row[2], tuple(row[3:]))

    def _asked(self, people: Sequence[Key], window: Window) -> Parameters:
        return {**self._people(people), "first": window.first, "last": window.last}


def collect(binding: Binding, table: Table, window: Window) -> sql.Composed:
    """Return the statement (key..., why, values...) of one person's rows, in the order of the key.

    ``%(p0)s...`` are the keys under which the person is known, ``%(first)s`` and ``%(last)s`` the
    days asked for.
    """
    shown = [_value(binding, table, piece.column) for piece in table.pieces]
    return SQL("SELECT {} FROM {} ORDER BY {}").format(
        SQL(", ").join([binding.shown("t", table), _why(binding, table, window), *shown]),
        mine(binding, table),
        SQL(", ").join(binding.columns("t", table.key)),
    )


def tally(binding: Binding, table: Table, window: Window) -> sql.Composed:
    """Return the statement that counts what ``collect`` gives: three counts, then filled values."""
    slots = [SQL(f"c{number}") for number in range(len(table.pieces))]
    values = [sql.Identifier("t", piece.column) for piece in table.pieces]
    counts = [SQL("count(*) FILTER (WHERE q.why = {})").format(sql.Literal(why))
              for why in ("", SHARED, PERIOD)]  # fmt: skip
    filled = [SQL("count(q.{}) FILTER (WHERE q.why = '')").format(slot) for slot in slots]
    return SQL("SELECT {} FROM (SELECT {} FROM {}) AS q({})").format(
        SQL(", ").join([*counts, *filled]),
        SQL(", ").join([_why(binding, table, window), *values]),
        mine(binding, table),
        SQL(", ").join([SQL("why"), *slots]),
    )


def stream(
    connection: "psycopg.Connection[Any]", query: sql.Composed, values: Parameters, table: Table
) -> Iterator[Record]:
    """Yield what ``collect`` finds; the store keeps the rows, the office holds a few at a time."""
    width = len(table.key)
    with connection.cursor(name="collecting") as cursor:
        cursor.itersize = AT_A_TIME
        cursor.execute(query, values)
        for row in cursor:
            why = row[width]
            kept = () if why else tuple(map(_read, row[width + 1 :]))
            yield Record(tuple(row[:width]), kept, why)


def mine(binding: Binding, table: Table) -> sql.Composed:
    """Return the rows that any way leads from to the person, each once, as ``t``."""
    ways = list(walks(binding, table))
    if not table.shareable:
        way = ways[0]
        return SQL("{} WHERE {}").format(_joined(binding, table, way), _is_mine(binding, way))
    reach = SQL(" UNION ").join(
        SQL("SELECT DISTINCT {} FROM {} WHERE {}").format(
            SQL(", ").join(binding.columns("t", table.key)),
            _joined(binding, table, way),
            _is_mine(binding, way),
        )
        for way in ways
    )
    return SQL("({}) AS r({}) JOIN {} AS t ON {}").format(
        reach,
        SQL(", ").join(sql.Identifier(slot) for slot in binding.slots(table, "k")),
        binding.name(table.name),
        binding.same_key(table, "t", "r", "k"),
    )


def _joined(binding: Binding, table: Table, way: Walk) -> sql.Composed:
    """Return a table and its way to the person, whose keys stand by where an index asks them."""
    asked = SQL("{} AS c({}), ").format(
        binding.unnest(binding.person, "p"),
        SQL(", ").join(sql.Identifier(slot) for slot in binding.slots(binding.person, "p")),
    )
    return SQL("{}{}{}").format(
        asked if way.near else SQL(""),
        SQL("{} AS t").format(binding.name(table.name)),
        SQL("").join(SQL(", {}").format(join) for join in way.joins),
    )


def _is_mine(binding: Binding, way: Walk) -> sql.Composed:
    if way.near:
        return conjunction(way.owned_by("c"))
    return conjunction([*way.conditions, _among(binding, way, "IN")])


def _among(binding: Binding, way: Walk, word: str) -> sql.Composed:
    """Return whether the way ends at one of the keys under which the person is known."""
    return SQL("({}) {} (SELECT * FROM {})").format(
        SQL(", ").join(way.owner), SQL(word), binding.unnest(binding.person, "p")
    )


def _why(binding: Binding, table: Table, window: Window) -> sql.Composed:
    """Return why a row comes without its values, or an empty text."""
    cases = []
    if table.shareable and table.name not in window.given:
        others = [
            way.exists([*way.conditions, _among(binding, way, "NOT IN")])
            for way in walks(binding, table)
        ]
        cases.append(SQL("WHEN {} THEN {}").format(any_of(others), sql.Literal(SHARED)))
    if table.dated:
        cases.append(
            SQL("WHEN {day} < %(first)s OR {day} > %(last)s THEN {why}").format(
                day=SQL("{}::date").format(sql.Identifier("t", table.dated)),
                why=sql.Literal(PERIOD),
            )
        )
    return SQL("CASE {} ELSE '' END").format(SQL(" ").join(cases)) if cases else SQL("''").format()


def _value(binding: Binding, table: Table, column: str) -> sql.Composed:
    """Return a column as what ``_read`` understands: plain values as they are, else as text."""
    kind = binding.catalogue.type(table.name, column)
    name = sql.Identifier("t", column)
    if kind in INTEGERS or kind == "boolean":
        return SQL("{}").format(name)
    if kind == "bytea":
        return SQL("CASE WHEN {0} IS NOT NULL THEN '\\x' || octet_length({0})::text END").format(
            name
        )
    if kind in JSON or kind.endswith("[]"):
        return SQL("'j' || to_json({})::text").format(name)
    return SQL("'t' || {}::text").format(name)


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    first, rest = value[:1], value[1:]
    if first == "t":
        return rest
    return json.loads(rest) if first == "j" else Binary(int(rest[1:]))
