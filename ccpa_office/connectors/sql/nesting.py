"""Values within a column, out of JSON: texts that are compared as what they refer to.

What is empty, of another kind or no JSON at all is no value, and never an error. Each dialect
says how it reads JSON; one that does not say so serves none of this.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from ccpa_office.connectors.base import ColumnFacts, Finding, MapDoesNotFit, Table
from ccpa_office.connectors.sql.catalogue import Column, Relation, bare
from ccpa_office.connectors.sql.dialects.base import Cell, Dialect
from ccpa_office.connectors.ways import EACH, ContactColumn, Hop, Inside, Named, Point, shown

SERVED = frozenset({"integer", "text", "uuid"})
"""Kinds of column that a value within another column can refer to."""

HOLDS = frozenset({"json", "text"})
TEXT = Column(ColumnFacts("text"))


@dataclass(frozen=True)
class Value:
    """A value within a column: what must be joined to see it, and its text."""

    tables: tuple[FromClause, ...]
    cell: Cell

    def conditions(self, dialect: Dialect) -> list[ColumnElement[bool]]:
        """Return the conditions that there is a value."""
        return [self.cell.expression.is_not(None), dialect.filled(self.cell)]

    def typed(self, dialect: Dialect, column: Column) -> Cell:
        """Return the value as what a column of the store holds, NULL where it is none."""
        if column.facts.kind == "text":
            return self.cell
        given = dialect.given(column)
        return Cell(dialect.as_kind(self.cell.expression, column.facts.kind), given)


def value(dialect: Dialect, held: Cell, path: Inside, name: str) -> Value:
    """Lay what leads from a column to the values within it; ``name`` begins their names."""
    if not dialect.looks_inside:
        raise MapDoesNotFit("this store serves no values within a column")
    at, steps, tables = dialect.parsed(held.expression), list[str](), list[FromClause]()
    for step in path:
        if step != EACH:
            steps.append(step)
            continue
        made, at = dialect.elements(at, spelled(steps), f"{name}e{len(tables)}")
        tables.append(made)
        steps = []
    return Value(tuple(tables), Cell(dialect.scalar(at, spelled(steps)), dialect.given(TEXT)))


def spelled(steps: Sequence[str]) -> str:
    """Return a path as JSON's own language spells it; steps are names of letters and digits."""
    return "$" + "".join(f".{step}" for step in steps)


# --- the check ----------------------------------------------------------------------------------


def is_indexed(dialect: Dialect, relation: Relation, column: str, path: Inside) -> bool:
    """Say whether an index finds the rows by the person's own key within a column."""
    form = dialect.index_form(column, spelled(path)) if EACH not in path else ""
    return bool(form) and bare(form) in relation.leading


def places(table: Table) -> Iterator[tuple[str, Inside, bool]]:
    """Yield the columns within which something stands, and whether rows are looked for by it.

    The ways to the person are left out.
    """
    named: list[Named] = [*table.identities, *table.identifiers]
    yield from ((each.column, each.path, True) for each in named
                if each.path and each.kind != "person")  # fmt: skip
    seen: list[Named | ContactColumn | Point] = [*table.marks, *table.contacts, *table.points]
    yield from ((each.column, each.path, False) for each in seen if each.path)


def findings(
    dialect: Dialect, relation: Relation, where: str, held: tuple[str, Inside, bool]
) -> Iterator[Finding]:
    """Yield what forbids to look within a column, or makes it slow; ``where`` is its table."""
    column, path, asked = held
    name, facts = shown(f"{where}.{column}", path), relation.columns[column].facts
    if not dialect.looks_inside:
        yield Finding("error", "nested", f"{name}: this store serves no values within a column")
    elif facts.kind not in HOLDS or facts.array:
        yield Finding("error", "nested-type", f"{name}: a column of this type holds no values")
    elif asked and not is_indexed(dialect, relation, column, path):
        said = "every chunk reads the whole table"
        yield Finding("warning", "nested-no-index", f"{name}: {said}")


def ends(here: str, hop: Hop) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return table and column of the end that holds the reference, and of the plain one."""
    mine, theirs = (here, hop.column), (hop.table, hop.target)
    return (mine, theirs) if hop.forward else (theirs, mine)
