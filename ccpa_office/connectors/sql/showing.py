"""Beside the work: masked samples, the text of statements, grants for the administrator."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from ccpa_office.connectors.base import Table
from ccpa_office.connectors.sql import keys
from ccpa_office.connectors.sql.binding import PLACE, Binding, named_columns
from ccpa_office.connectors.sql.changing import PLAN


def sample(binding: Binding, table: Table) -> sa.Select[Any]:
    """Return every mapped column of some keys."""
    plan = binding.dialect.set(PLAN, [*binding.slots(table, "k"), PLACE])
    row = binding.table(table.name).alias("t")
    return (
        sa.select(*[row.c[column] for column in table.columns])
        .select_from(plan, row)
        .where(binding.same_key(row, plan, table))
        .order_by(plan.c.n)
    )


def veil(value: Any) -> str:
    """Return a value's shape without the value."""
    if value is None:
        return ""
    return "".join(
        "9" if c.isdigit() else "x" if c.isalnum() else c if c in " @.-:/" else "·"
        for c in keys.text(value)[:24]
    )


def text(statement: Any, dialect: Dialect) -> str:
    """Return a statement as it will run; keys and values are parameters and never shown."""
    return " ".join(str(statement.compile(dialect=dialect)).split())


def grants(binding: Binding, dialect: Dialect, account: str) -> list[str]:
    """Return the least that the office's account needs for this program."""
    words, prepare = binding.dialect.grants, dialect.identifier_preparer
    lines = [line.format(account=account) for line in words.before]
    reached = dict.fromkeys([table.name for table in binding.program.tables])
    reached |= dict.fromkeys(
        hop.table for table in binding.program.tables for path in table.paths for hop in path
    )
    lines += [
        words.read.format(table=_full(binding, dialect, name), account=account) for name in reached
    ]
    for table in binding.program.tables:
        full = _full(binding, dialect, table.name)
        if table.action == "delete":
            lines.append(words.delete.format(table=full, account=account))
        changed = [change.column for change in (*table.changes, *table.strips, *table.trims)]
        if changed:
            columns = ", ".join(prepare.quote(each) for each in sorted(set(changed)))
            line = words.update.format(table=full, columns=columns, account=account)
            lines.append(line)
    return lines


def _full(binding: Binding, dialect: Dialect, name: str) -> str:
    return dialect.identifier_preparer.format_table(
        sa.Table(name, sa.MetaData(), schema=binding.catalogue.schema)
    )


__all__ = ["grants", "named_columns", "sample", "text", "veil"]
