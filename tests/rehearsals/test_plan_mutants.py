"""Frozen plans that somebody has changed: stopped by the hash, and by the engine alone as well.

No part of a statement comes from a plan: the person's predicate cannot be dropped. What can be
changed are people, keys, whose they are, tables and actions.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa

from ccpa_office.connectors.base import ConnectorError
from ccpa_office.connectors.postgresql import PostgreSQL
from requests_app.fulfillment import erasure, packing, rehearsing
from requests_app.fulfillment.loading import Load, NotWhatWasApproved
from requests_app.fulfillment.packing import Part, Subject
from requests_app.models import Plan
from tests.rehearsals import checker, fates, places

ENOUGH = 150
WHO = {
    "courses": (["ann.tresco@example.org", "student7@example.net"], ["student5@example.net"]),
    "rentals": (["mira@okonski.example", "customer7@example.net"], ["customer9@example.net"]),
    "shop": (["otto.zell@example.org", "buyer7@example.net"], ["otto.zeller@example.org"]),
}
"""Whom a plan is made of, and who is another."""
OUTSIDE = ("courses", "shops", "pg_class", "learners; DROP TABLE posts", "", "Learners", "%")
ACTIONS = ("drop", "truncate", "update", "DELETE", "", "strip", "%", "delete ")
EMPTY: tuple[Any, ...] = (None, "", "%", "*", "_", "0 OR 1=1", True, 1.5, [], [None], {}, b"1",
                          "\x00", 2**63, -(2**63) - 1, "x" * 2_000)  # fmt: skip
NO_PERSON: tuple[Any, ...] = (-1, 2, 99, None, True, "0", 0.0)
STOPS = (ConnectorError, erasure.KeyOfAnother, NotWhatWasApproved, rehearsing.Undecided)
NOTHING = "nothing unplanned was touched"
HASH = "by the hash alone"
"""The mutant does more to rows of the person than was approved: no predicate can know of that."""
THROUGH = "somebody else's row was touched"


@dataclass(frozen=True)
class Mutant:
    """A changed plan; ``digest``: that of another map."""

    kind: str
    load: Load
    digest: str = ""


KNOWN = ("keep: kept rows go", "a key of staff")
"""What only the hash knows: kept rows of the person that a changed plan would let go."""


class Stage:
    """One database, a plan of two people in it, and what a third person's plan would hold."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        people, others = WHO[name]
        text = places.document(name)
        self.base = self._kept(places.look(address, text, {"email": people}).load)
        with places.looked(address, text, {"email": others}) as looked:
            assert looked.load is not None
            self.other = {(part.table, part.action): part for part in looked.load.parts}
            self.stranger = looked.load.subjects[0]
        self.before = checker.read(address)
        self.keys = _keys(address)
        self.connector: Any = self.base.target.connector
        self.plan = checker.planned(rehearsing.told(self.base))
        self.hash = _hash(self.base, "")

    @staticmethod
    def _kept(load: Load | None) -> Load:
        """Whatever is shared was decided to stay."""
        assert load is not None
        assert len(load.people) == 2
        shared = {part.table: "keep" for part in load.parts}
        return replace(load, parts=[rehearsing._decided(part, shared) for part in load.parts])

    def inside(self) -> checker.Store:
        """The store as the engine's own open transaction sees it."""
        found: checker.Store = {}
        for name, key in self.keys.items():
            columns = list(next(iter(self.before[name].values())))
            query = f"SELECT * FROM {name}"  # noqa: S608
            asked = query if isinstance(self.connector, PostgreSQL) else sa.text(query)
            rows = [dict(zip(columns, row, strict=True)) for row in self.connector._all(asked, {})]
            found[name] = {tuple(checker.said(row[each]) for each in key): row for row in rows}
        return found

    def fate(self, mutant: Mutant) -> str:
        """What stops a mutant when nobody looks at the hash; what it did is undone."""
        before = {name: self.before[name] for name in self.keys}
        try:
            with self.connector.transaction():
                parts = erasure.in_order(mutant.load, mutant.load.parts)
                erasure.apply(mutant.load, parts)
                touched = checker.touched(before, self.inside(), self.plan)
                raise _Undone  # noqa: TRY301
        except STOPS as stop:
            return type(stop).__name__
        except _Undone:
            return _said(touched, self.plan)


def _said(touched: set[tuple[str, checker.Key]], plan: checker.Plan) -> str:
    if not touched:
        return NOTHING
    return HASH if touched <= plan.keys() else f"{THROUGH}: {min(touched - plan.keys())}"


class _Undone(Exception):
    """What a mutant did is not kept."""


