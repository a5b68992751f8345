"""Empties the tables between tests that commit: only those that hold something, past the triggers.

Django truncates every table and makes its types and permissions anew, which takes longer than most
tests. Both are the same after every migration, so they stay.
"""

from typing import Any

from django.core.management.commands import flush
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations

from ccpa_office import standing

STAYS = {"django_content_type", "auth_permission"}


def let_the_suite_empty_the_book() -> None:
    """Patch Django's flush past the triggers that guard the book; nothing else is let past."""
    DatabaseOperations.execute_sql_flush = _empty  # type: ignore[assignment, method-assign]
    flush.emit_post_migrate_signal = _stand  # type: ignore[attr-defined]


def _empty(self: DatabaseOperations, _truncate: Any) -> None:
    names = set(connection.introspection.django_table_names(include_views=False)) - STAYS
    quoted = {name: self.quote_name(name) for name in sorted(names)}
    asked = [f"SELECT '{name}' WHERE EXISTS (SELECT FROM {q})" for name, q in quoted.items()]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        held = [name for (name,) in cursor.fetchall()]
        deletes = "".join(f"DELETE FROM {quoted[name]};" for name in held)  # noqa: S608
        cursor.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {deletes} COMMIT")


def _stand(*_asked: Any) -> None:
    standing.after_migrate()
