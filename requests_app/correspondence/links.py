"""Addresses that letters show, and how long a mailed link opens."""

import hashlib
import re
from datetime import timedelta

from django.conf import settings

from requests_app.models import LinkPurpose

TOKEN = re.compile(r"(?<=/requests/l/)[A-Za-z0-9_-]+")
CODE = re.compile(r"(?<![\w-])\w{4}-\w{4}(?![\w-])", re.ASCII)
"""How a token stands in a letter, and the code that opens a package."""

LINK_LIFE = {
    LinkPurpose.FOLLOW: timedelta(hours=72),
    LinkPurpose.CONFIRM: timedelta(hours=72),
    LinkPurpose.STOP: timedelta(days=100),
    LinkPurpose.PACKAGE: timedelta(days=14),
}
"""How long a mailed link opens (VR-21); the stop link as long as any answer may take."""


def token_digest(token: str) -> bytes:
    """What is kept of a token: its SHA-256 (the token itself has 256 random bits)."""
    return hashlib.sha256(token.encode()).digest()


def link_url(token: str, language: str) -> str:
    """The address that a letter shows for a token."""
    return page_url(f"requests/l/{token}/", language)


def page_url(path: str, language: str) -> str:
    """A public page of the office in a language, as a whole address."""
    prefix = "" if language == settings.LANGUAGE_CODE else f"/{language}"
    return f"{settings.SITE_URL}{prefix}/{path}"


def without_keys(text: str, *, letter: str) -> str:
    """A letter as staff may read it: what opens something is its reader's alone (VR-41).

    Whoever could follow a consumer's link, or a vendor's, would be both people of four eyes.
    """
    shown = TOKEN.sub("…", text)
    return CODE.sub("••••-••••", shown) if letter == "package_code" else shown
