"""What was kept goes when its term or its hold ends, without anybody remembering (design 6.7).

1. With the proof, the rows that stay are noted (``staying``), sealed, with the first day on which
   one may go.
2. On that day they are located again: what may go is frozen as a plan of its own batch.
3. That batch waits for approval and cool-off like every other; what still stays is noted anew.

A hold has no day: its rows are looked at again every 30 days.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from ccpa_office import clock_guard, ledger, sealing
from ccpa_office.connectors.base import Key, Look, Rows
from ccpa_office.law.deadlines import received_date
from ccpa_office.roles import Actor
from requests_app import targets
from requests_app.fulfillment.batches import CHUNK
from requests_app.fulfillment.cutting import cut_rows
from requests_app.fulfillment.lists import close_gathering
from requests_app.fulfillment.locating import Found, locate
from requests_app.fulfillment.packing import Part, Subject, as_key
from requests_app.fulfillment.plan import freeze
from requests_app.fulfillment.staying import AGAIN, CONTEXT, next_day
from requests_app.fulfillment.timetable import each_in_turn
from requests_app.models import Batch, BatchState, Chunk, Kept, Plan, PlanState

SYSTEM = Actor.system("terms")


@dataclass(frozen=True)
class _Case:
    """A noted person, opened."""

    kept: Kept
    subject: Subject
    rows: Mapping[str, frozenset[Key]]


def gather(*, at: datetime) -> int:
    """Freeze what may no longer be kept, a batch for each system; how many people.

    A suspect clock ends nothing. What a refused, stopped or void plan was to take is due again.
    A system that fails keeps no other waiting: what failed is raised after the last one.
    """
    if not clock_guard.clock_is_trusted():
        return 0
    on = received_date(at)
    _clear_away()
    over = [PlanState.VOID, PlanState.STOPPED]
    Kept.objects.filter(plan__state__in=over).update(plan=None, due_on=on)
    due = Kept.objects.filter(plan__isnull=True, due_on__lte=on)
    systems = sorted(set(due.values_list("system_key", flat=True)))
    return each_in_turn(partial(_gather, system_key, on, at) for system_key in systems)


def _clear_away() -> None:
    """Void what an earlier day began to gather and could not end; forget what was noted anew."""
    begun = Batch.objects.filter(kind=Batch.Kind.TERM, state=BatchState.GATHERING)
    Plan.objects.filter(chunk__batch__in=begun).update(state=PlanState.VOID)
    begun.update(state=BatchState.STOPPED, stop_reason="not-gathered")
    newer = Kept.objects.filter(
        subject=OuterRef("subject"), system_key=OuterRef("system_key"), at__gt=OuterRef("at")
    )
    of_requests = Kept.objects.exclude(subject__startswith="batch:")
    of_requests.filter(Exists(newer), plan__isnull=True).delete()


def _gather(system_key: str, on: date, at: datetime) -> int:
    batch, people, ordinal = None, 0, 0
    while cases := _cases(system_key, on):
        subjects = [case.subject for case in cases]
        found = locate(system_key, subjects, on=on)
        # who has the key by now may be another: nobody is known by more than was noted then
        found = replace(found, subjects=subjects, parts=[_own(part, cases) for part in found.parts])
        freed = {person for part in found.parts if _acts(part) for person in part.persons}
        freed |= _untrimmed(found)
        with transaction.atomic():
            _wait(cases, found, freed, on)
            if not freed:
                continue
            batch = batch or _batch(system_key, at)
            ordinal += 1
            people += len(freed)
            _freeze(batch, ordinal, found, (cases, freed), at)
    if batch:
        close_gathering(batch, people, by=SYSTEM, at=at)
    return people


def _acts(part: Part) -> bool:
    return part.action not in {"keep", "trim"}


def _untrimmed(found: Found) -> set[int]:
    """Who has rows that stay and hold what need not: a hold on them ended within their term."""
    return {
        person
        for part in found.parts
        if part.action == "trim" and _holds_more(found, part)
        for person in sorted(set(part.persons))
        if _holds_more(found, _of(part, {person: person}))
    }


def _holds_more(found: Found, part: Part) -> bool:
    """Whether rows that are to be trimmed still hold what a trim takes; nobody is looked for."""
    look = Look(
        people=[each.key for each in found.subjects],
        identities=[each.identity for each in found.subjects],
        action=found.target.program.table(part.table).action,
        secrets=sealing.digests("pseudonym", found.target.key),
    )
    looks = [
        (part.table, rows, replace(look, kept=rows.keys, trimmed=rows.keys))
        for rows in cut_rows(Rows(part.keys, part.persons))
        if rows.keys
    ]
    found_again = targets.of(found.target.key).connector.recount_all(looks)
    return any(again.by_key or again.in_text for again in found_again)


def _cases(system_key: str, on: date) -> list[_Case]:
    due = Kept.objects.filter(system_key=system_key, plan__isnull=True, due_on__lte=on)
    cases = []
    for kept in due.select_related("data_key").order_by("pk")[:CHUNK]:
        box = sealing.Box(kept.data_key)
        person = json.loads(box.open(bytes(kept.person), context=CONTEXT))
        rows = {table: frozenset(map(as_key, keys)) for table, keys in person["rows"].items()}
        cases.append(_Case(kept, Subject(as_key(person["key"]), person["identifiers"]), rows))
    return cases


def _own(part: Part, cases: Sequence[_Case]) -> Part:
    """The part without rows that were not kept then: what came later is no part of that request."""
    own = [
        (key, person)
        for key, person in zip(part.keys, part.persons, strict=True)
        if key in cases[person].rows.get(part.table, frozenset())
    ]
    return replace(part, keys=[key for key, _ in own], persons=[person for _, person in own])


def _wait(cases: Sequence[_Case], found: Found, freed: set[int], on: date) -> None:
    """Whoever has rows that still stay waits for their next day; whoever has none is forgotten."""
    days: dict[int, list[date]] = {}
    for part in found.parts:
        if part.action == "keep":
            table = found.target.program.table(part.table)
            day = next_day(table, part.reason, part.first_until, on) or on + AGAIN
            for person in part.persons:
                days.setdefault(person, []).append(day)
    for person, case in enumerate(cases):
        if person in freed:
            continue
        if person in days:
            Kept.objects.filter(pk=case.kept.pk).update(due_on=min(days[person]))
        else:
            case.kept.delete()


def _batch(system_key: str, at: datetime) -> Batch:
    return Batch.objects.create(
        kind=Batch.Kind.TERM,
        system_key=system_key,
        state=BatchState.GATHERING,
        ceiling=settings.CEILING_PEOPLE,
        approvals_needed=1,
        opened_at=at,
    )


def _freeze(
    batch: Batch,
    ordinal: int,
    found: Found,
    whose: tuple[Sequence[_Case], set[int]],
    at: datetime,
) -> Plan:
    cases, freed = whose
    place = {person: new for new, person in enumerate(sorted(freed))}
    chunk = Chunk.objects.create(
        batch=batch, ordinal=ordinal, people=len(freed), lane="erase", state="done",
        stage=Chunk.Stage.WAIT, not_before=at,
    )  # fmt: skip
    only = replace(
        found,
        subjects=[found.subjects[person] for person in sorted(freed)],
        parts=[part for each in found.parts if (part := _of(each, place)).keys],
    )
    plan = freeze(only, data_key=sealing.new_key(), at=at, chunk=chunk)
    chosen = [cases[person].kept for person in sorted(freed)]
    Kept.objects.filter(pk__in=[each.pk for each in chosen]).update(plan=plan)
    entries = [(each.subject, {"plan": plan.hash}) for each in chosen]
    ledger.record_many("kept.ended", entries, by=SYSTEM, at=at)
    return plan


def _of(part: Part, place: Mapping[int, int]) -> Part:
    """The part of some people, counted anew."""
    own = [
        (key, place[person])
        for key, person in zip(part.keys, part.persons, strict=True)
        if person in place
    ]
    return replace(part, keys=[key for key, _ in own], persons=[person for _, person in own])
