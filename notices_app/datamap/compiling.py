"""From a map to its program: once per version, so that no run ever walks the graph."""

import hashlib

from ccpa_office.connectors.base import Change, Finding, Program, Table
from ccpa_office.connectors.collected import Piece
from ccpa_office.connectors.inside import Part, spelled
from ccpa_office.connectors.ways import ContactColumn, Named, Path, Point
from notices_app.datamap import linking, sense
from notices_app.datamap.describing import describe, is_description
from notices_app.datamap.facts import Collection, Field, Map, facts
from notices_app.datamap.form import MAP
from notices_app.datamap.masks import Said
from notices_app.datamap.reading import Report, decode, read
from notices_app.datamap.settling import Keys, settle
from notices_app.datamap.shapes import PLACES

ENGINE = "2"
OUTSIDE = "outside"
"""The only table of an outside system: what it is asked by, kind and value."""


class MapNotSound(Exception):
    """The map has findings of level error; nothing of it is loaded."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = findings


def examine(
    raw: bytes | str, filename: str = "", keys: Keys | None = None
) -> tuple[Map | None, list[Finding]]:
    """Read a map file strictly; return its facts, or nothing, and every finding.

    ``keys`` of the store count where the map says none; without a store they are left open.
    """
    report = Report(filename)
    if is_description(raw):
        describe(raw, report)
        return None, report.findings
    map_ = _understood(raw, report, keys or {})
    if map_ is not None and report.is_sound:
        sense.check(map_, report, without_store=keys is None)
        if report.is_sound:
            _tables(map_, report)
    return (map_ if report.is_sound else None), report.findings


def _understood(raw: bytes | str, report: Report, keys: Keys) -> Map | None:
    text = decode(raw, report) if isinstance(raw, bytes) else raw
    tree = read(text, report) if text is not None else None
    document = MAP.read(tree, report) if tree is not None else None
    if document is None or not report.is_sound:
        return None
    return settle(facts(document, report), keys)


def compile_map(text: str, *, system: str, schema: str, keys: Keys | None = None) -> Program:
    """Return the program of a sound map for one system's schema; raises ``MapNotSound``."""
    if is_description(text):
        return _outside_program(text, system=system, schema=schema)
    map_, findings = examine(text, keys=keys or {})
    if map_ is None or map_.person is None:
        raise MapNotSound(findings)
    tables = _tables(map_, Report(""))
    return Program(
        system=system,
        schema=schema,
        digest=program_digest(text, system=system, schema=schema),
        person=map_.person,
        tables=tuple(tables),
        sensitivity=sensitivity(map_),
        left_out=tuple(each.table for each in map_.left_out if not each.column),
    )


def _outside_program(text: str, *, system: str, schema: str) -> Program:
    """Return the program of a system that is no database: one table, one record a person."""
    report = Report("")
    description = describe(text, report)
    if description is None:
        raise MapNotSound(report.findings)
    records = Table(
        name=OUTSIDE, key=("kind", "value"), paths=((),), action="delete",
        categories=description.categories,
    )  # fmt: skip
    return Program(
        system=system,
        schema=schema,
        digest=program_digest(text, system=system, schema=schema),
        person=OUTSIDE,
        tables=(records,),
        sensitivity="sensitive" if description.sensitive else "ordinary",
        outside=description,
    )


def map_digest(text: str) -> str:
    """Return the digest that a second person approves: SHA-256 of the document as it is."""
    return hashlib.sha256(text.encode()).hexdigest()


def program_digest(text: str, *, system: str, schema: str) -> str:
    """Return the name of a compiled program: map, system, schema and engine."""
    return hashlib.sha256("\0".join([ENGINE, system, schema, text]).encode()).hexdigest()


def sensitivity(map_: Map) -> str:
    """Return ``sensitive`` if any field is of a sensitive kind (Civ. 1798.140(ae))."""
    parts = [part for each in map_.collections for field in each.fields
             for part in (field, *field.within())]  # fmt: skip
    return "sensitive" if any(part.sensitive for part in parts) else "ordinary"


def _tables(map_: Map, report: Report) -> list[Table]:
    steps = linking.hops(map_)
    earlier: dict[str, Collection] = {}
    tables = []
    for collection in linking.order(map_, report):
        paths = linking.ways(map_, collection.name, steps)
        if not paths:
            report.error(collection.place, "unreached", f"no way leads from {collection.name}")
        elif len(paths) > linking.MOST_WAYS:
            report.error(collection.place, "ways", f"too many ways lead from {collection.name}")
        elif len(paths) > 1 and collection.on_delete == "delete" and not _is_shared(collection):
            said = f"{collection.name} is reached in {len(paths)} ways and no field says on_shared"
            report.warning(collection.place, "two-owners", said)
        tables.append(_table(map_, collection, tuple(paths), earlier))
        earlier[collection.name] = collection
    return tables


