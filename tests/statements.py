"""What reaches PostgreSQL, counted by the server itself for some databases and nobody else's."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import psycopg

from tests import builders

COUNT = """
SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(wal_bytes), 0)::bigint
  FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = ANY(%s)"""
SESSIONS = """
SELECT coalesce(sum(sessions), 0)::bigint FROM pg_stat_database WHERE datname = ANY(%s)"""
BACKENDS = """
SELECT pid, backend_start FROM pg_stat_activity
 WHERE datname = ANY(%s) AND backend_type = 'client backend'"""
BEGIN = "SELECT pg_advisory_lock(hashtext('who counts')), pg_stat_statements_reset()"
"""The server remembers so many statements of all databases, and drops what was seen once: whoever
counts is the only one, and begins with an empty memory."""


class Statements:
    """Statements, bytes of log, new connections of some databases; transaction control included."""

    def __init__(self, *databases: str) -> None:
        self.databases = list(databases)
        self.calls = self.log = self.connections = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count from nothing until the block ends; then the attributes say how many."""
        with psycopg.connect(builders.address("postgres"), autocommit=True) as server:
            with suppress(psycopg.errors.UniqueViolation):  # another worker makes it now
                server.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            server.execute(BEGIN)
            before, there = self._ended(server), self._open(server)
            yield
            row = server.execute(COUNT, [self.databases]).fetchone()
            new = self._open(server) - there
            self.connections = max(len(new), self._ended(server) - before)
        assert row
        self.calls, self.log = row

    def _ended(self, server: psycopg.Connection) -> int:
        """Connections so far; the server counts one at the latest when it ends."""
        row = server.execute(SESSIONS, [self.databases]).fetchone()
        return int(row[0]) if row else 0

    def _open(self, server: psycopg.Connection) -> set[tuple[int, datetime]]:
        return set(server.execute(BACKENDS, [self.databases]).fetchall())
