"""The second look: by keys, by identifier columns and in texts, along no path of the erasure."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from ccpa_office.connectors import masking
from ccpa_office.connectors.base import Change, ColumnFacts, Look, Rows, Table
from ccpa_office.connectors.comparing import normal
from ccpa_office.connectors.sql import keys
from ccpa_office.connectors.sql.binding import PLACE, TEXT, Binding
from ccpa_office.connectors.sql.changing import PLAN, read, traces_of
from ccpa_office.connectors.sql.dialects.base import Cell, Slot
from ccpa_office.connectors.stripping import NOBODY, shows
from ccpa_office.connectors.sweeping import told
from ccpa_office.connectors.ways import Named

Parameters = dict[str, Any]


def frozen(binding: Binding, table: Table, action: str) -> sa.Select[Any]:
    """Return (place, values that should have changed, texts) of the plan's rows that are there."""
    plan = binding.dialect.set(PLAN, [*binding.slots(table, "k"), PLACE])
    row = binding.table(table.name).alias("t")
    names = [change.column for change in changes(table, action)]
    names += [*searched(table, action), *_stripped(table.trims)]
    return (
        sa.select(plan.c.n, *[row.c[name] for name in names])
        .select_from(plan, row)
        .where(binding.same_key(row, plan, table))
    )


def changes(table: Table, action: str) -> list[Change]:
    """Return every change that can have been made to rows which are still there."""
    masks = () if action == "delete" else table.changes
    return [*masks, *table.trims]


def searched(table: Table, action: str) -> list[str]:
    """Return the columns in which nobody may be seen any more: as the map says, and what strips."""
    stripped = _stripped(table.strips if action == "delete" else table.changes)
    return list(dict.fromkeys([*table.texts, *stripped]))


def _stripped(changes: Iterable[Change]) -> list[str]:
    return [each.column for each in changes if each.how in {"strip_text", "strip_json"}]


def packed(binding: Binding, table: Table, rows: Rows) -> str:
    """Return the parameter of ``frozen``."""
    facts = binding.catalogue.facts(table.name, table.key)
    return keys.packed((*key, place) for place, key in enumerate(keys.parts(rows.keys, facts)))


def counted(
    binding: Binding, table: Table, rows: Rows, look: Look, answers: Iterable[Sequence[Any]]
) -> tuple[int, int]:
    """Return how many keys still hold what should be gone, and how many show it in a text."""
    kept, stripped, trimmed = (set(map(keys.hashable, each))
                               for each in (look.kept, look.stripped, look.trimmed))  # fmt: skip
    masks = [] if look.action == "delete" else list(table.changes)
    width = len(searched(table, look.action))
    by_key, in_text = set[Any](), set[Any]()
    for place, *values in answers:
        key, person = keys.hashable(rows.keys[place]), look.identities[rows.persons[place]]
        of_masks, rest = values[: len(masks)], values[len(masks) :]
        of_trims, texts = rest[: len(table.trims)], rest[len(table.trims) :]
        seen = texts[width:] if key in kept else texts[:width]
        left = _Left(binding, table, masking.row_of(table.name, key), look.secrets)
        if key in kept and key not in trimmed:
            continue
        if key in kept:
            stands = left.any(table.trims, of_trims)
        else:
            stands = key not in stripped if look.action == "delete" else left.any(masks, of_masks)
        by_key |= {key} if stands else set()
        if any(shows(told(read(each)), traces_of([person])) for each in seen if each is not None):
            in_text.add(key)
    return len(by_key), len(in_text)


class _Left:
    """Says whether a row still holds a value that a change should have taken away."""

    def __init__(self, binding: Binding, table: Table, row: str, secrets: Sequence[bytes]) -> None:
        self.binding, self.table, self.row, self.secrets = binding, table, row, secrets

    def any(self, made: Sequence[Change], values: Sequence[Any]) -> bool:
        return any(
            self._one(change, read(value))
            for change, value in zip(made, values, strict=True)
            if not change.how.startswith("strip")
        )

    def _one(self, change: Change, value: Any) -> bool:
        facts = self.binding.catalogue.column(self.table.name, change.column).facts
        if value is None or change.how == "null":
            return value is not None
        if change.how == "constant":
            return not _is_constant(value, change, facts)
        if change.how == "pseudonym" and not self.secrets:
            return not str(value).startswith(masking.PREFIX)
        return not any(self._is_made(change, value, facts, each) for each in self.secrets or [b""])

    def _is_made(self, change: Change, value: Any, facts: ColumnFacts, secret: bytes) -> bool:
        try:
            return masking.is_masked(value, change, column=facts, secret=secret,
                                     row=self.row, traces=NOBODY)  # fmt: skip
        except masking.CannotMask:
            return False


