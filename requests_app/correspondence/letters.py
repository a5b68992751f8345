"""The table of letters, and how one is written and queued with its links."""

import hashlib
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, Q, Subquery, Value
from django.template.loader import render_to_string
from django.utils import translation

from ccpa_office import ledger, sealing, work
from ccpa_office.law.deadlines import received_date
from ccpa_office.law.kinds import KNOW, RequestKind
from ccpa_office.models import DataKey
from ccpa_office.roles import Actor, Verb, require
from notices_app.models import NoticeLine, NoticeVersion, Recipient
from requests_app.models import (
    ConsumerRequest,
    Delivery,
    Identifier,
    IdentifierSource,
    Link,
    LinkPurpose,
    Message,
)

LINK_LIFE = {
    LinkPurpose.FOLLOW: timedelta(hours=72),
    LinkPurpose.CONFIRM: timedelta(hours=72),
    LinkPurpose.STOP: timedelta(days=100),
    LinkPurpose.PACKAGE: timedelta(days=14),
}
"""How long a mailed link opens (VR-21); the stop link as long as any answer may take."""

LETTERS_A_DAY = 6
"""How many letters a stranger can make the office send to one address in 24 hours (VR-24)."""
OVER_THE_LIMIT = "sending-limit"


@dataclass(frozen=True)
class Letter:
    """One letter: its folder under ``templates/emails``, to whom, with which links, for which duty.

    ``audience``: *typed* is the address of the form, *on_file* every contact the business held
    before the request, *answer* the contacts on file or, where there is none, the typed one.
    ``stranger``: a stranger can trigger it, so the sending limit binds it. ``again``: it may go to
    the same address more than once for one request.
    """

    audience: str
    duty: str
    links: tuple[LinkPurpose, ...] = ()
    stranger: bool = False
    again: bool = False


_FOLLOW, _CONFIRM, _STOP = LinkPurpose.FOLLOW, LinkPurpose.CONFIRM, LinkPurpose.STOP
_PACKAGE = LinkPurpose.PACKAGE

LETTERS: Mapping[str, Letter] = {
    "receipt": Letter("typed", "COM-01", (_FOLLOW,), stranger=True),
    "receipt_optout": Letter("typed", "COM-10", (_FOLLOW,), stranger=True),
    "follow": Letter("typed", "PR-41", (_FOLLOW,), stranger=True),
    "confirm": Letter("on_file", "COM-02", (_CONFIRM, _STOP), stranger=True),
    "reminder": Letter("on_file", "COM-02", (_CONFIRM, _STOP), stranger=True, again=True),
    "outside_task": Letter("outside", "COM-13", again=True),
    "verified_notice": Letter("on_file", "VR-16", (_STOP,), again=True),
    "extension": Letter("answer", "COM-09"),
    "unverifiable": Letter("typed", "COM-05", stranger=True),
    "not_confirmed": Letter("typed", "COM-05", stranger=True),
    "nothing_found": Letter("typed", "COM-06", stranger=True),
    "denied": Letter("answer", "COM-07"),
    "done_delete": Letter("answer", "COM-06"),
    "done_delete_part": Letter("answer", "COM-07"),
    "stopped": Letter("on_file", "VR-16", again=True),
    "withdrawn": Letter("typed", "1.3"),
    "answer_manual": Letter("answer", "T-05"),
    "optout_done": Letter("typed", "COM-10"),
    "answer_know": Letter("on_file", "COM-03, COM-04", (_PACKAGE,)),
    "package_code": Letter("on_file", "VR-21", again=True),
    "message_from_us": Letter("typed", "COM-02", (_FOLLOW,), again=True),
    "instruction": Letter("provider", "COM-13"),
}

Context = Callable[[ConsumerRequest], Mapping[str, Any]] | None


def queue_all(
    name: str,
    consumer_requests: Iterable[ConsumerRequest],
    *,
    at: datetime,
    context: Context = None,
    contacts: Iterable[Identifier] | None = None,
) -> list[Message]:
    """Write letter ``name`` for each request and recipient; one SELECT and one INSERT for all.

    Called inside the transaction of the move that it tells of. ``contacts`` saves the SELECT where
    the caller has just written them.
    """
    letter = LETTERS[name]
    by_pk = {each.pk: each for each in consumer_requests}
    if contacts is None:
        contacts = (
            Identifier.objects.filter(consumer_request__in=by_pk, is_contact=True)
            .select_related("consumer_request__data_key")
            .annotate(selling=_selling(at) if name in OFFERS else Value(value=False))
        )
    chosen = _audience(letter.audience, list(contacts))
    messages: list[Message] = []
    links: list[Link] = []
    for contact in chosen:
        consumer_request = by_pk[contact.consumer_request_id]
        made, urls = _links(letter, contact, at)
        links += made
        extra = dict(context(consumer_request)) if context else {}
        is_deletion = consumer_request.right is RequestKind.DELETE
        extra["offer_opt_out"] = is_deletion and getattr(contact, "selling", False)
        messages.append(_write(name, contact, {**extra, **urls}, at))
    if letter.stranger:
        _hold_back_over_the_limit(messages, at)
    if letter.stranger or letter.again:
        _number(messages)
    Link.objects.bulk_create(links)
    return Message.objects.bulk_create(messages)


