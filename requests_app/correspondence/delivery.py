"""Hand letters to the mail server, and know what it said.

The standard library's client raises the same error whether a message was cut before its end or
taken and not answered. This routine knows whether the final dot was sent (PR-19).
"""

import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from enum import Enum
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from django.conf import settings
from django.db import transaction
from django.template import TemplateDoesNotExist, TemplateSyntaxError

from ccpa_office import ledger, sealing, work
from ccpa_office.roles import Actor
from requests_app.correspondence import writing
from requests_app.models import Delivery, Message

POSTMAN = Actor.system("mail")
TIMEOUT = 20
BUDGET = 15.0
"""Seconds of work on one claim: whoever is slow gives the rest back before the lease is over."""
ATTEMPTS = 24
"""A mail server may be away for days: with growing pauses this is about five (PR-19)."""

NOT_WRITTEN = (ValueError, TypeError, LookupError, TemplateDoesNotExist, TemplateSyntaxError)
"""What writing a letter can raise where its facts and its templates do not fit each other."""

logger = structlog.get_logger(__name__)


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
    client: smtplib.SMTP
    if server.scheme == "smtp+ssl":
        tls = ssl.create_default_context(cafile=server.cafile)
        client = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=tls)
    else:
        client = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
    try:
        if client.sock is not None:  # the final dot goes by itself and waits for no acknowledgment
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.scheme == "smtp+tls":
            client.starttls(context=ssl.create_default_context(cafile=server.cafile))
        if server.user:
            client.login(server.user, server.password)
        yield client
    finally:
        client.close()


def hand_over(client: smtplib.SMTP, recipient: str, content: bytes) -> Answer:
    """One message to one recipient. Anything before the final dot is safe to repeat.

    Only what is said of the recipient or of the message refuses it: a server that does not take
    the office as a sender is an outage of the office, and every letter waits.
    """
    steps: tuple[tuple[Callable[[], tuple[int, bytes]], Answer], ...] = (
        (lambda: client.mail(settings.MAIL_FROM), Answer.LATER),
        (lambda: client.rcpt(recipient), Answer.REFUSED),
        (lambda: client.docmd("data"), Answer.REFUSED),
    )
    try:
        client.ehlo_or_helo_if_needed()
        for step, refusal in steps:
            code, _text = step()
            if code >= 400:
                client.rset()
                return refusal if code >= 500 else Answer.LATER
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
    mail.set_content(box.open(bytes(message.text), context="message.text"), cte="base64")
    mail.add_alternative(
        box.open(bytes(message.html), context="message.html"), subtype="html", cte="base64"
    )
    mail["Content-Language"] = message.language  # now: an earlier one would go into a part
    return recipient, mail.as_bytes()


def deliver(messages: list[Message], *, at: datetime) -> None:
    """Send claimed letters over one connection; each is marked before and after.

    Whatever befalls one letter is its own affair. Letters that were being sent when a worker died
    go last, so that one that kills its worker takes no other with it (PR-11).
    """
    ends = time.monotonic() + BUDGET
    waiting = sorted(messages, key=lambda message: message.delivery == Delivery.SENDING)
    try:
        with connection(Server.of(settings.EMAIL_URL)) as client:
            while waiting and client.sock is not None and time.monotonic() < ends:
                _deliver_one(client, waiting[0], at)
                del waiting[0]
    except (OSError, smtplib.SMTPException):
        for message in waiting:
            _hand_back(message, "mail-server-away")
        return
    for message in waiting:
        _put_back(message)


def _hand_back(message: Message, code: str) -> None:
    with suppress(work.LeaseLost):
        work.hand_back(message, error_code=code, max_attempts=ATTEMPTS)


def _put_back(message: Message) -> None:
    """It was not its turn: the line broke or the time was over. That is no attempt."""
    with suppress(work.LeaseLost):
        work.finish(message, state="ready", attempts=message.attempts - 1)


def _deliver_one(client: smtplib.SMTP, message: Message, at: datetime) -> None:
    """Send one letter, if it is still ours; nothing is sent that was not said before."""
    try:
        if message.delivery == Delivery.SENDING and not _may_repeat(message, at):
            return
        message.first_tried_at = message.first_tried_at or at
        written = _written(message)
        if written is None:
            return
        letter, words = written
        _mark(message, delivery=Delivery.SENDING, first_tried_at=message.first_tried_at, **words)
        work.seam("mail.before-effect")
        answer = hand_over(client, *letter)
        work.seam("mail.after-effect")
        _record(message, answer, at)
    except work.LeaseLost:
        logger.warning("lease lost", lane="mail")


def _written(message: Message) -> tuple[tuple[str, bytes], dict[str, Any]] | None:
    """The letter as it is sent, and its words where they are not stored yet.

    One that cannot be put together is a person's work at once.
    """
    try:
        words = writing.freeze(message)
        return compose(message), words
    except (sealing.Unreadable, MessageError, *NOT_WRITTEN) as error:
        work.park(message, error_code=type(error).__name__)
        return None


def _mark(message: Message, **changes: Any) -> None:
    """Write what is known of a letter that we hold. Raises LeaseLost."""
    held = Message.objects.filter(pk=message.pk, fence=message.fence, state="running")
    if held.update(**changes) != 1:
        raise work.LeaseLost
    for name, value in changes.items():
        setattr(message, name, value)


def _may_repeat(message: Message, at: datetime) -> bool:
    """A letter whose fate is unknown goes once more, with the same Message-ID; then to a person.

    Each time that nobody knows stands in the book, in the same transaction.
    """
    again = not message.repeats
    with transaction.atomic():
        if again:
            _mark(message, delivery=Delivery.WAITING, repeats=1)
        else:
            work.park(message, error_code="fate-unknown")
            Message.objects.filter(pk=message.pk).update(delivery=Delivery.UNKNOWN)
        _note("unknown", message, at)
    return again


def _record(message: Message, answer: Answer, at: datetime) -> None:
    if answer is Answer.UNKNOWN:
        if _may_repeat(message, at):
            _hand_back(message, "fate-unknown")
    elif answer is Answer.LATER:
        _mark(message, delivery=Delivery.WAITING)
        _hand_back(message, "try-later")
    else:
        with transaction.atomic():
            (_taken if answer is Answer.TAKEN else _refused)(message, at)
            work.seam("mail.before-commit")
        work.seam("mail.after-commit")


def _taken(message: Message, at: datetime) -> None:
    work.finish(message, delivery=Delivery.HANDED, handed_at=at)
    if message.audience == "provider":
        work.notify("prove")
    _note("handed", message, at)


def _refused(message: Message, at: datetime) -> None:
    work.park(message, error_code="refused")
    Message.objects.filter(pk=message.pk).update(delivery=Delivery.REFUSED)
    _note("refused", message, at)


def _note(what: str, message: Message, at: datetime) -> None:
    request = message.consumer_request
    ledger.record(
        f"letter.{what}",
        subject=request.number if request else "office",
        by=POSTMAN,
        at=at,
        facts={"letter": message.letter, "message": message.pk, "audience": message.audience},
    )
