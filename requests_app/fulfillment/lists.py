"""A list of people to delete: read, located and frozen chunk by chunk, approved as one batch."""

import csv
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, Max, OuterRef, Sum

from ccpa_office import clock, ledger, sealing, work
from ccpa_office.connectors.base import Identity, Key, Program
from ccpa_office.law.deadlines import received_date
from ccpa_office.models import DataKey, WorkState
from ccpa_office.roles import Actor, Verb, require
from notices_app.models import DataSystem
from requests_app import targets
from requests_app.fulfillment import batches
from requests_app.fulfillment.locating import Found, locate, merged
from requests_app.fulfillment.packing import LISTED, Subject, as_key, batch_hash, canonical
from requests_app.fulfillment.plan import freeze
from requests_app.models import Batch, BatchState, Chunk, Listed, Plan

KINDS = ("email", "phone_number", "name")
AT_A_TIME = 100_000
"""So many people are in memory at once while a list is read; they are sorted by their keys."""
HOLD = work.Hold(lease=timedelta(minutes=3))
PAUSE = 0.1
SYSTEM = Actor.system("lists")


class ListRefused(Exception):
    """The list cannot be read; the text says which line and why. Nothing was kept."""


@dataclass(frozen=True)
class Opened:
    """What became of a list: its batch, people found, and entries that name nobody or several."""

    batch: Batch
    found: int
    unknown: int
    ambiguous: int


def read(lines: Iterable[str], kinds: Sequence[str] = KINDS) -> Iterator[Identity]:
    """Identities of a CSV with a header of identifier kinds. Raises ``ListRefused``."""
    rows = csv.DictReader(lines, strict=True)
    header = rows.fieldnames or []
    unknown = [name for name in header if name not in kinds]
    if not header or unknown or len(set(header)) != len(header):
        raise ListRefused(f"The first line must name columns among {', '.join(kinds)}, each once.")
    try:
        for row in rows:
            yield _identity(row, rows.line_num)
    except csv.Error as error:
        raise ListRefused(f"Line {rows.line_num}: {error}.") from None


def _identity(row: dict[str, str], line: int) -> Identity:
    if None in row or None in row.values():
        raise ListRefused(f"Line {line}: the number of columns differs from the first line.")
    found = {kind: [value.strip()] for kind, value in row.items() if value.strip()}
    if not found:
        raise ListRefused(f"Line {line}: no identifier.")
    if any("\0" in value for values in found.values() for value in values):
        raise ListRefused(f"Line {line}: a character that no identifier has.")
    return Identity(found)


def open_list(system_key: str, lines: Iterable[str], *, by: Actor, at: datetime) -> Opened:
    """Freeze plans for everybody on a list; the batch then waits for its approvals.

    Who opened the list builds its plans beside the workers. Raises ``ListRefused``,
    ``NotAllowed``.
    """
    opened = take_in(system_key, lines, by=by, at=at)
    _build_along(opened.batch)
    opened.batch.refresh_from_db()
    return opened


def take_in(system_key: str, lines: Iterable[str], *, by: Actor, at: datetime) -> Opened:
    """Read a list once, a piece at a time, and write its people down, sealed, in chunks.

    Workers build the plans; whoever dies over one, another goes on. Entries that name nobody, or
    more than one person, are counted and left out. Raises ``ListRefused``, ``NotAllowed``.
    """
    require(by, Verb.PLAN)
    if DataSystem.objects.filter(key=system_key, rehearsal=True).exists():
        raise ListRefused("This system is a rehearsal copy: `rehearse` tries plans on it.")
    reading, batch, target = _Reading(), None, targets.of(system_key)
    entries = read(lines, _kinds(target.program))
    try:
        for people in reading.pieces(target.connector.people, entries):
            if batch is None:
                batch, key = _batch(system_key, by=by, at=at), sealing.new_key()
            _write_down(batch, people, key, at=at)
            people.clear()  # the next piece is read while this one still has its name
    except ListRefused:
        if batch:
            _forget(batch)
        raise
    assert batch  # noqa: S101  an empty list was refused
    _begin(batch, by=by, at=at)
    return Opened(batch, reading.found, reading.unknown, reading.ambiguous)


def _kinds(program: Program) -> list[str]:
    """The kinds of identifier that a list may hold: the usual ones, and what the map finds by."""
    finds = {each.kind for table in program.tables for each in table.identities}
    return [*KINDS, *sorted(finds - {*KINDS})]


def _batch(system_key: str, *, by: Actor, at: datetime) -> Batch:
    return Batch.objects.create(
        kind=Batch.Kind.LIST,
        system_key=system_key,
        state=BatchState.GATHERING,
        ceiling=settings.CEILING_PEOPLE,
        approvals_needed=1,
        opened_by_id=by.id,
        opened_at=at,
    )


