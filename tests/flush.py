"""Lets the suite empty the append-only tables between tests that commit."""

from typing import Any

from django.db.backends.postgresql.operations import DatabaseOperations

EMPTY = DatabaseOperations.execute_sql_flush


def let_the_suite_empty_the_book() -> None:
    """Patch Django's flush, which TRUNCATEs, past the triggers; nothing else is let past."""

    def execute_sql_flush(self: DatabaseOperations, sql_list: Any) -> None:
        past = "SET LOCAL session_replication_role = replica"
        EMPTY(self, [past, *sql_list, "SET LOCAL session_replication_role = origin"])

    DatabaseOperations.execute_sql_flush = execute_sql_flush  # type: ignore[assignment, method-assign]
