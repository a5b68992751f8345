"""SQLite 3.35 or newer: sets as JSON, normal forms in Python, foreign keys switched on."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from ccpa_office.connectors.base import (
    ChangeBlocked,
    ColumnFacts,
    ConnectorError,
    MapDoesNotFit,
    StoreUnreachable,
)
from ccpa_office.connectors.comparing import normal
from ccpa_office.connectors.sql.catalogue import Catalogue, Column, ForeignKey
from ccpa_office.connectors.sql.dialects.base import CHANGES, Cell, Dialect, Slot, add_index
from ccpa_office.connectors.ways import EACH

AWAY = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT,
}  # fmt: skip
"""What SQLite says when the file is not there, not readable, or held by somebody else."""


class SQLite(Dialect):
    """A file on this machine; one writer at a time."""

    name: str = "sqlite"
    proved: bool = True
    looks_inside: bool = True
    default_schemas: tuple[str, ...] = ("", "public", "main")

    def creator(self, url: sa.URL) -> Callable[[], Any] | None:
        name = url.database
        if not name or name == ":memory:" or name.startswith("file:"):
            raise MapDoesNotFit("the URL names no file")
        address = f"{Path(name).absolute().as_uri()}?mode=rw"

        def connect() -> sqlite3.Connection:
            made = sqlite3.connect(address, uri=True, timeout=10, isolation_level=None,
                                   check_same_thread=False)  # fmt: skip
            made.create_function("ccpa_normal", 2, normal, deterministic=True)
            return made

        return connect

    def prepare(self, cursor: Any) -> None:
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA recursive_triggers = ON")

    def begin(self, connection: Connection) -> None:
        is_change = connection.info.get("intent") == CHANGES
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_change else "BEGIN")

    def meaning(self, error: BaseException) -> ConnectorError | None:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in AWAY:
            return StoreUnreachable("the file does not answer")
        return ChangeBlocked("the store refused") if code in {0, sqlite3.SQLITE_ERROR} else None

    def rows_of(self, parameter: str, slots: Sequence[Slot]) -> str:
        columns = ", ".join(
            f"json_extract(j.value, '$[{place}]') AS {slot.name}"
            for place, slot in enumerate(slots)
        )
        return f"SELECT {columns} FROM json_each(:{parameter}) AS j"  # noqa: S608 (no name of a map)

    def equal(self, left: Cell, right: Cell) -> ColumnElement[bool]:
        if left.is_text != right.is_text:
            return super().equal(left, right)
        plain = left.expression == right.expression
        if not left.is_text:
            return plain
        return sa.and_(plain, sa.collate(left.expression, "BINARY") == right.expression)

    def different(self, left: Cell, right: Cell) -> ColumnElement[bool]:
        if not left.is_text:
            return left.expression != right.expression
        return sa.collate(left.expression, "BINARY") != right.expression

    def alike(self, compare: str, left: Cell, right: Cell) -> ColumnElement[bool]:
        if compare == "casefold" and left.is_text and right.is_text:
            return sa.func.lower(left.expression) == sa.func.lower(right.expression)
        return super().alike(compare, left, right)

    def joins(self, compare: str) -> bool:
        return bool(compare)

    def loose_name(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        return self.normal("name", text)

    def normal(self, compare: str, text: ColumnElement[Any]) -> ColumnElement[Any]:
        return sa.func.ccpa_normal(sa.literal_column(f"'{compare}'"), text)

    def as_text(self, cell: Cell) -> ColumnElement[Any]:
        if cell.is_text:
            return sa.collate(cell.expression, "BINARY")
        return sa.cast(cell.expression, sa.Text())

    # --- within JSON ---

    def parsed(self, held: ColumnElement[Any]) -> ColumnElement[Any]:
        ends_early = sa.func.instr(held, sa.literal_column("'\\u0000'")) > 0
        return sa.case((sa.and_(sa.func.json_valid(held) == 1, sa.not_(ends_early)), held),
                       else_=NONE)  # fmt: skip

    def elements(
        self, document: ColumnElement[Any], path: str, name: str
    ) -> tuple[FromClause, ColumnElement[Any]]:
        at: ColumnElement[Any] = sa.literal_column(f"'{path}'")
        array = sa.func.json_extract(document, at)
        is_array = sa.func.json_type(document, at) == sa.literal_column("'array'")
        made = sa.func.json_each(sa.case((is_array, array), else_=NONE))
        each = made.table_valued("value", "type", name=name)
        return each, sa.case(
            (each.c.type.in_(_words("object", "array")), each.c.value),
            (each.c.type.in_(_words("text", "integer")), sa.func.json_quote(each.c.value)),
            else_=sa.literal_column("'null'"),
        )

    def scalar(self, document: ColumnElement[Any], path: str) -> ColumnElement[Any]:
        at: ColumnElement[Any] = sa.literal_column(f"'{path}'")
        served = sa.func.json_type(document, at).in_(_words("text", "integer"))
        return sa.case((served, sa.cast(sa.func.json_extract(document, at), sa.Text())))

    def as_kind(self, text: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
        if kind != "integer":
            return text
        number = sa.cast(text, sa.Integer())
        return sa.case((sa.cast(number, sa.Text()) == text, number))

    def index_form(self, column: str, path: str) -> str:
        return f"json_extract({column},'{path}')"

    def indexed(self, held: ColumnElement[Any], path: str) -> ColumnElement[Any]:
        return sa.func.json_extract(held, sa.literal_column(f"'{path}'"))

    def seen(self, held: Cell, path: tuple[str, ...], name: str) -> tuple[FromClause, Cell]:
        tree = sa.func.json_tree(self.parsed(held.expression))
        each = tree.table_valued("atom", "type", "fullkey", name=name)
        plain, quoted = ("$" + "".join(
            "[[]*]" if step == EACH else f".{spell(step)}" for step in path)
            for spell in (_bare, '"{}"'.format))  # fmt: skip
        at = sa.or_(*[each.c.fullkey.op("GLOB")(sa.literal_column(f"'{form}'"))
                      for form in dict.fromkeys((plain, quoted))])  # fmt: skip
        opening: ColumnElement[Any] = sa.literal_column("'['")
        depth = sa.func.length(each.c.fullkey) - sa.func.length(
            sa.func.replace(each.c.fullkey, opening, sa.literal_column("''"))
        )
        served = sa.and_(
            at, depth == sa.literal_column(str(path.count(EACH))),
            each.c.type.in_(_words("text", "integer")),
        )  # fmt: skip
        text = sa.case((served, sa.cast(each.c.atom, sa.Text())))
        return each, Cell(text, Column(ColumnFacts("text")))

    def completed(self, connection: Connection, found: Catalogue) -> Catalogue:
        for (table, name, unique), columns in _indexes(connection).items():
            if table in found.tables:
                add_index(found.tables[table], columns, unique=bool(unique) and bool(name))
        triggers = connection.exec_driver_sql(
            "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
        )
        for table, name, text in triggers:
            if table in found.tables:
                found.tables[table].triggers.append(name)
                found.tables[table].writes += f"{text}\n"
        return replace(found, foreign=tuple(_references(connection, found)))


NONE: ColumnElement[Any] = sa.literal_column("'[]'")


def _words(*words: str) -> list[ColumnElement[Any]]:
    return [sa.literal_column(f"'{word}'") for word in words]


def _bare(step: str) -> str:
    """Return a name as SQLite's own paths show it: quoted unless it is letters and digits."""
    return step if re.fullmatch("[A-Za-z][A-Za-z0-9]*", step) else f'"{step}"'


