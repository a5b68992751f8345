"""Business days in four calendars, and the arithmetic of days and months.

The Act does not define a business day; ``ca_state`` is the default (reading). Holidays are dated
data: a change of the law is a new row with its first year, and a last year for the old row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

MONDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = 0, 3, 4, 5, 6
DAY = timedelta(days=1)


class Calendar(TextChoices):
    """The readings of "business day" (Gov. Code 19853; none; Civ. 7, 9; 5 U.S.C. 6103)."""

    CA_STATE = "ca_state", _("California state offices")
    WEEKDAY = "weekday", _("Monday to Friday without holidays")
    CIV9 = "civ9", _("Civil Code: Monday to Saturday")
    FEDERAL = "federal", _("Federal offices")


@dataclass(frozen=True)
class FixedDate:
    """The same date each year (Gov. Code 6700), and where a weekend moves it (Gov. Code 6701)."""

    month: int
    day: int
    sunday_to_monday: bool = False
    saturday_to_friday: bool = False

    def days(self, year: int) -> tuple[date, ...]:
        """The date itself and, where the row says so, the weekday kept for it."""
        day = date(year, self.month, self.day)
        if self.sunday_to_monday and day.weekday() == SUNDAY:
            return day, day + DAY
        if self.saturday_to_friday and day.weekday() == SATURDAY:
            return day, day - DAY
        return (day,)


@dataclass(frozen=True)
class NthWeekday:
    """The ``nth`` such weekday of a month, -1 the last, plus some days (Gov. Code 6700)."""

    month: int
    weekday: int
    nth: int
    plus: int = 0

    def days(self, year: int) -> tuple[date, ...]:
        """The one day of that year."""
        if self.nth < 0:
            last = date(year + self.month // 12, self.month % 12 + 1, 1) - DAY
            return (last - timedelta(days=(last.weekday() - self.weekday) % 7),)
        first = date(year, self.month, 1)
        ahead = (self.weekday - first.weekday()) % 7 + 7 * (self.nth - 1) + self.plus
        return (first + timedelta(days=ahead),)


@dataclass(frozen=True)
class DatedTable:
    """A feast of a moon calendar, looked up (Gov. Code 6700). A year not listed has none.

    A missing day can only make a target earlier, never later.
    """

    dates: tuple[str, ...]

    def days(self, year: int) -> tuple[date, ...]:
        """The listed day of that year, if there is one."""
        return tuple(date.fromisoformat(text) for text in self.dates if int(text[:4]) == year)


@dataclass(frozen=True)
class Holiday:
    """One dated row of a holiday list, with its source (Gov. Code 6700, 6701, 19853)."""

    name: str
    rule: FixedDate | NthWeekday | DatedTable
    valid_from: int
    valid_to: int | None
    source: str

    def days(self, year: int) -> tuple[date, ...]:
        """The days that this row closes for ``year``; none before its first or after its last."""
        if year < self.valid_from or (self.valid_to is not None and year > self.valid_to):
            return ()
        return self.rule.days(year)


NEW_MOONS = DatedTable(
    (
        *("2020-01-25", "2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29"),
        *("2026-02-17", "2027-02-06", "2028-01-26", "2029-02-13", "2030-02-03", "2031-01-23"),
        *("2032-02-11", "2033-01-31", "2034-02-19", "2035-02-08", "2036-01-28", "2037-02-15"),
        *("2038-02-04", "2039-01-24", "2040-02-12", "2041-02-01", "2042-01-22", "2043-02-10"),
        *("2044-01-30", "2045-02-17", "2046-02-06"),
    )
)
"""Lunar New Year as kept in China Standard Time (Gov. Code 6700(a)(4); the zone is a reading)."""

DIWALI = DatedTable(
    (
        *("2026-11-08", "2027-10-29", "2028-10-17", "2029-11-05", "2030-10-26", "2031-11-14"),
        *("2032-11-02", "2033-10-22", "2034-11-10", "2035-10-30", "2036-10-19", "2037-11-07"),
        *("2038-10-27", "2039-11-15", "2040-11-04", "2041-10-24", "2042-11-12", "2043-11-01"),
        *("2044-10-20", "2045-11-08"),
    )
)
"""Diwali as kept in India (Gov. Code 6700, Stats. 2025 (AB 268); 2036 and 2037 are readings)."""


def _moved(month: int, day: int, *, to_friday: bool = False) -> FixedDate:
    return FixedDate(month, day, sunday_to_monday=True, saturday_to_friday=to_friday)


_S, _G, _F, _J = "Gov. Code 19853", "Gov. Code 6700", "5 U.S.C. 6103", "CCP 135"
_GENOCIDE = f"{_G}, Stats. 2022 (AB 1801)"
_THANKSGIVING = NthWeekday(11, THURSDAY, 4)
_AFTER_THANKSGIVING = NthWeekday(11, THURSDAY, 4, plus=1)

_EVERYWHERE = (
    ("Martin Luther King Jr. Day", NthWeekday(1, MONDAY, 3)),
    ("Presidents' Day", NthWeekday(2, MONDAY, 3)),
    ("Memorial Day", NthWeekday(5, MONDAY, -1)),
    ("Labor Day", NthWeekday(9, MONDAY, 1)),
    ("Thanksgiving Day", _THANKSGIVING),
)
_STATE_DATES = (
    ("New Year's Day", _moved(1, 1)),
    ("Cesar Chavez Day", _moved(3, 31)),
    ("Independence Day", _moved(7, 4)),
    ("Veterans Day", _moved(11, 11, to_friday=True)),
    ("Christmas Day", _moved(12, 25)),
)
_FEDERAL_DATES = (
    ("New Year's Day", _moved(1, 1, to_friday=True)),
    ("Independence Day", _moved(7, 4, to_friday=True)),
    ("Veterans Day", _moved(11, 11, to_friday=True)),
    ("Christmas Day", _moved(12, 25, to_friday=True)),
)
_LINCOLN = ("Lincoln Day", _moved(2, 12))
_NATIVE_AMERICAN = ("Native American Day", NthWeekday(9, FRIDAY, 4))
_COLUMBUS = ("Columbus Day", NthWeekday(10, MONDAY, 2))

HOLIDAYS: Mapping[Calendar, tuple[Holiday, ...]] = MappingProxyType(
    {
        Calendar.CA_STATE: (
            *(Holiday(name, rule, 2010, None, _S) for name, rule in (*_STATE_DATES, *_EVERYWHERE)),
            Holiday("Day after Thanksgiving", _AFTER_THANKSGIVING, 2010, None, _S),
        ),
        Calendar.WEEKDAY: (),
        Calendar.CIV9: (
            *(Holiday(name, rule, 2010, None, _G) for name, rule in (*_STATE_DATES, *_EVERYWHERE)),
            Holiday(*_LINCOLN, 2010, None, _G),
            Holiday("Admission Day", _moved(9, 9), 2010, None, _G),
            Holiday(*_NATIVE_AMERICAN, 2016, None, _G),
            Holiday(*_COLUMBUS, 2010, None, _G),
            Holiday("Lunar New Year", NEW_MOONS, 2023, None, f"{_G}, Stats. 2022 (AB 2596)"),
            Holiday("Genocide Remembrance Day", FixedDate(4, 24), 2023, None, _GENOCIDE),
            Holiday("Juneteenth", FixedDate(6, 19), 2023, None, f"{_G}, Stats. 2022 (AB 1655)"),
            Holiday("Diwali", DIWALI, 2026, None, f"{_G}, Stats. 2025 (AB 268)"),
        ),
        Calendar.FEDERAL: (
            *(
                Holiday(name, rule, 2010, None, _F)
                for name, rule in (*_FEDERAL_DATES, *_EVERYWHERE, _COLUMBUS)
            ),
            Holiday("Juneteenth", _moved(6, 19, to_friday=True), 2021, None, _F),
        ),
    }
)
"""The holidays of each calendar (Gov. Code 19853; Gov. Code 6700; 5 U.S.C. 6103).

