"""The one clock of the office. Only edges read it; everything else is given ``at``."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

OFFICE_ZONE = ZoneInfo("America/Los_Angeles")
DURATION = re.compile(
    r"(?P<sign>[+-])?P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


class BadDuration(ValueError):
    """CLOCK_OFFSET must be a duration such as P40D, -P2D or PT90M."""


def now() -> datetime:
    """This moment in UTC, shifted by ``CLOCK_OFFSET`` in rehearsals and tests."""
    return datetime.now(UTC) + offset()


def today() -> date:
    """Today in California: the office's days begin at midnight Pacific time."""
    return day_of(now())


def day_of(at: datetime) -> date:
    """The office's day in which ``at`` lies."""
    return at.astimezone(OFFICE_ZONE).date()


def midnight(day: date) -> datetime:
    """When a day of the office begins."""
    return datetime.combine(day, time.min, tzinfo=OFFICE_ZONE)


def offset() -> timedelta:
    """How far the office's clock runs ahead of (or, negative, behind) the machine's."""
    return duration(settings.CLOCK_OFFSET)


def duration(text: str) -> timedelta:
    """``text``, an ISO 8601 duration of weeks to seconds; empty is none. Raises BadDuration."""
    if not text:
        return timedelta()
    match = DURATION.fullmatch(text)
    if match is None:
        raise BadDuration
    parts = match.groupdict()
    sign = -1 if parts.pop("sign") == "-" else 1
    return sign * timedelta(**{name: int(value) for name, value in parts.items() if value})
