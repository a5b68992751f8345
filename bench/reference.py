"""The reference shop: eleven tables, 20.5 rows a customer, its map, and the least that erases it.

Erasing empties 11.5 rows of a customer. By hand that is one statement for one person, or set SQL
over temporary tables; it keeps no evidence and looks at nothing again.
"""

import random
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bench import places
from ccpa_office import connectors
from tests import builders

DATA = Path(__file__).parent / "data"
ROWS_EACH = 20.5
CHANGED_EACH = 11.5
TABLES = 11
LARGE = 300_000
"""So many customers are copied as files: less is quicker through the log."""


def document() -> str:
    """The shop's map."""
    return (DATA / "reference.yml").read_text("utf-8")


def email(number: int) -> str:
    """The address of a customer."""
    return f"client-{number}@example.com"


def emails(customers: int, number: int, *, seed: int = 1, alike: bool = False) -> list[str]:
    """So many customers of all, at random, in no order; alike: every table has a row of each."""
    among = range(1, customers + 1, 2 if alike else 1)
    return list(map(email, random.Random(seed).sample(among, number)))  # noqa: S311


# --- databases ----------------------------------------------------------------------------------


def fill(url: str, customers: int, *, indexed: bool = True) -> None:
    """Make tables, rows and indexes in an empty database: a statement for each."""
    rows = (DATA / "reference_rows.sql").read_bytes().replace(b":people", b"%d" % customers)
    with psycopg.connect(url) as connection:
        connection.execute((DATA / "reference.sql").read_bytes())
        connection.execute(rows)
        if indexed:
            connection.execute((DATA / "reference_indexes.sql").read_bytes())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


@cache
def template(customers: int) -> str:
    """A shop to copy from, made once."""
    name = f"shop_{customers}_{secrets.token_hex(4)}"
    builders.administer("CREATE DATABASE {}", name)
    fill(builders.url(name), customers)
    return name


@contextmanager
def copy(customers: int) -> Iterator[str]:
    """A fresh shop; its URL."""
    name = f"shop_copy_{secrets.token_hex(6)}"
    files = " STRATEGY FILE_COPY" if customers >= LARGE else ""
    builders.administer("CREATE DATABASE {} TEMPLATE {}" + files, name, template(customers))
    try:
        yield builders.url(name)
    finally:
        connectors.close_all()
        builders.administer("DROP DATABASE {} WITH (FORCE)", name)


def serve(url: str) -> None:
    """Let the office serve this shop under its map."""
    places.point_office_at(url, document())


# --- by hand ------------------------------------------------------------------------------------

ONE = """
WITH who AS (SELECT id, email, home_id FROM client WHERE email = %s),
 homes AS (UPDATE home t SET house = NULL, street = NULL, city = NULL, region = NULL, zip = NULL
    FROM who WHERE t.id = who.home_id RETURNING 1),
 cards AS (UPDATE card t SET holder = NULL, number = NULL, code = NULL
    FROM who WHERE t.client_id = who.id RETURNING 1),
 sign_ins AS (UPDATE sign_in t SET at = NULL FROM who WHERE t.client_id = who.id RETURNING 1),
 views AS (UPDATE page_view t SET email = NULL, seen_at = NULL
    FROM who WHERE t.email = who.email RETURNING 1),
 tickets AS (UPDATE help_ticket t SET email = NULL, other_email = NULL
    FROM who WHERE t.email = who.email RETURNING 1),
 others AS (UPDATE help_ticket t SET other_email = NULL
    FROM who WHERE t.other_email = who.email AND t.email <> who.email RETURNING 1),
 clerks AS (UPDATE staff t SET email = NULL, name = NULL
    FROM who WHERE t.email = who.email RETURNING 1),
 letters AS (UPDATE letter t SET email = NULL, name = NULL
    FROM who WHERE t.email = who.email RETURNING 1),
 clients AS (UPDATE client t SET email = NULL, name = NULL FROM who WHERE t.id = who.id RETURNING 1)
SELECT count(*) FROM who"""

PREPARE = """
CREATE TEMPORARY TABLE IF NOT EXISTS asked (email text) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS who (id bigint, email text) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS homes (id bigint) ON COMMIT DELETE ROWS"""

