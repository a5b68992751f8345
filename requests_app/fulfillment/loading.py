"""A chunk in memory: its plans, people and parts, read in one statement."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import chain
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from ccpa_office import sealing
from ccpa_office.connectors.base import Identity, Key, Program
from ccpa_office.models import ClockGuard
from ccpa_office.prepared import Prepared
from requests_app import targets
from requests_app.fulfillment.packing import Part, Subject, is_whole, open_part, open_subjects
from requests_app.fulfillment.plan import LIVING
from requests_app.models import Batch, BatchState, Chunk, Plan, PlanState, PlanTable, Switch
from requests_app.targets import Target


class NotNow(Exception):
    """The kill switch is set, or the batch is paused or stopped: nothing is touched."""


class NotWhatWasApproved(Exception):
    """The people or parts in the database are not those that the approved hash stands for.

    Also where a part names a table that the program of the plan's own map does not know.
    """


def require_known(program: Program, parts: Iterable[Part]) -> None:
    """Hold the tables of some parts against the program. Raises ``NotWhatWasApproved``."""
    known = {table.name for table in program.tables}
    for part in parts:
        if part.table not in known:
            raise NotWhatWasApproved(f"{program.system} has no table {part.table} in its map")


@dataclass(frozen=True)
class Stay:
    """Rows of one person that were kept, by table, and when that may end."""

    rows: dict[str, list[Key]] = field(default_factory=dict)
    ends: dict[tuple[str, str], date | None] = field(default_factory=dict)
    """By table and ground: the first day on which a term ends."""


@dataclass(frozen=True)
class Load:
    """A chunk in memory: its plans, its people in one row, and the merged parts of its plans."""

    chunk: Chunk
    target: Target
    plans: list[Plan]
    subjects: list[Subject]
    first: dict[int, int]
    parts: list[Part]
    unfinished: frozenset[int]
    """Plans whose request has another plan to be carried out elsewhere."""
    supplements: Counter[int]
    """How many rows born after the freeze are planned already, by person."""
    stays: Mapping[int, Stay] = field(default_factory=dict)
    """What is kept of whom until a day, or as long as a hold lasts."""

    @cached_property
    def people(self) -> list[Key]:
        return [each.key for each in self.subjects]

    @cached_property
    def identities(self) -> list[Identity]:
        return [each.identity for each in self.subjects]

    @cached_property
    def names(self) -> list[str]:
        """Whom the book names for each person: the number of the request, or the list's batch."""
        named = [f"batch:{self.chunk.batch_id}"] * len(self.subjects)
        for plan in self.plans:
            if plan.consumer_request:
                first = self.first[plan.pk]
                places = range(first, min(first + plan.people, len(named)))
                named[first : first + plan.people] = [plan.consumer_request.number for _ in places]
        return named

    def people_of(self, plan: Plan) -> list[Subject]:
        """The people of one of the plans."""
        first = self.first[plan.pk]
        return self.subjects[first : first + plan.people]

    def plans_of(self, people: Set[int]) -> frozenset[int]:
        """The plans of some people, without supplements."""
        return frozenset(
            plan.pk
            for plan in self.plans
            if plan.parent_id is None
            and any(self.first[plan.pk] <= person < self.first[plan.pk] + plan.people
                    for person in people)
        )  # fmt: skip


