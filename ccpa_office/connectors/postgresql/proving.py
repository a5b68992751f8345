"""Statements about the person: contacts on file, verification points, values that betray."""

from collections.abc import Sequence

from psycopg import sql

from ccpa_office.connectors.base import Program, Table
from ccpa_office.connectors.postgresql.binding import Binding, conjunction, normal, walks
from ccpa_office.connectors.postgresql.statements import asked, literal
from ccpa_office.connectors.ways import ContactColumn, Named, Point

SQL = sql.SQL


def contacts(binding: Binding) -> sql.Composed | None:
    """Return (person's position, kind, value, since) of every contact column."""
    parts = []
    for table in binding.program.tables:
        for contact in table.contacts:
            since = (
                SQL("{}::timestamptz").format(sql.Identifier("t", contact.since))
                if contact.since
                else SQL("NULL::timestamptz")
            )
            parts.extend(_of_people(binding, table, contact, since))
    return SQL(" UNION ").join(parts) if parts else None


def marks(binding: Binding, tables: Sequence[Table]) -> sql.Composed | None:
    """Return (person's position, kind, value) of every column that betrays a person."""
    parts = []
    for table in tables:
        for mark in table.marks:
            parts.extend(_of_people(binding, table, mark, None))
    return SQL(" UNION ").join(parts) if parts else None


def _of_people(
    binding: Binding, table: Table, held: Named | ContactColumn, more: sql.Composable | None
) -> list[sql.Composed]:
    value, within, conditions = _held(binding, table, held)
    return [
        SQL("SELECT (a.n - 1)::int, {}, {}::text{} FROM {} WHERE {}").format(
            literal(held.kind),
            value,
            SQL(", {}").format(more) if more else SQL(""),
            SQL(", ").join([
                asked(binding), SQL("{} AS t").format(binding.name(table.name)),
                *within, *way.joins,
            ]),
            conjunction([*way.owned_by("a"), SQL("{}::text <> ''").format(value), *conditions]),
        )
        for way in walks(binding, table)
    ]  # fmt: skip


def _held(
    binding: Binding, table: Table, held: Named | ContactColumn | Point
) -> tuple[sql.Composable, list[sql.Composed], list[sql.Composable]]:
    """Return a column of ``t``, or the values within it, what they need joined and must be."""
    if not held.path:
        return sql.Identifier("t", held.column), [], []
    found = binding.column(table.name, held.column, held.path).value("t", "i")
    return found.text, found.joins, found.conditions()


def points(program: Program) -> list[tuple[Table, Point]]:
    """Return every point with its table, always in the same order."""
    return [(table, point) for table in program.tables for point in table.points]


def compare(binding: Binding) -> sql.Composed:
    """Return one boolean for each point: some row of the person holds the claimed value.

    Every point is computed, whether it was claimed or not, and whoever the person may be.
    """
    return SQL("SELECT {}").format(
        SQL(", ").join(
            _agrees(binding, table, point, f"c{number}")
            for number, (table, point) in enumerate(points(binding.program))
        )
    )


def _agrees(binding: Binding, table: Table, point: Point, claim: str) -> sql.Composed:
    value, within, conditions = _held(binding, table, point)
    held = normal(point.normalise, SQL("{}::text").format(value))
    said = normal(point.normalise, SQL("%({})s::text").format(SQL(claim)))
    looks = [
        SQL("SELECT 1 FROM {} WHERE {}").format(
            SQL(", ").join([
                asked(binding), SQL("{} AS t").format(binding.name(table.name)),
                *within, *way.joins,
            ]),
            conjunction([
                *way.owned_by("a"),
                *conditions,
                SQL("{} = {}").format(held, said),
                SQL("{} <> ''").format(said),
            ]),
        )
        for way in walks(binding, table)
    ]  # fmt: skip
    return SQL("EXISTS ({})").format(SQL(" UNION ALL ").join(looks))
