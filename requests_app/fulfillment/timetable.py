"""When batches run."""

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