def _keys(address: str) -> checker.Keys:
    """The tables that are read again inside a transaction; views follow after it."""
    engine = sa.create_engine(address.replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.connect() as connection:
        found = checker.keys_of(connection)
    engine.dispose()
    found.pop("spending", None)
    return found


def _hash(load: Load, digest: str) -> str:
    program = load.target.program
    return packing.plan_hash(program.system, digest or program.digest, load.subjects, load.parts)


# --- mutants ------------------------------------------------------------------------------------


def mutants(stage: Stage) -> Iterator[Mutant]:
    """Every mutant of the stage's plan."""
    base = stage.base
    for place, part in enumerate(base.parts):
        for kind, changed in _changed(stage, part):
            parts = [*base.parts[:place], changed, *base.parts[place + 1 :]]
            if changed != part:
                yield Mutant(f"{part.table} {part.action}: {kind}", replace(base, parts=parts))
    for subject in (stage.stranger, *_subjects(base)):
        yield Mutant("the person is another", replace(base, subjects=[subject, base.subjects[1]]))
    yield Mutant("people swapped", replace(base, subjects=base.subjects[::-1]))
    yield Mutant("another map", base, digest="0" * 64)


def _subjects(base: Load) -> Iterator[Subject]:
    for value in (None, "", "%", "*", -1, [1], True):
        yield Subject(value, base.subjects[0].identifiers)  # type: ignore[arg-type]


def _changed(stage: Stage, part: Part) -> Iterator[tuple[str, Part]]:
    if part.action == "keep":
        yield "kept rows go", replace(part, action="delete")
        return
    first, *rest = part.keys
    for value in EMPTY:
        yield f"key {value!r:.20}", replace(part, keys=[value, *rest])
    yield from (
        (f"person {value!r}", replace(part, persons=[value, *part.persons[1:]]))
        for value in NO_PERSON
    )
    yield "persons swapped", replace(part, persons=[1 - each for each in part.persons])
    yield "a person too few", replace(part, persons=part.persons[1:])
    yield "a key twice", replace(part, keys=[*part.keys, first], persons=[*part.persons, 0])
    yield from ((f"table {name}", replace(part, table=name)) for name in OUTSIDE)
    yield from ((f"action {name}", replace(part, action=name)) for name in ACTIONS)
    yield from _keys_of_others(stage, part)
    mask = stage.base.target.program.table(part.table).action == "mask"
    yield "the other action", replace(part, action="delete" if mask else "mask")


def _keys_of_others(stage: Stage, part: Part) -> Iterator[tuple[str, Part]]:
    theirs = stage.other.get((part.table, part.action))
    if theirs:
        key = theirs.keys[0]
        yield "another's key instead", replace(part, keys=[key, *part.keys[1:]])
        persons = [*part.persons, 0]
        yield "another's key besides", replace(part, keys=[*part.keys, key], persons=persons)
    for other in stage.base.parts:
        if other.table != part.table:
            keys = [other.keys[0], *part.keys[1:]]
            yield f"a key of {other.table}", replace(part, keys=keys)
    if isinstance(part.keys[0], tuple):
        keys = [tuple(reversed(part.keys[0])), *part.keys[1:]]
        yield "composite parts swapped", replace(part, keys=keys)
        yield "half a key", replace(part, keys=[part.keys[0][:1], *part.keys[1:]])
        yield "a bare half", replace(part, keys=[part.keys[0][0], *part.keys[1:]])


# --- tests --------------------------------------------------------------------------------------


STAGES = ("courses postgresql", "rentals postgresql", "shop mariadb", "shop postgresql",
          "shop sqlite")  # fmt: skip


@pytest.fixture(scope="module", params=STAGES)
def stage(request: Any, engine_of: Callable[[str], places.Fresh]) -> Iterator[Stage]:
    """Each database in turn; the shop on every engine."""
    name, engine = request.param.split()
    with engine_of(engine)(name) as address:
        made = Stage(name, address)
        yield made
        made.connector.close()


def test_the_plan_itself_touches_what_it_names(stage):
    mutant = Mutant("none", stage.base)
    assert stage.fate(mutant) == NOTHING


def test_no_changed_plan_has_the_approved_hash(stage):
    approved = Plan(
        system_key="tried", map_digest=stage.base.target.program.digest, hash=stage.hash
    )
    assert packing.is_whole(approved, stage.base.subjects, stage.base.parts)
    for mutant in mutants(stage):
        digest = mutant.digest or approved.map_digest
        found = Plan(system_key="tried", map_digest=digest, hash=stage.hash)
        assert not packing.is_whole(found, mutant.load.subjects, mutant.load.parts), mutant.kind


def test_the_engine_stops_changed_plans_without_the_hash(stage):
    met = [(mutant.kind, stage.fate(mutant)) for mutant in mutants(stage)]
    engine = stage.address.partition(":")[0].partition("+")[0]
    fates.note(f"plans of {stage.name} on {engine}", Counter(fate for _kind, fate in met))
    assert [each for each in met if each[1].startswith(THROUGH)] == []
    assert [kind for kind, fate in met if fate == HASH and not kind.endswith(KNOWN)] == []
    assert checker.read(stage.address) == stage.before
    assert len(met) >= ENOUGH
