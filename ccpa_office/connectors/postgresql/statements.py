"""The statements: one for each table and deed, whatever the number of people and rows."""

from psycopg import sql

from ccpa_office.connectors.base import Change, Named, Table
from ccpa_office.connectors.postgresql import texts
from ccpa_office.connectors.postgresql.binding import (
    Binding,
    Walk,
    any_of,
    conjunction,
    normal,
    walks,
)

SQL = sql.SQL


def literal(value: object) -> sql.SQL:
    """Return a constant of the map, quoted, its percent signs doubled for the driver."""
    return SQL(sql.Literal(value).as_string().replace("%", "%%"))


# --- reading ------------------------------------------------------------------------------------


def asked(binding: Binding) -> sql.Composed:
    """Return the people asked for, ``a(p0, ..., n)``."""
    return SQL("{} WITH ORDINALITY AS a({})").format(
        binding.unnest(binding.person, "p"),
        SQL(", ").join(sql.Identifier(slot) for slot in [*binding.slots(binding.person, "p"), "n"]),
    )


def kept(table: Table) -> tuple[sql.Composed, sql.Composed]:
    """Return two expressions: why a row is kept ("" if it is not), and until when."""
    code, until = SQL("''").format(), SQL("NULL::date").format()
    if table.action == "keep":
        code = SQL("{}").format(literal(table.keep_code))
    if table.term:
        until = SQL("({}::date + make_interval(years => {}))::date").format(
            sql.Identifier("t", table.term.starts), literal(table.term.years)
        )
        code = SQL("CASE WHEN coalesce({} > %(on)s, true) THEN {} ELSE '' END").format(
            until, literal(table.term.code)
        )
    if table.hold:
        code = SQL("CASE WHEN {} THEN 'hold' ELSE {} END").format(held(table), code)
    return code, until


def held(table: Table) -> sql.Composed:
    """Return the condition that a row is under a hold, false where nothing is known."""
    if table.hold is None:
        return SQL("false").format()
    return SQL("coalesce({}::text = {}, false)").format(
        sql.Identifier("t", table.hold.column), literal(table.hold.equals)
    )


def locate(binding: Binding, table: Table, *, known: str = "") -> sql.Composed:
    """Return the statement that finds the people's rows; not those in the arrays ``known``."""
    new = _not_among(binding, table, known) if known else SQL("true").format()
    code, until = kept(table)
    if not table.shareable:
        walk = next(walks(binding, table))
        source = SQL(", ").join(
            [asked(binding), SQL("{} AS t").format(binding.name(table.name)), *walk.joins]
        )
        return SQL(
            "SELECT (a.n - 1)::int, {key}, false, {code}, {until} FROM {source}"
            " WHERE {where} AND {new} ORDER BY t.ctid"
        ).format(
            key=binding.shown("t", table), code=code, until=until, source=source,
            where=conjunction(walk.owned_by("a")), new=new,
        )  # fmt: skip
    return _locate_shareable(binding, table, code=code, until=until, new=new)


def _locate_shareable(
    binding: Binding,
    table: Table,
    *,
    code: sql.Composed,
    until: sql.Composed,
    new: sql.Composed,
) -> sql.Composed:
    ways = list(walks(binding, table))
    reach = SQL(" UNION ").join(
        SQL("SELECT a.*, {key} FROM {source} WHERE {where}").format(
            key=SQL(", ").join(binding.columns("t", table.key)),
            source=SQL(", ").join(
                [asked(binding), SQL("{} AS t").format(binding.name(table.name)), *way.joins]
            ),
            where=conjunction(way.owned_by("a")),
        )
        for way in ways
    )
    return SQL(
        "WITH reach({names}) AS ({reach})"
        " SELECT (a.n - 1)::int, {key}, {shared}, {code}, {until}"
        " FROM reach AS a JOIN {table} AS t ON {same} WHERE {new} ORDER BY t.ctid"
    ).format(
        names=SQL(", ").join(
            sql.Identifier(slot)
            for slot in [
                *binding.slots(binding.person, "p"),
                "n",
                *binding.slots(table, "k"),
            ]
        ),
        reach=reach,
        key=binding.shown("t", table),
        shared=any_of([way.exists(way.other_than("a")) for way in ways]),
        code=code,
        until=until,
        table=binding.name(table.name),
        same=binding.same_key(table, "t", "a", "k"),
        new=new,
    )


def _not_among(binding: Binding, table: Table, prefix: str) -> sql.Composed:
    return SQL("NOT EXISTS (SELECT 1 FROM {} AS e({}) WHERE {})").format(
        binding.unnest(table, prefix),
        SQL(", ").join(sql.Identifier(slot) for slot in binding.slots(table, prefix)),
        binding.same_key(table, "t", "e", prefix),
    )


