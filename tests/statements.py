"""What reaches PostgreSQL, counted by the server itself for some databases and nobody else's."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests import builders

COUNT = """
SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(wal_bytes), 0)::bigint
  FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = ANY(%s)"""
RESET = """
SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = ANY(%s)"""


class Statements:
    """Statements and bytes of log of some databases, transaction control included."""

    def __init__(self, *databases: str) -> None:
        self.databases = list(databases)
        self.calls = self.log = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count from nothing until the block ends; then ``calls`` and ``log`` say how many."""
        with psycopg.connect(builders.address("postgres"), autocommit=True) as server:
            server.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            server.execute(RESET, [self.databases])
            yield
            row = server.execute(COUNT, [self.databases]).fetchone()
        assert row
        self.calls, self.log = row
