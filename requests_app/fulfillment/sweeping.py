"""Free texts that no key leads to are swept once for all people of a batch (design 6.7).

1. When a batch is done, and at the latest a day after a chunk was proved, a sweep is due.
2. It reads every text that the map marks, page by page, looking for all of them at once, and goes
   on where it stood after any interruption. Nothing is changed.
3. A row that tells of a person is a trace: the person's plan is residual from then on. A person
   decides: redact it, under a plan of its own that another approves, or keep it with a ground.

What stands alone is no trace where others bear it too (a namesake, the telephone of a household),
nor is a name of one word: it is counted apart.
"""

import contextlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from ccpa_office import ledger, sealing, work
from ccpa_office.connectors.base import Identity, Key
from ccpa_office.connectors.sweeping import WIDE, Crowd, Met, Seen, is_name, searched
from ccpa_office.roles import Actor
from notices_app import datamap
from notices_app.models import SystemKind
from requests_app import targets
from requests_app.fulfillment import pacing, residue
from requests_app.fulfillment.packing import (
    Subject,
    as_key,
    canonical,
    open_part,
    open_subjects,
)
from requests_app.models import (
    Batch,
    BatchState,
    Chunk,
    Finding,
    Plan,
    PlanState,
    PlanTable,
    Sweep,
    SweptChunk,
    Trace,
)
from requests_app.targets import Target

SYSTEM = Actor.system("proof")
AT_THE_LATEST = timedelta(days=1)
PAGE = 2000
BUDGET = 60.0
"""Seconds of one turn; the next turn goes on behind the last page."""
MOST_PEOPLE = 50_000
"""So many people one sweep looks for: some 200 MB. More people of a batch are another sweep."""
KEY, SO_FAR = "trace.key", "sweep.so-far"


def gather(*, at: datetime) -> int:
    """Let a sweep be due for the proved people of batches that are done; how many sweeps."""
    kept = Plan.objects.filter(
        chunk=OuterRef("pk"), map_version__system__kind=SystemKind.SQL,
        state__in=[PlanState.PROVED, PlanState.RESIDUAL],
    ).exclude(subjects=b"")  # fmt: skip
    due = Chunk.objects.filter(
        Q(batch__state=BatchState.DONE) | Q(proved_at__lte=at - AT_THE_LATEST),
        Exists(kept), swept__isnull=True, stage=Chunk.Stage.DONE, proved_at__isnull=False,
    ).exclude(batch__kind=Batch.Kind.TEXT)  # fmt: skip
    crowds = list(_crowds(due.order_by("batch_id", "pk")[:5000]))
    for chunks in crowds:
        batch = chunks[0].batch_id
        with transaction.atomic():
            sweep = Sweep.objects.create(
                batch_id=batch, ordinal=1 + Sweep.objects.filter(batch=batch).count(),
                data_key=sealing.new_key(), lane="prove", not_before=at,
                people=sum(chunk.people for chunk in chunks),
            )  # fmt: skip
            SweptChunk.objects.bulk_create(SweptChunk(sweep=sweep, chunk=chunk) for chunk in chunks)
    return len(crowds)


