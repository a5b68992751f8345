"""Whether a correction lasts: a feed that puts the wrong value back is an alarm (7023(c)).

A corrected field is looked at again after 1, 7 and 30 days, first by the connector's own question
whether the right value stands, then by reading the person's rows as a package does.
"""

import json
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from ccpa_office import ledger, work
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb, require
from requests_app import targets
from requests_app.fulfillment.correctable import CannotCorrect, found
from requests_app.fulfillment.locking import alike, kind_of
from requests_app.fulfillment.outside import asking, correcting
from requests_app.fulfillment.outside.asking import ForAPerson, StillUnknown
from requests_app.fulfillment.outside.breaker import NotNow
from requests_app.models import ConsumerRequest, Correction, CorrectionLook, CorrectionStage, Seen
from requests_app.verification.looking import box_of, people_of

SYSTEM = Actor.system("correction")


def look_again(row: CorrectionLook, *, at: datetime) -> None:
    """One claimed look: what it saw stands in the book; what came back waits at the case's desk."""
    correction = row.correction
    try:
        seen = see(correction, at=at) if _is_last(correction) else Seen.OTHER
    except NotNow as later:
        due = (correction.done_at or at) + timedelta(days=row.day)
        asking.wait_to_look(row, later, due=due, at=at)
        return
    except StillUnknown:
        work.hand_back(row, error_code="unknown")
        return
    except ForAPerson as why:
        work.park(row, error_code=why.code)
        return
    work.seam("correction.looked")
    with transaction.atomic():
        work.finish(row, looked_at=at, seen=seen)
        facts = {
            "field": f"{correction.system_key}.{correction.collection}.{correction.field}",
            "day": row.day,
            "seen": seen.value,
        }
        number = correction.consumer_request.number
        ledger.record("correction.looked-again", subject=number, by=SYSTEM, at=at, facts=facts)


def _is_last(correction: Correction) -> bool:
    """Whether no later correction of the request put something else into the same field."""
    later = Correction.objects.filter(
        pk__gt=correction.pk,
        consumer_request=correction.consumer_request_id,
        system_key=correction.system_key,
        collection=correction.collection,
        field=correction.field,
        stage=CorrectionStage.DONE,
    )
    return not later.exists()


def see(correction: Correction, *, at: datetime) -> Seen:
    """What stands in the field now; a value counts as wrong again in every spelling of it.

    Of a system outside: raises ``NotNow``, ``StillUnknown``, ``ForAPerson``.
    """
    if correcting.is_outside(correction):
        return correcting.see(correction, at=at)
    box = box_of(correction.consumer_request)
    people = people_of(correction.consumer_request)[correction.system_key]
    key = json.loads(box.open(correction.row, context="correction.row"))
    before = json.loads(box.open(correction.before, context="correction.before"))
    after = box.open(correction.after, context="correction.after")
    target = targets.to_look(correction.map_version)
    one = key[0] if len(key) == 1 else tuple(key)
    if target.connector.stands(correction.collection, one, people, (correction.field, after)):
        return Seen.RIGHT
    table = target.program.table(correction.collection)
    named, kind = [str(part) for part in key], kind_of(table, correction.field)
    for place in found(target, people, table, correction.field):
        if [str(part) for part in place.key] == named and alike(kind, place.before, before):
            return Seen.WRONG
    return Seen.OTHER


def undone() -> QuerySet[CorrectionLook]:
    """Looks that found the wrong value back, where none after them saw it right."""
    right = CorrectionLook.objects.filter(
        correction=OuterRef("correction"), looked_at__gt=OuterRef("looked_at"), seen=Seen.RIGHT
    )
    return CorrectionLook.objects.filter(~Exists(right), seen=Seen.WRONG)


def waiting_for_a_person(consumer_request: ConsumerRequest) -> QuerySet[CorrectionLook]:
    """Looks of a request that found the wrong value back, or that gave up."""
    stuck = Q(pk__in=undone().values("pk")) | Q(state=WorkState.PARKED)
    return CorrectionLook.objects.filter(stuck, correction__consumer_request=consumer_request)


def look_now(consumer_request: ConsumerRequest, *, by: Actor, at: datetime) -> int:
    """Look once more at what came back, when somebody says that it is mended; how many fields.

    So with looks that gave up. Raises ``NotAllowed``, ``CannotCorrect`` where there is neither.
    """
    require(by, Verb.WORK_CASE)
    with transaction.atomic():
        mine = waiting_for_a_person(consumer_request).values_list("pk", flat=True)
        rows = CorrectionLook.objects.filter(pk__in=list(mine))
        count = rows.update(state=WorkState.READY, not_before=at, attempts=0, error_code="")
        if not count:
            raise CannotCorrect("Nothing came back.")
        ledger.record(
            "correction.look-asked", subject=consumer_request.number, by=by, at=at,
            facts={"fields": count},
        )  # fmt: skip
        work.notify("prove")
    return count
