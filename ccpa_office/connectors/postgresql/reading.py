"""What the store answered, as values of the base."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ccpa_office.connectors.base import Applied, Key, Located, Rows, Table
from ccpa_office.connectors.postgresql import keys, locating


def located(table: Table, rows: Sequence[tuple[Any, ...]]) -> Located:
    """Turn rows (person, key..., shared, kept, until) into columns."""
    width = len(table.key)
    return Located(
        table=table.name,
        keys=[keys.key(row[1 : 1 + width]) for row in rows],
        persons=[row[0] for row in rows],
        shared=[row[1 + width] for row in rows],
        kept=[row[2 + width] for row in rows],
        until=[_date(row[3 + width]) for row in rows],
    )


def unpacked(table: Table, texts: Sequence[str], places: Mapping[Key, int]) -> Located:
    """Turn what ``locating.locate`` strings together into columns: no row is made on the way."""
    lists = (json.loads(f"[{text}]") for text in texts)
    persons = [places[person] for person in next(lists)]
    columns, count = [next(lists) for _column in table.key], len(persons)
    shared = list(map(bool, next(lists))) if locating.tells_shared(table) else [False] * count
    kept = [table.keep_code if table.action == "keep" else ""] * count
    until: list[date | None] = [None] * count
    if locating.tells_kept(table):
        kept, ends = next(lists), next(lists)
        days = {end: _date(end) for end in set(ends)}
        until = [days[end] for end in ends]
    return Located(
        table=table.name,
        keys=columns[0] if len(columns) == 1 else list(zip(*columns, strict=True)),
        persons=persons,
        shared=shared,
        kept=kept,
        until=until,
    )


def applied(rows: Rows, answer: Sequence[Any]) -> Applied:
    """Read what one change met; a key that the plan names twice counts once."""
    done, foreign = answer
    strangers = [keys.key(key) for key in foreign]
    planned = len(set(map(hashable, rows.keys)))
    return Applied(done, planned - done - len(strangers), strangers)


def hashable(key: Any) -> Key:
    return tuple(key) if type(key) is list else key


def _date(value: date | str | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value
