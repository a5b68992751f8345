"""How a host's database reads a value, and every reading by which it must know a person.

PostgreSQL knows neither international domain names nor the telephone numbers of the world. It reads
a value plainly, as ``plain_email`` and ``plain_phone`` do here, and the office keeps a digest of
each reading that a person's usual spellings come to.
"""

import contextlib
import re
import unicodedata
from collections.abc import Callable, Mapping

import phonenumbers

from ccpa_office import sealing

SPACES = " \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029"
"""What is no part of a value at its ends, once NFKC has made the other spaces plain."""
EXTENSION = r"(;?ext[.:=]?|extension|x|#)[ ]*[0-9]{1,7}$"
SHORTEST = 7
"""Digits below which a number is nobody's: 911, or a 0 that somebody typed."""
NATIONAL = 10


def plain_email(value: str) -> str:
    """An address as the host's database reads it; empty when it is none."""
    text = _folded(value).rstrip(".")
    return text if text.rpartition("@")[0] and text.rpartition("@")[2] else ""


def plain_phone(value: str) -> str:
    """A number as the host's database reads it: digits; ten of them are the United States'."""
    text = re.sub(EXTENSION, "", _folded(value))
    digits = re.sub("[^0-9]", "", text)
    if len(digits) < SHORTEST:
        return ""
    return f"1{digits}" if len(digits) == NATIONAL and "+" not in text else digits


def is_somebodys(normal: str) -> bool:
    """Whether a number in its canonical form is one line's: no 911, and no row of zeros."""
    national = normal.removeprefix("+1")
    return len(national) >= SHORTEST and len(set(national)) > 1


def emails(value: str) -> set[str]:
    """Every plain reading of an address: both ways of its domain, both ways of its case."""
    plain = plain_email(value)
    if not plain:
        return set()
    local, _, domain = plain.rpartition("@")
    whole_local, _, whole_domain = sealing.normal_email(value).rpartition("@")
    domains = {domain, whole_domain}
    with contextlib.suppress(UnicodeError):
        domains.add(whole_domain.encode().decode("idna"))
    return {f"{one}@{other}" for one in {local, whole_local} for other in domains if one and other}


def phones(value: str) -> set[str]:
    """Every plain reading of a number: as it is typed, and in its international spellings."""
    plain = plain_phone(value)
    if not plain:
        return set()
    whole = sealing.normal_phone(value)
    if not whole.startswith("+"):
        return {plain}
    digits = whole[1:]
    number = phonenumbers.parse(whole)
    with_trunk = f"{number.country_code}0{phonenumbers.national_significant_number(number)}"
    found = {plain, digits, f"00{digits}", f"011{digits}"}
    return found if number.country_code == 1 else found | {with_trunk}


def _folded(value: str) -> str:
    lower = unicodedata.normalize("NFKC", value).lower()
    return unicodedata.normalize("NFKC", lower).strip(SPACES)


READINGS: Mapping[str, Callable[[str], set[str]]] = {"email": emails, "phone_number": phones}
