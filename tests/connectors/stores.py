"""Real databases for the connector's tests: the demo's learners and two schemas unlike it."""

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.conf import settings
from psycopg import sql

from ccpa_office.connectors.base import Deed, Identity, Key, Located, Look, Program, Rows
from ccpa_office.connectors.postgresql import PostgreSQL
from notices_app.datamap import compile_map
from notices_app.management.commands.learner_database import fill
from tests import engines
from tests.copies import copy_database

SECRET = b"a secret of the tests, 32 bytes!!"
PEOPLE = 60

CLUB = """
CREATE SCHEMA club;
CREATE TABLE club.locker (id integer PRIMARY KEY, place text);
CREATE TABLE club.member (ref uuid PRIMARY KEY, mail text NOT NULL, "full" text,
    locker_id integer REFERENCES club.locker (id));
CREATE TABLE club.card (no text PRIMARY KEY, member_ref uuid NOT NULL REFERENCES club.member (ref));
CREATE TABLE club.visit (card_no text REFERENCES club.card (no), day date, seat text,
    PRIMARY KEY (card_no, day));
CREATE TABLE club."order" (id bigint PRIMARY KEY, card_no text REFERENCES club.card (no),
    "select" text, note text, nick varchar(60), priced integer DEFAULT 5);
CREATE INDEX ON club.member (mail); CREATE INDEX ON club.member (locker_id);
CREATE INDEX ON club.card (member_ref); CREATE INDEX ON club."order" (card_no);
INSERT INTO club.locker SELECT g, 'hall ' || g FROM generate_series(1, 20) g;
INSERT INTO club.member SELECT md5('member' || g)::uuid, 'member' || g || '@example.org',
    'Ada Number' || g, CASE WHEN g = 2 THEN 1 ELSE g END FROM generate_series(1, 20) g;
INSERT INTO club.card SELECT 'C-' || g || '-' || j, md5('member' || g)::uuid
    FROM generate_series(1, 20) g, generate_series(1, 2) j;
INSERT INTO club.visit SELECT no, date '2026-01-01' + j, 'seat ' || j
    FROM club.card, generate_series(1, 3) j;
INSERT INTO club."order" SELECT row_number() OVER (ORDER BY no, j), no, 'tea for ' || m."full",
    'bring it to ' || m."full" || ' (' || upper(m.mail) || '), not to Ada Number', m."full"
    FROM club.card JOIN club.member m ON m.ref = member_ref, generate_series(1, 2) j;
"""
CLUB_MAP = """
dataset:
  - fides_key: club
    ccpa_meta: {person: member, category: PI_A, source: consumer}
    collections:
      - name: locker
        ccpa_meta: {on_delete: delete}
        fields: [{name: id, fides_meta: {primary_key: true}}, {name: place}]
      - name: member
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: ref, fides_meta: {primary_key: true, data_type: string}}
          - {name: mail, fides_meta: {identity: email}, ccpa_meta: {contact: {kind: email}}}
          - name: full
            ccpa_meta:
              mark: name
              verification: {point: name, group: name, normalise: name, label: {en: Name}}
          - name: locker_id
            fides_meta: {references: [{dataset: club, field: locker.id, direction: to}]}
      - name: card
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: "no", fides_meta: {primary_key: true}}
          - name: member_ref
            fides_meta: {references: [{dataset: club, field: member.ref, direction: from}]}
      - name: visit
        ccpa_meta: {on_delete: delete}
        fields:
          - name: card_no
            fides_meta:
              primary_key: true
              references: [{dataset: club, field: card.no, direction: from}]
          - {name: day, fides_meta: {primary_key: true}}
          - {name: seat}
      - name: order
        ccpa_meta: {on_delete: mask}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: card_no
            fides_meta: {references: [{dataset: club, field: card.no, direction: from}]}
            ccpa_meta: {on_delete: null}
          - {name: select, ccpa_meta: {on_delete: {constant: "100% gone"}}}
          - {name: note, ccpa_meta: {on_delete: strip_text, search_text: true}}
          - {name: nick, ccpa_meta: {on_delete: pseudonym}}
          - {name: priced, ccpa_meta: {on_delete: keep}}
"""
SHIP = """
CREATE SCHEMA ship;
CREATE TABLE ship.sailor (port text, nr integer, token text NOT NULL UNIQUE, mail text NOT NULL,
    PRIMARY KEY (port, nr));
CREATE TABLE ship.chest (id uuid PRIMARY KEY, token text NOT NULL REFERENCES ship.sailor (token),
    held boolean NOT NULL DEFAULT false);
CREATE TABLE ship.coin (id smallint PRIMARY KEY, chest_id uuid NOT NULL REFERENCES ship.chest (id));
CREATE INDEX ON ship.sailor (lower(mail)); CREATE INDEX ON ship.chest (token);
CREATE INDEX ON ship.coin (chest_id);
INSERT INTO ship.sailor SELECT (ARRAY['Oslo', 'Lima'])[1 + g % 2], g / 2, 'T' || g,
    'Sailor' || g || '@Example.org' FROM generate_series(1, 20) g;
INSERT INTO ship.chest SELECT md5(token)::uuid, token FROM ship.sailor;
INSERT INTO ship.coin SELECT row_number() OVER (ORDER BY id, j), id
    FROM ship.chest, generate_series(1, 3) j;
"""
SHIP_MAP = """
dataset:
  - fides_key: ship
    ccpa_meta: {person: sailor, category: PI_D, source: consumer}
    collections:
      - name: coin
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: chest_id
            fides_meta: {references: [{dataset: ship, field: chest.id, direction: from}]}
      - name: chest
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: token
            fides_meta: {references: [{dataset: ship, field: sailor.token, direction: from}]}
          - {name: held, ccpa_meta: {category: none}}
      - name: sailor
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: port, fides_meta: {primary_key: true}}
          - {name: nr, fides_meta: {primary_key: true}}
          - {name: token, ccpa_meta: {category: none}}
          - {name: mail, fides_meta: {identity: email}, ccpa_meta: {compare: casefold}}
"""


