"""Business days and months against the lists, the published package and a second count."""

import csv
from datetime import date, timedelta
from pathlib import Path

import holidays
import pytest
from holidays.calendars.chinese import _ChineseLunisolar
from holidays.calendars.hindu import _HinduLunisolar
from hypothesis import given
from hypothesis import strategies as st

from ccpa_office.law import calendar
from ccpa_office.law.calendar import Calendar
from tests.law import second_opinion

DATA = Path(__file__).parent / "data"
DAYS = st.dates(date(2020, 1, 1), date(2045, 12, 31))
CALENDARS = st.sampled_from(list(Calendar))


def listed():
    with (DATA / "holidays.csv").open(encoding="utf-8") as lines:
        return [(row["calendar"], int(row["year"]), row["days"]) for row in csv.DictReader(lines)]


def every_day(first_year, last_year):
    first, end = date(first_year, 1, 1), date(last_year + 1, 1, 1)
    return [first + timedelta(days=n) for n in range((end - first).days)]


@pytest.mark.parametrize(("code", "year", "days"), listed())
def test_the_holidays_of_a_year_are_exactly_those_on_the_list(code, year, days):
    found = (
        calendar.judicial_holidays_of(year)
        if code == "courts"
        else calendar.holidays_of(Calendar(code), year)
    )
    assert list(found) == [date.fromisoformat(f"{year}-{day}") for day in days.split()]


@pytest.mark.parametrize("code", list(Calendar))
def test_every_day_of_the_range_is_open_or_closed_as_the_second_opinion_says(code):
    closed = second_opinion.CLOSED[code.value]
    days = every_day(2020, 2046)
    assert [calendar.is_business_day(code, d) for d in days] == [not closed(d) for d in days]


@given(code=CALENDARS, start=DAYS, n=st.integers(1, 30))
def test_counting_agrees_with_the_place_in_a_list_of_all_open_days(code, start, n):
    found = calendar.add_business_days(code, start, n)
    assert found == second_opinion.nth_open_day(code.value, start, n)


@given(code=CALENDARS, start=DAYS, n=st.integers(1, 20))
def test_a_term_ends_on_a_business_day_and_grows_with_its_length(code, start, n):
    end = calendar.add_business_days(code, start, n)
    assert calendar.is_business_day(code, end)
    assert start < end < calendar.add_business_days(code, start, n + 1)


def test_no_business_days_lead_nowhere():
    assert calendar.add_business_days(Calendar.CA_STATE, date(2026, 7, 4), 0) == date(2026, 7, 4)


def test_lunar_new_year_is_the_day_that_the_published_calendar_gives():
    published = _ChineseLunisolar()
    assert calendar.NEW_MOONS.dates == tuple(
        str(published.lunar_new_year_date(year)[0]) for year in range(2020, 2047)
    )


def test_diwali_is_the_day_that_the_published_calendar_gives_as_far_as_it_goes():
    published = _HinduLunisolar()
    assert calendar.DIWALI.dates[:10] == tuple(
        str(published.diwali_india_date(year)[0]) for year in range(2026, 2036)
    )


def test_diwali_keeps_near_a_new_moon_counted_in_mean_lunar_months():
    known, month = date(2026, 11, 8).toordinal(), 29.530588
    lunations = [
        (date.fromisoformat(text).toordinal() - known) / month for text in calendar.DIWALI.dates
    ]
    assert [round(n) for n in lunations] == [
        *(0, 12, 24, 37, 49, 62, 74, 86, 99, 111),
        *(123, 136, 148, 161, 173, 185, 198, 210, 222, 235),
    ]
    assert max(abs(n - round(n)) for n in lunations) * month < 1.5


def test_federal_holidays_equal_the_published_ones():
    for year in range(2022, 2046):
        published = holidays.country_holidays("US", years=year)
        assert list(calendar.holidays_of(Calendar.FEDERAL, year)) == sorted(
            day for day in published if day.year == year
        )


def test_the_published_california_set_misses_none_of_the_closures_on_working_days():
    for year in range(2022, 2046):
        published = set(holidays.country_holidays("US", subdiv="CA", years=[year, year + 1]))
        ours = calendar.holidays_of(Calendar.CA_STATE, year)
        assert {day for day in ours if day.weekday() < 5} - published == set()


def test_holidays_are_named_and_in_order():
    assert list(calendar.holidays_of(Calendar.CA_STATE, 2028).values()) == [
        *("New Year's Day", "Martin Luther King Jr. Day", "Presidents' Day", "Cesar Chavez Day"),
        *("Memorial Day", "Independence Day", "Labor Day", "Veterans Day", "Veterans Day"),
        *("Thanksgiving Day", "Day after Thanksgiving", "Christmas Day"),
    ]


def test_the_calendars_have_the_number_of_holidays_that_the_law_lists():
    assert {code.value: len(rows) for code, rows in calendar.HOLIDAYS.items()} == {
        "ca_state": 11,
        "weekday": 0,
        "civ9": 18,
        "federal": 11,
    }


def test_every_row_has_a_source_and_a_first_year():
    rows = [row for rows in calendar.HOLIDAYS.values() for row in rows]
    assert [row for row in (*rows, *calendar.JUDICIAL_HOLIDAYS) if not row.source] == []
    assert {row.valid_from for row in rows} == {2010, 2016, 2021, 2023, 2026}


def test_a_row_closes_nothing_outside_its_years():
    row = calendar.Holiday("Fair", calendar.FixedDate(5, 5), 2022, 2023, "Fair Act")
    assert [len(row.days(year)) for year in (2021, 2022, 2023, 2024)] == [0, 1, 1, 0]


@pytest.mark.parametrize("month", range(1, 13))
def test_the_last_weekday_of_a_month_is_followed_by_none_in_that_month(month):
    for weekday in range(7):
        (day,) = calendar.NthWeekday(month, weekday, -1).days(2028)
        assert (day.month, day.weekday()) == (month, weekday)
        assert (day + timedelta(days=7)).month == month % 12 + 1


@given(day=DAYS, months=st.integers(0, 60))
def test_months_agree_with_stepping_along_the_calendar(day, months):
    assert calendar.add_months(day, months) == second_opinion.months_later(day, months)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2024-02-29", 12, "2025-03-01"),
        ("2024-02-29", 24, "2026-03-01"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2025-08-31", 6, "2026-03-01"),
        ("2026-10-31", 1, "2026-12-01"),
        ("2026-12-31", 12, "2027-12-31"),
        ("2026-11-30", 1, "2026-12-30"),
    ],
)
def test_a_day_that_the_month_lacks_rolls_forward(day, months, later):
    assert calendar.add_months(date.fromisoformat(day), months) == date.fromisoformat(later)
