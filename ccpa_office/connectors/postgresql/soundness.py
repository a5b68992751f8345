"""Where a program and a catalogue do not fit, found before anything runs."""

from collections.abc import Iterator

from ccpa_office.connectors.base import Finding, Program, Table
from ccpa_office.connectors.postgresql.catalogue import CASCADES, Catalogue, ForeignKey

TEXTS = frozenset({"text", "character varying", "character", "citext", "jsonb", "json"})
DATES = frozenset({"date", "timestamp with time zone", "timestamp without time zone"})
KEYS = frozenset({"bigint", "integer", "smallint", "uuid", "text", "character varying",
                  "character", "citext", "date", "numeric"})  # fmt: skip


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
            *_triggers(table, catalogue),
        )
    ]
    return sorted(findings, key=lambda finding: (finding.level, finding.code, finding.message))


def _error(code: str, message: str) -> Finding:
    return Finding("error", code, message)


def _warning(code: str, message: str) -> Finding:
    return Finding("warning", code, message)


def _keys(table: Table, catalogue: Catalogue) -> Iterator[Finding]:
    relation = catalogue.tables[table.name]
    for column in table.key:
        fact = relation.columns[column]
        if fact.type not in KEYS:
            yield _error("key-type", f"{table.name}.{column}: a key of type {fact.type}")
        if fact.nullable:
            yield _error("key-nullable", f"{table.name}.{column}: a key that may be null")


def _changes(table: Table, catalogue: Catalogue) -> Iterator[Finding]:
    relation = catalogue.tables[table.name]
    for change in (*table.changes, *table.strips):
        fact = relation.columns[change.column]
        where = f"{table.name}.{change.column}"
        if change.how == "null" and not fact.nullable:
            yield _error("not-null", f"{where} is to be emptied but may not be null")
        if change.how in {"strip_text", "pseudonym"} and fact.type not in TEXTS:
            yield _error("change-type", f"{where}: {change.how} needs a text, not {fact.type}")
        if change.how == "truncate_date" and fact.type not in DATES:
            yield _error("change-type", f"{where}: truncate_date needs a date, not {fact.type}")
        if change.how == "pseudonym" and fact.length and fact.length < 39:
            yield _error("too-short", f"{where}: a pseudonym needs 39 characters")
        if change.how == "constant" and (change.column,) in relation.unique:
            yield _error("not-unique", f"{where} is unique: two rows cannot hold one constant")
        if change.column in table.key:
            yield _error("key-changed", f"{where} is a key and cannot be changed")


def _indexes(table: Table, catalogue: Catalogue) -> Iterator[Finding]:
    for path in table.paths:
        here = table.name
        for hop in path:
            if not catalogue.is_indexed(here, hop.column, hop.compare):
                yield _error("no-index", f"{here}.{hop.column}: a join without an index")
            if not catalogue.is_indexed(hop.table, hop.target, hop.compare):
                yield _error("no-index", f"{hop.table}.{hop.target}: a join without an index")
            here = hop.table
    for named in (*table.identities, *table.identifiers):
        compare = "exact" if named.kind == "person" else named.compare
        if compare in {"exact", "casefold"} and not catalogue.is_indexed(
            table.name, named.column, compare
        ):
            yield _error("no-index", f"{table.name}.{named.column}: an identifier without an index")


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
    elif (child.term or child.holds) and not rule and child.action == "delete":
        yield _error("must-break", f"{where}: rows that are kept would block the deletion")
    if rule and foreign.table != table.name:
        yield _warning("cascade", f"{where}: ON DELETE {rule} changes rows unseen")
    if names[foreign.table] > names[table.name]:
        yield _error("order", f"{where}: the child comes after its parent")


def _triggers(table: Table, catalogue: Catalogue) -> Iterator[Finding]:
    for trigger in catalogue.tables[table.name].triggers:
        yield _warning("trigger", f"{table.name}: trigger {trigger} runs with every change")
