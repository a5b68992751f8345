"""Finding a person's values in free text: patterns in PostgreSQL's own regular expressions."""

import re
import unicodedata
from collections.abc import Iterator

from ccpa_office.connectors.base import Identity

REMOVED = "[removed]"
NOTHING = "(?!)"
SHORTEST = 3
SHORTEST_WIDE = 2
BLANK = re.compile(r"\s+")
SEPARATED = "[ ().+/-]*"
NOT_AFTER_A_WORD, NOT_BEFORE_A_WORD = "(?<![[:alnum:]])", "(?![[:alnum:]])"


def pattern(identity: Identity) -> str:
    """Return a pattern that meets every value of the identity, or one that meets nothing.

    Values that begin or end with a Latin letter or a digit are met as whole words only; scripts
    that write without blanks know no such edge. Values with equal edges share one look at them,
    which makes the pattern several times faster to compile.
    """
    groups: dict[tuple[str, str], set[str]] = {}
    for kind, values in identity.identifiers.items():
        for value in values:
            for edges, inner in _parts(kind, value):
                groups.setdefault(edges, set()).add(inner)
    met = [
        f"{start}(?:{'|'.join(sorted(inner, key=lambda one: (-len(one), one)))}){end}"
        for (start, end), inner in sorted(groups.items(), reverse=True)
    ]
    return "|".join(met) or NOTHING


def _parts(kind: str, value: str) -> Iterator[tuple[tuple[str, str], str]]:
    text = unicodedata.normalize("NFC", BLANK.sub(" ", value.strip()))
    shortest = SHORTEST if text.isascii() else SHORTEST_WIDE
    if len(text) < shortest or not any(character.isalnum() for character in text):
        return
    start = NOT_AFTER_A_WORD if _is_latin(text[0]) else ""
    end = NOT_BEFORE_A_WORD if _is_latin(text[-1]) else ""
    for form in sorted({text, unicodedata.normalize("NFD", text)}):
        yield (start, end), r"\s+".join(_escaped(word) for word in form.split(" "))
    digits = re.sub(r"\D", "", text)
    if kind.startswith("phone") and len(digits) >= 7:
        yield ("", ""), SEPARATED.join(digits[-10:])


def _escaped(word: str) -> str:
    return "".join(c if c.isalnum() or ord(c) > 127 else f"\\{c}" for c in word)


def _is_latin(character: str) -> bool:
    return character.isalnum() and ord(character) < 0x250
