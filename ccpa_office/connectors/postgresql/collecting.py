"""People's rows with their values: of many people at once while they are few, else as a stream."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg import sql

from ccpa_office.connectors.base import Key, Program, Table
from ccpa_office.connectors.collected import (
    PERIOD,
    SHARED,
    Asked,
    Binary,
    Record,
    Tally,
    TooMany,
    Window,
)
from ccpa_office.connectors.postgresql import keys
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
SIZE = SQL("CASE WHEN {0} IS NOT NULL THEN '\\x' || octet_length({0})::text END")
SIZES = SQL(
    "CASE WHEN {0} IS NOT NULL THEN '\\x' ||"
    " (SELECT coalesce(sum(octet_length(each)), 0) FROM unnest({0}) AS each)::text END"
)
"""How many bytes there are, in place of them."""


class Collecting:
    """The part of a connector that gives rows out."""

    program: Program
    _connection: "psycopg.Connection[Any]"
    _binding: Binding
    _people: Callable[[Sequence[Key]], Parameters]
    _all: Callable[[Any, Parameters], list[tuple[Any, ...]]]
    _text: Callable[..., str]
    _together: Callable[[Iterable[tuple[Any, Parameters]]], list[list[tuple[Any, ...]]]]
    _guard: Callable[[], AbstractContextManager[None]]

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self._guard(), self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield

    def collect(self, table: str, people: Sequence[Key], window: Window) -> Iterator[Record]:
        step = self.program.table(table)
        given = "given" if table in window.given else ""
        query = self._text("collect", step, lambda: collect(self._binding, step, window), given)
        with self._guard():
            yield from stream(self._connection, query, self._asked(people, window), step)

    def collect_few(self, asked: Sequence[Asked], *, most: int) -> list[dict[str, list[Record]]]:
        found: list[dict[str, list[Record]]] = [{} for _ in asked]
        if not asked:
            return found
        values = self._everybody(asked) | {"most": most + 1}
        tables = self.program.tables
        with self.snapshot():
            answers = self._together((self._few(table), values) for table in tables)
        if any(len(rows) > most for rows in answers):
            raise TooMany
        for table, rows in zip(tables, answers, strict=True):
            lists: list[list[Record]] = [[] for _ in asked]
            width = len(table.key)
            for row in rows:
                lists[row[0]].append(_record(row[1 + width :], width))
            for place, records in enumerate(lists):
                found[place][table.name] = records
        return found

    def _few(self, table: Table) -> str:
        return self._text("few", table, lambda: collect_few(self._binding, table))

    def _everybody(self, asked: Sequence[Asked]) -> Parameters:
        """Everybody's keys, each with the place of whose it is and the days asked for."""
        flat = [(person, place) for place, each in enumerate(asked) for person in each.people]
        windows = [asked[place].window for _person, place in flat]
        return {
            **self._people([person for person, _place in flat]),
            "g": keys.numbers([place for _person, place in flat]),
            "first": keys.array([window.first.isoformat() for window in windows]),
            "last": keys.array([window.last.isoformat() for window in windows]),
        }

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
    connection: "psycopg.Connection[Any]", query: str, values: Parameters, table: Table
) -> Iterator[Record]:
    """Yield what ``collect`` finds; the store keeps the rows, the office holds a few at a time."""
    width = len(table.key)
    with connection.cursor(name="collecting") as cursor:
        cursor.itersize = AT_A_TIME
        cursor.execute(query.encode(), values)
        for row in cursor:
            yield _record(row, width)


def _record(row: Sequence[Any], width: int) -> Record:
    """The record that a row (key..., why, values...) spells."""
    why = row[width]
    kept = () if why else tuple(map(_read, row[width + 1 :]))
    return Record(tuple(row[:width]), kept, why)


# --- of many people at once -----------------------------------------------------------------------


def collect_few(binding: Binding, table: Table) -> sql.Composed:
    """Return ``collect`` for many people: (whose, order..., key..., why, values...).

    ``%(g)s`` says whose each of the keys ``%(p0)s...`` is, ``%(first)s`` and ``%(last)s`` the days
    that this one asked for. A row that two people reach comes once for each, and is shared.
    """
    shown = [_value(binding, table, piece.column) for piece in table.pieces]
    order = binding.columns("t", table.key)
    return SQL(
        "SELECT * FROM (SELECT {} FROM {} LIMIT %(most)s) AS q ORDER BY {}"
    ).format(
        SQL(", ").join([
            SQL("r.g"), *order, binding.shown("t", table), _why_of_each(binding, table), *shown,
        ]),
        _theirs(binding, table),
        SQL(", ").join(SQL(str(place)) for place in range(1, len(order) + 2)),
    )  # fmt: skip


