"""The end: derived from proved plans, said in categories, grounds and days."""

from datetime import date

import pytest

from ccpa_office import clock
from requests_app.fulfillment import batches, closing
from requests_app.fulfillment.closing import category_of, ground_of, what_was_done
from requests_app.models import Outcome, Status
from tests.builders import KOFI, ORLA, fresh, plan_of
from tests.steps import approve, by_sql, decided, gathered, query, without_triggers

PARTS = [
    {"action": "delete", "rows": 2, "categories": ["PI_A", "PI_B"], "reason": "", "until": None},
    {"action": "mask", "rows": 3, "categories": ["PI_A"], "reason": "", "until": None},
    {"action": "delete", "rows": 1, "categories": [], "reason": "", "until": None},
    {"action": "keep", "rows": 4, "categories": ["PI_D"], "reason": "DX_8", "until": "2032-03-14"},
    {"action": "keep", "rows": 1, "categories": ["PI_D"], "reason": "hold", "until": None},
]


def test_a_letter_is_told_counts_by_category_and_what_stays_and_why():
    told = what_was_done(PARTS, "en")
    assert [(each["rows"]) for each in told["counts"]] == [5, 1]
    assert told["counts"][0]["category"] == category_of(PARTS[0])
    assert [(each["rows"], each["why"], each["until"]) for each in told["kept"]] == [
        (4, "A legal obligation", date(2032, 3, 14)), (1, "hold", None),
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["ja", "es"])
def test_it_is_said_in_the_language_of_the_consumer(language):
    assert what_was_done(PARTS, language)["kept"][0]["why"] != "A legal obligation"


def test_words_for_codes():
    assert str(ground_of("DX_8")) == "A legal obligation"
    assert ground_of("house rule") == "house rule"
    assert category_of({"categories": []}) == ""


@pytest.fixture
def proved(mailbox, team, learners, at_once):
    """Two proved deletions: of one something is kept, of the other nothing."""
    query(learners, "DELETE FROM invoices WHERE account_no = 5")
    both = [decided(mailbox, team, email) for email in (ORLA, KOFI)]
    for each in both:
        approve(each, team.approver)
    batches.work_chunk(gathered(), at=clock.now())
    return both


@pytest.mark.django_db
def test_the_outcome_follows_from_what_is_kept(proved):
    assert closing.close_told(at=clock.now()) == 2
    done = [fresh(each) for each in proved]
    assert [(each.status, each.outcome) for each in done] == [
        (Status.COMPLETED, Outcome.IN_PART), (Status.COMPLETED, Outcome.COMPLIED),
    ]  # fmt: skip
    letters = [each.letters.order_by("-pk")[0].letter for each in proved]
    assert letters == ["done_delete_part", "done_delete"]


@pytest.mark.django_db
def test_nothing_is_closed_twice_or_before_it_is_told(proved):
    by_sql("UPDATE requests_app_plan SET state = 'residual'")
    assert closing.close_told(at=clock.now()) == 0
    assert {fresh(each).status for each in proved} == {Status.TELLING}


@pytest.mark.django_db
def test_a_request_of_which_not_every_plan_is_in_hand_is_not_closed_by_the_others(proved):
    """Whether the limit cut it off, or another worker has it just now: half an answer is none."""
    plan = plan_of(proved[1])
    plan.pk, plan.system_key = None, "mail"
    plan.summary = [{"table": "invoices", **PARTS[3]}]
    with without_triggers():
        plan.save(force_insert=True)
    cut = 1 if proved[1].pk < proved[0].pk else 2
    assert closing.close_told(at=clock.now(), limit=cut) == cut - 1
    assert fresh(proved[1]).status == Status.TELLING
    closing.close_told(at=clock.now())
    assert fresh(proved[1]).outcome == Outcome.IN_PART
