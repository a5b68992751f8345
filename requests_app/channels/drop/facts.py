"""What is known of a list, for commands and desks: counts, never anybody."""

from typing import Any

from requests_app.channels.drop.matching import Round, Stand
from requests_app.models import DropList

CURES = {
    Stand.LOOKED: "looked at to its end",
    Stand.NOT_HELD: "holds nothing of this kind by its map",
    Stand.NO_MAP: "has no approved map, so nobody knows what it holds: approve one",
    Stand.FAILED: "did not answer, or its map does not fit: see `system test`, then run this again",
}


def of(drop_list: DropList) -> dict[str, Any]:
    """The counts of one list."""
    return {
        "list": drop_list.pk,
        "file": drop_list.name,
        "kind": drop_list.kind,
        "day": drop_list.day.isoformat(),
        "items": drop_list.items,
        "one_consumer": drop_list.one,
        "several_consumers": drop_list.several,
        "not_found": drop_list.none,
        "unprocessed": drop_list.unprocessed,
        "settled": drop_list.settled_at is not None,
    }


def stands(met: Round) -> dict[str, str]:
    """How it stands with each system."""
    return {key: stand.value for key, stand in sorted(met.stands.items())}


def words(told: dict[str, Any]) -> str:
    """The same in words, a line for each thing to know."""
    if "wrong" in told:
        lines = [
            f"{told['file']}: refused, {told['lines_wrong']} lines are wrong. Nothing is kept."
        ]
        lines += [f"  line {each['line']}: {each['message']}" for each in told["wrong"]]
        return "\n".join(lines)
    counts = (
        f"{told['file']}: {told['items']} items; {told['one_consumer']} one consumer, "
        f"{told['several_consumers']} several, {told['not_found']} not found, "
        f"{told['unprocessed']} not looked up yet."
    )
    lines = [counts]
    if not told["settled"]:
        systems = told.get("systems", {})
        lines += [f"  {key}: {CURES[Stand(stand)]}" for key, stand in systems.items()]
        if systems and not {Stand.NO_MAP, Stand.FAILED} & set(systems.values()):
            lines.append("  No map names a column for this identifier; no item can be answered.")
    for each in told.get("batches", ()):
        said = f"{each['people']} people of {each['system']} wait for approval"
        lines.append(f"  Batch {each['batch']}: {said}.")
    return "\n".join(lines)