def held_values(binding: Binding, table: Table, column: str) -> sql.Composed:
    """Return (person's position, value) of one column of the people's rows."""
    return SQL(" UNION ").join(
        SQL("SELECT (a.n - 1)::int, {value}::text FROM {source} WHERE {where}").format(
            value=sql.Identifier("t", column),
            source=SQL(", ").join(
                [asked(binding), SQL("{} AS t").format(binding.name(table.name)), *way.joins]
            ),
            where=conjunction([*way.owned_by("a"), SQL("t.{} IS NOT NULL").format(
                sql.Identifier(column))]),
        )
        for way in walks(binding, table)
    )  # fmt: skip


def people(binding: Binding, table: Table, identity: Named) -> sql.Composed:
    """Return the statement from values (``n``, ``v``) of one kind to people's keys."""
    column = sql.Identifier("t", identity.column)
    kind = binding.type(table.name, identity.column)
    value = SQL("a.v") if identity.compare != "exact" else SQL("a.v::{}").format(kind)
    ways = list(walks(binding, table))
    return SQL(" UNION ").join(
        SQL(
            "SELECT a.n, {owner} FROM unnest(%(n)s::int[], %(v)s::text[]) AS a(n, v), {source}"
            " WHERE {same} AND a.v <> ''"
        ).format(
            owner=_owner_shown(binding, way),
            source=SQL(", ").join([SQL("{} AS t").format(binding.name(table.name)), *way.joins]),
            same=conjunction([
                SQL("{} = {}").format(
                    normal(identity.compare, column), normal(identity.compare, value)
                ),
                *way.conditions,
                *[SQL("{} IS NOT NULL").format(part) for part in way.owner],
            ]),
        )
        for way in ways
    )  # fmt: skip


def _owner_shown(binding: Binding, way: Walk) -> sql.Composed:
    return SQL(", ").join(
        part if is_integer else SQL("{}::text").format(part)
        for part, is_integer in zip(way.owner, binding.integers(binding.person), strict=True)
    )


# --- changing -----------------------------------------------------------------------------------