def _is_shared(collection: Collection) -> bool:
    return any(field.shared for field in collection.every())


def _table(
    map_: Map, collection: Collection, paths: tuple[Path, ...], earlier: dict[str, Collection]
) -> Table:
    fields, every = collection.fields, list(collection.every())
    shareable = len(paths) > 1 or not all(hop.forward and hop.unique for p in paths for hop in p)
    return Table(
        name=collection.name,
        key=collection.key,
        paths=paths,
        action=collection.on_delete,
        changes=_changes(map_, collection, "deleted"),
        strips=_changes(map_, collection, "shared"),
        trims=_changes(map_, collection, "kept"),
        may_keep=not any(hop.forward and hop.unique for path in paths for hop in path[:1]),
        loose=any(_is_broken(path, earlier) for path in paths),
        shareable=shareable,
        term=collection.term,
        holds=collection.holds,
        contacts=tuple(
            ContactColumn(field.name, field.contact, field.since, field.inside)
            for field in every if field.contact
        ),
        points=tuple(_point(field) for field in every if field.point),
        identities=tuple(
            Named(field.name, field.identity, field.compare, field.inside)
            for field in every if field.identity
        ),
        marks=tuple(
            Named(field.name, kind, path=field.inside)
            for field in every
            if (kind := _mark(field)) is not None and not shareable
        ),
        identifiers=_identifiers(map_, collection, paths),
        texts=tuple(field.name for field in fields if field.search_text),
        columns=tuple(field.name for field in fields),
        pieces=tuple(_piece(field) for field in fields),
        dated=collection.dated,
        categories=tuple(sorted({
            str(each.category) for field in fields for each in field.told()
        })),
        keep_code=collection.keep_code,
    )  # fmt: skip


def _is_broken(path: Path, earlier: dict[str, Collection]) -> bool:
    """Say whether rows on the way to the person are gone when this table's turn comes."""
    return any(True for _ in linking.cutters(path, earlier.get))


def _changes(map_: Map, collection: Collection, when: str) -> tuple[Change, ...]:
    """Return what is done to the columns; what is done within one is one change of it."""
    changes = []
    for field in collection.fields:
        said: Said | None = getattr(field, when)
        if said and said.changes and said.how != "remove":
            changes.append(Change(field.name, said.how, said.argument))
        parts = [
            part
            for each in (field, *field.within())
            if (part := _part(map_, collection, each, when))
        ]
        if parts:
            changes.append(Change(field.name, "inside", spelled(parts)))
    return tuple(changes)


def _part(map_: Map, collection: Collection, field: Field, when: str) -> Part | None:
    """Return what is done to a value within a column."""
    said: Said | None = getattr(field, when)
    if not said or not said.changes or not (field.path or said.how == "remove"):
        return None
    how = "strip" if said.how.startswith("strip") else said.how
    kind = linking.naming(map_, collection, field)
    return Part(field.inside, how, said.argument, kind, field.compare)


def _piece(field: Field) -> Piece:
    """Say of a column what is said of it, and what is said of a part of it: the stricter counts."""
    parts = (field, *field.within())
    told = next((each for each in parts if each.is_classified), field)
    return Piece(
        field.name,
        category=str(told.category) if told.is_classified else "",
        source=told.source or "",
        never=next((each.never_disclosed for each in parts if each.never_disclosed), ""),
        sensitive=next((each.sensitive for each in parts if each.sensitive), ""),
        from_consumer=told.collected_from_consumer,
    )


def _point(field: Field) -> Point:
    said = field.point or {}
    label = {language: words for language, words in said["label"].items() if language != PLACES}
    return Point(said["point"], said["group"], said["normalise"], field.name, label, field.inside)


def _mark(field: Field) -> str | None:
    """Return the kind of a value that is the person's own; an identifier may be somebody else's."""
    return field.mark or field.identity or field.contact


def _identifiers(map_: Map, collection: Collection, paths: tuple[Path, ...]) -> tuple[Named, ...]:
    person = map_.collection(map_.person or "")
    key = person.key if person else ()
    named = [Named(path[0].column, "person", path=path[0].path) for path in paths
             if len(path) == 1 and path[0].forward and key == (path[0].target,)
             and path[0].compare == "exact"]  # fmt: skip
    if collection is person and len(key) == 1:
        named.append(Named(key[0], "person"))
    named += [Named(field.name, kind, field.compare, field.inside) for field in collection.every()
              if (kind := field.identity or field.identifier)]  # fmt: skip
    return tuple(named)
