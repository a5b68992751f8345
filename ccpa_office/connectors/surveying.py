"""What any store with SQL says of itself, and some of its values: for checks and first maps."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.engine import URL, Connection, Inspector, make_url
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ccpa_office.connectors.base import ColumnFacts, MapDoesNotFit, StoreUnreachable
from ccpa_office.connectors.sql import opening

DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg",
           **opening.DRIVERS}  # fmt: skip
WITHOUT_SCHEMA = frozenset({"sqlite", "mysql", "mariadb"})
LONGEST_WAIT = 10
PARTITIONS = sa.text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relispartition AND n.nspname = :schema"
)


@dataclass(frozen=True)
class Column:
    """A column of a store, and its type in the store's own words."""

    facts: ColumnFacts
    type: str


@dataclass(frozen=True)
class ForeignKey:
    """A reference that the store keeps."""

    table: str
    columns: tuple[str, ...]
    target: str
    targets: tuple[str, ...]


@dataclass
class Sheet:
    """One table as its store knows it."""

    columns: dict[str, Column] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    unique: set[tuple[str, ...]] = field(default_factory=set)
    leading: set[str] = field(default_factory=set)  # columns with which an index begins
    foreign: list[ForeignKey] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Survey:
    """The tables of one schema, and the views that read them."""

    dialect: str
    schema: str | None
    tables: dict[str, Sheet]
    views: frozenset[str]
    materialized: dict[str, frozenset[str]]  # a materialized view and the tables it names
    beside: tuple[str, ...] = ()  # where this schema has no table: the schemas of the store

    def references_to(self, table: str) -> Iterator[ForeignKey]:
        """Yield every reference of this schema that points to a table."""
        for sheet in self.tables.values():
            yield from (key for key in sheet.foreign if key.target == table)


# --- connecting -----------------------------------------------------------------------------------


def _url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise MapDoesNotFit("no connector speaks this kind of URL") from None
    scheme = url.drivername.partition("+")[0]
    return url.set(drivername=DRIVERS.get(scheme, url.drivername))


@contextmanager
def _connected(address: str) -> Iterator[Connection]:
    """One connection for a look, given back at once. What goes wrong never shows the address."""
    url = _url(address)
    waits = url.drivername.startswith(("postgresql", "mysql", "mariadb"))
    arguments = {"connect_timeout": LONGEST_WAIT} if waits else {}
    try:
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args=arguments)
        with engine.connect() as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # types that SQLAlchemy does not know are "other"
            yield connection
    except (NoSuchModuleError, ModuleNotFoundError):
        raise MapDoesNotFit("no connector speaks this kind of URL") from None
    except SQLAlchemyError:
        raise StoreUnreachable("the store does not answer") from None


def survey(address: str, schema: str) -> Survey:
    """Read the catalogue of one schema. Raises ``StoreUnreachable``, ``MapDoesNotFit``."""
    with _connected(address) as connection:
        dialect = connection.dialect.name
        which = None if dialect in WITHOUT_SCHEMA else schema
        seen = sa.inspect(connection)
        tables = _tables(seen, which)
        if dialect == "postgresql":
            for name in connection.scalars(PARTITIONS, {"schema": schema}):
                tables.pop(name, None)
        views = frozenset(seen.get_view_names(schema=which))
        beside = () if tables or which is None else tuple(seen.get_schema_names())
        return Survey(dialect, which, tables, views, _materialized(seen, which, tables), beside)


def sample(
    address: str, found: Survey, table: str, columns: Sequence[str], *, limit: int = 200
) -> list[tuple[Any, ...]]:
    """Return some rows of a table, for guesses alone: nothing of them is kept or shown.

    Table and columns must stand in the survey; ``KeyError`` otherwise.
    """
    known = found.tables[table].columns
    parts: list[Any] = [sa.column(name) for name in columns]
    if not set(columns) <= known.keys():
        raise KeyError
    source = sa.table(table, *parts, schema=found.schema)
    question = sa.select(*parts).select_from(source).limit(limit)
    with _connected(address) as connection:
        return [tuple(row) for row in connection.execute(question)]


# --- reading --------------------------------------------------------------------------------------


def _tables(seen: Inspector, schema: str | None) -> dict[str, Sheet]:
    sheets = {name: Sheet() for name in seen.get_table_names(schema=schema)}
    for name, columns in _each(seen.get_multi_columns(schema=schema), sheets):
        sheets[name].columns = {each["name"]: _column(each, seen) for each in columns}
    for name, key in _each(seen.get_multi_pk_constraint(schema=schema), sheets):
        _key(sheets[name], tuple(key["constrained_columns"] if key else ()))
    for name, uniques in _each(seen.get_multi_unique_constraints(schema=schema), sheets):
        sheets[name].unique.update(tuple(each["column_names"]) for each in uniques)
    for name, indexes in _indexes(seen, schema, sheets):
        for index in indexes:
            _index(sheets[name], index)
    for name, references in _each(seen.get_multi_foreign_keys(schema=schema), sheets):
        for each in references:
            _foreign(sheets[name], name, each, schema)
    _checks(seen, schema, sheets)
    return {name: _with_unique(sheet) for name, sheet in sheets.items()}


