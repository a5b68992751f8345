"""The database: reachable, with the right role, safe settings, every table, no copies of values."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from ccpa_office import checks
from ccpa_office.doctor.finding import Finding, unsound

OLDEST_VERSION = 140_000
SAFE = {
    "fsync": "fsync-off",
    "full_page_writes": "full-page-writes-off",
    "synchronous_commit": "synchronous-commit-off",
    "data_checksums": "checksums-off",
}
CURES = {
    "data_checksums": "Stop the server and run pg_checksums --enable on its data folder.",
    "synchronous_commit": "Set synchronous_commit = on; otherwise a confirmed request can be lost.",
}
STATISTICS = """
SELECT relname || '.' || attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = current_schema()::regnamespace AND attstattarget IS DISTINCT FROM 0
    AND (relname, attname) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
ORDER BY 1
"""


def ask(statement: str, values: Any = None) -> list[Any]:
    """Return the rows of one statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def reachable() -> Iterator[Finding]:
    """database-unreachable: nothing else can be looked at then."""
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        yield unsound(
            "database-unreachable",
            f"The database does not answer ({type(error).__name__}).",
            "Start PostgreSQL (in a demo: `make run`), or correct DATABASE_URL.",
        )


def role_is_small() -> Iterator[Finding]:
    """database-role: the application could change tables, or the book."""
    for found in checks.role_findings():
        yield unsound("database-role", str(found.msg), str(found.hint))
        return


def migrated() -> Iterator[Finding]:
    """migrations-missing: the code expects tables that are not there."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        yield unsound(
            "migrations-missing",
            f"{len(plan)} migrations are not applied.",
            "Run `manage.py migrate` with DATABASE_OWNER_URL set.",
        )


def settings_are_safe() -> Iterator[Finding]:
    """fsync-off, full-page-writes-off, synchronous-commit-off, checksums-off: unsafe storage."""
    names = list(SAFE)
    rows = ask("SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", [names])
    for name, value in rows:
        if value == "off":
            cure = CURES.get(name, f"Set {name} = on in the server's configuration.")
            yield unsound(SAFE[name], f"PostgreSQL runs with {name} = off.", cure)


def version_is_supported() -> Iterator[Finding]:
    """postgresql-old: before 14."""
    version = server_version()
    if version < OLDEST_VERSION:
        yield unsound(
            "postgresql-old",
            f"PostgreSQL {version // 10_000} is too old.",
            "Upgrade to 14 or newer (18 is what we test with).",
        )


def server_version() -> int:
    """Return the server's version as a number."""
    return int(ask("SHOW server_version_num")[0][0])


def no_statistics_on_sealed_columns() -> Iterator[Finding]:
    """statistics-on-sealed: samples of sealed values would outlive their rows."""
    tables, columns = zip(*_sealed_columns(), strict=True)
    found = [name for (name,) in ask(STATISTICS, [list(tables), list(columns)])]
    if found:
        yield unsound(
            "statistics-on-sealed",
            f"The planner keeps samples of sealed columns: {', '.join(found)}.",
            "ALTER TABLE ... ALTER COLUMN ... SET STATISTICS 0, then ANALYZE the table.",
        )


def _sealed_columns() -> Iterable[tuple[str, str]]:
    for model in apps.get_models():
        classes: dict[str, str] = getattr(model, "PERSONAL", {})
        for field in model._meta.concrete_fields:
            if classes.get(field.name) == "sealed":
                yield model._meta.db_table, str(field.column)


EXAMINATIONS = (
    role_is_small,
    settings_are_safe,
    version_is_supported,
    no_statistics_on_sealed_columns,
)