@dataclass(frozen=True)
class Kind:
    """A schema: how to fill it, its map, two people of it and how many rows the first has."""

    name: str
    schema: str
    map: str
    one: Key
    other: Key
    email: str
    counts: dict[str, int]
    people: int


def _member(number: int) -> str:
    return str(uuid.UUID(_md5(f"member{number}")))


def _md5(text: str) -> str:

    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


LEARNERS = Kind(
    "learners", "public", (Path(settings.BASE_DIR) / "demo" / "learners.yml").read_text(),
    1, 4, "HANA.Morikawa@example.org",
    {"profiles": 1, "progress": 3, "grades": 6, "certificates": 2, "refunds": 1, "invoices": 2,
     "forum_posts": 2, "support_tickets": 1, "activity_log": 10, "newsletter": 1, "enrolments": 3,
     "payments": 2, "orders": 2, "accounts": 1, "addresses": 1}, PEOPLE,
)  # fmt: skip
CLUB_KIND = Kind(
    "club", "club", CLUB_MAP, _member(5), _member(6), "member5@example.org",
    {"visit": 6, "order": 4, "card": 2, "member": 1, "locker": 1}, 20,
)  # fmt: skip
SHIP_KIND = Kind(
    "ship", "ship", SHIP_MAP, ("Lima", 3), ("Oslo", 3), "sailor7@example.org",
    {"coin": 3, "chest": 1, "sailor": 1}, 20,
)  # fmt: skip
KINDS = {kind.name: kind for kind in (LEARNERS, CLUB_KIND, SHIP_KIND)}


def _url(name: str) -> str:
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))


def _admin(statement: str, *names: str) -> None:
    with psycopg.connect(_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@cache
def _template(kind: str) -> str:
    engines.start()
    name = f"tpl_{kind}_{uuid.uuid4().hex[:12]}"
    _admin("CREATE DATABASE {}", name)
    if kind == "learners":
        fill(_url(name), people=PEOPLE, seed=1)
    else:
        with psycopg.connect(_url(name)) as connection:
            connection.execute({"club": CLUB, "ship": SHIP}[kind])
    return name


def drop_templates() -> None:
    """Remove what the session made."""
    for kind in KINDS:
        if _template.cache_info().currsize:
            _admin("DROP DATABASE IF EXISTS {} WITH (FORCE)", _template(kind))


@dataclass
class Store:
    """A fresh copy of a database, its program and an open connector."""

    kind: Kind
    url: str
    program: Program
    connector: PostgreSQL

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def rows(self) -> dict[str, list[str]]:
        """Every row of every table of the schema, as text, sorted."""
        found = {}
        with psycopg.connect(self.url, autocommit=True) as connection:
            names = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = %s", [self.kind.schema]
            ).fetchall()
            for (name,) in sorted(names):
                table = sql.Identifier(self.kind.schema, name)
                query = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(table)
                found[name] = [row for (row,) in connection.execute(query)]
        return found

    def reconnect(self, program: Program) -> PostgreSQL:
        return PostgreSQL(self.url, program)


