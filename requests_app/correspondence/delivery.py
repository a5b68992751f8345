"""Hand letters to the mail server, and know what it said.

The standard library's client raises the same error whether a message was cut before its end or
taken and not answered. This routine knows whether the final dot was sent (PR-19).
"""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from enum import Enum
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.db import transaction

from ccpa_office import ledger, sealing, work
from ccpa_office.roles import Actor
from requests_app.models import Delivery, Message

POSTMAN = Actor.system("mail")
TIMEOUT = 20
ATTEMPTS = 24
"""A mail server may be away for days: with growing pauses this is about five (PR-19)."""


class Answer(Enum):
    """What is known after one attempt."""

    TAKEN = "taken"
    LATER = "later"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Server:
    """A mail server from a URL: ``smtp://``, ``smtp+tls://`` (STARTTLS) or ``smtp+ssl://``."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    cafile: str | None

    @classmethod
    def of(cls, url: str) -> "Server":
        parts = urlsplit(url)
        default = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}[parts.scheme]
        return cls(
            parts.scheme,
            parts.hostname or "",
            parts.port or default,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            next(iter(parse_qs(parts.query).get("cafile", [])), None),
        )


@contextmanager
def connection(server: Server) -> Iterator[smtplib.SMTP]:
    """One connection for many letters. TLS never falls back to plain."""
    tls = ssl.create_default_context(cafile=server.cafile)
    client: smtplib.SMTP
    if server.scheme == "smtp+ssl":
        client = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=tls)
    else:
        client = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
    try:
        if server.scheme == "smtp+tls":
            client.starttls(context=tls)
        if server.user:
            client.login(server.user, server.password)
        yield client
    finally:
        client.close()


def hand_over(client: smtplib.SMTP, recipient: str, content: bytes) -> Answer:
    """One message to one recipient. Anything before the final dot is safe to repeat."""
    steps: tuple[Callable[[], tuple[int, bytes]], ...] = (
        lambda: client.mail(settings.MAIL_FROM),
        lambda: client.rcpt(recipient),
        lambda: client.docmd("data"),
    )
    try:
        client.ehlo_or_helo_if_needed()
        for step in steps:
            code, _text = step()
            if code >= 400:
                client.rset()
                return Answer.REFUSED if code >= 500 else Answer.LATER
    except (OSError, smtplib.SMTPException):
        return Answer.LATER
    return _finish(client, _dotted(content))


def _dotted(content: bytes) -> bytes:
    """Lines end with CRLF, and a line that begins with a dot gets another (RFC 5321, 4.5.2)."""
    lines = content.replace(b"\r\n", b"\n").split(b"\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)


def _finish(client: smtplib.SMTP, body: bytes) -> Answer:
    try:
        client.send(body if body.endswith(b"\r\n") else body + b"\r\n")
    except (OSError, smtplib.SMTPException):
        return Answer.LATER
    try:
        client.send(b".\r\n")
        code, _text = client.getreply()
    except (OSError, smtplib.SMTPException):
        return Answer.UNKNOWN
    if code >= 500:
        return Answer.REFUSED
    return Answer.LATER if code >= 400 else Answer.TAKEN


def compose(message: Message) -> tuple[str, bytes]:
    """The recipient and the message as bytes, 7 bit, the same at every attempt."""
    box = sealing.Box(message.data_key)
    recipient = box.open(bytes(message.recipient), context="message.recipient")
    mail = EmailMessage(policy=SMTP_POLICY.clone(cte_type="7bit"))
    mail["Message-ID"] = message.message_id
    mail["Date"] = format_datetime(message.first_tried_at or message.queued_at)
    mail["From"] = Address(settings.BUSINESS_NAME, addr_spec=settings.MAIL_FROM)
    mail["To"] = Address(addr_spec=recipient)
    mail["Subject"] = message.subject
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = message.language
    mail.set_content(box.open(bytes(message.text), context="message.text"), cte="base64")
    mail.add_alternative(
        box.open(bytes(message.html), context="message.html"), subtype="html", cte="base64"
    )
    return recipient, mail.as_bytes()


def deliver(messages: list[Message], *, at: datetime) -> None:
    """Send claimed letters over one connection; each is marked before and after."""
    try:
        with connection(Server.of(settings.EMAIL_URL)) as client:
            for message in messages:
                _deliver_one(client, message, at)
    except (OSError, smtplib.SMTPException):
        for message in messages:
            if message.delivery == Delivery.WAITING:
                work.hand_back(message, error_code="mail-server-away", max_attempts=ATTEMPTS)


def _deliver_one(client: smtplib.SMTP, message: Message, at: datetime) -> None:
    if message.delivery == Delivery.SENDING and not _may_repeat(message, at):
        return
    message.first_tried_at = message.first_tried_at or at
    message.delivery = Delivery.SENDING
    if not Message.objects.filter(pk=message.pk, fence=message.fence, state="running").update(
        delivery=Delivery.SENDING, first_tried_at=message.first_tried_at, repeats=message.repeats
    ):
        return
    work.seam("mail.before-effect")
    answer = hand_over(client, *compose(message))
    work.seam("mail.after-effect")
    _record(message, answer, at)


def _may_repeat(message: Message, at: datetime) -> bool:
    """A letter whose fate is unknown goes once more, with the same Message-ID; then to a person."""
    with transaction.atomic():
        if message.repeats:
            Message.objects.filter(pk=message.pk).update(delivery=Delivery.UNKNOWN)
            work.park(message, error_code="fate-unknown")
        ledger.record(
            "letter.unknown",
            subject=_subject(message),
            by=POSTMAN,
            at=at,
            facts={"letter": message.letter, "message": message.pk, "repeats": message.repeats},
        )
    message.repeats += 1
    return message.repeats == 1


def _record(message: Message, answer: Answer, at: datetime) -> None:
    facts = {"letter": message.letter, "message": message.pk, "audience": message.audience}
    if answer is Answer.UNKNOWN:
        work.hand_back(message, error_code="fate-unknown", max_attempts=ATTEMPTS)
        return
    if answer is Answer.LATER:
        Message.objects.filter(pk=message.pk, fence=message.fence).update(delivery=Delivery.WAITING)
        work.hand_back(message, error_code="try-later", max_attempts=ATTEMPTS)
        return
    with transaction.atomic():
        if answer is Answer.TAKEN:
            work.finish(message, delivery=Delivery.HANDED, handed_at=at)
            if message.audience == "provider":
                work.notify("prove")
            ledger.record(
                "letter.handed", subject=_subject(message), by=POSTMAN, at=at, facts=facts
            )
        else:
            Message.objects.filter(pk=message.pk, fence=message.fence).update(
                delivery=Delivery.REFUSED
            )
            work.park(message, error_code="refused")
            ledger.record(
                "letter.refused", subject=_subject(message), by=POSTMAN, at=at, facts=facts
            )
        work.seam("mail.before-commit")
    work.seam("mail.after-commit")


def _subject(message: Message) -> str:
    return message.consumer_request.number if message.consumer_request else "office"
