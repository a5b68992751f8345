"""Does the map make sense by itself? Names that exist, ways to the person, an order of change."""

from collections.abc import Iterator

from ccpa_office.connectors.base import Hop, Path
from notices_app.datamap.facts import Collection, Field, Map, Reference
from notices_app.datamap.reading import Report, shown

LONGEST = 8
MOST_WAYS = 8


def check(map_: Map, report: Report) -> None:
    """Report whatever would make the map's program unsound or unclear."""
    person = map_.collection(map_.person) if map_.person else None
    if person is None:
        report.error(map_.place, "no-person", "say in ccpa_meta which collection is the person")
    for collection in map_.collections:
        _collection(collection, report)
        for field in collection.fields:
            _field(collection, field, map_, report)
    if not any(field.identity for each in map_.collections for field in each.fields):
        report.error(map_.place, "no-identity", "no field says by what a person is identified")
    _points(map_, report)


def _collection(collection: Collection, report: Report) -> None:
    if not collection.key:
        report.error(collection.place, "no-key", f"{collection.name}: no field is a primary key")
    if not collection.says_on_delete:
        report.warning(collection.place, "default", f"{collection.name}: rows are deleted")
    if collection.on_delete == "keep" and not collection.keep_code:
        report.error(collection.place, "no-exception", "rows are kept without an exception")
    if collection.on_delete != "keep" and collection.keep_code:
        report.error(
            collection.place, "no-term", "an exception needs a term, or rows kept for good"
        )
    named = [collection.term.starts] if collection.term else []
    named += [collection.hold.column] if collection.hold else []
    for name in named:
        if collection.field(name) is None:
            report.error(collection.place, "no-field", f"{collection.name} has no {shown(name)}")
    _mask(collection, report)


def _mask(collection: Collection, report: Report) -> None:
    changed = [field for field in collection.fields if field.how not in {None, "keep"}]
    if collection.on_delete == "mask" and not changed:
        report.error(collection.place, "no-change", "a mask must change at least one field")
    for field in collection.fields:
        if field.how is not None and collection.on_delete != "mask":
            report.error(field.place, "misplaced", "only fields of a masked collection say this")
        if field.shared_how is not None and collection.on_delete != "delete":
            report.error(field.place, "misplaced", "only rows that are deleted can be stripped")
        if (
            collection.on_delete == "mask"
            and field.how is None
            and field.category not in {None, "none"}
            and not field.is_key
        ):
            report.error(field.place, "no-on-delete", "say what the mask does to this field")


def _field(collection: Collection, field: Field, map_: Map, report: Report) -> None:
    if field.since and collection.field(field.since) is None:
        report.error(field.place, "no-field", f"{collection.name} has no {shown(field.since)}")
    if field.is_key and {field.how, field.shared_how} - {None, "keep"}:
        report.error(field.place, "key-changed", "a primary key cannot be changed")
    if field.category is None and not field.is_key and not field.references:
        report.warning(field.place, "unclassified", "the field has no category")
    for reference in field.references:
        target = map_.collection(reference.collection)
        if target is None or target.field(reference.field) is None:
            report.error(reference.place, "no-target", "the reference points to nothing")


def _points(map_: Map, report: Report) -> None:
    seen: set[str] = set()
    for collection in map_.collections:
        for field in collection.fields:
            if field.point is None:
                continue
            if field.point["point"] in seen:
                report.error(field.place, "twice", "the same verification point twice")
            seen.add(field.point["point"])


# --- ways ---------------------------------------------------------------------------------------


def hops(map_: Map) -> dict[str, list[Hop]]:
    """Return the steps out of every collection: along its references and against others'."""
    steps: dict[str, list[Hop]] = {each.name: [] for each in map_.collections}
    for collection, field, reference in _references(map_):
        if reference.direction in {"from", None}:
            steps[collection.name].append(_hop(map_, field.name, reference, field.compare))
        if reference.direction in {"to", None}:
            steps[reference.collection].append(
                Hop(reference.field, collection.name, field.name, forward=False,
                    unique=collection.key == (field.name,), compare=field.compare)
            )  # fmt: skip
    return steps


def _hop(map_: Map, column: str, reference: Reference, compare: str) -> Hop:
    target = map_.collection(reference.collection)
    unique = target is not None and target.key == (reference.field,) and compare == "exact"
    return Hop(column, reference.collection, reference.field, forward=True, unique=unique,
               compare=compare)  # fmt: skip


def _references(map_: Map) -> Iterator[tuple[Collection, Field, Reference]]:
    for collection in map_.collections:
        for field in collection.fields:
            for reference in field.references:
                if reference.collection != collection.name:
                    yield collection, field, reference


def ways(map_: Map, name: str, steps: dict[str, list[Hop]]) -> list[Path]:
    """Return every simple way from a collection to the person, shortest first."""
    found: list[Path] = []
    waiting: list[tuple[str, Path, frozenset[str]]] = [(name, (), frozenset({name}))]
    while waiting and len(found) <= MOST_WAYS:
        here, path, seen = waiting.pop(0)
        if here == map_.person:
            found.append(path)
        elif len(path) < LONGEST:
            waiting.extend((hop.table, (*path, hop), seen | {hop.table})
                           for hop in steps[here] if hop.table not in seen)  # fmt: skip
        if len(waiting) > 10_000:
            return found * (MOST_WAYS + 1)
    return found


def order(map_: Map, report: Report) -> list[Collection]:
    """Return collections with children before parents; a circle is a finding."""
    parents: dict[str, set[str]] = {each.name: set() for each in map_.collections}
    for collection, _, reference in _references(map_):
        parents[collection.name].add(reference.collection)
    ordered: list[Collection] = []
    waiting = list(map_.collections)
    while waiting:
        free = [each for each in waiting
                if not any(each.name in parents[other.name] for other in waiting)]  # fmt: skip
        if not free:
            report.error(waiting[0].place, "circle", "references run in a circle from here")
            return ordered
        ordered.extend(free)
        waiting = [each for each in waiting if each not in free]
    return ordered
