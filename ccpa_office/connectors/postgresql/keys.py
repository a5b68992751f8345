"""Keys and people as arrays for the driver; whatever is not plainly a key is refused here."""

import re
from collections.abc import Sequence
from typing import Any

from ccpa_office.connectors.base import Key, KeysRefused, Rows, Scalar

LONGEST = 1_000
MOST = 50_000
BIGGEST = 2**63


def parts(key: Key | Sequence[Scalar], width: int) -> tuple[Scalar, ...]:
    """Return a key's values; a list counts as a tuple, for JSON knows no other."""
    is_wide = isinstance(key, list | tuple)
    values = tuple(key) if isinstance(key, list | tuple) else (key,)
    if len(values) != width or is_wide != (width > 1):
        raise KeysRefused("a key has the wrong number of values")
    return values


def is_sound(value: object, *, integer: bool) -> bool:
    """Say whether a value can be part of a key of that kind; nothing is ever converted."""
    if integer:
        return type(value) is int and -BIGGEST <= value < BIGGEST
    return type(value) is str and 0 < len(value) <= LONGEST and "\x00" not in value


def columns(keys: Sequence[Key], integers: Sequence[bool], prefix: str) -> dict[str, list[Scalar]]:
    """Turn keys into one array a column, named ``<prefix>0``, ``<prefix>1``, ..."""
    arrays: list[list[Scalar]] = [[] for _ in integers]
    for key in keys:
        for array, value, integer in zip(arrays, parts(key, len(integers)), integers, strict=True):
            if not is_sound(value, integer=integer):
                raise KeysRefused("a key holds no usable value")
            array.append(value)
    return {f"{prefix}{position}": array for position, array in enumerate(arrays)}


def persons_of(rows: Rows, people: Sequence[Key]) -> list[Key]:
    """Return each row's person; the lists must match and no index may point outside."""
    if len(rows.keys) != len(rows.persons):
        raise KeysRefused("rows and people do not match")
    if len(rows.keys) > MOST:
        raise KeysRefused("too many keys for one statement")
    if any(type(person) is not int or not 0 <= person < len(people) for person in rows.persons):
        raise KeysRefused("a row names a person who is not in the list")
    return [people[person] for person in rows.persons]


def key(values: Sequence[Any]) -> Key:
    """Return the key that a row of the database spells."""
    return values[0] if len(values) == 1 else tuple(values)


UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def fits(value: str, kind: str) -> bool:
    """Say whether a typed identifier can be compared with a column of that type at all."""
    if not value or "\x00" in value:
        return False
    if kind in {"bigint", "integer", "smallint"}:
        return re.fullmatch(r"[0-9]{1,18}", value) is not None and (
            kind == "bigint" or int(value) < 2 ** (31 if kind == "integer" else 15)
        )
    return kind != "uuid" or UUID.fullmatch(value) is not None