def apply(binding: Binding, table: Table, action: str) -> sql.Composed:
    """Return the one statement that changes rows and says what became of the plan's keys.

    A row is touched only where its key and its person agree. Keys that somebody else reaches by
    now, or that were put under a hold, come back; they are looked for only if something was left.
    """
    ways = list(walks(binding, table))
    touch, joins = _may_touch(table, ways, action)
    plan = SQL("plan AS (SELECT * FROM {} AS u({}))").format(
        binding.unnest(table, "k", *_person_arrays(binding), "%(n)s::int[]"),
        SQL(", ").join(
            sql.Identifier(slot)
            for slot in [*binding.slots(table, "k"), *binding.slots(binding.person, "p"), "n"]
        ),
    )
    where = conjunction(
        [binding.same_key(table, "t", "u", "k"), *touch, SQL("NOT {}").format(held(table))]
    )
    source = SQL(", ").join([SQL("plan AS u"), *joins])
    return SQL(
        "WITH {plan}, done AS ({change} RETURNING 1)"
        " SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM (SELECT {key} FROM plan AS t"
        " GROUP BY {key}) AS d), (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array({shown})),"
        " '[]') FROM plan AS u JOIN {table} AS t ON {same}"
        " WHERE (SELECT count(*) FROM done) < (SELECT count(*) FROM plan) AND {foreign})"
    ).format(
        plan=plan,
        change=_change(binding, table, action, source=source, where=where),
        key=SQL(", ").join(binding.columns("t", binding.slots(table, "k"))),
        shown=binding.shown("t", table),
        table=binding.name(table.name),
        same=binding.same_key(table, "t", "u", "k"),
        foreign=_foreign(table, ways, action),
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
    mine = any_of([way.exists(way.owned_by("u")) for way in ways])
    others = any_of([way.exists(way.other_than("u")) for way in ways])
    if table.loose and action == "delete":
        return [SQL("NOT {}").format(others)], []
    return ([mine, SQL("NOT {}").format(others)] if action == "delete" else [mine]), []


def _foreign(table: Table, ways: list[Walk], action: str) -> sql.Composed:
    mine = any_of([way.exists(way.owned_by("u")) for way in ways])
    others = any_of([way.exists(way.other_than("u")) for way in ways])
    if not table.shareable or action != "delete":
        others = conjunction([others, SQL("NOT {}").format(mine)])
    return any_of([others, held(table)])


def _change(
    binding: Binding, table: Table, action: str, *, source: sql.Composed, where: sql.Composed
) -> sql.Composed:
    name = binding.name(table.name)
    if action == "delete":
        return SQL("DELETE FROM {} AS t USING {} WHERE {}").format(name, source, where)
    sets = SQL(", ").join(
        SQL("{} = {}").format(sql.Identifier(change.column), masked(binding, table, change))
        for change in table.changes
    )
    return SQL("UPDATE {} AS t SET {} FROM {} WHERE {}").format(name, sets, source, where)


def masked(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Return the value that a column has after the mask."""
    column = sql.Identifier("t", change.column)
    kind = binding.type(table.name, change.column)
    if change.how == "constant":
        return SQL("{}::{}").format(literal(change.argument), kind)
    if change.how == "truncate_date":
        return SQL("date_trunc({}, {})::{}").format(literal(change.argument), column, kind)
    if change.how == "strip_text":
        return SQL(
            "regexp_replace({}::text, (%(patterns)s::text[])[u.n + 1], {}, 'gi')::{}"
        ).format(column, literal(texts.REMOVED), kind)
    if change.how == "pseudonym":
        return _pseudonym(binding, table, change)
    return SQL("NULL").format()


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


def is_unmasked(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Return the condition that a column still holds what the mask should have removed."""
    column = sql.Identifier("t", change.column)
    if change.how == "pseudonym":
        return SQL("coalesce({}::text NOT LIKE 'erased-%%', false)").format(column)
    if change.how == "null":
        return SQL("{} IS NOT NULL").format(column)
    if change.how == "strip_text":
        return SQL("false").format()
    return SQL("{} IS DISTINCT FROM {}").format(column, masked(binding, table, change))


# --- looking again ------------------------------------------------------------------------------


def recount(binding: Binding, table: Table, action: str) -> sql.Composed:
    """Return the second look: by keys, by identifier columns, in texts. No path is walked."""
    frozen = SQL("(SELECT * FROM {} AS u({}) ) AS u JOIN {} AS t ON {}").format(
        binding.unnest(table, "k", "%(n)s::int[]"),
        SQL(", ").join(sql.Identifier(slot) for slot in [*binding.slots(table, "k"), "n"]),
        binding.name(table.name),
        binding.same_key(table, "t", "u", "k"),
    )
    still = SQL("true").format()
    if action != "delete":
        still = any_of(
            [is_unmasked(binding, table, change) for change in table.changes] or [SQL("false")]
        )
    spared = _not_among(binding, table, "e")
    return SQL(
        "SELECT (SELECT count(DISTINCT ({key})) FROM {frozen} WHERE {still} AND {spared}),"
        " {identifiers},"
        " (SELECT count(DISTINCT ({key})) FROM {frozen} WHERE {text} AND {spared})"
    ).format(
        key=SQL(", ").join(binding.columns("t", table.key)),
        frozen=frozen,
        still=still,
        spared=spared,
        identifiers=_by_identifier(binding, table, action, spared),
        text=_in_text(table),
    )


def _in_text(table: Table) -> sql.Composed:
    return any_of(
        [
            SQL("{}::text ~* (%(patterns)s::text[])[u.n + 1]").format(sql.Identifier("t", column))
            for column in table.texts
        ]
        or [SQL("false")]
    )


def _by_identifier(
    binding: Binding, table: Table, action: str, spared: sql.Composed
) -> sql.Composed:
    looks = [
        SQL("SELECT {} FROM {} AS t WHERE {} AND {}").format(
            SQL(", ").join(binding.columns("t", table.key)),
            binding.name(table.name),
            _holds_identifier(binding, table, named),
            spared,
        )
        for named in looked_at(table, action)
    ]
    if not looks:
        return SQL("0").format()
    return SQL("(SELECT count(*) FROM ({}) AS x)").format(SQL(" UNION ").join(looks))


def looked_at(table: Table, action: str) -> list[Named]:
    """Return the identifier columns that must be empty of the people after the deed."""
    changed = {change.column for change in table.changes if change.how != "strip_text"}
    return [named for named in table.identifiers if action == "delete" or named.column in changed]


def _holds_identifier(binding: Binding, table: Table, named: Named) -> sql.Composed:
    column = sql.Identifier("t", named.column)
    if named.kind == "person":
        key = binding.person.key[0]
        return SQL("{} = ANY(%(p0)s::{}[])").format(
            column, binding.type(binding.program.person, key)
        )
    value = SQL("v")
    if named.compare == "exact":
        value = SQL("v::{}").format(binding.type(table.name, named.column))
    return SQL("{} = ANY(ARRAY(SELECT {} FROM unnest(%({})s::text[]) AS v WHERE v <> ''))").format(
        normal(named.compare, column),
        normal(named.compare, value),
        SQL(f"v_{named.kind}"),
    )
