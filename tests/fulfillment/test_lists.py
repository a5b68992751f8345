"""A list of people is frozen, approved and erased as one batch, in chunks."""

import psycopg
import pytest
from psycopg import sql

from ccpa_office import clock
from requests_app import tasks
from requests_app.fulfillment import batches, lists, plan
from requests_app.models import Batch, BatchState, Plan, PlanState
from tests.builders import KOFI, ORLA, drain


def _count(learners, table):
    with psycopg.connect(learners) as connection:
        count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        return connection.execute(count).fetchall()[0][0]


def test_a_list_is_erased_after_its_approval(team, learners, at_once):
    before = _count(learners, "accounts")
    opened = lists.open_list(
        "learners",
        ["email\n", f"{ORLA}\n", f"{KOFI.upper()}\n", "nobody@example.org\n"],
        by=team.officer,
        at=clock.now(),
    )
    assert (opened.found, opened.unknown, opened.ambiguous) == (2, 1, 0)
    batch = opened.batch
    assert (batch.state, batch.people, batch.approvals_needed) == (BatchState.WAITING, 2, 1)
    tasks.drain_erase()
    assert _count(learners, "accounts") == before
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    drain()
    assert _count(learners, "accounts") == before - 2
    assert Batch.objects.get().state == BatchState.DONE
    assert Plan.objects.get().state == PlanState.PROVED


def test_a_list_above_the_ceiling_needs_two(team, learners, at_once, settings):
    settings.CEILING_PEOPLE = 1
    batch = lists.open_list(
        "learners", ["email", ORLA, KOFI], by=team.officer, at=clock.now()
    ).batch
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    drain()
    assert Plan.objects.get().state == PlanState.FROZEN
    batches.approve(batch, hash=batch.hash, by=team.second, at=clock.now())
    drain()
    assert Plan.objects.get().state == PlanState.PROVED


def test_who_opened_a_list_cannot_approve_it(team, learners, at_once):
    both = team.chief
    batch = lists.open_list("learners", ["email", ORLA], by=both, at=clock.now()).batch
    with pytest.raises(batches.ApprovalRefused):
        batches.approve(batch, hash=batch.hash, by=both, at=clock.now())


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["mail", ORLA], "The first line"),
        (["email,email", "a,b"], "The first line"),
        (["email,name", ORLA], "Line 2: the number of columns"),
        (["email", f"{ORLA},x"], "Line 2: the number of columns"),
        (["email,name", ","], "Line 2: no identifier"),
        (["email"], "The list is empty"),
        ([], "The first line"),
    ],
)
def test_a_list_that_cannot_be_read_says_where(team, learners, lines, words):
    with pytest.raises(lists.ListRefused, match=words):
        lists.open_list("learners", lines, by=team.officer, at=clock.now())
    assert not Batch.objects.exists()


def test_an_undecided_shared_row_holds_the_whole_list(team, learners, at_once):
    batch = lists.open_list(
        "learners", ["email", "marisol.quintana@example.org"], by=team.officer, at=clock.now()
    ).batch
    with pytest.raises(batches.ApprovalRefused):
        batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    frozen = Plan.objects.get()
    table = next(part["table"] for part in frozen.summary if part["shared"])
    plan.decide_shared(
        frozen, table=table, decision="keep", ground="GX_k", by=team.officer, at=clock.now()
    )
    batch.refresh_from_db()
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    drain()
    assert {each.state for each in Plan.objects.all()} == {PlanState.VOID, PlanState.PROVED}
