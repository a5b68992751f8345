"""What was erased, outside the database: so that a restored backup can be erased again.

``erasures.jsonl`` in ERASURE_LEDGER_DIR has one line for each chunk that was carried out: its
number, a mark, its moment, the hash of the line before it, and, sealed with ENCRYPTION_KEYS, whose
rows went and which. The office's book keeps number and mark of every line: a file whose end was cut
off still agrees with itself, but not with the book. It stands on another volume than the databases
and in none of their backups, and keeps each line for as long as a backup of that time may be
restored (7022(d)).
"""

import fcntl
import hashlib
import json
import os
import secrets
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from django.conf import settings

from ccpa_office import sealing
from ccpa_office.models import LedgerLine
from requests_app.fulfillment.loading import Load
from requests_app.fulfillment.packing import (
    Part,
    Subject,
    as_key,
    as_keys,
    canonical,
    with_parts,
)

FILE_NAME = "erasures.jsonl"
CONTEXT = "erasure-ledger"
NO_LINE = "0" * 64
CARRIED_OUT = "erasure.carried-out"
"""The verb of the book that names a line of this file."""


class LedgerBroken(Exception):
    """A line of the erasure ledger was changed, moved, or taken out of the middle."""


@dataclass(frozen=True)
class Erasure:
    """One chunk that was carried out: in which system, under which map, for whom, which rows."""

    number: int
    at: datetime
    system: str
    map_digest: str
    names: list[str]
    subjects: list[Subject]
    parts: list[Part]


def path() -> Path:
    """Where the erasure ledger stands."""
    return Path(settings.ERASURE_LEDGER_DIR) / FILE_NAME


# --- writing ------------------------------------------------------------------------------------
def append(loaded: Load, parts: Sequence[Part], *, at: datetime) -> tuple[int, str]:
    """Add a chunk, on disk before this returns: after its erasure, before the office says so.

    Returns the line's number and mark, for the book. A chunk that is tried again stands here
    twice, which is harmless.
    """
    facts = {
        "system": loaded.target.key,
        "map": loaded.plans[0].map_version.digest,
        "names": loaded.names,
        "people": [{"key": each.key, "identifiers": each.identifiers} for each in loaded.subjects],
    }
    packed = zlib.compress(with_parts(facts, parts), 1)
    sealed = sealing.seal_outside(packed, context=CONTEXT)
    with _alone():
        _mend()
        number, prev = _last()
        fact = {"n": number + 1, "mark": secrets.token_hex(8), "sealed": sealed}
        _write(_line({**fact, "at": at.astimezone(UTC).isoformat(), "prev": prev}))
    return number + 1, str(fact["mark"])


def _line(fact: dict[str, Any]) -> bytes:
    return canonical(fact) + b"\n"


@contextmanager
def _alone() -> Iterator[None]:
    """One writer at a time, over all processes of this machine."""
    folder = path().parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "erasures.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _mend() -> None:
    """Cut off a line that was not written to its end: its chunk is going to be tried again."""
    if not path().exists():
        return
    with path().open("rb+") as stream:
        end = stream.seek(0, os.SEEK_END)
        while end and _byte(stream, end - 1) != b"\n":
            block = max(0, end - 4096)
            stream.seek(block)
            end = block + stream.read(end - block).rfind(b"\n") + 1
        stream.truncate(end)


def _byte(stream: Any, place: int) -> bytes:
    stream.seek(place)
    byte: bytes = stream.read(1)
    return byte


def _last() -> tuple[int, str]:
    """The number of the newest line, and its hash."""
    newest = b""
    if path().exists():
        with path().open("rb") as stream:
            newest = _tail(stream)
    if not newest:
        return 0, NO_LINE
    return int(json.loads(newest)["n"]), hashlib.sha256(newest).hexdigest()


def _tail(stream: Any) -> bytes:
    """The last line of a file whose last line is whole."""
    end = stream.seek(0, os.SEEK_END)
    held = b""
    while end and held.count(b"\n") < 2:
        start = max(0, end - 65536)
        stream.seek(start)
        held = stream.read(end - start) + held
        end = start
    return held[held.rfind(b"\n", 0, -1) + 1 :]


