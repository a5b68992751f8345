"""Personal information at rest: sealed with a key per request, found again by keyed digests."""

import base64
import contextlib
import hashlib
import hmac
import os
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from functools import cache

import phonenumbers
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import connection, transaction

from ccpa_office.models import DataKey
from ccpa_office.prepared import insert

KEY_BYTES = 32
NONCE_BYTES = 12
SEAL_VERSION = b"\x01"
WRAP_CONTEXT = b"ccpa-office data key v1"


class Unreadable(Exception):
    """This cannot be opened: another key, another place, a changed text, or a destroyed key."""


class KeysMissing(Exception):
    """ENCRYPTION_KEYS or DIGEST_KEYS is missing or is not what it should be."""


# --- keys from the environment ------------------------------------------------------------------
def _kek_id(kek: bytes) -> str:
    return hashlib.sha256(b"ccpa-office kek" + kek).hexdigest()[:16]


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        raise KeysMissing from None
    if len(key) != KEY_BYTES:
        raise KeysMissing
    return key


def _keks() -> dict[str, bytes]:
    """Key-encrypting keys by id, newest first."""
    return _read_keks(tuple(settings.ENCRYPTION_KEYS))


@cache
def _read_keks(texts: tuple[str, ...]) -> dict[str, bytes]:
    keys = [_decoded(text) for text in texts]
    if not keys:
        raise KeysMissing
    return {_kek_id(key): key for key in keys}


def _digest_keys() -> dict[int, bytes]:
    """Digest keys by version, newest first."""
    return _read_digest_keys(tuple(settings.DIGEST_KEYS))


@cache
def _read_digest_keys(entries: tuple[str, ...]) -> dict[int, bytes]:
    keys: dict[int, bytes] = {}
    for entry in entries:
        version, _, text = entry.partition(":")
        if not version.isdecimal() or not 0 < int(version) < 256 or int(version) in keys:
            raise KeysMissing
        keys[int(version)] = _decoded(text)
    if not keys:
        raise KeysMissing
    return keys


def _lock(key: bytes, text: bytes, context: bytes) -> bytes:
    return _locked(AESGCM(key), text, context)


def _locked(cipher: AESGCM, text: bytes, context: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return SEAL_VERSION + nonce + cipher.encrypt(nonce, text, context)


def _unlock(key: bytes, blob: bytes, context: bytes) -> bytes:
    return _unlocked(AESGCM(key), blob, context)


def _unlocked(cipher: AESGCM, blob: bytes, context: bytes) -> bytes:
    if blob[:1] != SEAL_VERSION:
        raise Unreadable
    try:
        return cipher.decrypt(blob[1 : 1 + NONCE_BYTES], blob[1 + NONCE_BYTES :], context)
    except (InvalidTag, ValueError):
        raise Unreadable from None


# --- data keys ----------------------------------------------------------------------------------
def new_key() -> DataKey:
    """A new data key, wrapped by the newest key of the environment."""
    return insert([made_key()])[0]


def made_key(reserved: int | None = None) -> DataKey:
    """The same, under a key that is reserved for its row; the caller writes it."""
    kek_id, kek = next(iter(_keks().items()))
    wrapped = _lock(kek, os.urandom(KEY_BYTES), WRAP_CONTEXT)
    return DataKey(pk=reserved, wrapped=wrapped, kek_id=kek_id)


def destroy(data_key: DataKey, at: datetime) -> None:
    """Make everything sealed with ``data_key`` unreadable for ever. Doing it twice is harmless."""
    DataKey.objects.filter(pk=data_key.pk, destroyed_at=None).update(wrapped=b"", destroyed_at=at)
    data_key.refresh_from_db()


class Box:
    """Seals and opens texts with one data key. The context says which field a text belongs to."""

    def __init__(self, data_key: DataKey) -> None:
        kek = _keks().get(data_key.kek_id)
        if kek is None or data_key.destroyed_at is not None:
            raise Unreadable
        self._key = _unlock(kek, bytes(data_key.wrapped), WRAP_CONTEXT)
        self._cipher = AESGCM(self._key)
        self._place = f"\x00{data_key.pk}"

    def __repr__(self) -> str:
        return "Box()"

    def seal(self, text: str, *, context: str) -> bytes:
        """``text``, readable only with this key and in this ``context``."""
        return _locked(self._cipher, text.encode(), (context + self._place).encode())

    def open(self, blob: bytes | memoryview, *, context: str) -> str:
        """The text in ``blob``. Raises Unreadable."""
        return _unlocked(self._cipher, bytes(blob), (context + self._place).encode()).decode()

    def derive(self, salt: bytes, *, context: str) -> bytes:
        """A key of its own for one file: nobody can make it without this data key."""
        made = HKDF(hashes.SHA256(), KEY_BYTES, salt, (context + self._place).encode())
        return made.derive(self._key)


# --- rotation -----------------------------------------------------------------------------------
def rotate(*, chunk: int = 1000) -> Iterator[int]:
    """Wrap every data key anew with the newest key, ``chunk`` rows a transaction.

    Yields how many each transaction wrapped. It may stop anywhere and be started again. Raises
    Unreadable when a key that is still needed has left ENCRYPTION_KEYS; nothing is lost by that.
    """
    newest, kek = next(iter(_keks().items()))
    last = 0
    while ids := _rotate_chunk(newest, kek, last, chunk):
        last = max(ids)
        yield len(ids)


@transaction.atomic
def _rotate_chunk(newest: str, kek: bytes, last: int, chunk: int) -> list[int]:
    keks = _keks()
    rows = list(
        DataKey.objects.select_for_update()
        .filter(pk__gt=last, destroyed_at=None)
        .exclude(kek_id=newest)
        .order_by("pk")[:chunk]
    )
    if any(row.kek_id not in keks for row in rows):
        raise Unreadable
    ids = [row.pk for row in rows]
    plain = (_unlock(keks[row.kek_id], bytes(row.wrapped), WRAP_CONTEXT) for row in rows)
    wrapped = [_lock(kek, key, WRAP_CONTEXT) for key in plain]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ccpa_office_datakey d SET wrapped = new.wrapped, kek_id = %s"
            " FROM unnest(%s::bigint[], %s::bytea[]) AS new(id, wrapped) WHERE d.id = new.id",
            [newest, ids, wrapped],
        )
    return ids