def _indexes(
    seen: Inspector, schema: str | None, sheets: dict[str, Sheet]
) -> Iterator[tuple[str, Any]]:
    if seen.dialect.name != "sqlite":
        return _each(seen.get_multi_indexes(schema=schema), sheets)
    look: Any = seen.dialect.get_indexes  # with those that SQLite makes for UNIQUE by itself
    return ((name, look(seen.bind, name, include_auto_indexes=True)) for name in sheets)


def _each(found: Mapping[Any, Any], sheets: dict[str, Sheet]) -> Iterator[tuple[str, Any]]:
    return ((name, facts) for (_, name), facts in found.items() if name in sheets and facts)


def _key(sheet: Sheet, columns: tuple[str, ...]) -> None:
    sheet.key = columns
    sheet.unique |= {columns} if columns else set()


def _index(sheet: Sheet, index: Any) -> None:
    options = index.get("dialect_options", {})
    columns = [each for each in index.get("column_names", ()) if each is not None]
    partial = any(key.endswith("_where") and value for key, value in options.items())
    expressions = index.get("expressions") or columns
    if partial or not expressions:
        return
    sheet.leading.add(str(expressions[0]).replace("::text", "").replace(" ", "").lower()
                      if expressions[0] not in columns else expressions[0])  # fmt: skip
    if index.get("unique") and len(columns) == len(expressions):
        sheet.unique.add(tuple(columns))


def _foreign(sheet: Sheet, name: str, each: Any, schema: str | None) -> None:
    if each.get("referred_schema") in {None, schema}:
        ours, theirs = tuple(each["constrained_columns"]), tuple(each["referred_columns"])
        sheet.foreign.append(ForeignKey(name, ours, each["referred_table"], theirs))


def _checks(seen: Inspector, schema: str | None, sheets: dict[str, Sheet]) -> None:
    with suppress(NotImplementedError):
        for name, checks in _each(seen.get_multi_check_constraints(schema=schema), sheets):
            sheets[name].checks = [str(each["sqltext"]) for each in checks]


def _with_unique(sheet: Sheet) -> Sheet:
    """Say at each column whether it is unique by itself."""
    sheet.leading |= {columns[0] for columns in sheet.unique}
    alone = {columns[0] for columns in sheet.unique if len(columns) == 1}
    for name in alone & sheet.columns.keys():
        column = sheet.columns[name]
        values = {**column.facts.__dict__, "unique": True}
        sheet.columns[name] = Column(ColumnFacts(**values), column.type)
    return sheet


def _materialized(
    seen: Inspector, schema: str | None, tables: dict[str, Sheet]
) -> dict[str, frozenset[str]]:
    try:
        names = seen.get_materialized_view_names(schema=schema)
    except NotImplementedError:
        return {}
    found = {}
    for name in names:
        text = str(seen.get_view_definition(name, schema=schema) or "")
        words = set(
            "".join(each if each.isalnum() or each == "_" else " " for each in text).split()
        )
        found[name] = frozenset(words & tables.keys())
    return found


# --- columns --------------------------------------------------------------------------------------

KINDS: tuple[tuple[type[Any], str], ...] = (
    (sa.Boolean, "boolean"), (sa.JSON, "json"), (sa.types.UUID, "uuid"), (sa.Uuid, "uuid"),
    (sa.LargeBinary, "bytes"), (sa.types.BINARY, "bytes"), (sa.Integer, "integer"),
    (sa.Numeric, "decimal"), (sa.Float, "decimal"), (sa.DateTime, "moment"), (sa.Date, "date"),
    (sa.String, "text"),
)  # fmt: skip
BITS = {"SMALLINT": 16, "INTEGER": 32, "INT": 32, "BIGINT": 64, "TINYINT": 8, "MEDIUMINT": 24}


def _column(each: ReflectedColumn, seen: Inspector) -> Column:
    type_ = each["type"]
    words = _words(type_, seen)
    array = isinstance(type_, sa.ARRAY)
    inner: Any = type_.item_type if isinstance(type_, sa.ARRAY) else type_
    nullable = bool(each["nullable"])
    while isinstance(inner, DOMAIN):
        inner, nullable = inner.data_type, nullable and not inner.not_null
    kind = next((kind for class_, kind in KINDS if isinstance(inner, class_)), "")
    kind = kind or {"CITEXT": "text", "NULL": "other"}.get(words.upper(), "other")
    bits = (
        BITS.get(words.partition("(")[0].partition(" ")[0].upper()) if kind == "integer" else None
    )
    length = getattr(inner, "length", None) if kind == "text" else None
    precision = getattr(inner, "precision", None) if kind == "decimal" else None
    facts = ColumnFacts(
        kind,
        length if isinstance(length, int) else precision,
        nullable,
        array=array,
        generated="computed" in each or bool(each.get("identity", {}).get("always")),
        low=-(2 ** (bits - 1)) if bits else None,
        high=2 ** (bits - 1) - 1 if bits else None,
        scale=getattr(inner, "scale", None) if kind == "decimal" else None,
    )
    return Column(facts, words)


def _words(type_: Any, seen: Inspector) -> str:
    try:
        return str(type_.compile(dialect=seen.dialect))
    except SQLAlchemyError:
        return str(type_)