def _write(line: bytes) -> None:
    descriptor = os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab", buffering=0) as stream:
        left = memoryview(line)
        while left:  # a disk that is nearly full takes a part, and refuses the rest
            left = left[stream.write(left) :]
        os.fsync(stream.fileno())


# --- reading ------------------------------------------------------------------------------------
def erasures() -> Iterator[Erasure]:
    """Every erasure that a backup may bring back, oldest first; one in memory at a time.

    Raises ``LedgerBroken``, ``sealing.Unreadable`` when a key has left ENCRYPTION_KEYS.
    """
    for fact in _facts():
        opened = json.loads(zlib.decompress(sealing.open_outside(fact["sealed"], context=CONTEXT)))
        yield Erasure(
            number=fact["n"],
            at=datetime.fromisoformat(fact["at"]),
            system=opened["system"],
            map_digest=opened["map"],
            names=opened["names"],
            subjects=[Subject(as_key(p["key"]), p["identifiers"]) for p in opened["people"]],
            parts=[_part(part) for part in opened["parts"]],
        )


def _part(fact: dict[str, Any]) -> Part:
    until = fact["until"]
    day = datetime.fromisoformat(until).date() if until else None
    return Part(**{**fact, "keys": as_keys(fact["keys"]), "until": day})


def _facts() -> Iterator[dict[str, Any]]:
    """The lines, each checked against the one before it. A torn last line is no line."""
    if not path().exists():
        return
    prev = ""
    with path().open("rb") as stream:
        for line in stream:
            if not line.endswith(b"\n"):
                return
            try:
                fact = json.loads(line)
                follows = fact["prev"] == prev or not prev
            except (ValueError, KeyError, TypeError):
                raise LedgerBroken from None
            if not follows:
                raise LedgerBroken
            prev = hashlib.sha256(line).hexdigest()
            yield fact


def missing(*, at: datetime) -> list[int]:
    """The numbers of lines that the book knows and the file has lost, oldest first.

    Of erasures that a backup may still bring back. A file that is ahead of the book has lost
    nothing: a worker died between the two, or the book was restored. Raises ``LedgerBroken``.
    """
    oldest = at - timedelta(days=settings.OLDEST_BACKUP_DAYS)
    known = LedgerLine.objects.filter(verb=CARRIED_OUT, at__gte=oldest).order_by("pk")
    noted = [json.loads(body)["facts"] for body in known.values_list("body", flat=True).iterator()]
    told = {(each["line"], each["mark"]) for each in noted if "mark" in each}
    held = {(fact["n"], fact.get("mark", "")) for fact in _facts()} if told else set()
    return sorted(number for number, _mark in told - held)


# --- keeping ------------------------------------------------------------------------------------
def prune(*, at: datetime) -> int:
    """Let go of lines older than the oldest backup that may be restored. Returns how many.

    The newest stays always: the numbers go on from it.
    """
    oldest = at - timedelta(days=settings.OLDEST_BACKUP_DAYS)
    with _alone():
        moments = [datetime.fromisoformat(fact["at"]) for fact in _facts()]
        old = sum(1 for _ in takewhile(lambda moment: moment < oldest, moments[:-1]))
        if old:
            _rewrite(islice(_facts(), old, None))
    return old


def rotate() -> int:
    """Seal every line anew with the newest of ENCRYPTION_KEYS. Returns how many were not yet.

    Raises ``LedgerBroken``, ``sealing.Unreadable``; the file is then as it was.
    """
    with _alone():
        older = sum(not sealing.is_newest(fact["sealed"]) for fact in _facts())
        if older:
            _rewrite({**fact, "sealed": _anew(fact["sealed"])} for fact in _facts())
    return older


def _anew(sealed: str) -> str:
    if sealing.is_newest(sealed):
        return sealed
    return sealing.seal_outside(sealing.open_outside(sealed, context=CONTEXT), context=CONTEXT)


def _rewrite(facts: Iterable[dict[str, Any]]) -> None:
    """Put another file in the place of this one, whole or not at all."""
    fresh, prev = path().with_suffix(".new"), ""
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        for fact in facts:
            line = _line({**fact, "prev": prev or fact["prev"]})
            prev = hashlib.sha256(line).hexdigest()
            stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path())
