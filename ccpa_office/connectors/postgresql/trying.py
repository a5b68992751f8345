"""What only the store itself can say of a mask: does it keep the table's own conditions?

Each condition of a table (CHECK, domain, label of an enumeration) that a change touches is held
against the new values of some real rows, and of a row made up where no row is needed. Reads only.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from ccpa_office.connectors.base import Change, Finding, Table
from ccpa_office.connectors.masking import TOKENS, token_width
from ccpa_office.connectors.postgresql import masks
from ccpa_office.connectors.postgresql.binding import Binding
from ccpa_office.connectors.postgresql.catalogue import Check
from ccpa_office.connectors.postgresql.statements import literal
from ccpa_office.connectors.spelling import REMOVED

SQL = sql.SQL
ROWS = 200
PADS = {"inner": bytes(64), "outer": bytes([1]) * 64}


def tried(connection: "psycopg.Connection[Any]", binding: Binding) -> Iterator[Finding]:
    """Yield what the store says against the changes and holds of the map."""
    for table in binding.program.tables:
        for hold in table.holds:
            for value in hold.values:
                kind = binding.type(table.name, hold.column)
                query = SQL("SELECT {}::{}").format(literal(value), kind)
                if _answer(connection, query) is None:
                    yield Finding(
                        "error", "hold-value", f"{table.name}.{hold.column} can never be this value"
                    )
        for changes in (table.changes, table.strips, table.trims):
            yield from _tried(connection, binding, table, changes)


def _tried(
    connection: "psycopg.Connection[Any]",
    binding: Binding,
    table: Table,
    changes: tuple[Change, ...],
) -> Iterator[Finding]:
    relation = binding.catalogue.tables[table.name]
    for change in changes:
        where = f"{table.name}.{change.column}"
        if binding.catalogue.is_plain(table.name, change.column) and change.how != "constant":
            continue
        query = SQL("SELECT {} FROM {} LIMIT {rows}").format(
            _new(binding, table, change), _source(binding, table, (change,)), rows=SQL(str(ROWS))
        )
        if _answer(connection, query) is None:
            yield Finding(
                "error", "change-argument", f"{where} cannot hold what {change.how} makes"
            )
    for check in relation.checks:
        touching = tuple(change for change in changes if change.column in check.columns)
        if touching:
            yield from _held_against(connection, binding, table, check, touching)


def _held_against(
    connection: "psycopg.Connection[Any]",
    binding: Binding,
    table: Table,
    check: Check,
    touching: tuple[Change, ...],
) -> Iterator[Finding]:
    new = {change.column: _new(binding, table, change) for change in touching}
    query = SQL(
        "SELECT count(*) FROM (SELECT {columns} FROM {source}) AS x WHERE NOT ({check})"
    ).format(
        columns=SQL(", ").join(
            SQL("{} AS {}").format(new.get(column, _name("t", column)), _name(column))
            for column in binding.catalogue.tables[table.name].columns
        ),
        source=_source(binding, table, touching),
        check=SQL(check.condition.replace("%", "%%")),
    )  # fmt: skip
    answer = _answer(connection, query)
    column = touching[0].column
    if answer is None:
        yield Finding(
            "error", "check-breaks", f"{table.name}.{column}: {check.name} cannot be kept"
        )
    elif answer:
        sure = not any(change.how.startswith("strip") for change in touching)
        yield Finding(
            "error" if sure else "warning",
            "check-breaks" if sure else "check-unsure",
            f"{table.name}.{column}: new values may break {check.name}",
        )


def _name(*names: str) -> sql.SQL:
    """Return a name of the store, which need not be one that a map could hold."""
    return SQL(sql.Identifier(*names).as_string().replace("%", "%%"))


def _source(binding: Binding, table: Table, changes: tuple[Change, ...]) -> sql.Composed:
    """Return some rows, and one made up where the new value depends on no old one."""
    columns = binding.catalogue.tables[table.name].columns
    real = SQL("(SELECT * FROM {} LIMIT {})").format(binding.name(table.name), SQL(str(ROWS)))
    if any(change.how not in {"null", "constant", "pseudonym", *TOKENS} for change in changes):
        return SQL("{} AS t").format(real)
    changed = {change.column: change for change in changes}
    made = [
        SQL("{}::{}").format(_sample(binding, table, column, changed), binding.type(table.name,
                                                                                    column))
        for column in columns
    ]  # fmt: skip
    return SQL("({} UNION ALL SELECT {}) AS t").format(real, SQL(", ").join(made))


def _sample(binding: Binding, table: Table, column: str, changed: dict[str, Change]) -> sql.SQL:
    """Return a value that is not empty, for columns whose new value asks only that."""
    facts = binding.facts(table.name, column)
    if column not in changed or changed[column].how == "null" or facts.array:
        return SQL("NULL")
    samples = {"text": "x", "uuid": "00000000-0000-4000-8000-000000000000", "integer": "1",
               "decimal": "1", "date": "2000-01-01", "moment": "2000-01-01", "json": "{}",
               "boolean": "true"}  # fmt: skip
    is_plain = binding.catalogue.is_plain(table.name, column)
    return literal(samples[facts.kind]) if facts.kind in samples and is_plain else SQL("NULL")


def _new(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Return the new value of a change, or one like it where Python makes it."""
    kind = binding.type(table.name, change.column)
    facts = binding.facts(table.name, change.column)
    if change.how.startswith(("strip", "inside")):
        if facts.kind == "json" or facts.array or change.how == "inside":
            return SQL("{}").format(sql.Identifier("t", change.column))
        return SQL("left({}, {})::{}").format(
            literal(REMOVED), SQL(str(facts.length or 10_000)), kind
        )
    if masks.is_made(binding, table, change):
        return SQL("{}::{}").format(literal("0" * token_width(change, facts)), kind)
    return SQL("({})::{}").format(masks.masked(binding, table, change), kind)


def _answer(connection: "psycopg.Connection[Any]", query: sql.Composed) -> int | None:
    """Return the first value of the answer as a number, or nothing when the store refuses."""
    try:
        row = connection.execute(query, PADS).fetchone()
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.UndefinedFunction):
        return None
    first = row[0] if row else 0
    return first if isinstance(first, int) else 0
