"""A correction at systems outside: machines are asked, people are told, and all looked at again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from ccpa_office import clock, ledger, sealing, work
from ccpa_office.connectors.base import Key
from ccpa_office.connectors.http import Answer, JsonPath, same
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor
from notices_app.datamap.compiling import OUTSIDE
from notices_app.models import SystemKind
from requests_app import correspondence, targets
from requests_app.fulfillment import apart
from requests_app.fulfillment.locating import merged
from requests_app.fulfillment.locking import lock, normal
from requests_app.fulfillment.outside import asking
from requests_app.fulfillment.outside.asking import Asked, ForAPerson, StillUnknown, Way
from requests_app.fulfillment.outside.breaker import NotNow
from requests_app.models import Correction, CorrectionLook, CorrectionStage, Seen
from requests_app.targets import Target, Vendor
from requests_app.verification.looking import box_of

SYSTEM = Actor.system("correction")
LATER_LOOKS = (1, 7, 30)
"""Days after which somebody looks again: a feed may put the wrong value back."""
BY_HAND, NOTHING_TO_ASK_BY = "by-hand", "nothing-to-ask-by"
NOT_CORRECTED, OVERDUE = "not-corrected", "overdue"
FIRST_POLL, LONGEST_POLL = timedelta(minutes=1), timedelta(hours=6)


@dataclass(frozen=True)
class Change(Way):
    """One correction, the system outside that may hold the wrong value, and the way to it."""

    correction: Correction

    @classmethod
    def about(cls, correction: Correction, *, at: datetime) -> "Change":
        vendor = targets.vendor_under(correction.map_version)
        box = box_of(correction.consumer_request)
        return cls(vendor, targets.line(vendor), box, at, correction)

    @property
    def work(self) -> Correction:
        return self.correction

    @property
    def name(self) -> str:
        return f"correction:{self.correction.pk}"

    @property
    def after(self) -> str:
        """What is right."""
        return self.box.open(self.correction.after, context="correction.after")

    @property
    def before(self) -> str:
        """What was wrong."""
        return json.loads(self.box.open(self.correction.before, context="correction.before")) or ""

    @property
    def way(self) -> JsonPath:
        """Where the value stands in a record."""
        way = self.vendor.description.way_of(self.correction.field)
        assert way is not None  # noqa: S101  else nobody asks a machine
        return way

    def hold(self) -> None:
        held = Correction.objects.select_for_update().filter(
            pk=self.correction.pk, fence=self.correction.fence, state=WorkState.RUNNING
        )
        if not list(held.values_list("pk")):
            raise work.LeaseLost

    def send(self, fields: dict[str, str], *, key: str) -> Answer:
        return self.connector.correct(fields, key=key, at=self.at)

    def was_done(self, fields: dict[str, str]) -> bool:
        return self.is_right(self.seen().get(fields["id"], ""))

    def seen(self) -> dict[str, str]:
        """What each record of the person says there now, by its id; also under the right value."""
        asked, kind = asked_of(self.correction, self.box), self.correction.field
        if any(each == kind for each, _value in asked):
            asked.append((kind, self.after))
        found = asking.held(self, asked, whole=True)
        return {each: self.way.word(content) for each, content in found.items()}

    def is_right(self, value: str) -> bool:
        return value == self.after or (
            bool(value) and same(self.correction.field, value, self.after)
        )

    def is_wrong(self, value: str) -> bool:
        """Whether the wrong value stands there, in any spelling of it."""
        alike = normal(value) == normal(self.before) or same(
            self.correction.field, value, self.before
        )
        return bool(value) and alike and not self.is_right(value)


# --- who holds it -------------------------------------------------------------------------------


def holders(
    sources: Sequence[tuple[Target, list[Key]]], kind: str, category: str
) -> list[tuple[Vendor, list[Asked]]]:
    """Systems outside that may hold the same wrong thing, and by what each is asked.

    One that corrects this kind itself, or whose description names the category. Identifiers come
    from the person's own rows alone (VR-14); no system is called.
    """
    vendors = [each for each in targets.vendors() if _may_hold(each, kind, category)]
    known: dict[str, list[str]] = {}
    for target, people in sources if vendors else []:
        for mark in target.connector.marks(people):
            known = merged(known, mark.identifiers)
    known = apart.own(sources, known, {k for each in vendors for k in each.description.identifiers})
    return [
        (vendor, [(kind, value) for kind in vendor.description.identifiers
                  for value in known.get(kind, [])])
        for vendor in vendors
    ]  # fmt: skip


def _may_hold(vendor: Vendor, kind: str, category: str) -> bool:
    description = vendor.description
    return description.way_of(kind) is not None or category in description.categories


def is_outside(correction: Correction) -> bool:
    """Whether a correction is asked of a system outside."""
    return correction.collection == OUTSIDE and correction.map_version.system.kind != SystemKind.SQL


def is_by_machine(correction: Correction) -> bool:
    """Whether the system can be asked by its interface, and looked at again."""
    description = targets.vendor_under(correction.map_version).description
    return description.way_of(correction.field) is not None


def can_be_seen(correction: Correction) -> bool:
    """Whether the office can look itself whether an answer is true."""
    return not _for_people(correction)


def asked_of(correction: Correction, box: sealing.Box) -> list[Asked]:
    """By what the system is asked, as it was frozen with the proposal."""
    row = json.loads(box.open(correction.row, context="correction.row"))
    return [(str(kind), str(value)) for kind, value in row]


# --- by machine ---------------------------------------------------------------------------------


def carry_out(correction: Correction, *, at: datetime) -> None:
    """Ask one system outside, or tell the people who work it; then look again.

    It waits for the field that it follows: where something else stands by now, nobody is asked.
    """
    if not _leads(correction):
        work.put_off(correction, error_code="pending", delay=FIRST_POLL)
        return
    if code := _for_people(correction):
        _tell_people(correction, code, at=at)
        return
    change = Change.about(correction, at=at)
    try:
        _go_on(change)
    except NotNow as later:
        _wait(change, later.code, later.pause)
    except StillUnknown:
        work.hand_back(correction, error_code="unknown")
    except ForAPerson as why:
        work.park(correction, error_code=why.code)


def _leads(correction: Correction) -> bool:
    """Whether the field that this follows is settled."""
    return not _first(correction).filter(stage=CorrectionStage.APPROVED).exists()


def is_pointless(correction: Correction) -> bool:
    """Whether the field that this follows was not put right: then nobody outside is asked."""
    settled = [CorrectionStage.CHANGED, CorrectionStage.REFUSED]
    return is_outside(correction) and _first(correction).filter(stage__in=settled).exists()


def _first(correction: Correction) -> QuerySet[Correction]:
    return Correction.objects.filter(
        consumer_request=correction.consumer_request_id,
        proposed_at=correction.proposed_at,
        follows=False,
    )


def _for_people(correction: Correction) -> str:
    """Why no machine is asked, as a code; nothing where one is."""
    box = box_of(correction.consumer_request)
    if not asked_of(correction, box):
        return NOTHING_TO_ASK_BY
    nothing_was = json.loads(box.open(correction.before, context="correction.before")) is None
    return BY_HAND if nothing_was or not is_by_machine(correction) else ""


def _go_on(change: Change) -> None:
    """Find, ask, wait for what was taken in, look again."""
    correction = change.correction
    if correction.confirmed_at is None:
        settled = [_asked(change, each) for each in _records(change)]
        if not all(settled):
            waited = max(change.at - (correction.approved_at or change.at), FIRST_POLL)
            _wait(change, "pending", min(waited, LONGEST_POLL))
            return
    seen, ids = change.seen(), _records(change)
    left = [each for each in ids if not change.is_right(seen.get(each, ""))]
    if left or any(map(change.is_wrong, seen.values())):
        raise ForAPerson(NOT_CORRECTED)
    settle(correction, CorrectionStage.DONE, records=ids, at=change.at)


def _asked(change: Change, record: str) -> bool:
    named = asking.names(change.correction.round, "correct", record)
    fields = {"id": record, "field": change.correction.field, "value": change.after}
    return asking.step(change, named, fields)


def _records(change: Change) -> list[str]:
    """The records that hold the wrong value: found once, then frozen."""
    correction = change.correction
    if not correction.records:
        ids = [each for each, value in change.seen().items() if change.is_wrong(value)]
        correction.records = change.box.seal(json.dumps(ids), context="correction.records")
        with transaction.atomic():
            change.hold()
            Correction.objects.filter(pk=correction.pk).update(records=correction.records)
    return list(json.loads(change.box.open(correction.records, context="correction.records")))


def _wait(change: Change, code: str, pause: timedelta) -> None:
    """Wait without counting an attempt; past its day it becomes a person's work."""
    if clock.day_of(change.at) > _due_on(change):
        work.park(change.correction, error_code=OVERDUE)
    else:
        work.put_off(change.correction, error_code=code, delay=pause)


