"""The one door of every channel: a request comes in."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from ccpa_office import ledger, sealing, work
from ccpa_office.law.calendar import Calendar
from ccpa_office.law.certainty import required_level
from ccpa_office.law.deadlines import due_dates
from ccpa_office.law.kinds import VERIFIABLE, RequestKind
from ccpa_office.models import DataKey
from ccpa_office.prepared import reserve, write
from ccpa_office.roles import Actor, Verb, require
from notices_app import datamap
from requests_app import correspondence, workflow
from requests_app.models import (
    Channel,
    ConsumerRequest,
    Identifier,
    IdentifierSource,
    Note,
    Status,
    Step,
    StepKind,
)
from requests_app.numbers import new_number

NORMAL = {
    "email": sealing.normal_email,
    "phone_number": sealing.normal_phone,
    "name": sealing.normal_name,
}


@dataclass(frozen=True)
class Asked:
    """What reached the business: the right, who asks as typed, and in which words.

    ``identifiers`` maps *email*, *name*, ... to what was typed; *email* is where letters go.
    ``nonce`` is the blank form's own number: the same nonce never opens a second request (PR-02).
    """

    kind: RequestKind
    identifiers: Mapping[str, str]
    channel: Channel
    language: str
    nonce: str
    words: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)


def open_request(
    asked: Asked, *, by: Actor, at: datetime, beside: Callable[[ConsumerRequest], object] = bool
) -> ConsumerRequest:
    """Open a request, its frozen dates, its first ledger line, its receipt letter and its work.

    One transaction, and what the caller does ``beside`` is in it. A second press of the same form
    gives the same request. Staff need INTAKE.
    """
    if by.kind == "staff":
        require(by, Verb.INTAKE)
    try:
        with transaction.atomic():
            opened = _open(asked, by=by, at=at)
            beside(opened)
            work.seam("intake.before-commit")
    except IntegrityError:
        known = ConsumerRequest.objects.filter(nonce=asked.nonce).first()
        if known is None:
            raise
        return known
    work.seam("intake.after-commit")
    return opened


def _open(asked: Asked, *, by: Actor, at: datetime) -> ConsumerRequest:
    """All rows at once: their keys are reserved, since what is sealed names its data key."""
    consumer_request = _row(asked, by, at)
    typed = [kind for kind, value in asked.identifiers.items() if value]
    key, consumer_request.pk, *keys = reserve(
        DataKey, ConsumerRequest, *(Identifier for _each in typed)
    )
    consumer_request.data_key = sealing.made_key(key)
    identifiers = _identifiers(consumer_request, asked, keys)
    messages, links = correspondence.draft(
        "receipt" if consumer_request.response_due_on else "receipt_optout",
        [consumer_request],
        at=at,
        contacts=[each for each in identifiers if each.is_contact],
    )
    write(
        [
            consumer_request.data_key, consumer_request, *identifiers, *links, *messages,
            *_words(consumer_request, asked, at), *_look_up(consumer_request, at),
        ]
    )  # fmt: skip
    ledger.record(
        "request.received",
        subject=consumer_request.number,
        by=by,
        at=at,
        facts={
            "kind": asked.kind.value,
            "channel": asked.channel.value,
            "language": asked.language,
            "due_on": str(consumer_request.due_on or ""),
            "calendar": consumer_request.calendar,
            **asked.choices,
        },
    )
    if asked.kind not in VERIFIABLE:  # at a desk, or applied, at once
        to = Status.VERIFIED if consumer_request.response_due_on else Status.APPLYING
        workflow.move(consumer_request, to, by=Actor.system("intake"), at=at)
    return consumer_request


def _row(asked: Asked, by: Actor, at: datetime) -> ConsumerRequest:
    calendar = Calendar(settings.OFFICE_CALENDAR)
    dates = due_dates(asked.kind, at, calendar=calendar)
    sensitive = datamap.sensitivity() == "sensitive"
    return ConsumerRequest(
        number=new_number(),
        kind=asked.kind,
        channel=asked.channel,
        language=asked.language,
        received_at=at,
        received_on=dates.received_date,
        calendar=calendar,
        ack_due_on=dates.ack_by,
        ack_target_on=dates.ack_target,
        response_due_on=dates.respond_by,
        response_target_on=dates.respond_target,
        extended_due_on=dates.extended_by,
        optout_due_on=dates.optout_by,
        optout_target_on=dates.optout_target,
        response_expires_at=dates.respond_expires_utc,
        earliest_reask_on=dates.earliest_reask,
        due_on=dates.respond_by or dates.optout_by,
        level_required=required_level(asked.kind, sensitive=sensitive),
        opened_by_id=by.id,
        nonce=asked.nonce,
    )


def _identifiers(
    consumer_request: ConsumerRequest, asked: Asked, keys: Iterable[int]
) -> list[Identifier]:
    """Seal what was typed; the e-mail address is the contact."""
    assert consumer_request.data_key is not None  # noqa: S101  just made
    box = sealing.Box(consumer_request.data_key)
    given = [(kind, value) for kind, value in asked.identifiers.items() if value]
    return [
        Identifier(
            pk=key,
            consumer_request=consumer_request,
            source=IdentifierSource.TYPED,
            kind=kind,
            value=box.seal(value, context="identifier.value"),
            digest=sealing.digest(kind, NORMAL.get(kind, str.casefold)(value)),
            is_contact=kind == "email",
        )
        for key, (kind, value) in zip(keys, given, strict=True)
    ]


def _words(consumer_request: ConsumerRequest, asked: Asked, at: datetime) -> list[Note]:
    """What the consumer wrote beside the form, sealed."""
    assert consumer_request.data_key is not None  # noqa: S101  just made
    if not asked.words:
        return []
    text = sealing.Box(consumer_request.data_key).seal(asked.words, context="note.text")
    author = Note.Author.CONSUMER
    return [Note(consumer_request=consumer_request, author=author, text=text, at=at)]


def _look_up(consumer_request: ConsumerRequest, at: datetime) -> list[Step]:
    """Where somebody must be verified: the look for a contact on file."""
    if consumer_request.right not in VERIFIABLE:
        return []
    kind = StepKind.LOOK_UP
    return [Step(lane="verify", not_before=at, consumer_request=consumer_request, kind=kind)]