def load(
    chunk: Chunk, *, states: Sequence[PlanState] = (PlanState.EXECUTING,), looking: bool = False
) -> Load:
    """Read a chunk's plans and parts: two statements, however many people.

    Looking changes nothing, so no switch stops it. Raises ``NotNow``, ``NotWhatWasApproved``.
    """
    plans = PLANS(chunk.pk, chunk.batch_id, [state.value for state in states])
    halted = any(plan.halted or plan.paused for plan in plans)
    if not plans or (halted and not looking):
        raise NotNow
    boxes = {plan.pk: sealing.Box(plan.data_key) for plan in plans}
    parts_of: dict[int, list[Part]] = {plan.pk: [] for plan in plans}
    for row in TABLES(list(boxes)):
        parts_of[row.plan_id].append(open_part(boxes[row.plan_id], row))
    subjects: list[Subject] = []
    first: dict[int, int] = {}
    for plan in plans:
        people = open_subjects(boxes[plan.pk], plan)
        if not is_whole(plan, people, parts_of[plan.pk]):
            raise NotWhatWasApproved
        first[plan.pk] = first.get(plan.parent_id, len(subjects))
        subjects += people if plan.parent_id is None else []
    is_look = looking or chunk.stage == Chunk.Stage.PROVE
    target = (targets.to_look if is_look else targets.under)(plans[0].map_version)
    require_known(target.program, chain.from_iterable(parts_of.values()))
    return Load(
        chunk=chunk,
        target=target,
        plans=plans,
        subjects=subjects,
        first=first,
        parts=merge((first[pk], part) for pk, parts in parts_of.items() for part in parts),
        unfinished=frozenset(plan.pk for plan in plans if plan.unfinished),
        supplements=Counter(
            first[plan.pk] + person
            for plan in plans
            if plan.parent_id
            for part in parts_of[plan.pk]
            for person in part.persons
        ),
        stays=_stays((first[pk], part) for pk, parts in parts_of.items() for part in parts),
    )


def _stays(parts: Iterable[tuple[int, Part]]) -> dict[int, Stay]:
    """Gather the kept rows by person; what a person decided to keep ends not."""
    stays: dict[int, Stay] = {}
    for first, part in parts:
        if part.action != "keep" or part.decision:
            continue
        for key, person in zip(part.keys, part.persons, strict=True):
            stay = stays.setdefault(first + person, Stay())
            stay.rows.setdefault(part.table, []).append(key)
            ground = part.table, part.reason
            known = stay.ends.setdefault(ground, part.first_until)
            if part.first_until and (known is None or part.first_until < known):
                stay.ends[ground] = part.first_until  # what was born later may end earlier or later
    return stays


def is_halted(chunk: Chunk) -> bool:
    """Whether nothing of a chunk may be carried out now; one statement."""
    plans = PLANS(chunk.pk, chunk.batch_id, [PlanState.EXECUTING.value])
    return bool(plans) and bool(plans[0].halted or plans[0].paused)


def _plans(chunk: int, batch: int, states: Sequence[str]) -> QuerySet[Plan, Any]:
    """The chunk's plans, parents first, each with what says that nothing may happen now."""
    halted = Switch.objects.filter(stopped=True)
    trusted = ClockGuard.objects.filter(seen_at__isnull=False, suspect_since__isnull=True)
    running = Batch.objects.filter(pk=batch, state__in=_MAY_RUN)
    elsewhere = Plan.objects.filter(
        consumer_request=OuterRef("consumer_request"),
        state__in=LIVING,
    ).exclude(chunk_id=chunk)
    return (
        Plan.objects.filter(chunk_id=chunk, state__in=states)
        .select_related("data_key", "consumer_request", "map_version__system__data_key")
        .defer("map_version__document")
        .annotate(
            halted=Exists(halted) | ~Exists(trusted),
            paused=~Exists(running),
            unfinished=Exists(elsewhere),
        )
        .order_by(F("parent_id").asc(nulls_first=True), "pk")
    )


_MAY_RUN = [BatchState.RUNNING, BatchState.DONE]
PLANS: Prepared[Any] = Prepared(_plans, planned=True)
TABLES: Prepared[PlanTable] = Prepared(
    lambda plans: PlanTable.objects.filter(plan__in=plans).order_by("plan_id", "ordinal"),
    planned=True,
)


def merge(parts: Iterable[tuple[int, Part]]) -> list[Part]:
    """One part for each table, action and decision of the chunk, its people counted over it."""
    merged: dict[tuple[str, str, str], Part] = {}
    for first, part in parts:
        whole = merged.setdefault(
            (part.table, part.action, part.decision),
            Part(part.table, part.action, [], [], decision=part.decision),
        )
        whole.keys.extend(part.keys)
        whole.persons.extend([first + p for p in part.persons] if first else part.persons)
    return list(merged.values())
