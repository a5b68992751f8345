"""How often somebody may try: counted in the database, exact when many tries come at once.

A place is a keyed digest, never a name or an address. A try is counted before it is judged, so of
any number of tries at the same instant no more than the limit get through. Each closing in a row
lasts twice as long as the one before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from ccpa_office import sealing


@dataclass(frozen=True)
class Limit:
    """So many tries in a window; then the place is closed for the window, doubled each time."""

    name: str
    tries: int
    window: timedelta = timedelta(minutes=15)


ACCOUNT = Limit("account", 5)
ADDRESS = Limit("address", 20)
CODE = Limit("code", 5)
USED = Limit("used code", 1, timedelta(minutes=2))
"""A code that was right is right once, in whichever process it is tried again."""

LONGEST = timedelta(hours=8)
FORGET = timedelta(hours=24)

# `tries` and `since` count the window that runs; `level` counts the closings in a row.
COUNT = """
INSERT INTO ccpa_office_throttle AS place (key, tries, since, level)
VALUES (%(key)s, 1, %(at)s, 0)
ON CONFLICT (key) DO UPDATE SET
    tries = CASE WHEN place.since <= %(at)s - %(window)s THEN 1 ELSE place.tries + 1 END,
    since = CASE WHEN place.since <= %(at)s - %(window)s THEN %(at)s ELSE place.since END,
    level = CASE WHEN place.since <= %(at)s - %(forget)s THEN 0 ELSE place.level END,
    closed_until = NULL
WHERE place.closed_until IS NULL OR place.closed_until <= %(at)s
RETURNING tries, level
"""
CLOSE = """
UPDATE ccpa_office_throttle SET closed_until = %s, level = level + 1, since = %s
WHERE key = %s
"""


def place(limit: Limit, *parts: str) -> bytes:
    """Where tries are counted, as a keyed digest."""
    return sealing.digest("throttle", "\x00".join((limit.name, *parts)))


def count(limit: Limit, key: bytes, *, at: datetime) -> bool:
    """Count one try; return False, and count nothing, while the place is closed.

    The try that reaches the limit still goes through; it closes the place behind it.
    """
    values: dict[str, Any] = {
        "key": key,
        "at": at,
        "window": limit.window,
        "forget": FORGET,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(COUNT, values)
        row = cursor.fetchone()
        if row is None:
            return False
        tries, level = row
        if tries >= limit.tries:
            wait = min(limit.window * 2**level, LONGEST)
            cursor.execute(CLOSE, [at + wait, at, key])
    return True


def forgive(key: bytes) -> None:
    """Forget a place: whoever tried there has shown who he is."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ccpa_office_throttle WHERE key = %s", [key])


def take_back(key: bytes) -> None:
    """Uncount one try of a place that others use too, and open it if that try had closed it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ccpa_office_throttle SET tries = tries - 1, closed_until = NULL,"
            " level = greatest(level - (closed_until IS NOT NULL)::int, 0) WHERE key = %s",
            [key],
        )


def sweep(*, at: datetime) -> None:
    """Drop what is a day old."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM ccpa_office_throttle WHERE since < %s"
            " AND (closed_until IS NULL OR closed_until < %s)",
            [at - FORGET, at],
        )
