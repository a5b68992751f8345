"""From a list's file to the office: the whole of it, once, in one transaction, or nothing."""

import hashlib
from datetime import datetime
from io import BufferedReader, BytesIO

from django.db import transaction

from ccpa_office import ledger, sealing
from ccpa_office.prepared import planned_cursor
from ccpa_office.roles import Actor, Verb, require
from requests_app.channels.drop import names
from requests_app.channels.drop.reading import ID, FileRefused, Items, Reader, Wrong
from requests_app.models import DropList, DropPiece

PIECE = 1_000_000
"""Items of one piece: what one statement of a store is asked for, and all that memory holds."""

INSERT = """
INSERT INTO requests_app_droppiece (drop_list_id, ordinal, items, ids, digests, outcomes)
VALUES (%s, %s, %s, %b, %b, decode(repeat('00', %s), 'hex'))
"""


def load(
    file: BufferedReader | BytesIO, *, name: str, by: Actor, at: datetime
) -> tuple[DropList, bool]:
    """Keep a list; says whether it came just now. The same file twice is one list.

    The file is read twice, so it must be one that can be. Raises ``NotAllowed``,
    ``names.NameRefused``, ``reading.FileRefused``.
    """
    require(by, Verb.PLAN)
    named = names.read(name)
    if named.kind == names.REMOVED:
        raise names.NameRefused("Identifiers that consumers took back are no work items.")
    digest = hashlib.file_digest(file, "sha256").digest()
    if known := DropList.objects.filter(file_digest=digest).first():
        return known, False
    file.seek(0)
    with transaction.atomic():
        made = DropList.objects.create(
            name=name, kind=named.kind, day=named.day, broker=named.broker, items=0,
            file_digest=digest, loaded_at=at, loaded_by_id=by.staff_id, data_key=sealing.new_key(),
        )  # fmt: skip
        _keep(made, Reader(file))
        facts = {"kind": made.kind, "items": made.items, "file": digest.hex()}
        ledger.record("drop.loaded", subject=f"drop:{made.pk}", by=by, at=at, facts=facts)
    return made, True


def _keep(made: DropList, reader: Reader) -> None:
    """Write piece after piece, and in the end how many items there are."""
    for ordinal, items in enumerate(reader.items(PIECE), start=1):
        _require_new(items, first=made.items)
        with planned_cursor() as cursor:
            count = len(items)
            cursor.execute(
                INSERT, [made.pk, ordinal, count, bytes(items.ids), bytes(items.digests), count]
            )
        made.items += len(items)
    if reader.digest != bytes(made.file_digest):
        raise FileRefused([Wrong(1, "changed", "the file was changed while it was read")])
    made.save(update_fields=["items"])


def _require_new(items: Items, *, first: int) -> None:
    """Refuse a work item that stands twice, here or in any list. Raises ``FileRefused``."""
    each = _cut(items.ids)
    known = set(each)
    if len(known) != len(each):
        raise FileRefused(_twice(each, first))
    rows = DropPiece.objects.order_by("pk").values_list("ids", flat=True)
    for held in rows.iterator(chunk_size=1):
        if not known.isdisjoint(_cut(held)):
            again = known.intersection(_cut(held))
            wrong = [
                Wrong(first + place + 2, "known", "a work item that stands in a list already")
                for place, item in enumerate(each)
                if item in again
            ]
            raise FileRefused(wrong[:100], len(wrong))


def _cut(held: bytes | bytearray | memoryview) -> list[bytes]:
    ids = bytes(held)
    return [ids[at : at + ID] for at in range(0, len(ids), ID)]


def _twice(each: list[bytes], first: int) -> list[Wrong]:
    seen: dict[bytes, int] = {}
    wrong = []
    for place, item in enumerate(each):
        if item in seen:
            said = f"the work item of line {seen[item]} once more"
            wrong.append(Wrong(first + place + 2, "twice", said))
        seen.setdefault(item, first + place + 2)
    return wrong[:100]
