"""Steps that several tests take: people of the learner database, whole ways, what is left."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from ccpa_office import clock, work
from ccpa_office.models import LedgerLine
from ccpa_office.roles import Actor
from requests_app import casework, tasks, verification
from requests_app.fulfillment import batches
from requests_app.models import Batch, Chunk, ConsumerRequest, Plan
from tests import builders
from tests.builders import POINTS, Mailbox, Team, ask, confirm, fresh, plan_of
from tests.copies import copy_of

TEODORO = "teodoro.quintana@example.org"
SHARED_TICKET = 10
"""The learner whose ticket was written by the other member of the household."""

Row = tuple[Any, ...]


def query(target: str, statement: str, *values: Any) -> list[Row]:
    """Rows of the business's database."""
    with psycopg.connect(target, autocommit=True) as there:
        found = there.execute(statement, values)
        return found.fetchall() if found.description else []


def days_after(moment: datetime, days: int) -> datetime:
    """The same hour in California so many days later, whatever daylight saving does between."""
    return (moment.astimezone(clock.OFFICE_ZONE) + timedelta(days=days)).astimezone(UTC)


def learner(target: str, number: int) -> dict[str, str]:
    """Address, telephone and postal code of one learner."""
    found = query(
        target,
        "SELECT a.email, a.phone, d.postal_code FROM accounts a"
        " LEFT JOIN addresses d ON d.id = a.address_id WHERE a.id = %s",
        number,
    )
    email, phone, postal = found[0]
    return {"email": email, "phone": phone, "postal_code": postal}


def checked(mailbox: Mailbox, email: str, **claims: str) -> ConsumerRequest:
    """A deletion whose data points were compared and that waits for a verifier."""
    consumer_request = ask(email)
    tasks.drain_verify()
    tasks.drain_mail()
    confirm(mailbox, email, **(claims or POINTS[email]))
    tasks.drain_verify()
    return fresh(consumer_request)


def decided(mailbox: Mailbox, team: Team, email: str, **claims: str) -> ConsumerRequest:
    """A deletion that a verifier has decided on, with its plan built."""
    consumer_request = checked(mailbox, email, **claims)
    verification.decide(consumer_request, by=team.verifier, reason="agrees", at=clock.now())
    tasks.drain_plan()
    return fresh(consumer_request)


def approve(consumer_request: ConsumerRequest, by: Actor) -> Plan:
    """Say yes to the newest plan."""
    plan = plan_of(consumer_request)
    return casework.approve(plan, hash=plan.hash, by=by, at=clock.now())


def opened(*, limit: int = batches.CHUNK) -> Batch:
    """The batch of what is due; something is."""
    batch = batches.open_due(at=clock.now(), limit=limit)
    assert batch is not None
    return batch


def gathered() -> Chunk:
    """The chunk of what is due, claimed by a worker."""
    assert batches.open_due(at=clock.now())
    return claimed()


def claimed(lane: str = "erase") -> Chunk:
    """The next due chunk of a lane, claimed by a worker."""
    (chunk,) = work.claim(Chunk, lane=lane, n=1, owner="a test")
    return chunk


def lines(subject: str) -> list[str]:
    """The verbs of a subject's lines, in order."""
    found = LedgerLine.objects.filter(subject=subject).order_by("seq")
    return list(found.values_list("verb", flat=True))


def folded(consumer_request: ConsumerRequest) -> str:
    """Where the request stands by the book alone."""
    statuses = {value for value, _label in ConsumerRequest._meta.get_field("status").choices or ()}
    told = [line.removeprefix("request.") for line in lines(consumer_request.number)]
    return [verb for verb in told if verb in statuses][-1]


# --- what is refused ----------------------------------------------------------------------------


@contextmanager
def refused_by_the_database() -> Iterator[None]:
    """The statement inside is refused by a constraint or a trigger, and only it is undone."""
    with pytest.raises(DatabaseError), transaction.atomic():
        yield


def by_sql(statement: str, *values: Any) -> None:
    """One statement around every verb."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@contextmanager
def without_triggers() -> Iterator[None]:
    """The database's own guards are away."""
    by_sql("SET session_replication_role = replica")
    try:
        yield
    finally:
        by_sql("SET session_replication_role = origin")


class Killed(BaseException):
    """A worker dies here: nothing catches it."""


@contextmanager
def killed_at(monkeypatch: Any, seam: str, *, after: int = 0) -> Iterator[list[str]]:
    """Let the worker die when it passes ``seam`` for the time ``after`` + 1."""
    passed: list[str] = []

    def die(name: str) -> None:
        passed.append(name)
        if name == seam and passed.count(name) > after:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(work, "seam", die)
        yield passed


def lease_ends() -> None:
    """What a dead worker held is free again."""
    for name in ("chunk", "step", "message", "look", "sweep"):
        by_sql(
            f"UPDATE requests_app_{name} SET lease_until = clock_timestamp() - interval '1 s'"  # noqa: S608
            " WHERE state = 'running'"
        )


# --- what is left -------------------------------------------------------------------------------

NOT_COMPARED = {
    "id", "attempts", "fence", "owner", "lease_until", "not_before", "digest", "data_key",
    "message_id", "nonce", "number", "subject", "recipient", "text", "html", "value", "keys",
    "persons", "subjects", "prev", "hash", "seq", "body", "recipient_digest", "url",
    "map_digest", "wrapped", "typed_name", "ground_detail", "error_code", "root", "actor",
}  # fmt: skip
"""Random, sealed, timed or owned: two equal ways differ in them."""


def office_digest() -> dict[str, str]:
    """Each table of the second floor as a digest, without what two equal ways differ in."""
    found = {}
    for model in apps.get_app_config("requests_app").get_models():
        names = [
            field.name
            for field in model._meta.concrete_fields
            if field.name not in NOT_COMPARED
            and field.get_internal_type() not in {"DateTimeField", "DateField", "BinaryField"}
            and not field.is_relation
            and not field.name.endswith("_id")
        ]
        held = [tuple(row[name] for name in names) for row in model._default_manager.values()]
        rows = sorted(map(repr, held))
        found[model.__name__] = f"{len(rows)}:" + _short("\n".join(rows))
    said = sorted(LedgerLine.objects.values_list("verb", flat=True))
    found["LedgerLine"] = f"{len(said)}:" + _short("\n".join(said))
    return found


def store_digest(target: str) -> dict[str, str]:
    """Each table of the business's database as a digest of its rows."""
    names = query(target, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    with psycopg.connect(target, autocommit=True) as there:
        found = {}
        for (name,) in names:
            statement = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(name))
            rows = [row for (row,) in there.execute(statement)]
            found[name] = f"{len(rows)}:" + _short("\n".join(rows))
    return found


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def times(count: int, act: Callable[[], Any]) -> list[Any]:
    """Do it so many times and keep the answers; a refusal counts as its class."""
    answers = []
    for _each in range(count):
        try:
            answers.append(act())
        except Exception as refusal:  # noqa: BLE001  the classes are compared by the test
            answers.append(type(refusal))
    return answers


def served_too(team: Team, template: str, document: str, key: str) -> Iterator[str]:
    """A further database that the office serves, dropped at the end."""
    copies = copy_of(template)
    target = next(copies)
    builders.serve(team, target, key=key, document=document)
    yield target
    next(copies, None)
