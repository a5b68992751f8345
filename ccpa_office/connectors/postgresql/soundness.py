"""Where a program and a catalogue do not fit, found before anything runs."""

import re
from collections.abc import Iterator
from dataclasses import replace

from ccpa_office.connectors.base import Change, ColumnFacts, Finding, Program, Table
from ccpa_office.connectors.masking import LEVELING, serves
from ccpa_office.connectors.postgresql import nesting
from ccpa_office.connectors.postgresql.catalogue import CASCADES, Catalogue, ForeignKey, View
from ccpa_office.connectors.ways import (
    ContactColumn,
    Hop,
    Named,
    Path,
    Point,
    follows,
    shown,
    unindexed,
)

KEYS = frozenset({"bigint", "integer", "smallint", "uuid", "text", "character varying",
                  "character", "citext", "date", "numeric",
                  "timestamp without time zone", "timestamp with time zone"})  # fmt: skip


def check(program: Program, catalogue: Catalogue) -> list[Finding]:
    """Return every finding, errors first."""
    findings = [
        finding
        for table in program.tables
        for finding in (
            *_keys(table, catalogue),
            *_changes(table, catalogue),
            *_indexes(table, catalogue),
            *_references(program, table, catalogue),
            *_triggers(program, table, catalogue),
            *_reach(program, table),
        )
    ]
    findings += [*_history(program, catalogue), *_views(program, catalogue)]
    return sorted(
        dict.fromkeys(findings), key=lambda finding: (finding.level, finding.code, finding.message)
    )


def _error(code: str, message: str) -> Finding:
    return Finding("error", code, message)


def _warning(code: str, message: str) -> Finding:
    return Finding("warning", code, message)


def _keys(table: Table, catalogue: Catalogue) -> Iterator[Finding]:
    relation = catalogue.tables[table.name]
    if relation.hidden:
        yield _error("row-security", f"{table.name}: policies of the store hide rows from our role")
    for column in table.key:
        fact = relation.columns[column]
        if fact.type not in KEYS:
            yield _error("key-type", f"{table.name}.{column}: a key of type {fact.type}")
        if fact.nullable:
            yield _error("key-nullable", f"{table.name}.{column}: a key that may be null")


WORDS = {
    "change-unknown": "there is no such change",
    "generated": "the store computes this column, nobody can write it",
    "not-null": "is to be emptied but may not be null",
    "change-type": "{how} cannot be done to {kind}",
    "change-argument": "{how} cannot do this with {kind}",
    "not-unique": "is unique: after {how} two rows could hold the same",
    "too-short": "the column is too short for {how}",
}


def _changes(table: Table, catalogue: Catalogue) -> Iterator[Finding]:
    relation = catalogue.tables[table.name]
    for change in (*table.changes, *table.strips, *table.trims):
        facts = catalogue.facts(table.name, change.column)
        where = f"{table.name}.{change.column}"
        if code := _why_not(change, facts):
            kind = relation.columns[change.column].type
            words = WORDS[code].format(how=change.how, kind=kind)
            yield _error(code, f"{where}: {words}")
        if change.column in table.key:
            yield _error("key-changed", f"{where} is a key and cannot be changed")
        if change.how in LEVELING:
            for together in relation.unique:
                if change.column in together and len(together) > 1:
                    rest = ", ".join(name for name in together if name != change.column)
                    yield _warning("unique-together", f"{where} is unique together with {rest}")
        yield from _bound(table, change, catalogue)


def _why_not(change: Change, facts: ColumnFacts) -> str:
    """Return why PostgreSQL cannot make the change; JSON is asked for as ``jsonb`` or ``json``."""
    if change.how == "strip_text" and facts.kind == "json":
        return "change-type"
    return serves(change, facts)


