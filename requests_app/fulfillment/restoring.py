"""After a restored backup: who came back is erased again, under the approval of then."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ccpa_office import clock_guard, ledger
from ccpa_office.connectors.base import Key
from ccpa_office.law.deadlines import received_date
from ccpa_office.roles import Actor, Verb, require
from notices_app.models import DataMapVersion
from requests_app import suppression, targets
from requests_app.fulfillment import erasure_ledger, newborn, proof
from requests_app.fulfillment.erasure import KeyOfAnother, apply, in_order
from requests_app.fulfillment.erasure_ledger import Erasure
from requests_app.fulfillment.loading import Load, NotNow, require_known
from requests_app.fulfillment.locating import parts_of
from requests_app.fulfillment.packing import Part
from requests_app.fulfillment.strangers import agrees
from requests_app.models import Chunk, Finding, Switch
from requests_app.targets import Target


class MapForgotten(Exception):
    """The map that an erasure was carried out under is not in this database: load it again."""


@dataclass(frozen=True)
class Again:
    """What one line of the erasure ledger met: people who came back, and how it ended.

    ``outcome``: ``absent`` (nobody came back), ``back`` (only looked), ``erased``, ``residual``
    (something is left for a person), ``unsure`` (the key, and the name or number of then, without
    the identifiers: perhaps that person with an older address), ``strangers`` (a key is somebody
    else's: nothing was touched), ``more`` (more rows came back than the approval of then covers:
    nothing was touched), ``cut`` (the book knows the line and the file has lost it: nobody can say
    who came back).
    """

    number: int
    system: str
    people: int
    came_back: int
    rows: int
    outcome: str

    @property
    def is_sound(self) -> bool:
        return self.outcome in {"absent", "erased"}


def drill(*, by: Actor, at: datetime, look_only: bool = False) -> Iterator[Again]:
    """Go through the erasure ledger, oldest line first; erase again whoever came back (7022(d)).

    Only a person whom the identifiers of then still lead to the key of then is touched: a key that
    belongs to somebody else by now is left alone. Looking twice, or erasing twice, changes nothing
    more. Whoever was erased is on the suppression list again, too.

    Raises ``NotAllowed``, ``NotNow`` (kill switch, or a clock that is not trusted),
    ``MapForgotten``, ``NotWhatWasApproved``, ``erasure_ledger.LedgerBroken``,
    ``sealing.Unreadable``.
    """
    require(by, Verb.RUN_BATCH)
    stopped = Switch.objects.filter(stopped=True).exists() or not clock_guard.clock_is_trusted()
    if stopped and not look_only:
        raise NotNow
    changed: dict[str, Target] = {}
    for erasure in erasure_ledger.erasures():
        again = _one(erasure, by=by, at=at, look_only=look_only)
        if again.rows and not look_only:
            changed[again.system] = _target(erasure)
        yield again
    for target in changed.values():
        target.connector.refresh()  # copies that the store keeps came back as well
    for number in erasure_ledger.missing(at=at):
        yield Again(number, "", 0, 0, 0, "cut")


def _one(erasure: Erasure, *, by: Actor, at: datetime, look_only: bool) -> Again:
    target = _target(erasure)
    back = _came_back(target, erasure)
    unsure = _unsure(target, erasure, back)
    again = Again(
        erasure.number, target.key, len(erasure.subjects), len(back) + unsure, 0,
        "unsure" if unsure else "absent",
    )  # fmt: skip
    if not look_only:
        named = zip(erasure.names, erasure.subjects, strict=True)
        suppression.remember(((name, each.identifiers) for name, each in named), at=at)
    if not back:
        return again
    loaded = _of(target, erasure, back)
    if look_only:
        return replace(again, rows=_rows(loaded.parts), outcome="unsure" if unsure else "back")
    again = _erase(loaded, again, at=at)
    if unsure and again.is_sound:
        again = replace(again, outcome="unsure")
    ledger.record(
        "erasure.after-restore",
        subject="office",
        by=by,
        at=at,
        facts={
            "line": again.number,
            "people": again.came_back,
            "rows": again.rows,
            "outcome": again.outcome,
        },
    )
    return again


def _target(erasure: Erasure) -> Target:
    version = (
        DataMapVersion.objects.filter(system__key=erasure.system, digest=erasure.map_digest)
        .select_related("system__data_key")
        .order_by("-pk")
        .first()
    )
    if version is None:
        raise MapForgotten(f"{erasure.system}: {erasure.map_digest[:12]}")
    return targets.under(version)


def _came_back(target: Target, erasure: Erasure) -> list[int]:
    """The places of those whom their identifiers lead to the very key that was erased."""
    found = target.connector.people([each.identity for each in erasure.subjects])
    return [
        place
        for place, (subject, keys) in enumerate(zip(erasure.subjects, found, strict=True))
        if subject.key in keys
    ]


def _unsure(target: Target, erasure: Erasure, back: Sequence[int]) -> int:
    """How many others have the key of then and something that person was known by.

    A backup may know an older address than the erasure did; a person says who that is.
    """
    if target.program.table(target.program.person).action != "delete":
        return 0  # the row stayed, and keeps what it may
    held = target.connector.marks([each.key for each in erasure.subjects], own=True)
    return sum(
        place not in back and agrees(subject.identifiers, mark.identifiers) is True
        for place, (subject, mark) in enumerate(zip(erasure.subjects, held, strict=True))
    )


def _of(target: Target, erasure: Erasure, people: Sequence[int]) -> Load:
    """The erasure of then, cut down to some of its people."""
    require_known(target.program, erasure.parts)
    place = {old: new for new, old in enumerate(people)}
    parts = [_cut(part, place) for part in erasure.parts]
    return Load(
        chunk=Chunk(),
        target=target,
        plans=[],
        subjects=[erasure.subjects[old] for old in people],
        first={},
        parts=[part for part in parts if part.keys],
        unfinished=frozenset(),
        supplements=Counter(),
    )


def _cut(part: Part, place: dict[int, int]) -> Part:
    kept = [
        (key, place[person])
        for key, person in zip(part.keys, part.persons, strict=True)
        if person in place
    ]
    return replace(part, keys=[key for key, _ in kept], persons=[person for _, person in kept])


def _rows(parts: Sequence[Part]) -> int:
    return sum(len(part.keys) for part in parts if part.action != "keep")


def _erase(loaded: Load, again: Again, *, at: datetime) -> Again:
    """Carry out the parts of then and what else of these people the backup brought back."""
    try:
        with loaded.target.connector.transaction():
            born = _born(loaded, at)
            if born is None:
                return replace(again, outcome="more")
            loaded = replace(loaded, parts=in_order(loaded, [*loaded.parts, *born]))
            rows = sum(result.done for result in apply(loaded, loaded.parts))
    except KeyOfAnother:
        return replace(again, outcome="strangers")
    finding = proof.verdict(proof.look(loaded))
    return replace(
        again, rows=rows, outcome="residual" if finding == Finding.RESIDUAL else "erased"
    )


def _born(loaded: Load, at: datetime) -> list[Part] | None:
    """Rows of these people that the keys of then do not name; None when no approval covers them."""
    known: dict[str, list[Key]] = {table.name: [] for table in loaded.target.program.tables}
    for part in loaded.parts:
        known[part.table].extend(part.keys)
    located = loaded.target.connector.newborn(loaded.people, known, on=received_date(at))
    counts = Counter(person for each in located for person in each.persons)
    parts = parts_of(loaded.target.program, located)
    if any(count > newborn.LIMIT for count in counts.values()) or any(p.shared for p in parts):
        return None
    return parts
