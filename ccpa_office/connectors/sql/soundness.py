"""Where a program and a catalogue do not fit, found before anything runs."""

import re
from collections.abc import Iterator
from dataclasses import replace

from ccpa_office.connectors import masking
from ccpa_office.connectors.base import Change, Finding, MapDoesNotFit, Program, Table
from ccpa_office.connectors.sql import nesting
from ccpa_office.connectors.sql.binding import Binding, typed
from ccpa_office.connectors.sql.catalogue import Column, ForeignKey
from ccpa_office.connectors.ways import Hop, follows, shown, unindexed

KEYS = frozenset({"integer", "uuid", "text", "date", "decimal"})


def check(binding: Binding) -> list[Finding]:
    """Return every finding, errors first."""
    findings = [*_database(binding), *_history(binding)] + [
        finding
        for table in binding.program.tables
        for finding in (
            *_keys(binding, table),
            *_store(binding, table),
            *_changes(binding, table),
            *_holds(binding, table),
            *_ways(binding, table),
            *_identifiers(binding, table),
            *_references(binding, table),
            *_places(binding, table),
        )
    ]
    return sorted(set(findings), key=lambda each: (each.level, each.code, each.message))


def _error(code: str, message: str) -> Finding:
    return Finding("error", code, message)


def _warning(code: str, message: str) -> Finding:
    return Finding("warning", code, message)


def _database(binding: Binding) -> Iterator[Finding]:
    name, where = binding.dialect.name, binding.program.person
    if not binding.dialect.proved:
        yield _warning("not-proved", f"{where}: statements for {name} were read, never run by us")
    if not binding.dialect.transactional:
        yield _warning("not-atomic", f"{where}: {name} undoes no chunk that stops half-way")
    if binding.catalogue.blind:
        yield _warning("account-blind", f"{where}: it sees no table beside the map")


def _keys(binding: Binding, table: Table) -> Iterator[Finding]:
    for column, facts in zip(
        table.key, binding.catalogue.facts(table.name, table.key), strict=True
    ):
        if facts.kind not in KEYS:
            yield _error("key-type", f"{table.name}.{column}: a key of type {facts.kind}")
        if facts.nullable and binding.catalogue.tables[table.name].key != table.key:
            yield _error("key-nullable", f"{table.name}.{column}: a key that may be null")


def _store(binding: Binding, table: Table) -> Iterator[Finding]:
    relation = binding.catalogue.tables[table.name]
    if not relation.transactional:
        yield _error("no-transactions", f"{table.name}: its storage engine undoes nothing")
    for trigger in relation.triggers:
        yield _warning("trigger", f"{table.name}: trigger {trigger} runs with every change")


def _changes(binding: Binding, table: Table) -> Iterator[Finding]:
    for change in dict.fromkeys((*table.changes, *table.strips, *table.trims)):
        column = binding.catalogue.column(table.name, change.column)
        where = f"{table.name}.{change.column}"
        if code := masking.serves(change, column.facts) or _off_the_list(change, column):
            yield _error(code, f"{where}: {change.how} {WORDS.get(code, 'cannot serve it')}")
        if change.column in table.key:
            yield _error("key-changed", f"{where} is a key and cannot be changed")
        yield from _bound(binding, table, change)


def _bound(binding: Binding, table: Table, change: Change) -> Iterator[Finding]:
    """Yield the keys that a new value would break, or carry into other tables."""
    where = f"{table.name}.{change.column}"
    if change.how != "null":
        for together in binding.catalogue.tables[table.name].unique:
            if change.column in together and len(together) > 1:
                rest = ", ".join(name for name in together if name != change.column)
                yield _warning("unique-together", f"{where} is unique together with {rest}")
    for foreign in binding.catalogue.foreign:
        if (
            foreign.table == table.name
            and change.column in foreign.columns
            and change.how != "null"
        ):
            yield _error("foreign-key", f"{where} refers to {foreign.target}: only null will do")
        if foreign.target == table.name and change.column in foreign.targets:
            yield _error("foreign-key", f"{where}: {foreign.table} refers to its values")


PAST = (
    "history|hist|audit|audits|aud|audit_log|log|logs|archive|archived|old|backup|bak|versions?|"
    "revisions?|changes|changelog|journal|shadow|deleted|tombstones?|historical"
)


