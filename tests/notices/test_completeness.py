"""What the law of a day finds wanting in the first user's notice, and in the one after it."""

from datetime import date

import pytest

from ccpa_office.models import LedgerLine
from ccpa_office.roles import NotAllowed
from notices_app import completeness, duties
from notices_app.completeness import NoAnswerTakes
from notices_app.models import FindingCode
from tests.notices.conftest import NOON, TODAY


def codes(version, on):
    return {finding.code for finding in completeness.findings(version, on=on)}


def test_version_one_has_exactly_the_fourteen_gaps_under_the_law_of_2026(first):
    found = completeness.findings(first, on=TODAY)
    assert [finding.code for finding in found] == list(FindingCode)
    assert {finding.state for finding in found} == {"open"}


def test_version_two_leaves_only_human_facts_each_with_its_note(second):
    found = completeness.findings(second, on=TODAY)
    assert [(finding.code, finding.state) for finding in found] == [
        (FindingCode.LOCATION_PRECISION, "answered"),
        (FindingCode.AUTOMATION_UNSAID, "answered"),
    ]
    assert all(finding.note for finding in found)


@pytest.mark.parametrize(
    ("on", "gone"),
    [
        (date(2026, 1, 1), set()),
        (date(2025, 12, 31), {"automation-unsaid"}),
        (
            date(2022, 12, 31),
            {"automation-unsaid", "rights-missing", "retention-missing", "sale-unsaid"}
            | {"sensitive-unnamed", "location-precision", "earlier-unsaid"},
        ),
    ],
)
def test_each_duty_binds_from_its_own_day(first, on, gone):
    assert codes(first, on) == set(FindingCode.values) - gone


def test_the_law_of_the_second_day_of_2020_finds_three_gaps(first):
    assert codes(first, date(2020, 1, 2)) == {
        "education-missing",
        "channels-too-few",
        "exceptions-unsaid",
    }


@pytest.mark.parametrize(
    ("effective_on", "on", "expected"),
    [
        (date(2020, 1, 1), date(2021, 1, 1), False),
        (date(2020, 1, 1), date(2021, 1, 2), True),
        (date(2024, 2, 29), date(2025, 3, 1), False),
        (date(2024, 2, 29), date(2025, 3, 2), True),
    ],
)
def test_a_notice_is_too_old_on_the_day_after_its_year(effective_on, on, expected):
    assert duties.is_too_old(effective_on, on) == expected


def test_every_rule_names_its_section_and_each_gap_has_one_rule():
    assert [rule.code for rule in duties.RULES] == list(FindingCode)
    assert [rule.code for rule in duties.RULES if not rule.section] == []


def test_rights_are_asked_for_as_the_law_brought_them(first):
    missing = {f.code: f.wanting for f in completeness.findings(first, on=TODAY)}
    assert missing[FindingCode.RIGHTS_MISSING] == (
        "right-correct",
        "right-opt-out-sharing",
        "right-limit",
        "right-admt",
    )


def test_a_fact_stated_by_a_person_answers_a_finding_and_stands_in_the_book(first, editor):
    completeness.answer(
        first, code=FindingCode.CHANNELS_TOO_FEW, note="Only online.", by=editor, at=NOON
    )
    found = {f.code: f for f in completeness.findings(first, on=TODAY)}
    assert found[FindingCode.CHANNELS_TOO_FEW].state == "answered"
    line = LedgerLine.objects.filter(verb="notice.answer").latest("id")
    assert line.subject == "notice:main"
    assert "Only online" not in line.body


def test_a_note_does_not_answer_a_gap_in_the_words(first, editor):
    with pytest.raises(NoAnswerTakes):
        completeness.answer(first, code=FindingCode.TOO_OLD, note="Soon.", by=editor, at=NOON)


def test_an_empty_note_answers_nothing(first, editor):
    with pytest.raises(NoAnswerTakes):
        completeness.answer(
            first, code=FindingCode.LOCATION_PRECISION, note="  ", by=editor, at=NOON
        )


def test_stating_a_fact_needs_the_role(first, clerk):
    with pytest.raises(NotAllowed):
        completeness.answer(
            first, code=FindingCode.LOCATION_PRECISION, note="City.", by=clerk, at=NOON
        )
