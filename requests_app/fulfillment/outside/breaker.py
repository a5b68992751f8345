"""When an outside system may be called: not while it fails, not too fast, not too often at once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F, Q

from ccpa_office.connectors.http import Answer, Limits, Means
from requests_app.models import OutsideState

FAILURES = 5
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
PATIENCE = timedelta(seconds=2)
TROUBLE = frozenset({"unreachable", "slow", "cut", "failed", "no-token"})
"""Codes that say something of the system, not of the person."""


class NotNow(Exception):
    """The system is not called now; ``pause`` says for how long. This is no attempt."""

    def __init__(self, code: str, pause: timedelta) -> None:
        super().__init__(code)
        self.code, self.pause = code, pause


@contextmanager
def admitted(system_key: str, limits: Limits, *, at: datetime) -> Iterator[None]:
    """Let one caller through, if the system may be called now. Raises ``NotNow``."""
    state, _new = OutsideState.objects.get_or_create(system_key=system_key)
    _pass_the_breaker(state, at)
    with _place(system_key, limits.at_once):
        _keep_pace(system_key, limits.per_second)
        yield


def _pass_the_breaker(state: OutsideState, at: datetime) -> None:
    """While it is open, one caller tries each time its pause is over; the others wait."""
    if state.not_before is None:
        return
    if state.not_before > at:
        raise NotNow(state.code or "open", state.not_before - at)
    pause = min(FIRST_PAUSE * (1 << min(state.probes, 16)), LONGEST_PAUSE)
    mine = OutsideState.objects.filter(pk=state.pk, not_before=state.not_before).update(
        not_before=at + pause, probes=F("probes") + 1
    )
    if not mine:
        raise NotNow("open", FIRST_PAUSE)


def note(system_key: str, answer: Answer, *, at: datetime) -> None:
    """Remember how the system answered. What it says itself of when to come again wins."""
    state = OutsideState.objects.filter(system_key=system_key)
    if answer.means == Means.LATER and answer.pause is not None:
        state.update(not_before=at + timedelta(seconds=answer.pause), code=answer.code)
    elif answer.code in TROUBLE:
        state.update(failures=F("failures") + 1, code=answer.code)
        state.filter(failures__gte=FAILURES, opened_at=None).update(
            opened_at=at, not_before=at + FIRST_PAUSE, probes=1
        )
    else:
        state.filter(~Q(failures=0) | Q(not_before__isnull=False)).update(
            failures=0, probes=0, opened_at=None, not_before=None, code=""
        )


@contextmanager
def _place(system_key: str, places: int) -> Iterator[None]:
    """One of a few places at the system, held by this worker's connection."""
    with connection.cursor() as cursor:
        for place in range(places):
            names: tuple[str, int] = (f"outside:{system_key}", place)
            cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s), %s)", names)
            if cursor.fetchone()[0]:
                break
        else:
            raise NotNow("at-once", PATIENCE)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s), %s)", names)


PACE = """
UPDATE requests_app_outsidestate
SET next_call_at = greatest(next_call_at, clock_timestamp()) + %s::interval
WHERE system_key = %s
RETURNING next_call_at - %s::interval - clock_timestamp()
"""


def _keep_pace(system_key: str, per_second: int) -> None:
    """Wait for this caller's turn; the turns are dealt by the database's own clock."""
    step = f"{1 / per_second} seconds"
    with connection.cursor() as cursor:
        cursor.execute(PACE, [step, system_key, step])
        (wait,) = cursor.fetchone()
    if wait > PATIENCE:
        raise NotNow("pace", wait)
    if wait > timedelta(0):
        time.sleep(wait.total_seconds())
