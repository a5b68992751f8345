"""Maps with one mistake: refused, or stopped by a ceiling, or the printed plan is another."""

from collections import Counter
from contextlib import closing
from typing import Any

import pytest

from ccpa_office.connectors.base import ConnectorError
from tests.rehearsals import fates, map_mutants, places

ENOUGH = 150
WHO = {
    "courses": {"email": ["ann.tresco@example.org"]},
    "rentals": {"email": ["mira@okonski.example"]},
    "sample": {"email": ["ivo@barrow.example"]},
    "shop": {"email": ["otto.zell@example.org"]},
}
CEILING = "stopped by a ceiling"
SEEN = "the printed plan is another"
SAME = "the same program"
THROUGH = "not seen"


def _fate(address: str, text: str, who: dict[str, list[str]], sound: Any) -> str:
    try:
        looked = places.look(address, text, who)
    except ConnectorError as refusal:
        return f"stopped: {type(refusal).__name__}"
    if looked.refused:
        return f"refused: {min(looked.refused)}"
    load, weight = looked.load, looked.weight
    assert load is not None
    assert weight is not None
    with closing(load.target.connector):
        tables, plan, sensitive = sound
        if weight.above_ceiling and not sensitive:
            return CEILING
        if load.target.program.tables == tables:
            return SAME
        return THROUGH if places.printed(load) == plan else SEEN


@pytest.mark.parametrize("name", sorted(WHO))
def test_a_mistake_in_a_map_is_seen_before_anything_is_done(name, _templates):
    text, who = places.document(name), WHO[name]
    with places.postgresql(name) as address:
        found = places.look(address, map_mutants.sound(text), who)
        with closing(found.load.target.connector):
            sound = (
                found.load.target.program.tables,
                places.printed(found.load),
                found.weight.above_ceiling,
            )
        assert found.refused == set()
        met = [
            (kind, _fate(address, mutant, who, sound)) for kind, mutant in map_mutants.mutants(text)
        ]
    counts = Counter(fate.partition(":")[0] for _kind, fate in met)
    fates.note(f"maps of {name}", counts)
    assert [kind for kind, fate in met if fate == THROUGH] == []
    assert len(met) - counts[SAME] >= ENOUGH
