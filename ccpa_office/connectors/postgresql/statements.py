"""Statements that find rows and people: one a table, whatever the number of people and rows."""

from psycopg import sql

from ccpa_office.connectors.base import ColumnFacts, Hold, Table, Term
from ccpa_office.connectors.postgresql import texts
from ccpa_office.connectors.postgresql.binding import (
    Binding,
    Walk,
    any_of,
    conjunction,
    normal,
    walks,
)
from ccpa_office.connectors.ways import Named

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


def kept(binding: Binding, table: Table) -> tuple[sql.Composed, sql.Composed]:
    """Return two expressions: why a row is kept ("" if it is not), and until when."""
    code, until = SQL("''").format(), SQL("NULL::date").format()
    if table.action == "keep":
        code = SQL("{}").format(literal(table.keep_code))
    if table.term:
        end = _end(binding, table, table.term)
        code = SQL("CASE WHEN coalesce({} > %(on)s, true) THEN {} ELSE '' END").format(
            end, literal(table.term.code)
        )
        until = SQL("CASE WHEN {0} BETWEEN '0001-01-01' AND '9999-12-31' THEN {0} END").format(end)
    for hold in reversed(table.holds):
        code = SQL("CASE WHEN {} THEN {} ELSE {} END").format(
            _is_under(binding, table, hold), literal(hold.code), code
        )
    return code, until


def _end(binding: Binding, table: Table, term: Term) -> sql.Composed:
    """Return the day on which a term ends; nobody knows it where a text is no day.

    It may lie beyond every calendar: whoever has no end has an infinite one, or the last of all.
    """
    starts = "{0}"
    if binding.facts(table.name, term.starts).kind == "text" and binding.catalogue.tries:
        starts = "(CASE WHEN pg_input_is_valid({0}::text, 'date') THEN {0}::text END)"
    return SQL(f"({starts}::date + {{1}}::interval)::date").format(
        sql.Identifier("t", term.starts), literal(term.length)
    )


def held(binding: Binding, table: Table) -> sql.Composed:
    """Return the condition that a row is under a hold, false where nothing is known."""
    return any_of([_is_under(binding, table, hold) for hold in table.holds] or [SQL("false")])


COMPARED = {"eq": "{} = {}", "ne": "{} <> {}", "lt": "{} < {}", "gt": "{} > {}"}


def _is_under(binding: Binding, table: Table, hold: Hold) -> sql.Composed:
    column = sql.Identifier("t", hold.column)
    if hold.op in {"null", "not_null"}:
        return SQL("{} IS NULL" if hold.op == "null" else "{} IS NOT NULL").format(column)
    kind = binding.type(table.name, hold.column)
    values = [SQL("{}::{}").format(literal(value), kind) for value in hold.values]
    if hold.op == "in":
        condition = SQL("{} IN ({})").format(column, SQL(", ").join(values))
    else:
        condition = SQL(COMPARED[hold.op]).format(column, values[0])
    return SQL("coalesce({}, false)").format(condition)


def locate(binding: Binding, table: Table, *, known: str = "") -> sql.Composed:
    """Return the statement that finds the people's rows; not those in the arrays ``known``."""
    new = not_among(binding, table, known) if known else SQL("true").format()
    code, until = kept(binding, table)
    if not table.shareable and known and len(binding.person.key) == 1:
        return _locate_few(binding, table, code=code, until=until, new=new)
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


