"""Every date of a request against the table, the rules and a second count."""

import csv
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccpa_office.law import deadlines
from ccpa_office.law.calendar import Calendar, add_business_days
from ccpa_office.law.kinds import CLOCKED, STOPPED, VERIFIABLE, RequestKind
from tests.law import second_opinion

DATA = Path(__file__).parent / "data"
FACTS = deadlines.DUTY_KEYS
INSTANTS = st.datetimes(
    datetime(2020, 1, 2),  # noqa: DTZ001 (hypothesis adds the zone)
    datetime(2045, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
KINDS, CALENDARS = st.sampled_from(list(RequestKind)), st.sampled_from(list(Calendar))
DAYS = st.dates(date(2020, 1, 1), date(2045, 12, 31))
START = date(2026, 3, 2)


def facts(due):
    return {key: getattr(due, key) for key in FACTS}


def written(text):
    if not text:
        return None
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def table():
    with (DATA / "deadlines.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return [pytest.param(row, id=f"{row['why']}, {row['kind']}") for row in rows]


@pytest.mark.parametrize("row", table())
def test_the_dates_are_those_of_the_table(row):
    due = deadlines.due_dates(
        RequestKind(row["kind"]),
        datetime.fromisoformat(row["received_at"]),
        calendar=Calendar(row["calendar"]),
    )
    expected = {key: written(row[key]) for key in FACTS if key != "calendar"}
    assert facts(due) == {**expected, "calendar": Calendar(row["calendar"])}
    assert due.sections["received_date"] == row["section"]


@given(kind=KINDS, instant=INSTANTS, code=CALENDARS)
def test_the_dates_are_those_of_the_second_opinion(kind, instant, code):
    due = deadlines.due_dates(kind, instant, calendar=code)
    assert facts(due) == second_opinion.dates(kind.value, instant, code.value)


@pytest.mark.parametrize("year", [2020, 2023, 2024, 2026, 2027, 2028, 2036])
@pytest.mark.parametrize("code", list(Calendar))
def test_every_day_of_a_year_agrees_with_the_second_opinion(year, code):
    noon = datetime(year, 1, 1, 20, tzinfo=UTC)
    for kind in (RequestKind.DELETE, RequestKind.OPT_OUT):
        for n in range(366):
            instant = noon + timedelta(days=n)
            due = deadlines.due_dates(kind, instant, calendar=code)
            assert facts(due) == second_opinion.dates(kind.value, instant, code.value)


@given(kind=KINDS, instant=INSTANTS, code=CALENDARS)
def test_a_target_is_never_later_than_the_date_it_guards(kind, instant, code):
    due = deadlines.due_dates(kind, instant, calendar=code)
    pairs = (
        *((due.ack_target, due.ack_by), (due.respond_target, due.respond_by)),
        *((due.optout_target, due.optout_by), (due.respond_by, due.extended_by)),
    )
    assert [(a, b) for a, b in pairs if a is not None and b is not None and a > b] == []


@given(kind=KINDS, instant=INSTANTS)
def test_a_kind_has_the_duties_of_its_clock_and_a_section_for_each(kind, instant):
    due = deadlines.due_dates(kind, instant)
    present = [key for key in FACTS if getattr(due, key) is not None]
    answer = {"ack_by", "ack_target", "respond_by", "respond_target", "extended_by"}
    expected = {"received_date", "calendar"}
    if kind in CLOCKED:
        expected |= answer | {"respond_expires_utc"}
    if kind in STOPPED:
        expected |= {"optout_by", "optout_target", "earliest_reask"}
    assert set(present) == expected == set(due.sections)


@given(instant=INSTANTS, hours=st.integers(-23, 23))
def test_the_offset_in_which_an_instant_is_written_changes_nothing(instant, hours):
    zone = second_opinion.timezone_of(hours)
    assert deadlines.due_dates(RequestKind.DELETE, instant.astimezone(zone)) == deadlines.due_dates(
        RequestKind.DELETE, instant
    )


@given(day=DAYS)
def test_a_day_ends_when_the_next_begins_in_california(day):
    end = deadlines.expires_at(day)
    assert end == second_opinion.end_of(day)
    assert end.tzinfo is UTC
    assert deadlines.received_date(end) == day + timedelta(days=1)
    assert deadlines.received_date(end - timedelta(microseconds=1)) == day


@pytest.mark.parametrize(
    ("day", "expires"),
    [
        ("2026-03-07", "2026-03-08T08:00:00Z"),
        ("2026-03-08", "2026-03-09T07:00:00Z"),
        ("2026-10-31", "2026-11-01T07:00:00Z"),
        ("2026-11-01", "2026-11-02T08:00:00Z"),
    ],
)
def test_the_nights_of_daylight_saving_move_the_expiry_by_an_hour(day, expires):
    assert deadlines.expires_at(date.fromisoformat(day)) == datetime.fromisoformat(expires)


def test_an_instant_without_a_zone_is_refused():
    naive = datetime(2026, 3, 2, 9)  # noqa: DTZ001 (that is the point)
    with pytest.raises(deadlines.InstantHasNoZone, match="2026-03-02T09:00:00 has no offset"):
        deadlines.due_dates(RequestKind.DELETE, naive)


def test_the_facts_are_all_fields_but_the_sections():
    assert [f.name for f in fields(deadlines.DueDates)] == [*FACTS, "sections"]


def test_the_calendar_is_named_with_its_source():
    instant = datetime(2026, 3, 2, 18, tzinfo=UTC)
    assert [
        deadlines.due_dates(RequestKind.LIMIT, instant, calendar=code).sections["calendar"]
        for code in Calendar
    ] == [
        "Gov. Code 6701, 19853 (reading)",
        "11 CCR 7021(a) (reading: no holidays)",
        "Civ. 7, 9; Gov. Code 6700, 6701",
        "5 U.S.C. 6103 (reading)",
    ]


@pytest.mark.parametrize(
    ("due_on", "outer"),
    [
        ("2026-03-03", "2026-03-03"),
        ("2026-07-03", "2026-07-06"),  # the courts keep Independence Day on the Friday
        ("2026-11-26", "2026-11-30"),  # Thanksgiving, the day after, the weekend
        ("2027-12-31", "2028-01-03"),  # New Year on a Saturday, kept on the last of December
        ("2027-02-12", "2027-02-16"),  # Lincoln Day, the weekend, Presidents' Day
        ("2026-09-09", "2026-09-09"),  # Admission Day is no judicial holiday
        ("2026-10-12", "2026-10-12"),  # nor is Columbus Day now
    ],
)
def test_the_outer_day_of_the_procedure_code_passes_weekends_and_court_holidays(due_on, outer):
    found = deadlines.respond_outer_ccp12a(date.fromisoformat(due_on))
    assert found == date.fromisoformat(outer)


@pytest.mark.parametrize(("after", "allowed"), [(-1, False), (0, True), (45, True), (46, False)])
def test_an_extension_needs_a_notice_in_the_first_45_days(after, allowed):
    on = START + timedelta(days=after)
    found = [
        deadlines.may_extend(RequestKind.DELETE, on=on, received_on=START, already=already)
        for already in (False, True)
    ]
    assert found == [allowed, False]


@pytest.mark.parametrize("kind", list(RequestKind))
def test_only_kinds_with_an_answer_are_extended(kind):
    found = deadlines.may_extend(kind, on=START, received_on=START, already=False)
    assert found == (kind in CLOCKED)


@pytest.mark.parametrize("kind", list(RequestKind))
def test_silence_lets_only_a_verifiable_request_be_denied_and_only_from_day_40(kind):
    found = [
        deadlines.may_deny_for_silence(kind, on=START + timedelta(days=n), received_on=START)
        for n in (0, 39, 40, 45)
    ]
    assert found == [False, False, kind in VERIFIABLE, kind in VERIFIABLE]


@given(day=DAYS)
def test_consent_is_asked_again_after_twelve_months_and_records_go_after_twenty_four(day):
    again, gone = deadlines.earliest_reask(day), deadlines.keep_record_until(day)
    assert again == second_opinion.months_later(day, 12)
    assert gone == second_opinion.months_later(day, 24)
    asked = [
        deadlines.may_ask_again(on=on, opted_out_on=day)
        for on in (again - timedelta(days=1), again)
    ]
    assert asked == [False, True]


def test_the_days_around_a_request_are_counted_from_receipt():
    assert (
        deadlines.verify_until(START),
        deadlines.reminders_on(START),
        deadlines.opt_in_lapses_on(START),
        deadlines.service_provider_due(date(2026, 4, 16)),
    ) == (
        date(2026, 4, 16),
        (date(2026, 3, 9), date(2026, 3, 23), date(2026, 4, 6)),
        date(2026, 3, 9),
        date(2026, 4, 6),
    )


def test_a_due_day_is_late_only_on_the_next():
    found = [deadlines.is_late(START, on=START + timedelta(days=n)) for n in (-1, 0, 1)]
    assert found == [False, False, True]


@given(day=DAYS, n=st.integers(1, 20))
def test_the_strictest_count_is_one_of_the_two_and_above_neither(day, n):
    both = [add_business_days(code, day, n) for code in (Calendar.WEEKDAY, Calendar.CIV9)]
    assert deadlines.strictest_business_days(day, n) == sorted(both)[0]