def _theirs(binding: Binding, table: Table) -> sql.Composed:
    """Return each person's rows once as ``t``, whose they are in ``r``: ``mine`` for many."""
    ways = list(walks(binding, table))
    if not table.shareable:
        return _from_each(binding, table, ways[0], "r")
    reach = SQL(" UNION ").join(
        SQL("SELECT DISTINCT c.g, c.first_day, c.last_day, {} FROM {}").format(
            SQL(", ").join(binding.columns("t", table.key)), _from_each(binding, table, way, "c")
        )
        for way in ways
    )
    return SQL("({}) AS r(g, first_day, last_day, {}) JOIN {} AS t ON {}").format(
        reach,
        SQL(", ").join(sql.Identifier(slot) for slot in binding.slots(table, "k")),
        binding.name(table.name),
        binding.same_key(table, "t", "r", "k"),
    )


def _from_each(binding: Binding, table: Table, way: Walk, name: str) -> sql.Composed:
    """Return the rows to which one way leads from each of the people of ``name``."""
    more = ("%(g)s::int[]", "%(first)s::date[]", "%(last)s::date[]")
    return SQL("{} AS {}({}, g, first_day, last_day), {} AS t{} WHERE {}").format(
        binding.unnest(binding.person, "p", *more),
        sql.Identifier(name),
        SQL(", ").join(sql.Identifier(slot) for slot in binding.slots(binding.person, "p")),
        binding.name(table.name),
        SQL("").join(SQL(", {}").format(join) for join in way.joins),
        conjunction(way.owned_by(name)),
    )


def _why_of_each(binding: Binding, table: Table) -> sql.Composed:
    """Return ``_why`` where each of the people has keys and days of their own."""
    others = [
        way.exists([*way.conditions, _of_nobody_like(binding, way)])
        for way in (walks(binding, table) if table.shareable else ())
    ]
    dated = SQL("{}::date").format(sql.Identifier("t", table.dated)) if table.dated else None
    return _case(others, dated, (SQL("r.first_day"), SQL("r.last_day")))


def _of_nobody_like(binding: Binding, way: Walk) -> sql.Composed:
    """Return whether the way ends at a key that is none of the very person's."""
    return SQL("({}, r.g) NOT IN (SELECT * FROM {})").format(
        SQL(", ").join(way.owner), binding.unnest(binding.person, "p", "%(g)s::int[]")
    )


# --- of one person --------------------------------------------------------------------------------


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
    others = []
    if table.shareable and table.name not in window.given:
        others = [
            way.exists([*way.conditions, _among(binding, way, "NOT IN")])
            for way in walks(binding, table)
        ]
    dated = SQL("{}::date").format(sql.Identifier("t", table.dated)) if table.dated else None
    return _case(others, dated, (SQL("%(first)s"), SQL("%(last)s")))


def _case(
    others: Sequence[sql.Composed], dated: sql.Composed | None, days: tuple[sql.SQL, sql.SQL]
) -> sql.Composed:
    cases = []
    if others:
        cases.append(SQL("WHEN {} THEN {}").format(any_of(others), sql.Literal(SHARED)))
    if dated:
        cases.append(
            SQL("WHEN {day} < {first} OR {day} > {last} THEN {why}").format(
                day=dated, first=days[0], last=days[1], why=sql.Literal(PERIOD)
            )
        )
    return SQL("CASE {} ELSE '' END").format(SQL(" ").join(cases)) if cases else SQL("''").format()


def _value(binding: Binding, table: Table, column: str) -> sql.Composed:
    """Return a column as what ``_read`` understands: plain values as they are, else as text."""
    kind, facts = binding.catalogue.type(table.name, column), binding.facts(table.name, column)
    name = sql.Identifier("t", column)
    if kind in INTEGERS or kind == "boolean":
        return SQL("{}").format(name)
    if facts.kind == "bytes":  # also below a domain: nobody can look through what it spells
        return (SIZES if facts.array else SIZE).format(name)
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
