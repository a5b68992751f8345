"""Finding a person's values in free text: patterns in PostgreSQL's own regular expressions."""

import re
import unicodedata
from collections.abc import Iterable

from ccpa_office.connectors.base import Identity

REMOVED = "[removed]"
NOTHING = "(?!)"
SHORTEST = 3
SHORTEST_WIDE = 2
BLANK = re.compile(r"\s+")
SEPARATED = "[^[:alnum:]]{0,3}"
COUNTRY = "(?:[+]?[0-9]{1,3}[^[:alnum:]]{0,3})?"


def pattern(identity: Identity) -> str:
    """Return a pattern that meets every value of the identity, or one that meets nothing."""
    parts = {
        part
        for kind, values in identity.identifiers.items()
        for value in values
        for part in _parts(kind, value)
    }
    if not parts:
        return NOTHING
    return "(?:" + "|".join(sorted(parts, key=lambda part: (-len(part), part))) + ")"


def _parts(kind: str, value: str) -> Iterable[str]:
    text = unicodedata.normalize("NFC", BLANK.sub(" ", value.strip()))
    shortest = SHORTEST if text.isascii() else SHORTEST_WIDE
    if len(text) < shortest or not any(character.isalnum() for character in text):
        return
    yield _bounded(text, r"\s+".join(_escaped(word) for word in text.split(" ")))
    digits = re.sub(r"\D", "", text)
    if kind.startswith("phone") and len(digits) >= 7:
        yield COUNTRY + SEPARATED.join(digits[-10:]) + "(?![0-9])"


def _escaped(word: str) -> str:
    return "".join(c if c.isalnum() or ord(c) > 127 else f"\\{c}" for c in word)


def _bounded(text: str, inner: str) -> str:
    """Keep Latin words whole; scripts that write without blanks know no such edge."""
    start = r"(?<![[:alnum:]])" if _is_latin(text[0]) else ""
    end = r"(?![[:alnum:]])" if _is_latin(text[-1]) else ""
    return start + inner + end


def _is_latin(character: str) -> bool:
    return character.isalnum() and ord(character) < 0x250
