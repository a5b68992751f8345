"""When batches run, and how many systems have their turn."""

from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta

from django.conf import settings

from ccpa_office.law.deadlines import PACIFIC


def next_run(after: datetime) -> datetime:
    """The first moment at or after ``after`` at which batches run (``BATCH_AT``, Pacific).

    ``BATCH_AT=every minute`` (or ``*``) waits for no hour, as the demo does.
    """
    if settings.BATCH_AT in {"every minute", "*"}:
        return after
    hour, minute = (int(part) for part in settings.BATCH_AT.split(":"))
    local = after.astimezone(PACIFIC)
    at = datetime.combine(local.date(), time(hour, minute), tzinfo=PACIFIC)
    if at < local:
        at = datetime.combine(local.date() + timedelta(days=1), time(hour, minute), tzinfo=PACIFIC)
    return at.astimezone(after.tzinfo)


def each_in_turn(acts: Iterable[Callable[[], int]]) -> int:
    """The sum of all; one that fails keeps no other waiting, and is raised after the last."""
    total, failed = 0, list[Exception]()
    for act in acts:
        try:
            total += act()
        except Exception as error:  # noqa: BLE001 - raised below, when everyone had their turn
            failed.append(error)
    if failed:
        raise failed[0]
    return total
