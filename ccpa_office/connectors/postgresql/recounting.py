"""The second look: by keys, by identifier columns and in texts, along no path of the erasure."""

from psycopg import sql

from ccpa_office.connectors.base import Change, Look, Table
from ccpa_office.connectors.inside import parts_of
from ccpa_office.connectors.postgresql import nesting
from ccpa_office.connectors.postgresql.binding import Binding, any_of, normal
from ccpa_office.connectors.postgresql.masks import TEXTUAL, is_unmasked, shows
from ccpa_office.connectors.postgresql.statements import (
    among,
    bears_sign,
    literal,
    not_among,
    of_person,
)
from ccpa_office.connectors.ways import Named

SQL = sql.SQL


def recount(binding: Binding, table: Table, action: str) -> sql.Composed:
    """Return the second look: by keys, by identifier columns, in texts. No path is walked.

    Of the rows that stay by right, those that were trimmed are held against their trims.
    """
    still = not_among(binding, table, "s")
    if action != "delete":
        still = any_of(
            [is_unmasked(binding, table, change) for change in table.changes] or [SQL("false")]
        )
    spared = not_among(binding, table, "e")
    trimmed = SQL("NOT {}").format(not_among(binding, table, "r"))
    return SQL(
        "SELECT f.by_key, {identifiers}, f.in_text FROM (SELECT"
        " count(DISTINCT ({key})) FILTER (WHERE {still}) AS by_key,"
        " count(DISTINCT ({key})) FILTER (WHERE {text}) AS in_text"
        " FROM {frozen} WHERE {spared} OR {trimmed}) AS f"
    ).format(
        key=SQL(", ").join(binding.columns("t", table.key)),
        frozen=_frozen(binding, table),
        still=_either(table, spared, still, _untrimmed(binding, table)),
        spared=spared,
        trimmed=trimmed if table.trims else SQL("false"),
        identifiers=_by_identifier(binding, table, action, spared),
        text=_either(
            table,
            spared,
            _in_text(binding, table, searched(table, action)),
            _in_text(binding, table, _stripped(table.trims)),
        ),
    )


def may_be_gone(look: Look) -> bool:
    """Say whether every frozen row should be gone, so that a short look can be all it takes."""
    return look.action == "delete" and not look.stripped and not look.trimmed


def gone(binding: Binding, table: Table, action: str) -> sql.Composed:
    """Return the short second look: by keys, by identifier columns.

    Where none of the frozen rows is there, there is no text of them either. Where one is, only
    ``recount`` knows what it shows.
    """
    spared = not_among(binding, table, "e")
    return SQL("SELECT (SELECT count(*) FROM {} AS t WHERE {} AND {}), {}, 0").format(
        binding.name(table.name),
        among(binding, table, "k"),
        spared,
        _by_identifier(binding, table, action, spared),
    )


def _either(
    table: Table, spared: sql.Composed, changed: sql.Composed, kept: sql.Composed
) -> sql.Composed:
    """Return one condition for rows that were changed, and another for those that stay by right."""
    if not table.trims:
        return changed
    return SQL("CASE WHEN {} THEN {} ELSE {} END").format(spared, changed, kept)


def _untrimmed(binding: Binding, table: Table) -> sql.Composed:
    return any_of([is_unmasked(binding, table, trim) for trim in table.trims] or [SQL("false")])


def searched(table: Table, action: str) -> tuple[str, ...]:
    """Return the columns in which nobody may be seen any more: as the map says, and what strips."""
    stripped = _stripped(table.strips if action == "delete" else table.changes)
    return tuple(dict.fromkeys([*table.texts, *stripped]))


def looks_at_texts(table: Table, action: str) -> bool:
    """Say whether the second look searches any text of a table."""
    return bool(searched(table, action) or _stripped(table.trims))


def _stripped(changes: tuple[Change, ...]) -> tuple[str, ...]:
    return tuple(
        each.column
        for each in changes
        if each.how in {"strip_text", "strip_json"}
        or (each.how == "inside" and any(part.how == "strip" for part in parts_of(each.argument)))
    )


