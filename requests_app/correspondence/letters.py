"""The table of letters, and how one is queued with its links."""

import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, Q, QuerySet, Subquery

from ccpa_office import ledger, sealing, work
from ccpa_office.law.deadlines import received_date
from ccpa_office.law.kinds import RequestKind
from ccpa_office.prepared import Prepared, insert, planned_cursor
from ccpa_office.roles import Actor, Verb, require
from notices_app.models import NoticeLine, NoticeVersion, Recipient
from requests_app.correspondence import writing
from requests_app.correspondence.links import LINK_LIFE, link_url, token_digest
from requests_app.models import (
    ConsumerRequest,
    Delivery,
    Identifier,
    IdentifierSource,
    Link,
    LinkPurpose,
    Message,
)

Told = Counter[tuple[int | None, bytes]]
"""By request and digest of an address: how many letters."""
LETTERS_A_DAY = 6
"""How many letters of all kinds a stranger can make the office send to one address in 24 hours."""
WITH_A_LINK = ("confirm", "reminder")
"""The letters whose link confirms a request; VR-24 limits them more narrowly (decision 18)."""
LINKS_A_DAY, LINKS_A_REQUEST, BETWEEN_LINKS = 3, 5, timedelta(minutes=10)
"""To one address in 24 hours over all requests; to one address for one request; the pause."""
OVER_THE_LIMIT = "sending-limit"

EARLIER = """
SELECT
    (SELECT coalesce(max(ordinal), 0) + 1 FROM requests_app_message
      WHERE consumer_request_id = going.request AND letter = %(letter)s
        AND recipient_digest = going.digest),
    (SELECT count(*) FROM requests_app_message
      WHERE recipient_digest = going.digest AND queued_at > %(since)s
        AND letter = ANY(%(strangers)s::text[]) AND error_code <> %(held)s),
    (SELECT count(*) FROM requests_app_message
      WHERE recipient_digest = going.digest AND queued_at > %(since)s
        AND letter = ANY(%(links)s::text[]) AND error_code <> %(held)s),
    (SELECT count(*) FROM requests_app_message
      WHERE recipient_digest = going.digest AND consumer_request_id = going.request
        AND letter = ANY(%(links)s::text[]) AND error_code <> %(held)s)
FROM unnest(%(digests)s::bytea[], %(requests)s::bigint[]) WITH ORDINALITY
    AS going(digest, request, place) ORDER BY place
"""


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
    """Queue letter ``name`` for each request and recipient; one SELECT and one INSERT for all.

    Called inside the transaction of the move that it tells of. ``contacts`` saves the SELECT where
    the caller knows them.
    """
    messages, links = draft(name, consumer_requests, at=at, context=context, contacts=contacts)
    insert(links)
    return insert(messages)


def draft(
    name: str,
    consumer_requests: Iterable[ConsumerRequest],
    *,
    at: datetime,
    context: Context = None,
    contacts: Iterable[Identifier] | None = None,
) -> tuple[list[Message], list[Link]]:
    """The same letters and their links, for the caller to write in this transaction."""
    letter = LETTERS[name]
    by_pk = {each.pk: each for each in consumer_requests}
    if contacts is None:
        asked = list(by_pk)
        contacts = OFFERED(asked, received_date(at)) if name in OFFERS else CONTACTS(asked)
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
    if messages and (letter.stranger or letter.again):
        _heed_earlier(letter, messages, at)
    return messages, links


OFFERS = frozenset({"unverifiable", "not_confirmed", "nothing_found", "denied", "done_delete_part"})
"""Answers that do not erase all: they offer to opt out where something is sold (7022(g))."""


def _contacts(requests: list[int]) -> QuerySet[Identifier]:
    contacts = Identifier.objects.filter(consumer_request__in=requests, is_contact=True)
    return contacts.select_related("consumer_request__data_key")


def _offered(requests: list[int], on: date) -> QuerySet[Identifier, Any]:
    """Whether the notice in force sells or shares anything; a line that is silent counts as yes."""
    version = NoticeVersion.objects.filter(notice__slug="main").in_force(on)
    lines = NoticeLine.objects.filter(version=Subquery(version.values("pk")[:1]))
    return _contacts(requests).annotate(
        selling=Exists(lines.filter(~Q(sold=False) | ~Q(shared=False)))
    )


CONTACTS: Prepared[Identifier] = Prepared(_contacts, planned=True)
OFFERED: Prepared[Identifier] = Prepared(_offered, planned=True)


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


def _write(name: str, contact: Identifier, extra: Mapping[str, Any], at: datetime) -> Message:
    about = contact.consumer_request
    assert about.data_key is not None  # noqa: S101  a purged request gets no letters
    recipient = sealing.Box(about.data_key).open(bytes(contact.value), context="identifier.value")
    return _message(name, about, recipient, extra, language=about.language, at=at)


