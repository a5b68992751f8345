"""A program held against a catalogue: names that exist, and the joins from a row to its person."""

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from ccpa_office.connectors.base import ColumnFacts, Hold, MapDoesNotFit, Program, Table
from ccpa_office.connectors.sql import nesting
from ccpa_office.connectors.sql.catalogue import Catalogue, Column
from ccpa_office.connectors.sql.dialects.base import Cell, Dialect, Slot
from ccpa_office.connectors.ways import Hop, Path

PLACE = Slot("n", ColumnFacts("integer"))
"""The position of a row in a list that was sent."""

COMPARED: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "gt": operator.gt,
}  # fmt: skip

TEXT = Column(ColumnFacts("text"))


@dataclass(frozen=True)
class Walk:
    """The tables on the way to the person, how they join, and the cells of the person's key."""

    dialect: Dialect
    tables: tuple[FromClause, ...]
    conditions: tuple[ColumnElement[bool], ...]
    owner: tuple[Cell, ...]
    near: ColumnElement[Any] | None = None  # the owner within a column, as an index has it

    def ends_at(self, person: Sequence[Cell]) -> ColumnElement[bool]:
        """Return the condition that the way ends at this person."""
        ends = (
            self.dialect.equal(ours, theirs)
            for ours, theirs in zip(self.owner, person, strict=True)
        )
        near = [] if self.near is None else [self.dialect.near(self.near, person[0])]
        return sa.and_(*self.conditions, *near, *ends)

    def ends_elsewhere(self, person: Sequence[Cell]) -> ColumnElement[bool]:
        """Return the condition that the way ends at somebody else."""
        ends = [
            self.dialect.different(ours, theirs)
            for ours, theirs in zip(self.owner, person, strict=True)
        ]
        return sa.and_(*self.conditions, sa.or_(*ends))

    def exists(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return whether some way of this kind meets the condition."""
        if not self.tables:
            return condition
        row: sa.Select[Any] = (
            sa.select(sa.literal_column("1")).select_from(*self.tables).where(condition)
        )
        return row.correlate_except(*self.tables).exists()


@dataclass(frozen=True)
class Binding:
    """The only maker of names in SQL: each was found in the catalogue before."""

    program: Program
    catalogue: Catalogue
    dialect: Dialect

    def __post_init__(self) -> None:
        for table in self.program.tables:
            self._match(table)

    def _match(self, table: Table) -> None:
        if not table.paths:
            raise MapDoesNotFit("no way leads from a table of the map to the person")
        relation = self.catalogue.tables.get(table.name)
        if relation is None:
            raise MapDoesNotFit("a table of the map does not exist in the store")
        if not table.key or not set(named_columns(table)) <= relation.columns.keys():
            raise MapDoesNotFit("a column of the map does not exist in the store")
        if self.dialect.enforces and table.key not in {relation.key, *relation.unique}:
            raise MapDoesNotFit("a key of the map is not unique in the store")

    @property
    def person(self) -> Table:
        return self.program.table(self.program.person)

    def table(self, name: str) -> sa.TableClause:
        """Return a table with its columns; ``MapDoesNotFit`` when the store has none such."""
        relation = self.catalogue.tables.get(name)
        if relation is None:
            raise MapDoesNotFit("a table of the map does not exist in the store")
        columns: list[sa.ColumnClause[Any]] = [sa.column(each) for each in relation.columns]
        return sa.table(name, *columns, schema=self.catalogue.schema)

    def cell(self, source: FromClause, table: str, column: str) -> Cell:
        """Return a column of a table, or of an alias of it."""
        held = self.catalogue.tables[table].columns.get(column)
        if held is None:
            raise MapDoesNotFit("a column of the map does not exist in the store")
        return Cell(source.c[column], held)

    def cells(self, source: FromClause, table: Table) -> list[Cell]:
        return [self.cell(source, table.name, column) for column in table.key]

    # --- sets ---

    def slots(self, table: Table, prefix: str) -> list[Slot]:
        return [
            Slot(f"{prefix}{place}", facts)
            for place, facts in enumerate(self.catalogue.facts(table.name, table.key))
        ]

    def given(self, source: FromClause, table: Table, prefix: str) -> list[Cell]:
        """Return the cells of a set that carry a key of the table."""
        return [
            Cell(
                source.c[f"{prefix}{place}"],
                self.dialect.given(self.catalogue.column(table.name, name)),
            )
            for place, name in enumerate(table.key)
        ]

    def same_key(
        self, source: FromClause, given: FromClause, table: Table, prefix: str = "k"
    ) -> ColumnElement[bool]:
        pairs = zip(self.cells(source, table), self.given(given, table, prefix), strict=True)
        return sa.and_(*[self.dialect.equal(cell, other) for cell, other in pairs])

    def asked(self) -> tuple[FromClause, list[Cell]]:
        """Return the people asked for, and the cells of their keys."""
        made = self.dialect.set("asked", [*self.slots(self.person, "p"), PLACE])
        return made, self.given(made, self.person, "p")

    # --- ways to the person ---

    def walks(self, table: Table, row: FromClause) -> Iterator[Walk]:
        for number, path in enumerate(table.paths):
            yield self.walk(table, path, row, f"w{number}")

    def walk(self, table: Table, path: Path, row: FromClause, name: str) -> Walk:
        """Lay the joins of one way, from a row to the person's key."""
        tables: list[FromClause] = []
        conditions: list[ColumnElement[bool]] = []
        here, at = row, table.name
        for number, hop in enumerate(path):
            if number == len(path) - 1 and self._is_key(hop):
                own = self._to_key(hop, (here, at), f"{name}h{number}")
                return replace(own, tables=(*tables, *own.tables),
                               conditions=(*conditions, *own.conditions))  # fmt: skip
            there = self.table(hop.table).alias(f"{name}h{number}")
            tables.append(there)
            ends = (self.cell(here, at, hop.column), self.cell(there, hop.table, hop.target))
            if hop.path:
                found = self._inside(hop, ends, f"{name}h{number}")
                tables.extend(found.tables)
                conditions.extend(self._nested(hop, found, ends))
            else:
                conditions.extend(self._agreeing(hop, (here, at), there))
            here, at = there, hop.table
        if at != self.program.person:
            raise MapDoesNotFit("a path of the map does not end at the person")
        owner = tuple(self.cell(here, at, column) for column in self.person.key)
        return Walk(self.dialect, tuple(tables), tuple(conditions), owner)

    def _to_key(self, hop: Hop, here: tuple[FromClause, str], name: str) -> Walk:
        """Return the way to the person's own key: the column, or the values within it."""
        row, table = here
        held = self.cell(row, table, hop.column)
        if not hop.path:
            return Walk(self.dialect, (), (), (held,))
        found, relation = nesting.value(self.dialect, held, hop.path, name), self.catalogue.tables
        near = None
        if nesting.is_indexed(self.dialect, relation[table], hop.column, hop.path):
            near = self.dialect.indexed(held.expression, nesting.spelled(hop.path))
        owner = found.typed(self.dialect, self.catalogue.column(hop.table, hop.target))
        conditions = tuple(found.conditions(self.dialect))
        return Walk(self.dialect, found.tables, conditions, (owner,), near)

    def _agreeing(
        self, hop: Hop, here: tuple[FromClause, str], there: FromClause
    ) -> list[ColumnElement[bool]]:
        """Return the conditions of one hop; empty texts alone refer to nobody."""
        row, at = here
        cell = self.cell(there, hop.table, hop.target)
        ends = [cell, *[self.cell(there, hop.table, target) for _column, target in hop.also]]
        filled = [self.dialect.filled(end) for end in ends if all(each.is_text for each in ends)]
        return [
            self.dialect.alike(hop.compare, cell, self.cell(row, at, hop.column)),
            *([sa.or_(*filled)] if filled else []),
            *[
                self.dialect.equal(self.cell(there, hop.table, target), self.cell(row, at, column))
                for column, target in hop.also
            ],
        ]

    def _inside(self, hop: Hop, ends: tuple[Cell, Cell], name: str) -> nesting.Value:
        """Return the value within the column that holds the reference."""
        return nesting.value(self.dialect, ends[0 if hop.forward else 1], hop.path, name)

    def _nested(
        self, hop: Hop, found: nesting.Value, ends: tuple[Cell, Cell]
    ) -> list[ColumnElement[bool]]:
        """Return the conditions that a value within a column and a plain one agree."""
        plain = ends[1 if hop.forward else 0]
        typed = found.typed(self.dialect, plain.column)
        return [*found.conditions(self.dialect), self.dialect.alike(hop.compare, plain, typed)]

    def at(self, row: FromClause, table: Table, place: Any, name: str) -> nesting.Value:
        """Return what stands at a place of a row: the column, or the values within it."""
        cell = self.cell(row, table.name, place.column)
        if not place.path:
            return nesting.Value((), cell)
        return nesting.value(self.dialect, cell, place.path, name)

    def _is_key(self, hop: Hop) -> bool:
        return (
            (hop.forward or not hop.path)
            and hop.table == self.program.person
            and self.person.key == (hop.target,)
            and hop.compare == "exact"
        )

    # --- holds ---

    def held(self, table: Table, row: FromClause) -> ColumnElement[bool]:
        """Return the condition that a row is under a hold, false where nothing is known."""
        return sa.or_(sa.literal_column("0 = 1"), *self.under(table, row))

    def under(self, table: Table, row: FromClause) -> list[ColumnElement[bool]]:
        """Return the condition of each hold of a table."""
        return [self._under(hold, self.cell(row, table.name, hold.column)) for hold in table.holds]

    def _under(self, hold: Hold, cell: Cell) -> ColumnElement[bool]:
        column = cell.expression
        if hold.op in {"null", "not_null"}:
            return column.is_(None) if hold.op == "null" else column.is_not(None)
        values = [typed(value, cell.column.facts) for value in hold.values]
        if cell.is_text:
            column = self.dialect.as_text(cell)
        if hold.op == "in":
            return sa.and_(column.is_not(None), column.in_(values))
        return sa.and_(column.is_not(None), COMPARED[hold.op](column, values[0]))


def typed(value: str, facts: ColumnFacts) -> Any:
    """Return a text of the map as what a column holds; ``MapDoesNotFit`` where it cannot be."""
    truths = {"true": 1, "false": 0}
    try:
        if facts.kind in {"boolean", "integer"}:
            return truths[value.lower()] if value.lower() in truths else int(value)
        return float(value) if facts.kind == "decimal" else value
    except ValueError:
        raise MapDoesNotFit("a value of the map is not what its column holds") from None


def named_columns(table: Table) -> Iterator[str]:
    """Yield every column of a table that the program names."""
    yield from table.key
    yield from table.columns
    yield from (change.column for change in (*table.changes, *table.strips))
    yield from (named.column for named in (*table.identities, *table.marks, *table.identifiers))
    yield from table.texts
    yield from (hold.column for hold in table.holds)
    yield from (point.column for point in table.points)
    yield from [table.term.starts] if table.term else []
    for contact in table.contacts:
        yield contact.column
        yield from [contact.since] if contact.since else []
    yield from (path[0].column for path in table.paths if path)


def flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Return 1 where a condition is true, else 0; not every store has a type for truth."""
    return sa.case((condition, sa.literal_column("1")), else_=sa.literal_column("0"))