OFFERS = frozenset({"unverifiable", "not_confirmed", "denied", "done_delete_part"})
"""Answers that do not erase all: they offer to opt out where something is sold (7022(g))."""


def _selling(at: datetime) -> Exists:
    """Whether the notice in force sells or shares anything; a line that is silent counts as yes."""
    version = NoticeVersion.objects.filter(notice__slug="main").in_force(received_date(at))
    lines = NoticeLine.objects.filter(version=Subquery(version.values("pk")[:1]))
    return Exists(lines.filter(~Q(sold=False) | ~Q(shared=False)))


def _audience(audience: str, contacts: list[Identifier]) -> list[Identifier]:
    """Who gets a letter; an address that several systems hold gets it once."""
    once: dict[tuple[int, str, bytes], Identifier] = {}
    for each in contacts:
        once.setdefault((each.consumer_request_id, each.source, bytes(each.digest)), each)
    contacts = list(once.values())
    on_file = [each for each in contacts if each.source == IdentifierSource.ON_FILE]
    typed = [each for each in contacts if each.source == IdentifierSource.TYPED]
    if audience == "typed":
        return typed
    if audience == "on_file":
        return on_file
    reached = {each.consumer_request_id for each in on_file}
    return on_file + [each for each in typed if each.consumer_request_id not in reached]


def _links(letter: Letter, contact: Identifier, at: datetime) -> tuple[list[Link], dict[str, str]]:
    made: list[Link] = []
    urls: dict[str, str] = {}
    for purpose in letter.links:
        token = secrets.token_urlsafe(32)
        made.append(
            Link(
                digest=token_digest(token),
                purpose=purpose,
                consumer_request_id=contact.consumer_request_id,
                contact=contact,
                made_at=at,
                expires_at=at + LINK_LIFE[purpose],
            )
        )
        urls[f"{purpose.value}_link"] = link_url(token, contact.consumer_request.language)
    return made, urls


def token_digest(token: str) -> bytes:
    """What is kept of a token: its SHA-256 (the token itself has 256 random bits)."""
    return hashlib.sha256(token.encode()).digest()


def link_url(token: str, language: str) -> str:
    """The address that a letter shows for a token."""
    return page_url(f"requests/l/{token}/", language)


def page_url(path: str, language: str) -> str:
    """A public page of the office in a language, as a whole address."""
    prefix = "" if language == settings.LANGUAGE_CODE else f"/{language}"
    return f"{settings.SITE_URL}{prefix}/{path}"


def _write(name: str, contact: Identifier, extra: Mapping[str, Any], at: datetime) -> Message:
    consumer_request = contact.consumer_request
    key = consumer_request.data_key
    assert key is not None  # noqa: S101  a purged request gets no letters
    recipient = sealing.Box(key).open(bytes(contact.value), context="identifier.value")
    return _message(
        name,
        key,
        recipient,
        language=consumer_request.language,
        context={**_facts(consumer_request, at), **extra},
        at=at,
        consumer_request=consumer_request,
        audience=LETTERS[name].audience,
    )


def _facts(consumer_request: ConsumerRequest, at: datetime) -> dict[str, Any]:
    """What every letter may say of a request: no personal information (VR-29)."""
    language = consumer_request.language
    with translation.override(language):
        right = str(consumer_request.right.label)
    return {
        "number": consumer_request.number,
        "right": right,
        "received_on": consumer_request.received_on,
        "respond_by": consumer_request.due_on,
        "extended_by": consumer_request.extended_due_on,
        "optout_by": consumer_request.optout_due_on,
        "earliest_reask": consumer_request.earliest_reask_on,
        "effective_on": received_date(at),
        "done_on": received_date(at),
        "confirm_by": received_date(at + LINK_LIFE[LinkPurpose.CONFIRM]),
        "outcome": consumer_request.outcome,
        "new_link": page_url("requests/new/", language),
        "opt_out_link": page_url("opt-out/", language),
        "notice_link": page_url("notices/", language) if consumer_request.right in KNOW else "",
    }


def _message(name: str, key: DataKey, recipient: str, *, language: str, **given: Any) -> Message:
    """One row: rendered in its language, sealed, with its Message-ID fixed."""
    at: datetime = given["at"]
    context = {**given["context"], "language": language}
    with translation.override(language):
        subject = render_to_string(f"emails/{name}/subject.txt", context)
        text = render_to_string(f"emails/{name}/body.txt", context)
        html = render_to_string(f"emails/{name}/body.html", context)
    box = sealing.Box(key)
    host = urlsplit(settings.SITE_URL).hostname or "office.invalid"
    return Message(
        lane="mail",
        not_before=at,
        consumer_request=given.get("consumer_request"),
        data_key=key,
        letter=name,
        language=language,
        audience=given["audience"],
        ordinal=given.get("ordinal", 1),
        recipient_digest=sealing.digest("email", sealing.normal_email(recipient)),
        recipient=box.seal(recipient, context="message.recipient"),
        subject=" ".join(subject.split()),
        text=box.seal(text.strip() + "\n", context="message.text"),
        html=box.seal(html.strip() + "\n", context="message.html"),
        message_id=f"<{uuid.uuid4()}@{host}>",
        queued_at=at,
    )


