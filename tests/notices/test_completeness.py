"""What the law of a day finds wanting in the first user's notice, and in the one after it."""

from dataclasses import replace
from datetime import date

import pytest

from ccpa_office.models import LedgerLine
from ccpa_office.roles import NotAllowed
from notices_app import completeness, duties
from notices_app.completeness import NoAnswerTakes
from notices_app.duties import Case
from notices_app.models import FindingCode, Said
from notices_app.reading import Line, Reading, Text, Words
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


def gaps_of(**changed):
    """The gaps of a notice that says everything, but for what is changed."""
    whole = {
        "effective_on": date(2026, 7, 1),
        "covers_until": date(2026, 6, 30),
        "statements": {code: {} for code in Said.values},
        "lines": {"PI_L": LINE},
    }
    case = Case(
        reading=Reading(**{**whole, **changed}),
        on=TODAY,
        offers_education=changed.get("statements") is not None,
    )
    return {finding.code.value: finding.wanting for finding in completeness.gaps(case)}


LINE = Line(
    category="PI_L",
    sensitive=("SPI_1B",),
    purposes=("account",),
    business_purposes=("BP_5",),
    recipients=(("disclosed", "hosting"),),
    sold=False,
    shared=False,
    disclosed=True,
    retention_months=12,
)


def test_a_notice_that_says_everything_has_no_gap():
    assert gaps_of() == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (replace(LINE, sold=True), {"untied": ("PI_L",)}),
        (replace(LINE, shared=None), {"sale-unsaid": ("PI_L",), "untied": ("PI_L",)}),
        (replace(LINE, disclosed=False, recipients=(), business_purposes=()), {}),
        (replace(LINE, business_purposes=()), {"untied": ("PI_L",)}),
        (replace(LINE, purposes=()), {"untied": ("PI_L",)}),
        (replace(LINE, sensitive=()), {"sensitive-unnamed": ("PI_L",)}),
        (replace(LINE, retention_months=None), {"retention-missing": ("PI_L",)}),
        (
            replace(LINE, retention_months=None, words={"en": Words(examples="x", retention="y")}),
            {},
        ),
    ],
)
def test_each_part_of_a_line_is_asked_for(line, expected):
    assert gaps_of(lines={"PI_L": line}) == expected


def test_a_location_said_to_be_precise_needs_no_fact():
    line = replace(LINE, sensitive=("SPI_1C",))
    assert gaps_of(lines={"PI_L": LINE, "PI_G": replace(line, category="PI_G")}) == {}


def test_one_way_to_ask_is_too_few_even_if_it_is_free_of_charge():
    said: dict[str, dict[str, str]] = {
        code: {} for code in Said.values if not code.startswith("method-")
    }
    gaps = gaps_of(
        statements={**said, "method-toll-free": {}},
        lines={"PI_L": LINE, "PI_J": replace(LINE, category="PI_J")},
    )
    assert gaps == {"channels-too-few": ("second-method",)}


def test_a_language_without_forms_is_found():
    texts = {("about", "ja"): Text(title="a", body="b"), ("about", "en"): Text(title="a", body="b")}
    assert gaps_of(texts=texts) == {"languages-unsaid": ("ja",)}