def _bound(table: Table, change: Change, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield the foreign keys that a new value would break, or carry into other tables."""
    where = f"{table.name}.{change.column}"
    for foreign in catalogue.foreign:
        refers = foreign.table == table.name and change.column in foreign.columns
        if refers and change.how != "null":
            yield _error("foreign-key", f"{where} refers to {foreign.target}: only null will do")
        if foreign.target == table.name and change.column in foreign.targets:
            yield _error("foreign-key", f"{where}: {foreign.table} refers to its values")


PAST = (
    "history|hist|audit|audits|aud|audit_log|log|logs|archive|archived|old|backup|bak|versions?|"
    "revisions?|changes|changelog|journal|shadow|deleted|tombstones?|historical"
)


def _history(program: Program, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield tables outside the map that seem to keep the past of a changed table.

    By name (the table's own and a word for the past), or because a trigger of the table writes
    them. What also has two of its columns is a copy, and an error: nothing would be erased there.
    """
    named = {table.name for table in program.tables} | set(program.left_out)
    others = catalogue.tables.keys() - named
    for table in program.tables:
        if table.action != "keep":
            for other in sorted(others):
                yield from _past(table, other, catalogue)


def _past(table: Table, other: str, catalogue: Catalogue) -> Iterator[Finding]:
    relation = catalogue.tables[table.name]
    written = other in relation.writes
    if not written and not _is_past_of(other, table.name):
        return
    why = "a trigger writes" if written else "its past may stand in"
    common = relation.columns.keys() & catalogue.tables[other].columns.keys() - set(table.key)
    if len(common) > 1:
        yield _error("history", f"{table.name}: {why} {other}, which the map does not name")
    else:
        yield _warning("history-unsure", f"{table.name}: {why} {other}, outside the map")


def _is_past_of(name: str, table: str) -> bool:
    own = "|".join(re.escape(form) for form in {table.lower(), table.lower().removesuffix("s")})
    return re.fullmatch(f"(?:{own})_?(?:{PAST})|(?:{PAST})_?(?:{own})", name.lower()) is not None


def _reach(program: Program, table: Table) -> Iterator[Finding]:
    """Yield a table whose kept rows nobody could find again when their term or hold ends.

    Some way to the person must lead over rows that stay: the person's own key in the row, or
    tables whose rows are not deleted, or are kept as well.
    """
    if table.action == "keep" or not (table.term or table.holds):
        return
    stay = {each.name for each in program.tables if each.action != "delete" or each.term}
    if not any(_leads_over(path, stay, program) for path in table.paths):
        yield _error("kept-out-of-reach", f"{table.name}: kept rows are lost with their person")


def _leads_over(path: Path, stay: set[str], program: Program) -> bool:
    person = program.table(program.person)
    for number, hop in enumerate(path):
        is_key = hop.table == person.name and (hop.target,) == person.key and not hop.also
        if number == len(path) - 1 and is_key and hop.compare == "exact":
            return True
        if hop.table not in stay:
            return False
    return True


def stale(program: Program, catalogue: Catalogue) -> list[View]:
    """Return the materialized views that read a table which the program changes, oldest first.

    A view that reads another is younger than it.
    """
    changed = {table.name for table in program.tables if table.action != "keep" or table.trims}
    return [view for view in catalogue.views if changed & set(view.tables)]


def _views(program: Program, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield the materialized views that the office may not refresh, or only behind a lock."""
    named = {table.name for table in program.tables}
    for view in stale(program, catalogue):
        read = min(named & set(view.tables))
        if not view.ours:
            yield _error("view", f"{read}: {view.name} reads it and is not ours to refresh")
        elif not view.concurrent:
            yield _warning("view-locks", f"{read}: {view.name} is locked while it is refreshed")


def _indexes(table: Table, catalogue: Catalogue) -> Iterator[Finding]:
    for path in table.paths:
        here = table.name
        for hop in path:
            yield from _joined(hop, here, catalogue)
            here = hop.table
    for named in (*table.identities, *table.identifiers):
        compare = "exact" if named.kind == "person" else named.compare
        if named.path and named.kind != "person":
            column = nesting.Column(catalogue, table.name, named.column, named.path)
            yield from _within(column, compare, ColumnFacts("text"))
        elif (
            not named.path
            and compare in {"exact", "casefold"}
            and not catalogue.is_indexed(table.name, named.column, compare)
        ):
            yield _error("no-index", unindexed(table.name, named.column, compare))
    seen: tuple[Named | ContactColumn | Point, ...] = (*table.marks, *table.contacts, *table.points)
    for held in seen:
        column = nesting.Column(catalogue, table.name, held.column, held.path)
        if held.path and (code := column.trouble()):
            yield _no_value(code, column)


def _joined(hop: Hop, here: str, catalogue: Catalogue) -> Iterator[Finding]:
    ends = [(here, hop.column), (hop.table, hop.target)]
    if hop.path:
        held, plain = ends if hop.forward else (ends[1], ends[0])
        column = nesting.Column(catalogue, *held, hop.path)
        for finding in _within(column, hop.compare, catalogue.facts(*plain), plain):
            yield (
                finding
                if hop.forward
                else replace(
                    finding, message=finding.message.replace("every chunk", "every row found")
                )
            )
        ends = [plain]
    for table, name in ends:
        if not catalogue.is_indexed(table, name, hop.compare):
            yield _error("no-index", unindexed(table, name, hop.compare))


def _within(
    column: nesting.Column, compare: str, of: ColumnFacts, plain: tuple[str, str] | None = None
) -> Iterator[Finding]:
    """Yield what forbids to look within a column, or makes it slow."""
    if code := column.trouble():
        yield _no_value(code, column)
    elif plain and of.kind not in nesting.SERVED:
        where = shown(f"{column.table}.{column.name}", column.path)
        yield _error("nested-type", f"{where}: no {'.'.join(plain)} is compared with it")
    elif not column.is_indexed(compare, of):
        where = shown(f"{column.table}.{column.name}", column.path)
        yield _warning("nested-no-index", f"{where}: every chunk reads the whole table")


def _no_value(code: str, column: nesting.Column) -> Finding:
    words = {
        "nested-type": "a column of this type holds no values",
        "nested-version": "before PostgreSQL 16 only jsonb and arrays are looked into",
    }
    return _error(code, f"{shown(f'{column.table}.{column.name}', column.path)}: {words[code]}")


def _references(program: Program, table: Table, catalogue: Catalogue) -> Iterator[Finding]:
    if table.action != "delete":
        return
    for foreign in catalogue.foreign:
        if foreign.target == table.name and foreign.schema == program.schema:
            yield from _reference(program, table, foreign)
        elif foreign.target == table.name:
            yield _error("other-schema", f"{foreign.name} points to {table.name} from elsewhere")


def _reference(program: Program, table: Table, foreign: ForeignKey) -> Iterator[Finding]:
    names = {each.name: position for position, each in enumerate(program.tables)}
    where = f"{foreign.table}.{foreign.columns[0]} -> {table.name} ({foreign.name})"
    rule = CASCADES.get(foreign.on_delete)
    if foreign.table not in names:
        code = "cascade-not-declared" if rule else "must-break"
        yield _error(code, f"{where}: a table that the map does not name")
        return
    child = program.table(foreign.table)
    changed = {change.column for change in child.changes}
    freed = child.action == "mask" and bool(changed & set(foreign.columns))
    if child.action != "delete" and not freed:
        yield _error("must-break", f"{where}: its rows stay and still point to deleted rows")
    elif (child.term or child.holds) and child.action == "delete" and rule in {None, "CASCADE"}:
        words = "go with it" if rule else "block the deletion"
        yield _error("must-break", f"{where}: rows that are kept would {words}")
    if rule == "CASCADE" and not _is_followed(child, table, foreign):
        yield _error("cascade-unseen", f"{where}: ON DELETE CASCADE takes rows nobody looked for")
    elif rule:
        yield _warning("cascade", f"{where}: ON DELETE {rule} changes rows unseen")
    elif foreign.table == table.name:
        yield _warning("refers-to-itself", f"{where}: a row of others that points here blocks it")
    if names[foreign.table] > names[table.name]:
        yield _error("order", f"{where}: the child comes after its parent")


def _is_followed(child: Table, table: Table, foreign: ForeignKey) -> bool:
    """Say whether every row that goes with a deleted one was looked for by that very reference."""
    mine = list(zip(foreign.columns, foreign.targets, strict=True))
    theirs = [(target, column) for column, target in mine]
    return follows(child.paths, table.name, mine) or follows(table.paths, child.name, theirs)


def _triggers(program: Program, table: Table, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield the triggers of a changed table, and the mapped tables into which they may copy it."""
    relation = catalogue.tables[table.name]
    for trigger in relation.triggers:
        yield _warning("trigger", f"{table.name}: trigger {trigger} runs with every change")
    copied = sorted({each.name for each in program.tables} & relation.writes - {table.name})
    if copied and table.action != "keep":
        said = f"what a trigger writes into {', '.join(copied)} while we erase is left over there"
        yield _warning("trigger", f"{table.name}: {said}")