def _is_constant(value: Any, change: Change, facts: ColumnFacts) -> bool:
    """Say whether a value is the constant of a change, or empty: that stays as it is."""
    made = masking.constant(change, facts)
    if facts.kind == "decimal":
        with suppress(InvalidOperation):
            return bool(Decimal(str(value)) == made)
        return False
    said = keys.text(value)
    is_empty = facts.kind == "text" and not said.strip(" ")
    return is_empty or said == keys.text(int(made) if isinstance(made, bool) else made)


# --- by identifier --------------------------------------------------------------------------------


def looked_at(table: Table, action: str) -> list[Named]:
    """Return the identifier columns that must be empty of the people after the deed."""
    changed = {change.column for change in table.changes if not change.how.startswith("strip")}
    return [named for named in table.identifiers if action == "delete" or named.column in changed]


def by_identifier(
    binding: Binding, table: Table, action: str
) -> sa.Select[Any] | sa.CompoundSelect[Any] | None:
    """Return (place of the column, value, key...) of rows that hold one of the values."""
    found = []
    for place, named in enumerate(looked_at(table, action)):
        row = binding.table(table.name).alias("t")
        cell, seen = binding.cell(row, table.name, named.column), []
        if named.path:
            tree, cell = binding.dialect.seen(cell, named.path, f"s{place}")
            seen.append(tree)
        column = _given(binding, table, named)
        values = binding.dialect.set(f"v{place}", [Slot("v", column.facts)])
        value = Cell(values.c.v, binding.dialect.given(column))
        found.append(
            sa.select(
                sa.literal_column(str(place)),
                binding.dialect.as_text(cell),
                *[each.expression for each in binding.cells(row, table)],
            )
            .select_from(values, row, *seen)
            .where(binding.dialect.alike(named.compare, cell, value))
        )
    if not found:
        return None
    return sa.union_all(*found) if len(found) > 1 else found[0]


def _given(binding: Binding, table: Table, named: Named) -> Any:
    if named.path:
        return TEXT
    if named.kind == "person":
        return binding.catalogue.column(binding.person.name, binding.person.key[0])
    return binding.catalogue.column(table.name, named.column) if named.compare == "exact" else TEXT


def values(binding: Binding, table: Table, look: Look) -> Parameters:
    """Return the parameters of ``by_identifier``."""
    found: Parameters = {}
    for place, named in enumerate(looked_at(table, look.action)):
        if named.kind == "person":
            facts = binding.catalogue.facts(binding.person.name, binding.person.key)
            people = keys.parts(look.people, facts)
            found[f"v{place}"] = keys.packed(
                (str(part[0]),) if named.path else part[:1] for part in people
            )
            continue
        facts_of_value = _given(binding, table, named).facts
        found[f"v{place}"] = keys.packed(
            (int(value) if facts_of_value.kind == "integer" else value,)
            for value in sorted(_said(look, named))
            if keys.fits(value, facts_of_value)
        )
    return found


def _said(look: Look, named: Named) -> set[str]:
    return {value for each in look.identities for value in each.identifiers.get(named.kind, [])}


def identified(binding: Binding, table: Table, look: Look, answers: Iterable[Sequence[Any]]) -> int:
    """Return how many rows, kept ones left out, hold an identifier in the form of the map."""
    named = looked_at(table, look.action)
    kinds = [_given(binding, table, each).facts for each in named]
    wanted = [
        {keys.spelled(normal(each.compare, value), kind) for value in _said(look, each)} - {""}
        for each, kind in zip(named, kinds, strict=True)
    ]
    kept = set(map(keys.hashable, look.kept))
    facts = binding.catalogue.facts(table.name, table.key)
    found = set()
    for place, value, *key in answers:
        each = named[place]
        said = keys.spelled(normal(each.compare, keys.text(value)), kinds[place])
        if each.kind == "person" or said in wanted[place]:
            found.add(keys.key(key, facts))
    return len(found - kept)
