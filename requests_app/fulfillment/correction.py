"""Correcting single fields: proposed, approved by another, changed, seen again, locked (7023)."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from ccpa_office import ledger, sealing, work
from ccpa_office.connectors.base import Key, Table
from ccpa_office.connectors.collected import Piece, Window
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from notices_app.models import Recipient
from requests_app import correspondence, targets, workflow
from requests_app.fulfillment.locking import lock, normal
from requests_app.models import (
    ConsumerRequest,
    Correction,
    CorrectionLook,
    CorrectionStage,
    IdentifierSource,
    Note,
    Status,
)
from requests_app.targets import Target
from requests_app.verification.looking import box_of, people_of

SYSTEM = Actor.system("correction")
EVER = Window(date.min, date.max)
LATER_LOOKS = (1, 7, 30)
"""Days after which somebody looks again: a feed may put the wrong value back."""


class CannotCorrect(Exception):
    """This field cannot be corrected so; the text says why."""


@dataclass(frozen=True)
class Claim:
    """What is right: the value of a field (system, table, column) in a row of the person.

    ``row`` is the key as a package spells it; it may be empty where the person has one row.
    """

    field: tuple[str, str, str]
    value: str
    row: str = ""


@dataclass(frozen=True)
class Place:
    """One field of one row."""

    target: Target
    people: list[Key]
    table: Table
    column: str
    key: tuple[Any, ...]
    before: str | None


# --- what can be corrected ----------------------------------------------------------------------


def fields_of(consumer_request: ConsumerRequest) -> list[tuple[str, str, str]]:
    """System, table and field of all that a map knows of the person, but keys and secrets."""
    return [
        (target.key, table.name, piece.column)
        for target, _people in _sources(consumer_request)
        for table in target.program.tables
        for piece in table.pieces
        if may_change(table, piece)
    ]


def may_change(table: Table, piece: Piece) -> bool:
    """Keys lead to other rows, and what may never be disclosed is not corrected over a desk."""
    ways = {hop.column for path in table.paths for hop in path[:1]}
    return not piece.never and piece.column not in {*table.key, *ways}


def _sources(consumer_request: ConsumerRequest) -> list[tuple[Target, list[Key]]]:
    return [(targets.of(key), people) for key, people in people_of(consumer_request).items()]


def found(target: Target, people: list[Key], table: Table, column: str) -> Iterator[Place]:
    """The field in every row of the person; rows of others too are left alone."""
    at = [piece.column for piece in table.pieces].index(column)
    with target.connector.snapshot():
        for record in target.connector.collect(table.name, people, EVER):
            if not record.why:
                value = record.values[at]
                text = None if value is None else str(value)
                yield Place(target, people, table, column, record.key, text)


def _kind(table: Table, column: str) -> str:
    """What a column holds of a person, in the map's words (email, name, phone_number)."""
    named = [(each.column, each.kind) for each in table.identities + table.marks if not each.path]
    named += [(each.column, each.kind) for each in table.contacts if not each.path]
    return next((kind for name, kind in named if name == column), "")


def followers(sources: Sequence[tuple[Target, list[Key]]], first: Place) -> list[Place]:
    """The same thing of the person elsewhere: fields of the same kind with the same wrong value."""
    kind = _kind(first.table, first.column)
    if not kind or first.before is None:
        return []
    return [
        place
        for target, people in sources
        for table in target.program.tables
        if not (table.term or table.action == "keep")  # a record kept by law says what it said
        for piece in table.pieces
        if _kind(table, piece.column) == kind and may_change(table, piece)
        for place in found(target, people, table, piece.column)
        if place.before == first.before
        and (place.target.key, place.table.name, place.column, place.key)
        != (first.target.key, first.table.name, first.column, first.key)
    ]


# --- two people ---------------------------------------------------------------------------------


def propose(
    consumer_request: ConsumerRequest, claim: Claim, *, reason: str, by: Actor, at: datetime
) -> list[Correction]:
    """Propose the right value for a field, and for every other field that holds the same thing.

    Raises ``NotAllowed``, ``CannotCorrect``, ``MoveNotAllowed``.
    """
    require(by, Verb.PLAN)
    value = claim.value.strip()
    if not value or not reason.strip():
        raise CannotCorrect(_("Give the right value, and what shows that it is right."))
    sources = _sources(consumer_request)
    first = chosen(sources, claim.field, claim.row)
    if first.before == value:
        raise CannotCorrect(_("This value stands there already."))
    places = [first, *followers(sources, first)]
    with transaction.atomic():
        consumer_request = _open(consumer_request)
        workflow.note(consumer_request, reason, author=Note.Author.INTERNAL, by=by, at=at)
        made = [
            _row_of(consumer_request, place, value, follows=place is not first, by=by, at=at)
            for place in places
        ]
        Correction.objects.bulk_create(made)
        facts = {"field": ".".join(claim.field), "fields": len(made),
                 "reason": sealing.digest("reason", reason).hex()}  # fmt: skip
        ledger.record(
            "correction.proposed", subject=consumer_request.number, by=by, at=at, facts=facts
        )
    return made


