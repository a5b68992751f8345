"""Beside the work: masked samples, and the text of statements."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from ccpa_office.connectors.base import Table
from ccpa_office.connectors.sql import keys
from ccpa_office.connectors.sql.binding import PLACE, Binding
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
