"""Makes things only through public verbs, so that no test stands on an impossible state."""

import itertools
import logging
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
from aiosmtpd.controller import Controller
from django.conf import settings
from psycopg import sql

from ccpa_office import clock, staff
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor, Role
from notices_app import datamap
from notices_app.management.commands.learner_database import fill
from requests_app import casework, intake, tasks, verification
from requests_app.intake import Asked
from requests_app.models import Channel, ConsumerRequest, Plan
from tests.ports import free_port

HANA = "hana.morikawa@example.org"
ORLA = "orla.dunmarrow@example.org"
KOFI = "kofi.hartsgrove@example.org"
MARISOL = "marisol.quintana@example.org"
NAMES = {HANA: "森川 花", ORLA: "Orla Dunmarrow", KOFI: "Kofi Hartsgrove"}
POINTS = {
    HANA: {"postal_code": "94110", "phone": "415 555 0142"},
    ORLA: {"postal_code": "95501", "phone": "+1 707 555-0163"},
    KOFI: {"postal_code": "95814", "phone": "(916) 555-0129"},
    MARISOL: {"postal_code": "94607", "phone": "510-555-0117"},
}
"""What these learners would answer; the demo's learner database gives them these data."""

_count = itertools.count(1)
MAP = Path(settings.BASE_DIR) / "demo" / "learners.yml"


# --- staff --------------------------------------------------------------------------------------


def actor(*roles: Role, name: str = "") -> Actor:
    """A member of staff with these roles, who may decide at once (the demo's way)."""
    was, settings.DEMO = settings.DEMO, True
    try:
        member = staff.found(
            name or f"person{next(_count)}", password=None, roles=roles, at=clock.now()
        )
    finally:
        settings.DEMO = was
    return Actor.of(member)


@dataclass
class Team:
    """One person for each role, and a second approver."""

    clerk: Actor = field(default_factory=lambda: actor(Role.CLERK))
    verifier: Actor = field(default_factory=lambda: actor(Role.VERIFIER))
    officer: Actor = field(default_factory=lambda: actor(Role.OFFICER))
    approver: Actor = field(default_factory=lambda: actor(Role.APPROVER))
    second: Actor = field(default_factory=lambda: actor(Role.APPROVER))
    counsel: Actor = field(default_factory=lambda: actor(Role.COUNSEL))
    editor: Actor = field(default_factory=lambda: actor(Role.EDITOR))
    chief: Actor = field(default_factory=lambda: actor(Role.CHIEF))


# --- the business's database --------------------------------------------------------------------


def server() -> dict[str, Any]:
    """Where the suite's PostgreSQL is, without a database name."""
    database = settings.DATABASES["default"]
    return {
        "host": database["HOST"] or None,
        "port": database["PORT"] or None,
        "user": database["USER"] or None,
        "password": database["PASSWORD"] or None,
    }


def address(name: str) -> str:
    """The URL of a database on the suite's PostgreSQL."""
    return psycopg.conninfo.make_conninfo(**server(), dbname=name)


def url(name: str) -> str:
    """The same as a URL, as the office stores it."""
    at = server()
    login = f"{at['user'] or ''}:{at['password'] or ''}@" if at["user"] else ""
    host = str(at["host"] or "")
    if host.startswith("/"):
        return f"postgresql://{login}/{name}?host={host}&port={at['port'] or 5432}"
    return f"postgresql://{login}{host}:{at['port'] or 5432}/{name}"


def name_of(database_url: str) -> str:
    """The name of the database that a URL leads to."""
    return database_url.partition("?")[0].rsplit("/", 1)[1]


