"""Does the map make sense by itself? Names that exist, actions that fit, nothing left unsaid."""

import re
from collections.abc import Iterator

from ccpa_office.connectors.inside import PERSON
from ccpa_office.connectors.ways import EACH
from notices_app.datamap import linking
from notices_app.datamap.facts import Collection, Field, Map
from notices_app.datamap.masks import Said
from notices_app.datamap.reading import Place, Report, shown

SYSTEM_TABLE = re.compile(r"(?i)pg_|sqlite_|information_schema$|mysql$|sys$|django_migrations$")


def check(map_: Map, report: Report, *, without_store: bool) -> None:
    """Report whatever is missing, contradictory or unclear; keys may yet come from a store."""
    person = map_.collection(map_.person) if map_.person else None
    if person is None:
        report.error(map_.place, "no-person", "say in ccpa_meta which collection is the person")
    elif map_.person_taken and sum(map(_identifies, map_.collections)) > 1:
        said = f"{map_.person} is taken for the person: most others refer to it"
        report.warning(person.place, "person-taken", said)
    for collection in (*map_.collections, *map_.skipped):
        _names(collection, map_, report)
    for collection in map_.collections:
        _key(collection, report, without_store=without_store)
        _collection(collection, report)
        _grounds(collection, report)
        _composites(collection, map_, report)
        for field in collection.fields:
            _field(collection, field, map_, report)
    _skipped(map_, report)
    if not any(map(_identifies, map_.collections)):
        report.error(map_.place, "no-identity", "no field says by what a person is identified")
    _points(map_, report)


def _identifies(collection: Collection) -> bool:
    return any(field.identity for field in collection.every())


def _key(collection: Collection, report: Report, *, without_store: bool) -> None:
    said = f"{collection.name}: no field is a primary key"
    if collection.stores_key:
        said = f"{collection.name}: the store's key is taken: {', '.join(collection.stores_key)}"
        report.warning(collection.place, "key-taken", said)
    elif not collection.key and without_store:
        report.warning(collection.place, "key-taken", f"{said}; the store's will be taken")
    elif not collection.key:
        report.error(collection.place, "no-key", said)


def _names(collection: Collection, map_: Map, report: Report) -> None:
    if SYSTEM_TABLE.match(collection.name):
        report.error(collection.place, "system-table", "a table of the store's own is not served")
    known = {each.name for each in (*map_.collections, *map_.skipped)}
    for name in collection.named:
        if name not in known:
            report.error(collection.place, "no-target", f"no collection is called {shown(name)}")


def _skipped(map_: Map, report: Report) -> None:
    for collection in map_.skipped:
        if any(True for field in collection.fields for _ in field.told()):
            said = f"{collection.name} is skipped although fields of it have a category"
            report.error(collection.place, "skipped-data", said)
        else:
            report.warning(collection.place, "skipped", f"{collection.name}: nothing is done here")
    for collection in map_.things:
        said = f"{collection.name} holds nothing personal by its categories: nothing is done here"
        report.warning(collection.place, "things", said)


def _collection(collection: Collection, report: Report) -> None:
    where, name = collection.place, collection.name
    if not collection.says_on_delete:
        report.warning(where, "default", f"{name}: rows are deleted")
    if collection.on_delete == "keep" and not collection.keep_code and not collection.term:
        report.error(where, "no-exception", "rows are kept without an exception")
    if collection.on_delete != "keep" and collection.keep_code:
        report.error(where, "no-term", "an exception needs a term, or rows kept for good")
    named = [collection.term.starts] if collection.term else []
    named += [hold.column for hold in collection.holds]
    named += [collection.dated] if collection.dated else []
    for column in named:
        if collection.field(column) is None:
            report.error(where, "no-field", f"{name} has no {shown(column)}")
    _mask(collection, report)


def _grounds(collection: Collection, report: Report) -> None:
    """What stays until a day must go then; what a hold keeps must be told from what stays so."""
    if collection.on_delete == "keep" and collection.term:
        said = "rows kept for good never go: say delete or mask, and they stay for the term"
        report.error(collection.place, "kept-for-good", said)
    ground = collection.term.code if collection.term else collection.keep_code
    trimmed = any(field.kept and field.kept.changes for field in collection.every())
    if trimmed and ground in {hold.code for hold in collection.holds}:
        said = f"a hold and the exception are both {ground}, so that on_kept could never be done"
        report.error(collection.place, "one-ground", said)


