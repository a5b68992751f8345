"""How the deletion platform standardizes an identifier before it hashes it (DROP 1.2.0).

A rule that is wrong by one character finds nobody and says nothing, so ``vectors`` holds what the
platform published, and ``vectors.require_sound`` computes it again before anything is matched.
"""

import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from itertools import islice, product

WHITE = "\t\n\x0b\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + (
    "\u2028\u2029\u202f\u205f\u3000"
)  # fmt: skip
"""Unicode's White_Space; Python's own ``isspace`` knows four characters more."""
MOST_COMBINATIONS = 4096
"""Of one person's names, births, ZIP codes and vehicles; a person with more is told of."""

_NO_WHITE = {ord(each): None for each in WHITE}
_NO_DIGIT = re.compile("[^0-9]")
_NO_HEX = re.compile("[^0-9A-Fa-f]")
_NO_SIGN = re.compile("[^0-9A-Za-z]")
_PLUS_FOUR = re.compile(r"([0-9]{5})\s*-\s*[0-9]{4}")
_ISO = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:[T ][0-9:.+Z-]*)?")
_SLASHES = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_WORDS = re.compile(r"([A-Za-z]{3,9})\.? ([0-9]{1,2}),? ([0-9]{4})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_SPELLED = {
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўђјљњћџѓѕќѣ": (
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya i i e g u d j "
        "lj nj c dz g dz k e"
    ),
    "αβγδεζηθικλμνξοπρσςτυφχψω": "a v g d e z i th i k l m n x o p r s s t y f ch ps o",
}
"""Cyrillic and Greek, as is usual; the platform's own tables are not public."""
_TURNED = {
    letter: latin.strip("-")
    for letters, spelled in _SPELLED.items()
    for letter, latin in zip(letters, spelled.split(), strict=True)
}
_UNSURE = frozenset(_TURNED)
_LATIN = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l",
          "ı": "i", "ħ": "h", "ŧ": "t", "ŋ": "n", "ĸ": "k", "ſ": "s", "ə": "e"}  # fmt: skip
_TURNED |= _LATIN


def email(value: str) -> str:
    """All whitespace removed, lower case; dots and plus signs stay."""
    return value.translate(_NO_WHITE).lower()


def phone(value: str) -> str:
    """Digits only, the last ten of them."""
    return _NO_DIGIT.sub("", value)[-10:]


def birth(value: str) -> str:
    """YYYYMMDD; nothing where it is no day, or nobody can tell which day it is."""
    text = value.translate(_NO_WHITE | {0x20: 0x20}).strip()
    if found := _ISO.fullmatch(text):
        year, month, day = map(int, found.groups())
    elif found := _SLASHES.fullmatch(text):  # as it is written in the United States
        month, day, year = map(int, found.groups())
    elif (found := _WORDS.fullmatch(text)) and found[1][:3].lower() in _MONTHS:
        month, day, year = _MONTHS.index(found[1][:3].lower()) + 1, int(found[2]), int(found[3])
    else:
        return ""
    try:
        date(year, month, day)
    except ValueError:
        return ""
    return f"{year:04}{month:02}{day:02}"


def zip_code(value: str) -> str:
    """Letters and digits without the +4, lower case, no zeros in front, the first five."""
    text = value.translate(_NO_WHITE | {0x20: 0x20}).strip()
    found = _PLUS_FOUR.fullmatch(text)
    return _NO_SIGN.sub("", found[1] if found else text).lower().lstrip("0")[:5]


def name(value: str) -> str:
    """Letters and digits, lower case; Greek, Cyrillic and Latin in ASCII, the rest as it is."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).lower())
    return "".join(filter(str.isalnum, map(_ascii, text)))


def _ascii(character: str) -> str:
    """A letter of a script that is folded, in ASCII; any other as it is."""
    if character.isascii():
        return character
    if character in _TURNED:
        return _TURNED[character]
    bare = "".join(
        each for each in unicodedata.normalize("NFD", character) if not unicodedata.combining(each)
    )
    if bare.isascii() or (len(bare) == 1 and bare in _TURNED):
        return _TURNED.get(bare, bare)
    return character


def maid(value: str) -> str:
    """An advertising identifier: hexadecimal digits in lower case, exactly 32."""
    text = _NO_HEX.sub("", value).lower()
    return text if len(text) == 32 else ""


def vin(value: str) -> str:
    """A vehicle's number: letters and digits in lower case, exactly 17."""
    text = _NO_SIGN.sub("", value).lower()
    return text if len(text) == 17 else ""


def ctvid(value: str) -> str:
    """A television's identifier: letters and digits in lower case, 8 to 32."""
    text = _NO_SIGN.sub("", value).lower()
    return text if 8 <= len(text) <= 32 else ""


FIELDS: Mapping[str, Callable[[str], str]] = {
    "email": email, "phone": phone, "first": name, "last": name, "dob": birth, "zip": zip_code,
    "maid": maid, "vin": vin, "ctvid": ctvid,
}  # fmt: skip
"""Each gives nothing where a value cannot be an identifier of its kind; nothing is never hashed."""

LISTS: Mapping[str, tuple[str, ...]] = {
    "Email": ("email",), "Phone": ("phone",), "MAID": ("maid",), "CTVID": ("ctvid",),
    "NDZ": ("first", "last", "dob", "zip"), "NameVIN": ("first", "last", "vin"),
}  # fmt: skip
"""The platform's lists, and which fields are hashed for each, in this order."""


def hashed(text: str) -> str:
    """Base64 of SHA-256 of a standardized text: 44 characters."""
    return b64encode(sha256(text.encode("utf-8", "surrogatepass")).digest()).decode()


def digest(kind: str, parts: Sequence[str]) -> bytes:
    """SHA-256 of what one list hashes, of standardized fields; none of them is empty.

    Several are hashed one by one, and the Base64 of all of them, one behind the other, once more.
    """
    joined = parts[0] if len(LISTS[kind]) == 1 else "".join(map(hashed, parts))
    return sha256(joined.encode("utf-8", "surrogatepass")).digest()


def digests(kind: str, held: Mapping[str, Iterable[str]]) -> tuple[set[bytes], bool]:
    """Every digest by which a list may name somebody who holds these values, field by field.

    A person with several names, births or ZIP codes has one for each combination. Says also
    whether there were more combinations than are tried.
    """
    fields = [
        sorted({FIELDS[field](value) for value in held.get(field, ())} - {""})
        for field in LISTS[kind]
    ]
    combinations: Iterator[tuple[str, ...]] = product(*fields)
    found = {digest(kind, parts) for parts in islice(combinations, MOST_COMBINATIONS)}
    return found, next(combinations, None) is not None


def is_sure(field: str, value: str) -> bool:
    """Whether the platform published the rule for every character of a value.

    Its tables for Greek and Cyrillic are not public.
    """
    if field not in {"first", "last"}:
        return True
    text = unicodedata.normalize("NFKC", value).lower()
    return not any(each in _UNSURE for each in unicodedata.normalize("NFD", text) + text)
