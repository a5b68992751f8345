"""Values that a mask leaves behind, made without a store: alike for every kind of store.

What each action takes as its argument (a text; JSON where it is more than one value):

- ``null``, ``zero``, ``strip_json``, ``strip_text``: nothing
- ``constant``: the value
- ``pseudonym``: nothing, or ``email`` for a value of the form of an address
- ``truncate_date``: ``day``, ``month``, ``year`` or ``decade``
- ``bucket``: the width, a whole number from 2
- ``keep_last``: how many characters stay, 1 to 8; nothing means 4
- ``hash``, ``hmac``: ``SHA-256`` or ``SHA-512``, or ``{"algorithm": ..., "suffix": ""}``
- ``inside``: what is done to values within the column (``inside``, the room of that name)
- ``encrypt``: nothing, or ``{"suffix": ""}``; the key is thrown away, so nobody ever reads it
- ``random``: a length, or ``{"length": 30, "suffix": ""}``

Every action leaves an empty value empty, and what it has made once it leaves as it is: hash, hmac,
encrypt and random sign what they make with the secret, a pseudonym depends on its row alone.
"""

import hashlib
import hmac
import json
import math
import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ccpa_office.connectors.base import HOWS, Change, ColumnFacts, Key
from ccpa_office.connectors.inside import parts_of, within
from ccpa_office.connectors.stripping import Traces, strip_json, strip_text

NUMBERS = frozenset({"integer", "decimal"})
DATES = frozenset({"date", "moment"})
TOKENS = frozenset({"hash", "hmac", "encrypt", "random"})
UNITS = ("day", "month", "year", "decade")
PREFIX, DOMAIN, NO_DAY = "erased-", "@erased.invalid", "0000-00-00"
NAME = 32
SIGNATURE = 8
SERVED = {
    "constant": {"text", "integer", "decimal", "date", "moment", "json", "boolean", "uuid",
                 "other"},
    "pseudonym": {"text", "uuid"}, "truncate_date": DATES, "zero": NUMBERS, "bucket": NUMBERS,
    "strip_json": {"json", "text"}, "inside": {"json", "text"},
}  # fmt: skip
IN_ARRAYS = {"strip_text": {"text", "json"}, "strip_json": {"text", "json"},
             "inside": {"integer", "text", "uuid"}}  # fmt: skip
"""The kinds of column that an action serves; what is not named serves texts alone.

Whether a constant is a value of a type of the store's own, only the store can say.
"""

LEVELING = frozenset({"constant", "truncate_date", "zero", "bucket", "keep_last", "strip_text",
                       "strip_json", "inside"})  # fmt: skip
"""Actions that may leave two rows with the same value."""

LEAST, LEAST_UNIQUE = 8, 16
"""Characters of chance that a value made needs, and needs where no two rows may have the same."""
WIDEST = {"hash": {"SHA-256": 64, "SHA-512": 128}, "hmac": {"SHA-256": 64, "SHA-512": 128}}
BIG = 2**62


class CannotMask(Exception):
    """The action cannot serve this column, or not this value; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def row_of(table: str, key: Key) -> str:
    """Return the name of a row, by which its pseudonyms differ from those of every other row."""
    return json.dumps([table, *(key if isinstance(key, tuple) else (key,))], ensure_ascii=False)


# --- may it be done? ------------------------------------------------------------------------------


def serves(change: Change, column: ColumnFacts) -> str:
    """Return why a change cannot be made to a column, as a finding's code; nothing: it can."""
    if change.how not in HOWS:
        return "change-unknown"
    troubles = {
        "generated": column.generated,
        "not-null": change.how == "null" and not column.nullable,
        "change-type": not _fits_kind(change, column),
        "change-argument": not _is_argument(change),
        "not-unique": column.unique and change.how in LEVELING,
    }
    return next((code for code, is_so in troubles.items() if is_so), "") or _room(change, column)


def _fits_kind(change: Change, column: ColumnFacts) -> bool:
    if change.how == "null":
        return True
    if column.array:
        return column.kind in IN_ARRAYS.get(change.how, set())
    if change.how == "pseudonym" and column.kind == "integer":
        return _is_big(column)
    return column.kind in SERVED.get(change.how, {"text"})


def _is_big(column: ColumnFacts) -> bool:
    return column.high is not None and column.high >= BIG * 2 - 1


def _is_argument(change: Change) -> bool:
    said = change.argument
    if change.how in TOKENS:
        return _are_options(change)
    return {
        "inside": bool(parts_of(said)) if change.how == "inside" else True,
        "pseudonym": said in {"", "email"},
        "truncate_date": said in UNITS,
        "bucket": re.fullmatch(r"[1-9][0-9]{0,17}", said) is not None and int(said) > 1,
        "keep_last": re.fullmatch(r"[1-8]?", said) is not None,
    }.get(change.how, True)


def _are_options(change: Change) -> bool:
    try:
        found = options(change)
    except ValueError:
        return False
    return found.algorithm in WIDEST.get(change.how, {"": 0})


