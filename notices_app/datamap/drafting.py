"""What a store of which no map exists probably holds: the person, and what hangs on her."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ccpa_office.connectors.surveying import Sheet, Survey, sample
from notices_app.datamap import looks
from notices_app.datamap.facts import SERVED_NAME
from notices_app.datamap.looks import Look

SURE = 50
"""How sure a guess must be before it is written as a fact; below, it stands in a comment."""
TEXT_FROM = 60
"""Texts longer than this on average are searched for the person."""
ONLY_TEXT = ("user.contact", "user.name", "user.content", "user.authorization", "user.account")
"""Data categories of which a column that is no text holds at most a mark or a moment."""
KEYS = frozenset({"integer", "text", "uuid", "date", "decimal"})
KEYS_OF = {"postgresql": KEYS | {"moment"}}
"""Kinds of column that a key may have, in stores that serve more of them."""


class NothingToSuggest(Exception):
    """The store has no table that looks as if it had one row for each person."""


IDENTITIES = ("email", "phone_number", "username")


@dataclass(frozen=True)
class Link:
    """How a table hangs on another one: our column, their column, and who is found from whom."""

    column: str
    table: str
    target: str
    direction: str  # from: this row is found from that one; to: that row is found from this one
    why: str


@dataclass
class Draft:
    """What is guessed of a store."""

    key: str
    store: Survey
    person: str = ""
    guesses: dict[tuple[str, str], Look] = field(default_factory=dict)
    texts: set[tuple[str, str]] = field(default_factory=set)
    cased: set[tuple[str, str]] = field(default_factory=set)  # addresses in capitals too
    links: dict[str, list[Link]] = field(default_factory=dict)
    after: dict[str, list[str]] = field(default_factory=dict)


def draft(address: str, store: Survey, *, key: str, with_values: bool = True) -> Draft:
    """Guess what a store holds. Raises ``NothingToSuggest``, ``StoreUnreachable``."""
    made = Draft(key, store)
    known = set(_tables(made.store))
    for table in sorted(made.store.tables):
        names = columns(made.store.tables[table])
        rows = sample(address, made.store, table, names) if with_values and table in known else []
        for position, name in enumerate(names):
            _look_at(made, table, name, [row[position] for row in rows])
    made.person = _person(made)
    made.links = _reached(made)
    made.after = _after(made, made.links)
    return made


def _tables(store: Survey) -> list[str]:
    """Tables that a map can name."""
    return sorted(name for name in store.tables if not why_not(store, name))


def why_not(store: Survey, name: str) -> str:
    """Say why no map can name a table: its names need no guessing, and it has a key; or nothing."""
    sheet = store.tables[name]
    if not all(SERVED_NAME.fullmatch(each) for each in (name, *sheet.key)):
        return "its name or its key's is one that no map can hold"
    if not sheet.key:
        return "it has no primary key"
    served = KEYS_OF.get(store.dialect, KEYS)
    odd = [each for each in sheet.key if sheet.columns[each].facts.kind not in served]
    return f"its key {odd[0]} is of a type that no key can have" if odd else ""


def columns(sheet: Sheet) -> list[str]:
    """Columns that a map can name."""
    return [name for name in sheet.columns if SERVED_NAME.fullmatch(name)][:400]


# --- looking --------------------------------------------------------------------------------------


def _look_at(made: Draft, table: str, name: str, values: list[Any]) -> None:
    kind = made.store.tables[table].columns[name].facts.kind
    is_text = kind in {"text", "json"}
    named = looks.by_name(table, name)
    if named and (
        (not is_text and named.data_category.startswith(ONLY_TEXT))
        or (_is_bound(made, table, name) and named.data_category != "user.unique_id")
    ):
        named = None
    guess = _stronger(named, _by_values(values) if is_text else None)
    if guess:
        made.guesses[table, name] = guess
    if (
        guess
        and guess.identity == "email"
        and any(str(each) != str(each).lower() for each in values)
    ):
        made.cased.add((table, name))
    betrays = not guess and looks.names_within(values)
    if is_text and (_is_long(values) or betrays):
        made.texts.add((table, name))


def _is_bound(made: Draft, table: str, name: str) -> bool:
    """Say whether a column is part of a reference: then its name is that of the other table."""
    return any(name in key.columns for key in made.store.tables[table].foreign)


def _by_values(values: Sequence[Any]) -> Look | None:
    return looks.by_values(value for value in values if isinstance(value, str))


def _stronger(by_name: Look | None, by_values: Look | None) -> Look | None:
    if by_name and by_values and by_name.data_category == by_values.data_category:
        return Look(by_name.data_category, 99, by_name.identity, "name and values")
    found = [each for each in (by_name, by_values) if each]
    return max(found, key=lambda each: each.sure, default=None)


def _is_long(values: Sequence[Any]) -> bool:
    texts = [value for value in values if isinstance(value, str)]
    return bool(texts) and sum(map(len, texts)) / len(texts) > TEXT_FROM


# --- the person -----------------------------------------------------------------------------------


def _person(made: Draft) -> str:
    """The table that most probably has one row for each person."""
    scores = {name: _score(made, name) for name in _tables(made.store)}
    best = max(scores, key=lambda name: (scores[name], name), default="")
    if not made.store.tables:
        here, beside = made.store.schema or "here", ", ".join(made.store.beside[:20])
        raise NothingToSuggest(
            f"The schema {here} has no table. `system add --schema NAME` takes another: {beside}"
            if beside else "The store has no table.")  # fmt: skip
    if not best or scores[best] <= 0:
        raise NothingToSuggest
    return best


def _score(made: Draft, table: str) -> int:
    """Points for an identifier, a name, a table named after people, and for being referred to."""
    guesses = [look for (each, _), look in made.guesses.items() if each == table]
    kinds = {look.identity for look in guesses if look.identity and look.sure >= SURE}
    if not kinds & set(IDENTITIES):
        return 0
    points = 30 if "email" in kinds else 10
    points += 10 * len(kinds)
    points += 40 if looks.PEOPLE.search(looks.snake(table)) else 0
    points += 5 * min(8, sum(1 for _ in made.store.references_to(table)))
    points -= 60 if looks.HISTORY.search(looks.snake(table)) else 0
    points -= 20 if looks.STAFF.search(looks.snake(table)) else 0
    return points


def identities(made: Draft) -> list[str]:
    """The columns that identify the person: those with an index, or else the surest one."""
    sheet = made.store.tables[made.person]
    found = {name: look for (table, name), look in made.guesses.items()
             if table == made.person and look.identity in IDENTITIES and look.sure >= SURE
             and not sheet.columns[name].facts.generated}  # fmt: skip
    indexed = [name for name in found if {name, f"lower({name.lower()})"} & sheet.leading]
    return indexed or sorted(found, key=lambda name: -found[name].sure)[:1]


def _reached(made: Draft) -> dict[str, list[Link]]:
    """The tables that hang on the person, nearest first: one link each, and links to parents."""
    known = set(_tables(made.store))
    links: dict[str, list[Link]] = {made.person: []}
    _follow(made, links, made.person, known)
    for child, link in _by_identifier(made, known):
        if child not in links:
            links[child] = [link]
            _follow(made, links, child, known)
    return links


def _follow(made: Draft, links: dict[str, list[Link]], start: str, known: set[str]) -> None:
    """Add the tables that references lead to from one that is known."""
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for child, link in _children(made, here, known):
            if child not in links:
                links[child] = [link]
                waiting.append(child)
        for link in _parents(made, here, known):
            if link.table not in links:
                links[here].append(link)
                links[link.table] = []
            elif not links[link.table] and link.table != start:
                links[here].append(link)  # others of the person's rows refer to it too


def _after(made: Draft, links: dict[str, list[Link]]) -> dict[str, list[str]]:
    """For each table, those whose rows must go before because they refer to it.

    A reference that would close a circle is left out: the check of the live catalogue names it.
    """
    before: dict[str, set[str]] = {table: set() for table in links}
    for table, mine in links.items():
        for link in mine:
            before[link.table].add(table)
    found: dict[str, list[str]] = {}
    for table in links:
        for key in made.store.references_to(table):
            child = key.table
            is_new = child in links and child != table and child not in before[table]
            if is_new and not _comes_before(before, table, child):
                before[table].add(child)
                found.setdefault(table, []).append(child)
    return found


def _comes_before(before: dict[str, set[str]], first: str, then: str) -> bool:
    waiting, seen = [then], {then}
    while waiting:
        for each in before[waiting.pop()] - seen:
            seen.add(each)
            waiting.append(each)
    return first in seen


def _children(made: Draft, table: str, known: set[str]) -> Iterator[tuple[str, Link]]:
    """Tables with a reference to this one; and those with a column named after it."""
    for key in made.store.references_to(table):
        if key.table in known and key.table != table and len(key.columns) == 1:
            why = "foreign key"
            yield key.table, Link(key.columns[0], table, key.targets[0], "from", why)
    for child in sorted(known - {table}):
        for column in _by_number(made, child, table):
            target = made.store.tables[table].key[0]
            yield child, Link(column, table, target, "from", "name and type")


def _by_number(made: Draft, child: str, table: str) -> Iterator[str]:
    """Columns named after another table, of the type of its key, that no reference binds."""
    sheet, theirs = made.store.tables[table], made.store.tables[child]
    if len(sheet.key) != 1:
        return
    bound = {name for key in theirs.foreign for name in key.columns}
    for name, column in theirs.columns.items():
        same = column.facts.kind == sheet.columns[sheet.key[0]].facts.kind
        if same and name not in bound and _is_named_after(name, table):
            yield name


def _is_named_after(column: str, table: str) -> bool:
    stem = re.sub(r"(?<=ss)es$|(?<!s)s$", "", looks.snake(table).rpartition("_")[2])
    named = re.fullmatch(rf"(\w+_)?{stem}_?(id|no|number|uuid|key|ref)", looks.snake(column))
    return bool(named and SERVED_NAME.fullmatch(column))


def _by_identifier(made: Draft, known: set[str]) -> Iterator[tuple[str, Link]]:
    """Tables that no reference leads to, with an identifier of the person's; other people's not."""
    mine = {made.guesses[made.person, name].identity: name for name in identities(made)}
    for (table, name), look in sorted(made.guesses.items()):
        loose = (
            table in known and table != made.person and not looks.STAFF.search(looks.snake(table))
        )
        if loose and look.identity in mine and look.sure >= SURE:
            target = mine[look.identity]
            yield table, Link(name, made.person, target, "from", f"the same {look.identity}")


def _parents(made: Draft, table: str, known: set[str]) -> Iterator[Link]:
    """Tables to which a row of the person refers and that look personal themselves: an address."""
    for key in made.store.tables[table].foreign:
        if key.target in known and len(key.columns) == 1 and _is_personal(made, table, key.target):
            yield Link(key.columns[0], key.target, key.targets[0], "to", "foreign key")
    for parent in sorted(known - {table, made.person}):
        for column in _by_number(made, table, parent) if _is_personal(made, table, parent) else ():
            target = made.store.tables[parent].key[0]
            yield Link(column, parent, target, "to", "name and type")


def _is_personal(made: Draft, table: str, parent: str) -> bool:
    personal = sum(1 for (name, _), look in made.guesses.items()
                   if name == parent and look.sure >= 80)  # fmt: skip
    return personal >= 2 and parent != table and not is_of_others(made, parent)


def is_of_others(made: Draft, table: str) -> bool:
    """Say whether a table seems to hold other people than those who ask: the staff, say.

    That a row of the person names one of them is no reason to delete him.
    """
    kinds = {look.identity for (each, _), look in made.guesses.items()
             if each == table and look.sure >= SURE}  # fmt: skip
    named = looks.PEOPLE.search(looks.snake(table))
    return bool(looks.STAFF.search(looks.snake(table)) or (named and {"email", "name"} <= kinds))
