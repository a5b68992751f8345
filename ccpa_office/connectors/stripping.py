"""Taking a person's values out of a text, or out of JSON of any depth, in Python."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ccpa_office.connectors.base import Identity
from ccpa_office.connectors.spelling import (
    KATAKANA,
    MARKS,
    REMOVED,
    UNSPACED,
    Edge,
    Glue,
    Spelling,
    spellings,
)

WORD = rf"[^\W_{UNSPACED}]"
START = {
    Edge.NONE: "",
    Edge.WORD: f"(?<!{WORD})",
    Edge.MAIL: rf"(?<!{WORD})(?<![_%+-])(?<!{WORD}\.)",
    Edge.KATAKANA: f"(?<![{KATAKANA}])",
    Edge.DIGIT: r"(?<!\d{4})",
}
END = {
    Edge.NONE: "",
    Edge.WORD: f"(?!{WORD}|[{MARKS}])",
    Edge.MAIL: rf"(?!{WORD}|[{MARKS}]|-{WORD}|\.[A-Za-z]{{2}}(?!{WORD}))",
    Edge.KATAKANA: f"(?![{KATAKANA}])",
    Edge.DIGIT: r"(?!\d)",
}
GLUE = {
    Glue.BLANK: r"\s+",
    Glue.COMMA: r",?\s+",
    Glue.MAYBE: r"[\s・･=＝]*",
    Glue.DIGITS: r"[\s().+/\-－ー‐–—（）]*",
}
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|[{}\[\],:]', re.S)
BETWEEN = re.compile(r"(?:\s|true|false|null)+")
HALF = re.compile("[\ud800-\udfff]")
DEEPEST = 5
"""So often JSON that stands as a text in JSON is read as JSON again; below that it is a text."""


@dataclass(frozen=True)
class Traces:
    """How people show in texts: one pattern, and the numbers that are their values."""

    pattern: re.Pattern[str] | None
    numbers: frozenset[str] = field(default_factory=frozenset)
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by what keys within columns


NOBODY = Traces(None)


def traces(identities: Identity | Iterable[Identity]) -> Traces:
    """Return what finds one or more people in a text or in JSON."""
    people = [identities] if isinstance(identities, Identity) else list(identities)
    found = [spelling for identity in people for spelling in spellings(identity)]
    return _traces(tuple(dict.fromkeys(found))) if found else NOBODY


@lru_cache(maxsize=4096)
def _traces(found: tuple[Spelling, ...]) -> Traces:
    ordered = sorted(found, key=lambda each: (-len(each.plain), each.plain))
    pattern = "|".join(dict.fromkeys(map(expression, ordered)))
    numbers = {each.plain for each in found if re.fullmatch(r"[0-9]{3,}", each.plain)}
    return Traces(re.compile(pattern, re.IGNORECASE), frozenset(numbers))


def expression(spelling: Spelling) -> str:
    """Return a spelling as a regular expression of Python."""
    inner = GLUE[spelling.glue].join(map(re.escape, spelling.pieces))
    return f"{_exact(START[spelling.start])}{inner}{_exact(END[spelling.end])}"


def _exact(edge: str) -> str:
    """Return an edge that tells small from large letters; its ranges would be folded one by one."""
    return f"(?-i:{edge})" if edge else ""


def strip_text(text: str, found: Traces) -> str:
    """Return the text without the people; what was taken out once leaves nothing to take."""
    if found.pattern is None:
        return text
    stripped = found.pattern.sub(REMOVED, text)
    while stripped != (again := found.pattern.sub(REMOVED, stripped)):
        stripped = again
    return stripped


def shows(text: str, found: Traces) -> bool:
    """Say whether a person is still to be seen in a text."""
    return found.pattern is not None and found.pattern.search(text) is not None


# --- JSON -----------------------------------------------------------------------------------------


def strip_json(document: str, found: Traces, *, depth: int = 0) -> str:
    """Return a JSON text without the people: in keys, texts and numbers, at any depth.

    The document is read piece by piece, so that its depth costs nothing and all else stays as it
    was spelled. Two keys that become alike are told apart by a number. A number that is a person's
    value becomes null. What is no JSON is a text.
    """
    if pieces(document) is None:
        return strip_text(document, found)
    return TOKEN.sub(_Walk(found, depth), document)


def pieces(document: str) -> list[str] | None:
    """Return the pieces of a JSON text in order, or nothing where it is none.

    Read once from its begin: a quote that nothing closes ends the reading, wherever others stand.
    """
    found, at = [], 0
    while at < len(document):
        if match := TOKEN.match(document, at):
            found.append(match.group())
        elif not (match := BETWEEN.match(document, at)):
            return None
        at = match.end()
    return found


def quoted(text: str) -> str:
    """Return a text as JSON spells it; half a character by its number, for no store takes one."""
    return json.dumps(text, ensure_ascii=HALF.search(text) is not None)


class _Walk:
    """Sees the pieces of one document in order, and knows which texts are keys of which object."""

    def __init__(self, found: Traces, depth: int) -> None:
        self._found, self._depth = found, depth
        self._objects: list[set[str] | None] = []
        self._awaits_key = False

    def __call__(self, match: re.Match[str]) -> str:
        piece = match.group()
        if piece in "{}[],:":
            self._step(piece)
            return piece
        if piece[0] == '"':
            return self._text(piece)
        return "null" if self._is_personal(piece) else piece

    def _step(self, piece: str) -> None:
        if piece in "{[":
            self._objects.append(set() if piece == "{" else None)
        elif piece in "}]" and self._objects:
            self._objects.pop()
        inside = bool(self._objects) and self._objects[-1] is not None
        self._awaits_key = inside and piece in "{,"

    def _text(self, piece: str) -> str:
        try:
            text = json.loads(piece, strict=False)
        except ValueError:
            return quoted(strip_text(piece[1:-1], self._found))
        stripped = self._below(text)
        if self._awaits_key and self._objects and (keys := self._objects[-1]) is not None:
            stripped = _unlike(stripped, keys) if stripped != text else stripped
            keys.add(stripped)
        return piece if stripped == text else quoted(stripped)

    def _below(self, text: str) -> str:
        if text[:1] in {"{", "["} and self._depth < DEEPEST:
            text = strip_json(text, self._found, depth=self._depth + 1)
        return strip_text(text, self._found)

    def _is_personal(self, piece: str) -> bool:
        digits = piece.lstrip("-")
        return any(digits == number or (len(digits) >= 7 and digits.endswith(number) and
                   len(digits) <= len(number) + 3 and len(number) >= 7)
                   for number in self._found.numbers)  # fmt: skip


def _unlike(key: str, keys: set[str]) -> str:
    number, made = 2, key
    while made in keys:
        made, number = f"{key} {number}", number + 1
    return made