RESOLVE = """
ANALYZE asked;
INSERT INTO who SELECT c.id, c.email FROM client c JOIN asked a ON a.email = c.email ORDER BY c.id;
ANALYZE who;
INSERT INTO homes SELECT DISTINCT c.home_id FROM client c JOIN who ON who.id = c.id ORDER BY 1;
ANALYZE homes"""
"""From addresses to keys, in the order in which the rows are stored."""

SETS = """
UPDATE home t SET house = NULL, street = NULL, city = NULL, region = NULL, zip = NULL
    FROM homes WHERE t.id = homes.id;
UPDATE card t SET holder = NULL, number = NULL, code = NULL FROM who WHERE t.client_id = who.id;
UPDATE sign_in t SET at = NULL FROM who WHERE t.client_id = who.id;
UPDATE page_view t SET email = NULL, seen_at = NULL FROM who WHERE t.email = who.email;
UPDATE help_ticket t SET email = NULL, other_email = NULL FROM who WHERE t.email = who.email;
UPDATE help_ticket t SET other_email = NULL FROM who WHERE t.other_email = who.email;
UPDATE staff t SET email = NULL, name = NULL FROM who WHERE t.email = who.email;
UPDATE letter t SET email = NULL, name = NULL FROM who WHERE t.email = who.email;
UPDATE client t SET email = NULL, name = NULL FROM who WHERE t.id = who.id"""
Connection = psycopg.Connection[Any]


def _each(script: str) -> list[str]:
    return script.strip().split(";\n")


def erase_one(connection: Connection, address: str) -> int:
    """One person: one statement, which is its own transaction."""
    found = connection.execute(ONE, [address], prepare=True).fetchone()
    return int(found[0]) if found else 0


def erase_set(connection: Connection, addresses: Sequence[str]) -> int:
    """Many people in one transaction: a statement for each table; how many rows changed."""
    for statement in _each(PREPARE):
        connection.execute(statement)
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy("COPY asked FROM STDIN") as stream:
            for address in addresses:
                stream.write_row([address])
        for statement in _each(RESOLVE):
            cursor.execute(statement)
        return sum(cursor.execute(statement).rowcount for statement in _each(SETS))


def erase_list(connection: Connection, addresses: Sequence[str], chunk: int = 1000) -> int:
    """A list in chunks, each a transaction; how many rows changed."""
    return sum(
        erase_set(connection, addresses[first : first + chunk])
        for first in range(0, len(addresses), chunk)
    )


# --- packages by hand ---------------------------------------------------------------------------

_OF = {
    "home": "t.id = c.home_id",
    "card": "t.client_id = c.id",
    "purchase": "t.client_id = c.id",
    "sign_in": "t.client_id = c.id",
    "page_view": "t.email = c.email",
    "help_ticket": "t.email = c.email OR t.other_email = c.email",
}
_LINES = (
    "'purchase_line', (SELECT json_agg(l) FROM purchase p JOIN purchase_line l"
    " ON l.purchase_id = p.id WHERE p.client_id = c.id)"
)
_HELD = [
    f"'{name}', (SELECT json_agg(t) FROM {name} t WHERE {way})"  # noqa: S608
    for name, way in _OF.items()
]
PACKAGE = (
    f"SELECT json_build_object('client', row_to_json(c), {', '.join(_HELD)}, {_LINES})"  # noqa: S608
    " FROM client c"
)
"""Everything held of a customer as one JSON text: eight tables."""


def package_one(connection: Connection, address: str, path: Path) -> int:
    """One package: a prepared query and a file."""
    row = connection.execute(PACKAGE + " WHERE c.email = %s", [address], prepare=True).fetchone()
    assert row
    path.write_text(str(row[0]))
    return 1


def package_set(connection: Connection, addresses: Sequence[str], path: Path) -> int:
    """Packages of a list, streamed into one file by one statement."""
    wanted = sql.SQL("COPY ({} WHERE c.email = ANY({})) TO STDOUT").format(
        sql.SQL(PACKAGE),
        sql.Literal(list(addresses)),
    )
    with connection.cursor() as cursor, cursor.copy(wanted) as stream, path.open("wb") as file:
        for piece in stream:
            file.write(piece)
    return len(addresses)
