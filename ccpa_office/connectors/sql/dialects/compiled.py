"""Databases whose statements were compiled and read, but never run by this project's suite.

The docs page says so; so does the check, by a warning on every system of this kind.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from ccpa_office.connectors.sql.catalogue import Column
from ccpa_office.connectors.sql.dialects.base import Cell, Dialect, Slot

TYPES = {"integer": "BIGINT", "date": "DATE", "moment": "TIMESTAMP", "decimal": "DECIMAL(38,9)",
         "boolean": "INTEGER"}  # fmt: skip


def _cast(expression: str, slot: Slot, word: str) -> str:
    return f"CAST({expression} AS {TYPES.get(slot.column.kind, word)}) AS {slot.name}"


WRITTEN = {"integer": "BIGINT", "decimal": "DECIMAL(38,9)", "date": "DATE", "moment": "TIMESTAMP",
           "boolean": "BOOLEAN"}  # fmt: skip


class Warehouse(Dialect):
    """No text turns into another type unless it is told to; keys and references are mere words."""

    enforces = False
    kinds: dict[str, str] = WRITTEN

    def written(self, value: ColumnElement[Any], column: Column) -> ColumnElement[Any]:
        kind = self.kinds.get(column.facts.kind)
        return _as(value, kind) if kind else value


class SQLServer(Dialect):
    """SQL Server 2016 or newer (OPENJSON). Texts are compared by a binary collation."""

    name: str = "mssql"
    carrier: sa.types.TypeEngine[Any] = sa.UnicodeText()
    remove: str = "exists"
    default_schemas: tuple[str, ...] = ("", "public", "dbo")

    def rows_of(self, parameter: str, slots: Sequence[Slot]) -> str:
        kinds = {**TYPES, "moment": "DATETIME2", "boolean": "BIT", "value": "NVARCHAR(MAX)"}
        columns = ", ".join(
            f"{slot.name} {kinds.get(slot.column.kind, 'NVARCHAR(1000)')} '$[{place}]'"
            for place, slot in enumerate(slots)
        )
        return f"SELECT * FROM OPENJSON(:{parameter}) WITH ({columns})"  # noqa: S608

    def equal(self, left: Cell, right: Cell) -> ColumnElement[bool]:
        if not left.is_text or not right.is_text:
            return super().equal(left, right)
        plain = left.expression == right.expression
        return sa.and_(plain, _binary(left.expression) == _binary(right.expression))

    def different(self, left: Cell, right: Cell) -> ColumnElement[bool]:
        if not left.is_text:
            return left.expression != right.expression
        return _binary(left.expression) != _binary(right.expression)

    def as_text(self, cell: Cell) -> ColumnElement[Any]:
        text = cell.expression if cell.is_text else sa.cast(cell.expression, sa.Unicode(4000))
        return _binary(text)

    def normal(self, compare: str, text: ColumnElement[Any]) -> ColumnElement[Any]:
        plain = text
        for sign in " ()-+./":
            plain = sa.func.replace(plain, sign, "")
        if compare == "postal":
            return sa.func.left(sa.func.upper(plain), 5)
        return sa.func.right(plain, 10) if compare == "phone" else plain


def _binary(text: ColumnElement[Any]) -> ColumnElement[Any]:
    return sa.collate(text, "Latin1_General_BIN2")


class Oracle(Dialect):
    """Oracle 12.2 or newer (JSON_TABLE over a CLOB); changes by MERGE. Empty is null."""

    name: str = "oracle"
    carrier: sa.types.TypeEngine[Any] = sa.Text()
    change: str = "merge"

    def rows_of(self, parameter: str, slots: Sequence[Slot]) -> str:
        kinds = {"integer": "NUMBER(19)", "decimal": "NUMBER", "date": "DATE", "value": "CLOB",
                 "moment": "TIMESTAMP", "boolean": "NUMBER(1)"}  # fmt: skip
        columns = ", ".join(
            f"{slot.name} {kinds.get(slot.column.kind, 'VARCHAR2(1000 CHAR)')} PATH '$[{place}]'"
            for place, slot in enumerate(slots)
        )
        return f"SELECT j.* FROM JSON_TABLE(:{parameter}, '$[*]' COLUMNS ({columns})) j"  # noqa: S608

    def filled(self, cell: Cell) -> ColumnElement[bool]:
        return cell.expression.is_not(None)

    def written(self, value: ColumnElement[Any], column: Column) -> ColumnElement[Any]:
        text = sa.func.to_char(value)
        made = {
            "integer": sa.func.to_number(text),
            "decimal": sa.func.to_number(text),
            "boolean": sa.func.to_number(text),
            "date": sa.func.to_date(text, "YYYY-MM-DD"),
            "moment": sa.func.to_timestamp(text, "YYYY-MM-DD HH24:MI:SS.FF"),
        }
        return made.get(column.facts.kind, value)

    def normal(self, compare: str, text: ColumnElement[Any]) -> ColumnElement[Any]:
        if compare == "phone":
            return sa.func.substr(sa.func.regexp_replace(text, "[^0-9]", ""), -10)
        return super().normal(compare, text)


class Snowflake(Warehouse):
    """Snowflake: sets by FLATTEN. A table of the standard kind has transactions."""

    name: str = "snowflake"

    def rows_of(self, parameter: str, slots: Sequence[Slot]) -> str:
        columns = ", ".join(
            _cast(f"j.value[{place}]", slot, "VARCHAR") for place, slot in enumerate(slots)
        )
        return f"SELECT {columns} FROM TABLE(FLATTEN(INPUT => PARSE_JSON(:{parameter}))) AS j"  # noqa: S608


class BigQuery(Warehouse):
    """BigQuery: each statement stands alone; a chunk that stops half-way is run again."""

    name: str = "bigquery"
    transactional: bool = False
    remove: str = "exists"
    default_schemas: tuple[str, ...] = ("",)
    kinds = {"integer": "INT64", "decimal": "NUMERIC", "date": "DATE", "moment": "TIMESTAMP",
             "boolean": "BOOL", "json": "JSON"}  # fmt: skip

    def rows_of(self, parameter: str, slots: Sequence[Slot]) -> str:
        kinds = {"integer": "INT64", "decimal": "NUMERIC", "boolean": "INT64"}
        columns = ", ".join(
            f"CAST(JSON_VALUE(j, '$[{place}]') AS"
            f" {kinds.get(slot.column.kind, TYPES.get(slot.column.kind, 'STRING'))}) AS {slot.name}"
            for place, slot in enumerate(slots)
        )
        return f"SELECT {columns} FROM UNNEST(JSON_EXTRACT_ARRAY(:{parameter})) AS j"  # noqa: S608

    def loose_name(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        return sa.func.lower(sa.func.trim(sa.func.normalize(text, sa.literal_column("NFKC"))))


class Redshift(Warehouse):
    """Redshift: sets by SUPER and PartiQL; it enforces no keys: the map's word counts."""

    name: str = "redshift"
    default_schemas: tuple[str, ...] = ("", "public")

    def rows_of(self, parameter: str, slots: Sequence[Slot]) -> str:
        columns = ", ".join(
            _cast(f"j[{place}]", slot, "VARCHAR(65535)") for place, slot in enumerate(slots)
        )
        return f"SELECT {columns} FROM (SELECT JSON_PARSE(:{parameter}) AS s) AS x, x.s AS j"  # noqa: S608


