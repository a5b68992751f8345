"""Terms of keeping, yearly duties, and households."""

from datetime import date

from ccpa_office.law import retention
from ccpa_office.law.kinds import RequestKind


def test_a_hold_lasts_ninety_days_and_as_many_with_each_renewal():
    found = [retention.hold_until(date(2026, 1, 1), renewals=n) for n in (0, 1)]
    assert found == [date(2026, 4, 1), date(2026, 6, 30)]


def test_a_notice_is_due_for_review_twelve_months_after_its_last_update():
    found = [retention.notice_review_due(d) for d in (date(2020, 1, 1), date(2024, 2, 29))]
    assert found == [date(2021, 1, 1), date(2025, 3, 1)]


def test_the_figures_of_a_year_are_due_on_the_first_of_july_after_it():
    assert retention.metrics_due(2026) == date(2027, 7, 1)


def test_household_data_is_outside_know_delete_and_correct_alone():
    outside = {kind for kind in RequestKind if not retention.reaches_household_data(kind)}
    assert outside == {
        RequestKind.KNOW_CATEGORIES,
        RequestKind.KNOW_SPECIFIC,
        RequestKind.DELETE,
        RequestKind.CORRECT,
    }


def test_the_fixed_figures_are_those_of_the_law():
    assert (date(2022, 1, 1), 10_000_000, 250) == (
        retention.LOOKBACK_FROM,
        retention.METRICS_CONSUMERS,
        retention.STATEMENT_WORDS,
    )