def _locate_few(
    binding: Binding,
    table: Table,
    *,
    code: sql.Composed,
    until: sql.Composed,
    new: sql.Composed,
) -> sql.Composed:
    """Return ``locate`` where few rows are found, if any: whose they are is asked after that."""
    walk = next(walks(binding, table))
    kind = binding.type(binding.person.name, binding.person.key[0])
    everybody = SQL("%(p0)s::{}[]").format(kind)
    return SQL(
        "SELECT (array_position({everybody}, {owner}) - 1)::int, {key}, false, {code}, {until}"
        " FROM {source} WHERE {where} AND {new} ORDER BY t.ctid"
    ).format(
        everybody=everybody,
        owner=walk.owner[0],
        key=binding.shown("t", table),
        code=code,
        until=until,
        source=SQL(", ").join([SQL("{} AS t").format(binding.name(table.name)), *walk.joins]),
        where=conjunction([*walk.conditions, SQL("{} = ANY({})").format(walk.owner[0], everybody)]),
        new=new,
    )


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
        SQL("SELECT{once} a.*, {key} FROM {source} WHERE {where}").format(
            once=SQL("" if len(ways) > 1 else " DISTINCT"),
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


def not_among(binding: Binding, table: Table, prefix: str) -> sql.Composed:
    """Return the condition that a row's key is not in a set; hashed, however large the set."""
    return SQL("({}) NOT IN (SELECT * FROM {})").format(
        SQL(", ").join(binding.columns("t", table.key)), binding.unnest(table, prefix)
    )


def among(binding: Binding, table: Table, prefix: str) -> sql.Composed:
    """Return the condition that a row's key is in a set, which is looked up in the key's index."""
    if len(table.key) == 1:
        column = table.key[0]
        return SQL("{} = ANY(%({})s::{}[])").format(
            sql.Identifier("t", column), SQL(f"{prefix}0"), binding.type(table.name, column)
        )
    return SQL("({}) IN (SELECT * FROM {})").format(
        SQL(", ").join(binding.columns("t", table.key)), binding.unnest(table, prefix)
    )


def people(binding: Binding, table: Table, identity: Named) -> sql.Composed:
    """Return the statement from values (``n``, ``v``) of one kind to people's keys.

    A value of which nothing is left to compare ("n/a" as a telephone) names nobody.
    """
    column: sql.Composable = sql.Identifier("t", identity.column)
    value: sql.Composable = SQL("a.v")
    if identity.compare == "exact":
        value = binding.said(table, identity, value)
    within: list[sql.Composed] = []
    more: list[sql.Composable] = []
    if identity.path:
        inside = binding.column(table.name, identity.column, identity.path)
        found = inside.value("t", "i", identity.compare)
        column, value, within = found.text, SQL("a.v"), found.joins
        near = found.near(ColumnFacts("text"), identity.compare)
        more = [*found.conditions(), *near(SQL("a.v"))]
    ways = list(walks(binding, table))
    return SQL(" UNION ").join(
        SQL(
            "SELECT a.n, {owner} FROM unnest(%(n)s::int[], %(v)s::text[]) AS a(n, v), {source}"
            " WHERE {same} AND {said} <> ''"
        ).format(
            said=normal(identity.compare, SQL("a.v")),
            owner=_owner_shown(binding, way),
            source=SQL(", ").join([
                SQL("{} AS t").format(binding.name(table.name)), *within, *way.joins,
            ]),
            same=conjunction([
                SQL("{} = {}").format(
                    normal(identity.compare, column), normal(identity.compare, value)
                ),
                *more,
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


# --- texts --------------------------------------------------------------------------------------


def bears_sign(text: sql.Composable, signs: sql.Composable) -> sql.Composed:
    """Return the condition that a text holds one of the signs; cheap, and never false wrongly."""
    return SQL(
        "EXISTS (SELECT 1 FROM (SELECT lower({text}) || {anywhere}"
        " || translate({text}, ' ().+/-', '')"
        " || CASE WHEN octet_length({text}) = char_length({text}) THEN ''"
        " ELSE lower(normalize({text}, NFKC))"
        " || translate(normalize({text}, NFKC), ' ().+/-ー‐–—', '') END AS whole OFFSET 0) AS w,"
        " string_to_table({signs}, {parted}) AS sign WHERE strpos(w.whole, lower(sign)) > 0)"
    ).format(
        text=text,
        signs=signs,
        anywhere=literal(texts.ANYWHERE),
        parted=literal(texts.PARTED),
    )


def of_person(array: str, place: str = "u") -> sql.Composed:
    """Return the person's own text out of a list with one for each of the people."""
    return SQL("(%({})s::jsonb ->> {})").format(SQL(array), sql.Identifier(place, "n"))
