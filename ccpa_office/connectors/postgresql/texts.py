"""Finding a person's values in free text: patterns in PostgreSQL's own regular expressions.

Every row has its person's own pattern, and compiling it costs far more than running it. So each
text is first held against signs: plain pieces of the values, one of which stands in every text
that the pattern meets. Only a text with such a sign is worth its pattern.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ccpa_office.connectors.base import Identity

REMOVED = "[removed]"
NOTHING = "(?!)"
SHORTEST = 3
SHORTEST_WIDE = 2
BLANK = re.compile(r"\s+")
NO_DIGIT = re.compile(r"\D")
NOT_PLAIN = re.compile(r"[\x00-\x7f](?<![0-9A-Za-z])")
SEPARATED = "[ ().+/-]*"
NOT_AFTER_A_WORD, NOT_BEFORE_A_WORD = "(?<![[:alnum:]])", "(?![[:alnum:]])"

PARTED = "\x1f"
"""Stands between the signs, or the spellings, of one person; blanks of a value never keep it."""

ANYWHERE = "\n"
"""A sign that every text has: this value has no plain piece, so its pattern must be tried."""

MOST_SPELLINGS = 6

MARK = "\x02"
MARK_IN_A_WORD = f"[[:alnum:]]{MARK}|{MARK}[[:alnum:]{MARK}]"
"""Meets a mark that touches a word or another mark: only the pattern knows what is right there."""


@dataclass(frozen=True)
class Traces:
    """How one person shows in a text: the pattern, its signs, and the values just as spelled."""

    pattern: str
    signs: str
    spellings: str


def traces(identity: Identity) -> Traces:
    """Return the traces of an identity; made once, however many tables are looked through."""
    if "traces" not in identity.made:
        identity.made["traces"] = _traces(identity)
    found: Traces = identity.made["traces"]
    return found


def pattern(identity: Identity) -> str:
    """Return a pattern that meets every value of the identity, or one that meets nothing.

    Values that begin or end with a Latin letter or a digit are met as whole words only; scripts
    that write without blanks know no such edge. Values with equal edges share one look at them,
    which makes the pattern several times faster to compile.
    """
    return traces(identity).pattern


@dataclass(frozen=True)
class _Value:
    edges: tuple[str, str]
    inner: str
    sign: str
    spelling: str = ""


def _traces(identity: Identity) -> Traces:
    values = [
        value
        for kind, texts in identity.identifiers.items()
        for text in texts
        for value in _values(kind, text)
    ]
    spellings = sorted({value.spelling for value in values} - {""}, key=_longest_first)
    return Traces(
        _pattern(values),
        PARTED.join(sorted({value.sign for value in values})),
        PARTED.join(spellings[:MOST_SPELLINGS]),
    )


def _pattern(values: Sequence[_Value]) -> str:
    groups: dict[tuple[str, str], set[str]] = {}
    for value in values:
        groups.setdefault(value.edges, set()).add(value.inner)
    met = [
        f"{start}(?:{'|'.join(sorted(inner, key=_longest_first))}){end}"
        for (start, end), inner in sorted(groups.items(), reverse=True)
    ]
    return "|".join(met) or NOTHING


def _longest_first(text: str) -> tuple[int, str]:
    return -len(text), text


def _values(kind: str, value: str) -> Iterator[_Value]:
    text = unicodedata.normalize("NFC", BLANK.sub(" ", value.strip()))
    shortest = SHORTEST if text.isascii() else SHORTEST_WIDE
    if len(text) < shortest or not any(character.isalnum() for character in text):
        return
    start = NOT_AFTER_A_WORD if _is_latin(text[0]) else ""
    end = NOT_BEFORE_A_WORD if _is_latin(text[-1]) else ""
    for form in {text} if text.isascii() else {text, unicodedata.normalize("NFD", text)}:
        inner = r"\s+".join(_escaped(word) for word in form.split(" "))
        yield _Value((start, end), inner, _sign(form), form)
    digits = NO_DIGIT.sub("", text) if kind.startswith("phone") else ""
    if len(digits) >= 7:
        yield _Value(("", ""), SEPARATED.join(digits[-10:]), digits[-10:])


def _sign(form: str) -> str:
    """Return the longest piece that a text shows plainly, apart from its small or large letters.

    Pieces are of ASCII, or of letters that know no case: other letters have more than one way to
    be written small and large, and the pattern knows them all.
    """
    plain = form
    if not (form.isascii() and form.isprintable()):
        plain = "".join(character if _is_plain(character) else " " for character in form)
    piece = max(plain.split(" "), key=len)
    return piece if len(piece) > 1 else ANYWHERE


def _is_plain(character: str) -> bool:
    return " " < character < "\x7f" or unicodedata.category(character) == "Lo"


def _escaped(word: str) -> str:
    return NOT_PLAIN.sub(r"\\\g<0>", word)


def _is_latin(character: str) -> bool:
    return character.isalnum() and ord(character) < 0x250