def _frozen(binding: Binding, table: Table) -> sql.Composed:
    """Return the rows of the plan that are there."""
    return SQL("{} AS u({}) JOIN {} AS t ON {}").format(
        binding.unnest(table, "k", "%(n)s::int[]"),
        SQL(", ").join(sql.Identifier(slot) for slot in [*binding.slots(table, "k"), "n"]),
        binding.name(table.name),
        binding.same_key(table, "t", "u", "k"),
    )


def _in_text(binding: Binding, table: Table, columns: tuple[str, ...]) -> sql.Composed:
    looks = []
    for column in columns:
        text = _as_text(binding, table, column)
        look = SQL("CASE WHEN {} THEN {} ELSE false END").format(
            bears_sign(text, of_person("signs")), shows(text)
        )
        looks.append(look)
    return any_of(looks or [SQL("false")])


def _as_text(binding: Binding, table: Table, column: str) -> sql.Composed:
    """Return a column as text; in JSON and lists, escapes are read so that they part words."""
    value = SQL("{}::text").format(sql.Identifier("t", column))
    if binding.catalogue.type(table.name, column) in TEXTUAL:
        return value
    blanks = SQL("regexp_replace({}, {}, ' ', 'g')").format(value, literal(r"\\+[nrtbf]"))
    return SQL("regexp_replace({}, {}, '', 'g')").format(blanks, literal(r"\\+"))


def _by_identifier(
    binding: Binding, table: Table, action: str, spared: sql.Composed
) -> sql.Composed:
    looks = [
        SQL("SELECT {} FROM {} AND {}").format(
            SQL(", ").join(binding.columns("t", table.key)),
            _holding(binding, table, named),
            spared,
        )
        for named in looked_at(table, action)
    ]
    if not looks:
        return SQL("0").format()
    return SQL("(SELECT count(*) FROM ({}) AS x)").format(SQL(" UNION ").join(looks))


def looked_at(table: Table, action: str) -> list[Named]:
    """Return the identifier columns that must be empty of the people after the deed."""
    changed = {change.column for change in table.changes if not change.how.startswith("strip")}
    return [named for named in table.identifiers if action == "delete" or named.column in changed]


def _holding(binding: Binding, table: Table, named: Named) -> sql.Composed:
    """Return FROM and WHERE of the rows that hold an identifier of the people."""
    if not named.path:
        name, held = binding.name(table.name), _holds_identifier(binding, table, named)
        return SQL("{} AS t WHERE {}").format(name, held)
    column = binding.column(table.name, named.column, named.path)
    own = binding.catalogue.type(binding.program.person, binding.person.key[0])
    if named.kind == "person" and binding.catalogue.type(table.name, named.column) == f"{own}[]":
        return SQL("{} AS t WHERE {} && %(p0)s::{}[]").format(
            binding.name(table.name), sql.Identifier("t", named.column), SQL(own)
        )
    texts = SQL("SELECT v FROM unnest(%({})s::text[]) AS v WHERE v <> ''").format(
        SQL(f"v{table.identifiers.index(named)}")
    )
    if named.kind == "person":
        key = binding.person.key[0]
        texts = SQL("SELECT unnest(ARRAY[v::text, upper(v::text)]) FROM unnest(%(p0)s::{}[]) v"
                    ).format(binding.type(binding.program.person, key))  # fmt: skip
        if binding.facts(binding.program.person, key).kind != "uuid":
            texts = SQL("SELECT v::text FROM unnest(%(p0)s::{}[]) AS v").format(
                binding.type(binding.program.person, key)
            )
    return nesting.holding(column, named, binding.name(table.name), texts, normal)


def _holds_identifier(binding: Binding, table: Table, named: Named) -> sql.Composed:
    column = sql.Identifier("t", named.column)
    if named.kind == "person":
        key = binding.person.key[0]
        return SQL("{} = ANY(%(p0)s::{}[])").format(
            column, binding.type(binding.program.person, key)
        )
    value: sql.Composable = SQL("v")
    if named.compare == "exact":
        value = binding.said(table, named, value)
    return SQL("{} = ANY(ARRAY(SELECT {} FROM unnest(%({})s::text[]) AS v WHERE {} <> ''))").format(
        normal(named.compare, column),
        normal(named.compare, value),
        SQL(f"v{table.identifiers.index(named)}"),
        normal(named.compare, SQL("v")),
    )
