"""Exceptions and grounds of denial, held against their table."""

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest

from ccpa_office.law import grounds
from ccpa_office.law.grounds import DeletionException, Denial, Duty, GeneralException, Saying
from ccpa_office.law.kinds import KNOW, RequestKind

DATA = Path(__file__).parent / "data"
NARROW = ["GX_b", "GX_g", "GX_o", "GX_p", "GX_q1", "GX_q2", "GX_r"]


def table():
    with (DATA / "denials.csv").open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        return {(r["ground"], r["kind"]): (r["says"], r["duties"].split()) for r in rows}


def test_the_grounds_reach_say_and_oblige_what_the_table_says():
    assert {
        (ground.value, kind.value): (
            grounds.DENIALS[ground].says.value,
            [duty.value for duty in grounds.next_duty(ground, kind)],
        )
        for kind in RequestKind
        for ground in grounds.denial_grounds(kind, by_agent=True)
    } == table()


def test_want_of_permission_is_open_against_agents_alone():
    for kind in RequestKind:
        with_agent = set(grounds.denial_grounds(kind, by_agent=True))
        without = set(grounds.denial_grounds(kind))
        assert with_agent - without == {Denial.AGENT_NO_PERMISSION}


def test_identity_is_no_ground_against_an_opt_out():
    assert grounds.denial_grounds(RequestKind.OPT_OUT) == (
        Denial.FRAUD,
        Denial.NOT_CONSUMER,
        Denial.NOT_SELLING,
    )


def test_every_pair_outside_the_table_is_refused():
    known = table()
    for ground in Denial:
        for kind in RequestKind:
            if (ground.value, kind.value) not in known:
                with pytest.raises(grounds.GroundDoesNotApply, match=ground.value):
                    grounds.next_duty(ground, kind)


def test_every_ground_has_a_rule_with_a_section_and_all_words_are_used():
    assert list(grounds.DENIALS) == list(Denial)
    assert [ground for ground, rule in grounds.DENIALS.items() if not rule.section] == []
    assert {rule.says for rule in grounds.DENIALS.values()} == set(Saying)
    known = {duty for _, duties in table().values() for duty in duties}
    assert known == set(Duty.values)


def test_there_are_eight_grounds_to_keep_and_no_ninth():
    assert DeletionException.values == [f"DX_{n}" for n in range(1, 9)]


def test_the_general_exceptions_are_those_of_the_act():
    assert GeneralException.values == [
        *("GX_a1", "GX_a2", "GX_a3", "GX_a4", "GX_a5", "GX_a6", "GX_a7", "GX_b", "GX_c", "GX_d"),
        *("GX_e", "GX_f", "GX_g", "GX_j", "GX_k", "GX_l", "GX_o", "GX_p", "GX_q1", "GX_q2", "GX_r"),
    ]
    assert {GeneralException.GX_Q1, GeneralException.GX_Q2} == grounds.MUST_BE_NAMED


@pytest.mark.parametrize(
    ("kind", "narrow"),
    [
        (RequestKind.KNOW_CATEGORIES, ["GX_b", "GX_p", "GX_q2"]),
        (RequestKind.KNOW_SPECIFIC, ["GX_b", "GX_p", "GX_q2"]),
        (RequestKind.DELETE, ["GX_o", "GX_p", "GX_q1", "GX_r"]),
        (RequestKind.CORRECT, ["GX_p"]),
        (RequestKind.OPT_OUT, ["GX_b", "GX_g", "GX_o", "GX_r"]),
        (RequestKind.LIMIT, ["GX_b"]),
        (RequestKind.ADMT_ACCESS, []),
    ],
)
def test_an_exception_is_open_only_where_the_act_says(kind, narrow):
    found = [code.value for code in grounds.exceptions_for(kind)]
    deletion = DeletionException.values if kind is RequestKind.DELETE else []
    wide = [code for code in GeneralException.values if code not in NARROW]
    assert sorted(found) == sorted([*deletion, *wide, *narrow])


FIRST, SECOND = date(2025, 6, 1), date(2026, 1, 15)


@pytest.mark.parametrize(
    ("earlier", "on", "denied"),
    [
        ([], SECOND, False),
        ([FIRST], SECOND, False),
        ([FIRST, SECOND], date(2026, 5, 31), True),
        ([SECOND, FIRST], date(2026, 5, 31), True),
        ([FIRST, SECOND], date(2026, 6, 1), False),
        ([date(2024, 1, 1), FIRST, SECOND], date(2026, 5, 31), True),
        ([date(2024, 1, 1), FIRST], date(2025, 7, 1), False),
    ],
)
def test_a_third_request_to_know_in_twelve_months_may_be_denied(earlier, on, denied):
    assert grounds.may_deny_third_know(earlier, on=on) == denied


def test_the_next_request_to_know_counts_twelve_months_after_the_last_but_one():
    leap = date(2024, 2, 29)
    found = [grounds.next_know_on(days) for days in ([], [leap], [leap, leap + timedelta(days=9)])]
    assert found == [None, None, date(2025, 3, 1)]


@pytest.mark.parametrize(
    ("on", "anything_new", "denied"),
    [
        ("2026-02-28", False, True),
        ("2026-02-28", True, False),
        ("2026-03-01", False, False),
    ],
)
def test_the_same_correction_may_be_denied_again_for_six_months(on, anything_new, denied):
    found = grounds.may_deny_repeat(
        date(2025, 8, 31), on=date.fromisoformat(on), anything_new=anything_new
    )
    assert found == denied


def test_both_requests_to_know_share_their_grounds():
    assert len({grounds.denial_grounds(kind) for kind in KNOW}) == 1
