"""A list of people to delete: read, located and frozen chunk by chunk, approved as one batch."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.conf import settings
from django.db import transaction

from ccpa_office import ledger, sealing
from ccpa_office.connectors.base import Identity
from ccpa_office.law.deadlines import received_date
from ccpa_office.roles import Actor, Verb, require
from requests_app import targets
from requests_app.fulfillment import batches
from requests_app.fulfillment.locating import locate
from requests_app.fulfillment.packing import Subject, batch_hash
from requests_app.fulfillment.plan import freeze
from requests_app.models import Batch, BatchState, Chunk, Plan

KINDS = ("email", "phone_number", "name")


class ListRefused(Exception):
    """The list cannot be read; the text says which line and why. Nothing was kept."""


@dataclass(frozen=True)
class Opened:
    """What became of a list: its batch, people found, and entries that name nobody or several."""

    batch: Batch
    found: int
    unknown: int
    ambiguous: int


def read(lines: Iterable[str]) -> Iterator[Identity]:
    """Identities of a CSV with a header of identifier kinds. Raises ``ListRefused``."""
    rows = csv.DictReader(lines, strict=True)
    header = rows.fieldnames or []
    unknown = [name for name in header if name not in KINDS]
    if not header or unknown or len(set(header)) != len(header):
        raise ListRefused(f"The first line must name columns among {', '.join(KINDS)}, each once.")
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

    Entries that name nobody, or more than one person, are counted and left out. Raises
    ``ListRefused``, ``NotAllowed``.
    """
    require(by, Verb.PLAN)
    text = list(lines)  # as it came: a third of the memory of what is read from it
    if not sum(1 for _ in read(text)):
        raise ListRefused("The list is empty.")
    batch = Batch.objects.create(
        kind=Batch.Kind.LIST,
        system_key=system_key,
        state=BatchState.GATHERING,
        ceiling=settings.CEILING_PEOPLE,
        approvals_needed=1,
        opened_by_id=by.id,
        opened_at=at,
    )
    entries = read(text)
    counts = [0, 0, 0]
    ordinal = 0
    while chunk := list(islice(entries, batches.CHUNK)):
        ordinal += 1
        for place, count in enumerate(_freeze_chunk(batch, ordinal, chunk, by=by, at=at)):
            counts[place] += count
    close_gathering(batch, counts[0], by=by, at=at)
    return Opened(batch, *counts)


def _freeze_chunk(
    batch: Batch, ordinal: int, identities: list[Identity], *, by: Actor, at: datetime
) -> tuple[int, int, int]:
    people = targets.of(batch.system_key).connector.people(identities)
    subjects = {
        found[0]: Subject(found[0], identity.identifiers)
        for identity, found in zip(identities, people, strict=True)
        if len(found) == 1
    }
    unknown = sum(not found for found in people)
    ambiguous = sum(len(found) > 1 for found in people)
    if subjects:
        found = locate(batch.system_key, list(subjects.values()), on=received_date(at))
        with transaction.atomic():
            _still_gathering(batch)
            chunk = Chunk.objects.create(
                batch=batch,
                ordinal=ordinal,
                people=len(subjects),
                lane="erase",
                state="done",
                stage=Chunk.Stage.WAIT,
                not_before=at,
            )
            freeze(found, data_key=sealing.new_key(), at=at, chunk=chunk, asked_by_id=by.id)
    return len(subjects), unknown, ambiguous


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