class Trino(Warehouse):
    """Trino: what a catalogue's connector allows; Iceberg and Delta take DELETE and MERGE."""

    name: str = "trino"
    transactional: bool = False
    change: str = "merge"
    remove: str = "exists"
    default_schemas: tuple[str, ...] = ("",)

    def rows_of(self, parameter: str, slots: Sequence[Slot]) -> str:
        columns = ", ".join(
            _cast(f"json_extract_scalar(j.item, '$[{place}]')", slot, "VARCHAR")
            for place, slot in enumerate(slots)
        )
        return (
            f"SELECT {columns} FROM"  # noqa: S608
            f" UNNEST(CAST(json_parse(:{parameter}) AS ARRAY(JSON))) AS j(item)"
        )

    def loose_name(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        return sa.func.lower(sa.func.trim(sa.func.normalize(text, sa.literal_column("NFKC"))))

    def normal(self, compare: str, text: ColumnElement[Any]) -> ColumnElement[Any]:
        if compare == "phone":
            return sa.func.substr(sa.func.regexp_replace(text, "[^0-9]", ""), -10)
        return super().normal(compare, text)


class Databricks(Warehouse):
    """Databricks: Delta tables, each statement atomic by itself; changes by MERGE."""

    name: str = "databricks"
    transactional: bool = False
    change: str = "merge"
    remove: str = "exists"
    default_schemas: tuple[str, ...] = ("", "default")

    def rows_of(self, parameter: str, slots: Sequence[Slot]) -> str:
        columns = ", ".join(
            _cast(f"j.item[{place}]", slot, "STRING") for place, slot in enumerate(slots)
        )
        return (
            f"SELECT {columns} FROM (SELECT EXPLODE(FROM_JSON(:{parameter},"  # noqa: S608
            " 'ARRAY<ARRAY<STRING>>')) AS item) AS j"
        )


def _as(value: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
    return sa.Function("CAST", value.op("AS")(sa.literal_column(kind)))


COMPILED: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        SQLServer(), Oracle(), Snowflake(), BigQuery(), Redshift(), Trino(), Databricks()
    )
}  # fmt: skip
