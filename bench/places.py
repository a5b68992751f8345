"""The databases of a run: the office's own, and learners to copy from."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psycopg
from django.conf import settings
from django.core.management import call_command

from bench import ready
from ccpa_office import clock, clock_guard, connectors
from notices_app import datamap
from tests import builders
from tests.builders import Team

__all__ = ["ready"]

PLAIN = "a.id > 10 AND a.id % 20 NOT IN (9, 10)"
"""Learners who share no row with anybody, so that no decision stands between them and the work."""

ALIKE = PLAIN + (  # noqa: S608  # noqa: S608
    " AND a.id % 2 = 0 AND EXISTS (SELECT FROM newsletter n"
    " WHERE lower(n.email) = lower(a.email)) AND NOT EXISTS (SELECT FROM invoices i"
    " WHERE i.account_no = a.id AND (i.legal_hold OR i.issued_on < now() - interval '7 years'))"
)
"""Plain learners of whom the same tables hold something, with the same end."""


@cache
def office() -> Team:
    """The office's database with its staff, made once."""
    builders.administer("CREATE DATABASE {}", settings.DATABASES["default"]["NAME"])
    call_command("migrate", verbosity=0)
    clock_guard.witness(clock.now())
    return Team()


@cache
def template(people: int) -> str:
    """A learner database to copy from."""
    return builders.learner_template(people)


@contextmanager
def copy(people: int) -> Iterator[str]:
    """A fresh copy of a learner database; its URL."""
    name = f"copy_{secrets.token_hex(6)}"
    builders.administer("CREATE DATABASE {} TEMPLATE {}", name, template(people))
    yield builders.url(name)
    connectors.close_all()
    builders.administer("DROP DATABASE {} WITH (FORCE)", name)


def point_office_at(url: str, document: str = "") -> None:
    """Let the office serve this database under a map, the demo's if none is given."""
    team, document = office(), document or builders.MAP.read_text("utf-8")
    datamap.add_system(
        "learners", name="learners", url=url, by=team.editor, at=clock.now(), served=True
    )
    version = datamap.load(document, system_key="learners", by=team.editor, at=clock.now())
    datamap.approve(version, digest=version.digest, by=team.chief, at=clock.now())
    connectors.close_all()


def settle() -> None:
    """Write out what is dirty, so that no run pays for the one before."""
    builders.administer("CHECKPOINT")


def learners(url: str, condition: str = PLAIN) -> list[dict[str, str]]:
    """Learners in an order that is neither their own nor the tables'."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT a.email, a.full_name, a.phone, d.postal_code FROM accounts a"  # noqa: S608
            f" JOIN addresses d ON d.id = a.address_id WHERE {condition} ORDER BY md5(a.email)"
        ).fetchall()
    return [dict(zip(("email", "name", "phone", "postal_code"), row, strict=True)) for row in rows]