def _room(change: Change, column: ColumnFacts) -> str:
    if change.how == "constant":
        return _constant_fits(change, column)
    least = LEAST_UNIQUE if column.unique else LEAST
    if change.how == "pseudonym":
        least += len(DOMAIN) if change.argument == "email" else 0
    elif change.how in TOKENS:
        least += SIGNATURE + len(options(change).suffix)
    else:
        return ""
    room = column.length if column.kind == "text" else None
    return "too-short" if room is not None and room < least else ""


def _constant_fits(change: Change, column: ColumnFacts) -> str:
    try:
        constant(change, column)
    except (ValueError, ArithmeticError):
        return "change-argument"
    room = column.length if column.kind == "text" else None
    return "too-short" if room is not None and room < len(change.argument) else ""


@dataclass(frozen=True)
class Options:
    """What a change of fideslang's kind may be told."""

    algorithm: str = ""
    suffix: str = ""
    length: int = 30

    def __post_init__(self) -> None:
        kinds = type(self.algorithm), type(self.suffix), type(self.length)
        if kinds != (str, str, int) or not 1 <= self.length <= 512:
            raise ValueError("not the options of a change")


def options(change: Change) -> Options:
    """Read the argument of hash, hmac, encrypt or random; ``ValueError`` when it is none."""
    said = _said(change)
    if not isinstance(said, Mapping) or set(said) - {"algorithm", "suffix", "length"}:
        raise ValueError("not the options of a change")
    known = {"algorithm": "SHA-256"} if change.how in WIDEST else {}
    return Options(**{**known, **said})


def _said(change: Change) -> Any:
    """Return the argument's JSON; one plain word stands for what it can only mean."""
    if change.how in WIDEST and change.argument in WIDEST[change.how]:
        return {"algorithm": change.argument}
    if change.how == "random" and re.fullmatch("[1-9][0-9]{0,2}", change.argument):
        return {"length": int(change.argument)}
    return json.loads(change.argument) if change.argument else {}


# --- doing it -------------------------------------------------------------------------------------


def masked(
    value: Any,
    change: Change,
    *,
    column: ColumnFacts,
    secret: bytes,
    row: str,
    traces: Traces,
) -> Any:
    """Return what stands in the column after the change; a value that is empty stays empty.

    ``row`` is the row's name (``row_of``); ``traces`` are those of every person who is taken out.
    Raises ``CannotMask``.
    """
    if reason := serves(change, column):
        raise CannotMask(reason)
    if value is None or change.how == "null":
        return None
    if value in ("", b"", []) or (column.kind in DATES and str(value)[:10] == NO_DAY):
        return value
    try:
        return MAKERS[change.how](Task(value, change, column, secret, row, traces))
    except (ValueError, ArithmeticError, TypeError):
        raise CannotMask("change-value") from None


def is_masked(
    value: Any, change: Change, *, column: ColumnFacts, secret: bytes, row: str, traces: Traces
) -> bool:
    """Say whether a value is what the change leaves: masking it once more changes nothing."""
    again = masked(value, change, column=column, secret=secret, row=row, traces=traces)
    return bool(again == value)


@dataclass(frozen=True)
class Task:
    """One value to be changed, and everything that its new value may depend on."""

    value: Any
    change: Change
    column: ColumnFacts
    secret: bytes
    row: str
    traces: Traces


def constant(change: Change, column: ColumnFacts) -> Any:
    """Return the constant of a change as the column's kind; ``ValueError`` when it is none."""
    said = change.argument
    makers: dict[str, Callable[[str], Any]] = {
        "integer": int, "decimal": Decimal, "date": date.fromisoformat,
        "moment": datetime.fromisoformat, "uuid": uuid.UUID, "json": json.loads,
        "boolean": {"true": True, "false": False}.__getitem__,
    }  # fmt: skip
    try:
        made = makers.get(column.kind, str)(said)
    except KeyError:
        raise ValueError("neither true nor false") from None
    if column.kind in NUMBERS and not _in_range(made, column):
        raise ValueError("out of range")
    return said if column.kind == "json" else made


def _in_range(number: int | Decimal, column: ColumnFacts) -> bool:
    if column.length is not None and column.scale is not None:  # no store may round it
        whole = 10 ** (column.length - column.scale)
        return number == round(number, column.scale) and abs(number) < whole
    low = column.low if column.low is not None else number
    return low <= number <= (column.high if column.high is not None else number)


def _pseudonym(task: Task) -> Any:
    name = _hmac(task.secret, f"{task.row}\x1f{task.change.column}".encode())
    if task.column.kind == "integer":
        return BIG + int(name[:15], 16)
    if task.column.kind == "uuid":
        return uuid.UUID(f"{name[:12]}8{name[13:16]}8{name[17:32]}")
    return spelled_name(name[:NAME], task.change, task.column)


def spelled_name(name: str, change: Change, column: ColumnFacts) -> str:
    """Return a pseudonym as long as the column bears: an address where one is asked for."""
    domain = DOMAIN if change.argument == "email" else ""
    room = (column.length or 10_000) - len(domain)
    prefix = PREFIX if room >= len(PREFIX) + (LEAST_UNIQUE if column.unique else LEAST) else ""
    return f"{prefix}{name[: room - len(prefix)]}{domain}"