def open_people(system_key: str, keys: Sequence[Key], *, by: Actor, at: datetime) -> Batch:
    """Freeze plans for people whose keys are known; the batch then waits for its approvals.

    Raises ``NotAllowed``.
    """
    require(by, Verb.PLAN)
    ordered, key = list(dict.fromkeys(keys)), sealing.new_key()
    batch = _batch(system_key, by=by, at=at)
    for first in range(0, len(ordered), AT_A_TIME):
        people = dict.fromkeys(ordered[first : first + AT_A_TIME], canonical({}).decode())
        _write_down(batch, people, key, at=at)
    _begin(batch, by=by, at=at)
    _build_along(batch)
    batch.refresh_from_db()
    return batch


def open_left(*, at: datetime) -> int:
    """Open a list for whom another could not take, when everybody else of it had a turn.

    Workers build its plans; it then waits for its approvals like any. How many people.
    """
    chunks = Chunk.objects.filter(batch=OuterRef("pk"))
    over = [Chunk.Stage.PLAN, Chunk.Stage.DONE]
    busy = chunks.exclude(stage__in=over).exclude(state=WorkState.PARKED)
    begun = [BatchState.RUNNING, BatchState.STOPPED]
    left = Batch.objects.filter(
        Exists(chunks.filter(stage=Chunk.Stage.PLAN, state="done")), ~Exists(busy),
        kind=Batch.Kind.LIST, state__in=begun,
    )  # fmt: skip
    return sum(_open_left(batch, at) for batch in left.order_by("pk"))


def _open_left(batch: Batch, at: datetime) -> int:
    """Those chunks are another list's from now on; of two workers the second finds none."""
    with transaction.atomic():
        Batch.objects.select_for_update().get(pk=batch.pk)
        left = list(batch.chunks.filter(stage=Chunk.Stage.PLAN).order_by("ordinal"))
        people = sum(chunk.people for chunk in left)
        if not left:
            return 0
        by = Actor(kind="staff", id=batch.opened_by_id, roles=frozenset())
        new = _batch(batch.system_key, by=by, at=at)
        for ordinal, chunk in enumerate(left, start=1):
            Chunk.objects.filter(pk=chunk.pk).update(
                batch=new, ordinal=ordinal, state="ready", not_before=at
            )
        Batch.objects.filter(pk=batch.pk).update(people=F("people") - people)
        facts = {"batch": new.pk, "people": people}
        ledger.record("list.left-over", subject=f"batch:{batch.pk}", by=SYSTEM, at=at, facts=facts)
    return people


People = dict[Key, str]
"""Whom a list names: each person's key, and the identifiers as canonical JSON."""


class _Reading:
    """A list while it is read: what became of its entries."""

    def __init__(self) -> None:
        self.found = self.unknown = self.ambiguous = 0

    def pieces(
        self, asked: Callable[[list[Identity]], list[list[Key]]], entries: Iterator[Identity]
    ) -> Iterator[People]:
        """The people of the list, as many at a time as memory may hold, at least one piece."""
        people: People = {}
        block = list(islice(entries, batches.CHUNK))
        if not block:
            raise ListRefused("The list is empty.")
        while block:
            self._take(people, zip(block, asked(block), strict=True))
            if len(people) >= AT_A_TIME:
                yield people
                people = {}
            block = list(islice(entries, batches.CHUNK))
        yield people

    def _take(self, people: People, named: Iterable[tuple[Identity, list[Key]]]) -> None:
        for identity, keys in named:
            if len(keys) != 1:
                self.unknown += not keys
                self.ambiguous += len(keys) > 1
                continue
            key, identifiers = keys[0], identity.identifiers
            if key in people:  # named twice
                identifiers = merged(json.loads(people[key]), identifiers)
            else:
                self.found += 1
            people[key] = canonical(identifiers).decode()


LIST = "INSERT INTO requests_app_listed (chunk_id, data_key_id, people) VALUES (%s, %s, %s)"
"""Written so, the sealed people of a long list leave memory with their chunk."""


def _write_down(batch: Batch, people: People, data_key: DataKey, *, at: datetime) -> None:
    """Write people down in chunks, in the order of their keys: neighbors are stored together."""
    box, ordered = sealing.Box(data_key), sorted(people)
    last = batch.chunks.aggregate(last=Max("ordinal"))["last"] or 0
    cut = [ordered[n : n + batches.CHUNK] for n in range(0, len(ordered), batches.CHUNK)]
    with transaction.atomic():
        _still_gathering(batch)
        chunks = Chunk.objects.bulk_create(
            Chunk(
                batch=batch, ordinal=ordinal, people=len(keys), lane="plan", state="done",
                stage=Chunk.Stage.PLAN, not_before=at,
            )
            for ordinal, keys in enumerate(cut, start=last + 1)
        )  # fmt: skip
        with connection.cursor() as cursor:
            for chunk, keys in zip(chunks, cut, strict=True):
                cursor.execute(LIST, [chunk.pk, data_key.pk, _sealed(box, keys, people)])


