"""What stays of whom, noted with the proof: sealed, with the first day on which some may go."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from django.db import connection

from ccpa_office import ledger, sealing
from ccpa_office.connectors.base import Key, Program, Table
from ccpa_office.law.deadlines import received_date
from ccpa_office.models import DataKey
from ccpa_office.roles import Actor
from requests_app.fulfillment.loading import Load, Stay
from requests_app.fulfillment.packing import Subject, as_key, canonical
from requests_app.models import Batch, Kept, Plan

SYSTEM = Actor.system("terms")
AGAIN = timedelta(days=30)
"""So long rows under a hold, which has no end of its own, wait for another look."""
CONTEXT = "kept.person"

NOTE = """
INSERT INTO requests_app_kept (system_key, at, subject, person, data_key_id, due_on)
SELECT %s, %s, subject, decode(person, 'hex'), data_key::bigint, due_on::date
FROM unnest(string_to_array(%s, ','), string_to_array(%s, ','), string_to_array(%s, ','),
    string_to_array(%s, ',')) AS kept(subject, person, data_key, due_on)
"""
"""The driver quotes one text in no time; it would look at every value of a list alone."""


def note(loaded: Load, *, at: datetime) -> None:
    """Note what stays of whom, in the proof's transaction; no statement where nothing stays."""
    on = received_date(at)
    stays = _fresh(loaded) if loaded.chunk.batch.kind == Batch.Kind.RETURN else loaded.stays
    due = {
        person: day
        for person, stay in stays.items()
        if (day := _due(stay, loaded.target.program, on))
    }
    ended = [plan.pk for plan in loaded.plans if plan.consumer_request_id is None]
    if ended:
        _note_erased(ended, at)
    if not due:
        return
    keys = _keys(loaded)
    boxes = {each.pk: sealing.Box(each) for each in keys.values()}
    sealed = [
        _sealed(boxes[keys[person].pk], loaded.subjects[person], stays[person].rows)
        for person in due
    ]
    columns = [
        ",".join(loaded.names[person] for person in due),
        ",".join(person.hex() for person in sealed),
        ",".join(str(keys[person].pk) for person in due),
        ",".join(day.isoformat() for day in due.values()),
    ]
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [loaded.target.key, at, *columns])


def _fresh(loaded: Load) -> dict[int, Stay]:
    """What stays of people who came back, without what was noted with their first proof."""
    first = Plan.objects.filter(returns__answer__in=[plan.pk for plan in loaded.plans])
    noted: dict[str, set[Key]] = {}
    for kept in Kept.objects.select_related("data_key").filter(
        system_key=loaded.target.key, data_key__in=first.values("data_key")
    ):
        person = json.loads(sealing.Box(kept.data_key).open(bytes(kept.person), context=CONTEXT))
        for table, keys in person["rows"].items():
            noted.setdefault(table, set()).update(map(as_key, keys))
    return {person: _without(stay, noted) for person, stay in loaded.stays.items()}


def _without(stay: Stay, noted: Mapping[str, set[Key]]) -> Stay:
    rows = {
        table: left
        for table, keys in stay.rows.items()
        if (left := [key for key in keys if key not in noted.get(table, ())])
    }
    return Stay(rows, {place: end for place, end in stay.ends.items() if place[0] in rows})


def _keys(loaded: Load) -> dict[int, DataKey]:
    """The data key of each person's plan; it must live as long as something is kept."""
    keys: dict[int, DataKey] = {}
    for plan in loaded.plans:
        if plan.parent_id is None:
            first = loaded.first[plan.pk]
            keys |= dict.fromkeys(range(first, first + plan.people), plan.data_key)
    return keys


def _due(stay: Stay, program: Program, on: date) -> date | None:
    """The first day on which something may go; nothing ends what the map keeps for good."""
    days = [
        next_day(program.table(table), reason, end, on)
        for (table, reason), end in stay.ends.items()
    ]
    return min((day for day in days if day), default=None)


def next_day(table: Table, reason: str, end: date | None, on: date) -> date | None:
    """The day on which rows kept for that reason are looked at again, if it ever ends.

    A term whose first day nobody has written down yet begins with that day: it is looked for.
    """
    if any(hold.code == reason for hold in table.holds) or (table.term and not end):
        return on + AGAIN
    if table.term and end:
        return end if end > on else on + AGAIN
    return on + AGAIN if table.term else None  # what begins the term may yet come


def _note_erased(plans: Sequence[int], at: datetime) -> None:
    """Write into the book of each person that what was kept is gone; it is noted no longer."""
    ended = list(Kept.objects.filter(plan__in=plans).select_related("plan"))
    if ended:
        entries = [(each.subject, {"plan": each.plan.hash}) for each in ended if each.plan]
        ledger.record_many("kept.erased", entries, by=SYSTEM, at=at)
        Kept.objects.filter(pk__in=[each.pk for each in ended]).delete()


def _sealed(box: sealing.Box, subject: Subject, rows: Mapping[str, Sequence[Key]]) -> bytes:
    person = {"key": subject.key, "identifiers": subject.identifiers, "rows": rows}
    return box.seal(canonical(person).decode(), context=CONTEXT)
