"""An office with something in every drawer, in a database of its own, for the hostile tests.

It is built once for a run, only by public verbs, and kept as a template; every module plays on a
copy of it, so that no item of one module stands in the way of another, nor of the rest of the
suite.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from django.db import connection
from django.test import Client

from ccpa_office import clock, clock_guard
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor, Role
from notices_app import loading, publishing
from notices_app.management.commands.load_notices import SEED
from notices_app.models import DataMapVersion, Notice, NoticeVersion
from requests_app import casework
from requests_app.models import ConsumerRequest, Link, LinkPurpose, Message
from tests import builders
from tests.builders import HANA, KOFI, MARISOL, ORLA, Mailbox, Team
from tests.copies import copy_database
from tests.requests.desks import at_desk

SPARE = 12
"""Requests that wait for an answer, for items that give one."""


@dataclass
class Stage:
    """What stands where: numbers, keys, tokens and staff, for the items to aim at."""

    team: Team
    nobody: Actor
    everybody: Actor
    numbers: dict[str, str] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    spare: list[str] = field(default_factory=list)
    mail_url: str = ""

    def desk(self, actor: Actor) -> "Client":
        """A browser at the desk of ``actor`` that shows a page where others would show a trace."""
        client = at_desk(actor)
        client.raise_request_exception = False
        return client


def stranger() -> Client:
    """A browser without a session."""
    return Client(raise_request_exception=False)


def opened(*numbers: str) -> Client:
    """A browser that has followed the mailed links of these requests."""
    client = stranger()
    moment = int(clock.now().timestamp())
    session = client.session
    session["cases"] = {number: [moment, moment] for number in numbers}
    session.save()
    return client


def _learners(target: str) -> list[str]:
    """Addresses of learners who are alone at theirs and have no part of their own."""
    query = (
        "SELECT min(email) FROM accounts WHERE lower(email) <> ALL(%s)"
        " GROUP BY lower(email) HAVING count(*) = 1 ORDER BY 1 LIMIT %s"
    )
    with psycopg.connect(target) as found:
        return [email for (email,) in found.execute(query, [[*builders.NAMES, MARISOL], SPARE])]


def _team() -> Team:
    clock_guard.witness(clock.now())
    return Team()


def _people(stage: Stage, mailbox: Mailbox, learners: list[str]) -> None:
    """A deletion in every state that a button leads from."""
    team, at = stage.team, clock.now()
    requests = {
        "waiting": builders.ask(HANA),
        "opt-out": builders.ask("visitor@example.org", kind=RequestKind.OPT_OUT),
        "know": builders.ask("reader@example.org", kind=RequestKind.KNOW_SPECIFIC),
        "correct": builders.ask("writer@example.org", kind=RequestKind.CORRECT),
    }
    for learner in learners:
        builders.ask(learner)
    builders.drain()
    _links(stage, mailbox, learners)
    requests["planned"] = builders.verified(mailbox, team, ORLA)
    requests["approved"] = builders.approved(mailbox, team, KOFI)
    requests["checking"] = _checking(mailbox)
    requests["withdrawn"] = builders.ask("away@example.org")
    casework.withdraw(requests["withdrawn"], by=Actor.consumer(), at=at)
    requests["stopped"] = builders.ask("stopped@example.org")
    casework.stop(requests["stopped"], at=at)
    builders.drain()
    stage.numbers = {name: each.number for name, each in requests.items()}
    for name in ("planned", "approved"):
        plan = builders.plan_of(requests[name])
        stage.keys[name], stage.hashes[name] = plan.pk, plan.hash


def _checking(mailbox: Mailbox) -> ConsumerRequest:
    asked = builders.ask(MARISOL)
    builders.drain()
    builders.confirm(mailbox, MARISOL, postal_code="94607")
    builders.drain()
    return asked


def _package_token(stage: Stage) -> str:
    """A link to an answer, of the request that waits: it opens a page, and no package."""
    token = secrets.token_urlsafe(32)
    link = Link.objects.get(digest=_sha(stage.tokens["confirm"]))
    link.pk, link.purpose, link.digest = None, LinkPurpose.PACKAGE, _sha(token)
    link.save()
    return token


def _links(stage: Stage, mailbox: Mailbox, learners: list[str]) -> None:
    """A living token of each purpose for the request that waits, and one that is spent."""
    for message in mailbox.to(HANA):
        for token in builders.tokens(builders.text_of(message)):
            link = Link.objects.get(digest=_sha(token))
            stage.tokens.setdefault(link.purpose, token)
    stage.spare = [builders.tokens(mailbox.last(learner))[0] for learner in learners]
    used = builders.tokens(builders.text_of(mailbox.to("reader@example.org")[0]))[0]
    Link.objects.filter(digest=_sha(used)).update(used_at=clock.now())
    old = builders.tokens(builders.text_of(mailbox.to("writer@example.org")[0]))[0]
    Link.objects.filter(digest=_sha(old)).update(expires_at=clock.now())
    stage.tokens |= {"used": used, "expired": old, LinkPurpose.PACKAGE: _package_token(stage)}
    assert set(LinkPurpose.values) <= set(stage.tokens)
    assert len(stage.spare) == SPARE


def _sha(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _notices(stage: Stage) -> None:
    people = loading.People(editor=stage.team.editor, reviewer=stage.team.counsel)
    loading.load(SEED, people=people, on=clock.today(), at=clock.now())
    draft = publishing.draft(
        Notice.objects.get(slug="main"),
        effective_on=clock.today(),
        by=stage.team.editor,
        at=clock.now(),
    )
    stage.keys["draft"] = draft.pk
    stage.keys["published"] = NoticeVersion.objects.exclude(pk=draft.pk).order_by("pk")[0].pk


def build(mailbox: Mailbox, learners: str) -> Stage:
    """Fill the present database."""
    stage = Stage(_team(), builders.actor(name="nobody"), builders.actor(*Role, name="everybody"))
    builders.serve(stage.team, learners)
    _people(stage, mailbox, _learners(learners))
    _notices(stage)
    stage.keys["letter"] = Message.objects.order_by("pk")[0].pk
    stage.keys["map"] = DataMapVersion.objects.order_by("pk")[0].pk
    stage.keys["member"] = int(stage.team.clerk.id or 0)
    return stage


@contextmanager
def copied(source: str) -> Iterator[str]:
    """A copy of a database, under the connection of the office, until the block ends."""
    name = f"hostile_{secrets.token_hex(6)}"
    usual = str(connection.settings_dict["NAME"])
    connection.close()
    copy_database(name, source)
    connection.settings_dict["NAME"] = name
    try:
        yield name
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual
        builders.administer("DROP DATABASE {} WITH (FORCE)", name)