def _hmac(secret: bytes, message: bytes, algorithm: str = "SHA-256") -> str:
    return hmac.new(secret, message, algorithm.lower().replace("-", "")).hexdigest()


def _truncated(task: Task) -> Any:
    value, unit = task.value, task.change.argument
    if isinstance(value, str):
        is_day = task.column.kind == "date" and len(value) == 10
        made = (date if is_day else datetime).fromisoformat(value)
        return _floor(made, unit).isoformat(*([] if is_day or "T" in value else [" "]))
    return _floor(value, unit)


def _floor(value: Any, unit: str) -> Any:
    year = value.year // 10 * 10 if unit == "decade" else value.year
    month = value.month if unit in {"month", "day"} else 1
    floored = value.replace(year=max(year, 1), month=month, day=value.day if unit == "day" else 1)
    if isinstance(value, datetime):
        return floored.replace(hour=0, minute=0, second=0, microsecond=0)
    return floored


def _bucket(task: Task) -> Any:
    width = int(task.change.argument)
    if isinstance(task.value, Decimal):
        return Decimal(math.floor(task.value / width) * width)
    if isinstance(task.value, float):
        return float(math.floor(task.value / width) * width)
    return task.value // width * width


def _kept_last(task: Task) -> str:
    """A value no longer than twice what is kept tells too much by its end: nothing of it stays."""
    keep = int(task.change.argument or 4)
    hidden = len(task.value) - keep
    return "*" * len(task.value) if hidden < keep else "*" * hidden + task.value[hidden:]


def _token(task: Task) -> str:
    """Return a value that only the secret tells from chance; one made before is left alone."""
    if is_token(task.value, task.change, task.secret):
        return str(task.value)
    found = options(task.change)
    room = token_width(task.change, task.column) - SIGNATURE
    body = BODIES[task.change.how](task, found)[:room]
    return f"{body}{_signature(task.secret, body)}{found.suffix}"


def token_width(change: Change, column: ColumnFacts) -> int:
    """Return how many characters hash, hmac, encrypt and random make, without the suffix."""
    found = options(change)
    least = (LEAST_UNIQUE if column.unique else LEAST) + SIGNATURE
    wide = {"random": found.length, "encrypt": 128}.get(
        change.how, 128 if found.algorithm == "SHA-512" else 64
    )
    room = (column.length or 10_000) - len(found.suffix)
    return min(max(wide, least), room)


def is_token(value: Any, change: Change, secret: bytes) -> bool:
    """Say whether a value was made by hash, hmac, encrypt or random under this secret."""
    suffix = options(change).suffix
    if not isinstance(value, str) or not value.endswith(suffix):
        return False
    made = value[: len(value) - len(suffix)]
    body, signature = made[:-SIGNATURE], made[-SIGNATURE:]
    return len(body) >= LEAST and hmac.compare_digest(
        signature.encode(), _signature(secret, body).encode()
    )


def _signature(secret: bytes, body: str) -> str:
    return _hmac(secret, f"made\x1f{body}".encode())[:SIGNATURE]


def _hashed(task: Task, found: Options) -> str:
    salt = bytes.fromhex(_hmac(task.secret, b"salt"))
    return hashlib.new(
        found.algorithm.lower().replace("-", ""), salt + task.value.encode()
    ).hexdigest()


def _keyed(task: Task, found: Options) -> str:
    return _hmac(task.secret, b"value\x1f" + task.value.encode(), found.algorithm)


def _encrypted(task: Task, _found: Options) -> str:
    sealed = AESGCM(AESGCM.generate_key(256)).encrypt(bytes(12), task.value.encode(), None)
    return sealed.hex() + secrets.token_hex(64)


def _random(_task: Task, _found: Options) -> str:
    return secrets.token_hex(256)


BODIES: dict[str, Callable[[Task, Options], str]] = {
    "hash": _hashed, "hmac": _keyed, "encrypt": _encrypted, "random": _random,
}  # fmt: skip


def _stripped_text(task: Task) -> Any:
    if task.column.array:
        return [None if each is None else strip_text(each, task.traces) for each in task.value]
    return strip_text(task.value, task.traces)[: task.column.length]


def _stripped_json(task: Task) -> Any:
    if task.column.array and isinstance(task.value, list):
        return [None if each is None else strip_json(each, task.traces) for each in task.value]
    if isinstance(task.value, str):
        return strip_json(task.value, task.traces)
    return json.loads(strip_json(json.dumps(task.value, ensure_ascii=False), task.traces))


MAKERS: dict[str, Callable[[Task], Any]] = {
    "constant": lambda task: constant(task.change, task.column), "pseudonym": _pseudonym,
    "zero": lambda task: type(task.value)(0), "bucket": _bucket, "truncate_date": _truncated,
    "keep_last": _kept_last, "strip_json": _stripped_json, "strip_text": _stripped_text,
    "inside": lambda task: within(task.value, task.change.argument, task.traces),
    **dict.fromkeys(sorted(TOKENS), _token),
}  # fmt: skip
