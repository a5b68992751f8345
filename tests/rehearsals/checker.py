"""The checker: after a rehearsal, was done what was printed, and nothing else, on any engine?

It reads every row of every table before and after, by SQLAlchemy and by no room of the product.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

Key = tuple[str, ...]
Row = dict[str, Any]
Store = dict[str, dict[Key, Row]]
"""Tables, rows by their keys as texts, cells by columns."""

PARTITIONS = "SELECT relname FROM pg_class WHERE relispartition"
VIEWS = "SELECT matviewname FROM pg_matviews WHERE schemaname = 'public'"


Keys = dict[str, list[str]]
Ask = Callable[[str], Iterable[Row]]


def read(address: str) -> Store:
    """Every row of every table, and of every materialized view."""
    engine = sa.create_engine(
        address.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.pool.NullPool
    )
    with engine.connect() as connection:
        found = rows(
            keys_of(connection),
            lambda query: map(dict, connection.exec_driver_sql(query).mappings()),
        )
    engine.dispose()
    return found


def keys_of(connection: sa.Connection) -> Keys:
    """The primary key of every table; a partitioned table is one, and a view's key is its id."""
    look, parts = sa.inspect(connection), _names(connection, PARTITIONS)
    tables = [name for name in look.get_table_names() if name not in parts]
    keys = {name: look.get_pk_constraint(name)["constrained_columns"] for name in tables}
    return keys | {name: ["id"] for name in _names(connection, VIEWS)}


def rows(keys: Keys, ask: Ask) -> Store:
    """The rows of tables, as whoever asks sees them."""
    found: Store = {}
    for name, columns in keys.items():
        listed = list(ask(f"SELECT * FROM {name}"))  # noqa: S608
        found[name] = {tuple(said(row[each]) for each in columns): row for row in listed}
        assert len(found[name]) == len(listed)
    return found


def _names(connection: sa.Connection, query: str) -> set[str]:
    if connection.dialect.name != "postgresql":
        return set()
    return {name for (name,) in connection.exec_driver_sql(query)}


def said(value: Any) -> str:
    """A value as the text that a plan spells a key with."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def digests(store: Store) -> dict[str, str]:
    """Each table as one digest."""
    return {
        name: hashlib.sha256(repr(sorted(rows.items(), key=repr)).encode()).hexdigest()
        for name, rows in store.items()
    }


# --- the plan as it is printed ------------------------------------------------------------------


@dataclass
class Planned:
    """What a printed plan says of one row: its actions, and the columns that they change."""

    actions: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)


Plan = dict[tuple[str, Key], Planned]


def planned(parts: Iterable[dict[str, Any]]) -> Plan:
    """The printed plan by row."""
    found: Plan = {}
    for part in parts:
        for key in part["keys"]:
            key = tuple(map(str, key)) if isinstance(key, list | tuple) else (str(key),)  # noqa: PLW2901
            row = found.setdefault((part["table"], key), Planned())
            row.actions.add(part["action"])
            row.columns |= set(part["columns"])
    return found


# --- what is wrong ------------------------------------------------------------------------------


def wrong(before: Store, after: Store, plan: Plan, *, derived: Sequence[str] = ()) -> list[str]:
    """What was done and not printed, or printed and not done; nothing if all is as it must be.

    ``derived``: materialized views, which follow their tables.
    """
    assert before.keys() == after.keys()
    found = []
    for table in before.keys() - {*derived}:
        for key in before[table].keys() | after[table].keys():
            row = plan.get((table, key), Planned())
            fault = _fault(before[table].get(key), after[table].get(key), row)
            found += [f"{table} {fault}"] if fault else []
    found += [
        f"{table}: the plan names a row that is not there"
        for table, key in plan if key not in before[table]
    ]  # fmt: skip
    return found


def touched(before: Store, after: Store, plan: Plan) -> set[tuple[str, Key]]:
    """The rows to which was done what the plan does not say, whatever of it was not done."""
    return {
        (table, key)
        for table in before
        for key in before[table].keys() | after[table].keys()
        if before[table].get(key) != after[table].get(key)
        and _fault(before[table].get(key), after[table].get(key), plan.get((table, key), Planned()))
    }


def _fault(before: Row | None, after: Row | None, row: Planned) -> str:
    if before is None or after is None:
        return "" if before and row.actions == {"delete"} else "a row came or went unplanned"
    if row.actions == {"delete"}:
        return "a planned row still stands"
    changed = {column for column in before if before[column] != after[column]}
    if changed - (row.columns if row.actions & {"mask", "trim"} else set()):
        return f"{sorted(changed)} changed unplanned"
    return ""


def cells(store: Store, markers: Iterable[str]) -> set[tuple[str, Key, str]]:
    """The cells in which one of the values stands as a whole word, however it is spelled."""
    meets = re.compile("|".join(map(_spelled, markers)), re.IGNORECASE)
    return {
        (table, key, column)
        for table, rows in store.items()
        for key, row in rows.items()
        for column, value in row.items()
        if meets.search(_text(value))
    }


def _spelled(marker: str) -> str:
    digits = re.sub(r"\D", "", marker)
    if len(digits) >= 10 and re.fullmatch(r"[\d ()+.-]+", marker):
        return r"[ ().-]*".join(digits[-10:]) + r"(?!\d)"
    return rf"(?<![\w.]){re.escape(marker)}(?!\w|\.\w)"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def stray(after: Store, plan: Plan, markers: Iterable[str]) -> set[tuple[str, Key, str]]:
    """The cells in which a value of the person still stands without a plan that keeps it there."""
    return {
        (table, key, column)
        for table, key, column in cells(after, markers)
        if (row := plan.get((table, key))) is None
        or "keep" not in row.actions
        or column in row.columns
    }
