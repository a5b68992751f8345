"""Where Django looks for the line to the database (``ENGINE`` in the settings)."""

import select
import time
from typing import Any

import psycopg
from django.db.backends.postgresql import base, operations

TRUSTED = 30.0
"""Seconds after its last use for which a line that nobody cut counts as standing."""
PLANNED, NUMBERED = "planned", "numbered"


class PlannedCursor(psycopg.Cursor[Any]):
    """A cursor whose statements the server reads and plans once for a line; values go apart."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "PlannedCursor":
        """Execute a statement that comes again and again."""
        super().execute(query, params, prepare=True, **options)
        return self


class NumberedCursor(psycopg.RawCursor[Any]):
    """The same for statements whose places are numbered already: $1, $2, ..."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "NumberedCursor":
        """Execute a statement that comes again and again."""
        super().execute(query, params, prepare=True, **options)
        return self


class DatabaseOperations(operations.DatabaseOperations):
    """Django's own."""

    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> str:
        """The statement, for who counts and reads them; a planned one stands without its values."""
        return super().last_executed_query(cursor, sql, params) or sql


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, and two things that pages need many times a second.

    A line that was kept is not asked whether it stands where it says so itself: a server that ends
    one writes that on it. A line that is idle for longer, or has something to read, is asked.
    """

    ops_class = DatabaseOperations
    stood_at = -TRUSTED

    def is_usable(self) -> bool:
        """Whether the line stands."""
        at = time.monotonic()
        if at - self.stood_at < TRUSTED and self._is_quiet():
            self.stood_at = at
            return True
        usable = super().is_usable()
        self.stood_at = at if usable else -TRUSTED
        return usable

    def _is_quiet(self) -> bool:
        line = self.connection
        if line is None or line.closed or line.broken:
            return False
        watch = select.poll()
        watch.register(line.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return not watch.poll(0)

    def planned_cursor(self) -> Any:
        """A cursor of Django's whose statements the server plans once."""
        return self._cursor(PLANNED)  # type: ignore[attr-defined]  # the stubs leave it out

    def numbered_cursor(self) -> Any:
        """The same for statements whose places are numbered."""
        return self._cursor(NUMBERED)  # type: ignore[attr-defined]

    def create_cursor(self, name: str | None = None) -> Any:
        """As Django, and two more kinds."""
        if name == PLANNED:
            return PlannedCursor(self.connection)
        if name == NUMBERED:
            return NumberedCursor(self.connection)
        return super().create_cursor(name)
