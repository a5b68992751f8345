"""Carry out what was approved: one chunk of people, one transaction in the target."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from ccpa_office import ledger, sealing, work
from ccpa_office.connectors.base import Applied, Deed, Rows
from ccpa_office.models import WorkState
from ccpa_office.prepared import planned_cursor
from ccpa_office.roles import Actor
from notices_app.models import DataMapVersion
from requests_app import targets
from requests_app.fulfillment import erasure_ledger, newborn, pacing
from requests_app.fulfillment.cutting import cut_rows, together
from requests_app.fulfillment.loading import Load, load, merge, require_known
from requests_app.fulfillment.packing import Part, canonical, is_redaction
from requests_app.fulfillment.strangers import strangers
from requests_app.models import Batch, BatchState, Chunk, Receipt

SYSTEM = Actor.system("erasure")


class KeyOfAnother(Exception):
    """A frozen key belongs to somebody else by now: nothing was changed, the batch stops."""


def run_chunk(chunk: Chunk, *, at: datetime, turn: pacing.Turn | None = None) -> Load:
    """Erase one chunk: target transaction, then receipts; repeatable at every instant (PR-14).

    Raises ``KeyOfAnother``, ``TooManyNewborn``, ``NotNow``, ``NotWhatWasApproved``,
    ``pacing.NotYet``, ``work.LeaseLost``; the target is then as it was before.
    """
    loaded = load(chunk)
    connector = loaded.target.connector
    if turn:
        turn.begin(loaded.plans[0].map_version.system, loaded.target, at=at)
    work.seam("erase.before-effect")
    with connector.transaction():
        born = [] if _names_every_row(loaded) else _born(loaded, at)
        if born:
            newborn.intend(loaded, born, at)
        parts = in_order(loaded, [*loaded.parts, *born])
        results = apply(loaded, parts)
    work.seam("erase.after-effect")
    line, mark = erasure_ledger.append(loaded, parts, at=at)
    work.seam("erase.noted")
    repeated = chunk.attempts > 1
    with transaction.atomic():
        receipts = _receipts(chunk, parts, results, repeated=repeated, at=at)
        _hand_on(chunk, receipts, at)
        _note(loaded, receipts, at, {"line": line, "mark": mark})
        work.seam("erase.before-commit")
    work.seam("erase.after-commit")
    return replace(loaded, parts=parts)


def _names_every_row(loaded: Load) -> bool:
    """Whether the rows alone are meant: texts of others, or what the law no longer keeps.

    Whoever has the person's key by now, and what was born since, is no part of that.
    """
    if any(plan.consumer_request_id for plan in loaded.plans):
        return False
    return is_redaction(loaded.parts) or loaded.chunk.batch.kind == Batch.Kind.TERM


def _born(loaded: Load, at: datetime) -> list[Part]:
    """What was born since the freeze; each key must still be the person's.

    Asked where the store gives free keys away again. Raises ``KeyOfAnother``.
    """
    if loaded.target.connector.gives_again and strangers(loaded.target, loaded.subjects):
        raise KeyOfAnother(loaded.target.program.person)
    return newborn.born_since(loaded, at)


def refresh(chunk: Chunk, target: targets.Target) -> None:
    """After the last erasure of a batch, let the store make its copies of the tables anew.

    Whoever is parked, or waits for another attempt, holds nobody up: who was erased before them
    must not stand in a copy. A batch that was stopped erases no more.
    """
    if not target.connector.views:
        return
    later = Chunk.objects.filter(
        batch=chunk.batch_id, stage__in=[Chunk.Stage.ERASE, Chunk.Stage.WAIT]
    ).exclude(Q(state=WorkState.PARKED) | Q(state=WorkState.READY, attempts__gt=0))
    later = later.exclude(Q(pk=chunk.pk) | Q(batch__state=BatchState.STOPPED))
    if not later.exists():
        target.connector.refresh()


def refresh_without(chunk: Chunk) -> None:
    """Whoever was erased before a chunk that cannot go on is no longer to stand in a copy."""
    versions = DataMapVersion.objects.select_related("system__data_key")
    version = versions.filter(plan__chunk=chunk).first()
    if version:
        refresh(chunk, targets.under(version))


def in_order(loaded: Load, parts: Sequence[Part]) -> list[Part]:
    """One part for each table and action, in the program's order: children before parents.

    Shared rows that are stripped come first where the way from them to the person is cut later.
    Raises ``NotWhatWasApproved`` for a table that the program does not know.
    """
    require_known(loaded.target.program, parts)
    tables = loaded.target.program.tables
    order = {table.name: place for place, table in enumerate(tables)}
    loose = {table.name for table in tables if table.loose}
    merged = merge((0, part) for part in parts)

    def turn(part: Part) -> tuple[bool, int, str]:
        late = part.decision != "strip" or part.table not in loose
        return late, order[part.table], part.action

    return sorted(merged, key=turn)


def apply(loaded: Load, parts: Sequence[Part]) -> list[Applied]:
    """Change table after table; what is kept is not touched. Raises ``KeyOfAnother``."""
    secret = sealing.digest("pseudonym", loaded.target.key)
    acted = [part for part in parts if part.action not in {"keep", "redact"}]
    pieces = [
        [
            (part.table, rows, Deed(part.action, secret=secret, identities=loaded.identities))
            for rows in cut_rows(Rows(part.keys, part.persons))
        ]
        for part in acted
    ]
    changes = [each for piece in pieces for each in piece]
    answers = iter(loaded.target.connector.apply_all(changes, loaded.people))
    applied = [together([next(answers) for _piece in piece]) for piece in pieces]
    for part, result in zip(acted, applied, strict=True):
        if result.foreign:
            raise KeyOfAnother(part.table)
    results = iter(applied)
    return [_apart(loaded, part) or next(results) for part in parts]


def _apart(loaded: Load, part: Part) -> Applied | None:
    """What happens to rows that are not changed as the people's own: kept, or redacted by key."""
    if part.action == "keep":
        return Applied(done=0, gone=0, foreign=[])
    if part.action != "redact":
        return None
    pieces = cut_rows(Rows(part.keys, part.persons))
    redact = loaded.target.connector.redact
    return together([redact(part.table, rows, loaded.identities) for rows in pieces])


