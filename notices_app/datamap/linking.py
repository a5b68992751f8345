"""Ways from every collection to the person, and an order in which the collections are changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ccpa_office.connectors.inside import PERSON
from ccpa_office.connectors.ways import EACH, Hop, Inside, Path
from notices_app.datamap.facts import Collection, Field, Map, Reference
from notices_app.datamap.reading import Report

LONGEST = 8
MOST_WAYS = 8


# --- ways ---------------------------------------------------------------------------------------


def hops(map_: Map) -> dict[str, list[Hop]]:
    """Return the steps out of every collection: along its references and against others'."""
    steps: dict[str, list[Hop]] = {each.name: [] for each in map_.collections}
    for link in _links(map_):
        if link.direction in {"from", None}:
            steps[link.collection.name].append(link.along())
        if link.direction in {"to", None}:
            steps[link.target.name].append(link.against())
    return steps


@dataclass(frozen=True)
class Link:
    """One reference: a pair of fields, or as many pairs as a key of several fields needs."""

    collection: Collection
    target: Collection
    pairs: tuple[tuple[str, str], ...]  # our field, their field
    direction: str | None
    compare: str
    path: Inside = ()  # to the reference within our field

    def along(self) -> Hop:
        """The step from the row that holds the reference."""
        (column, target), *more = self.pairs
        whole = sorted(self.target.key) == sorted(theirs for _, theirs in self.pairs)
        return Hop(column, self.target.name, target, forward=True,
                   unique=whole and self.compare == "exact" and EACH not in self.path,
                   compare=self.compare, also=tuple(more), path=self.path)  # fmt: skip

    def against(self) -> Hop:
        """The step from the row that the reference names."""
        (column, target), *more = self.pairs
        mine = sorted(mine for mine, _ in self.pairs)
        whole = sorted(self.collection.key) == mine and not self.path
        also = tuple((theirs, mine) for mine, theirs in more)
        return Hop(target, self.collection.name, column, forward=False, unique=whole,
                   compare=self.compare, also=also, path=self.path)  # fmt: skip


def _links(map_: Map) -> Iterator[Link]:
    known = {each.name: each for each in map_.collections}
    for collection in map_.collections:
        wide = wide_references(map_, collection)
        for name, parts in wide.items():
            pairs = tuple((field.name, reference.field) for field, reference in parts)
            yield Link(collection, known[name], pairs, parts[0][1].direction, "exact")
        for field, reference in _single(collection):
            whole = any((field, reference) in parts for parts in wide.values())
            if reference.collection in known and not whole:
                yield _link(collection, field, known[reference.collection], reference)


TURNED = {"from": "to", "to": "from", None: None}


def _link(collection: Collection, field: Field, target: Collection, reference: Reference) -> Link:
    """Return one reference as whoever holds it says it: a plain field may name one in an object."""
    there = target.at(reference.field)
    if there is None or not there.inside:
        pairs = ((field.name, reference.field),)
        return Link(collection, target, pairs, reference.direction, field.compare, field.inside)
    compare = field.compare if there.compare == "exact" else there.compare
    pairs = ((there.name, field.name),)
    return Link(target, collection, pairs, TURNED[reference.direction], compare, there.inside)


Parts = list[tuple[Field, Reference]]


def wide_references(map_: Map, collection: Collection) -> dict[str, Parts]:
    """Return references to keys of several fields: by target, the parts that belong together."""
    parts: dict[str, Parts] = {}
    for field, reference in _single(collection):
        target = map_.collection(reference.collection)
        plain = target and not field.inside
        if target and plain and len(target.key) > 1 and reference.field in target.key:
            parts.setdefault(target.name, []).append((field, reference))
    return {name: found for name, found in parts.items() if len(found) > 1}


def _single(collection: Collection) -> Iterator[tuple[Field, Reference]]:
    for field in collection.every():
        for reference in field.references:
            if reference.collection != collection.name:
                yield field, reference


def naming(map_: Map, collection: Collection, field: Field) -> str:
    """Return the kind by which a value within a column names the person; nothing: it does not."""
    person = map_.collection(map_.person or "")
    if person and person is not collection and len(person.key) == 1 and field.compare == "exact":
        ends = {(reference.collection, reference.field) for reference in field.references}
        if (person.name, person.key[0]) in ends:
            return PERSON
    return field.identity or field.identifier or ""


def _references(map_: Map) -> Iterator[tuple[Collection, Field, Reference]]:
    for collection in map_.collections:
        for field, reference in _single(collection):
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
    """Return collections with children before parents; a circle that binds is a finding.

    A row must go before the row that it names only where that one goes too and the reference
    stays. Where references run in a circle, those that do not bind give way. Rows that are changed
    and stay have their turn while the way from them to the person is whole.
    """
    bound, all_ = _later(map_)
    ordered: list[Collection] = []
    waiting = list(map_.collections)
    while waiting:
        free = _free(waiting, all_) or _free(waiting, bound)[:1]
        if not free:
            report.error(waiting[0].place, "circle", "references run in a circle from here")
            return ordered
        ordered.extend(free)
        waiting = [each for each in waiting if each not in free]
    return ordered


Later = dict[str, set[str]]
"""For each collection, those that are changed after it."""


def _later(map_: Map) -> tuple[Later, Later]:
    bound: Later = {each.name: set() for each in map_.collections}
    all_: Later = {each.name: set() for each in map_.collections}
    for collection, field, reference in _references(map_):
        all_[collection.name].add(reference.collection)
        if _binds(map_, collection, field, reference):
            bound[collection.name].add(reference.collection)
    for collection in map_.collections:
        for name, _ in collection.after:
            if name in all_:
                all_[name].add(collection.name)
                bound[name].add(collection.name)
    for before, after in _cuts(map_):
        if before not in bound[after]:
            all_[after].discard(before)
            all_[before].add(after)
    return bound, all_


def _cuts(map_: Map) -> Iterator[tuple[str, str]]:
    """Yield collections whose rows stay, each with those that cut its way to the person."""
    steps = hops(map_)
    for collection in map_.collections:
        if collection.on_delete != "delete":
            for path in ways(map_, collection.name, steps):
                for name in cutters(path, map_.collection):
                    yield collection.name, name


def cutters(path: Path, known: Callable[[str], Collection | None]) -> Iterator[str]:
    """Yield the collections on a way whose own change cuts it: rows that go, fields that change."""
    for hop, onward in zip(path, (*path[1:], None), strict=False):
        there = known(hop.table)
        if there is None:
            continue
        names = [hop.target, *(theirs for _, theirs in hop.also)]
        if onward:
            names += [onward.column, *(mine for mine, _ in onward.also)]
        parts = [part for name in names if (field := there.field(name))
                 for part in (field, *field.within())]  # fmt: skip
        changed = any(part.deleted and part.deleted.changes for part in parts)
        if changed or there.on_delete == "delete":
            yield there.name


def _binds(map_: Map, child: Collection, field: Field, reference: Reference) -> bool:
    target = map_.collection(reference.collection)
    gone = target is not None and target.on_delete == "delete"
    said = [each.deleted for each in (field, child.field(field.name)) if each]
    return gone and (child.on_delete == "delete" or any(each and each.changes for each in said))


def _free(waiting: list[Collection], after: Later) -> list[Collection]:
    return [each for each in waiting
            if not any(each.name in after[other.name] for other in waiting)]  # fmt: skip
