"""Finding many people at once in texts of rows that are nobody's of them: one pass over each text.

A text is cut into words, letters of one width and case; runs of words are looked up in a table of
all spellings of all people, so that a hundred thousand people cost a text no more than one. What
is met so is held against the exact pattern of the person (``stripping``): edges, glue, accents.
Scripts without blanks are looked up by pieces of every length that a spelling has; telephone
numbers by their last digits, whatever stands between them.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ccpa_office.connectors.base import Identity, Key, Rows, Table
from ccpa_office.connectors.spelling import NO_DIGIT, UNSPACED, usual
from ccpa_office.connectors.stripping import pieces, shows, traces
from ccpa_office.connectors.ways import Named

TOKEN = re.compile(rf"[^\W_{UNSPACED}]+|[{UNSPACED}]+")
WIDE = re.compile(f"[{UNSPACED}]")
GLUE = re.compile(r"[\s・･=＝]+")
DIGITS = re.compile(r"[0-9](?:[\s().+/\-ー‐–—]*[0-9]){6,}")
LETTERS = str.maketrans({"İ": "i", "ı": "i", "\u0307": None})
BETWEEN = "\n|\n"
"""Stands between the texts of one JSON value, so that no spelling goes over two of them."""


Met = frozenset[tuple[str, str]]
"""The kinds and values by which one person shows."""
NOTHING: Met = frozenset()


@dataclass(frozen=True)
class Seen:
    """A row that shows people: its key, and for each person's place the values that show."""

    key: Key
    people: Mapping[int, Met]


@dataclass(frozen=True)
class Swept:
    """One page of a table: how many rows were read, the last key, and the rows that show people."""

    read: int
    last: Key | None
    seen: list[Seen]


class _Places:
    """Which people a spelling is of: mostly one, so mostly a number alone."""

    def __init__(self) -> None:
        self._held: dict[int, int | tuple[int, ...]] = {}

    def add(self, spelling: int, place: int) -> None:
        held = self._held.get(spelling)
        if held is None:
            self._held[spelling] = place
        elif place not in (known := held if isinstance(held, tuple) else (held,)):
            self._held[spelling] = (*known, place)

    def of(self, spelling: int) -> tuple[int, ...]:
        held = self._held.get(spelling)
        if held is None:
            return ()
        return held if isinstance(held, tuple) else (held,)


class _Candidates(dict[int, tuple[str, ...]]):
    """Who may show in a text, and by which kinds."""

    def meet(self, known: _Places, spellings: Iterable[tuple[str, ...]]) -> None:
        for spelling in spellings:
            alone = spelling[:1]
            for place in known.of(hash(spelling)):
                kinds = self.setdefault(place, alone)
                if alone[0] not in kinds:
                    self[place] = kinds + alone


def _note(lengths: dict[str, int], start: str, length: int) -> None:
    lengths[start] = lengths.get(start, 0) | 1 << length


@lru_cache(maxsize=4096)
def _set_bits(bits: int) -> tuple[int, ...]:
    return tuple(place for place in range(bits.bit_length()) if bits >> place & 1)