def _open(consumer_request: ConsumerRequest) -> ConsumerRequest:
    consumer_request = workflow.locked(consumer_request)
    correct = consumer_request.right is RequestKind.CORRECT
    if not correct or consumer_request.status != Status.VERIFIED:
        raise workflow.MoveNotAllowed("Only a verified request to correct is carried out.")
    return consumer_request


def chosen(
    sources: Sequence[tuple[Target, list[Key]]], field: tuple[str, str, str], row: str
) -> Place:
    """The one place that is meant. Raises ``CannotCorrect``."""
    system, table_name, column = field
    for target, people in sources:
        if target.key != system:
            continue
        table = target.program.table(table_name)
        pieces = {piece.column: piece for piece in table.pieces}
        if column not in pieces or not may_change(table, pieces[column]):
            break
        every = list(found(target, people, table, column))
        wanted = row.rpartition(":")[2]
        fits = [each for each in every if not row or "/".join(map(str, each.key)) == wanted]
        if len(fits) != 1:
            raise CannotCorrect(_("Say which row: the person has %s.") % len(every))
        return fits[0]
    raise CannotCorrect(_("This field is not the person's to correct."))


def _row_of(
    consumer_request: ConsumerRequest, place: Place, value: str, *, follows: bool, by: Actor,
    at: datetime,
) -> Correction:  # fmt: skip
    box = box_of(consumer_request)
    return Correction(
        lane="collect",
        state=WorkState.DONE,
        not_before=at,
        consumer_request=consumer_request,
        system_key=place.target.key,
        map_version_id=place.target.version_id,
        collection=place.table.name,
        field=place.column,
        row=box.seal(json.dumps(place.key), context="correction.row"),
        before=box.seal(json.dumps(place.before), context="correction.before"),
        after=box.seal(value, context="correction.after"),
        follows=follows,
        proposed_by_id=by.staff_id,
        proposed_at=at,
    )


def claimed(correction: Correction) -> str:
    """What is said to be right, for who decides on it."""
    box = box_of(correction.consumer_request)
    return box.open(correction.after, context="correction.after")


def read_now(consumer_request: ConsumerRequest) -> str:
    """The digest of all that is proposed now: who approves, approves what stood on the page."""
    proposed = consumer_request.corrections.filter(stage=CorrectionStage.PROPOSED).order_by("pk")
    told = hashlib.sha256()
    for pk, row, after in proposed.values_list("pk", "row", "after"):
        told.update(b"%d:%b:%b;" % (pk, bytes(row), bytes(after)))
    return told.hexdigest()


def why_not_approve(consumer_request: ConsumerRequest, by: Actor, *, at: datetime) -> str:
    """Why ``by`` cannot approve the corrections of a request now, or an empty text."""
    try:
        _check(consumer_request, by, at)
    except Exception as refusal:  # noqa: BLE001  every refusal is a sentence for the page
        return str(refusal) or str(type(refusal).__doc__).strip().partition("\n")[0]
    return ""


def _check(consumer_request: ConsumerRequest, by: Actor, at: datetime) -> None:
    require(by, Verb.APPROVE)
    may_decide_now(by, at=at)
    waiting = consumer_request.corrections.filter(stage=CorrectionStage.PROPOSED)
    if waiting.filter(proposed_by_id=by.staff_id).exists():
        raise CannotCorrect(_("You proposed this; another person approves it."))
    if by.id in {consumer_request.verified_by_id, consumer_request.opened_by_id}:
        raise CannotCorrect(_("You verified or took in this request; another person approves it."))


def approve(
    consumer_request: ConsumerRequest,
    *,
    hash: str,  # noqa: A002
    by: Actor,
    at: datetime,
) -> int:
    """A second person says yes to what they read; workers carry it out. How many fields.

    ``hash`` is ``read_now`` of the page. Raises ``NotAllowed``, ``TouchedAccount``,
    ``CannotCorrect``, ``MoveNotAllowed``.
    """
    with transaction.atomic():
        consumer_request = _open(consumer_request)
        _check(consumer_request, by, at)
        if hash != read_now(consumer_request):
            raise CannotCorrect(_("Something else is proposed now. Read it, then decide."))
        count: int = consumer_request.corrections.filter(stage=CorrectionStage.PROPOSED).update(
            stage=CorrectionStage.APPROVED, state=WorkState.READY, not_before=at,
            approved_by_id=by.staff_id, approved_at=at,
        )  # fmt: skip
        if not count:
            raise CannotCorrect(_("Nothing is proposed."))
        facts = {"fields": count}
        ledger.record(
            "correction.approved", subject=consumer_request.number, by=by, at=at, facts=facts
        )
        work.notify("collect")
    return count


