"""The statement that changes rows: one a table, by row key and person together."""

from collections.abc import Sequence

from psycopg import sql

from ccpa_office.connectors.base import Change, Table
from ccpa_office.connectors.postgresql import masks, texts
from ccpa_office.connectors.postgresql.binding import Binding, Walk, any_of, conjunction, walks
from ccpa_office.connectors.postgresql.statements import among, held, literal, of_person

SQL = sql.SQL


def apply(binding: Binding, table: Table, action: str) -> sql.Composed:
    """Return the one statement that changes rows and says what became of the plan's keys.

    A row is touched only where its key and its person agree. Keys that somebody else reaches by
    now, or that were put under a hold, come back; they are looked for only if something was left.
    """
    ways = list(walks(binding, table))
    merged = _is_merged(table, action)
    if action == "delete" and not table.shareable and len(table.key) == 1:
        source, touch = _owned(binding, table, ways[0])
    else:
        more, joins = _may_touch(table, ways, action)
        source = [SQL("merged AS u" if merged else "plan AS u"), *joins]
        touch = [binding.same_key(table, "t", "u", "k"), *more]
    where = [*touch, SQL("NOT {}").format(held(binding, table))]
    return SQL(
        "WITH plan AS ({plan}){merged}, done AS ({change} RETURNING 1)"
        " SELECT (SELECT count(*) FROM done),"
        " (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array({shown})), '[]')"
        " FROM plan AS u JOIN {table} AS t ON {same}"
        " WHERE (SELECT count(*) FROM done) < (SELECT count(*) FROM plan) AND {foreign})"
    ).format(
        plan=_plan(binding, table, action),
        merged=_merged(binding, table, action) if merged else SQL(""),
        change=_change(
            binding, table, action, source=SQL(", ").join(source), where=conjunction(where)
        ),
        shown=binding.shown("t", table),
        table=binding.name(table.name),
        same=binding.same_key(table, "t", "u", "k"),
        foreign=_foreign(binding, table, ways, action),
    )


def read(binding: Binding, table: Table, action: str) -> sql.Composed:
    """Return the statement that reads, and locks, what new values are made of in Python.

    (place in the plan, the columns as text), of the rows that the change may touch. A row in which
    nothing of the person shows is not read: its value stays as it is.
    """
    ways = list(walks(binding, table))
    touch, joins = ways[0].owned_by("u"), ways[0].joins
    if table.shareable:
        touch, joins = [any_of([way.exists(way.owned_by("u")) for way in ways])], []
    changes = masks.made(binding, table, action)
    slots = [*binding.slots(table, "k"), *binding.slots(binding.person, "p"), "n", "place"]
    arrays = binding.unnest(table, "k", *_person_arrays(binding), "%(n)s::int[]")
    return SQL(
        "SELECT (u.place - 1)::int, {columns} FROM {source} WHERE {where} FOR UPDATE OF t"
    ).format(
        columns=SQL(", ").join(masks.shown(binding, table, change) for change in changes),
        source=SQL(", ").join([
            SQL("{} WITH ORDINALITY AS u({})").format(arrays, _names(slots)),
            *joins,
            SQL("{} AS t").format(binding.name(table.name)),
        ]),
        where=conjunction([
            binding.same_key(table, "t", "u", "k"),
            *touch,
            SQL("NOT {}").format(held(binding, table)),
            any_of([masks.is_worth_reading(binding, table, change) for change in changes]),
        ]),
    )  # fmt: skip


def _owned(
    binding: Binding, table: Table, way: Walk
) -> tuple[list[sql.Composable], list[sql.Composable]]:
    """Return what a deletion joins and asks: rows by their keys, each pair of key and person known.

    ``IS TRUE`` keeps the pairs in one hash; joined, each row would be looked up alone.
    """
    pair = [*binding.columns("t", table.key), *way.owner]
    slots = [*binding.slots(table, "k"), *binding.slots(binding.person, "p")]
    touch = [
        among(binding, table, "k"),
        *way.conditions,
        SQL("(({}) IN (SELECT {} FROM plan)) IS TRUE").format(SQL(", ").join(pair), _names(slots)),
    ]
    return way.joins, touch


def _plan(binding: Binding, table: Table, action: str) -> sql.Composed:
    made = _made_slots(binding, table, action)
    place = [] if action == "delete" else ["n"]
    slots = [*binding.slots(table, "k"), *binding.slots(binding.person, "p"), *place, *made]
    more = [
        *_person_arrays(binding),
        *["%(n)s::int[]" for _place in place],
        *[f"%({slot})s::text[]" for slot in made],
    ]
    return SQL("SELECT * FROM {} AS u({})").format(binding.unnest(table, "k", *more), _names(slots))


def _made_slots(binding: Binding, table: Table, action: str) -> list[str]:
    return [f"m{number}" for number in range(len(masks.made(binding, table, action)))]


def _is_merged(table: Table, action: str) -> bool:
    """Say whether one row may be masked for several people at once."""
    return table.shareable and action != "delete"


def _merged(binding: Binding, table: Table, action: str) -> sql.Composed:
    """Return the plan with each key once: its people as arrays, their patterns as one."""
    keys = _names(binding.slots(table, "k"))
    people = [
        SQL("array_agg({slot}) AS {slot}").format(slot=sql.Identifier(slot))
        for slot in binding.slots(binding.person, "p")
    ]
    people += [
        SQL("min({slot}) AS {slot}").format(slot=sql.Identifier(slot))
        for slot in _made_slots(binding, table, action)
    ]
    if any(change.how == "strip_text" for change in table.mask(action)):
        people.append(
            SQL("string_agg({}, '|') AS pattern, string_agg({}, '|') AS narrow,"
                " string_agg({}, {}) AS signs").format(
                of_person("patterns", "plan"), of_person("narrow", "plan"),
                of_person("signs", "plan"), literal(texts.PARTED)
            )
        )  # fmt: skip
    return SQL(", merged AS (SELECT {}, {} FROM plan GROUP BY {})").format(
        keys, SQL(", ").join(people), keys
    )


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
        using = SQL("USING {}").format(source) if source.as_string() else SQL("")
        return SQL("DELETE FROM {} AS t {} WHERE {}").format(name, using, where)
    made = masks.made(binding, table, action)
    sets = SQL(", ").join(
        SQL("{} = {}").format(
            sql.Identifier(change.column),
            _made_value(binding, table, change, made.index(change))
            if change in made
            else _new_value(binding, table, change),
        )
        for change in table.mask(action)
    )
    return SQL("UPDATE {} AS t SET {} FROM {} WHERE {}").format(name, sets, source, where)


def _made_value(binding: Binding, table: Table, change: Change, place: int) -> sql.Composed:
    return SQL("coalesce({}::{}, {})").format(
        sql.Identifier("u", f"m{place}"),
        binding.type(table.name, change.column),
        sql.Identifier("t", change.column),
    )


def _new_value(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Return a column's new value; a shared row loses a reference only if it is this person's."""
    value = masks.masked(binding, table, change)
    own = [path for path in table.paths if path and path[0].column == change.column]
    if not table.shareable or not own:
        return value
    ways = [binding.walk(table, path) for path in own]
    mine = any_of([way.exists(way.owned_by_one_of("u")) for way in ways])
    return SQL("CASE WHEN {} THEN {} ELSE {} END").format(
        mine, value, sql.Identifier("t", change.column)
    )