class Crowd:
    """Many people, as they are looked for in texts; made once for a sweep."""

    def __init__(self, identities: Sequence[Identity]) -> None:
        self.identities = identities
        self._kinds = sorted({kind for each in identities for kind in each.identifiers})
        self._words, self._runs, self._numbers = _Places(), _Places(), _Places()
        self._lengths: dict[str, int] = {}
        self._run_lengths: dict[str, int] = {}
        self._number_lengths: set[int] = set()
        for place, identity in enumerate(identities):
            for kind, values in identity.identifiers.items():
                for value in values:
                    self._add(place, kind, value)

    def _add(self, place: int, kind: str, value: str) -> None:
        found = usual(Identity({kind: [value]}))
        for plain in {each.plain for each in found if each.pieces}:
            self._add_words(place, kind, plain)
        digits = NO_DIGIT.sub("", unicodedata.normalize("NFKC", value))[-10:]
        if found and "phone" in kind and len(digits) >= 7:
            self._numbers.add(hash((kind, digits)), place)
            self._number_lengths.add(len(digits))

    def _add_words(self, place: int, kind: str, plain: str) -> None:
        tokens = TOKEN.findall(folded(plain))
        wide = [bool(WIDE.match(token)) for token in tokens]
        if tokens and all(wide):
            run = "".join(GLUE.sub("", token) for token in tokens)
            self._runs.add(hash((kind, run)), place)
            _note(self._run_lengths, run[:2], len(run))
            return
        if any(wide):  # of two scripts: its longest word of the one with blanks
            tokens = [max((t for t, w in zip(tokens, wide, strict=True) if not w), key=len)]
        if tokens:
            self._words.add(hash((kind, *tokens)), place)
            _note(self._lengths, tokens[0], len(tokens))

    def find(self, text: str) -> dict[int, Met]:
        """Return who shows in a text, and by which kinds and values.

        What namesakes have in common is held against the text once, not for each of them.
        """
        found, plain = {}, folded(text)
        digits = NO_DIGIT.sub("", plain)
        shown: dict[tuple[str, str], Met] = {}
        for place, kinds in self._candidates(plain).items():
            borne = self.identities[place].identifiers
            met = NOTHING
            for kind in kinds:
                for value in borne.get(kind, ()):
                    one = shown.get((kind, value))
                    if one is None:
                        is_there = _may_show(plain, digits, kind, value) and shows(
                            text, _traces(kind, value)
                        )
                        one = shown[kind, value] = frozenset({(kind, value)} if is_there else ())
                    met = met | one if met else one
            if met:
                found[place] = met
        return found

    def bearing(self, value: str) -> set[int]:
        """Return whose values may be this one; a few too many, never one too few."""
        return set(self._candidates(folded(value)))

    def _candidates(self, text: str) -> _Candidates:
        """Who may show in a text, and by which kinds: a spelling is looked up with its kind."""
        found = _Candidates()
        tokens = TOKEN.findall(text)
        for at, token in enumerate(tokens):
            for length in _set_bits(self._lengths.get(token, 0)):
                words = tokens[at : at + length]
                found.meet(self._words, [(kind, *words) for kind in self._kinds])
        if self._run_lengths and not text.isascii():
            self._in_runs(found, text)
        if self._number_lengths:
            for match in DIGITS.finditer(text):
                self._in_number(found, NO_DIGIT.sub("", match.group()))
        return found

    def _in_runs(self, found: _Candidates, text: str) -> None:
        for token in TOKEN.findall(GLUE.sub(_joined, text)):
            run = GLUE.sub("", token) if WIDE.match(token) else ""
            for at in range(len(run) - 1):
                for length in _set_bits(self._run_lengths.get(run[at : at + 2], 0)):
                    piece = run[at : at + length]
                    found.meet(self._runs, [(kind, piece) for kind in self._kinds])

    def _in_number(self, found: _Candidates, digits: str) -> None:
        for length in self._number_lengths:
            for at in range(len(digits) - length + 1):
                piece = digits[at : at + length]
                found.meet(self._numbers, [(kind, piece) for kind in self._kinds])


def _may_show(plain: str, digits: str, kind: str, value: str) -> bool:
    """Say quickly of most values that they do not stand in a text, before a pattern is made.

    Every spelling holds all words of its value, or the last digits of a telephone number.
    """
    if "phone" in kind:
        last = NO_DIGIT.sub("", unicodedata.normalize("NFKC", value))[-7:]
        return len(last) < 7 or last in digits
    return all(token in plain for token in TOKEN.findall(folded(value)))


@lru_cache(maxsize=16_384)
def _traces(kind: str, value: str) -> Any:
    return traces(Identity({kind: [value]}))


def _joined(match: re.Match[str]) -> str:
    """Keep a blank between words, and drop what may stand between two pieces without blanks."""
    text, start, end = match.string, match.start(), match.end()
    inside = start > 0 and end < len(text) and WIDE.match(text[start - 1]) and WIDE.match(text[end])
    return "" if inside else match.group()


