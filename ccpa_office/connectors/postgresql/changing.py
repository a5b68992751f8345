"""The statement that changes rows: one a table, by row key and person together."""

from collections.abc import Callable, Sequence

from psycopg import sql

from ccpa_office.connectors.base import Change, Table
from ccpa_office.connectors.postgresql import texts
from ccpa_office.connectors.postgresql.binding import Binding, Walk, any_of, conjunction, walks
from ccpa_office.connectors.postgresql.statements import bears_sign, held, literal, of_person

SQL = sql.SQL


def apply(binding: Binding, table: Table, action: str) -> sql.Composed:
    """Return the one statement that changes rows and says what became of the plan's keys.

    A row is touched only where its key and its person agree. Keys that somebody else reaches by
    now, or that were put under a hold, come back; they are looked for only if something was left.
    """
    ways = list(walks(binding, table))
    merged = _is_merged(table, action)
    touch, joins = _may_touch(table, ways, action)
    where = [
        binding.same_key(table, "t", "u", "k"),
        *touch,
        SQL("NOT {}").format(held(binding, table)),
    ]
    source = SQL(", ").join([SQL("merged AS u" if merged else "plan AS u"), *joins])
    return SQL(
        "WITH plan AS ({plan}){merged}, done AS ({change} RETURNING 1)"
        " SELECT (SELECT count(*) FROM done),"
        " (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array({shown})), '[]')"
        " FROM plan AS u JOIN {table} AS t ON {same}"
        " WHERE (SELECT count(*) FROM done) < (SELECT count(*) FROM plan) AND {foreign})"
    ).format(
        plan=_plan(binding, table),
        merged=_merged(binding, table) if merged else SQL(""),
        change=_change(binding, table, action, source=source, where=conjunction(where)),
        shown=binding.shown("t", table),
        table=binding.name(table.name),
        same=binding.same_key(table, "t", "u", "k"),
        foreign=_foreign(binding, table, ways, action),
    )


def _plan(binding: Binding, table: Table) -> sql.Composed:
    slots = [*binding.slots(table, "k"), *binding.slots(binding.person, "p"), "n"]
    return SQL("SELECT * FROM {} AS u({})").format(
        binding.unnest(table, "k", *_person_arrays(binding), "%(n)s::int[]"), _names(slots)
    )


def _is_merged(table: Table, action: str) -> bool:
    """Say whether one row may be masked for several people at once."""
    return table.shareable and action != "delete"


def _merged(binding: Binding, table: Table) -> sql.Composed:
    """Return the plan with each key once: its people as arrays, their patterns as one."""
    keys = _names(binding.slots(table, "k"))
    people = [
        SQL("array_agg({slot}) AS {slot}").format(slot=sql.Identifier(slot))
        for slot in binding.slots(binding.person, "p")
    ]
    if _strips_text(table):
        people.append(
            SQL("string_agg({}, '|') AS pattern, string_agg({}, {}) AS signs").format(
                of_person("patterns", "plan"), of_person("signs", "plan"), literal(texts.PARTED)
            )
        )
    return SQL(", merged AS (SELECT {}, {} FROM plan GROUP BY {})").format(
        keys, SQL(", ").join(people), keys
    )


def _strips_text(table: Table) -> bool:
    return any(change.how == "strip_text" for change in table.mask())


def _names(slots: Sequence[str], alias: str = "") -> sql.Composed:
    return SQL(", ").join(
        sql.Identifier(alias, slot) if alias else sql.Identifier(slot) for slot in slots
    )


def _person_arrays(binding: Binding) -> list[str]:
    return [
        f"%(p{position})s::{binding.type(binding.program.person, column).as_string()}[]"
        for position, column in enumerate(binding.person.key)
    ]


def _may_touch(
    table: Table, ways: list[Walk], action: str
) -> tuple[list[sql.Composable], list[sql.Composable]]:
    """Return the conditions under which a row may be changed, and the joins they need."""
    if not table.shareable:
        return ways[0].owned_by("u"), ways[0].joins
    if action != "delete":
        return [any_of([way.exists(way.owned_by_one_of("u")) for way in ways])], []
    mine = any_of([way.exists(way.owned_by("u")) for way in ways])
    others = any_of([way.exists(way.other_than("u")) for way in ways])
    unshared = SQL("NOT {}").format(others)
    return ([unshared] if table.loose else [mine, unshared]), []


def _foreign(binding: Binding, table: Table, ways: list[Walk], action: str) -> sql.Composed:
    mine = any_of([way.exists(way.owned_by("u")) for way in ways])
    others = any_of([way.exists(way.other_than("u")) for way in ways])
    if not table.shareable or action != "delete":
        others = conjunction([others, SQL("NOT {}").format(mine)])
    return any_of([others, held(binding, table)])


