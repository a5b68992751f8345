"""The second look: by keys, by identifier columns and in texts, along no path of the erasure."""

from psycopg import sql

from ccpa_office.connectors.base import Change, Named, Table
from ccpa_office.connectors.postgresql.binding import Binding, any_of, normal
from ccpa_office.connectors.postgresql.changing import masked
from ccpa_office.connectors.postgresql.statements import bears_sign, not_among, of_person

SQL = sql.SQL


def recount(binding: Binding, table: Table, action: str) -> sql.Composed:
    """Return the second look: by keys, by identifier columns, in texts. No path is walked."""
    still = not_among(binding, table, "s")
    if action != "delete":
        still = any_of(
            [is_unmasked(binding, table, change) for change in table.changes] or [SQL("false")]
        )
    spared = not_among(binding, table, "e")
    return SQL(
        "SELECT f.by_key, {identifiers}, f.in_text FROM (SELECT"
        " count(DISTINCT ({key})) FILTER (WHERE {still}) AS by_key,"
        " count(DISTINCT ({key})) FILTER (WHERE {text}) AS in_text"
        " FROM {frozen} WHERE {spared}) AS f"
    ).format(
        key=SQL(", ").join(binding.columns("t", table.key)),
        frozen=_frozen(binding, table),
        still=still,
        spared=spared,
        identifiers=_by_identifier(binding, table, action, spared),
        text=_in_text(table),
    )


def _frozen(binding: Binding, table: Table) -> sql.Composed:
    """Return the rows of the plan that are there."""
    return SQL("{} AS u({}) JOIN {} AS t ON {}").format(
        binding.unnest(table, "k", "%(n)s::int[]"),
        SQL(", ").join(sql.Identifier(slot) for slot in [*binding.slots(table, "k"), "n"]),
        binding.name(table.name),
        binding.same_key(table, "t", "u", "k"),
    )


def _in_text(table: Table) -> sql.Composed:
    return any_of(
        [
            SQL("CASE WHEN {} THEN {text} ~* {} ELSE false END").format(
                bears_sign(SQL("{}::text").format(sql.Identifier("t", column)), of_person("signs")),
                of_person("patterns"),
                text=SQL("{}::text").format(sql.Identifier("t", column)),
            )
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
    value: sql.Composable = SQL("v")
    if named.compare == "exact":
        value = SQL("v::{}").format(binding.type(table.name, named.column))
    return SQL("{} = ANY(ARRAY(SELECT {} FROM unnest(%({})s::text[]) AS v WHERE v <> ''))").format(
        normal(named.compare, column),
        normal(named.compare, value),
        SQL(f"v{table.identifiers.index(named)}"),
    )


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
