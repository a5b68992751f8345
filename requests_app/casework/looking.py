"""Looking at what is sealed: with a purpose, and with a line in the book (PR-34)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from ccpa_office import ledger, sealing
from ccpa_office.roles import Actor, Verb, require
from requests_app import correspondence
from requests_app.models import ConsumerRequest, IdentifierSource, Message


class Purpose(TextChoices):
    """Why somebody looks."""

    VERIFY = "verify", _("To decide on the identity")
    ANSWER = "answer", _("To answer the consumer")
    WORK = "work", _("To work the case")
    COMPLAINT = "complaint", _("To handle a complaint or an inquiry")
    AUDIT = "audit", _("To audit the case")


@dataclass(frozen=True)
class Opened:
    """What was opened for one page: identifiers as typed, or texts by what they belong to."""

    identifiers: list[tuple[str, str]] = field(default_factory=list)
    letters: dict[int, tuple[str, str]] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)


def look(consumer_request: ConsumerRequest, *, purpose: str, by: Actor, at: datetime) -> Opened:
    """What the consumer typed of who they are. Held values are never among it (VR-09).

    Raises NotAllowed, sealing.Unreadable.
    """
    require(by, Verb.SEE_IDENTITY)
    box = _box(consumer_request)
    typed = consumer_request.identifiers.filter(source=IdentifierSource.TYPED).order_by("kind")
    found = [(each.kind, box.open(bytes(each.value), context="identifier.value")) for each in typed]
    _note("identity.seen", consumer_request, purpose, len(found), by=by, at=at)
    return Opened(identifiers=found)


def read(consumer_request: ConsumerRequest, *, purpose: str, by: Actor, at: datetime) -> Opened:
    """The texts of a case: letters with their recipients, messages, notes.

    Raises NotAllowed, sealing.Unreadable.
    """
    require(by, Verb.SEE_LETTERS)
    box = _box(consumer_request)
    letters = {
        each.pk: letter_text(each)
        for each in consumer_request.letters.exclude(audience="provider").select_related("data_key")
    }
    notes = {
        each.pk: box.open(bytes(each.text), context="note.text")
        for each in consumer_request.notes.all()
    }
    _note("texts.seen", consumer_request, purpose, len(letters) + len(notes), by=by, at=at)
    return Opened(letters=letters, notes=notes)


def read_letter(message: Message, *, purpose: str, by: Actor, at: datetime) -> tuple[str, str]:
    """Recipient and text of one letter. Raises NotAllowed, sealing.Unreadable."""
    require(by, Verb.SEE_LETTERS)
    opened = letter_text(message)
    subject = message.consumer_request.number if message.consumer_request else "office"
    ledger.record(
        "letter.read", subject=subject, by=by, at=at,
        facts={"message": message.pk, "purpose": purpose},
    )  # fmt: skip
    return opened


def note_search(found: int, *, by: Actor, at: datetime) -> None:
    """Say in the book that somebody searched by contact; never for which."""
    require(by, Verb.SEE_IDENTITY)
    ledger.record("identity.searched", subject="office", by=by, at=at, facts={"found": found})


def note_export(facts: Mapping[str, Any], *, purpose: str, by: Actor, at: datetime) -> None:
    """Say in the book that somebody took a list out as a file: which, how long, what for."""
    require(by, Verb.EXPORT)
    ledger.record(
        "list.exported", subject="office", by=by, at=at, facts={**facts, "purpose": purpose}
    )


def letter_text(message: Message) -> tuple[str, str]:
    """Recipient and text, opened; of a letter that waits, as it will be written.

    Links and codes are left out: they are for whom the letter is for.
    """
    box = sealing.Box(message.data_key)
    text = correspondence.words_of(message).text
    return (
        box.open(bytes(message.recipient), context="message.recipient"),
        correspondence.without_keys(text, letter=message.letter),
    )


def _box(consumer_request: ConsumerRequest) -> sealing.Box:
    if consumer_request.data_key is None:
        raise sealing.Unreadable
    return sealing.Box(consumer_request.data_key)


def _note(
    verb: str,
    consumer_request: ConsumerRequest,
    purpose: str,
    count: int,
    *,
    by: Actor,
    at: datetime,
) -> None:
    with transaction.atomic():
        ledger.record(
            verb, subject=consumer_request.number, by=by, at=at,
            facts={"purpose": purpose, "count": count},
        )  # fmt: skip
