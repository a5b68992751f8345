"""G8: a deletion list is matched, from its file to an answer for every item, beside SQL by hand.

By hand the file is copied into the store and joined, once with a column of hashes that somebody
keeps beside the addresses, and once with hashes made on the fly. It answers no item, keeps no list
and writes nobody down; the office writes nothing into the store.
"""

import secrets
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from bench import places, reference
from bench.measure import Line, largest_memory, play, stopwatch
from ccpa_office import clock, connectors
from requests_app import targets
from requests_app.channels.drop import loading, matching
from requests_app.models import DropList
from tests import builders

NAME = "20260801_0042_Email.csv"
PARTS = {
    "file to office": (loading, "load"), "looks": (matching, "_look"),
    "answers": (matching, "_settle"),
}  # fmt: skip
FRESH = "TRUNCATE requests_app_droplist CASCADE"
"""Nothing stands on a list but what is its own."""

FILL = """
INSERT INTO client SELECT g, 'client-' || g || '@example.com', 'Client ' || g, now(), g
  FROM generate_series(1, %s) g"""
STORED = """
CREATE TABLE client_hash AS SELECT id, sha256(convert_to(lower(btrim(email)), 'UTF8')) AS digest
  FROM client"""
LIST = "DROP TABLE IF EXISTS listed; CREATE UNLOGGED TABLE listed (item text, hash text)"
COPY = "COPY listed FROM STDIN (FORMAT csv, HEADER)"
JOIN = """
SELECT l.item, h.id FROM listed l JOIN client_hash h ON h.digest = decode(l.hash, 'base64')"""
ON_THE_FLY = """
SELECT l.item, c.id FROM listed l
  JOIN client c ON sha256(convert_to(lower(btrim(c.email)), 'UTF8')) = decode(l.hash, 'base64')"""


@contextmanager
def store(consumers: int) -> Iterator[str]:
    """The reference shop with so many clients, and the hashes of each; its URL."""
    name = f"drop_{secrets.token_hex(6)}"
    builders.administer("CREATE DATABASE {}", name)
    url = builders.url(name)
    try:
        reference.fill(url, 0)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(FILL, [consumers])
            connection.execute(STORED)
            connection.execute("VACUUM (ANALYZE)")
        yield url
    finally:
        connectors.close_all()
        builders.administer("DROP DATABASE {} WITH (FORCE)", name)


def written(folder: Path, items: int, consumers: int) -> Path:
    """A list of so many items: one in ten is a client, as they are spread over the table."""
    path = folder / NAME
    step = consumers * 10 // items
    with path.open("wb") as file:
        file.write(b"ID,Hash\n")
        for number in range(items):
            client = number // 10 * step + 1
            whom = reference.email(client) if number % 10 == 0 else f"nobody-{number}@example.net"
            file.write(b"%012d,%s\n" % (number, b64encode(sha256(whom.encode()).digest())))
    return path


class Way:
    """Both ways for one store and one list."""

    def __init__(self, url: str, path: Path, items: int) -> None:
        self.path, self.items = path, items
        self.connection: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)
        self.spent: list[dict[str, float]] = []

    def prepare(self, _number: int) -> None:
        """No list is known, and a worker's connection is open, as it is in an office at work."""
        with psycopg.connect(
            builders.url(settings.DATABASES["default"]["NAME"]), autocommit=True
        ) as connection:
            connection.execute(FRESH)
        targets.of("learners")
        self.connection.execute(LIST)
        places.settle()

    def office(self, _number: int) -> int:
        officer, at = places.office().officer, clock.now()
        with stopwatch(**PARTS) as parts, self.path.open("rb") as file:
            kept, _is_new = loading.load(file, name=NAME, by=officer, at=at)
            matching.match(kept, by=officer, at=at)
        self.spent.append(parts)
        found = DropList.objects.get(pk=kept.pk)
        assert (found.one, found.several, found.none) == (self.items // 10, 0, self.items * 9 // 10)
        return self.items

    def by_hand(self, join: str) -> int:
        with self.connection.cursor() as cursor:
            with cursor.copy(COPY) as stream, self.path.open("rb") as file:
                while piece := file.read(1 << 20):
                    stream.write(piece)
            cursor.execute("ANALYZE listed")
            assert len(cursor.execute(join.encode()).fetchall()) == self.items // 10
        return self.items

    def stored(self, _number: int) -> int:
        return self.by_hand(JOIN)

    def on_the_fly(self, _number: int) -> int:
        """As anybody would write it: the planner leaves it to one process."""
        return self.by_hand(ON_THE_FLY)


def lines(items: int, rounds: int) -> list[Line]:
    """G8: one list against ten times as many consumers, one item in ten is one of them."""
    consumers = 10 * items
    what = f"{items:,} hashes, {consumers:,} consumers, 10 % found, from file to every answer"
    stored = Line("G8", f"{what}; by hand: COPY, join with a stored column", "items/s", 1 / 3)
    fly = Line("G8", f"{what}; by hand: COPY, hashes on the fly", "items/s", 1 / 0.6)
    places.office()
    with tempfile.TemporaryDirectory() as folder, store(consumers) as url:
        reference.serve(url)
        way = Way(url, written(Path(folder), items, consumers), items)
        play(stored, rounds, before=way.prepare, office=way.office, reference=way.stored)
        play(fly, rounds, before=way.prepare, office=way.office, reference=way.on_the_fly)
        stored.facts["seconds of each part, medians"] = {
            name: sorted(each[name] for each in way.spent)[len(way.spent) // 2] for name in PARTS
        }
        stored.facts["largest memory of this process, MB"] = largest_memory()
        stored.facts["workers of the store"] = workers(url)
        way.connection.close()
    return [stored, fly]


def workers(url: str) -> str:
    """How many processes of the store help, as its planner has it after a match."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SHOW max_parallel_workers_per_gather").fetchone()
    return f"up to {row[0]} besides the session's own" if row else ""