def _sealed(box: sealing.Box, keys: Sequence[Key], people: People) -> bytes:
    pairs = ",".join(f"[{canonical(key).decode()},{people[key]}]" for key in keys)
    return box.seal(f"[{pairs}]", context=LISTED)


def _forget(batch: Batch) -> None:
    """Nothing is kept of a list that cannot be read to its end."""
    with transaction.atomic():
        batch.chunks.all().delete()
        batch.delete()


def _begin(batch: Batch, *, by: Actor, at: datetime) -> None:
    """The list is read: its plans can be built, by whoever comes."""
    with transaction.atomic():
        _still_gathering(batch)
        if not batch.chunks.filter(stage=Chunk.Stage.PLAN).update(state="ready"):
            close_gathering(batch, 0, by=by, at=at)


def _build_along(batch: Batch) -> None:
    """Build plans beside the workers until all are built, or somebody has to wait for a store."""
    building = batch.chunks.filter(stage=Chunk.Stage.PLAN)
    while True:
        tally = work.drain("plan", handlers=[(Chunk, build_all)], owner="list", hold=HOLD)
        if tally.failed:
            return
        if not tally.done:
            if not building.filter(state="running").exists():
                return
            time.sleep(PAUSE)  # somebody else builds the last ones


def build_all(chunks: Iterable[Chunk]) -> None:
    """Build the plans of claimed chunks."""
    for chunk in chunks:
        build(chunk, at=clock.now())


def build(chunk: Chunk, *, at: datetime) -> None:
    """Locate and freeze the people of a claimed chunk; the last one lets the batch wait.

    Reads outside any transaction; what is found is written at once. Raises ``work.LeaseLost``.
    """
    try:
        listed = _listed(chunk)
        people = json.loads(sealing.Box(listed.data_key).open(listed.people, context=LISTED))
        subjects = [Subject(as_key(key), identifiers) for key, identifiers in people]
        found = locate(chunk.batch.system_key, subjects, on=received_date(at))
        work.seam("plan.before-commit")
        _freeze(chunk, listed, found, at)
    except ListRefused:
        work.finish(chunk, stage=Chunk.Stage.DONE)


def _listed(chunk: Chunk) -> Listed:
    """The people of a chunk. Raises ``ListRefused`` when the list was thrown away."""
    listed = Listed.objects.filter(chunk=chunk).select_related("data_key").first()
    if listed is None:
        raise ListRefused
    return listed


def _freeze(chunk: Chunk, listed: Listed, found: Found, at: datetime) -> None:
    """Freeze a chunk; the last of its batch closes the list, whose key is then of no more use."""
    batch = chunk.batch
    with transaction.atomic():
        key, opened_by = sealing.new_key(), batch.opened_by_id
        freeze(found, data_key=key, at=at, chunk=chunk, asked_by_id=opened_by)
        _still_gathering(batch)
        work.finish(chunk, stage=Chunk.Stage.WAIT, lane="erase", attempts=0)
        listed.delete()
        if not batch.chunks.filter(stage=Chunk.Stage.PLAN).exists():
            if not Plan.objects.filter(data_key=listed.data_key).exists():
                sealing.destroy(listed.data_key, at)
            people = batch.chunks.aggregate(people=Sum("people"))["people"]
            by = Actor(kind="staff", id=opened_by, roles=frozenset())
            close_gathering(batch, people, by=by, at=at)


def _still_gathering(batch: Batch) -> None:
    """Hold the batch; somebody may have thrown it away meanwhile. Raises ``ListRefused``."""
    rows = Batch.objects.select_for_update().filter(pk=batch.pk, state=BatchState.GATHERING)
    if not rows.exists():
        raise ListRefused("Somebody threw this list away while it was read.")


def close_gathering(batch: Batch, people: int, *, by: Actor, at: datetime) -> None:
    """Let a batch wait for its approvals, whose number its weight says."""
    plans = list(Plan.objects.filter(chunk__batch=batch).only("hash", "above_ceiling"))
    heavy = people > batch.ceiling or any(plan.above_ceiling for plan in plans)
    with transaction.atomic():
        _still_gathering(batch)
        batch.people = people
        batch.hash = batch_hash(plans)
        batch.approvals_needed = max(settings.APPROVALS_ALWAYS, 2 if heavy else 1)
        batch.state = BatchState.WAITING if people else BatchState.DONE
        batch.save(update_fields=["people", "hash", "approvals_needed", "state"])
        ledger.record(
            "batch.opened",
            subject=f"batch:{batch.pk}",
            by=by,
            at=at,
            facts={"people": people, "hash": batch.hash, "needed": batch.approvals_needed},
        )
