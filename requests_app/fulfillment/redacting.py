"""What others' texts tell of erased people: redacted under a plan of its own, or kept."""

import json
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from ccpa_office import ledger, sealing
from ccpa_office.connectors.base import Key
from ccpa_office.law.grounds import require_exception
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor, Verb, require
from requests_app import targets
from requests_app.fulfillment import residue
from requests_app.fulfillment.lists import close_gathering
from requests_app.fulfillment.locating import Found
from requests_app.fulfillment.packing import Part, Subject, as_key, open_subjects
from requests_app.fulfillment.plan import freeze
from requests_app.fulfillment.sweeping import KEY
from requests_app.models import Batch, BatchState, Chunk, Plan, ResidueState, Sweep, Trace


class NothingFound(Exception):
    """No row of others that tells of people of this batch waits for a decision."""


def plan_redaction(batch: Batch, *, by: Actor, at: datetime) -> Batch:
    """Freeze a plan that takes the people out of the texts found; another person approves it.

    Only these people's own spellings go, in rows named by their keys. Raises ``NothingFound``.
    """
    require(by, Verb.PLAN)
    with transaction.atomic():
        traces = _open(batch)
        made = Batch.objects.create(
            kind=Batch.Kind.TEXT, system_key=batch.system_key, state=BatchState.GATHERING,
            ceiling=settings.CEILING_PEOPLE, approvals_needed=1, opened_by_id=by.id, opened_at=at,
        )  # fmt: skip
        subjects, parts = _frozen(traces)
        chunk = Chunk.objects.create(
            batch=made, ordinal=1, people=len(subjects), lane="erase", state="done",
            stage=Chunk.Stage.WAIT, not_before=at,
        )  # fmt: skip
        target = targets.of(batch.system_key)
        plan = freeze(
            Found(target, subjects, parts, {}), data_key=sealing.new_key(), at=at, chunk=chunk,
            asked_by_id=by.id,
        )  # fmt: skip
        Trace.objects.filter(pk__in=[each.pk for each in traces]).update(
            state=ResidueState.PLANNED, answer=plan, by_id=by.id
        )
        close_gathering(made, len(subjects), by=by, at=at)
    return made


def keep(batch: Batch, *, ground: str, by: Actor, at: datetime) -> int:
    """Leave the texts found as they are, for a named ground; how many rows.

    Raises ``NothingFound``, ``NoSuchException``.
    """
    require(by, Verb.DECIDE_SHARED)
    require_exception(ground, RequestKind.DELETE)
    with transaction.atomic():
        traces = _open(batch)
        Trace.objects.filter(pk__in=[each.pk for each in traces]).update(
            state=ResidueState.KEPT, ground=ground, by_id=by.id, settled_at=at, key=b""
        )
        facts = {"rows": len(traces), "ground": ground}
        ledger.record("trace.kept", subject=f"batch:{batch.pk}", by=by, at=at, facts=facts)
        residue.close({each.plan_id for each in traces}, at=at)
    return len(traces)


def _open(batch: Batch) -> list[Trace]:
    list(Sweep.objects.select_for_update().filter(batch=batch).values_list("pk"))
    found = Trace.objects.filter(
        sweep__batch=batch, sweep__looked_at__isnull=False, state=ResidueState.OPEN
    )
    traces = list(found.select_related("sweep__data_key", "plan__data_key").order_by("pk"))
    if not traces:
        raise NothingFound
    return traces


def _frozen(traces: Sequence[Trace]) -> tuple[list[Subject], list[Part]]:
    """The people told of, each once, and a part for each table."""
    places: dict[tuple[int, int], int] = {}
    subjects: list[Subject] = []
    opened: dict[int, list[Subject]] = {}
    parts: dict[str, Part] = {}
    for trace in traces:
        key = _key(trace)
        for person in trace.persons:
            whose = trace.plan_id, person
            if whose not in places:
                places[whose] = len(subjects)
                subjects.append(_people(trace.plan, opened)[person])
            part = parts.setdefault(trace.table, Part(trace.table, "redact", [], []))
            part.keys.append(key)
            part.persons.append(places[whose])
    return subjects, list(parts.values())


def _key(trace: Trace) -> Key:
    box = sealing.Box(trace.sweep.data_key)
    return as_key(json.loads(box.open(bytes(trace.key), context=KEY)))


def _people(plan: Plan, opened: dict[int, list[Subject]]) -> list[Subject]:
    if plan.pk not in opened:
        opened[plan.pk] = open_subjects(sealing.Box(plan.data_key), plan)
    return opened[plan.pk]