def _message(
    name: str,
    about: ConsumerRequest,
    recipient: str,
    extra: Mapping[str, Any],
    *,
    language: str,
    at: datetime,
) -> Message:
    """One row: its facts sealed, its Message-ID fixed; the mail lane writes the words."""
    assert about.data_key is not None  # noqa: S101  a purged request gets no letters
    box = sealing.Box(about.data_key)
    host = urlsplit(settings.SITE_URL).hostname or "office.invalid"
    return Message(
        lane="mail",
        not_before=at,
        consumer_request=about,
        data_key=about.data_key,
        letter=name,
        language=language,
        audience=LETTERS[name].audience,
        recipient_digest=sealing.digest("email", sealing.normal_email(recipient)),
        recipient=box.seal(recipient, context="message.recipient"),
        facts=box.seal(writing.told(about, extra, language=language), context="message.facts"),
        message_id=f"<{uuid.uuid4()}@{host}>",
        queued_at=at,
    )


def _heed_earlier(letter: Letter, messages: list[Message], at: datetime) -> None:
    """Number letters that went out for the same request before, and hold back a flood (PR-42).

    Letters to one address are counted one after the other, however many come at once. What was
    held back itself counts for nothing; the request itself is still received.
    """
    if letter.stranger:
        _one_at_a_time({bytes(message.recipient_digest) for message in messages})
    with planned_cursor() as cursor:
        cursor.execute(
            EARLIER,
            {
                "digests": [message.recipient_digest for message in messages],
                "requests": [message.consumer_request_id for message in messages],
                "letter": messages[0].letter,
                "strangers": [name for name, each in LETTERS.items() if each.stranger],
                "since": at - timedelta(days=1),
                "held": OVER_THE_LIMIT,
                "links": list(WITH_A_LINK),
            },
        )
        found = cursor.fetchall()
    for message, (ordinal, sent, links, of_request) in zip(messages, found, strict=True):
        message.ordinal = ordinal
        over = sent >= LETTERS_A_DAY
        if message.letter in WITH_A_LINK:
            over = over or links >= LINKS_A_DAY or of_request >= LINKS_A_REQUEST
        if letter.stranger and over:
            message.state, message.error_code = "parked", OVER_THE_LIMIT


def _one_at_a_time(digests: Set[bytes]) -> None:
    """Wait for every other transaction that writes to one of these addresses."""
    keys = sorted(int.from_bytes(digest[-8:], "big", signed=True) for digest in digests)
    with planned_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(k) FROM unnest(%s::bigint[]) AS k", [keys])


@dataclass(frozen=True)
class Desk:
    """Whoever works a system outside by hand, by letter."""

    name: str
    instruction_email: str
    language: str = "en"

    def __str__(self) -> str:
        return self.name


def queue_instructions(
    consumer_requests: Iterable[ConsumerRequest],
    providers: Iterable[Recipient | Desk],
    *,
    at: datetime,
    context: Context = None,
    again: bool = False,
) -> list[Message]:
    """Tell each service provider to delete too (COM-13; 7022(b)(2)): one INSERT for all.

    ``again`` where the same desk may have been told something else of the request before.
    """
    consumer_requests = list(consumer_requests)
    messages = [
        _message(
            "instruction",
            each,
            provider.instruction_email,
            {
                "provider": str(provider),
                "action": "delete",
                "due_on": each.due_on,
                **(dict(context(each)) if context else {}),
            },
            language=provider.language,
            at=at,
        )
        for each in consumer_requests
        for provider in providers
        if each.data_key is not None and provider.instruction_email
    ]
    services = _told_before(consumer_requests) if again else Counter()
    for message in messages:  # one desk may answer for several services
        desk = message.consumer_request_id, bytes(message.recipient_digest)
        services[desk] += 1
        message.ordinal = services[desk]
    return insert(messages)


def _told_before(consumer_requests: Iterable[ConsumerRequest]) -> Told:
    """How many instructions each desk has had of each request."""
    sent = Message.objects.filter(consumer_request__in=consumer_requests, letter="instruction")
    known = sent.values_list("consumer_request_id", "recipient_digest")
    return Counter(
        {(pk, bytes(digest)): most for pk, digest, most in known.annotate(Max("ordinal"))}
    )


def queue_task(
    consumer_request: ConsumerRequest,
    recipient: str,
    *,
    token: str,
    at: datetime,
    context: Mapping[str, Any],
) -> Message:
    """Ask somebody outside to delete or to give, with a link that is theirs alone (COM-13)."""
    language = settings.LANGUAGE_CODE
    told = {"gives": False, **context, "task_link": link_url(token, language)}
    message = _message("outside_task", consumer_request, recipient, told, language=language, at=at)
    _heed_earlier(LETTERS["outside_task"], [message], at)
    return insert([message])[0]


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
