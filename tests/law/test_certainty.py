"""What certainty a kind needs and what the evidence gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccpa_office.law import certainty
from ccpa_office.law.certainty import Level
from ccpa_office.law.kinds import UNVERIFIED, RequestKind

NONE, REASONABLE, HIGH = Level.NONE, Level.REASONABLE, Level.REASONABLY_HIGH
GROUPS = st.frozensets(st.sampled_from(["mail", "phone", "order", "birth", "address"]))


@pytest.mark.parametrize(
    ("kind", "plain", "sensitive"),
    [
        (RequestKind.KNOW_CATEGORIES, REASONABLE, REASONABLE),
        (RequestKind.KNOW_SPECIFIC, HIGH, HIGH),
        (RequestKind.DELETE, REASONABLE, HIGH),
        (RequestKind.CORRECT, REASONABLE, HIGH),
        (RequestKind.OPT_OUT, NONE, NONE),
        (RequestKind.LIMIT, NONE, NONE),
        (RequestKind.OPT_IN, NONE, NONE),
        (RequestKind.ADMT_OPT_OUT, NONE, NONE),
        (RequestKind.ADMT_ACCESS, HIGH, HIGH),
        (RequestKind.ADMT_APPEAL, REASONABLE, REASONABLE),
    ],
)
def test_each_kind_needs_its_level(kind, plain, sensitive):
    found = [certainty.required_level(kind, sensitive=flag) for flag in (False, True)]
    assert found == [plain, sensitive]


def test_no_level_is_ever_asked_of_the_kinds_without_verification():
    asked = {certainty.required_level(k, sensitive=s) for k in UNVERIFIED for s in (False, True)}
    assert asked == {NONE}


@pytest.mark.parametrize(
    ("count", "unsigned", "signed"),
    [
        (0, NONE, NONE),
        (1, NONE, NONE),
        (2, REASONABLE, REASONABLE),
        (3, REASONABLE, HIGH),
        (4, REASONABLE, HIGH),
    ],
)
def test_the_level_follows_from_independent_points_and_the_declaration(count, unsigned, signed):
    groups = {f"group {n}" for n in range(count)}
    found = [certainty.level_reached(groups, declaration_signed=flag) for flag in (False, True)]
    assert found == [unsigned, signed]


@given(groups=GROUPS, more=GROUPS, signed=st.booleans())
def test_more_evidence_never_lowers_the_level(groups, more, signed):
    less = certainty.level_reached(groups, declaration_signed=signed)
    assert certainty.is_certain_enough(
        certainty.level_reached(groups | more, declaration_signed=True), less
    )


def test_points_of_one_group_count_once():
    points = {"street": "address", "postal code": "address", "email": "mail", "order": "order"}
    matched = {"street", "postal code", "email", "unknown point"}
    groups = certainty.independent_groups(points, matched)
    assert groups == {"address", "mail"}
    assert certainty.level_reached(groups, declaration_signed=True) == REASONABLE


def test_an_account_proves_only_after_signing_in_again():
    found = [certainty.level_of_account(signed_in_again=flag) for flag in (False, True)]
    assert found == [NONE, HIGH]


def test_levels_stand_in_order():
    assert [[certainty.is_certain_enough(a, b) for b in Level] for a in Level] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_each_level_says_what_it_takes():
    assert {
        level: (needed.points, needed.declaration)
        for level, needed in certainty.EVIDENCE_NEEDED.items()
    } == {NONE: (0, False), REASONABLE: (2, False), HIGH: (3, True)}
