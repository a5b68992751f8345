"""What the application's database role may do: it owns nothing and cannot change a table."""

from django.db import connection, transaction

from ccpa_office import ledger

STATEMENTS = (
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
)


def grant(role: str) -> None:
    """Give ``role`` its rights, called by the tables' owner; the book stays append-only."""
    quoted = connection.ops.quote_name(role)
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement.format(role=quoted))
        cursor.execute(ledger.grants_sql(role))