INDEXES = """
SELECT m.tbl_name, l.name, l."unique", x.seqno, x.name, i.sql
  FROM sqlite_master AS m JOIN pragma_index_list(m.name) AS l
  JOIN pragma_index_xinfo(l.name) AS x LEFT JOIN sqlite_master AS i ON i.name = l.name
 WHERE m.type = 'table' AND x.key AND NOT l.partial ORDER BY 1, 2, 4"""


REFERENCES = """
SELECT m.name, f.id, f."table", f."from", f."to", f.on_delete
  FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f
 WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq"""


def _references(connection: Connection, found: Catalogue) -> Iterator[ForeignKey]:
    """Yield every foreign key as SQLite itself keeps it: its text may name the rule anywhere."""
    known = {name.lower(): name for name in found.tables}
    rows: dict[tuple[str, int], list[Any]] = {}
    for table, number, *rest in connection.exec_driver_sql(REFERENCES):
        rows.setdefault((table, number), []).append(rest)
    for (table, _), parts in rows.items():
        target, columns = known.get(parts[0][0].lower(), parts[0][0]), [part[1] for part in parts]
        targets = [part[2] for part in parts]
        if None in targets:  # no column is named: the key is meant
            targets = list(found.tables[target].key) if target in found.tables else []
        rule = "" if parts[0][3] in {"NO ACTION", "RESTRICT"} else parts[0][3]
        yield ForeignKey(
            f"{table}_{columns[0]}", table, target, rule, tuple(columns), tuple(targets)
        )


def _indexes(connection: Connection) -> dict[tuple[str, str, int], tuple[str, ...]]:
    found: dict[tuple[str, str, int], tuple[str, ...]] = {}
    for table, name, unique, place, column, text in connection.exec_driver_sql(INDEXES):
        key = (table, name, unique)
        found[key] = (*found.get(key, ()), column or _expression(text, place))
    return found


def _expression(text: str, place: int) -> str:
    """Return the expression at a place of an index, out of the statement that made it."""
    inside = re.sub(r"^.*?\bON\b[^(]*\((.*)\)\s*$", r"\1", text, flags=re.S | re.I)
    depth, parts = 0, [""]
    for character in inside:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts[place] if place < len(parts) else text
