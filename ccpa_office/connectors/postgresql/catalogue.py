"""What the database says of itself: tables, columns, keys, indexes, foreign keys, triggers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from ccpa_office.connectors.base import ColumnFacts

COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL), NOT a.attnotnull AND NOT y.typnotnull,
       CASE WHEN m.m > 4 AND b.b IN (1042, 1043) THEN m.m - 4
            WHEN m.m > 4 AND b.b = 1700 THEN (m.m - 4) >> 16 END,
       format_type(b.b, NULL), a.attgenerated <> '' OR a.attidentity = 'a',
       CASE WHEN m.m > 4 AND b.b = 1700 THEN (m.m - 4) & 2047 END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type y ON y.oid = a.atttypid,
       LATERAL (SELECT CASE y.typtype WHEN 'd' THEN y.typbasetype ELSE a.atttypid END) b(b),
       LATERAL (SELECT CASE y.typtype WHEN 'd' THEN y.typtypmod ELSE a.atttypmod END) m(m)
 WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p') AND NOT c.relispartition
 ORDER BY c.relname, a.attnum"""
INDEXES = """
SELECT c.relname, i.indisprimary, i.indisunique,
       ARRAY(SELECT coalesce(a.attname::text, pg_get_indexdef(i.indexrelid, k.n::int, true))
               FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k(attnum, n)
               LEFT JOIN pg_attribute a
                      ON a.attrelid = c.oid AND a.attnum = k.attnum AND k.attnum > 0
              ORDER BY k.n),
       i.indpred IS NULL, m.amname
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s AND i.indisvalid AND (i.indpred IS NULL OR i.indisunique)"""
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
SELECT c.relname, g.tgname, p.prosrc FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = g.tgfoid
 WHERE n.nspname = %(schema)s AND NOT g.tgisinternal AND g.tgenabled <> 'D'
   AND (g.tgtype & 8 > 0 OR g.tgtype & 16 > 0)"""
CHECKS = """
SELECT c.relname, k.conname, pg_get_expr(k.conbin, k.conrelid),
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) x(num)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.num)
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'c' AND n.nspname = %(schema)s"""
WRITES = re.compile(
    r'\b(?:insert\s+into|update|delete\s+from|merge\s+into)\s+(?:only\s+)?(?:"?\w+"?\s*\.\s*)?"?(\w+)"?',
    re.IGNORECASE,
)
HIDDEN = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND c.relrowsecurity AND row_security_active(c.oid)
   AND (SELECT bool_or(p.polpermissive AND p.polcmd = '*'
                       AND pg_get_expr(p.polqual, p.polrelid) = 'true')
               AND bool_and(p.polpermissive) FROM pg_policy p
         WHERE p.polrelid = c.oid AND (0::oid = ANY (p.polroles) OR EXISTS (
               SELECT 1 FROM unnest(p.polroles) r(r) WHERE pg_has_role(r.r, 'USAGE')))
       ) IS NOT TRUE"""
"""Tables of which a policy may hide rows from this account: none lets it see and change all."""
VIEWS = """
SELECT DISTINCT v.relname, vn.nspname, t.relname,
       EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = v.oid AND i.indisunique AND i.indisvalid
                  AND i.indpred IS NULL AND i.indexprs IS NULL),
       pg_has_role(v.relowner, 'USAGE'), v.oid
  FROM pg_class v JOIN pg_namespace vn ON vn.oid = v.relnamespace
  JOIN (WITH RECURSIVE reads(view, rel) AS (
            SELECT w.ev_class, d.refobjid FROM pg_rewrite w JOIN pg_depend d
                ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                   AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
            UNION
            SELECT r.view, d.refobjid FROM reads r JOIN pg_rewrite w ON w.ev_class = r.rel
              JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                   AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class)
        SELECT view, rel FROM reads) r ON r.view = v.oid
  JOIN pg_class t ON t.oid = r.rel AND t.relkind IN ('r', 'p')
  JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE v.relkind = 'm' AND n.nspname = %(schema)s AND v.relispopulated ORDER BY v.oid, 3"""
"""Materialized views, each with the tables that it reads, through views or further such views."""

KINDS = {
    "text": "text", "character varying": "text", "character": "text", "citext": "text",
    "smallint": "integer", "integer": "integer", "bigint": "integer", "numeric": "decimal",
    "real": "decimal", "double precision": "decimal", "date": "date",
    "timestamp with time zone": "moment", "timestamp without time zone": "moment",
    "json": "json", "jsonb": "json", "boolean": "boolean", "uuid": "uuid", "bytea": "bytes",
}  # fmt: skip
RANGES = {"smallint": (-(2**15), 2**15 - 1), "integer": (-(2**31), 2**31 - 1),
          "bigint": (-(2**63), 2**63 - 1)}  # fmt: skip
CASCADES = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


@dataclass(frozen=True)
class Column:
    """A column's type, whether it may be null, and its length where it has one."""

    type: str
    nullable: bool
    length: int | None
    base: str = ""  # the type below a domain
    generated: bool = False
    scale: int | None = None


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


