"""The demo's learner database: schema and invented people, made by a few set-based statements."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from psycopg import sql

FOLDER = Path(settings.BASE_DIR) / "demo"


def fill(url: str, *, people: int, seed: int) -> dict[str, int]:
    """Make the tables and their rows in an empty database; return each table's size."""
    with psycopg.connect(url) as connection:
        connection.execute(_text("learners.sql"))
        connection.execute("SELECT set_config('quillmere.seed', %s, true)", [str(seed)])
        script = _text("learners_people.sql").replace(b":people", str(int(people)).encode())
        connection.execute(script)
        connection.execute(_text("learners_indexes.sql"))
        connection.execute("DROP TABLE person")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        return _sizes(connection)


def _text(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def _sizes(connection: "psycopg.Connection[Any]") -> dict[str, int]:
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    ).fetchall()
    count = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}, count(*) FROM {}").format(sql.Literal(name), sql.Identifier(name))
        for (name,) in tables
    )
    return dict(connection.execute(count).fetchall())


class Command(BaseCommand):
    help = "Fill an empty database with the demo company's learners. For the demo and tests only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="an empty PostgreSQL database")
        parser.add_argument("--people", type=int, default=10_000)
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        if not 20 <= options["people"] <= 1_000_000:
            raise CommandError("between 20 and 1,000,000 people")
        try:
            sizes = fill(options["url"], people=options["people"], seed=options["seed"])
        except psycopg.errors.DuplicateTable:
            raise CommandError("the database is not empty") from None
        self.stdout.write(f"{len(sizes)} tables, {sum(sizes.values())} rows")
