"""How two values are made alike before they are compared; the same rule in every store.

SQL finds candidates by a condition that lets too many through; these decide.
"""

import re
import unicodedata
from collections.abc import Callable

KATAKANA = {number: number - 0x60 for number in range(0x30A1, 0x30F7)}
BLANK = re.compile(r"\s+")
NO_DIGIT = re.compile(r"[^0-9]")
NO_SIGN = re.compile(r"[^0-9A-Z]")
PLUS_FOUR = re.compile(r"([0-9]{5})[0-9]{4}")

NORMAL: dict[str, Callable[[str], str]] = {
    "exact": lambda value: value,
    "casefold": lambda value: value.lower(),
    "digits": lambda value: NO_DIGIT.sub("", _plain(value)),
    "phone": lambda value: NO_DIGIT.sub("", _plain(value))[-10:],
    "name": lambda value: BLANK.sub(" ", _plain(value).strip()).lower().translate(KATAKANA),
    "postal": lambda value: _postal(NO_SIGN.sub("", _plain(value).upper())),
}


def normal(compare: str, value: str | None) -> str:
    """Return the form in which a value is compared; nothing stays nothing."""
    return NORMAL[compare](value) if value else ""


def _plain(value: str) -> str:
    return unicodedata.normalize("NFKC", value)


def _postal(value: str) -> str:
    found = PLUS_FOUR.fullmatch(value)
    return found[1] if found else value
