"""Makes lists as the deletion platform does: one line for each hash."""

from base64 import b64encode
from hashlib import sha256

NAME = "20260801_0042_Email.csv"


def hashed(text):
    """Base64 of SHA-256, without any of the house's code."""
    return b64encode(sha256(text.encode()).digest()).decode()


def item(number, mark="work"):
    """A work item of twelve characters."""
    return f"{mark}{number:0{12 - len(mark)}}"


def document(hashes, *, mark="work", end="\n"):
    """A list of these hashes."""
    lines = ["ID,Hash", *(f"{item(n, mark)},{each}" for n, each in enumerate(hashes))]
    return (end.join(lines) + end).encode()


def emails(*addresses, **more):
    """A list of addresses that are standardized already."""
    return document(map(hashed, addresses), **more)
