"""Statements that find all rows of people known by a number, each column in one text.

A thousand people's rows are looked up in the indexes at once, not person by person, and no row is
made of them on the way: the store strings each column together, the office reads it as JSON.
"""

from psycopg import sql

from ccpa_office.connectors.base import Table
from ccpa_office.connectors.postgresql.binding import Binding, Walk, any_of, conjunction, walks
from ccpa_office.connectors.postgresql.statements import kept, not_among

SQL = sql.SQL


def is_plain(binding: Binding, table: Table) -> bool:
    """Say whether people are known by one column that no way finds within another value."""
    is_single = len(binding.person.key) == 1
    return is_single and not any(way.near for way in walks(binding, table))


def is_packable(binding: Binding, table: Table) -> bool:
    """Say whether people are, besides, known by a number."""
    return is_plain(binding, table) and binding.integers(binding.person) == (True,)


def tells_shared(table: Table) -> bool:
    """Say whether it matters that others reach a row: of what stays as it is, nobody asks."""
    return table.shareable and (table.action != "keep" or bool(table.trims))


def tells_kept(table: Table) -> bool:
    """Say whether rows of one table differ in why and how long they stay."""
    return bool(table.term or table.holds)


def locate(binding: Binding, table: Table) -> sql.Composed:
    """Return the statement: (people, each column of the key, shared?, kept?, until?) as texts.

    ``shared`` only where ``tells_shared``, ``kept`` and ``until`` only where ``tells_kept``.
    """
    columns = [_number("p"), *_key(binding, table)]
    columns += (
        [SQL("coalesce(string_agg(s::int::text, ','), '')").format()] if tells_shared(table) else []
    )
    columns += [_texts("c"), _texts("u")] if tells_kept(table) else []
    slots = ["p", *binding.slots(table, "k"), "s", "c", "u"]
    return SQL("SELECT {} FROM ({}) AS x({})").format(
        SQL(", ").join(columns), _rows(binding, table), _names(slots)
    )


def _number(slot: str) -> sql.Composed:
    return SQL("coalesce(string_agg({}::text, ','), '')").format(sql.Identifier(slot))


def _texts(slot: str) -> sql.Composed:
    return SQL("coalesce(btrim(json_agg({})::text, '[]'), '')").format(sql.Identifier(slot))


def _key(binding: Binding, table: Table) -> list[sql.Composed]:
    numbers = zip(binding.slots(table, "k"), binding.integers(table), strict=True)
    return [_number(slot) if is_number else _texts(slot) for slot, is_number in numbers]


def _names(slots: list[str]) -> sql.Composed:
    return SQL(", ").join(map(sql.Identifier, slots))


def newborn(binding: Binding, table: Table, known: str) -> sql.Composed:
    """Return (place, key..., shared, kept, until) of the rows whose keys are not in ``known``.

    Few are found, if any: whose they are is asked after that.
    """
    place = SQL("(array_position({}, {{}}) - 1)::int").format(_people(binding)).as_string()
    return _rows(binding, table, whose=place, new=not_among(binding, table, known))


def _rows(
    binding: Binding, table: Table, *, whose: str = "{}", new: sql.Composed | None = None
) -> sql.Composed:
    """Return the rows of the people, (person, key..., shared, kept, until), as they are stored."""
    ways = [binding.walk(table, path, "t", "o") for path in table.paths]
    code, until = kept(binding, table)
    more = [new] if new else []
    if not table.shareable or _names_once(table):
        owner, (source, where) = ways[0].owner[0], _of(binding, table, ways[0], more)
    else:
        owner, where = SQL("a.p").format(), SQL("true").format()
        source = _reached(binding, table, ways, more)
    return SQL(
        "SELECT {owner}, {key}, {shared}, {code}, {until} FROM {source} WHERE {where}"
        " ORDER BY t.ctid"
    ).format(
        owner=SQL(whose).format(owner), key=binding.shown("t", table),
        shared=_shared(binding, table, owner), code=code, until=until, source=source, where=where,
    )  # fmt: skip


def _names_once(table: Table) -> bool:
    """Say whether a row and a person can meet but once: no third row, and no list, joins them."""
    (path, *others) = table.paths
    return not others and len(path) < 2 and not any(hop.many for hop in path)


def _people(binding: Binding) -> sql.Composed:
    return SQL("%(p0)s::{}[]").format(binding.type(binding.person.name, binding.person.key[0]))


def _of(
    binding: Binding, table: Table, way: Walk, more: list[sql.Composed]
) -> tuple[sql.Composed, sql.Composed]:
    """Return FROM and WHERE of the rows from which one way leads to one of the people."""
    source = SQL(", ").join([SQL("{} AS t").format(binding.name(table.name)), *way.joins])
    mine = SQL("{} = ANY({})").format(way.owner[0], _people(binding))
    return source, conjunction([*way.conditions, mine, *more])


def _reached(
    binding: Binding, table: Table, ways: list[Walk], more: list[sql.Composed]
) -> sql.Composed:
    """Return the rows from which any way leads to the people, each once for each of them."""
    found = SQL(" UNION ").join(
        SQL("SELECT{once} {owner}, {key} FROM {source} WHERE {where}").format(
            once=SQL("" if len(ways) > 1 else " DISTINCT"),
            owner=way.owner[0],
            key=SQL(", ").join(binding.columns("t", table.key)),
            source=source,
            where=where,
        )
        for way in ways
        for source, where in [_of(binding, table, way, more)]
    )
    return SQL("({found}) AS a({names}) JOIN {table} AS t ON {same}").format(
        found=found,
        names=_names(["p", *binding.slots(table, "k")]),
        table=binding.name(table.name),
        same=binding.same_key(table, "t", "a", "k"),
    )


def _shared(binding: Binding, table: Table, owner: sql.Composable) -> sql.Composed:
    """Return whether a row leads to anybody else than its owner."""
    if not tells_shared(table):
        return SQL("false").format()
    return any_of(
        [
            way.exists([*way.conditions, SQL("{} <> {}").format(way.owner[0], owner)])
            for way in walks(binding, table)
        ]
    )
