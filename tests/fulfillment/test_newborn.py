"""Rows that are born between the freeze and the erasure."""

import pytest

from ccpa_office import clock, work
from requests_app import casework, tasks
from requests_app.fulfillment import batches, closing, erasure
from requests_app.fulfillment.packing import Part
from requests_app.fulfillment.plan import freeze_supplement
from requests_app.models import Plan, PlanState, Receipt, Status
from tests.builders import KOFI, ORLA, approved, drain, fresh, plan_of
from tests.steps import (
    Killed,
    approve,
    by_sql,
    claimed,
    decided,
    gathered,
    killed_at,
    lease_ends,
    lines,
    query,
    refused_by_the_database,
)


def _visits(target, account, count, *, first=900_000):
    query(
        target,
        "INSERT INTO activity_log SELECT %s + n, %s, now(), '198.51.100.9', '/x', '{}'"
        " FROM generate_series(1, %s) n",
        first, account, count,
    )  # fmt: skip


def _left(target, account):
    return query(target, "SELECT count(*) FROM activity_log WHERE account_id = %s", account)[0][0]


@pytest.mark.parametrize("born", [1, 20])
def test_up_to_twenty_newborn_rows_go_under_the_same_approval(
    born, mailbox, team, learners, at_once
):
    consumer_request = approved(mailbox, team, KOFI)
    frozen = plan_of(consumer_request)
    _visits(learners, 5, born)
    drain()
    assert fresh(consumer_request).status == Status.COMPLETED
    supplement = Plan.objects.get(parent=frozen)
    assert (supplement.state, supplement.rows) == (PlanState.PROVED, born)
    assert [part["rows"] for part in supplement.summary] == [born]
    receipt = Receipt.objects.get(table="activity_log")
    assert (receipt.planned, receipt.done, receipt.gone) == (10 + born, 10 + born, 0)
    assert _left(learners, 5) == 0


def test_twenty_one_newborn_rows_send_the_request_back_to_a_new_plan(
    mailbox, team, learners, at_once
):
    consumer_request = approved(mailbox, team, KOFI)
    frozen = plan_of(consumer_request)
    _visits(learners, 5, 21)
    batches.work_chunk(gathered(), at=clock.now())
    assert _left(learners, 5) == 31
    assert fresh(consumer_request).status == Status.VERIFIED
    frozen.refresh_from_db()
    assert frozen.state == PlanState.VOID
    tasks.drain_plan()
    again = plan_of(consumer_request)
    assert (again.version, again.state, again.rows) == (2, PlanState.FROZEN, frozen.rows + 21)
    assert fresh(consumer_request).status == Status.PLANNED
    casework.approve(again, hash=again.hash, by=team.approver, at=clock.now())
    drain()
    assert fresh(consumer_request).status == Status.COMPLETED
    assert _left(learners, 5) == 0


def test_newborn_rows_are_counted_for_each_person(mailbox, team, learners, at_once):
    both = [decided(mailbox, team, KOFI), decided(mailbox, team, ORLA)]
    for each in both:
        approve(each, team.approver)
    _visits(learners, 5, 20)
    _visits(learners, 4, 20, first=910_000)
    drain()
    assert [fresh(each).status for each in both] == [Status.COMPLETED] * 2
    supplements = Plan.objects.filter(parent__isnull=False).order_by("pk")
    assert [(each.rows, each.state) for each in supplements] == [(20, "proved")] * 2


def test_a_row_of_a_newborn_is_named_even_if_the_worker_dies_after_erasing(
    mailbox, team, learners, at_once, monkeypatch
):
    consumer_request = approved(mailbox, team, KOFI)
    _visits(learners, 5, 3)
    chunk = gathered()
    with killed_at(monkeypatch, "erase.after-effect"), pytest.raises(Killed):
        batches.work_chunk(chunk, at=clock.now())
    assert _left(learners, 5) == 0
    lease_ends()
    batches.work_chunk(claimed(), at=clock.now())
    closing.close_told(at=clock.now())
    assert fresh(consumer_request).status == Status.COMPLETED
    assert [plan.rows for plan in Plan.objects.filter(parent__isnull=False)] == [3]
    assert Receipt.objects.get(table="activity_log").planned == 13


