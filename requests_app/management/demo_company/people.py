"""Who works at the demo company, and who learns there."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, Self

import psycopg
from psycopg import conninfo, sql

from ccpa_office import staff
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, Role
from notices_app.management.commands.learner_database import fill

TOUR = 5
"""The first learners belong to the tour: no story of the demo touches them."""
BUSY = 12
"""A learner with more rows than one person alone may approve."""
BUSY_ROWS = 10_500


@dataclass(frozen=True)
class Staff:
    """One member of staff for each role, named like it."""

    clerk: Actor
    verifier: Actor
    officer: Actor
    approver: Actor
    counsel: Actor
    auditor: Actor
    editor: Actor
    chief: Actor

    @classmethod
    def found(cls, password: str, *, at: datetime) -> Self:
        """Everybody, made where missing; all have ``password`` afterwards."""
        return cls(**{role.value: _member(role, password, at) for role in Role})


def _member(role: Role, password: str, at: datetime) -> Actor:
    member = StaffMember.objects.filter(username=role.value).first()
    if member is None:
        return Actor.of(staff.found(role.value, password=password, roles=[role], at=at))
    actor = Actor.of(member)
    if not member.check_password(password):
        staff.set_password(member, password, by=actor, at=at)
    return actor


# --- learners -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Learner:
    """A learner, with what they would answer when asked who they are."""

    email: str
    name: str
    language: str
    postal_code: str
    phone: str
    order_number: str

    @property
    def points(self) -> dict[str, str]:
        """The answers that prove it."""
        return {
            "postal_code": self.postal_code,
            "phone": self.phone,
            "order_number": self.order_number,
        }


STRANGER = Learner("somebody.else@example.net", "Robin Vantongeren", "en", "90001", "", "")
"""Somebody of whom the company holds nothing."""

FILLED = "SELECT to_regclass('public.accounts') IS NOT NULL"
BUSY_LOG = """
INSERT INTO activity_log (id, account_id, seen_at, ip, path, detail)
SELECT last + j, {busy}, timestamptz '2026-06-01 12:00+00' - make_interval(mins => j),
       '198.51.100.12', '/lessons/' || j, '{{}}'
  FROM (SELECT max(id) AS last FROM activity_log) AS log, generate_series(1, {rows}) AS j
"""
LEARNERS = """
SELECT a.email, a.full_name, a.locale, d.postal_code, a.phone, min(o.number)
  FROM accounts a JOIN addresses d ON d.id = a.address_id JOIN orders o ON o.account_id = a.id
 WHERE a.id > {tour} AND a.email_changed_at < %(settled)s AND {which}
 GROUP BY a.id, d.id ORDER BY a.id LIMIT %(count)s
"""
ALONE = "a.id %% 20 NOT IN (9, 10) AND a.id <> {busy}"
NO_INVOICE_LEFT = (
    ALONE + " AND NOT EXISTS (SELECT FROM invoices i WHERE i.account_no = a.id"
    " AND (i.legal_hold OR i.issued_on > %(settled)s::date - interval '7 years'))"
)
HOUSEHOLD = "a.id %% 20 = 9"
ONE_BUSY = "a.id = {busy}"


def fill_if_empty(url: str, *, people: int) -> bool:
    """Make the learner database, if it is empty, with one very busy learner in it."""
    _make_if_missing(url)
    with psycopg.connect(url) as connection:
        if connection.execute(FILLED).fetchone() == (True,):
            return False
    fill(url, people=people, seed=1)
    with psycopg.connect(url) as connection:
        query = sql.SQL(BUSY_LOG)
        connection.execute(query.format(busy=sql.Literal(BUSY), rows=sql.Literal(BUSY_ROWS)))
    return True


def _make_if_missing(url: str) -> None:
    """On somebody's own server the learners' database is made beside the office's."""
    name = str(conninfo.conninfo_to_dict(url)["dbname"])
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError as refusal:
        if f'"{name}" does not exist' not in str(refusal):
            raise
        beside = conninfo.make_conninfo(url, dbname="postgres")
        with psycopg.connect(beside, autocommit=True) as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


@dataclass
class Learners:
    """The learner database, asked for people of a sort."""

    url: str
    settled: datetime
    """Their addresses have not changed since then."""

    def who(self, which: LiteralString, count: int) -> list[Learner]:
        """Up to ``count`` learners of a sort, in a fixed order."""
        sort = sql.SQL(which).format(busy=sql.Literal(BUSY))
        query = sql.SQL(LEARNERS).format(tour=sql.Literal(TOUR), which=sort)
        values = {"settled": self.settled, "count": count}
        with psycopg.connect(self.url) as connection:
            return [Learner(*row) for row in connection.execute(query, values)]
