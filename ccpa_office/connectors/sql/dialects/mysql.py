"""MariaDB 10.6 and MySQL 8.0 or newer: sets by JSON_TABLE, every text compared to the letter.

Collations fold case, accents and blanks at the end: an index finds candidates by the column's own
collation, and the bytes decide.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from ccpa_office.connectors.base import (
    ChangeBlocked,
    ColumnFacts,
    ConnectorError,
    StoreTooSlow,
    StoreUnreachable,
)
from ccpa_office.connectors.sql.catalogue import (
    Catalogue,
    Column,
    ForeignKey,
    column_facts,
)
from ccpa_office.connectors.sql.dialects.base import Cell, Dialect, Slot, add_index
from ccpa_office.connectors.ways import EACH

TYPES = {"integer": "BIGINT", "date": "DATE", "moment": "DATETIME(6)", "decimal": "DECIMAL(65,30)",
         "boolean": "TINYINT", "value": "LONGTEXT CHARACTER SET utf8mb4"}  # fmt: skip
WORD = "VARCHAR(1000) CHARACTER SET utf8mb4"
EXACT = "utf8mb4_bin"
NAMES = "utf8mb4_unicode_ci"
"""A collation that knows no width, no kana, no case: it finds names that may be alike."""

STRICT = {"STRICT_ALL_TABLES", "ERROR_FOR_DIVISION_BY_ZERO"}
NO_ZERO = {"NO_ZERO_DATE", "NO_ZERO_IN_DATE", "TRADITIONAL"}
"""A day of zeros is empty, and stays: a row that has one must still be changed otherwise."""

MOST_WAITED = {1205, 1213, 3572, 1040, 1203, 1053, 1317}
"""Locks, dead locks, too many connections, a server on its way down."""
TIME_LIMITS = {1969, 3024}


class MySQL(Dialect):
    """InnoDB only: an engine without transactions is refused by the check."""

    at_work = (
        "SELECT count(*) FROM information_schema.processlist"
        " WHERE command <> 'Sleep' AND id <> connection_id()"
    )
    name: str = "mysql"
    proved: bool = True
    gives_again: bool = False
    locks: bool = True
    looks_inside: bool = True
    remove: str = "using"
    options: dict[str, Any] = {"isolation_level": "READ COMMITTED"}

    def connect_arguments(self) -> dict[str, Any]:
        return {"connect_timeout": 3, "read_timeout": 130, "write_timeout": 130,
                "charset": "utf8mb4", "local_infile": False}  # fmt: skip

    def prepare(self, cursor: Any) -> None:
        cursor.execute("SELECT VERSION(), @@sql_mode")
        version, modes = cursor.fetchone()
        cursor.execute(
            "SET SESSION sql_mode = %s, time_zone = '+00:00',"
            " innodb_lock_wait_timeout = 10, foreign_key_checks = 1, unique_checks = 1",
            [",".join(sorted({*modes.split(","), *STRICT} - {"", *NO_ZERO}))],
        )
        if "mariadb" in version.lower():
            cursor.execute("SET SESSION max_statement_time = 120")
        else:
            cursor.execute("SET SESSION information_schema_stats_expiry = 0")

    def meaning(self, error: BaseException) -> ConnectorError | None:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        if number in TIME_LIMITS:
            return StoreTooSlow("the store took too long")
        if (number >= 2000 and number < 3000) or number in MOST_WAITED:
            return StoreUnreachable("the store does not answer, or holds the rows locked")
        return ChangeBlocked(f"the store refused: {number}") if number not in {0, *DATA} else None

    def view(self, connection: Connection, *, begins: bool) -> None:
        how = "REPEATABLE READ, READ ONLY" if begins else "READ COMMITTED, READ WRITE"
        with connection.begin():
            connection.exec_driver_sql(f"SET SESSION TRANSACTION ISOLATION LEVEL {how}")

    # --- sets ---

    def rows_of(self, parameter: str, slots: Sequence[Slot]) -> str:
        columns = ", ".join(
            f"{slot.name} {TYPES.get(slot.column.kind, WORD)} PATH '$[{place}]'"
            for place, slot in enumerate(slots)
        )
        names = ", ".join(f"j.{slot.name}" for slot in slots)
        return f"SELECT {names} FROM JSON_TABLE(:{parameter}, '$[*]' COLUMNS ({columns})) AS j"  # noqa: S608

    def given(self, column: Column) -> Column:
        is_word = column.facts.kind not in TYPES
        return Column(column.facts, column.type, "utf8mb4" if is_word else "", "")

    # --- comparing ---

    def equal(self, left: Cell, right: Cell) -> ColumnElement[bool]:
        if left.is_text != right.is_text:
            return sa.and_(
                left.expression == right.expression,
                _exact(left.expression) == _exact(right.expression),
            )
        if not left.is_text:
            return left.expression == right.expression
        return sa.and_(_collated(left, right), _exact(left.expression) == _exact(right.expression))

    def different(self, left: Cell, right: Cell) -> ColumnElement[bool]:
        if not left.is_text and not right.is_text:
            return left.expression != right.expression
        return _exact(left.expression) != _exact(right.expression)

    def alike(self, compare: str, left: Cell, right: Cell) -> ColumnElement[bool]:
        if compare == "casefold" and left.is_text and right.is_text:
            small = _exact(sa.func.lower(left.expression)) == _exact(
                sa.func.lower(right.expression)
            )
            one, other = left.column.collation, right.column.collation
            if _folds(left) and _folds(right) and (one == other or not (one and other)):
                return sa.and_(_collated(left, right), small)
            return small
        return super().alike(compare, left, right)

    def joins(self, compare: str) -> bool:
        return compare != "name"

    def loose_name(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        return sa.collate(sa.func.regexp_replace(text, "[[:space:]　]+", ""), NAMES)

    def normal(self, compare: str, text: ColumnElement[Any]) -> ColumnElement[Any]:
        for wide, digit in zip("０１２３４５６７８９", "0123456789", strict=True):
            text = sa.func.replace(text, wide, digit)
        return super().normal(compare, text)

    def as_text(self, cell: Cell) -> ColumnElement[Any]:
        return sa.collate(_wide(cell.expression), EXACT)

    def written(self, value: ColumnElement[Any], column: Column) -> ColumnElement[Any]:
        return sa.func.unhex(value) if column.facts.kind == "bytes" else value

    # --- within JSON ---

    def parsed(self, held: ColumnElement[Any]) -> ColumnElement[Any]:
        return sa.case((sa.func.json_valid(held) == 1, held), else_=sa.literal_column("'[]'"))

    def elements(
        self, document: ColumnElement[Any], path: str, name: str
    ) -> tuple[FromClause, ColumnElement[Any]]:
        each = _table(document, f"'{path}[*]' COLUMNS (v JSON PATH '$')", name)
        return each, each.c.v

    def scalar(self, document: ColumnElement[Any], path: str) -> ColumnElement[Any]:
        found = sa.func.json_extract(document, sa.literal_column(f"'{path}'"))
        served = sa.func.json_type(found).in_(VALUES)
        return sa.case((served, sa.func.json_unquote(found)))

    def as_kind(self, text: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
        if kind != "integer":
            return sa.func.lower(text)
        number: Any = sa.Function("CAST", text.op("AS")(sa.literal_column("DECIMAL(20,0)")))
        fits = number.between(sa.literal_column(str(-(2**63))), sa.literal_column(str(2**63 - 1)))
        whole = text.op("REGEXP")(sa.literal_column("'^(0|-?[1-9][0-9]{0,18})$'"))
        signed: Any = sa.Function("CAST", text.op("AS")(sa.literal_column("SIGNED")))
        return sa.case((whole, sa.case((fits, signed))))

    def seen(self, held: Cell, path: tuple[str, ...], name: str) -> tuple[FromClause, Cell]:
        steps = "".join("[*]" if step == EACH else f".{step}" for step in path)
        found = sa.func.json_extract(self.parsed(held.expression), sa.literal_column(f"'${steps}'"))
        if EACH not in path:
            found = sa.func.json_array(found)
        none: ColumnElement[Any] = sa.literal_column("'[]'")
        each = _table(
            sa.func.coalesce(found, none),
            f"'$[*]' COLUMNS (v {WORD} PATH '$', j JSON PATH '$')", name,
        )  # fmt: skip
        served = sa.func.json_type(each.c.j).in_(VALUES)
        return each, Cell(sa.case((served, each.c.v)), Column(ColumnFacts("text"), "", "utf8mb4"))

    # --- the catalogue ---

    def completed(self, connection: Connection, found: Catalogue) -> Catalogue:
        schema = found.schema or connection.exec_driver_sql("SELECT DATABASE()").scalar()

        def rows(query: sa.TextClause) -> list[Any]:
            answer = connection.execute(query, {"schema": schema})
            return [row for row in answer if row[0] in found.tables]

        for table, name, kind, charset, collation in rows(COLUMNS):
            columns = found.tables[table].columns
            facts = columns[name].facts
            facts = column_facts(kind, nullable=facts.nullable, unique=facts.unique,
                                 generated=facts.generated)  # fmt: skip
            columns[name] = Column(facts, kind, charset or "", collation or "")
        for (table, repeats), columns_of_index in _indexes(rows(INDEXES)):
            add_index(found.tables[table], columns_of_index, unique=not repeats)
        for table, name, text in rows(TRIGGERS):
            found.tables[table].triggers.append(name)
            found.tables[table].writes += f"{text}\n"
        for table, engine, kind in rows(ENGINES):
            found.tables[table].transactional = engine in TRANSACTIONAL
            found.tables[table].versioned = kind == "SYSTEM VERSIONED"
        far = [ForeignKey(name, table, target, "", (), (), elsewhere=True)
               for target, name, table in rows(FOREIGN)]  # fmt: skip
        rights = set(connection.execute(RIGHTS, {"schema": schema}).scalars())
        blind = not {"SELECT", "TRIGGER"} <= rights
        return Catalogue(found.tables, (*found.foreign, *far), found.schema, blind)

    def sizes(self, schema: str | None, names: Sequence[str]) -> Any:
        facts = sa.table("TABLES", *map(sa.column, ("TABLE_NAME", "TABLE_ROWS", "TABLE_SCHEMA")),
                         schema="information_schema")  # fmt: skip
        own: Any = sa.literal(schema) if schema else sa.func.database()
        return sa.select(facts.c.TABLE_NAME, sa.func.coalesce(facts.c.TABLE_ROWS, 0)).where(
            own == facts.c.TABLE_SCHEMA,
            facts.c.TABLE_NAME.in_(names),
        )


VALUES: list[ColumnElement[Any]] = [
    sa.literal_column(f"'{word}'") for word in ("STRING", "INTEGER", "UNSIGNED INTEGER")
]


def _table(document: ColumnElement[Any], columns: str, name: str) -> FromClause:
    """Return JSON_TABLE, which reads the columns of the tables before it."""
    made = sa.func.json_table(document, sa.literal_column(columns))
    return made.table_valued("v", "j", name=name)


class MariaDB(MySQL):
    """MariaDB, where a URL names it so."""

    name = "mariadb"


TRANSACTIONAL = {"InnoDB", "ndbcluster", "ROCKSDB", "RocksDB"}

DATA = {1062, 1451, 1452, 1048, 1366, 1292, 1406, 1264, 4025, 3819, 1265, 3140, 1364}
"""Numbers whose class says enough already: constraints, and values that do not fit."""

COLUMNS = sa.text(
    "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME"
    " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = :schema"
)
INDEXES = sa.text(
    "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME FROM information_schema.STATISTICS"
    " WHERE TABLE_SCHEMA = :schema AND INDEX_TYPE IN ('BTREE', 'HASH')"
    " ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"
)
TRIGGERS = sa.text(
    "SELECT EVENT_OBJECT_TABLE, TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS"
    " WHERE EVENT_OBJECT_SCHEMA = :schema AND EVENT_MANIPULATION IN ('DELETE', 'UPDATE')"
    " ORDER BY 1, 2"
)
ENGINES = sa.text(
    "SELECT TABLE_NAME, ENGINE, TABLE_TYPE FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = :schema AND TABLE_TYPE <> 'VIEW'"
)
FOREIGN = sa.text(
    "SELECT DISTINCT REFERENCED_TABLE_NAME, CONSTRAINT_NAME, TABLE_NAME"
    " FROM information_schema.KEY_COLUMN_USAGE"
    " WHERE REFERENCED_TABLE_SCHEMA = :schema AND TABLE_SCHEMA <> :schema"
)
RIGHTS = sa.text(
    "SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES AS u,"
    " (SELECT CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''@''',"
    " SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''') AS name) AS me WHERE u.GRANTEE = me.name"
    " UNION SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES"
    " WHERE :schema LIKE TABLE_SCHEMA"
)
"""What the account may do in every table of the schema; a table alone shows nothing beside it."""


def _indexes(rows: Sequence[Any]) -> list[tuple[tuple[str, int], tuple[str, ...]]]:
    """Return each index as its table, whether values repeat, and its columns in order."""
    found: dict[tuple[str, str, int], tuple[str, ...]] = {}
    for table, name, repeats, column in rows:
        key = (table, name, repeats)
        found[key] = (*found.get(key, ()), column or "")
    return [((table, repeats), columns) for (table, _, repeats), columns in found.items()
            if columns[0]]  # fmt: skip


def _wide(expression: ColumnElement[Any]) -> ColumnElement[Any]:
    return sa.func.convert(expression.op("USING")(sa.literal_column("utf8mb4")))


def _exact(expression: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the bytes of an expression: no two letters are the same but the same."""
    return sa.cast(_wide(expression), sa.BINARY())


def _folds(cell: Cell) -> bool:
    """Whether an index on this column, or a value that takes its collation, ignores case."""
    return cell.column.collation.endswith("_ci") or not cell.column.collation


def _collated(left: Cell, right: Cell) -> ColumnElement[bool]:
    """Return the comparison that an index can serve, in the collation of the stored column."""
    one, other = left.column.collation, right.column.collation
    if one and other and one != other:
        return sa.collate(_wide(left.expression), EXACT) == sa.collate(
            _wide(right.expression), EXACT
        )
    if one and not other:
        return left.expression == _as_in(left.column, right)
    if other and not one:
        return _as_in(right.column, left) == right.expression
    return left.expression == right.expression


def _as_in(column: Column, given: Cell) -> ColumnElement[Any]:
    expression = given.expression
    if column.charset != "utf8mb4":
        expression = sa.func.convert(expression.op("USING")(sa.literal_column(column.charset)))
    return sa.collate(expression, column.collation)
