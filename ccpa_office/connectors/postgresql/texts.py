"""Finding a person's values in free text: patterns in PostgreSQL's own regular expressions.

Every row has its person's own pattern, and compiling it costs far more than running it. So each
text is first held against signs: plain pieces of the values, one of which stands in every text
that the pattern meets. Only a text with such a sign is worth its pattern; a text of ASCII alone
is worth a shorter one.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ccpa_office.connectors.base import Identity
from ccpa_office.connectors.spelling import (
    KATAKANA,
    MARKS,
    REMOVED,
    UNSPACED,
    Edge,
    Glue,
    Spelling,
    usual,
)

__all__ = ["REMOVED", "Traces", "pattern", "traces"]

NOTHING = "(?!)"
ESCAPED = {code: f"\\{chr(code)}" for code in range(0x80) if not chr(code).isalnum()}
NO_SIGN = re.compile(r'["\\]')
LONGER_DOMAIN = r"-[[:alnum:]]|\.[[:alpha:]]{2}([^[:alnum:]]|$)"

START: Mapping[Edge, str] = {
    Edge.NONE: "",
    Edge.WORD: "(?<![[:alnum:]])",
    Edge.MAIL: r"(?<![[:alnum:]_%+-])(?<![0-9A-Za-z]\.)",
    Edge.KATAKANA: f"(?<![{KATAKANA}])",
    Edge.DIGIT: "(?<![0-9]{4})",
}
END: Mapping[Edge, str] = {
    Edge.NONE: "",
    Edge.WORD: "(?![[:alnum:]])",
    Edge.MAIL: f"(?![[:alnum:]]|{LONGER_DOMAIN})",
    Edge.KATAKANA: f"(?![{KATAKANA}])",
    Edge.DIGIT: "(?![0-9])",
}
"""What stands at the edges; scripts without blanks are parted from a word by a seam before."""

SEAM = "\x03"
LATIN = "0-9A-Za-z\u00c0-\u024f"
SEAMS = f"(?<=[{UNSPACED}])(?=[{LATIN}])|(?<=[{LATIN}])(?=[{UNSPACED}])"
"""Where a seam is put into a text that is not all ASCII: one pattern for all, so compiled once."""
_SEAMS = re.compile(SEAMS)


GLUE: Mapping[Glue, str] = {
    Glue.BLANK: r"\s+",
    Glue.COMMA: r",?\s+",
    Glue.MAYBE: r"[\s・･=＝]*",
    Glue.DIGITS: "[ ().+/-]*",
}
WIDE_GLUE: Mapping[Glue, str] = {**GLUE, Glue.DIGITS: r"[\s().+/ー‐–—-]*"}

PARTED = "\x1f"
"""Stands between the signs, or the spellings, of one person; blanks of a value never keep it."""

ANYWHERE = "\n"
"""A sign that every text has: this value has no plain piece, so its pattern must be tried."""

MOST_SPELLINGS = 6

MARK = "\x02"
MARK_IN_A_WORD = rf"[[:alnum:]._%+-]{MARK}|{MARK}[[:alnum:]{MARK}{MARKS}-]|{MARK}\.[[:alpha:]]"
"""Meets a mark that touches a word or another mark: only the pattern knows what is right there."""


@dataclass(frozen=True)
class Traces:
    """How one person shows in a text: the patterns, their signs, and values just as spelled."""

    pattern: str
    narrow: str
    signs: str
    spellings: str


def traces(identity: Identity) -> Traces:
    """Return the traces of an identity; made once, however many tables are looked through."""
    if "traces" not in identity.made:
        identity.made["traces"] = _traces(usual(identity))
    found: Traces = identity.made["traces"]
    return found


def pattern(identity: Identity) -> str:
    """Return a pattern that meets every value of the identity, or one that meets nothing.

    Values with equal edges share one look at them, which makes the pattern several times faster
    to compile.
    """
    return traces(identity).pattern


def _traces(found: Sequence[Spelling]) -> Traces:
    plain = [
        each.plain
        for each in found
        if each.glue in {Glue.BLANK, Glue.MAYBE} and _is_usual(each.plain)
    ]
    written = [(each, _written(each)) for each in found]
    return Traces(
        _pattern(written, WIDE_GLUE),
        _pattern([each for each in written if each[0].is_ascii], GLUE),
        PARTED.join(sorted({_sign(each) for each in found})),
        PARTED.join(list(dict.fromkeys(plain))[:MOST_SPELLINGS]),
    )


def _written(spelling: Spelling) -> Sequence[str]:
    if spelling.glue is Glue.DIGITS:
        return spelling.pieces
    return [_escaped(piece) for piece in spelling.pieces]


def _is_usual(form: str) -> bool:
    return unicodedata.is_normalized("NFKC", form) and "%40" not in form


def _pattern(written: Sequence[tuple[Spelling, Sequence[str]]], glue: Mapping[Glue, str]) -> str:
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for each, pieces in written:
        inner = glue[each.glue].join(pieces)
        groups.setdefault((START[each.start], END[each.end]), {})[inner] = None
    met = [
        f"{before}(?:{'|'.join(sorted(inner, key=_longest_first))}){after}"
        for (before, after), inner in sorted(groups.items(), reverse=True)
    ]
    return "|".join(met) or NOTHING


def _longest_first(text: str) -> tuple[int, str]:
    return -len(text), text


def _sign(spelling: Spelling) -> str:
    """Return the longest piece that a text shows plainly, apart from its small or large letters.

    Pieces are of ASCII, or of letters that know no case: other letters have more than one way to
    be written small and large, and the pattern knows them all. A text that is not all ASCII is
    looked at in its plain form (NFKC) too, so the plain form of a spelling is enough. Quotes and
    backslashes are spelled otherwise in JSON and lists.
    """
    plain = form = NO_SIGN.sub(" ", unicodedata.normalize("NFKC", spelling.plain))
    if not (form.isascii() and form.isprintable()):
        plain = "".join(character if _is_plain(character) else " " for character in form)
    piece = max(plain.split(" "), key=len) if " " in plain else plain
    return piece if len(piece) > 1 else ANYWHERE


def _is_plain(character: str) -> bool:
    return " " < character < "\x7f" or unicodedata.category(character) == "Lo"


def _escaped(word: str) -> str:
    if word.isascii() and word.isalnum():
        return word
    if not word.isascii():
        return f"{SEAM}?".join(map(_plainly_escaped, _SEAMS.split(word)))
    return _plainly_escaped(word)


def _plainly_escaped(word: str) -> str:
    return word.translate(ESCAPED)
