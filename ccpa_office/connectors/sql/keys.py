"""Keys and people on their way into a statement: refused here unless they are plainly keys.

A set of any size travels as one text parameter, a JSON array of arrays; no dialect's limit on
parameters is ever met.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ccpa_office.connectors.base import ColumnFacts, Key, KeysRefused, Rows

LONGEST = 1_000
MOST = 50_000
BIGGEST = 2**63
UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")

Row = tuple[Any, ...]


def packed(rows: Iterable[Sequence[Any]]) -> str:
    """Spell rows as the one parameter that carries them."""
    return json.dumps([list(row) for row in rows], ensure_ascii=True, separators=(",", ":"))


def parts(keys: Sequence[Key], columns: Sequence[ColumnFacts]) -> list[Row]:
    """Return each key as a tuple of values that fit its columns; raises ``KeysRefused``."""
    return [_parts(key, columns) for key in keys]


def _parts(key: Any, columns: Sequence[ColumnFacts]) -> Row:
    values = tuple(key) if type(key) in {tuple, list} else (key,)
    if (len(columns) == 1) == (type(key) in {tuple, list}) or len(values) != len(columns):
        raise KeysRefused("a key has the wrong number of values")
    may_be_empty = len(values) > 1 and any(value != "" for value in values)
    for value, column in zip(values, columns, strict=True):
        is_empty = may_be_empty and column.kind == "text" and value == ""
        if not (is_empty or (_is_number if column.kind == "integer" else _is_word)(value)):
            raise KeysRefused("a key holds no usable value")
    return values


def _is_number(value: Any) -> bool:
    return type(value) is int and -BIGGEST <= value < BIGGEST


def _is_word(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= LONGEST and "\x00" not in value


def persons_of(rows: Rows, people: Sequence[Key]) -> None:
    """Refuse lists that do not match, and an index that points outside."""
    if len(rows.keys) != len(rows.persons):
        raise KeysRefused("rows and people do not match")
    if len(rows.keys) > MOST:
        raise KeysRefused("too many keys for one statement")
    if any(type(person) is not int or not 0 <= person < len(people) for person in rows.persons):
        raise KeysRefused("a row names a person who is not in the list")


def key(values: Sequence[Any], columns: Sequence[ColumnFacts]) -> Key:
    """Return the key that a row of the store spells: whole numbers, all else as text.

    Raises ``KeysRefused`` where a part is empty, as SQLite lets it be: no statement finds that row.
    """
    if None in values:
        raise KeysRefused("a row has a key of which a part is empty")
    shown = [
        int(value) if column.kind == "integer" else text(value)
        for value, column in zip(values, columns, strict=True)
    ]
    return shown[0] if len(shown) == 1 else tuple(shown)


def text(value: Any) -> str:
    """Return a value of the driver as text, the same in every store."""
    spell = next((spell for kind, spell in SPELLED if isinstance(value, kind)), str)
    return spell(value)


SPELLED: list[tuple[type, Callable[[Any], str]]] = [
    (datetime, lambda value: value.isoformat(" ")),
    (date, date.isoformat),
    (Decimal, lambda value: format(value, "f")),
    (bytes, lambda value: value.decode(errors="replace")),
]


def hashable(value: Any) -> Key:
    """Return a key as it can stand in a set; JSON knows no tuple."""
    made: Key = tuple(value) if type(value) is list else value
    return made


def fits(value: str, column: ColumnFacts) -> bool:
    """Say whether a typed identifier can be compared with a column of that kind at all."""
    if not value.strip() or "\x00" in value or len(value) > LONGEST:
        return False
    if column.kind == "integer":
        return re.fullmatch(r"[0-9]{1,19}", value) is not None and int(value) < BIGGEST
    return column.kind != "uuid" or UUID.fullmatch(value) is not None


def spelled(value: str, column: ColumnFacts) -> str:
    """Return a typed value as it is compared: a UUID counts however it is written."""
    return value.replace("-", "").lower() if column.kind == "uuid" else value