A Sunday gives its Monday only to the seven dates that Gov. Code 6701 names; 24 April, 19 June and
the moon feasts are not among them. Only 11 November gives its Friday to a Saturday.
Good Friday from noon is part of a day and is not counted (reading).
"""

JUDICIAL_HOLIDAYS: tuple[Holiday, ...] = (
    *(Holiday(name, rule, 2010, None, _J) for name, rule in (*_FEDERAL_DATES, *_EVERYWHERE)),
    Holiday("Lincoln Day", _moved(2, 12, to_friday=True), 2010, None, _J),
    Holiday("Cesar Chavez Day", _moved(3, 31, to_friday=True), 2010, None, _J),
    Holiday("Juneteenth", _moved(6, 19, to_friday=True), 2022, None, _J),
    Holiday(*_NATIVE_AMERICAN, 2022, None, _J),
    Holiday("Columbus Day", NthWeekday(10, MONDAY, 2), 2010, 2021, _J),
    Holiday("Day after Thanksgiving", _AFTER_THANKSGIVING, 2010, None, _J),
)
"""The days on which the courts close (CCP 135), for ``respond_outer_ccp12a`` alone (reading)."""

FREE_WEEKDAYS: Mapping[Calendar, frozenset[int]] = MappingProxyType(
    {
        Calendar.CA_STATE: frozenset({SATURDAY, SUNDAY}),
        Calendar.WEEKDAY: frozenset({SATURDAY, SUNDAY}),
        Calendar.CIV9: frozenset({SUNDAY}),
        Calendar.FEDERAL: frozenset({SATURDAY, SUNDAY}),
    }
)
"""The weekdays that never count; under Civ. 7 and 9 a Saturday counts."""

CALENDAR_SECTIONS: Mapping[Calendar, str] = MappingProxyType(
    {
        Calendar.CA_STATE: "Gov. Code 6701, 19853 (reading)",
        Calendar.WEEKDAY: "11 CCR 7021(a) (reading: no holidays)",
        Calendar.CIV9: "Civ. 7, 9; Gov. Code 6700, 6701",
        Calendar.FEDERAL: "5 U.S.C. 6103 (reading)",
    }
)
"""The source of each calendar (Civ. 9; Gov. Code 19853; 5 U.S.C. 6103)."""


def days_of(rows: tuple[Holiday, ...], year: int) -> dict[date, str]:
    """Name the closed days that fall in ``year`` (Gov. Code 6701, 5 U.S.C. 6103(b)).

    The next year's rows are read too: its 1 January may be kept on 31 December.
    """
    found = {day: row.name for row in rows for y in (year, year + 1) for day in row.days(y)}
    return {day: found[day] for day in sorted(found) if day.year == year}


@cache
def holidays_of(calendar: Calendar, year: int) -> Mapping[date, str]:
    """Name the holidays of a year, moved days included (Gov. Code 6700, 6701, 19853)."""
    return MappingProxyType(days_of(HOLIDAYS[calendar], year))


@cache
def judicial_holidays_of(year: int) -> Mapping[date, str]:
    """Name the days of a year on which the courts are closed (CCP 135)."""
    return MappingProxyType(days_of(JUDICIAL_HOLIDAYS, year))


def is_business_day(calendar: Calendar, day: date) -> bool:
    """Say whether ``day`` counts in a term of business days (Civ. 9; Gov. Code 19853)."""
    if day.weekday() in FREE_WEEKDAYS[calendar]:
        return False
    return day not in holidays_of(calendar, day.year)


def add_business_days(calendar: Calendar, start: date, n: int) -> date:
    """Count ``n`` business days; the day after ``start`` is the first that may count (Civ. 10)."""
    day = start
    while n > 0:
        day += DAY
        n -= is_business_day(calendar, day)
    return day


def add_months(day: date, months: int) -> date:
    """Add calendar months; a day that is missing rolls forward (Gov. Code 6804, reading)."""
    years, index = divmod(day.month - 1 + months, 12)
    try:
        return date(day.year + years, index + 1, day.day)
    except ValueError:
        return date(day.year + years, index + 2, 1)