def administer(statement: str, *names: str) -> None:
    """Run one statement on the server's own database."""
    with psycopg.connect(address("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def learner_template(people: int) -> str:
    """A database of learners to copy from; made once for a suite's run."""
    name = f"learners_template_{people}_{secrets.token_hex(4)}"
    administer("CREATE DATABASE {}", name)
    fill(url(name), people=people, seed=1)
    return name


def serve(team: Team, target: str, *, key: str = "learners", document: str = "") -> None:
    """Register a database, load its map, have a second person approve it."""
    at = clock.now()
    datamap.add_system(key, name=key, url=target, by=team.editor, at=at, served=True)
    version = datamap.load(
        document or MAP.read_text("utf-8"), system_key=key, by=team.editor, at=at
    )
    datamap.approve(version, digest=version.digest, by=team.chief, at=at)


# --- mail ---------------------------------------------------------------------------------------


logging.getLogger("mail.log").setLevel(logging.ERROR)
BUSY = 120.0
"""Seconds after which a mail server that was started is not there: the machine may be busy."""


class Mailbox:
    """A real SMTP server on loopback that keeps what it takes."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.port = free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=BUSY)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.original_content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 taken"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def to(self, recipient: str) -> list[EmailMessage]:
        return [each for each in self.messages if each["To"] == recipient]

    def last(self, recipient: str) -> str:
        """The text of the newest letter to somebody."""
        return text_of(self.to(recipient)[-1])


def text_of(message: EmailMessage) -> str:
    """The plain text of a letter."""
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def tokens(text: str) -> list[str]:
    """The tokens of the links in a letter, in order."""
    return re.findall(r"/requests/l/([^/\s]+)/", text)


# --- a request ----------------------------------------------------------------------------------


def ask(
    email: str = ORLA,
    *,
    kind: RequestKind = RequestKind.DELETE,
    at: datetime | None = None,
    language: str = "en",
    name: str = "",
    nonce: str = "",
) -> ConsumerRequest:
    """A request through the web's door."""
    identifiers = {"email": email, "name": name or NAMES.get(email, "Somebody")}
    if kind in {RequestKind.OPT_OUT, RequestKind.LIMIT}:
        identifiers.pop("name")
    return intake.open_request(
        Asked(kind, identifiers, Channel.WEB, language, nonce or secrets.token_hex(8)),
        by=Actor.consumer(),
        at=at or clock.now(),
    )


def drain() -> None:
    """Let the workers do what is due now, in every lane, until the follow-up work is done too."""
    for _round in range(3):
        tasks.drain_verify()
        tasks.drain_plan()
        tasks.drain_house()
        tasks.drain_erase()
        tasks.drain_mail()
        tasks.drain_prove()
        tasks.drain_mail()


def confirm(mailbox: Mailbox, email: str = ORLA, **claims: str) -> None:
    """Press the confirm link in the newest letter to a contact on file, with these answers."""
    confirm_token = tokens(mailbox.last(email))[0]
    link = verification.find_link(confirm_token, at=clock.now())
    verification.accept_evidence(link, claims or POINTS[email], at=clock.now())


def fresh(consumer_request: ConsumerRequest) -> ConsumerRequest:
    """The request as the database has it now."""
    return ConsumerRequest.objects.select_related("data_key").get(pk=consumer_request.pk)


def verified(mailbox: Mailbox, team: Team, email: str = ORLA) -> ConsumerRequest:
    """A deletion that a verifier has decided on, with its plan built."""
    consumer_request = ask(email)
    drain()
    confirm(mailbox, email)
    drain()
    verification.decide(
        fresh(consumer_request), by=team.verifier, reason="points match", at=clock.now()
    )
    drain()
    return fresh(consumer_request)


def plan_of(consumer_request: ConsumerRequest) -> Plan:
    """The newest plan of a request."""
    plan = consumer_request.plans.order_by("-pk").first()
    assert plan is not None
    return plan


def approved(mailbox: Mailbox, team: Team, email: str = ORLA) -> ConsumerRequest:
    """A deletion whose plan a second person has approved."""
    consumer_request = verified(mailbox, team, email)
    plan = plan_of(consumer_request)
    casework.approve(plan, hash=plan.hash, by=team.approver, at=clock.now())
    return fresh(consumer_request)