def _history(binding: Binding) -> Iterator[Finding]:
    """Yield tables outside the map that seem to keep the past of a changed table."""
    named = {table.name for table in binding.program.tables} | set(binding.program.left_out)
    others = binding.catalogue.tables.keys() - named
    for table in binding.program.tables:
        if table.action != "keep":
            if binding.catalogue.tables[table.name].versioned:
                yield _error("history", f"{table.name}: the store keeps rows that were deleted")
            for other in sorted(others):
                yield from _past(binding, table, other)


def _past(binding: Binding, table: Table, other: str) -> Iterator[Finding]:
    relation = binding.catalogue.tables[table.name]
    own = "|".join({re.escape(table.name.lower()), re.escape(table.name.lower().removesuffix("s"))})
    named = re.fullmatch(f"(?:{own})_?(?:{PAST})|(?:{PAST})_?(?:{own})", other.lower())
    written = re.search(rf"\b(into|update)\s+[`\"\[]?{re.escape(other)}\b", relation.writes, re.I)
    if not (named or written):
        return
    why = "a trigger writes" if written else "its past may stand in"
    common = relation.columns.keys() & binding.catalogue.tables[other].columns.keys()
    if len(common - set(table.key)) > 1:
        yield _error("history", f"{table.name}: {why} {other}, which the map does not name")
    else:
        yield _warning("history-unsure", f"{table.name}: {why} {other}, outside the map")


WORDS = {
    "not-null": "would empty it, but it may not be null",
    "not-unique": "may leave two rows with one value, but it is unique",
    "too-short": "needs more characters than it has",
    "change-type": "cannot serve its type",
    "generated": "cannot write what the store computes",
}


def _holds(binding: Binding, table: Table) -> Iterator[Finding]:
    for hold in table.holds:
        held = binding.catalogue.column(table.name, hold.column)
        if not all(_can_be(value, held) for value in hold.values):
            yield _error("hold-value", f"{table.name}.{hold.column}: no value of its type")


LISTED = re.compile(r"enum\((.*)\)", re.IGNORECASE | re.DOTALL)
QUOTED = re.compile(r"'((?:[^']|'')*)'")


def _labels(column: Column) -> set[str] | None:
    """Return the only texts that a column can hold, where the store lists them."""
    found = LISTED.fullmatch(column.type)
    return {each.replace("''", "'") for each in QUOTED.findall(found[1])} if found else None


def _can_be(value: str, column: Column) -> bool:
    """Say whether a column can hold a value; a label too is compared to the letter."""
    labels = _labels(column)
    try:
        typed(value, column.facts)
    except MapDoesNotFit:
        return False
    return labels is None or value in labels


def _off_the_list(change: Change, column: Column) -> str:
    """Return why a column that holds nothing but listed texts cannot take a change, or nothing."""
    labels = _labels(column)
    if labels is None or change.how == "null":
        return ""
    if change.how != "constant":
        return "change-type"
    return "" if change.argument in labels else "change-argument"


def _ways(binding: Binding, table: Table) -> Iterator[Finding]:
    for path in table.paths:
        here = table.name
        for hop in path:
            yield from _hop(binding, here, hop)
            here = hop.table


def _hop(binding: Binding, here: str, hop: Hop) -> Iterator[Finding]:
    if hop.path:
        yield from _within(binding, here, hop)
        return
    if not binding.dialect.joins(hop.compare):
        yield _error(
            "join-normal", f"{here}.{hop.column}: this store joins nothing by {hop.compare}"
        )
    for table, column in ((here, hop.column), (hop.table, hop.target)):
        if not is_indexed(binding, table, column, hop.compare):
            yield _unindexed(binding, table, column, hop.compare)
    one = binding.catalogue.column(here, hop.column)
    other = binding.catalogue.column(hop.table, hop.target)
    if one.collation != other.collation and one.collation and other.collation:
        yield _warning("collation", f"{here}.{hop.column}: joins texts of two collations")


def is_indexed(binding: Binding, table: str, column: str, compare: str) -> bool:
    """Say whether some index begins with the column as it is compared."""
    leading = binding.catalogue.tables[table].leading
    if not binding.dialect.enforces:
        return True
    if compare == "exact":
        return column in leading
    collation = binding.catalogue.column(table, column).collation
    if collation.endswith("_ci"):
        return column in leading
    return f"lower{column}".lower() in leading


