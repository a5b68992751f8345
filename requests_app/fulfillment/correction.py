"""Correcting single fields: proposed, approved by another, changed, seen again, locked (7023)."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from ccpa_office import ledger, sealing, work
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from notices_app.datamap.compiling import OUTSIDE
from notices_app.models import Recipient
from requests_app import correspondence, targets, workflow
from requests_app.fulfillment.correctable import (
    CannotCorrect,
    Claim,
    Place,
    chosen,
    followers,
    sources_of,
)
from requests_app.fulfillment.locking import kind_of, lock, normal
from requests_app.fulfillment.outside import correcting
from requests_app.fulfillment.outside.asking import Asked
from requests_app.fulfillment.outside.correcting import holders, look_later
from requests_app.models import (
    ConsumerRequest,
    Correction,
    CorrectionStage,
    IdentifierSource,
    Note,
    Status,
)
from requests_app.targets import Vendor
from requests_app.verification.looking import box_of, people_of

SYSTEM = Actor.system("correction")

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
    sources = sources_of(consumer_request)
    first = chosen(sources, claim.field, claim.row)
    if first.before == value:
        raise CannotCorrect(_("This value stands there already."))
    places = [first, *(each for each in followers(sources, first) if each.before != value)]
    outside = holders(sources, kind_of(first.table, first.column), _category(first))
    with transaction.atomic():
        consumer_request = _open(consumer_request)
        workflow.note(consumer_request, reason, author=Note.Author.INTERNAL, by=by, at=at)
        made = [
            _row_of(consumer_request, place, value, follows=place is not first, by=by, at=at)
            for place in places
        ]
        made += [
            _row_outside(made[0], first, vendor, asked, box=box_of(consumer_request))
            for vendor, asked in outside
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


def _category(place: Place) -> str:
    return next(piece.category for piece in place.table.pieces if piece.column == place.column)


def _row_outside(
    first: Correction, place: Place, vendor: Vendor, asked: list[Asked], *, box: sealing.Box
) -> Correction:
    """The same at a system outside: by what it is asked, and the kind that is corrected."""
    return Correction(
        lane="collect",
        state=WorkState.DONE,
        not_before=first.not_before,
        consumer_request=first.consumer_request,
        system_key=vendor.key,
        map_version_id=vendor.version_id,
        collection=OUTSIDE,
        field=kind_of(place.table, place.column) or place.column,
        row=box.seal(json.dumps(asked), context="correction.row"),
        before=first.before,
        after=first.after,
        follows=True,
        proposed_by_id=first.proposed_by_id,
        proposed_at=first.proposed_at,
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
    if consumer_request.status != Status.VERIFIED or correcting.is_pointless(correction):
        _leave(correction, at)
        return
    if correcting.is_outside(correction):
        correcting.carry_out(correction, at=at)
    else:
        _put_right(correction, at)


def _put_right(correction: Correction, at: datetime) -> None:
    consumer_request = correction.consumer_request
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
    if right:
        target.connector.refresh()  # the copies that the store keeps are put right as well
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
    look_later(correction, at=at)


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
    kind = kind_of(targets.under(correction.map_version).program.table(correction.collection),
                 correction.field)  # fmt: skip
    box = box_of(consumer_request)
    known = consumer_request.identifiers.filter(is_contact=True, source=IdentifierSource.ON_FILE)
    who = {box.open(each.value, context="identifier.value") for each in known}
    right = {"kind": kind or correction.field.replace("_", " "), "value": after}
    correspondence.queue_instructions(
        [consumer_request],
        Recipient.objects.instructed(),
        at=at,
        again=True,
        context=lambda _each: {
            "action": "correct",
            "identifiers": [{"kind": "email", "value": value} for value in sorted(who)],
            "corrected": right,
        },
    )
