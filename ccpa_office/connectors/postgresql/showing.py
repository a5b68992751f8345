"""Statements beside the change: rows born later, sizes, masked samples."""

from collections.abc import Sequence

from psycopg import sql

from ccpa_office.connectors.base import Table
from ccpa_office.connectors.postgresql import locating
from ccpa_office.connectors.postgresql.binding import Binding
from ccpa_office.connectors.postgresql.catalogue import View
from ccpa_office.connectors.postgresql.statements import locate

SQL = sql.SQL

SIZES = """
SELECT c.relname, CASE c.relkind WHEN 'r' THEN c.reltuples ELSE (
           SELECT coalesce(sum(greatest(l.reltuples, 0)), 0) FROM pg_partition_tree(c.oid) p
             JOIN pg_class l ON l.oid = p.relid WHERE p.isleaf) END::bigint
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p') AND c.relname = ANY(%(names)s::text[])"""
"""Estimates; of a table in partitions nobody but its partitions has one that is kept up."""


def newborn(binding: Binding, tables: Sequence[Table]) -> sql.Composed:
    """Return (table, person, key as JSON, shared, kept, until) of rows that are not known."""
    parts = [_newborn(binding, table, f"k{number}_") for number, table in enumerate(tables)]
    return SQL(" UNION ALL ").join(parts)


def _newborn(binding: Binding, table: Table, prefix: str) -> sql.Composed:
    if locating.is_plain(binding, table):
        inner = locating.newborn(binding, table, prefix)
    else:
        inner = locate(binding, table, known=prefix)
    slots = [sql.Identifier(slot) for slot in binding.slots(table, "k")]
    return SQL(
        "SELECT {name}, x.n, jsonb_build_array({key}), x.shared, x.kept, x.until"
        " FROM ({inner}) AS x(n, {key}, shared, kept, until)"
    ).format(name=sql.Literal(table.name), key=SQL(", ").join(slots), inner=inner)


def sample(binding: Binding, table: Table) -> sql.Composed:
    """Return every mapped column, as text, of some keys."""
    return SQL("SELECT {} FROM {} AS u({}) JOIN {} AS t ON {}").format(
        SQL(", ").join(
            SQL("{}::text").format(sql.Identifier("t", column)) for column in table.columns
        ),
        binding.unnest(table, "k"),
        SQL(", ").join(sql.Identifier(slot) for slot in binding.slots(table, "k")),
        binding.name(table.name),
        binding.same_key(table, "t", "u", "k"),
    )


def refresh(view: View) -> sql.Composed:
    """Return the statement that makes a materialized view anew."""
    how = SQL("CONCURRENTLY ") if view.concurrent else SQL("")
    return SQL("REFRESH MATERIALIZED VIEW {}{}").format(how, sql.Identifier(view.schema, view.name))


def veil(value: str | None) -> str:
    """Return a value's shape without the value."""
    if value is None:
        return ""
    return "".join(
        "9" if c.isdigit() else "x" if c.isalnum() else c if c in " @.-:/" else "·"
        for c in value[:24]
    )