@contextmanager
def store(kind: Kind) -> Iterator[Store]:
    """Yield a fresh copy of a database of that kind."""
    name = f"copy_{uuid.uuid4().hex[:16]}"
    copy_database(name, _template(kind.name))
    program = compile_map(kind.map, system=kind.name, schema=kind.schema)
    connector = PostgreSQL(_url(name), program)
    try:
        yield Store(kind, _url(name), program, connector)
    finally:
        connector.close()
        _admin("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def everybody(store: Store) -> list[Key]:
    """The keys of all people of a store."""
    person = store.connector._binding.person
    query = sql.SQL("SELECT {} FROM {} ORDER BY 1").format(
        sql.SQL(", ").join(map(sql.Identifier, person.key)),
        sql.Identifier(store.kind.schema, person.name),
    )
    rows = store.execute(query.as_string())
    return [tuple(row) if len(row) > 1 else _plain(row[0]) for row in rows]


def _plain(value: object) -> Key:
    return value if isinstance(value, int) else str(value)


# --- a whole erasure, as the office does it --------------------------------------------------


@dataclass
class Erasure:
    """What was located and done to some people, for the second look."""

    people: list[Key]
    identities: list[Identity]
    located: list[Located]
    applied: dict[str, tuple[int, int, list[Key]]]


def split(store: Store, located: Located) -> dict[str, Rows]:
    """Cut located rows by what happens to them: shared ones are stripped where that is possible."""
    table = store.program.table(located.table)
    cut: dict[str, tuple[list[Key], list[int]]] = {}
    for key, person, shared, kept in zip(
        located.keys, located.persons, located.shared, located.kept, strict=True
    ):
        action = "keep" if kept else table.action
        if shared and not kept:
            action = "strip" if table.strips else "keep"
        keys, persons = cut.setdefault(action, ([], []))
        keys.append(key)
        persons.append(person)
    return {action: Rows(*rows) for action, rows in cut.items()}


def erase(
    store: Store, people: list[Key], *, on: date, located: list[Located] | None = None
) -> Erasure:
    """Locate and change everything of some people in one transaction."""
    connector = store.connector
    identities = connector.marks(people)
    found = connector.locate(people, on=on) if located is None else located
    applied = {}
    with connector.transaction():
        for each in found:
            for action, rows in split(store, each).items():
                if action == "keep":
                    continue
                deed = Deed("mask" if action == "strip" else action, SECRET, identities)
                done = connector.apply(each.table, rows, people, deed)
                applied[f"{each.table} {action}"] = (done.done, done.gone, done.foreign)
    return Erasure(people, identities, found, applied)


def look(store: Store, erasure: Erasure) -> dict[str, tuple[int, int, int]]:
    """Look again at every table of an erasure."""
    found = {}
    for each in erasure.located:
        cut = split(store, each)
        kept = list(cut.get("keep", Rows([], [])).keys)
        stripped = list(cut.get("strip", Rows([], [])).keys)
        action = store.program.table(each.table).action
        again = store.connector.recount(
            each.table,
            each.rows,
            Look(erasure.people, erasure.identities, action, kept, stripped, secrets=[SECRET]),
        )
        found[each.table] = (again.by_key, again.by_identifier, again.in_text)
    return found


class Undone(Exception):
    """Ends a transaction that was only a trial."""


@contextmanager
def undone(connector: PostgreSQL) -> Iterator[None]:
    """A transaction that is always rolled back."""
    with suppress(Undone), connector.transaction():
        yield
        raise Undone


def count_statements(connector: PostgreSQL, monkeypatch: Any) -> list[str]:
    """Return a list that grows with every statement of the connector."""
    seen: list[str] = []
    run = type(connector)._send

    def counted(self: PostgreSQL, query: str, values: Any) -> Any:
        seen.append(query)
        return run(self, query, values)

    monkeypatch.setattr(type(connector), "_send", counted)
    return seen
