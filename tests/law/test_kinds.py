"""The kinds of request and their clocks."""

from ccpa_office.law import kinds
from ccpa_office.law.kinds import RequestKind


def test_the_kinds_are_the_words_of_the_addresses():
    assert RequestKind.values == [
        *("know-categories", "know-specific", "delete", "correct", "opt-out", "limit", "opt-in"),
        *("admt-opt-out", "admt-access", "admt-appeal"),
    ]


def test_every_kind_has_a_clock_of_its_own():
    assert list(kinds.CLOCKS) == list(RequestKind)
    assert {kind.value: clock.value for kind, clock in kinds.CLOCKS.items()} == {
        "know-categories": "answer",
        "know-specific": "answer",
        "delete": "answer",
        "correct": "answer",
        "opt-out": "stop",
        "limit": "stop",
        "opt-in": "none",
        "admt-opt-out": "stop",
        "admt-access": "answer",
        "admt-appeal": "answer",
    }


def test_the_sets_part_the_kinds():
    assert set(RequestKind) - {RequestKind.ADMT_APPEAL} == kinds.VERIFIABLE | kinds.UNVERIFIED
    assert set() == kinds.VERIFIABLE & kinds.UNVERIFIED
    assert kinds.VERIFIABLE | {RequestKind.ADMT_APPEAL} == kinds.CLOCKED
    assert kinds.UNVERIFIED - {RequestKind.OPT_IN} == kinds.STOPPED
    assert {RequestKind.KNOW_CATEGORIES, RequestKind.KNOW_SPECIFIC} == kinds.KNOW