def test_twenty_rows_before_a_crash_and_one_after_it_need_a_new_plan(
    mailbox, team, learners, at_once, monkeypatch
):
    consumer_request = approved(mailbox, team, KOFI)
    _visits(learners, 5, 20)
    chunk = gathered()
    monkeypatch.setattr(erasure, "apply", _die)
    with pytest.raises(Killed):
        batches.work_chunk(chunk, at=clock.now())
    monkeypatch.undo()
    assert _left(learners, 5) == 30
    _visits(learners, 5, 1, first=990_000)
    lease_ends()
    batches.work_chunk(claimed(), at=clock.now())
    assert fresh(consumer_request).status == Status.VERIFIED
    assert _left(learners, 5) == 31
    assert set(Plan.objects.values_list("state", flat=True)) == {"void"}


def _die(*_given):
    raise Killed


def test_a_row_born_in_a_table_that_the_plan_does_not_name_needs_a_new_plan(
    mailbox, team, learners, at_once
):
    query(learners, "DELETE FROM activity_log WHERE account_id = 5")
    consumer_request = approved(mailbox, team, KOFI)
    assert "activity_log" not in {part["table"] for part in plan_of(consumer_request).summary}
    _visits(learners, 5, 1)
    batches.work_chunk(gathered(), at=clock.now())
    assert fresh(consumer_request).status == Status.VERIFIED
    tasks.drain_plan()
    assert "activity_log" in {part["table"] for part in plan_of(consumer_request).summary}


def test_a_supplement_larger_than_its_limit_is_refused_by_the_database(
    mailbox, team, learners, at_once
):
    consumer_request = approved(mailbox, team, KOFI)
    gathered()
    parent = plan_of(consumer_request)
    with refused_by_the_database():
        freeze_supplement(parent, [_part(range(21))], at=clock.now())
    assert lines(consumer_request.number)[-1] == "request.executing"


def test_one_person_with_too_many_rows_does_not_send_the_others_back(
    mailbox, team, learners, at_once
):
    both = [decided(mailbox, team, KOFI), decided(mailbox, team, ORLA)]
    for each in both:
        approve(each, team.approver)
    _visits(learners, 5, 21)
    batches.work_chunk(gathered(), at=clock.now())
    assert [fresh(each).status for each in both] == [Status.VERIFIED, Status.EXECUTING]
    batches.work_chunk(claimed(), at=clock.now())
    closing.close_told(at=clock.now())
    assert [fresh(each).status for each in both] == [Status.VERIFIED, Status.COMPLETED]
    assert (_left(learners, 4), _left(learners, 5)) == (0, 31)


def test_supplements_together_stay_below_the_limit_in_the_database(
    mailbox, team, learners, at_once
):
    consumer_request = approved(mailbox, team, KOFI)
    gathered()
    parent = plan_of(consumer_request)
    freeze_supplement(parent, [_part(range(19))], at=clock.now())
    with refused_by_the_database():
        freeze_supplement(parent, [_part(range(19, 21))], at=clock.now())
    freeze_supplement(parent, [_part(range(19, 20))], at=clock.now())


def _part(keys):
    return Part("activity_log", "delete", list(keys), [0] * len(keys))


def test_a_worker_that_lost_its_lease_names_and_erases_no_newborn_row(
    mailbox, team, learners, at_once
):
    approved(mailbox, team, KOFI)
    chunk = gathered()
    _visits(learners, 5, 2)
    by_sql("UPDATE requests_app_chunk SET fence = fence + 1")
    with pytest.raises(work.LeaseLost):
        batches.work_chunk(chunk, at=clock.now())
    assert _left(learners, 5) == 12
    assert Plan.objects.count() == 1


def test_a_second_supplement_hangs_on_the_same_parent(
    mailbox, team, learners, at_once, monkeypatch
):
    approved(mailbox, team, KOFI)
    _visits(learners, 5, 2)
    chunk = gathered()
    monkeypatch.setattr(erasure, "apply", _die)
    with pytest.raises(Killed):
        batches.work_chunk(chunk, at=clock.now())
    monkeypatch.undo()
    _visits(learners, 5, 3, first=990_000)
    lease_ends()
    batches.work_chunk(claimed(), at=clock.now())
    parent = Plan.objects.get(parent__isnull=True)
    supplements = Plan.objects.filter(parent=parent).order_by("pk")
    assert [(each.rows, each.state) for each in supplements] == [(2, "proved"), (3, "proved")]
    assert Receipt.objects.get(table="activity_log").planned == 15