def _unindexed(binding: Binding, table: str, column: str, compare: str) -> Finding:
    quote = "`" if binding.dialect.name in {"mysql", "mariadb"} else '"'
    folds = binding.catalogue.column(table, column).collation.endswith("_ci")
    return _error("no-index", unindexed(table, column, "exact" if folds else compare, quote))


def _identifiers(binding: Binding, table: Table) -> Iterator[Finding]:
    for named in (*table.identities, *table.identifiers):
        if named.path:
            continue
        compare = "exact" if named.kind == "person" else named.compare
        if compare in {"exact", "casefold"} and not is_indexed(
            binding, table.name, named.column, compare
        ):
            yield _unindexed(binding, table.name, named.column, compare)


def _places(binding: Binding, table: Table) -> Iterator[Finding]:
    relation = binding.catalogue.tables[table.name]
    for held in dict.fromkeys(nesting.places(table)):
        yield from nesting.findings(binding.dialect, relation, table.name, held)


def _within(binding: Binding, here: str, hop: Hop) -> Iterator[Finding]:
    """Yield what forbids to refer to a plain column from within another, or makes it slow."""
    (table, column), (at, plain) = nesting.ends(here, hop)
    relation = binding.catalogue.tables[table]
    for finding in nesting.findings(binding.dialect, relation, table, (column, hop.path, True)):
        yield (
            finding
            if hop.forward
            else replace(finding, message=finding.message.replace("every chunk", "every row found"))
        )
    where, facts = shown(f"{table}.{column}", hop.path), binding.catalogue.column(at, plain).facts
    if facts.kind not in nesting.SERVED:
        yield _error("nested-type", f"{where}: no {at}.{plain} is compared with it")
    if not binding.dialect.joins(hop.compare):
        yield _error("join-normal", f"{where}: this store joins nothing by {hop.compare}")
    if not is_indexed(binding, at, plain, hop.compare):
        yield _unindexed(binding, at, plain, hop.compare)


def _references(binding: Binding, table: Table) -> Iterator[Finding]:
    if table.action != "delete":
        return
    for foreign in binding.catalogue.foreign:
        if foreign.target != table.name:
            continue
        if foreign.elsewhere:
            yield _error("other-schema", f"{foreign.name} points to {table.name} from elsewhere")
        else:
            yield from _reference(binding.program, table, foreign)


def _reference(program: Program, table: Table, foreign: ForeignKey) -> Iterator[Finding]:
    names = {each.name: position for position, each in enumerate(program.tables)}
    where = f"{foreign.table}.{foreign.columns[0]} -> {table.name} ({foreign.name})"
    if foreign.table not in names:
        code = "cascade-not-declared" if foreign.on_delete else "must-break"
        yield _error(code, f"{where}: a table that the map does not name")
        return
    child = program.table(foreign.table)
    if child.action != "delete" and not _frees(child.changes, foreign):
        yield _error("must-break", f"{where}: its rows stay and still point to deleted rows")
    elif _keeps(child) and foreign.on_delete in {"", "CASCADE"}:
        words = "go with it" if foreign.on_delete else "block the deletion"
        yield _error("must-break", f"{where}: rows that are kept would {words}")
    if foreign.on_delete == "CASCADE" and not _is_followed(child, table, foreign):
        yield _error("cascade-unseen", f"{where}: ON DELETE CASCADE takes rows nobody looked for")
    elif foreign.on_delete:
        yield _warning("cascade", f"{where}: ON DELETE {foreign.on_delete} changes rows unseen")
    elif foreign.table == table.name:
        yield _warning("refers-to-itself", f"{where}: a row of others that points here blocks it")
    if names[foreign.table] > names[table.name]:
        yield _error("order", f"{where}: the child comes after its parent")


def _is_followed(child: Table, table: Table, foreign: ForeignKey) -> bool:
    """Say whether every row that goes with a deleted one was looked for by that very reference."""
    mine = list(zip(foreign.columns, foreign.targets, strict=True))
    theirs = [(target, column) for column, target in mine]
    return follows(child.paths, table.name, mine) or follows(table.paths, child.name, theirs)


def _keeps(child: Table) -> bool:
    return child.action == "delete" and bool(child.term or child.holds)


def _frees(changes: tuple[Change, ...], foreign: ForeignKey) -> bool:
    return bool({change.column for change in changes} & set(foreign.columns))
