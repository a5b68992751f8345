"""A jump of the clock stops what destroys or ends things, until a person has looked at it.

The database's clock is compared with the time that the machine counts since its start, which no
setting of the clock can move.
"""

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DateTimeField, Func

from ccpa_office import ledger
from ccpa_office.models import ClockGuard
from ccpa_office.prepared import Prepared
from ccpa_office.roles import Actor, Verb, require

JUMP = timedelta(minutes=10)
LONG_STOP = timedelta(days=7)
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
UPTIME_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ClockTime(Func):
    """The database's clock at this instant, not at the start of the transaction."""

    function = "clock_timestamp"
    output_field = DateTimeField()


def witness(at: datetime) -> bool:
    """Look at the clock once a minute; return whether it is trusted. Only the keeper calls it."""
    with transaction.atomic():
        if not ClockGuard.objects.exists():  # `migrate` made it; the application's role may not
            ClockGuard.objects.bulk_create([ClockGuard()], ignore_conflicts=True)
        guard = ClockGuard.objects.select_for_update().get()
        moment, boot, uptime = _database_time(), boot_id(), machine_uptime()
        if guard.suspect_since is None and has_jumped(guard, moment, boot, uptime):
            guard.suspect_since = at
            ledger.record("clock.suspected", subject="office", by=Actor.system("keeper"), at=at)
        guard.seen_at, guard.boot, guard.uptime = moment, boot, uptime
        guard.save(update_fields=["seen_at", "boot", "uptime", "suspect_since"])
    return guard.suspect_since is None


def has_jumped(guard: ClockGuard, moment: datetime, boot: str, uptime: float) -> bool:
    """Whether the clock is more than 10 minutes from where it should be since it was last seen.

    Over a restart of the machine nothing else counted the time: then only a step back, or a stop
    of more than a week (in a demo, none), asks for a person.
    """
    if guard.seen_at is None:
        return False
    passed = moment - guard.seen_at
    if guard.boot == boot:
        return abs(passed - timedelta(seconds=uptime - guard.uptime)) > JUMP
    return passed < -JUMP or (passed > LONG_STOP and not settings.DEMO)


GUARD: Prepared[Any] = Prepared(
    lambda: ClockGuard.objects.annotate(moment=ClockTime()).order_by("pk")[:1], planned=True
)


def clock_is_trusted() -> bool:
    """Whether work that destroys or ends things may go on. Unknown means no."""
    guard = next(iter(GUARD()), None)
    if guard is None or guard.seen_at is None or guard.suspect_since is not None:
        return False
    return not has_jumped(guard, guard.moment, boot_id(), machine_uptime())


def confirm_clock(*, by: Actor, at: datetime) -> None:
    """Say, as a person, that the clock is right. Raises NotAllowed."""
    require(by, Verb.CONFIRM_CLOCK)
    with transaction.atomic():
        ClockGuard.objects.select_for_update().update(
            suspect_since=None, seen_at=_database_time(), boot=boot_id(), uptime=machine_uptime()
        )
        ledger.record("clock.confirmed", subject="office", by=by, at=at)


def boot_id() -> str:
    """Which run of which machine this is; empty where the machine does not say."""
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""


def machine_uptime() -> float:
    """Seconds that this machine counts since its start."""
    return time.clock_gettime(UPTIME_CLOCK)


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment
