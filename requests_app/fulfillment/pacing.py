"""A batch takes a share of a system's time, and stands back while the system is busy.

Each system says what share of time work on it may take (100: all of it, nothing is measured), and
how many sessions of others may be at work meanwhile. Below 100 one chunk at a time is worked on;
after it the system is left alone for as long as its share asks. Before it a small statement is
timed: while it takes much longer than usual, or too many sessions work, the chunk waits.
"""

import time
from datetime import datetime, timedelta

from django.db import transaction

from ccpa_office import clock
from notices_app.models import DataSystem
from requests_app.models import Pace, Slowed
from requests_app.targets import Target

WHOLE = 100
STANDS_BACK = timedelta(seconds=10)
AT_MOST = timedelta(minutes=3)
"""So long a chunk has a system for itself, if its worker dies: as long as its lease."""
SLOWER, NOISE = 3.0, 0.05
"""So many times the usual answer, and so many seconds more, are much longer than usual."""
REMEMBERS = 0.1


class NotYet(Exception):
    """The system is left alone until ``until``."""

    def __init__(self, until: datetime) -> None:
        super().__init__("the system is left alone for a while")
        self.until = until


class Turn:
    """One piece of work on a system, within its share; a system without one costs nothing."""

    def __init__(self) -> None:
        self._system: DataSystem | None = None
        self._began = 0.0

    def begin(self, system: DataSystem, target: Target, *, at: datetime) -> None:
        """Take the system. Raises ``NotYet``; nothing was touched then."""
        if system.share >= WHOLE and not system.most_sessions:
            return
        seconds, sessions = target.connector.probe()
        _begin(system, seconds, sessions, at)
        self._system, self._began = system, time.monotonic()

    def end(self) -> None:
        """Leave the system alone for as long as its share asks."""
        if self._system is None:
            return
        share, worked = self._system.share, time.monotonic() - self._began
        rest = timedelta(seconds=worked * (WHOLE - share) / share)
        Pace.objects.filter(system_key=self._system.key).update(
            free_at=clock.now() + rest, slowed=Slowed.SHARE if rest else Slowed.NOT
        )


def _begin(system: DataSystem, seconds: float, sessions: int, at: datetime) -> None:
    with transaction.atomic():
        pace, _new = Pace.objects.select_for_update().get_or_create(
            system_key=system.key, defaults={"free_at": at, "usual": seconds}
        )
        if pace.free_at > at:
            raise NotYet(pace.free_at)
        slowed = _slowed(system, pace.usual, seconds, sessions)
        pace.answered, pace.sessions, pace.slowed = seconds, sessions, slowed
        if not slowed:
            pace.usual += REMEMBERS * (seconds - pace.usual)
        pace.free_at = at + (STANDS_BACK if slowed else AT_MOST)
        pace.save()
    if slowed:
        raise NotYet(pace.free_at)


def _slowed(system: DataSystem, usual: float, seconds: float, sessions: int) -> Slowed:
    if system.most_sessions and sessions > system.most_sessions:
        return Slowed.SESSIONS
    if seconds > SLOWER * usual + NOISE:
        return Slowed.ANSWERS
    return Slowed.NOT
