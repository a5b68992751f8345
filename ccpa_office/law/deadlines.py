"""When things are due. Dates are California dates; only an expiry is an instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from ccpa_office.law.calendar import (
    CALENDAR_SECTIONS,
    DAY,
    SATURDAY,
    Calendar,
    add_business_days,
    add_months,
    judicial_holidays_of,
)
from ccpa_office.law.kinds import CLOCKED, CLOCKS, STOPPED, VERIFIABLE, Clock, RequestKind

PACIFIC = ZoneInfo("America/Los_Angeles")
"""Days are California days, for the consumers and the agency are there (11 CCR 7021, reading)."""

ACK_BUSINESS_DAYS = 10
"""To confirm receipt (11 CCR 7021(a))."""
RESPOND_DAYS = 45
"""To answer (11 CCR 7021(b); Civ. 1798.130(a)(2)(A))."""
EXTENDED_DAYS = 90
"""To answer after a notice with reasons, counted from receipt (11 CCR 7021(b))."""
TARGET_DAYS = 44
"""To answer if the day of receipt is the first of the 45 (11 CCR 7021(b), reading)."""
STOP_BUSINESS_DAYS = 15
"""To stop selling, sharing, using (11 CCR 7026(f)(1), 7027(g), 7221(m)-(n))."""
REASK_MONTHS = 12
"""Before asking again for consent (Civ. 1798.135(c)(4); 11 CCR 7026(k))."""
RECORD_MONTHS = 24
"""To keep the record of a request, from the answer (11 CCR 7101(a); the start is a reading)."""
VERIFY_LIMIT_DAYS = 45
"""After which an unverified request may be denied (11 CCR 7021(b))."""
UNVERIFIED_ANSWER_DAY = 40
"""When to stop waiting, so that the denial still leaves in time (11 CCR 7021(b), reading)."""
REMINDER_DAYS = (7, 21, 35)
"""When to remind a consumer who was asked for proof (11 CCR 7021(b), reading)."""
OPT_IN_CONFIRM_DAYS = 7
"""How long the first step of an opt-in waits for the second (11 CCR 7028(a), reading)."""
SERVICE_PROVIDER_LEAD_DAYS = 10
"""How long before the answer a service provider's part is due (11 CCR 7024(i), reading)."""

DUTY_KEYS = (
    *("received_date", "ack_by", "ack_target", "respond_by", "respond_target", "extended_by"),
    *("optout_by", "optout_target", "respond_expires_utc", "earliest_reask", "calendar"),
)
"""The facts of ``DueDates`` in the order of printing (11 CCR 7021, 7026, 7027, 7221)."""


class InstantHasNoZone(ValueError):
    """The moment of receipt names no offset from UTC, so its California day cannot be known."""


@dataclass(frozen=True)
class DueDates:
    """All dates of one request (11 CCR 7021, 7026 to 7028, 7221, 7222).

    ``None`` where the kind has no such duty. ``sections`` names the source of each date present.
    The targets drive the staff: no reading of "business day" or of "45 days" is ever later.
    """

    received_date: date
    ack_by: date | None
    ack_target: date | None
    respond_by: date | None
    respond_target: date | None
    extended_by: date | None
    optout_by: date | None
    optout_target: date | None
    respond_expires_utc: datetime | None
    earliest_reask: date | None
    calendar: Calendar
    sections: Mapping[str, str]


_ALSO: dict[RequestKind, str] = {
    RequestKind.ADMT_ACCESS: "11 CCR 7222",
    RequestKind.ADMT_APPEAL: "11 CCR 7221(b)(1)",
}
_OWN_SECTION: dict[RequestKind, str] = {
    RequestKind.OPT_OUT: "11 CCR 7026(f)(1)",
    RequestKind.LIMIT: "11 CCR 7027(g)",
    RequestKind.OPT_IN: "11 CCR 7028(a)",
    RequestKind.ADMT_OPT_OUT: "11 CCR 7221(m)-(n)",
}
_ANSWER_SECTIONS = {
    "received_date": "11 CCR 7021(b)",
    "ack_by": "11 CCR 7021(a)",
    "ack_target": "11 CCR 7021(a); Civ. 9 (reading)",
    "respond_by": "11 CCR 7021(b); Civ. 1798.130(a)(2)(A)",
    "respond_target": "11 CCR 7021(b) (reading)",
    "extended_by": "11 CCR 7021(b); Civ. 1798.145(h)(1)",
    "respond_expires_utc": "11 CCR 7021(b); Gov. Code 6806",
}
_REASK_SECTION: dict[RequestKind, str] = {
    RequestKind.OPT_OUT: "11 CCR 7026(k); Civ. 1798.135(c)(4)",
    RequestKind.LIMIT: "11 CCR 7027(e)-(k); Civ. 1798.135(c)(4)",
    RequestKind.ADMT_OPT_OUT: "11 CCR 7221(i)-(l)",
}


def received_date(instant: datetime) -> date:
    """The California day of arrival, to its last second (Gov. Code 6806; the zone is a reading)."""
    if instant.utcoffset() is None:
        raise InstantHasNoZone(f"{instant.isoformat()} has no offset from UTC")
    return instant.astimezone(PACIFIC).date()


def expires_at(day: date) -> datetime:
    """The instant, in UTC, at which a California day is over (Gov. Code 6806)."""
    return datetime.combine(day + DAY, time.min, tzinfo=PACIFIC).astimezone(UTC)


def earliest_reask(received_on: date) -> date:
    """The first day on which consent may be asked for again (Civ. 1798.135(c)(4); 7026(k))."""
    return add_months(received_on, REASK_MONTHS)


def keep_record_until(response_date: date) -> date:
    """The day until which the record of a request stays (11 CCR 7101(a); start by reading)."""
    return add_months(response_date, RECORD_MONTHS)


def respond_outer_ccp12a(respond_by: date) -> date:
    """The day to which CCP 12a would move the answer. Defense only, never a due date (reading)."""
    day = respond_by
    while day.weekday() >= SATURDAY or day in judicial_holidays_of(day.year):
        day += DAY
    return day


def strictest_business_days(start: date, n: int) -> date:
    """The earlier of the ``weekday`` and ``civ9`` counts (11 CCR 7021(a); Civ. 9, reading)."""
    return min(
        add_business_days(Calendar.WEEKDAY, start, n), add_business_days(Calendar.CIV9, start, n)
    )


def due_dates(
    kind: RequestKind, received_at: datetime, *, calendar: Calendar = Calendar.CA_STATE
) -> DueDates:
    """Every date that follows from receipt (11 CCR 7021, 7026(f), 7027(g), 7221(m)-(n)).

    Nothing pauses these and no weekend moves them. To be kept with the case when it is opened.
    """
    day, clock = received_date(received_at), CLOCKS[kind]
    answer, stop = clock is Clock.ANSWER, clock is Clock.STOP
    respond_by = day + timedelta(days=RESPOND_DAYS)
    return DueDates(
        received_date=day,
        ack_by=add_business_days(calendar, day, ACK_BUSINESS_DAYS) if answer else None,
        ack_target=strictest_business_days(day, ACK_BUSINESS_DAYS) if answer else None,
        respond_by=respond_by if answer else None,
        respond_target=day + timedelta(days=TARGET_DAYS) if answer else None,
        extended_by=day + timedelta(days=EXTENDED_DAYS) if answer else None,
        optout_by=add_business_days(calendar, day, STOP_BUSINESS_DAYS) if stop else None,
        optout_target=strictest_business_days(day, STOP_BUSINESS_DAYS) if stop else None,
        respond_expires_utc=expires_at(respond_by) if answer else None,
        earliest_reask=earliest_reask(day) if stop else None,
        calendar=calendar,
        sections=sections_of(kind, calendar),
    )


def sections_of(kind: RequestKind, calendar: Calendar) -> Mapping[str, str]:
    """The section behind each date that ``kind`` has (11 CCR 7021, 7026 to 7028, 7221, 7222)."""
    if kind in CLOCKED:
        also = f"; {_ALSO[kind]}" if kind in _ALSO else ""
        dates = {key: f"{section}{also}" for key, section in _ANSWER_SECTIONS.items()}
    else:
        dates = {"received_date": _OWN_SECTION[kind]}
    if kind in STOPPED:
        dates["optout_by"] = _OWN_SECTION[kind]
        dates["optout_target"] = f"{_OWN_SECTION[kind]}; Civ. 9 (reading)"
        dates["earliest_reask"] = _REASK_SECTION[kind]
    return MappingProxyType({**dates, "calendar": CALENDAR_SECTIONS[calendar]})


def may_extend(kind: RequestKind, *, on: date, received_on: date, already: bool) -> bool:
    """Once, with notice sent in the first 45 days, for kinds with an answer (11 CCR 7021(b))."""
    in_time = received_on <= on <= received_on + timedelta(days=RESPOND_DAYS)
    return kind in CLOCKED and in_time and not already


def may_deny_for_silence(kind: RequestKind, *, on: date, received_on: date) -> bool:
    """Deny as unverified when the time to verify runs out (11 CCR 7021(b), 7060(a)).

    From day 40 on, so that the denial itself is not late (reading). Never for unverified kinds.
    """
    waited = on >= received_on + timedelta(days=UNVERIFIED_ANSWER_DAY)
    return kind in VERIFIABLE and waited


def verify_until(received_on: date) -> date:
    """The last day for verification; waiting for papers moves nothing (11 CCR 7021(b))."""
    return received_on + timedelta(days=VERIFY_LIMIT_DAYS)


def reminders_on(received_on: date) -> tuple[date, ...]:
    """The days on which a silent consumer is reminded (11 CCR 7021(b), reading)."""
    return tuple(received_on + timedelta(days=days) for days in REMINDER_DAYS)


def may_ask_again(*, on: date, opted_out_on: date) -> bool:
    """Ask for consent again after twelve months (Civ. 1798.135(c)(4); 11 CCR 7026(k))."""
    return on >= earliest_reask(opted_out_on)


def opt_in_lapses_on(asked_on: date) -> date:
    """The day on which an unconfirmed first step of an opt-in ends (11 CCR 7028(a), reading)."""
    return asked_on + timedelta(days=OPT_IN_CONFIRM_DAYS)


def service_provider_due(respond_by: date) -> date:
    """The day for a service provider's part of an answer (11 CCR 7024(i), 7050, reading)."""
    return respond_by - timedelta(days=SERVICE_PROVIDER_LEAD_DAYS)


def is_late(due_on: date, *, on: date) -> bool:
    """A due day counts to its midnight (Gov. Code 6806); lateness is computed, never stored."""
    return on > due_on
