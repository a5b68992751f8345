"""A deletion list held against a store: which columns count, and how Python finds who is meant.

A store that cannot compute the digests itself, or not of every value, reads values out; this room
decides. A list is one text of digests, 32 bytes each, and an entry is its place in it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from operator import itemgetter

from ccpa_office.connectors.base import Key, Program, Table
from ccpa_office.connectors.standardizing import FIELDS, LISTS, digest, digests, is_sure
from ccpa_office.connectors.ways import ContactColumn, Named, Point

WIDTH = 32
"""Bytes of SHA-256."""
NOTHING = sha256(b"").digest()
"""What an empty value would be; no list can mean it."""
AT_ONCE = 200_000
"""Values whose digests are looked up together: the list is gone through once for all of them."""

KINDS: Mapping[str, frozenset[str]] = {
    "email": frozenset({"email"}),
    "phone": frozenset({"phone_number", "phone", "mobile"}),
    "first": frozenset({"first_name", "given_name"}),
    "last": frozenset({"last_name", "family_name"}),
    "dob": frozenset({"date_of_birth", "birth_date", "dob"}),
    "zip": frozenset({"postal_code", "zip_code", "zip"}),
    "maid": frozenset({"advertising_id", "mobile_advertising_id", "maid"}),
    "vin": frozenset({"vin", "vehicle_identification_number"}),
    "ctvid": frozenset({"connected_tv_id", "tv_id", "ctvid"}),
}
"""Under which kinds a map names a field: of an identity, identifier, mark, contact, or point."""

Held = tuple[Key, str, str]
"""A person, a field, and one value of it that the store holds of her."""


class NotHeld(Exception):
    """The map names no column for a field that this list hashes: nothing could be found."""


@dataclass(frozen=True)
class Place:
    """A column of a table, or a value within it, that holds a field of the person."""

    field: str
    table: Table
    at: Named | ContactColumn | Point

    @property
    def where(self) -> tuple[str, str, tuple[str, ...]]:
        return self.table.name, self.at.column, self.at.path


@dataclass
class Matched:
    """What a store found: pairs of an entry's place in the list and a person, and how it looked."""

    pairs: set[tuple[int, Key]] = field(default_factory=set)
    unsure: int = 0  # values, decided with a table that the platform has not published
    beyond: int = 0  # people with more combinations than are tried


def places(program: Program, kind: str) -> list[Place]:
    """Every column that may hold what a list hashes. Raises ``NotHeld`` where a field has none."""
    found = [place for name in LISTS[kind] for place in _of(program, name)]
    if {place.field for place in found} != set(LISTS[kind]):
        raise NotHeld(kind)
    return found


def holds(program: Program, kind: str) -> bool:
    """Whether a store holds, by its map, everything that a list hashes."""
    return program.outside is None and all(any(_of(program, name)) for name in LISTS[kind])


def _of(program: Program, name: str) -> Iterator[Place]:
    seen = set()
    person = program.table(program.person)
    own = {each.where for each in _named(person, name)}
    for table in program.tables:
        for place in _named(table, name):
            if place.where not in seen and not (table is not person and _repeats(place, own)):
                seen.add(place.where)
                yield place


def _named(table: Table, name: str) -> Iterator[Place]:
    held: list[Named | ContactColumn] = [
        *table.identities, *table.contacts, *table.identifiers, *table.marks
    ]  # fmt: skip
    for each in held:
        if each.kind in KINDS[name]:
            yield Place(name, table, each)
    for point in table.points:
        if point.key in KINDS[name]:
            yield Place(name, table, point)


def _repeats(place: Place, own: set[tuple[str, str, tuple[str, ...]]]) -> bool:
    """Whether a column leads to the person by being the same value as hers: it adds nobody."""
    firsts = [path[0] if path else None for path in place.table.paths]
    return not place.at.path and all(
        hop is not None
        and hop.column == place.at.column
        and not hop.path
        and hop.compare == "exact"
        and (hop.table, hop.target, ()) in own
        for hop in firsts
    )


# --- Python decides -----------------------------------------------------------------------------


def decide(kind: str, values: Iterable[Held], sought: bytes, found: Matched) -> None:
    """Add the people whose values are on the list; of several fields, sorted by person."""
    waiting: dict[bytes, list[Key]] = {}
    for key, made in _digests(kind, values, found):
        for each in made:
            waiting.setdefault(each, []).append(key)
        if len(waiting) >= AT_ONCE:
            _look_up(waiting, sought, found)
            waiting = {}
    _look_up(waiting, sought, found)


def _digests(
    kind: str, values: Iterable[Held], found: Matched
) -> Iterator[tuple[Key, Iterable[bytes]]]:
    if len(LISTS[kind]) == 1:
        make = FIELDS[LISTS[kind][0]]
        for key, _name, value in values:
            if text := make(value):
                yield key, (digest(kind, [text]),)
        return
    for key, held in groupby(values, itemgetter(0)):
        of_person: dict[str, list[str]] = {}
        for _key, name, value in held:
            of_person.setdefault(name, []).append(value)
            found.unsure += not is_sure(name, value)
        made, is_beyond = digests(kind, of_person)
        found.beyond += is_beyond
        yield key, made


def _look_up(waiting: Mapping[bytes, list[Key]], sought: bytes, found: Matched) -> None:
    if not waiting:
        return
    for number in range(len(sought) // WIDTH):
        each = sought[number * WIDTH : (number + 1) * WIDTH]
        if each in waiting:
            found.pairs.update((number, key) for key in waiting[each])