def _number(messages: list[Message]) -> None:
    """Number letters that went to the same address for the same request before; one SELECT."""
    earlier = Message.objects.filter(
        consumer_request__in={message.consumer_request_id for message in messages},
        letter__in={message.letter for message in messages},
    ).values_list("consumer_request_id", "recipient_digest", "ordinal")
    last: dict[tuple[int | None, bytes], int] = {}
    for request_id, digest, ordinal in earlier:
        key = request_id, bytes(digest)
        last[key] = max(ordinal, last.get(key, 0))
    for message in messages:
        same = message.consumer_request_id, bytes(message.recipient_digest)
        message.ordinal = 1 + last.get(same, 0)


def _hold_back_over_the_limit(messages: list[Message], at: datetime) -> None:
    """Park what a stranger could use to flood somebody; the request itself is still received.

    Letters to one address are counted one after the other, however many come at once (PR-42).
    What was held back itself counts for nothing.
    """
    _one_at_a_time({bytes(message.recipient_digest) for message in messages})
    for message in messages:
        sent = Message.objects.filter(
            recipient_digest=message.recipient_digest,
            letter__in=[name for name, each in LETTERS.items() if each.stranger],
            queued_at__gt=at - timedelta(days=1),
        ).exclude(error_code=OVER_THE_LIMIT)
        if sent.count() >= LETTERS_A_DAY:
            message.state, message.error_code = "parked", OVER_THE_LIMIT


def _one_at_a_time(digests: Set[bytes]) -> None:
    """Wait for every other transaction that writes to one of these addresses."""
    keys = sorted(int.from_bytes(digest[-8:], "big", signed=True) for digest in digests)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(k) FROM unnest(%s::bigint[]) AS k", [keys])


def queue_instructions(
    consumer_requests: Iterable[ConsumerRequest],
    providers: Iterable[Recipient],
    *,
    at: datetime,
    context: Context = None,
) -> list[Message]:
    """Tell each service provider to delete too (COM-13; 7022(b)(2)): one INSERT for all."""
    messages = [
        _message(
            "instruction",
            each.data_key,
            provider.instruction_email,
            language=provider.language,
            context={
                **_facts(each, at),
                "provider": str(provider),
                "action": "delete",
                "due_on": each.due_on,
                **(dict(context(each)) if context else {}),
            },
            at=at,
            consumer_request=each,
            audience="provider",
        )
        for each in consumer_requests
        for provider in providers
        if each.data_key is not None and provider.instruction_email
    ]
    services: Counter[tuple[int | None, bytes]] = Counter()
    for message in messages:  # one desk may answer for several services
        desk = message.consumer_request_id, bytes(message.recipient_digest)
        services[desk] += 1
        message.ordinal = services[desk]
    return Message.objects.bulk_create(messages)


def queue_task(
    consumer_request: ConsumerRequest,
    recipient: str,
    *,
    token: str,
    at: datetime,
    context: Mapping[str, Any],
) -> Message:
    """Ask somebody outside to do their part by hand, with a link that is theirs alone (COM-13)."""
    assert consumer_request.data_key is not None  # noqa: S101  only purged requests have none
    facts = {
        "number": consumer_request.number,
        "task_link": link_url(token, settings.LANGUAGE_CODE),
    }
    message = _message(
        "outside_task",
        consumer_request.data_key,
        recipient,
        language=settings.LANGUAGE_CODE,
        context={**facts, **context},
        at=at,
        consumer_request=consumer_request,
        audience=LETTERS["outside_task"].audience,
    )
    _number([message])
    message.save()
    return message


def release(message: Message, *, by: Actor, at: datetime) -> Message:
    """Let a parked or refused letter go again, with the same Message-ID. Staff decide it.

    One that was parked while it was being sent may have arrived: the book says so first.
    """
    require(by, Verb.RESEND_LETTER)
    with transaction.atomic():
        was = message.delivery
        if work.unpark(message, not_before=at, delivery=Delivery.WAITING):
            for verb in ["letter.unknown"] * (was == Delivery.SENDING) + ["letter.released"]:
                request = message.consumer_request
                ledger.record(
                    verb,
                    subject=request.number if request else "office",
                    by=by,
                    at=at,
                    facts={"letter": message.letter, "message": message.pk},
                )
    message.refresh_from_db(fields=["state", "error_code", "not_before", "delivery", "attempts"])
    return message