def _composites(collection: Collection, map_: Map, report: Report) -> None:
    """A key of several fields is one reference, not several that each reach everybody."""
    wide = linking.wide_references(map_, collection)
    for parts in wide.values():
        where = parts[0][1].place
        named = [reference.field for _, reference in parts]
        if len(set(named)) < len(named):
            said = "two references to one key of several fields: which parts belong together?"
            report.error(where, "not-served", said)
        elif len({reference.direction for _, reference in parts}) > 1:
            report.error(where, "contradiction", "the parts of one reference differ in direction")
        elif any(field.compare != "exact" for field, _ in parts):
            report.error(where, "not-served", "a key of several fields is compared exactly")
    for field in collection.every():
        for reference in field.references:
            target = map_.collection(reference.collection)
            key = target.key if target and target is not collection else ()
            if len(key) > 1 and reference.field in key and reference.collection not in wide:
                report.warning(reference.place, "partial-key", "a reference to a part of a key")


def _mask(collection: Collection, report: Report) -> None:
    changed = [each for each in collection.every() if each.deleted and each.deleted.changes]
    if collection.on_delete == "mask" and not changed:
        report.error(collection.place, "no-change", "a mask must change at least one field")
    for field in collection.every():
        for code, said in _misused(collection, field):
            report.error(field.place, code, said)


def _misused(collection: Collection, field: Field) -> Iterator[tuple[str, str]]:
    does = collection.on_delete
    if field.deleted and does != "mask":
        yield "misplaced", "only fields of a masked collection say this"
    if field.shared and does != "delete":
        yield "misplaced", "only rows that are deleted can be stripped"
    if field.kept and not (collection.term or collection.keep_code):
        yield "misplaced", "only rows that are kept on a ground can be trimmed"
    told = any(not (each.fields or each.deleted) for each in field.told())
    told = told and not field.path
    if does == "mask" and not field.deleted and told and not field.is_key:
        yield "no-on-delete", "say what the mask does to this field"
    changes = [each for each in (field.deleted, field.shared, field.kept) if each and each.changes]
    if changes and field.is_key:
        yield "key-changed", "a primary key cannot be changed"
    if changes and field.read_only:
        yield "read-only", "a field that is read-only cannot be changed"
    if changes and field.kept and field.name in _needed(collection):
        yield "needed", "the term and the holds are read from this field: it cannot be trimmed"


def _needed(collection: Collection) -> set[str]:
    starts = {collection.term.starts} if collection.term else set()
    return starts | {hold.column for hold in collection.holds}


def _field(collection: Collection, field: Field, map_: Map, report: Report) -> None:
    if field.category is None and not (field.is_key or field.references or field.fields):
        report.warning(
            field.place, "unclassified", f"{collection.name}.{field.name} has no category"
        )
    if field.by_data_category and field.is_classified:
        said = f"{collection.name}.{field.label}: taken for {field.category} by its data category"
        report.warning(field.place, "category-taken", said)
    for each in field.within():
        if each.never_disclosed:
            report.warning(each.place, "lifted", "the whole column is withheld from answers")
    for each in (field, *field.within()):
        _taken(collection, each, report)
        _contact(collection, each, report)
        _references(each, map_, report)
        _role(each, report)
        _inside(collection, each, map_, report)


def _taken(collection: Collection, field: Field, report: Report) -> None:
    for kind in field.taken:
        said = f"{collection.name}.{field.label}: by its data category it is {kind}"
        report.warning(field.place, "kind-taken", said)


def _contact(collection: Collection, field: Field, report: Report) -> None:
    if field.since and collection.field(field.since) is None:
        report.error(field.place, "no-field", f"{collection.name} has no {shown(field.since)}")
    if field.contact and not field.since:
        said = "say in 'since' which field tells since when this contact is unchanged"
        report.warning(field.place, "no-since", said)


