"""What a learner database holds, read row by row, to be compared before and after."""

from collections import Counter
from dataclasses import dataclass

import psycopg
from psycopg import sql

Rows = dict[str, "Counter[str]"]
"""For each table every row as text, with how often it stands there."""


def snapshot(url: str, schema: str) -> Rows:
    """Every row of every table of a schema."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]
        ).fetchall()
        return {
            name: Counter(
                text
                for (text,) in connection.execute(
                    sql.SQL("SELECT each::text FROM {} AS each").format(
                        sql.Identifier(schema, name)
                    )
                )
            )
            for (name,) in tables
        }


def own_rows(url: str, own: dict[str, str], person: object) -> Rows:
    """The rows of one person, by conditions that the test knows and the map does not."""
    with psycopg.connect(url) as connection:
        return {
            table.split(".")[-1]: Counter(
                text
                for (text,) in connection.execute(
                    sql.SQL("SELECT each::text FROM {} AS each WHERE {}").format(
                        sql.Identifier(*table.split(".")),
                        sql.SQL(where),
                    ),
                    {"person": person},
                )
            )
            for table, where in own.items()
        }


@dataclass(frozen=True)
class Difference:
    """What went and what came between two snapshots."""

    gone: Rows
    came: Rows

    @classmethod
    def between(cls, before: Rows, after: Rows) -> "Difference":
        assert before.keys() == after.keys()
        gone = {table: before[table] - after[table] for table in before}
        came = {table: after[table] - before[table] for table in before}
        return cls(_filled(gone), _filled(came))


def _filled(rows: Rows) -> Rows:
    return {table: found for table, found in rows.items() if found}


def holding(rows: Rows, markers: list[str]) -> Rows:
    """The rows in which one of the values stands."""
    return _filled(
        {
            table: Counter(
                {
                    text: count
                    for text, count in found.items()
                    if any(marker.casefold() in text.casefold() for marker in markers)
                }
            )
            for table, found in rows.items()
        }
    )
