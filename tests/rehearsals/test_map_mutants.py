"""Maps with one mistake: refused, or stopped by a ceiling, or the printed plan is another."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from ccpa_office.connectors.base import ConnectorError, Table
from tests.rehearsals import checker, fates, map_mutants, places

ENOUGH = 150
WHO = {
    "courses": {"email": ["ANN.tresco@example.org"], "username": ["ann"]},
    "rentals": {"email": ["Mira@Okonski.example"]},
    "sample": {"email": ["ivo@barrow.example"]},
    "shop": {"email": ["OTTO.ZELL@example.org"]},
}
CEILING = "stopped by a ceiling"
SEEN = "the printed plan is another"
SAME = "the same program"
UNCHANGED = "the same plan to the letter"
"""Same people, rows and statements: nothing else would be done."""
HARMLESS = re.compile(
    r".* is (an|no) identity|(staff|employee): .* swapped|.*: opened and closed swapped"
)
"""What may leave a plan as it is: who else could be named, columns that nothing is done to."""


@dataclass(frozen=True)
class Sound:
    """The map without a mistake: its program, its printed plan, whether a ceiling holds it."""

    tables: tuple[Table, ...]
    plan: list[dict[str, Any]]
    above: bool

    @classmethod
    def of(cls, looked: places.Looked) -> "Sound":
        """What the sound map gives."""
        assert looked.load is not None
        assert looked.weight is not None
        tables, plan = looked.load.target.program.tables, places.printed(looked.load)
        return cls(tables, plan, looked.weight.above_ceiling)

    def fate(self, looked: places.Looked) -> str:
        """What becomes of a mutant that was looked at."""
        if looked.load is None or looked.weight is None:
            return f"refused: {min(looked.refused)}"
        if looked.weight.above_ceiling and not self.above:
            return CEILING
        if looked.load.target.program.tables == self.tables:
            return SAME
        return UNCHANGED if places.printed(looked.load) == self.plan else SEEN


def _fate(address: str, text: str, who: dict[str, list[str]], sound: Sound) -> str:
    try:
        with places.looked(address, text, who) as found:
            return sound.fate(found)
    except ConnectorError as refusal:
        return f"stopped: {type(refusal).__name__}"


@pytest.mark.parametrize("name", sorted(WHO))
@pytest.mark.usefixtures("_templates")
def test_a_mistake_in_a_map_is_seen_before_anything_is_done(name):
    text, who = places.document(name), WHO[name]
    with places.postgresql(name) as address:
        before = checker.digests(checker.read(address))
        with places.looked(address, map_mutants.sound(text), who) as found:
            sound = Sound.of(found)
        mutants = map_mutants.mutants(text)
        met = [(kind, _fate(address, mutant, who, sound)) for kind, mutant in mutants]
        assert checker.digests(checker.read(address)) == before
    counts = Counter(fate.partition(":")[0] for _kind, fate in met)
    fates.note(f"maps of {name}", counts)
    same = [kind for kind, fate in met if fate == UNCHANGED]
    assert [kind for kind in same if not HARMLESS.fullmatch(kind)] == []
    assert len(met) - counts[SAME] - len(same) >= ENOUGH


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("courses", "module_marks left out", "cascade-not-declared"),
        ("courses", "enrollments left out with its references", "unreached"),
        ("courses", "events left out", "must-break"),
        ("courses", "person is posts", "unreached"),
        ("courses", "learners.email without compare", "no-index"),
        ("courses", "enrollments.learner compared as casefold", "join-type"),
        ("rentals", "addresses delete", "misplaced"),
        ("rentals", "payments.id is no key", "key-not-unique"),
        ("shop", "invoices exception of total", "term-type"),
    ],
)
@pytest.mark.usefixtures("_templates")
def test_a_mistake_is_refused_by_its_name(name, kind, code, monkeypatch):
    monkeypatch.setattr(map_mutants, "MOST", 10_000)
    (mutant,) = [text for said, text in map_mutants.mutants(places.document(name)) if said == kind]
    with places.postgresql(name) as address, places.looked(address, mutant, WHO[name]) as found:
        assert code in found.refused
