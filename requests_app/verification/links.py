"""Mailed links: found, spent once, asked for again."""

import hashlib
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from ccpa_office import ledger, sealing, work
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb, require
from requests_app import correspondence
from requests_app.models import (
    ConsumerRequest,
    Identifier,
    IdentifierSource,
    Link,
    LinkAsked,
    LinkPurpose,
)
from requests_app.verification.deciding import send_again


class LinkGone(Exception):
    """The link is unknown, used, replaced, expired or for something else: one answer for all."""


def find_link(token: str, *, at: datetime) -> Link:
    """The living link of a token. Looking does not use it up (VR-22). Raises ``LinkGone``."""
    return link_of(digest_of(token), at=at)


def digest_of(token: str) -> bytes:
    """What is kept of a token that was opened (the token itself has 256 random bits)."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def link_of(digest: bytes, *, at: datetime) -> Link:
    """The living link of a token's digest. Raises ``LinkGone``."""
    link = (
        Link.objects.filter(
            digest=digest,
            used_at__isnull=True,
            voided_at__isnull=True,
            expires_at__gt=at,
        )
        .select_related("consumer_request__data_key", "contact")
        .first()
    )
    if link is None:
        raise LinkGone
    return link


def spend(link: Link, purpose: LinkPurpose, *, at: datetime) -> Link:
    """Use a link up for what it is for: one conditional UPDATE, of many presses one wins (VR-23).

    Raises ``LinkGone``.
    """
    living = Q(purpose=purpose, used_at__isnull=True, voided_at__isnull=True, expires_at__gt=at)
    if not Link.objects.filter(living, pk=link.pk).update(used_at=at):
        raise LinkGone
    return link


def follow(link: Link, *, at: datetime) -> ConsumerRequest:
    """Spend a follow link: control of the typed address is proven, nothing else (VR-14)."""
    with transaction.atomic():
        spend(link, LinkPurpose.FOLLOW, at=at)
        Identifier.objects.filter(links=link, confirmed_at__isnull=True).update(confirmed_at=at)
    return link.consumer_request


def ask_follow_link(number: str, email: str, *, at: datetime) -> None:
    """Note that somebody wants a new follow link; the same work whatever was typed."""
    LinkAsked.objects.create(
        lane="verify",
        not_before=at,
        number=number,
        digests=sealing.digests("email", sealing.normal_email(email)),
    )


def ask_confirm_letter(consumer_request: ConsumerRequest, *, at: datetime) -> None:
    """Note that somebody wants the letter to the contact on file once more.

    A worker sees whether there is one: the page does the same work either way (PR-41).
    """
    LinkAsked.objects.create(
        lane="verify", not_before=at, number=consumer_request.number, digests=[]
    )


def answer_link_asked(row: LinkAsked, *, at: datetime) -> None:
    """Mail the link if number and address belong together; forget the question either way."""
    if not row.digests:
        _answer_letter_asked(row, at=at)
        return
    contact = (
        Identifier.objects.filter(
            consumer_request__number=row.number,
            source=IdentifierSource.TYPED,
            kind="email",
            digest__in=[bytes(digest) for digest in row.digests],
        )
        .select_related("consumer_request__data_key")
        .first()
    )
    with transaction.atomic():
        work.finish(row)
        LinkAsked.objects.filter(pk=row.pk).delete()
        if contact is None:
            return
        Link.objects.filter(
            contact=contact, purpose=LinkPurpose.FOLLOW, used_at__isnull=True
        ).update(voided_at=at)
        correspondence.queue_all("follow", [contact.consumer_request], at=at, contacts=[contact])


def _answer_letter_asked(row: LinkAsked, *, at: datetime) -> None:
    with transaction.atomic():
        work.finish(row)
        LinkAsked.objects.filter(pk=row.pk).delete()
        for consumer_request in ConsumerRequest.objects.filter(number=row.number):
            send_again(consumer_request, at=at)


def links_gave_up() -> QuerySet[LinkAsked]:
    """Questions for a link that gave up and wait for a person."""
    return LinkAsked.objects.filter(state=WorkState.PARKED)


def try_links_again(*, by: Actor, at: datetime) -> int:
    """Make due again every question for a link that gave up; how many. Raises ``NotAllowed``."""
    require(by, Verb.RESEND_LETTER)
    with transaction.atomic():
        tried = [row for row in links_gave_up() if work.unpark(row, not_before=at)]
        if tried:
            ledger.record(
                "work.retried", subject="office", by=by, at=at,
                facts={"links": len(tried), "codes": sorted({row.error_code for row in tried})},
            )  # fmt: skip
    return len(tried)
