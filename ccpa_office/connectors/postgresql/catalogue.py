"""What the database says of itself: tables, columns, keys, indexes, foreign keys, triggers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg

COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL), NOT a.attnotnull,
       CASE WHEN a.atttypmod > 4 AND a.atttypid IN (1042, 1043) THEN a.atttypmod - 4 END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p') AND NOT c.relispartition
 ORDER BY c.relname, a.attnum"""
INDEXES = """
SELECT c.relname, i.indisprimary, i.indisunique,
       ARRAY(SELECT coalesce(a.attname::text, pg_get_indexdef(i.indexrelid, k.n::int, true))
               FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k(attnum, n)
               LEFT JOIN pg_attribute a
                      ON a.attrelid = c.oid AND a.attnum = k.attnum AND k.attnum > 0
              ORDER BY k.n)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s AND i.indisvalid AND i.indpred IS NULL"""
FOREIGN = """
SELECT k.conname, f.relname, fn.nspname, t.relname, k.confdeltype::text,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY x(num, n)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.num ORDER BY x.n),
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY x(num, n)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = x.num ORDER BY x.n)
  FROM pg_constraint k JOIN pg_class f ON f.oid = k.conrelid
  JOIN pg_namespace fn ON fn.oid = f.relnamespace
  JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND n.nspname = %(schema)s"""
TRIGGERS = """
SELECT c.relname, g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s AND NOT g.tgisinternal AND g.tgenabled <> 'D'
   AND (g.tgtype & 8 > 0 OR g.tgtype & 16 > 0)"""

CASCADES = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


@dataclass(frozen=True)
class Column:
    """A column's type, whether it may be null, and its length where it has one."""

    type: str
    nullable: bool
    length: int | None


@dataclass(frozen=True)
class ForeignKey:
    """A reference that the database keeps."""

    name: str
    table: str
    schema: str
    target: str
    on_delete: str
    columns: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass
class Relation:
    """A table as the database knows it."""

    columns: dict[str, Column] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    leading: set[str] = field(default_factory=set)
    unique: set[tuple[str, ...]] = field(default_factory=set)
    triggers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Catalogue:
    """The tables of one schema and every foreign key that points into it."""

    tables: dict[str, Relation]
    foreign: tuple[ForeignKey, ...]

    def type(self, table: str, column: str) -> str:
        """Return a column's type name; ``KeyError`` when there is no such column."""
        return self.tables[table].columns[column].type

    def is_indexed(self, table: str, column: str, compare: str) -> bool:
        """Say whether some index begins with the column as it is compared."""
        return expression(column, compare) in self.tables[table].leading


def expression(column: str, compare: str) -> str:
    """Return an index expression in the bare form in which two of them are compared."""
    return column if compare == "exact" else bare(f"lower({column})")


def bare(text: str) -> str:
    """Strip casts, quotes, blanks and parentheses from an index expression."""
    return re.sub(r"::[a-z ]+|[\s()\"]", "", text)


def read(connection: "psycopg.Connection[Any]", schema: str) -> Catalogue:
    """Read one schema's catalogue; four statements."""
    tables: dict[str, Relation] = {}
    rows = _all(connection, COLUMNS, schema)
    for table, column, kind, nullable, length in rows:
        relation = tables.setdefault(table, Relation())
        relation.columns[column] = Column(kind, nullable, length)
    for table, primary, unique, columns in _all(connection, INDEXES, schema):
        _add_index(tables.setdefault(table, Relation()), primary, unique, tuple(columns))
    for table, trigger in _all(connection, TRIGGERS, schema):
        tables.setdefault(table, Relation()).triggers.append(trigger)
    foreign = [
        ForeignKey(name, table, own, target, on_delete, tuple(columns), tuple(targets))
        for name, table, own, target, on_delete, columns, targets in _all(
            connection, FOREIGN, schema
        )
    ]
    return Catalogue(tables, tuple(foreign))


def _add_index(relation: Relation, primary: bool, unique: bool, columns: tuple[str, ...]) -> None:  # noqa: FBT001
    relation.leading.add(columns[0] if columns[0] in relation.columns else bare(columns[0]))
    if unique:
        relation.unique.add(columns)
    if primary:
        relation.key = columns


def _all(
    connection: "psycopg.Connection[Any]", query: Any, schema: str
) -> Iterable[tuple[Any, ...]]:
    return connection.execute(query, {"schema": schema}).fetchall()
