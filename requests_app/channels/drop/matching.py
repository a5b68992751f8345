"""Whom a list means: every system that holds the identifier is looked at, then each item answered.

A look is kept by itself, so a match that was broken off goes on where it was. Nothing is answered
before every look is there: what one system does not hold, another may.
"""

import json
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from psycopg.pq import Format

from ccpa_office import ledger, sealing
from ccpa_office.connectors import matching, vectors
from ccpa_office.connectors.base import ConnectorError, Key
from ccpa_office.prepared import planned_cursor
from ccpa_office.roles import Actor, Verb, require
from notices_app import datamap
from notices_app.models import SystemKind
from requests_app import targets
from requests_app.models import DropList, DropLook, DropOutcome, DropPiece

CONTEXT = "drop.people"
DIGESTS = "SELECT digests FROM requests_app_droppiece WHERE id = %s"


class Stand(StrEnum):
    """How it stands with one system."""

    LOOKED = "looked"  # at every row that counts, for every item
    NOT_HELD = "not-held"  # its map names no column of what the list hashes
    NO_MAP = "no-map"  # no map is approved: nobody knows what it holds
    FAILED = "failed"  # it did not answer, or map and store do not fit


@dataclass
class Round:
    """What one run came to."""

    stands: dict[str, Stand] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether some system holds the identifier, and each that may was looked at to its end."""
        stands = set(self.stands.values())
        return Stand.LOOKED in stands and stands <= {Stand.LOOKED, Stand.NOT_HELD}


@dataclass(frozen=True)
class _System:
    key: str
    version_id: int


def match(drop_list: DropList, *, by: Actor, at: datetime) -> Round:
    """Look where nobody looked yet, and answer every item if then all is known.

    A list that is settled stays as it is. Raises ``NotAllowed``, ``vectors.RulesBroken``.
    """
    require(by, Verb.PLAN)
    vectors.require_sound()
    found = Round({each.key: Stand.NO_MAP for each in datamap.systems()
                   if each.kind == SystemKind.SQL})  # fmt: skip
    holding = []
    for target in datamap.targets():
        held = matching.holds(target.program, drop_list.kind)
        found.stands[target.key] = Stand.FAILED if held else Stand.NOT_HELD
        holding += [_System(target.key, target.version_id)] if held else []
    if drop_list.settled_at:
        return found
    for system in holding:
        found.stands[system.key] = _look(drop_list, system, by=by, at=at)
    if found.is_complete:
        _settle(drop_list, holding, by=by, at=at)
    return found


# --- looking ------------------------------------------------------------------------------------


def _look(drop_list: DropList, system: _System, *, by: Actor, at: datetime) -> Stand:
    """Hold every piece against one system that has not been held against it under this map."""
    pieces = DropPiece.objects.filter(drop_list=drop_list).defer("ids", "digests", "outcomes")
    looked = pieces.filter(looks__system_key=system.key, looks__map_version_id=system.version_id)
    waiting = list(pieces.exclude(pk__in=looked.values("pk")).order_by("ordinal")
                   .values_list("pk", flat=True))  # fmt: skip
    try:
        for number in waiting:
            piece = pieces.get(pk=number)
            target = targets.of(system.key)
            if target.version_id != system.version_id:
                return Stand.FAILED  # another map was approved meanwhile: the next run takes it
            met = target.connector.matched(drop_list.kind, _digests(piece))
            _keep(drop_list, piece, system, met, by=by, at=at)
    except (ConnectorError, datamap.NoActiveMap, datamap.NoAddress, datamap.NoSuchSystem):
        return Stand.FAILED
    return Stand.LOOKED


def _digests(piece: DropPiece) -> bytes:
    """The hashes of a piece, as they are: many bytes that nobody should spell as text."""
    with planned_cursor() as cursor:
        cursor.cursor.format = Format.BINARY
        cursor.execute(DIGESTS, [piece.pk])
        return bytes(cursor.fetchone()[0])


def _keep(
    drop_list: DropList, piece: DropPiece, system: _System, met: matching.Matched, *, by: Actor,
    at: datetime,
) -> None:  # fmt: skip
    """Keep one look; whoever ran at the same time may have kept the same."""
    pairs = sorted(met.pairs, key=lambda pair: pair[0])
    box = sealing.Box(drop_list.data_key)
    text = json.dumps([key for _place, key in pairs], separators=(",", ":"), ensure_ascii=False)
    look = DropLook(
        piece=piece, system_key=system.key, map_version_id=system.version_id, found=len(pairs),
        places=array("I", [place for place, _key in pairs]).tobytes(),
        keys=box.seal(text, context=CONTEXT), unsure=met.unsure, beyond=met.beyond, at=at,
    )  # fmt: skip
    with transaction.atomic():
        DropLook.objects.bulk_create([look], ignore_conflicts=True)
        facts = {"system": system.key, "piece": piece.ordinal, "found": len(pairs)}
        ledger.record("drop.looked", subject=f"drop:{drop_list.pk}", by=by, at=at, facts=facts)


# --- answering ----------------------------------------------------------------------------------


@transaction.atomic
def _settle(drop_list: DropList, systems: Sequence[_System], *, by: Actor, at: datetime) -> None:
    """Write an answer for every item; the database refuses a list with an item left over."""
    held = DropList.objects.select_for_update().get(pk=drop_list.pk)
    if held.settled_at is None:
        counts: Counter[int] = Counter()
        for piece in held.pieces.defer("ids", "digests").order_by("ordinal"):
            piece.outcomes = _answered(piece, systems)
            piece.save(update_fields=["outcomes"])
            counts.update({code: piece.outcomes.count(code) for code in DropOutcome.values})
        held.one = counts[DropOutcome.ONE]
        held.several = counts[DropOutcome.SEVERAL]
        held.none = counts[DropOutcome.NONE]
        held.settled_at = at
        held.save(update_fields=["one", "several", "none", "settled_at"])
        facts = {"one": held.one, "several": held.several, "none": held.none}
        ledger.record("drop.settled", subject=f"drop:{held.pk}", by=by, at=at, facts=facts)
    drop_list.refresh_from_db()


def _answered(piece: DropPiece, systems: Sequence[_System]) -> bytes:
    """One byte an item: not found, unless a system holds one consumer of it, or several."""
    outcomes = bytearray([DropOutcome.NONE]) * piece.items
    for system in systems:
        look = piece.looks.get(system_key=system.key, map_version_id=system.version_id)
        for place, people in Counter(_places(look)).items():
            if people > 1:
                outcomes[place] = DropOutcome.SEVERAL
            elif outcomes[place] == DropOutcome.NONE:
                outcomes[place] = DropOutcome.ONE
    return bytes(outcomes)


def _places(look: DropLook) -> "array[int]":
    places = array("I")
    places.frombytes(bytes(look.places))
    return places


def people(look: DropLook) -> list[tuple[int, Key]]:
    """The item and the person of every match of a look. Raises ``sealing.Unreadable``."""
    box = sealing.Box(look.piece.drop_list.data_key)
    keys = json.loads(box.open(bytes(look.keys), context=CONTEXT))
    return [
        (place, tuple(key) if isinstance(key, list) else key)
        for place, key in zip(_places(look), keys, strict=True)
    ]