def _due_on(change: Change) -> date:
    """By when the system answers: its own days from the approval, inside the consumer's clock."""
    begun = clock.day_of(change.correction.approved_at or change.at)
    return asking.due_on(change.vendor, change.correction.consumer_request, today=begun)


def _tell_people(correction: Correction, code: str, *, at: datetime) -> None:
    """A task for people: on the case, and by letter where somebody outside does it."""
    vendor = targets.vendor_under(correction.map_version)
    box = box_of(correction.consumer_request)
    asked = asked_of(correction, box)
    with transaction.atomic():
        work.park(correction, error_code=code)
        if vendor.url.startswith("mailto:") and asked:
            right = box.open(correction.after, context="correction.after")
            told = {
                "action": "correct",
                "identifiers": [{"kind": kind, "value": value} for kind, value in asked],
                "corrected": {"kind": correction.field.replace("_", " "), "value": right},
            }
            address = vendor.url.removeprefix("mailto:")
            correspondence.queue_instructions(
                [correction.consumer_request],
                [correspondence.Desk(vendor.description.name, address)],
                at=at, context=lambda _each: told, again=True,
            )  # fmt: skip
        note(correction, "correction.by-hand", by=SYSTEM, at=at, why=code)


# --- the end ------------------------------------------------------------------------------------


