"""What the demo's learner database holds of one person."""

import json
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from psycopg import sql

WHO = """
SELECT id FROM accounts WHERE lower(email) = lower(%(email)s)
 UNION SELECT account_no FROM invoices WHERE lower(billing_email) = lower(%(email)s) LIMIT 1
"""
BY_ACCOUNT = "account_id = %(account)s"
BY_ENROLMENT = "enrolment_id IN (SELECT id FROM enrolments WHERE account_id = %(account)s)"
BY_ORDER = "order_id IN (SELECT id FROM orders WHERE account_id = %(account)s)"
BY_PAYMENT = (
    "payment_id IN (SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id"
    " WHERE o.account_id = %(account)s)"
)
TABLES = {
    "accounts": "id = %(account)s",
    "profiles": BY_ACCOUNT,
    "enrolments": BY_ACCOUNT,
    "progress": BY_ACCOUNT,
    "grades": BY_ENROLMENT,
    "certificates": BY_ENROLMENT,
    "orders": BY_ACCOUNT,
    "payments": BY_ORDER,
    "refunds": BY_PAYMENT,
    "invoices": "account_no = %(account)s",
    "forum_posts": "author_id = %(account)s",
    "support_tickets": BY_ACCOUNT,
    "activity_log": BY_ACCOUNT,
    "newsletter": "lower(email) = lower(%(email)s)",
}
MENTIONS = "position(lower(%(email)s) in lower(each::text)) > 0"


class Command(BaseCommand):
    help = (
        "Count the rows that the demo's learner database holds of a learner, and the rows in which "
        "the address stands. Look before and after a deletion. For the demo only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the learner's address."""
        parser.add_argument("email")
        parser.add_argument("--json", action="store_true", help="print facts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Count. Raises CommandError outside a demo."""
        if not settings.DEMO or not settings.LEARNER_DATABASE_URL:
            raise CommandError("This looks into the demo's learner database; here is none.")
        rows = held(settings.LEARNER_DATABASE_URL, options["email"])
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        self.stdout.write(f"{'table':16} {'rows':>5} {'with the address':>17}")
        for table, (own, mentions) in rows.items():
            self.stdout.write(f"{table:16} {own:5} {mentions:17}")
        own, mentions = (sum(column) for column in zip(*rows.values(), strict=True))
        self.stdout.write(f"{'together':16} {own:5} {mentions:17}")


def held(url: str, email: str) -> dict[str, tuple[int, int]]:
    """For each table the rows of the learner, and the rows in which the address stands."""
    with psycopg.connect(url) as connection:
        found = connection.execute(WHO, {"email": email}).fetchone()
        values = {"email": email, "account": found[0] if found else None}
        counted = {}
        for table, own in TABLES.items():
            query = sql.SQL(
                "SELECT count(*) FILTER (WHERE {own}), count(*) FILTER (WHERE {mentions})"
                " FROM {table} AS each"
            ).format(own=sql.SQL(own), mentions=sql.SQL(MENTIONS), table=sql.Identifier(table))
            row = connection.execute(query, values).fetchone()
            counted[table] = (row[0], row[1]) if row else (0, 0)
    return counted
