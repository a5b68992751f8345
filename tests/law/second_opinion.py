"""The same dates by another road, to hold against ``ccpa_office.law``.

Nothing here is imported from the law room, and nothing is done the way it is done there: holidays
are recognized by looking at a day, terms are counted along a list of all business days, daylight
saving follows the American rule without zone data, and months step along the calendar.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from itertools import islice

from holidays.calendars.chinese import _ChineseLunisolar
from holidays.calendars.hindu import _HinduLunisolar

ONE = timedelta(days=1)
MON, THU, FRI, SAT, SUN = 0, 3, 4, 5, 6
LATER_DIWALIS = {
    date(2036, 10, 19),
    date(2037, 11, 7),
    date(2038, 10, 27),
    date(2039, 11, 15),
    date(2040, 11, 4),
    date(2041, 10, 24),
    date(2042, 11, 12),
    date(2043, 11, 1),
    date(2044, 10, 20),
    date(2045, 11, 8),
}


def is_lunar_new_year(day):
    return _ChineseLunisolar().lunar_new_year_date(day.year)[0] == day


def is_diwali(day):
    if day.year > 2035:
        return day in LATER_DIWALIS
    return _HinduLunisolar().diwali_india_date(day.year)[0] == day


def is_floating(day):
    """Third Mondays, the last of May, the first of September, Thanksgiving."""
    m, d, w = day.month, day.day, day.weekday()
    return (
        (w == MON and m in (1, 2) and 15 <= d <= 21)
        or (w == MON and m == 5 and d >= 25)
        or (w == MON and m == 9 and d <= 7)
        or (w == THU and m == 11 and 22 <= d <= 28)
    )


def is_kept(day, *, fixed, to_friday=()):
    """A fixed date, the Monday after one on a Sunday, the Friday before one on a Saturday."""
    before, after = day - ONE, day + ONE
    return (
        (day.month, day.day) in fixed
        or (day.weekday() == MON and (before.month, before.day) in fixed)
        or (day.weekday() == FRI and (after.month, after.day) in to_friday)
    )


def closed_ca_state(day):
    fixed = {(1, 1), (3, 31), (7, 4), (11, 11), (12, 25)}
    after_thanksgiving = day.month == 11 and day.weekday() == FRI and 23 <= day.day <= 29
    kept = is_kept(day, fixed=fixed, to_friday={(11, 11)})
    return day.weekday() >= SAT or after_thanksgiving or is_floating(day) or kept


def closed_weekday(day):
    return day.weekday() in (SAT, SUN)


def closed_civ9(day):
    moving = {(1, 1), (2, 12), (3, 31), (7, 4), (9, 9), (11, 11), (12, 25)}
    m, d, w = day.month, day.day, day.weekday()
    return (
        w == SUN
        or is_floating(day)
        or is_kept(day, fixed=moving, to_friday={(11, 11)})
        or (m == 9 and w == FRI and 22 <= d <= 28)
        or (m == 10 and w == MON and 8 <= d <= 14)
        or (day.year >= 2023 and ((m, d) in {(4, 24), (6, 19)} or is_lunar_new_year(day)))
        or (day.year >= 2026 and is_diwali(day))
    )


def closed_federal(day):
    fixed = {(1, 1), (7, 4), (11, 11), (12, 25)}
    if day.year >= 2021:
        fixed |= {(6, 19)}
    columbus = day.month == 10 and day.weekday() == MON and 8 <= day.day <= 14
    kept = is_kept(day, fixed=fixed, to_friday=fixed)
    return day.weekday() >= SAT or columbus or is_floating(day) or kept


CLOSED = {
    "ca_state": closed_ca_state,
    "weekday": closed_weekday,
    "civ9": closed_civ9,
    "federal": closed_federal,
}


@cache
def open_days(calendar):
    """Every business day from the end of 2019 to the spring of 2047, in order."""
    first, last = date(2019, 12, 1), date(2047, 4, 1)
    days = (first + ONE * i for i in range((last - first).days))
    return tuple(day for day in days if not CLOSED[calendar](day))


@cache
def place(calendar):
    """Of every day: how many business days there are up to and including it."""
    counts, seen, days = {}, 0, set(open_days(calendar))
    day = date(2019, 12, 1)
    while day < date(2047, 4, 1):
        seen += day in days
        counts[day] = seen
        day += ONE
    return counts


def nth_open_day(calendar, start, n):
    return open_days(calendar)[place(calendar)[start] + n - 1]


def sundays_of(year, month):
    return [
        d for d in range(1, monthrange(year, month)[1] + 1) if date(year, month, d).weekday() == SUN
    ]


def pacific_offset(instant):
    """Hours behind UTC: 7 from the second Sunday of March, 2:00, to the first of November, 2:00."""
    utc = instant.astimezone(UTC)
    spring = datetime(utc.year, 3, sundays_of(utc.year, 3)[1], 10, tzinfo=UTC)
    autumn = datetime(utc.year, 11, sundays_of(utc.year, 11)[0], 9, tzinfo=UTC)
    return 7 if spring <= utc < autumn else 8


def pacific_day(instant):
    return (instant.astimezone(UTC) - timedelta(hours=pacific_offset(instant))).date()


def end_of(day):
    """The first hour of UTC which in California is no longer ``day``."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    hours = (noon + timedelta(hours=h) for h in range(36))
    return next(islice((hour for hour in hours if pacific_day(hour) > day), 1))


def months_later(day, months):
    first = day.replace(day=1)
    for _ in range(months):
        first += timedelta(days=monthrange(first.year, first.month)[1])
    days = monthrange(first.year, first.month)[1]
    return first + timedelta(days=min(day.day - 1, days))


def dates(kind, instant, calendar):
    """The dates of one request as a dict, absent duties None."""
    day = pacific_day(instant)
    answer = kind.startswith("know") or kind in {"delete", "correct", "admt-access", "admt-appeal"}
    stop = kind in {"opt-out", "limit", "admt-opt-out"}
    after = [day + ONE * n for n in range(91)]

    def strict(n):
        return min(nth_open_day("weekday", day, n), nth_open_day("civ9", day, n))

    return {
        "received_date": day,
        "ack_by": nth_open_day(calendar, day, 10) if answer else None,
        "ack_target": strict(10) if answer else None,
        "respond_by": after[45] if answer else None,
        "respond_target": after[44] if answer else None,
        "extended_by": after[90] if answer else None,
        "optout_by": nth_open_day(calendar, day, 15) if stop else None,
        "optout_target": strict(15) if stop else None,
        "respond_expires_utc": end_of(after[45]) if answer else None,
        "earliest_reask": months_later(day, 12) if stop else None,
        "calendar": calendar,
    }


def timezone_of(hours):
    return timezone(timedelta(hours=hours))
