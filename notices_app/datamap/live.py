"""A map held against the live catalogue of any store with SQL: each finding at its place."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ccpa_office.connectors import masking
from ccpa_office.connectors.base import Change, Finding
from ccpa_office.connectors.surveying import Sheet, Survey
from notices_app.datamap import looks
from notices_app.datamap.constraints import permits
from notices_app.datamap.facts import Collection, Field, Map
from notices_app.datamap.linking import wide_references
from notices_app.datamap.reading import Place, Report

ENDS = frozenset({"unknown-table", "unknown-column", "a-view", "key-not-unique"})
"""Codes after which no statement is built at all."""
SURE = 70
"""How sure a guess by name must be before a column that the map does not name is reported."""
SERVES_WIDE_KEYS = frozenset({"postgresql", "sqlite", "mysql", "mariadb"})
"""Stores whose connector joins by a key of several columns."""
SUBJECT = re.compile(r"([A-Za-z_]\w*)(?:\.([A-Za-z_]\w*))?")


@dataclass
class _Lint:
    """One map, one store, one report."""

    map: Map
    store: Survey
    report: Report

    def error(self, place: Place, code: str, subject: str, said: str) -> None:
        self.report.error(place, code, f"{subject}: {said}")

    def warning(self, place: Place, code: str, subject: str, said: str) -> None:
        self.report.warning(place, code, f"{subject}: {said}")


def on_a_copy(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings as they count where nothing waits: a missing index is slow, not wrong."""
    return [
        replace(each, level="warning") if each.code == "no-index" else each
        for each in dict.fromkeys(findings)
    ]


def keys(map_: Map, store: Survey) -> dict[str, tuple[str, ...]]:
    """Return the store's primary keys of the tables of which the map says none."""
    return {
        each.name: store.tables[each.name].key
        for each in map_.collections
        if not each.key and each.name in store.tables and store.tables[each.name].key
    }


def lint(map_: Map, store: Survey) -> list[Finding]:
    """Return what the catalogue says against a sound map; names first, and nothing else if wrong.

    Every message begins with the table, or with table and column, that it speaks of.
    """
    look = _Lint(map_, store, Report(""))
    for collection in map_.collections:
        _names(look, collection)
    if not look.report.findings:
        for collection in map_.collections:
            _changes(look, collection, store.tables[collection.name])
            _comparisons(look, collection, store.tables[collection.name])
            _wide(look, collection)
            _kinds(look, collection, store.tables[collection.name])
            _unnamed_columns(look, collection)
            _others(look, collection)
        _unnamed_tables(look)
        _left_out(look)
        _views(look)
    return look.report.findings


def merged(seen: list[Finding], found: Iterable[Finding], map_: Map) -> list[Finding]:
    """Return both lists as one: the connector's findings at their places, nothing said twice."""
    placed = [*dict.fromkeys(_placed(each, map_) for each in found if not _is_settled(each, map_))]
    said = {(finding.code, _subject(finding)) for finding in placed}
    named = {word for each in placed if each.level == "error" or each.code in ABOUT_OTHERS
             for word in WORD.findall(each.message)}  # fmt: skip
    rest = [
        each
        for each in seen
        if (each.code, _subject(each)) not in said
        and not (each.code in UNNAMED and WORD.findall(each.message)[OTHER[each.code]] in named)
    ]
    return sorted([*placed, *rest], key=lambda each: (each.line, each.column, each.code))


UNNAMED = frozenset({"refers-to-person", "history-table", "personal-table", "materialized-view"})
"""Warnings about something outside the map: a connector that says more of it says it alone."""
OTHER = {"refers-to-person": 0, "history-table": 0, "personal-table": 0, "materialized-view": 4}
"""Which word of the message names that something."""
ABOUT_OTHERS = frozenset({"history", "history-unsure", "view", "view-locks"})
WORD = re.compile(r"[A-Za-z_]\w*")


def _is_settled(finding: Finding, map_: Map) -> bool:
    """Say whether the map names the history table on purpose, with its reason."""
    if finding.code not in {"history", "history-unsure"}:
        return False
    words = set(WORD.findall(finding.message))
    return any(each.table in words and not each.column for each in map_.left_out)


def _subject(finding: Finding) -> tuple[str, str]:
    match = SUBJECT.match(finding.message)
    return (match[1], match[2] or "") if match else ("", "")


def _placed(finding: Finding, map_: Map) -> Finding:
    place = map_.place
    for table, column in SUBJECT.findall(finding.message):
        collection = map_.collection(table)
        if collection is not None:
            field = collection.field(column)
            place = field.place if field else collection.place
            break
    return replace(finding, line=place.line, column=place.column)


