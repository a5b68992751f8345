"""New values that Python makes: from the rows just read to arrays beside the plan's keys."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ccpa_office.connectors.base import Change, ChangeBlocked, Deed, Key, Rows, Table
from ccpa_office.connectors.inside import named_by
from ccpa_office.connectors.masking import CannotMask, masked, row_of
from ccpa_office.connectors.postgresql import masks
from ccpa_office.connectors.postgresql.binding import Binding, Parameters
from ccpa_office.connectors.postgresql.reading import hashable
from ccpa_office.connectors.stripping import NOBODY, Traces, traces


def made(
    binding: Binding,
    table: Table,
    rows: Rows,
    deed: Deed,
    answer: Sequence[tuple[Any, ...]],
    people: Sequence[Key],
) -> Parameters:
    """Return an array for each column that is made here: a text for each row, or NULL to leave it.

    ``answer`` holds (place in the plan, the columns as texts). All people who reach a row are
    taken out of it at once.
    """
    changes = masks.made(binding, table, deed.action)
    persons: dict[Key, list[int]] = {}
    for place, *_values in answer:
        persons.setdefault(hashable(rows.keys[place]), []).append(rows.persons[place])
    columns: list[list[str | None]] = [[None] * len(rows.keys) for _ in changes]
    done: dict[Key, list[str | None]] = {}
    for place, *values in answer:
        key = hashable(rows.keys[place])
        if key not in done:
            found = _traces(deed, persons[key], people)
            done[key] = [
                new_value(binding, table, change, deed, (key, value, found))
                for change, value in zip(changes, values, strict=True)
            ]
        for column, new in zip(columns, done[key], strict=True):
            column[place] = new
    return {f"m{number}": _array(column) for number, column in enumerate(columns)}


def _traces(deed: Deed, persons: Sequence[int], people: Sequence[Key]) -> Traces:
    if not deed.identities:
        return NOBODY
    who = list(dict.fromkeys(persons))
    identities = [deed.identities[person] for person in who]
    named = named_by([people[person] for person in who], identities)
    return replace(traces(identities), named=named)


def new_value(
    binding: Binding,
    table: Table,
    change: Change,
    deed: Deed,
    read: tuple[Key, str | None, Traces],
) -> str | None:
    """Return the new value of a field as PostgreSQL spells it; None where it stays."""
    key, value, found = read
    if value is None:
        return None
    facts = binding.facts(table.name, change.column)
    given: Any = _listed(value, facts.kind) if facts.array else value
    try:
        new = masked(
            given, change, column=facts, secret=deed.secret, row=row_of(table.name, key),
            traces=found,
        )  # fmt: skip
    except CannotMask:
        raise ChangeBlocked("a value cannot be changed as the map says") from None
    if new == given:
        return None
    return _array(new) if facts.array else str(new)


def _listed(value: str, kind: str) -> list[Any]:
    """Return the elements of a list: texts, or JSON as texts."""
    elements: list[Any] = json.loads(value)
    if kind != "json":
        return elements
    return [None if each is None else json.dumps(each, ensure_ascii=False) for each in elements]


def _array(values: Sequence[str | None]) -> str:
    """Spell a list as an array of PostgreSQL, its empty elements kept."""
    return f"{{{','.join('NULL' if each is None else _quoted(str(each)) for each in values)}}}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
