"""The office's keys: what they must look like, and how keys made for a demo give themselves away.

A demo key ends with a checksum of what stands before it, so that production can refuse it
without a list. It still holds 28 random bytes. ``python -m ccpa_office.keys`` prints a set of
keys for production.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import sys

KEY_BYTES = 32
MARK_BYTES = 4
DEMO_PREFIX = "demo-"


def _mark(body: bytes) -> bytes:
    return hashlib.sha256(b"ccpa-office demo key" + body).digest()[:MARK_BYTES]


def new_key() -> str:
    """Return a random key for production, base64 of 32 bytes."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def new_demo_key() -> str:
    """Return a random key that production refuses."""
    body = secrets.token_bytes(KEY_BYTES - MARK_BYTES)
    return base64.b64encode(body + _mark(body)).decode()


def is_key(text: str) -> bool:
    """Return whether ``text`` is base64 of 32 bytes that are not all the same."""
    raw = _decoded(text)
    return len(raw) == KEY_BYTES and len(set(raw)) > 1


def is_demo_key(text: str) -> bool:
    """Return whether ``text`` was made for a demo."""
    raw = _decoded(text)
    body, mark = raw[:-MARK_BYTES], raw[-MARK_BYTES:]
    return text.startswith(DEMO_PREFIX) or hmac.compare_digest(_mark(body), mark)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def demo_secrets() -> dict[str, str]:
    """Return a whole set of keys for a demo, by the names of the settings."""
    return {
        "SECRET_KEY": DEMO_PREFIX + secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": new_demo_key(),
        "DIGEST_KEYS": f"1:{new_demo_key()}",
        "LEDGER_SIGNING_KEY": new_demo_key(),
    }


def production_secrets() -> dict[str, str]:
    """Return a whole set of keys for production, by the names of the settings."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ENCRYPTION_KEYS": new_key(),
        "DIGEST_KEYS": f"1:{new_key()}",
        "LEDGER_SIGNING_KEY": new_key(),
    }


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}={value}\n" for name, value in production_secrets().items())