# --- names and keys -------------------------------------------------------------------------------


def _names(look: _Lint, collection: Collection) -> None:
    name = collection.name
    sheet = look.store.tables.get(name)
    if sheet is None:
        if name in look.store.views or name in look.store.materialized:
            look.error(collection.place, "a-view", name, "this is a view")
        else:
            near = _nearest(name, look.store.tables)
            look.error(collection.place, "unknown-table", name, f"no such table{near}")
        return
    for field in collection.fields:
        if field.name not in sheet.columns:
            near = _nearest(field.name, sheet.columns)
            subject = f"{name}.{field.name}"
            look.error(field.place, "unknown-column", subject, f"no such column{near}")
    if not look.report.findings:
        _key(look, collection, sheet)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, [each for each in known if SUBJECT.fullmatch(each)], n=1)
    return f"; the nearest is {near[0]}" if near else ""


def _key(look: _Lint, collection: Collection, sheet: Sheet) -> None:
    key = collection.key
    if key not in {sheet.key, *sheet.unique}:
        turned = [each for each in {sheet.key, *sheet.unique} if sorted(each) == sorted(key)]
        said = f"the store's order is {', '.join(turned[0])}" if turned else "no unique key is this"
        look.error(collection.place, "key-not-unique", collection.name, said)
        return
    for name in key:
        field = collection.field(name)
        if field and sheet.columns[name].facts.nullable and name not in sheet.key:
            subject = f"{collection.name}.{name}"
            look.error(field.place, "key-nullable", subject, "a key that may be null")


# --- actions --------------------------------------------------------------------------------------

REASONS = {
    "not-null": "is to be emptied but may not be null",
    "not-unique": "is unique: two rows cannot hold the same value",
    "too-short": "is too short for what the action writes",
    "change-type": "the action cannot serve this type",
    "change-argument": "the action cannot take this argument here",
    "change-unknown": "no action of this name",
    "generated": "is computed by the store",
}


def _changes(look: _Lint, collection: Collection, sheet: Sheet) -> None:
    for field in collection.fields:
        for said in {each for each in (field.deleted, field.shared, field.kept) if each}:
            if said.changes and said.how != "remove":
                change = Change(field.name, said.how, said.argument)
                _change(look, collection, field, sheet, change)


def _change(
    look: _Lint, collection: Collection, field: Field, sheet: Sheet, change: Change
) -> None:
    facts, subject = sheet.columns[field.name].facts, f"{collection.name}.{field.name}"
    if field.length and facts.kind == "text":
        facts = replace(facts, length=min(field.length, facts.length or field.length))
    code = masking.serves(change, facts)
    if code:
        said = f"{change.how}: {REASONS[code]} ({sheet.columns[field.name].type})"
        look.error(field.place, code, subject, said)
        return
    for check in sheet.checks:
        allowed = permits(check, field.name, change)
        if allowed is False:
            look.error(field.place, "check-breaks", subject, f"a CHECK forbids {change.how}")
        elif allowed is None:
            said = f"a CHECK that cannot be read here names the column; try {change.how} on a copy"
            look.warning(field.place, "check-unsure", subject, said)


def _comparisons(look: _Lint, collection: Collection, sheet: Sheet) -> None:
    for field in collection.fields:
        asked = field.identity or field.identifier or field.references
        if asked and field.compare in {"phone", "name"} and not field.inside:
            plain = {field.name, f"lower({field.name.lower()})"}
            indexed = any(field.name.lower() in each for each in sheet.leading - plain)
            if not indexed:
                subject = f"{collection.name}.{field.name}"
                said = f"compared as {field.compare} without an index on that form"
                look.warning(field.place, "slow-compare", subject, said)


def _wide(look: _Lint, collection: Collection) -> None:
    if look.store.dialect not in SERVES_WIDE_KEYS:
        for parts in wide_references(look.map, collection).values():
            said = f"a reference to a key of several fields, on {look.store.dialect}"
            look.error(parts[0][1].place, "not-served", collection.name, said)


ALIKE = {"decimal": "integer", "moment": "date"}
LOOSE = (frozenset({"text", "uuid"}), frozenset({"boolean", "integer"}))
"""What stores without types of their own for them compare."""