def folded(text: str) -> str:
    """Return a text in letters of one width and case."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text.translate(LETTERS)).casefold().translate(LETTERS)


def told(value: Any, *, is_json: bool = False) -> str:
    """Return everything that a value of a store says, as one text.

    A text that looks like JSON is read as JSON, whatever its column: its letters may be spelled
    by numbers.
    """
    if isinstance(value, str):
        return _in_json(value) if is_json or looks_like_json(value) else value
    if isinstance(value, dict | list | tuple):
        return BETWEEN.join(_said(value))
    spelled = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return "" if value is None else spelled


def looks_like_json(value: Any) -> bool:
    """Whether a value is a text that may be a list or an object of JSON."""
    return isinstance(value, str) and value[:1] in {"{", "["}


def _in_json(text: str) -> str:
    try:
        return BETWEEN.join(_said(json.loads(text, strict=False)))
    except ValueError:
        return text
    except RecursionError:  # somebody's own text, deeper than any document
        found = pieces(text)
        return (
            text if found is None else BETWEEN.join(_plain(e) for e in found if e not in "{}[],:")
        )


def _plain(piece: str) -> str:
    """A piece of JSON as a text; what is no text is spelled as it is."""
    try:
        return str(json.loads(piece, strict=False)) if piece[0] == '"' else piece
    except ValueError:
        return piece


def _said(value: Any) -> Iterator[str]:
    """Yield every key, text and number of a JSON value of any depth."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting.extend([*each.values(), *each])
        elif isinstance(each, list | tuple):
            waiting.extend(each)
        elif looks_like_json(each):
            yield told(each, is_json=True)
        elif each is not None:
            yield str(each)


def seen(crowd: Crowd, rows: Iterable[tuple[Key, Sequence[str]]]) -> list[Seen]:
    """Return the rows that show people, whichever of their texts does."""
    found = []
    for key, texts in rows:
        people: dict[int, Met] = {}
        for text in texts:
            for place, met in crowd.find(text).items() if text else ():
                people[place] = people[place] | met if place in people else met
        if people:
            found.append(Seen(key, people))
    return found


def is_name(kind: str) -> bool:
    """Whether a value of that kind may be many people's."""
    return "name" in kind and "user" not in kind


def borne_in(table: Table) -> list[Named]:
    """The columns of a table that hold what several people may share, as it is compared."""
    held = (*table.identities, *table.marks)
    ways = {(each.column, each.path): each for each in held if _compared(each.kind)}
    return [replace(each, compare=_compared(each.kind)) for each in ways.values()]


def _compared(kind: str) -> str:
    if is_name(kind):
        return "name"
    return "phone" if "phone" in kind else "casefold" if "email" in kind else ""


def asked_as(kind: str, value: str, places: Iterable[Named]) -> Identity:
    """A value as each column of its sort is asked for it; a name may stand in any of names."""
    kinds = {each.kind for each in places}
    alike = {each for each in kinds if each == kind or (is_name(each) and is_name(kind))}
    return Identity({each: [value] for each in alike})


def searched(table: Table) -> tuple[str, ...]:
    """Return the columns of a table in which people may be told of: as the map says, and strips."""
    stripped = [
        each.column
        for each in (*table.changes, *table.strips, *table.trims)
        if each.how in {"strip_text", "strip_json"}
    ]
    return tuple(dict.fromkeys([*table.texts, *stripped]))


def hashable(value: Any) -> Key:
    """Return a key as it can stand in a dictionary; JSON knows no tuple."""
    made: Key = tuple(value) if isinstance(value, list) else value
    return made


def people_of(rows: Rows) -> dict[Key, list[int]]:
    """Return the people of each row."""
    found: dict[Key, list[int]] = {}
    for key, person in zip(rows.keys, rows.persons, strict=True):
        found.setdefault(hashable(key), []).append(person)
    return found
