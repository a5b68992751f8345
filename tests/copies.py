"""Copies of a business's database: one for each test, without making one for each test.

Copying a database costs more than most tests do, and most tests only read it. What a test gives
back as it was goes to the next one; what it changed is dropped.
"""

import secrets
from collections.abc import Iterator
from functools import cache
from typing import Any

import psycopg

from tests.builders import address, administer, url

_spare: dict[str, list[str]] = {}
"""Copies that nobody changed, by what they are copies of."""

LOOKS = """
SELECT string_agg(format(
    'SELECT %%L, count(*), max(xmin::text::bigint), max(xmax::text::bigint) FROM %%s',
    oid::regclass, oid::regclass), ' UNION ALL ' ORDER BY oid)
  FROM pg_class
 WHERE relkind = 'r' AND (oid >= 16384 OR oid::regclass::text = ANY (%s))
"""
"""Of every table how many rows, and the youngest transactions that wrote or locked one."""
CATALOGS = [
    "pg_attrdef", "pg_attribute", "pg_class", "pg_constraint", "pg_index", "pg_namespace",
    "pg_policy", "pg_proc", "pg_rewrite", "pg_trigger", "pg_type",
]  # fmt: skip


def copy_database(name: str, template: str) -> None:
    """A new database like another, by the quicker way where nothing waits for the disk."""
    with psycopg.connect(address("postgres"), autocommit=True) as connection:
        files = connection.execute("SHOW fsync").fetchone() == ("off",)
        quick = files and connection.info.server_version >= 150_000
    administer("CREATE DATABASE {} TEMPLATE {}" + " STRATEGY FILE_COPY" * quick, name, template)


def copy_of(template: str) -> Iterator[str]:
    """A copy of a database for one test. Its connections end with the test."""
    name = _spare.get(template, []).pop() if _spare.get(template) else _fresh(template)
    yield url(name)
    with psycopg.connect(address(name), autocommit=True) as connection:
        others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        connection.execute(others + " AND pid <> pg_backend_pid()", [name])
        is_as_it_was = _as_it_is(connection) == _as_it_was(template)
    if is_as_it_was:
        _spare.setdefault(template, []).append(name)
    else:
        administer("DROP DATABASE {} WITH (FORCE)", name)


def drop_copies(template: str) -> None:
    """Remove what nobody needs any more, and what it was copied from."""
    for name in (*_spare.pop(template, []), template):
        administer("DROP DATABASE {} WITH (FORCE)", name)


def _fresh(template: str) -> str:
    _as_it_was(template)  # nobody may be there while it is copied
    name = f"learners_{secrets.token_hex(6)}"
    copy_database(name, template)
    return name


@cache
def _as_it_was(template: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(address(template), autocommit=True) as connection:
        return _as_it_is(connection)


def _as_it_is(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    (looks,) = connection.execute(LOOKS, [CATALOGS]).fetchone() or ("",)
    return connection.execute(looks.encode()).fetchall()
