"""What a database's administrator grants to the office's account: the program's needs, no more."""

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import IdentifierPreparer

from ccpa_office.connectors.base import MapDoesNotFit, Program, Table
from ccpa_office.connectors.sql import dialects
from ccpa_office.connectors.sweeping import searched

POSTGRES = frozenset({"postgresql", "postgres"})


@dataclass(frozen=True)
class Words:
    """How a database says it: before all, to read, to delete, to change some columns."""

    read: str = "GRANT SELECT ON {table} TO {account};"
    delete: str = "GRANT DELETE ON {table} TO {account};"
    update: str = "GRANT UPDATE ({columns}) ON {table} TO {account};"
    before: tuple[str, ...] = ()


WORDS = {
    "postgresql": Words(before=(
        "-- Make the account first: CREATE ROLE {account} LOGIN PASSWORD '...';",
        "GRANT USAGE ON SCHEMA {schema} TO {account};",
        "-- Where a table has row security: ALTER ROLE {account} BYPASSRLS;",
        "-- Where `system pace --sessions` is used: GRANT pg_read_all_stats TO {account};",
    )),
    "mysql": Words(before=(
        "-- Make the account first: CREATE USER {account} IDENTIFIED BY '...' REQUIRE SSL;",
        "-- It needs neither GRANT OPTION nor FILE, SUPER, TRIGGER or a temporary table.",
        "-- So it sees no other table, on MySQL no trigger. While a map is checked, no longer:",
        "--   GRANT SELECT, TRIGGER ON the_database.* TO {account};",
        "-- Where `system pace --sessions` is used: GRANT PROCESS ON *.* TO {account};",
    )),
    "sqlite": Words(
        "-- SQLite knows no accounts: the office's system user must be able to read {table}.",
        "-- It must be able to write the file, and its folder, for deletions from {table}.",
        "-- It must be able to write the file, and its folder, for changes to {table}.",
    ),
    "snowflake": Words(
        "GRANT SELECT ON TABLE {table} TO ROLE {account};",
        "GRANT DELETE ON TABLE {table} TO ROLE {account};",
        "GRANT UPDATE ON TABLE {table} TO ROLE {account};",
        ("-- No single columns can be granted; the role also needs USAGE down to the schema.",),
    ),
    "bigquery": Words(
        "GRANT `roles/bigquery.dataViewer` ON TABLE {table} TO 'serviceAccount:{account}';",
        "GRANT `roles/bigquery.dataEditor` ON TABLE {table} TO 'serviceAccount:{account}';",
        "GRANT `roles/bigquery.dataEditor` ON TABLE {table} TO 'serviceAccount:{account}';",
        ("-- BigQuery grants no single columns; the account also needs roles/bigquery.jobUser.",),
    ),
    "databricks": Words(
        "GRANT SELECT ON TABLE {table} TO `{account}`;",
        "GRANT MODIFY ON TABLE {table} TO `{account}`;",
        "GRANT MODIFY ON TABLE {table} TO `{account}`;",
        ("-- No single columns can be granted; it also needs USE CATALOG and USE SCHEMA.",),
    ),
}  # fmt: skip
WORDS["postgres"], WORDS["mariadb"] = WORDS["postgresql"], WORDS["mysql"]


def grants(url: str, program: Program, account: str) -> list[str]:
    """Return the statements, without a connection; raises ``MapDoesNotFit`` for a strange URL.

    Reading is granted on every table on a way to the person, changing on nothing that is kept.
    What an office may do without comes last, as comments: whoever grants decides.
    """
    name = url.partition("://")[0].partition("+")[0]
    words, prepare = WORDS.get(name, Words()), _compiler(name).identifier_preparer
    schema = _schema(name, program.schema)
    said = {"account": account, "schema": program.schema}

    def update(table: Table, columns: Iterable[str]) -> str:
        named = ", ".join(sorted({prepare.quote(column) for column in columns}))
        full = _full(prepare, table.name, schema)
        return words.update.format(table=full, columns=named, **said)

    lines = [line.format(**said) for line in words.before]
    lines += [words.read.format(table=_full(prepare, each, schema), **said)
              for each in _reached(program)]  # fmt: skip
    for table in program.tables:
        if table.action == "delete":
            lines.append(words.delete.format(table=_full(prepare, table.name, schema), **said))
        if changed := _changed(table):
            lines.append(update(table, changed))
    return [*dict.fromkeys(lines), *_besides(program, update, lines)]


def _changed(table: Table) -> set[str]:
    """Return the columns that a plan may change."""
    return {change.column for change in (*table.changes, *table.strips, *table.trims)}


def _correctable(table: Table) -> set[str]:
    """Return the columns that may be put right: neither keys nor ways, nor what nobody is shown."""
    ways = {hop.column for path in table.paths for hop in path[:1]}
    return {piece.column for piece in table.pieces if not piece.never} - {*table.key, *ways}


BESIDES: tuple[tuple[str, Callable[[Table], Set[str]]], ...] = (
    ("-- To take erased people out of other people's texts:", lambda table: set(searched(table))),
    ("-- To put fields right, for requests to correct:", _correctable),
)


def _besides(
    program: Program, update: Callable[[Table, Iterable[str]], str], given: list[str]
) -> Iterator[str]:
    """Yield what else can be granted, as comments, but nothing that is granted already."""
    for why, columns in BESIDES:
        wanted = [(table, columns(table) - _changed(table)) for table in program.tables]
        lines = [update(table, more) for table, more in wanted if more]
        new = [f"-- {line}" for line in lines if line not in given and not line.startswith("--")]
        if new:
            yield why
            yield from new


def _compiler(name: str) -> Dialect:
    """Return what quotes names; raises ``MapDoesNotFit`` for a database without its package."""
    if name not in POSTGRES:
        dialects.of(name)
    address = sa.URL.create("postgresql" if name in POSTGRES else name)
    try:
        return address.get_dialect()()
    except sa.exc.NoSuchModuleError:
        raise MapDoesNotFit("no driver is installed for this kind of URL") from None


def _schema(name: str, schema: str) -> str | None:
    if name in POSTGRES:
        return schema
    return None if schema in dialects.of(name).default_schemas else schema


def _reached(program: Program) -> list[str]:
    named = [table.name for table in program.tables]
    return list(dict.fromkeys([
        *named, *(hop.table for table in program.tables for path in table.paths for hop in path)
    ]))  # fmt: skip


def _full(prepare: IdentifierPreparer, name: str, schema: str | None) -> str:
    return prepare.format_table(sa.Table(name, sa.MetaData(), schema=schema))