HAND_ON = """
WITH held AS (
    UPDATE requests_app_chunk SET stage = 'prove', lane = 'prove', erased_at = %(at)s
    WHERE id = %(chunk)s AND fence = %(fence)s AND state = 'running' RETURNING id
), kept AS (
    INSERT INTO requests_app_receipt
        (chunk_id, ordinal, "table", action, planned, done, gone, digest, at)
    SELECT held.id, receipt.*, %(at)s FROM held, json_to_recordset(%(receipts)s::json) AS receipt
        (ordinal int, "table" text, action text, planned int, done int, gone int, digest text)
) SELECT id FROM held"""


def _hand_on(chunk: Chunk, receipts: Sequence[Receipt], at: datetime) -> None:
    """From erasing to proving under the same lease, with the receipts.

    Whoever comes later proves, never erases.
    """
    names = ("ordinal", "table", "action", "planned", "done", "gone", "digest")
    written = [{name: getattr(each, name) for name in names} for each in receipts]
    values = {
        "chunk": chunk.pk, "fence": chunk.fence, "at": at, "receipts": json.dumps(written),
    }  # fmt: skip
    with planned_cursor() as cursor:
        cursor.execute(HAND_ON, values)
        if cursor.fetchone() is None:
            raise work.LeaseLost
    chunk.stage, chunk.lane, chunk.erased_at = Chunk.Stage.PROVE, "prove", at


def _receipts(
    chunk: Chunk,
    parts: Sequence[Part],
    results: Sequence[Applied],
    *,
    repeated: bool,
    at: datetime,
) -> list[Receipt]:
    """What came back, table by table.

    The target's transaction is whole or absent. When a repeated attempt finds every row gone, an
    earlier attempt carried all of them out and died before it could write its receipts.
    """
    acted = [
        (part, result) for part, result in zip(parts, results, strict=True) if part.action != "keep"
    ]
    deletes = [result for part, result in acted if part.action == "delete"]
    by_earlier = repeated and not any(result.done for result in deletes)
    receipts = []
    for ordinal, (part, result) in enumerate(acted):
        redacts = part.action == "redact"  # a row may name several people
        gone = 0 if by_earlier and not redacts else result.gone
        facts = canonical([part.table, part.action])[:-1] + f",{part.texts[0]}]".encode()
        receipts.append(
            Receipt(
                chunk=chunk,
                ordinal=ordinal,
                table=part.table,
                action=part.action,
                planned=result.done + result.gone if redacts else len(part.keys),
                done=result.done if redacts else len(part.keys) - gone,
                gone=gone,
                digest=hashlib.sha256(facts).hexdigest(),
                at=at,
            )
        )
    return receipts


def _note(loaded: Load, receipts: Sequence[Receipt], at: datetime, outside: dict[str, Any]) -> None:
    """One line for the chunk: its root binds every receipt; it knows its erasure ledger's line."""
    leaves = [bytes.fromhex(receipt.digest) for receipt in receipts]
    ledger.record(
        erasure_ledger.CARRIED_OUT,
        subject=f"batch:{loaded.chunk.batch_id}",
        by=SYSTEM,
        at=at,
        facts={
            "chunk": loaded.chunk.ordinal,
            "people": len(loaded.subjects),
            "rows": sum(receipt.planned for receipt in receipts),
            "gone": sum(receipt.gone for receipt in receipts),
            "root": ledger.merkle_root(leaves).hex() if leaves else "",
            **outside,
        },
    )
