"""How long things stay, who stands outside, and when yearly duties fall due."""

from datetime import date, timedelta

from ccpa_office.law.calendar import add_months
from ccpa_office.law.kinds import KNOW, RequestKind

LOOKBACK_FROM = date(2022, 1, 1)
"""An answer to know reaches back to this day (11 CCR 7024(h); Civ. 1798.130(a)(2)(B))."""
HOLD_DAYS = 90
"""How long a direction by law enforcement keeps data, each time (Civ. 1798.145(a)(2))."""
NOTICE_MONTHS = 12
"""How long a privacy policy stays current (Civ. 1798.130(a)(5); 11 CCR 7011)."""
METRICS_CONSUMERS = 10_000_000
"""From how many consumers a year the figures must be published (11 CCR 7102(a))."""
STATEMENT_WORDS = 250
"""The length of a consumer's statement on health data, per item (11 CCR 7023(f)(3))."""
HOUSEHOLD_EXCLUDED = KNOW | {RequestKind.DELETE, RequestKind.CORRECT}
"""Kinds that do not reach household data (Civ. 1798.145(p)); opt-out and limit do (reading)."""


def hold_until(directed_on: date, *, renewals: int = 0) -> date:
    """The last day of a hold by law enforcement, renewed by 90 days (Civ. 1798.145(a)(2))."""
    return directed_on + timedelta(days=HOLD_DAYS * (1 + renewals))


def notice_review_due(updated_on: date) -> date:
    """The day by which a notice must be updated again (Civ. 1798.130(a)(5); 11 CCR 7011)."""
    return add_months(updated_on, NOTICE_MONTHS)


def metrics_due(year: int) -> date:
    """The day by which the figures of ``year`` are published (11 CCR 7102(a))."""
    return date(year + 1, 7, 1)


def reaches_household_data(kind: RequestKind) -> bool:
    """Say whether a request of this kind covers household data (Civ. 1798.140(q), 1798.145(p))."""
    return kind not in HOUSEHOLD_EXCLUDED