# --- texts outside the database -----------------------------------------------------------------
def seal_outside(text: bytes, *, context: str) -> str:
    """``text`` for a file that must be readable without the database: ``key id.base64``."""
    kek_id, kek = next(iter(_keks().items()))
    blob = _lock(_key_outside(kek, context), text, context.encode())
    return f"{kek_id}.{base64.b64encode(blob).decode()}"


def open_outside(sealed: str, *, context: str) -> bytes:
    """The text again, with whichever of ENCRYPTION_KEYS sealed it. Raises Unreadable."""
    kek_id, _, text = sealed.partition(".")
    kek = _keks().get(kek_id)
    if kek is None:
        raise Unreadable
    try:
        blob = base64.b64decode(text, validate=True)
    except ValueError:
        raise Unreadable from None
    return _unlock(_key_outside(kek, context), blob, context.encode())


def is_newest(sealed: str) -> bool:
    """Whether the newest of ENCRYPTION_KEYS sealed it."""
    return sealed.partition(".")[0] == next(iter(_keks()))


def _key_outside(kek: bytes, context: str) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, None, b"outside\x00" + context.encode()).derive(kek)


# --- keyed digests ------------------------------------------------------------------------------
def digest(purpose: str, value: str) -> bytes:
    """The keyed digest of ``value`` with the newest key: one byte of version, then 32 of HMAC."""
    return digests(purpose, value)[0]


def digests(purpose: str, value: str) -> list[bytes]:
    """The keyed digests of ``value`` with every key, newest first: look rows up by all of them."""
    message = f"{purpose}\x00{value}".encode()
    return [
        bytes([version]) + hmac.digest(key, message, "sha256")
        for version, key in _digest_keys().items()
    ]


# --- canonical forms ----------------------------------------------------------------------------
def normal_email(value: str) -> str:
    """``value`` as one spelling of an address; dots and plus signs stay: they mean something."""
    local, at_sign, domain = _folded(value).strip().rpartition("@")
    with contextlib.suppress(UnicodeError):
        domain = domain.rstrip(".").encode("idna").decode()
    return f"{local}{at_sign}{domain}"


def normal_phone(value: str) -> str:
    """``value`` in E.164, read as a number of the United States when it names no country."""
    text = unicodedata.normalize("NFKC", value).strip()
    try:
        return phonenumbers.format_number(
            phonenumbers.parse(text, "US"), phonenumbers.PhoneNumberFormat.E164
        )
    except phonenumbers.NumberParseException:
        return "".join(character for character in text if character.isdecimal())


def normal_name(value: str) -> str:
    """``value`` without case, Latin accents, punctuation and the order of its words."""
    kept: list[str] = []
    base = ""
    for character in unicodedata.normalize("NFKD", _folded(value)):
        if unicodedata.combining(character):
            if not base.isascii():
                kept.append(character)
            continue
        base = character
        kept.append(character if character.isalnum() else _separator(character))
    return unicodedata.normalize("NFC", " ".join(sorted("".join(kept).split())))


def _folded(value: str) -> str:
    """``value`` without case and compatible spellings; folding can open a spelling, so twice."""
    once = unicodedata.normalize("NFKC", value).casefold()
    return unicodedata.normalize("NFKC", once).casefold()


def _separator(character: str) -> str:
    """Apostrophes join, every other mark parts."""
    return "" if character in "'’`" else " "