@dataclass(frozen=True)
class Check:
    """A condition that every row of a table must keep."""

    name: str
    condition: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """A materialized view, and the tables that it reads."""

    name: str
    schema: str
    tables: tuple[str, ...]
    concurrent: bool  # it has an index by which it can be refreshed while others read
    ours: bool  # the office's role may refresh it


@dataclass
class Relation:
    """A table as the database knows it."""

    columns: dict[str, Column] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    leading: set[str] = field(default_factory=set)
    gin: set[str] = field(default_factory=set)  # columns whose values an index finds one by one
    unique: set[tuple[str, ...]] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)  # columns of which no two rows have the same
    triggers: list[str] = field(default_factory=list)
    writes: set[str] = field(default_factory=set)  # tables that its triggers seem to write
    checks: list[Check] = field(default_factory=list)
    hidden: bool = False  # the store shows our role those rows alone that a policy lets it see


@dataclass(frozen=True)
class Catalogue:
    """The tables of one schema and every foreign key that points into it."""

    tables: dict[str, Relation]
    foreign: tuple[ForeignKey, ...]
    views: tuple[View, ...] = ()
    tries: bool = True  # the store can say whether a text is JSON before it reads it as such

    def type(self, table: str, column: str) -> str:
        """Return a column's type name; ``KeyError`` when there is no such column."""
        return self.tables[table].columns[column].type

    def facts(self, table: str, column: str) -> ColumnFacts:
        """Return what all stores say of a column; ``KeyError`` when there is no such column."""
        relation = self.tables[table]
        fact = relation.columns[column]
        base = (fact.base or fact.type).removesuffix("[]")
        low, high = RANGES.get(base, (None, None))
        return ColumnFacts(
            kind=KINDS.get(base, "other"),
            length=fact.length,
            nullable=fact.nullable,
            unique=column in relation.alone,
            array=(fact.base or fact.type).endswith("[]"),
            generated=fact.generated,
            low=low,
            high=high,
            scale=fact.scale,
        )

    def is_plain(self, table: str, column: str) -> bool:
        """Say whether a column is of a type of the system's own, no domain and no enumeration."""
        fact = self.tables[table].columns[column]
        return fact.type == fact.base and fact.base.removesuffix("[]") in KINDS

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
    """Read one schema's catalogue; seven statements."""
    tables: dict[str, Relation] = {}
    for table, column, *facts in _all(connection, COLUMNS, schema):
        tables.setdefault(table, Relation()).columns[column] = Column(*facts)
    for table, primary, unique, columns, whole, way in _all(connection, INDEXES, schema):
        relation = tables.setdefault(table, Relation())
        if way == "gin":
            relation.gin.update(columns if whole else ())
            continue
        if unique and len(columns) == 1:
            relation.alone |= {name for name in relation.columns if _names(columns[0], name)}
        if whole:
            _add_index(relation, tuple(columns), primary=primary, unique=unique)
    for table, trigger, source in _all(connection, TRIGGERS, schema):
        relation = tables.setdefault(table, Relation())
        relation.triggers.append(trigger)
        relation.writes |= {found[1].lower() for found in WRITES.finditer(source)}
    for table, name, condition, columns in _all(connection, CHECKS, schema):
        tables.setdefault(table, Relation()).checks.append(Check(name, condition, tuple(columns)))
    _hide(tables, _all(connection, HIDDEN, schema))
    foreign = [
        ForeignKey(name, table, own, target, on_delete, tuple(columns), tuple(targets))
        for name, table, own, target, on_delete, columns, targets in _all(
            connection, FOREIGN, schema
        )
    ]
    views = _views(_all(connection, VIEWS, schema))
    return Catalogue(tables, tuple(foreign), views, connection.info.server_version >= 160000)


def _hide(tables: dict[str, Relation], rows: Iterable[tuple[Any, ...]]) -> None:
    for (table,) in rows:
        tables.setdefault(table, Relation()).hidden = True


def _names(expression: str, column: str) -> bool:
    return re.search(rf'(?<![\w"]){re.escape(column)}(?!\w)', expression) is not None


def _views(rows: Iterable[tuple[Any, ...]]) -> tuple[View, ...]:
    views: dict[tuple[str, str], View] = {}
    for name, schema, table, concurrent, ours, _age in rows:
        known = views.get((schema, name), View(name, schema, (), concurrent, ours))
        views[schema, name] = replace(known, tables=(*known.tables, table))
    return tuple(views.values())


def _add_index(
    relation: Relation, columns: tuple[str, ...], *, primary: bool, unique: bool
) -> None:
    relation.leading.add(columns[0] if columns[0] in relation.columns else bare(columns[0]))
    if unique:
        relation.unique.add(columns)
    if primary:
        relation.key = columns


def _all(
    connection: "psycopg.Connection[Any]", query: Any, schema: str
) -> Iterable[tuple[Any, ...]]:
    return connection.execute(query, {"schema": schema}).fetchall()
