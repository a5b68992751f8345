"""Keys and people as arrays for the driver; whatever is not plainly a key is refused here.

An array goes as one text in PostgreSQL's own spelling: the driver would look at every value alone.
"""

import re
from collections.abc import Sequence
from typing import Any

from ccpa_office.connectors.base import MOST_KEYS, Key, KeysRefused, Rows

LONGEST = 1_000
BIGGEST = 2**63
BEYOND = {"bigint": BIGGEST, "integer": 2**31, "smallint": 2**15}


def columns(keys: Sequence[Key], integers: Sequence[bool], prefix: str) -> dict[str, str]:
    """Turn keys into one array a column, named ``<prefix>0``, ``<prefix>1``, ...

    A part of a key of several columns may be an empty text; a whole key never is.
    """
    width = len(integers)
    empty: list[Any] = [("",) * width, [""] * width]
    if width > 1 and any(each in keys for each in empty):
        raise KeysRefused("a key holds no usable value")
    return {
        f"{prefix}{place}": numbers(values) if integer else words(values, least=int(width == 1))
        for place, (values, integer) in enumerate(zip(_turned(keys, width), integers, strict=True))
    }


def _turned(keys: Sequence[Any], width: int) -> Sequence[Sequence[Any]]:
    """Return the keys column by column; a list counts as a tuple, for JSON knows no other."""
    if not keys:
        return [()] * width
    wide = set(map(type, keys)) & {list, tuple}
    if width == 1 and not wide:
        return [keys]
    if width == 1 or set(map(type, keys)) - wide or set(map(len, keys)) != {width}:
        raise KeysRefused("a key has the wrong number of values")
    return list(zip(*keys, strict=True))


def numbers(values: Sequence[Any]) -> str:
    """Spell whole numbers as an array of PostgreSQL; nothing is ever converted."""
    if not values:
        return "{}"
    if set(map(type, values)) != {int} or min(values) < -BIGGEST or max(values) >= BIGGEST:
        raise KeysRefused("a key holds no usable value")
    return f"{{{str(list(values))[1:-1]}}}"


def words(values: Sequence[Any], *, least: int = 1) -> str:
    """Spell texts that are parts of keys as an array of PostgreSQL."""
    if set(map(type, values)) - {str}:
        raise KeysRefused("a key holds no usable value")
    if any(not least <= len(value) <= LONGEST or "\x00" in value for value in values):
        raise KeysRefused("a key holds no usable value")
    return array(values)


def array(values: Sequence[str]) -> str:
    """Spell any texts as an array of PostgreSQL: one parameter, whatever their number."""
    if not values:
        return "{}"
    quoted = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return '{"' + '","'.join(quoted) + '"}'


def persons_of(rows: Rows, people: Sequence[Key]) -> list[Key]:
    """Return each row's person; the lists must match and no index may point outside."""
    if len(rows.keys) != len(rows.persons):
        raise KeysRefused("rows and people do not match")
    if len(rows.keys) > MOST_KEYS:
        raise KeysRefused("too many keys for one statement")
    persons = rows.persons
    if persons and (
        set(map(type, persons)) != {int} or min(persons) < 0 or max(persons) >= len(people)
    ):
        raise KeysRefused("a row names a person who is not in the list")
    return [people[person] for person in persons]


def key(values: Sequence[Any]) -> Key:
    """Return the key that a row of the database spells."""
    return values[0] if len(values) == 1 else tuple(values)


UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def fits(value: str, kind: str) -> bool:
    """Say whether a typed identifier can be compared with a column of that type at all."""
    if not value or "\x00" in value:
        return False
    if kind in BEYOND:
        return re.fullmatch(r"[0-9]{1,19}", value) is not None and int(value) < BEYOND[kind]
    return kind != "uuid" or UUID.fullmatch(value) is not None