def _references(field: Field, map_: Map, report: Report) -> None:
    for reference in field.references:
        target = map_.collection(reference.collection)
        there = target.at(reference.field) if target else None
        if there is None:
            report.error(reference.place, "no-target", "the reference points to nothing")
        elif there.inside and field.inside:
            report.error(reference.place, "not-served", "both fields lie within columns")
        elif there.fields:
            report.error(reference.place, "not-served", "a reference to an object")


PLAIN = ("primary_key", "search_text")
"""What only a column itself can be, or have done to it."""
ACTIONS = ("on_delete", "on_shared", "on_kept")


def _role(field: Field, report: Report) -> None:
    """Within a column a field may lead to somebody; what is done is said at the column."""
    for word in _roles(field):
        if field.path and word in PLAIN:
            said = f"{word} of a field within an object: say it at the column"
            report.error(field.place, "not-served", said)
        elif field.is_array and word == "primary_key":
            report.error(field.place, "not-served", f"{word} of an array")
        elif word not in (*PLAIN, *ACTIONS) and field.fields:
            report.error(field.place, "not-served", f"{word} of an object")


def _inside(collection: Collection, field: Field, map_: Map, report: Report) -> None:
    """What is done within a column must be served there, and never to what is somebody else's."""
    kind = linking.naming(map_, collection, field)
    many = any(each.references and EACH in each.inside for each in (field, *field.within()))
    for word, said in zip(ACTIONS, (field.deleted, field.shared, field.kept), strict=True):
        if said is None or not said.changes:
            continue
        if any(_changes_at(each, word) for each in field.within()):
            report.error(field.place, "nested-action", f"{word} of a field and of a part of it")
        elif field.path or said.how == "remove":
            if trouble := _not_within(field, said, kind, map_):
                report.error(field.place, "nested-action", f"{word}: {trouble}")
        elif word == "on_shared" and many and not said.how.startswith("strip"):
            trouble = "others are named here too; say remove or null at the field that names them"
            report.error(field.place, "nested-action", f"{word}: {trouble}")


def _changes_at(field: Field, word: str) -> bool:
    said = dict(zip(ACTIONS, (field.deleted, field.shared, field.kept), strict=True))[word]
    return said is not None and said.changes


WITHIN = ("null", "constant", "strip_text", "strip_json")
"""What can be done to a value within an object."""


def _not_within(field: Field, said: Said, kind: str, map_: Map) -> str:
    """Return why an action is not served within a column, or nothing."""
    known = {each.mark or each.identity or each.contact for one in map_.collections
             for each in one.every()}  # fmt: skip
    is_out_of_list = said.how == "remove" and EACH in field.inside
    troubles = {
        "where a value names the person it becomes null, or its element of a list goes":
            kind and said.how != "null" and not is_out_of_list,
        "the value that names the person is compared exact or casefold":
            kind and field.compare not in {"exact", "casefold"},
        "no field is a mark of this kind": kind and kind != PERSON and kind not in known,
        "say identifier: by what kind of value the person is named here":
            not kind and (field.references or said.how == "remove"),
        "which elements are the person's? say it at the field that names them":
            not kind and EACH in field.inside,
        f"{said.how} is not served within a column": not kind and said.how not in WITHIN,
    }  # fmt: skip
    return next((trouble for trouble, is_so in troubles.items() if is_so), "")


def _roles(field: Field) -> Iterator[str]:
    said = {
        "primary_key": field.is_key, "identity": field.identity, "references": field.references,
        "on_delete": field.deleted, "on_shared": field.shared, "on_kept": field.kept,
        "contact": field.contact, "verification": field.point, "identifier": field.identifier,
        "mark": field.mark, "search_text": field.search_text,
    }  # fmt: skip
    return (word for word, value in said.items() if value)


def _points(map_: Map, report: Report) -> None:
    seen: dict[str, Place] = {}
    groups: set[str] = set()
    for collection in map_.collections:
        for field in collection.every():
            if field.point is None:
                continue
            if field.point["point"] in seen:
                report.error(field.place, "twice", "the same verification point twice")
            seen[field.point["point"]] = field.place
            groups.add(field.point["group"])
    if len(groups) == 1 and seen:
        said = "all verification points are of one group: they count once"
        report.warning(next(iter(seen.values())), "one-group", said)