def settle(
    correction: Correction,
    stage: CorrectionStage,
    *,
    records: Sequence[str] = (),
    by: Actor = SYSTEM,
    at: datetime,
) -> None:
    """The end at one system: written down, the wrong value locked out, looks to come.

    Raises ``LeaseLost`` when a worker's row is no longer its own.
    """
    box = box_of(correction.consumer_request)
    before = json.loads(box.open(correction.before, context="correction.before"))
    with transaction.atomic():
        if correction.state == WorkState.RUNNING:
            work.finish(correction, stage=stage, done_at=at)
        else:
            parked = Correction.objects.filter(pk=correction.pk, state=WorkState.PARKED)
            if not parked.update(state=WorkState.DONE, error_code="", stage=stage, done_at=at):
                raise work.LeaseLost
        for record in records:
            lock(correction, [record], before, at)
        if records:
            look_later(correction, at=at)
        verb = f"correction.{stage.value}"
        note(correction, verb, by=by, at=at, records=len(records), said=correction.said)


def look_later(correction: Correction, *, at: datetime) -> None:
    """Somebody looks again after 1, 7 and 30 days whether it lasts (``lasting``)."""
    CorrectionLook.objects.bulk_create(
        [
            CorrectionLook(
                correction=correction, lane="prove", day=day, not_before=at + timedelta(days=day)
            )
            for day in LATER_LOOKS
        ],
        ignore_conflicts=True,
    )


def see(correction: Correction, *, at: datetime) -> Seen:
    """What the records that were put right say now.

    Raises ``NotNow``, ``StillUnknown``, ``ForAPerson``.
    """
    change = Change.about(correction, at=at)
    seen = change.seen()
    if any(map(change.is_wrong, seen.values())):
        return Seen.WRONG
    right = all(change.is_right(seen.get(each, "")) for each in _records(change))
    return Seen.RIGHT if right else Seen.OTHER


def note(correction: Correction, verb: str, *, by: Actor, at: datetime, **facts: str | int) -> None:
    """One line in the book of the request; never a value."""
    field = f"{correction.system_key}.{correction.collection}.{correction.field}"
    number = correction.consumer_request.number
    ledger.record(verb, subject=number, by=by, at=at, facts={"field": field, **facts})
