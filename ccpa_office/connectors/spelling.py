"""How a person's values may be spelled in a text, and where a spelling begins and ends.

A boundary is exact: in scripts that part words by blanks a spelling is met as whole words only,
so that "ann" stays in "joann"; Han, kana, Hangul, Thai and their like stand beside a word without
being part of it, so that "annさん" names Ann. Katakana is met as a whole run: "ハナ" stays in
"ハナコ". An address is met whole: "ann@x.org" stays in "jo.ann@x.org" and in "ann@x.org.uk".
"""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from ccpa_office.connectors.base import Identity

SHORTEST = 3
SHORTEST_WIDE = 2
MOST_PIECES = 4
"""Longer names are met in the order in which they are written."""
REMOVED = "[removed]"
"""Stands where something was taken out. The word itself therefore betrays nobody."""

BLANK = re.compile(r"\s+")
NO_DIGIT = re.compile(r"\D")
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Scripts that part no words by blanks, or that hang endings on a word of another script."""
KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
MARKS = "\u0300-\u036f"
"""Accents that stand behind their letter: a letter goes on with them."""

_UNSPACED = re.compile(f"[{UNSPACED}]")
_KATAKANA = re.compile(f"[{KATAKANA}]")
_FULL = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_HALF = {
    unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)
}  # fmt: skip
_VOICED = {"\u3099": "\uff9e", "\u309a": "\uff9f"}


class Edge(StrEnum):
    """What may not stand beside a spelling."""

    NONE = "none"
    WORD = "word"
    MAIL = "mail"
    KATAKANA = "katakana"
    DIGIT = "digit"


class Glue(StrEnum):
    """What may stand between two pieces of a spelling."""

    BLANK = "blank"
    COMMA = "comma"
    MAYBE = "maybe"
    DIGITS = "digits"


class Spelling(NamedTuple):
    """One way to write a value: pieces, what glues them, and the edges."""

    pieces: tuple[str, ...]
    glue: Glue
    start: Edge
    end: Edge

    @property
    def plain(self) -> str:
        """The spelling as it is mostly written."""
        return ("" if self.glue is Glue.DIGITS else " ").join(self.pieces)

    @property
    def is_ascii(self) -> bool:
        return "".join(self.pieces).isascii()


def spellings(identity: Identity) -> list[Spelling]:
    """Return every spelling of every value of an identity, longest first; made once."""
    return _made(identity, "spellings", wide=True)


def usual(identity: Identity) -> list[Spelling]:
    """Return the spellings that are met in a text whose letters are all of one width (NFKC)."""
    return _made(identity, "usual", wide=False)


def _made(identity: Identity, name: str, *, wide: bool) -> list[Spelling]:
    if name not in identity.made:
        found = {
            spelling: None
            for kind, values in identity.identifiers.items()
            for value in values
            for spelling in _of(kind, value, wide=wide)
        }
        identity.made[name] = sorted(found, key=_longest_first)
    made: list[Spelling] = identity.made[name]
    return made


def _longest_first(spelling: Spelling) -> tuple[int, str, str]:
    plain = spelling.plain
    return -len(plain), plain, spelling.glue


def _of(kind: str, value: str, *, wide: bool) -> Iterator[Spelling]:
    text = BLANK.sub(" ", value.replace("\x00", "").strip())
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    shortest = SHORTEST if text.isascii() else SHORTEST_WIDE
    letters = text.isalnum() or any(map(str.isalnum, text))
    if len(text) < shortest or not letters or text.lower().strip("[]") == "removed":
        return
    for form in _forms(text) if wide else _usual(text):
        yield from _spelled(kind, form)
    digits = NO_DIGIT.sub("", unicodedata.normalize("NFKC", text)) if "phone" in kind else ""
    if len(digits) >= 7:
        yield Spelling(tuple(digits[-10:]), Glue.DIGITS, Edge.DIGIT, Edge.DIGIT)
        if wide:
            full = tuple(digits[-10:].translate(_FULL))
            yield Spelling(full, Glue.DIGITS, Edge.DIGIT, Edge.DIGIT)


def _usual(text: str) -> set[str]:
    """Return the value as it is, its accents joined and apart, and in letters of one width."""
    coded = {text.replace("@", "%40")} if "@" in text else set()
    if text.isascii():
        return {text} | coded
    forms = {text, unicodedata.normalize("NFD", text), unicodedata.normalize("NFKC", text)}
    return {BLANK.sub(" ", form).strip() for form in forms | coded} - {""}


def _forms(text: str) -> set[str]:
    """Return the value in wide and narrow letters, its accents joined and apart."""
    narrow = unicodedata.normalize("NFKC", text)
    forms = {
        text,
        narrow,
        unicodedata.normalize("NFD", text),
        narrow.translate(_FULL),
        "".join(map(_half, narrow)),
        narrow.replace("@", "%40"),
    }
    return {BLANK.sub(" ", form).strip() for form in forms} - {""}


def _half(character: str) -> str:
    parts = unicodedata.normalize("NFD", character)
    if parts[0] not in _HALF:
        return character
    return _HALF[parts[0]] + "".join(_VOICED.get(mark, mark) for mark in parts[1:])


def _spelled(kind: str, form: str) -> Iterator[Spelling]:
    pieces = tuple(form.split(" "))
    start, end = _edge(form[0], form), _edge(form[-1], form)
    loose = not form.isascii() and all(
        _UNSPACED.match(one[-1]) and _UNSPACED.match(two[0]) for one, two in pairwise(pieces)
    )
    yield Spelling(pieces, Glue.MAYBE if loose else Glue.BLANK, start, end)
    if "name" in kind and 1 < len(pieces) <= MOST_PIECES and not loose:
        for at in range(1, len(pieces)):  # the last name, of one word or more, may stand first
            turned, before = pieces[at:] + pieces[:at], pieces[at - 1]
            yield Spelling(turned, Glue.COMMA, _edge(turned[0][0], form), _edge(before[-1], form))


def _edge(character: str, form: str) -> Edge:
    if "@" in form or "＠" in form or "%40" in form:
        return Edge.MAIL
    if character.isascii():
        return Edge.WORD if character.isalnum() else Edge.NONE
    if _KATAKANA.match(character):
        return Edge.KATAKANA
    is_letter = character.isalnum() or unicodedata.combining(character)
    return Edge.WORD if is_letter and not _UNSPACED.match(character) else Edge.NONE