def refuse(consumer_request: ConsumerRequest, *, reason: str, by: Actor, at: datetime) -> int:
    """A second person says no; nothing was changed."""
    require(by, Verb.APPROVE)
    with transaction.atomic():
        consumer_request = _open(consumer_request)
        count: int = consumer_request.corrections.filter(stage=CorrectionStage.PROPOSED).update(
            stage=CorrectionStage.REFUSED
        )
        workflow.note(consumer_request, reason, author=Note.Author.INTERNAL, by=by, at=at)
        facts = {"fields": count, "reason": sealing.digest("reason", reason).hex()}
        ledger.record(
            "correction.refused", subject=consumer_request.number, by=by, at=at, facts=facts
        )
    return count


# --- by machine ---------------------------------------------------------------------------------


def carry_out(correction: Correction, *, at: datetime) -> None:
    """Change the field in one statement, look again with another, lock, tell who has it too.

    A repeat is harmless: what stands right already is right. Where something else stands by now,
    nothing is changed and a person is asked. A request that was closed or stopped meanwhile
    changes nothing.
    """
    consumer_request = correction.consumer_request
    if consumer_request.status != Status.VERIFIED:
        _leave(correction, at)
        return
    box = box_of(consumer_request)
    key = json.loads(box.open(correction.row, context="correction.row"))
    before = json.loads(box.open(correction.before, context="correction.before"))
    after = box.open(correction.after, context="correction.after")
    target = targets.under(correction.map_version)
    people = people_of(consumer_request)[correction.system_key]
    one = key[0] if len(key) == 1 else tuple(key)
    work.seam("correction.claimed")
    answer = target.connector.correct(
        correction.collection, one, people, (correction.field, before, after)
    )
    work.seam("correction.changed")
    right = answer.stands and target.connector.stands(
        correction.collection, one, people, (correction.field, after)
    )
    with transaction.atomic():
        stage = CorrectionStage.DONE if right else CorrectionStage.CHANGED
        work.finish(correction, stage=stage, done_at=at)
        if right:
            _keep(correction, key, before, at)
        facts = {
            "field": f"{correction.system_key}.{correction.collection}.{correction.field}",
            "before": sealing.digest("correction-value", normal(before)).hex(),
            "after": sealing.digest("correction-value", normal(after)).hex(),
        }
        verb = f"correction.{stage.value}"
        ledger.record(verb, subject=consumer_request.number, by=SYSTEM, at=at, facts=facts)
        if right and not correction.follows:
            _tell(consumer_request, correction, after, at)


def _keep(correction: Correction, key: Sequence[Any], before: str | None, at: datetime) -> None:
    """Lock the wrong value out, and have somebody look later whether it lasts (``lasting``)."""
    lock(correction, key, before, at)
    CorrectionLook.objects.bulk_create(
        [
            CorrectionLook(
                correction=correction, lane="prove", day=day, not_before=at + timedelta(days=day)
            )
            for day in LATER_LOOKS
        ],
        ignore_conflicts=True,
    )


def _leave(correction: Correction, at: datetime) -> None:
    """Nothing is changed any more: the request did not wait for it."""
    with transaction.atomic():
        work.finish(correction, stage=CorrectionStage.REFUSED)
        ledger.record(
            "correction.left", subject=correction.consumer_request.number, by=SYSTEM, at=at,
            facts={"status": correction.consumer_request.status},
        )  # fmt: skip


def why_not_complete(consumer_request: ConsumerRequest, *, in_part: bool) -> str:
    """Why the case cannot be said to be corrected yet, or an empty text.

    What is still being decided or carried out is not done; a field in which something else stood
    is corrected again, or the answer says that only part was done.
    """
    rows = list(consumer_request.corrections.order_by("pk"))
    if any(row.stage in {CorrectionStage.PROPOSED, CorrectionStage.APPROVED} for row in rows):
        return _("Corrections still wait to be decided or carried out.")
    last = {(row.system_key, row.collection, row.field): row.stage for row in rows}
    if not in_part and CorrectionStage.CHANGED in last.values():
        return _("A field could not be put right. Correct it again, or answer that part was done.")
    return ""


def _tell(
    consumer_request: ConsumerRequest, correction: Correction, after: str, at: datetime
) -> None:
    """Instruct service providers to correct it too (7023(c))."""
    kind = _kind(targets.under(correction.map_version).program.table(correction.collection),
                 correction.field)  # fmt: skip
    box = box_of(consumer_request)
    known = consumer_request.identifiers.filter(is_contact=True, source=IdentifierSource.ON_FILE)
    who = {box.open(each.value, context="identifier.value") for each in known}
    right = {"kind": kind or correction.field.replace("_", " "), "value": after}
    correspondence.queue_instructions(
        [consumer_request],
        Recipient.objects.instructed(),
        at=at,
        context=lambda _each: {
            "action": "correct",
            "identifiers": [{"kind": "email", "value": value} for value in sorted(who)],
            "corrected": right,
        },
    )
