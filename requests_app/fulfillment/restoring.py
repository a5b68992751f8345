"""After a restored backup: who came back is erased again, under the approval of then."""

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

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
from requests_app.fulfillment.packing import Part, is_redaction
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
    belongs to somebody else by now is left alone. Where nobody has the key, rows of then that lead
    to it are taken, and texts of others that were redacted. Looking twice, or erasing twice,
    changes nothing more. Whoever was erased is on the suppression list again, too.

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


@dataclass(frozen=True)
class _Met:
    """Whom and what a line met: people who came back, rows of then without them, and who may be."""

    back: Load | None
    loose: Load | None
    unsure: int

    @property
    def loads(self) -> list[Load]:
        return [each for each in (self.back, self.loose) if each]

    @property
    def people(self) -> int:
        return self.unsure + sum(len(each.subjects) for each in self.loads)


def _one(erasure: Erasure, *, by: Actor, at: datetime, look_only: bool) -> Again:
    target = _target(erasure)
    met = _met(target, erasure, received_date(at))
    again = Again(erasure.number, target.key, len(erasure.subjects), met.people, 0, "absent")
    if look_only:
        rows = sum(_rows(each.parts) for each in met.loads)
        again = replace(again, rows=rows, outcome="back" if met.loads else "absent")
        return _unless_unsure(again, met)
    named = zip(erasure.names, erasure.subjects, strict=True)
    suppression.remember(((name, each.identifiers) for name, each in named), at=at)
    for each in met.loads:
        again = _erase(each, again, at=at, is_back=each is met.back)
    again = _unless_unsure(again, met)
    if met.loads:
        _note(again, by=by, at=at)
    return again


def _unless_unsure(again: Again, met: _Met) -> Again:
    """Somebody who may be a person of then is for a person to judge."""
    is_said = again.outcome in {"absent", "back", "erased"}
    return replace(again, outcome="unsure") if met.unsure and is_said else again


def _note(again: Again, *, by: Actor, at: datetime) -> None:
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


def _met(target: Target, erasure: Erasure, on: date) -> _Met:
    if is_redaction(erasure.parts):  # texts of others, whoever these people are by now
        return _Met(None, _loose(target, erasure, range(len(erasure.subjects)), on), 0)
    back = _came_back(target, erasure)
    unsure = _unsure(target, erasure, back)
    absent = _absent(target, erasure, back, on)
    came_back = _of(target, erasure, back) if back else None
    return _Met(came_back, _loose(target, erasure, absent, on), unsure)


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


def _loose(target: Target, erasure: Erasure, people: Sequence[int], on: date) -> Load | None:
    """Rows of then that are there again though their person is not, and who that is.

    A backup that is younger than an erasure and older than what followed brings back a text that
    told of somebody, or what had been kept until its term ended; a table can be restored alone.
    """
    loaded = _of(target, erasure, people)
    if not is_redaction(loaded.parts):
        loaded = replace(loaded, parts=_still_theirs(loaded, on))
    if not _rows(loaded.parts):
        return None
    left = _left(proof.look(loaded))
    acted = [each for each in loaded.parts if each.table in left and each.action != "keep"]
    place = {
        old: new for new, old in enumerate(sorted({p for each in acted for p in each.persons}))
    }
    kept = [each for each in loaded.parts if each.action == "keep"]
    parts = [part for each in [*acted, *kept] if (part := _cut(each, place)).keys]
    subjects = [loaded.subjects[old] for old in place]
    return replace(loaded, subjects=subjects, parts=parts) if subjects else None


def _left(tables: Sequence[dict[str, Any]]) -> set[str]:
    """The tables in which rows of then, by their keys, are as they were before."""
    return {each["table"] for each in tables if each["by_key"] or each["in_text"]}


def _absent(target: Target, erasure: Erasure, back: Sequence[int], on: date) -> list[int]:
    """Those who did not come back and whose key is nobody's: its rows are theirs still.

    Everybody else where people's rows stay and are masked: no key is ever free there.
    """
    others = [place for place in range(len(erasure.subjects)) if place not in back]
    person = target.program.table(target.program.person)
    if person.action != "delete":
        return others
    keys = [erasure.subjects[place].key for place in others]
    there = target.connector.newborn(keys, {person.name: []}, on=on)
    taken = {number for each in there for number in each.persons}
    return [place for number, place in enumerate(others) if number not in taken]


def _still_theirs(loaded: Load, on: date) -> list[Part]:
    """The parts cut down to rows that are there and lead to the person of then."""
    located = loaded.target.connector.locate(loaded.people, on=on) if loaded.people else []
    there = {each.table: set(zip(each.keys, each.persons, strict=True)) for each in located}
    return [
        part if part.action == "keep" else _only(part, there.get(part.table, set()))
        for part in loaded.parts
    ]


def _only(part: Part, pairs: Set[tuple[Key, int]]) -> Part:
    kept = [pair for pair in zip(part.keys, part.persons, strict=True) if pair in pairs]
    return replace(part, keys=[key for key, _ in kept], persons=[person for _, person in kept])


def _cut(part: Part, place: dict[int, int]) -> Part:
    kept = [
        (key, place[person])
        for key, person in zip(part.keys, part.persons, strict=True)
        if person in place
    ]
    return replace(part, keys=[key for key, _ in kept], persons=[person for _, person in kept])


def _rows(parts: Sequence[Part]) -> int:
    return sum(len(part.keys) for part in parts if part.action != "keep")


def _erase(loaded: Load, again: Again, *, at: datetime, is_back: bool) -> Again:
    """Carry out the parts of then and what else of these people the backup brought back."""
    try:
        with loaded.target.connector.transaction():
            born = _born(loaded, at) if is_back else []
            if born is None:
                return _and_then(again, 0, "more")
            loaded = replace(loaded, parts=in_order(loaded, [*loaded.parts, *born]))
            rows = sum(result.done for result in apply(loaded, loaded.parts))
    except KeyOfAnother:
        return _and_then(again, 0, "strangers")
    tables = proof.look(loaded)
    is_left = proof.verdict(tables) == Finding.RESIDUAL if is_back else bool(_left(tables))
    return _and_then(again, rows, "residual" if is_left else "erased")


def _and_then(again: Again, rows: int, outcome: str) -> Again:
    """What was met so far, and this as well; what is left for a person is said first."""
    said = outcome if again.is_sound else again.outcome
    return replace(again, rows=again.rows + rows, outcome=said)


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