def _kinds(look: _Lint, collection: Collection, sheet: Sheet) -> None:
    """Report what is compared with a value of another kind, and a term that runs from no day."""
    for field in collection.fields:
        kind, subject = sheet.columns[field.name].facts.kind, f"{collection.name}.{field.name}"
        if field.inside:
            continue  # the store's connector says what it can look into
        asked = field.identity or field.identifier or field.references
        if asked and field.compare != "exact" and kind not in {"text", "other"}:
            said = f"compared as {field.compare}, but it is no text"
            look.error(field.place, "join-type", subject, said)
        for reference in field.references:
            other = look.store.tables[reference.collection].columns.get(reference.field)
            if other and other.facts.kind != "json" and not _is_alike(look, kind, other.facts.kind):
                said = f"no {reference.collection}.{reference.field} can be this ({other.type})"
                look.error(reference.place, "join-type", subject, said)
    starts = collection.term.starts if collection.term else ""
    if starts and sheet.columns[starts].facts.kind not in {"date", "moment", "text", "other"}:
        subject = f"{collection.name}.{starts}"
        look.error(collection.place, "term-type", subject, "a term runs from a day")


def _is_alike(look: _Lint, one: str, other: str) -> bool:
    one, other = ALIKE.get(one, one), ALIKE.get(other, other)
    if one == other or "other" in {one, other}:
        return True
    return look.store.dialect != "postgresql" and {one, other} in LOOSE


# --- what the map does not name -------------------------------------------------------------------


def _unnamed_columns(look: _Lint, collection: Collection) -> None:
    sheet = look.store.tables[collection.name]
    known = {field.name for field in collection.fields}
    known |= {name for key in sheet.foreign for name in key.columns}
    for name in sheet.columns:
        if name in known or _is_left_out(look.map, collection.name, name):
            continue
        guess = looks.by_name(collection.name, name)
        if guess and guess.sure >= SURE:
            said = f"not in the map, and looks like {guess.data_category}"
            subject = f"{collection.name}.{name}"
            look.warning(collection.place, "personal-column", subject, said)


def _others(look: _Lint, collection: Collection) -> None:
    """Report whose rows may share what a mask changes, and whom no way leads to the person."""
    named = {each.name for each in look.map.collections}
    pointed = any(
        reference.collection == collection.name and reference.direction == "to"
        for each in look.map.collections
        for field in each.fields
        for reference in field.references
    )
    if collection.on_delete == "mask" and pointed:
        for key in look.store.references_to(collection.name):
            if key.table not in named:
                said = f"{key.table}.{key.columns[0]} refers to it and is not in the map"
                look.warning(collection.place, "others-refer", collection.name, said)


def _is_left_out(map_: Map, table: str, column: str = "") -> bool:
    return any(each.table == table and each.column in {"", column} for each in map_.left_out)


def _unnamed_tables(look: _Lint) -> None:
    known = {each.name for each in (*look.map.collections, *look.map.skipped)}
    for name in look.store.tables:
        if name in known or _is_left_out(look.map, name):
            continue
        code, said, at = _suspicion(look, name, known)
        collection = look.map.collection(at)
        place = collection.place if collection else look.map.place
        if code:
            look.warning(place, code, name, said)


def _suspicion(look: _Lint, name: str, known: set[str]) -> tuple[str, str, str]:
    """Return code, words and the mapped table that a table has to do with."""
    of = looks.is_history(name, known)
    if of:
        return "history-table", f"looks like a history of {of}", of
    sheet = look.store.tables[name]
    target = next((key.target for key in sheet.foreign if key.target in known), "")
    if target:
        return "refers-to-person", f"refers to {target} and is not in the map", target
    signs = list(_signs(name, sheet))
    if signs:
        return "personal-table", f"not in the map, and looks personal by {', '.join(signs[:5])}", ""
    return "", "", ""


def _signs(table: str, sheet: Sheet) -> Iterator[str]:
    for name in sheet.columns:
        guess = looks.by_name(table, name)
        if guess and guess.sure >= SURE and SUBJECT.fullmatch(name):
            yield name


def _left_out(look: _Lint) -> None:
    for each in look.map.left_out:
        sheet = look.store.tables.get(each.table)
        if sheet is None:
            look.warning(each.place, "left-out-unknown", each.table, "no such table")
        elif each.column and each.column not in sheet.columns:
            subject = f"{each.table}.{each.column}"
            look.warning(each.place, "left-out-unknown", subject, "no such column")


def _views(look: _Lint) -> None:
    for view, tables in look.store.materialized.items():
        for collection in look.map.collections:
            if collection.name in tables and collection.on_delete != "keep":
                said = f"the materialized view {view} reads it"
                look.warning(collection.place, "materialized-view", collection.name, said)
