"""What a column looks like, by its name, its type and some of its values: guesses, never facts."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).with_suffix(".yml")

HISTORY = re.compile(
    r"(^|_)(history|hist|historical|audit|audits|versions?|revisions?|changelog|archived?|shadow"
    r"|backup|bak|old|deleted|tombstones?|log|logs|trail)(_|$)"
)
NEUTRAL = re.compile(r"^(tax|product|item|sku|course|lesson|category|tag|genre|version|currency|"
                     r"page|file|host|domain|table|column|index|event|role|permission|job|task|"
                     r"queue|course|store|shop|film|language|plan|model|app|template|type|status)"
                     r"_?(name|title|code|address|path|no|number)$")  # fmt: skip


@dataclass(frozen=True)
class Sign:
    """A name that tells what stands in a column, and how sure one may be of it."""

    pattern: str
    data_category: str
    sure: int  # of a hundred
    identity: str = ""


def _signs() -> tuple[Sign, ...]:
    return tuple(Sign(**each) for each in yaml.safe_load(DATA.read_text("utf-8")))


SIGNS = _signs()


@dataclass(frozen=True)
class Look:
    """What a column probably is."""

    data_category: str
    sure: int
    identity: str = ""
    why: str = "name"


def by_name(table: str, column: str) -> Look | None:
    """Guess by the name alone; the plain ``name`` of a table of people is a name."""
    name = snake(column)
    if NEUTRAL.search(name):
        return None
    if name in {"name", "title"}:
        sure = 70 if PEOPLE.search(snake(table)) and name == "name" else 0
        return Look("user.name", sure, "name") if sure else None
    for sign in SIGNS:
        if re.search(sign.pattern, name):
            return Look(sign.data_category, sign.sure, sign.identity)
    return None


PEOPLE = re.compile(r"(^|_)(users?|accounts?|customers?|clients?|members?|people|persons?|"
                    r"learners?|students?|patients?|subscribers?|contacts?|employees?|staff|guests?|profiles?|"
                    r"visitors?|readers?|players?|leads?|authors?|respondents?)$")  # fmt: skip
STAFF = re.compile(r"(^|_)(staff|employees?|admins?|operators?|agents?)$")


def snake(name: str) -> str:
    """Return a name in small letters with underscores, however its words are joined."""
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"[^a-z0-9\u3040-\u30ff\u4e00-\u9fff]+", "_", parts.lower()).strip("_")


# --- by values ------------------------------------------------------------------------------------

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}")
PHONE = re.compile(r"[+(]?[0-9][0-9 ().-]{7,18}[0-9]")
ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]+)?|[0-9a-f:]{6,}::?[0-9a-f:]+")
CARD = re.compile(r"(?:[0-9][ -]?){13,19}")
SSN = re.compile(r"[0-9]{3}-[0-9]{2}-[0-9]{4}")
FEWEST = 3
MOST_AGREE = 0.8
VALUES = (
    (SSN, "user.government_id.national_identification_number", ""),
    (EMAIL, "user.contact.email", "email"),
    (ADDRESS, "user.device.ip_address", ""),
)


def by_values(values: Iterable[Any]) -> Look | None:
    """Guess by values; at least eight of ten must agree."""
    texts = [str(value) for value in values if value is not None and value != ""][:500]
    if len(texts) < FEWEST:
        return None
    guesses = [
        *((_share(pattern, texts), Look(category, 90, identity, why="values"))
          for pattern, category, identity in VALUES),
        (min(_share(CARD, texts), sum(map(_luhn, texts)) / len(texts)),
         Look("user.financial.credit_card", 90, why="values")),
        (_share(PHONE, texts) if any(each in text for text in texts for each in "+-() ") else 0,
         Look("user.contact.phone_number", 75, "phone_number", why="values")),
    ]  # fmt: skip
    return next((look for share, look in guesses if share >= MOST_AGREE), None)


def names_within(values: Iterable[Any]) -> bool:
    """Say whether longer texts hold addresses: then a person may stand anywhere in them."""
    texts = [str(value) for value in values if value is not None]
    return sum(bool(EMAIL.search(text)) for text in texts) * 50 >= len(texts) > 0


def _share(pattern: re.Pattern[str], texts: Sequence[str]) -> float:
    return sum(bool(pattern.fullmatch(text.strip())) for text in texts) / len(texts)


def _luhn(text: str) -> bool:
    digits = [int(each) for each in text if each.isdecimal()][::-1]
    doubled = [sum(divmod(each * 2, 10)) for each in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def is_history(table: str, of: Iterable[str]) -> str:
    """Return the mapped table of which a table looks like the history, or nothing."""
    name = snake(table)
    if not HISTORY.search(name):
        return ""
    stem = HISTORY.sub("_", name).strip("_")
    for other in of:
        known = snake(other)
        if known != name and stem and stem.rstrip("s") == known.rstrip("s"):
            return other
    return ""
