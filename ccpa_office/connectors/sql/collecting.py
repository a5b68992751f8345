"""One person's rows with their values, and how many there are."""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

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
from ccpa_office.connectors.sql import keys
from ccpa_office.connectors.sql.binding import Binding
from ccpa_office.connectors.sql.dialects.base import Dialect
from ccpa_office.connectors.sql.errors import translated
from ccpa_office.connectors.sql.finding import day

AT_A_TIME = 500


class Collecting:
    """The part of a connector that gives rows out."""

    program: Program
    dialect: Dialect
    _connection: Connection
    _binding: Binding

    def _asked(self, people: Sequence[Key]) -> dict[str, Any]:
        raise NotImplementedError

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with translated(self.dialect):
            self.dialect.view(self._connection, begins=True)
            with self._connection.begin():
                yield
            self.dialect.view(self._connection, begins=False)

    def collect(
        self, table: str, people: Sequence[Key], window: Window
    ) -> Generator[Record, None, None]:
        step = self.program.table(table)
        width = len(step.key)
        facts = self._binding.catalogue.facts(step.name, step.key)
        places = {piece.column: width + 1 + place for place, piece in enumerate(step.pieces)}
        query = collect(self._binding, step, window)
        with translated(self.dialect):
            answer = self._connection.execute(
                query, self._asked(people), execution_options={"yield_per": AT_A_TIME}
            )
            for row in answer:
                why = _why(step, row[width], row[-1], window)
                key = keys.key(row[:width], facts)
                values = () if why else tuple(
                    shown(row[place], self._binding.catalogue.column(step.name, name).facts.kind)
                    for name, place in places.items()
                )  # fmt: skip
                yield Record(key if isinstance(key, tuple) else (key,), values, why)

    def collect_few(self, asked: Sequence[Asked], *, most: int) -> list[dict[str, list[Record]]]:
        found: list[dict[str, list[Record]]] = [{} for _ in asked]
        with self.snapshot():
            for table in self.program.tables:
                left = most
                for each, theirs in zip(asked, found, strict=True):
                    with closing(self.collect(table.name, each.people, each.window)) as rows:
                        theirs[table.name] = list(islice(rows, left + 1))
                    left -= len(theirs[table.name])
                    if left < 0:
                        raise TooMany
        return found

    def tally(self, table: str, people: Sequence[Key], window: Window) -> Tally:
        step = self.program.table(table)
        counts = dict.fromkeys(["", SHARED, PERIOD], 0)
        filled = [0] * len(step.pieces)
        for record in self.collect(table, people, window):
            counts[record.why] += 1
            for place, value in enumerate(record.values):
                filled[place] += value is not None
        return Tally(counts[""], counts[SHARED], counts[PERIOD], tuple(filled))


def collect(binding: Binding, table: Table, window: Window) -> sa.Select[Any]:
    """Return (key..., shared, values..., day) of one person's rows, each once, in order of key."""
    row = binding.table(table.name).alias("t")
    shared: ColumnElement[Any] = sa.literal_column("0")
    if table.shareable and table.name not in window.given:
        others = [
            way.exists(_among(binding, way.owner, other=True)(way.conditions))
            for way in (
                binding.walk(table, path, row, f"o{n}") for n, path in enumerate(table.paths)
            )
        ]
        shared = sa.case((sa.or_(*others), sa.literal_column("1")), else_=sa.literal_column("0"))
    return (
        sa.select(
            *[cell.expression for cell in binding.cells(row, table)],
            shared.label("is_shared"),
            *[row.c[piece.column] for piece in table.pieces],
            (row.c[table.dated] if table.dated else sa.null()).label("day_of_row"),
        )
        .select_from(row)
        .where(is_mine(binding, table, row))
        .order_by(*[row.c[name] for name in table.key])
    )


def is_mine(binding: Binding, table: Table, row: FromClause) -> ColumnElement[bool]:
    """Return the condition that a row is of one of the keys under which the person is known."""
    ways = binding.walks(table, row)
    return sa.or_(*[way.exists(_among(binding, way.owner)(way.conditions)) for way in ways])


def _among(binding: Binding, owner: Sequence[Any], *, other: bool = False) -> Any:
    """Return whether a way ends at one of the keys under which the person is known, or at none."""
    asked, person = binding.asked()
    same = sa.and_(
        *[binding.dialect.equal(ours, theirs) for ours, theirs in zip(owner, person, strict=True)]
    )
    meets: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(asked).where(same)
    among = meets.correlate_except(asked).exists()
    ends = sa.and_(*[cell.expression.is_not(None) for cell in owner], sa.not_(among))
    return lambda conditions: sa.and_(*conditions, ends if other else among)


def _why(table: Table, shared: Any, dated: Any, window: Window) -> str:
    if shared:
        return SHARED
    on = day(dated) if table.dated else None
    return PERIOD if on is not None and not window.first <= on <= window.last else ""


def shown(value: Any, kind: str) -> Any:
    """Return a value as an answer may hold it: nothing, truth, number, text, JSON or bytes."""
    if isinstance(value, bytes | bytearray | memoryview):
        return Binary(len(bytes(value)))
    if kind == "boolean" and value in {0, 1}:
        return bool(value)
    if kind == "json" and isinstance(value, str):
        with suppress(ValueError):
            return json.loads(value)
    return value if isinstance(value, int | dict | list | None) else keys.text(value)