def _crowds(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Chunks of one batch together, as many people as one process can hold in mind."""
    together: list[Chunk] = []
    for chunk in chunks:
        people = sum(each.people for each in together) + chunk.people
        if together and (together[0].batch_id != chunk.batch_id or people > MOST_PEOPLE):
            yield together
            together = []
        together.append(chunk)
    if together:
        yield together


@dataclass
class _People:
    """Everybody of a sweep: their plans, and which rows stay by right."""

    plans: list[Plan] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)
    whose: list[tuple[int, int]] = field(default_factory=list)
    """For each person the plan, as a place in ``plans``, and the place in it."""
    stays: dict[str, dict[Key, set[int]]] = field(default_factory=dict)
    """Rows that stay by right, by table, and of whom: of anybody else they may still tell."""

    @property
    def identities(self) -> list[Identity]:
        return [Identity(each.identifiers) for each in self.subjects]


def sweep(row: Sweep, *, at: datetime) -> None:
    """One turn of a sweep, to its end or until its time is over. Raises ``LeaseLost``."""
    people = _people(row)
    target = targets.of(row.batch.system_key)
    pace = pacing.Turn()
    try:
        pace.begin(datamap.system(target.key), target, at=at)
        turn = _Turn(row, people, target, Crowd(people.identities), sealing.Box(row.data_key), at)
        turn.begin()
        if turn.to_the_end():
            _conclude(row, people, at)
    except pacing.NotYet as later:
        work.finish(row, state="ready", attempts=row.attempts - 1, not_before=later.until)
    finally:
        pace.end()


def _people(row: Sweep) -> _People:
    people = _People()
    plans = Plan.objects.filter(
        chunk__swept__sweep=row, parent__isnull=True,
        state__in=[PlanState.PROVED, PlanState.RESIDUAL],
    ).exclude(subjects=b"")  # fmt: skip
    for plan in plans.select_related("data_key", "consumer_request", "chunk").order_by("pk"):
        box = sealing.Box(plan.data_key)
        subjects = open_subjects(box, plan)
        first = len(people.subjects)
        people.whose += [(len(people.plans), place) for place in range(len(subjects))]
        people.plans.append(plan)
        people.subjects += subjects
        own = Q(plan=plan) | Q(plan__parent=plan)  # what was born after the freeze stays too
        for table in PlanTable.objects.filter(own, action="keep"):
            part = open_part(box, table)
            rows = people.stays.setdefault(part.table, {})
            for key, person in zip(part.keys, part.persons, strict=True):
                rows.setdefault(key, set()).add(first + person)
    return people


@dataclass
class _Turn:
    """A sweep while a worker has it."""

    row: Sweep
    people: _People
    target: Target
    crowd: Crowd
    box: sealing.Box
    at: datetime
    ambiguous: dict[tuple[str, str], bool] = field(default_factory=dict)
    """Of every value that was met, whether it alone tells of nobody; asked once a turn."""
    telling: dict[Met, bool] = field(default_factory=dict)
    """Of all that was met of one person in one row, whether it tells of them."""

    def begin(self) -> None:
        """Begin with the first text, or go on; under another map other texts may be marked.

        Copies of tables are made anew where a chunk was not carried out: its turn would have been
        the one to do so (``erasure.refresh``).
        """
        row = self.row
        if row.place and self._so_far() is None:
            with transaction.atomic():
                if not list(self._held().select_for_update().values_list("pk")):
                    raise work.LeaseLost
                Trace.objects.filter(sweep=row).delete()  # they are met again
            row.place, row.after, row.read, row.names_alone = "", b"", 0, 0
        if not row.place and Chunk.objects.filter(batch=row.batch_id, erased_at=None).exists():
            self.target.connector.refresh()

    def _held(self) -> QuerySet[Sweep]:
        return Sweep.objects.filter(pk=self.row.pk, fence=self.row.fence, state="running")

    def to_the_end(self) -> bool:
        """Read on; whether everything is read. What was found stands with how far it is."""
        ends = time.monotonic() + BUDGET
        for table, place in self._places():
            after, is_open = place, True
            while is_open:
                page = self.target.connector.sweep(table, self.crowd, after=after, limit=PAGE)
                traces, alone = self._judged(table, page.seen)
                after, is_open = page.last, page.last is not None
                self._note(table, after, page.read, traces, alone)
                work.seam("sweep.after-page")
                if is_open and time.monotonic() > ends:
                    attempts = self.row.attempts - 1
                    work.finish(self.row, state="ready", attempts=attempts, not_before=self.at)
                    return False
        return True

    def _places(self) -> Iterator[tuple[str, Key | None]]:
        """The tables that are left, the first one behind the last key that was read."""
        names = [each.name for each in self.target.program.tables if searched(each)]
        if self.row.place not in names:
            yield from ((name, None) for name in names)
            return
        at = names.index(self.row.place)
        if after := self._so_far():
            yield names[at], as_key(after[0])
        yield from ((name, None) for name in names[at + 1 :])

    def _so_far(self) -> list[Any] | None:
        """The last key of the last table, nothing where it is read to its end.

        None where what was read was read under another map.
        """
        with contextlib.suppress(sealing.Unreadable):  # a program before this one wrote it
            digest, *after = json.loads(self.box.open(bytes(self.row.after), context=SO_FAR))
            return after if digest == self.target.program.digest else None
        return None

    def _note(
        self, table: str, after: Key | None, read: int, traces: list[Trace], alone: int
    ) -> None:
        read_so_far = [self.target.program.digest, *([] if after is None else [after])]
        last = self.box.seal(canonical(read_so_far).decode(), context=SO_FAR)
        row = self.row
        row.place, row.after = table, last
        row.read, row.names_alone = row.read + read, row.names_alone + alone
        with transaction.atomic():
            if not self._held().update(
                place=table, after=last, read=row.read, names_alone=row.names_alone
            ):
                raise work.LeaseLost
            Trace.objects.bulk_create(traces)
            work.renew(row, lease=timedelta(minutes=3))

    def _judged(self, table: str, seen: Sequence[Seen]) -> tuple[list[Trace], int]:
        """Traces of a page, one for each row and plan; and how many names stood alone."""
        stays = self.people.stays.get(table, {})
        traces, alone = [], 0
        self._ask_others(seen)
        for row in seen:
            own = stays.get(row.key, ())
            people = {place: met for place, met in row.people.items() if place not in own}
            places = [place for place, met in people.items() if self._tells(met)]
            alone += len(people) - len(places)
            by_plan: dict[int, list[int]] = {}
            for place in places:
                plan, person = self.people.whose[place]
                by_plan.setdefault(plan, []).append(person)
            traces += [
                Trace(
                    sweep=self.row, plan=self.people.plans[plan], table=table, persons=persons,
                    key=self.box.seal(_spelled(row.key), context=KEY),
                )
                for plan, persons in by_plan.items()
            ]  # fmt: skip
        return traces, alone

    def _tells(self, met: Met) -> bool:
        """Once for all who are met by the very same values: most are namesakes."""
        if met not in self.telling:
            self.telling[met] = self._is_telling(met)
        return self.telling[met]

    def _is_telling(self, met: Met) -> bool:
        values = {_borne_as(kind, value) for kind, value in met}
        names = [value for sort, value in values if sort == NAME]
        apart = [
            (sort, value)
            for sort, value in values
            if sort != NAME or not any(value != other and value in other for other in names)
        ]
        return len(apart) > 1 or not all(self.ambiguous.get(each, False) for each in apart)

    def _ask_others(self, seen: Sequence[Seen]) -> None:
        """Find out which of the values on a page others bear too: a namesake, a household."""
        met = {each for row in seen for values in row.people.values() for each in values}
        asked = {_borne_as(*each): each for each in sorted(met)}
        values = [each for borne_as, each in asked.items() if borne_as not in self.ambiguous]
        borne = self.target.connector.bearers(values) if values else []
        for (kind, value), found in zip(values, borne, strict=True):
            own = self._own(kind, value)
            is_common = is_name(kind) and (_is_one_word(value) or len(own) > 1)
            self.ambiguous[_borne_as(kind, value)] = is_common or not set(found) <= own

    def _own(self, kind: str, value: str) -> set[Key | None]:
        """The keys of the people of the sweep who bear a value."""
        borne_as = _borne_as(kind, value)
        return {
            subject.key
            for subject in (self.people.subjects[each] for each in self.crowd.bearing(value))
            if any(
                _borne_as(other, each) == borne_as
                for other, held in subject.identifiers.items()
                for each in held
            )
        }


def _is_one_word(name: str) -> bool:
    return " " not in name.strip() and not WIDE.search(name)


NAME = "name"


def _borne_as(kind: str, value: str) -> tuple[str, str]:
    return NAME if is_name(kind) else kind, value.casefold()


def _spelled(key: Key) -> str:
    return canonical(key).decode()


def _conclude(row: Sweep, people: _People, at: datetime) -> None:
    """Everything is read: say what was found, in the book and on the plans."""
    hits = Trace.objects.filter(sweep=row)
    found: Mapping[int, int] = _counted(hits.values_list("plan", flat=True))
    finding = Finding.RESIDUAL if found else Finding.ABSENT
    with transaction.atomic():
        work.finish(row, looked_at=at, finding=finding, place="", after=b"")
        facts = {
            "people": len(people.subjects), "read": row.read, "rows": sum(found.values()),
            "names_alone": row.names_alone, "finding": finding.value,
        }  # fmt: skip
        ledger.record("proof.swept", subject=f"batch:{row.batch_id}", by=SYSTEM, at=at, facts=facts)
        hit = [plan for plan in people.plans if plan.pk in found]
        residue.mark(hit)
        entries = [(residue.subject_of(plan), {"rows": found[plan.pk]}) for plan in hit
                   if plan.consumer_request]  # fmt: skip
        ledger.record_many("proof.told-of", entries, by=SYSTEM, at=at)
    work.seam("sweep.after-commit")


def _counted(plans: Iterable[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for plan in plans:
        counts[plan] = counts.get(plan, 0) + 1
    return counts
