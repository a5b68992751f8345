"""Anchors: what the book was at a moment, signed and kept outside the database.

``anchors.jsonl`` only grows. A record holds the size and head of the chain, the moment, the hash
of the record before it, and the hash of every line since then, so that ``verify`` can name the
first bad line even when everything in the database was computed anew.
"""

import base64
import hashlib
import json
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import connection, transaction

from ccpa_office.ledger.chain import GENESIS, last_seal
from ccpa_office.ledger.lines import EPOCH, microseconds

ANCHOR_DOMAIN = b"ccpa-office ledger anchor v1\n"
ANCHOR_LOCK = 0xA2C4
FILE_NAME = "anchors.jsonl"
LEAVES = 20_000
BLOCK = 1 << 20
NO_RECORD = "0" * 64


class BadSigningKey(Exception):
    """LEDGER_SIGNING_KEY is missing or is not a base64 Ed25519 key of 32 bytes."""


@dataclass(frozen=True)
class Anchor:
    """One record of the file, as read; ``digest`` is what the next record must carry."""

    size: int
    head: bytes
    at: datetime
    prev: str
    leaves: tuple[bytes, ...]
    digest: str
    is_signed: bool


def _keys() -> list[Ed25519PrivateKey]:
    """Signing keys, newest first; older ones stay listed so that their anchors still verify."""
    try:
        keys = [
            Ed25519PrivateKey.from_private_bytes(base64.b64decode(text.strip(), validate=True))
            for text in settings.LEDGER_SIGNING_KEY.split(",")
        ]
    except ValueError:
        raise BadSigningKey from None
    return keys


def public_keys() -> dict[str, Ed25519PublicKey]:
    """The keys that anchors are checked with, by their id. Raises BadSigningKey."""
    return {_key_id(key.public_key()): key.public_key() for key in _keys()}


def _key_id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def path() -> Path:
    """Where the anchors stand."""
    return Path(settings.LEDGER_ANCHOR_DIR) / FILE_NAME


# --- writing ------------------------------------------------------------------------------------
@transaction.atomic
def anchor(at: datetime) -> Path:
    """Sign what the sealed book is now and add it to the file, also when nothing happened.

    Returns the file. Raises BadSigningKey. One anchor is written at a time.
    """
    key = _keys()[0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ANCHOR_LOCK])
        size, prev = _last_record()
        end, head = last_seal(cursor)
        while True:
            leaves = _leaves(size)
            size += len(leaves)
            here = head if size >= end else _head_at(size)
            record = _signed(key, {"size": size, "head": here.hex(), "at": at}, prev, leaves)
            _append(record)
            prev = hashlib.sha256(record).hexdigest()
            if size >= end or not leaves:
                return path()


def _leaves(after: int) -> list[str]:
    """The hashes of the lines at the next positions; a line that is gone leaves an empty one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(encode(line.hash, 'hex'), '') FROM ccpa_office_ledgerseal place"
            " LEFT JOIN ccpa_office_ledgerline line ON line.id = place.line_id"
            " WHERE place.position > %s AND place.position <= %s ORDER BY place.position",
            [after, after + LEAVES],
        )
        return [leaf for (leaf,) in cursor.fetchall()]


def _head_at(position: int) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT hash FROM ccpa_office_ledgerseal WHERE position = %s", [position])
        row = cursor.fetchone()
    return bytes(row[0]) if row else GENESIS


def _signed(key: Ed25519PrivateKey, facts: dict[str, Any], prev: str, leaves: list[str]) -> bytes:
    content = {
        "v": 1,
        **facts,
        "at": microseconds(facts["at"]),
        "prev": prev,
        "leaves_digest": _leaves_digest(leaves),
        "key": _key_id(key.public_key()),
    }
    signature = key.sign(ANCHOR_DOMAIN + _canonical(content)).hex()
    return _canonical({**content, "leaves": leaves, "signature": signature})


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _leaves_digest(leaves: list[str]) -> str:
    return hashlib.sha256(",".join(leaves).encode()).hexdigest()


def _append(record: bytes) -> None:
    """One write at the end of the file, on disk before it returns."""
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab", buffering=0) as stream:
        start = b"" if _ends_a_line(file) else b"\n"
        stream.write(start + record + b"\n")
        os.fsync(stream.fileno())


def _ends_a_line(file: Path) -> bool:
    """Whether the last write was whole. A torn one is left to stand; it is no record."""
    with file.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            return True
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _last_record() -> tuple[int, str]:
    """Size and digest of the last whole record."""
    for line in _lines_from_the_end():
        content = _parsed(line)
        if content is not None:
            return content["size"], hashlib.sha256(line).hexdigest()
    return 0, NO_RECORD


def _lines_from_the_end() -> Iterator[bytes]:
    file = path()
    if not file.exists():
        return
    with file.open("rb") as stream:
        end, tail = stream.seek(0, os.SEEK_END), b""
        while end:
            start = max(0, end - BLOCK)
            stream.seek(start)
            parts = (stream.read(end - start) + tail).split(b"\n")
            tail, end = parts[0], start
            yield from reversed([part for part in parts[1:] if part])
        if tail:
            yield tail


# --- reading ------------------------------------------------------------------------------------
def read_anchors(keys: dict[str, Ed25519PublicKey], upto: int) -> Generator[Anchor, None, None]:
    """The records in the first ``upto`` bytes of the file, in order, each checked by itself."""
    file = path()
    if not file.exists():
        return
    with file.open("rb") as stream:
        while stream.tell() < upto:
            line = stream.readline().rstrip(b"\n")
            content = _parsed(line)
            if content is not None:
                yield _read(content, line, keys)


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The record in ``line``, or nothing when it is torn or is no record at all."""
    try:
        content = json.loads(line)
        datetime_at = content["at"]
        fit = isinstance(content["size"], int) and isinstance(datetime_at, int)
        bytes.fromhex(content["head"])
        [bytes.fromhex(leaf) for leaf in content["leaves"]]
        bytes.fromhex(content["signature"])
        fit = fit and isinstance(content["prev"], str)
    except (ValueError, KeyError, TypeError):
        return None
    return content if fit else None


def _read(content: dict[str, Any], line: bytes, keys: dict[str, Ed25519PublicKey]) -> Anchor:
    signed = {k: v for k, v in content.items() if k not in ("leaves", "signature")}
    is_signed = signed.get("leaves_digest") == _leaves_digest(content["leaves"]) and _is_signed(
        keys.get(str(signed.get("key"))), bytes.fromhex(content["signature"]), _canonical(signed)
    )
    return Anchor(
        size=content["size"],
        head=bytes.fromhex(content["head"]),
        at=EPOCH + content["at"] * (datetime.resolution),
        prev=content["prev"],
        leaves=tuple(bytes.fromhex(leaf) for leaf in content["leaves"]),
        digest=hashlib.sha256(line).hexdigest(),
        is_signed=is_signed,
    )


def _is_signed(key: Ed25519PublicKey | None, signature: bytes, content: bytes) -> bool:
    if key is None:
        return False
    try:
        key.verify(signature, ANCHOR_DOMAIN + content)
    except InvalidSignature:
        return False
    return True