def _change(
    binding: Binding, table: Table, action: str, *, source: sql.Composed, where: sql.Composed
) -> sql.Composed:
    name = binding.name(table.name)
    if action == "delete":
        return SQL("DELETE FROM {} AS t USING {} WHERE {}").format(name, source, where)
    sets = SQL(", ").join(
        SQL("{} = {}").format(sql.Identifier(change.column), _new_value(binding, table, change))
        for change in table.mask()
    )
    return SQL("UPDATE {} AS t SET {} FROM {} WHERE {}").format(name, sets, source, where)


def _new_value(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Return a column's new value; a shared row loses a reference only if it is this person's."""
    value = masked(binding, table, change)
    own = [path for path in table.paths if path and path[0].column == change.column]
    if not table.shareable or not own:
        return value
    ways = [binding.walk(table, path) for path in own]
    mine = any_of([way.exists(way.owned_by_one_of("u")) for way in ways])
    return SQL("CASE WHEN {} THEN {} ELSE {} END").format(
        mine, value, sql.Identifier("t", change.column)
    )


def masked(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Return the value that a column has after the mask."""
    return MASKS[change.how](binding, table, change)


def _null(binding: Binding, table: Table, change: Change) -> sql.Composed:
    return SQL("NULL::{}").format(binding.type(table.name, change.column))


def _constant(binding: Binding, table: Table, change: Change) -> sql.Composed:
    kind = binding.type(table.name, change.column)
    return SQL("{}::{}").format(literal(change.argument), kind)


def _truncated(binding: Binding, table: Table, change: Change) -> sql.Composed:
    kind = binding.type(table.name, change.column)
    column = sql.Identifier("t", change.column)
    return SQL("date_trunc({}, {})::{}").format(literal(change.argument), column, kind)


def _stripped(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Take the person out of a text.

    Where one person's values stand in it just as spelled, and apart from other words, they are
    cut out plainly. Whatever still bears a sign after that is left to the person's pattern.
    """
    shared = table.shareable
    given = SQL("SELECT {}::text AS text, {} AS signs, {} AS spellings OFFSET 0").format(
        sql.Identifier("t", change.column),
        SQL("u.signs") if shared else of_person("signs"),
        SQL("NULL::text") if shared else of_person("spellings"),
    )
    return SQL(
        "(SELECT CASE WHEN NOT {bears} THEN m.text {plainly} ELSE"
        " regexp_replace(m.text, {pattern}, {removed}, 'gi') END FROM"
        " (SELECT g.*, {marked} AS marked FROM ({given}) AS g OFFSET 0) AS m)::{kind}"
    ).format(
        bears=bears_sign(SQL("m.text"), SQL("m.signs")),
        plainly=SQL("") if shared else _plainly(),
        pattern=SQL("u.pattern") if shared else of_person("patterns"),
        removed=literal(texts.REMOVED),
        marked=SQL("NULL::text") if shared else _marked(),
        given=given,
        kind=binding.type(table.name, change.column),
    )


def _plainly() -> sql.Composed:
    """Return the case in which cutting the marks out is all that is to be done."""
    cut = SQL("replace(m.marked, {}, {})").format(literal(texts.MARK), literal(texts.REMOVED))
    return SQL("WHEN m.marked !~ {} AND NOT {} THEN {}").format(
        literal(texts.MARK_IN_A_WORD), bears_sign(cut, SQL("m.signs")), cut
    )


def _marked() -> sql.Composed:
    """Return the text with a mark for each spelling; a mark that was there before is doubled."""
    mark = literal(texts.MARK)
    marked = SQL("replace(g.text, {}, {} || {})").format(mark, mark, mark)
    for number in range(texts.MOST_SPELLINGS):
        marked = SQL("replace({}, split_part(g.spellings, {}, {}), {})").format(
            marked, literal(texts.PARTED), literal(number + 1), mark
        )
    return marked


def _pseudonym(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """HMAC-SHA-256 of the row's key (RFC 2104), by the built-in ``sha256`` alone."""
    message = SQL("convert_to(jsonb_build_array({})::text, 'UTF8')").format(
        SQL(", ").join([literal(table.name), literal(change.column),
                        binding.shown("t", table)])
    )  # fmt: skip
    digest = SQL("sha256(%(outer)s::bytea || sha256(%(inner)s::bytea || {}))").format(message)
    name = SQL("'erased-' || left(encode({}, 'hex'), 32)").format(digest)
    if change.argument == "email":
        return SQL("({} || '@erased.invalid')").format(name)
    length = binding.catalogue.tables[table.name].columns[change.column].length
    return SQL("left({}, {})").format(name, literal(length or 64))


MASKS: dict[str, Callable[[Binding, Table, Change], sql.Composed]] = {
    "null": _null,
    "constant": _constant,
    "truncate_date": _truncated,
    "strip_text": _stripped,
    "pseudonym": _pseudonym,
}
