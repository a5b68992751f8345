"""Carrying out: nothing outside the plan, nothing twice, the same end after every crash."""

import pytest

from ccpa_office import clock, connectors, work
from ccpa_office.connectors.base import Applied
from ccpa_office.connectors.postgresql.connector import PostgreSQL
from notices_app import datamap
from requests_app import casework, tasks
from requests_app.fulfillment import batches, closing, erasure, proof
from requests_app.fulfillment.loading import NotWhatWasApproved, load
from requests_app.fulfillment.packing import Part
from requests_app.models import (
    Batch,
    BatchState,
    Chunk,
    Look,
    Message,
    Plan,
    PlanState,
    Receipt,
    Status,
)
from tests import builders
from tests.builders import KOFI, MAP, ORLA, fresh, plan_of
from tests.copies import copy_of
from tests.steps import (
    SHARED_TICKET,
    Killed,
    approve,
    by_sql,
    claimed,
    decided,
    gathered,
    killed_at,
    learner,
    lease_ends,
    lines,
    office_digest,
    opened,
    query,
    refused_by_the_database,
    store_digest,
)

pytestmark = pytest.mark.django_db
SEAMS = ["erase.before-effect", "erase.after-effect", "erase.before-commit", "erase.after-commit",
         "prove.before-commit", "prove.after-commit"]  # fmt: skip


@pytest.fixture
def due(mailbox, team, learners, at_once):
    """A deletion that is approved and due."""
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    return fresh(consumer_request)


def _carry_out():
    batches.work_chunk(gathered(), at=clock.now())
    closing.close_told(at=clock.now())


# --- only what is planned -----------------------------------------------------------------------


def test_nothing_but_the_planned_rows_is_touched(due, learners):
    plan = plan_of(due)
    planned = {part["table"]: part["rows"] for part in plan.summary if part["action"] == "delete"}
    before = store_digest(learners)
    _carry_out()
    after = store_digest(learners)
    assert fresh(due).status == Status.COMPLETED
    for table, digest in before.items():
        was, now = (int(each.partition(":")[0]) for each in (digest, after[table]))
        assert was - now == planned.get(table, 0), table
    masked = {part["table"] for part in plan.summary if part["action"] == "mask"}
    for table in set(before) - set(planned) - masked:
        assert before[table] == after[table], table


def test_a_receipt_for_each_table_and_action_adds_up(due):
    plan = plan_of(due)
    _carry_out()
    acted = sorted(
        (part["table"], part["action"], part["rows"])
        for part in plan.summary
        if part["action"] != "keep"
    )
    kept = Receipt.objects.values_list("table", "action", "planned", "done", "gone")
    assert sorted(kept) == [(*each, each[2], 0) for each in acted]
    assert lines(f"batch:{Batch.objects.get().pk}") == ["erasure.carried-out"]


def test_a_row_that_is_gone_already_is_told_as_gone(due, learners):
    query(learners, "DELETE FROM newsletter WHERE email = %s", ORLA)
    _carry_out()
    receipt = Receipt.objects.get(table="newsletter")
    assert (receipt.planned, receipt.done, receipt.gone) == (1, 0, 1)


def test_a_table_outside_the_map_is_refused_by_its_name(due, learners):
    loaded = load(gathered())
    before = store_digest(learners)
    strange = Part("ghosts", "delete", [1], [0])
    with pytest.raises(NotWhatWasApproved, match="ghosts"):
        erasure.in_order(loaded, [*loaded.parts, strange])
    assert store_digest(learners) == before


def test_a_chunk_carried_out_three_times_has_the_same_end(due, learners):
    chunk = gathered()
    first = erasure.run_chunk(chunk, at=clock.now())
    store, office = store_digest(learners), office_digest()
    query(learners, "INSERT INTO newsletter VALUES ('orla.other@example.org', now(), 'x')")
    store_with_another = store_digest(learners)
    for _again in range(2):
        by_sql("UPDATE requests_app_chunk SET stage = 'erase', lane = 'erase'")
        chunk.refresh_from_db()
        with pytest.raises(Exception, match="a_receipt_stands_once"):
            erasure.run_chunk(chunk, at=clock.now())
        assert store_digest(learners) == store_with_another
    assert {**store_with_another, "newsletter": store["newsletter"]} == store
    assert {part.table for part in first.parts} >= {"accounts", "newsletter"}
    assert office["Receipt"] == office_digest()["Receipt"]


def test_a_key_of_another_stops_the_batch_and_touches_nothing(due, learners, team):
    query(learners, "UPDATE orders SET account_id = 6 WHERE account_id = 4 AND id = 8")
    before = store_digest(learners)
    chunk = gathered()
    batches.work_chunk(chunk, at=clock.now())
    assert store_digest(learners) == before
    batch = Batch.objects.get()
    chunk.refresh_from_db()
    assert (batch.state, batch.stop_reason) == (BatchState.STOPPED, "key-of-another")
    assert (chunk.state, chunk.error_code) == ("parked", "key-of-another")
    assert not Receipt.objects.exists()
    assert lines(f"batch:{batch.pk}") == ["batch.stopped"]
    casework.ask_for_plan(fresh(due), by=team.officer, at=clock.now())
    tasks.drain_plan()
    assert fresh(due).status == Status.PLANNED
    assert [plan.state for plan in due.plans.order_by("pk")] == ["void", "frozen"]
    assert Chunk.objects.get().stage == Chunk.Stage.DONE


def test_what_is_being_carried_out_is_not_planned_anew(due, team):
    gathered()
    with pytest.raises(casework.PlanVoid.__mro__[1], match="carried out"):
        casework.ask_for_plan(fresh(due), by=team.officer, at=clock.now())
    assert plan_of(due).state == PlanState.EXECUTING


def test_a_worker_without_its_lease_writes_nothing(due, learners):
    chunk = gathered()
    by_sql("UPDATE requests_app_chunk SET fence = fence + 1")
    office = office_digest()
    with pytest.raises(work.LeaseLost):
        batches.work_chunk(chunk, at=clock.now())
    assert office_digest() == office
    assert not Receipt.objects.exists()


# --- shared rows --------------------------------------------------------------------------------


@pytest.fixture
def shared(mailbox, team, learners, at_once):
    """A learner whose ticket, written by the other of the household, is shared."""
    known = learner(learners, SHARED_TICKET)
    query(learners, "UPDATE accounts SET email_changed_at = '2024-01-01' WHERE id = 10")
    return decided(mailbox, team, known.pop("email"), **known)


def _decide(plan, team, table, decision, ground=""):
    return casework.decide_shared(
        plan, table=table, decision=decision, ground=ground, by=team.officer, at=clock.now()
    )


def test_a_shared_row_is_stripped_of_this_person_alone(shared, team, learners):
    before = query(learners, "SELECT * FROM support_tickets WHERE id = 10")
    kept = _decide(plan_of(shared), team, "addresses", "keep", "GX_k")
    plan = _decide(kept, team, "support_tickets", "strip")
    assert plan.undecided == 0
    approve(shared, team.approver)
    _carry_out()
    assert fresh(shared).status == Status.COMPLETED
    after = query(learners, "SELECT * FROM support_tickets WHERE id = 10")
    assert before != after
    assert after[0][1] is None
    assert query(learners, "SELECT count(*) FROM accounts WHERE id = 10") == [(0,)]
    assert query(learners, "SELECT count(*) FROM addresses WHERE id = 9") == [(1,)]


def test_a_strip_that_did_not_happen_is_found(shared, team, learners, monkeypatch):
    _decide(plan_of(shared), team, "addresses", "keep", "GX_k")
    _decide(plan_of(shared), team, "support_tickets", "strip")
    approve(shared, team.approver)
    _loosen(learners, "support_tickets", "account_id")
    _lie_about(monkeypatch, "support_tickets")
    _carry_out()
    assert fresh(shared).status == Status.EXECUTING
    assert Chunk.objects.get().error_code == "residual"


def test_own_and_shared_rows_of_one_table_go_different_ways(shared, team, learners):
    email = learner(learners, SHARED_TICKET)["email"]
    query(
        learners,
        "INSERT INTO support_tickets VALUES (9001, 10, %s, 'Mine alone', 'No name', now())",
        email,
    )
    casework.ask_for_plan(fresh(shared), by=team.officer, at=clock.now())
    tasks.drain_plan()
    _decide(plan_of(shared), team, "addresses", "keep", "GX_k")
    _decide(plan_of(shared), team, "support_tickets", "strip")
    approve(shared, team.approver)
    _carry_out()
    assert query(learners, "SELECT id, account_id FROM support_tickets"
                           " WHERE id IN (10, 9001)") == [(10, None)]  # fmt: skip
    receipts = Receipt.objects.filter(table="support_tickets").order_by("action")
    assert [(each.action, each.done) for each in receipts] == [("delete", 1), ("mask", 1)]
    assert fresh(shared).status == Status.COMPLETED


def test_a_decision_makes_a_new_version_and_needs_a_ground_to_keep(shared, team):
    plan = plan_of(shared)
    for table, decision, ground in (
        ("addresses", "keep", ""), ("addresses", "drop", "x"), ("newsletter", "keep", "GX_k"),
        ("nowhere", "strip", ""), ("support_tickets", "keep", "GX_k"),
        ("progress", "strip", ""),
    ):  # fmt: skip
        with pytest.raises(casework.NothingToDecide):
            _decide(plan, team, table, decision, ground)
    new = _decide(plan, team, "addresses", "keep", "GX_k")
    plan.refresh_from_db()
    assert (plan.state, new.version, new.hash != plan.hash) == (PlanState.VOID, 2, True)
    with pytest.raises(casework.PlanVoid):
        _decide(plan, team, "support_tickets", "strip")
    with pytest.raises(casework.NothingToDecide):
        _decide(new, team, "addresses", "keep", "GX_k")


# --- crashes ------------------------------------------------------------------------------------


def _end(learners):
    return office_digest(), store_digest(learners)


@pytest.mark.parametrize("seam", SEAMS)
def test_a_worker_that_dies_anywhere_leaves_the_same_end(
    seam, due, learners, mailbox, team, monkeypatch
):
    clean = _clean_end(mailbox, team)
    chunk = gathered()
    with killed_at(monkeypatch, seam) as passed, pytest.raises(Killed):
        batches.work_chunk(chunk, at=clock.now())
    assert passed[-1] == seam
    lease_ends()
    for lane in ("erase", "prove"):
        for found in work.claim(Chunk, lane=lane, n=1, owner="the next"):
            batches.work_chunk(found, at=clock.now())
    closing.close_told(at=clock.now())
    batches.finish_done(at=clock.now())
    assert fresh(due).status == Status.COMPLETED
    kept = Receipt.objects.values_list("table", "planned", "done", "gone").order_by("ordinal")
    assert list(kept) == [(table, rows, rows, 0) for table, rows in clean]
    assert Look.objects.count() == 4
    assert lines(due.number)[-3:] == [
        "request.executing", "request.telling", "request.completed",
    ]  # fmt: skip
    assert Message.objects.filter(letter="done_delete_part").count() == 1


def _clean_end(mailbox, team):
    """The tables and rows of the receipts, as the frozen plan foretells them."""
    plan = Plan.objects.get()
    order = {}
    for part in plan.summary:
        if part["action"] != "keep":
            order[part["table"]] = part["rows"]
    return list(order.items())


def test_two_clean_ways_and_one_with_a_crash_have_equal_tables(
    due, mailbox, team, learners, monkeypatch
):
    _carry_out()
    office = office_digest()
    assert office["Receipt"] == office_digest()["Receipt"]
    second = decided(mailbox, team, KOFI)
    approve(second, team.approver)
    chunk = gathered()
    with killed_at(monkeypatch, "erase.after-effect"), pytest.raises(Killed):
        batches.work_chunk(chunk, at=clock.now())
    lease_ends()
    batches.work_chunk(claimed(), at=clock.now())
    closing.close_told(at=clock.now())
    rows = {
        number: [
            (each.table, each.action, each.planned, each.done, each.gone)
            for each in Receipt.objects.filter(chunk__plans__consumer_request=number).order_by("pk")
        ]
        for number in (due.pk, second.pk)
    }
    assert rows[due.pk] == rows[second.pk]


# --- switches -----------------------------------------------------------------------------------


def _passes(count):
    for _each in range(count):
        by_sql("UPDATE requests_app_chunk SET not_before = now() - interval '1 minute'")
        for chunk in work.claim(Chunk, lane="erase", n=1, owner="a worker"):
            batches.work_chunk(chunk, at=clock.now())


def test_the_kill_switch_holds_everything_however_long(due, learners, team):
    before = store_digest(learners)
    batches.open_due(at=clock.now())
    batches.set_kill_switch(stopped=True, reason="fire", by=team.officer, at=clock.now())
    _passes(12)
    assert store_digest(learners) == before
    chunk = Chunk.objects.get()
    assert (chunk.state, chunk.error_code, chunk.attempts) == ("ready", "halted", 0)
    batches.set_kill_switch(stopped=False, reason="out", by=team.officer, at=clock.now())
    _passes(1)
    closing.close_told(at=clock.now())
    assert fresh(due).status == Status.COMPLETED
    assert lines("office")[-2:] == ["erasure.stopped", "erasure.allowed"]


def test_a_paused_batch_waits_however_long(due, learners, team):
    batch = opened()
    batches.pause(batch, by=team.officer, at=clock.now())
    _passes(12)
    assert query(learners, "SELECT count(*) FROM accounts WHERE id = 4") == [(1,)]
    with pytest.raises(batches.ApprovalRefused):
        batches.pause(batch, by=team.officer, at=clock.now())
    batches.resume(batch, by=team.officer, at=clock.now())
    with pytest.raises(batches.ApprovalRefused):
        batches.resume(batch, by=team.officer, at=clock.now())
    _passes(1)
    assert query(learners, "SELECT count(*) FROM accounts WHERE id = 4") == [(0,)]


def test_a_suspect_clock_holds_everything(due, learners):
    batches.open_due(at=clock.now())
    by_sql("UPDATE ccpa_office_clockguard SET suspect_since = now()")
    _passes(2)
    assert query(learners, "SELECT count(*) FROM accounts WHERE id = 4") == [(1,)]


# --- more than one system, more than one map ----------------------------------------------------


def test_plans_of_two_map_versions_are_carried_out_apart(mailbox, team, learners, at_once):
    one, other = decided(mailbox, team, ORLA), decided(mailbox, team, KOFI)
    approve(one, team.approver)
    text = MAP.read_text("utf-8").replace("former learner", "somebody who left")
    version = datamap.load(text, system_key="learners", by=team.editor, at=clock.now())
    datamap.approve(version, digest=version.digest, by=team.chief, at=clock.now())
    casework.ask_for_plan(fresh(other), by=team.officer, at=clock.now())
    tasks.drain_plan()
    approve(other, team.approver)
    assert len({plan_of(each).map_version_id for each in (one, other)}) == 2
    batches.open_due(at=clock.now())
    batches.open_due(at=clock.now())
    assert Batch.objects.count() == 2
    for chunk in work.claim(Chunk, lane="erase", n=2, owner="a worker"):
        batches.work_chunk(chunk, at=clock.now())
    names = query(
        learners,
        "SELECT DISTINCT author_name FROM forum_posts WHERE author_id IS NULL ORDER BY 1",
    )
    assert names == [("former learner",), ("somebody who left",)]


@pytest.fixture
def two_systems(mailbox, team, learners, learner_template, at_once):
    """The same learners held a second time, in a store of its own."""
    copies = copy_of(learner_template)
    target = next(copies)
    document = MAP.read_text("utf-8").replace("learners", "partners")
    builders.serve(team, target, key="partners", document=document)
    yield target
    connectors.close_all()
    next(copies, None)


def _both_approved(mailbox, team):
    consumer_request = decided(mailbox, team, ORLA)
    plans = list(consumer_request.plans.order_by("pk"))
    assert [plan.system_key for plan in plans] == ["learners", "partners"]
    for plan in plans:
        assert fresh(consumer_request).status == Status.PLANNED
        casework.approve(plan, hash=plan.hash, by=team.approver, at=clock.now())
    assert fresh(consumer_request).status == Status.APPROVED
    return consumer_request


def test_a_person_in_two_systems_is_erased_in_both_and_told_once(
    two_systems, mailbox, team, learners
):
    consumer_request = _both_approved(mailbox, team)
    while batches.open_due(at=clock.now()):
        pass
    assert Batch.objects.count() == 2
    for chunk in work.claim(Chunk, lane="erase", n=2, owner="a worker"):
        batches.work_chunk(chunk, at=clock.now())
    closing.close_told(at=clock.now())
    assert fresh(consumer_request).status == Status.COMPLETED
    for target in (learners, two_systems):
        assert query(target, "SELECT count(*) FROM accounts WHERE id = 4") == [(0,)]
    assert Message.objects.filter(letter="done_delete_part").count() == 1
    assert lines(consumer_request.number).count("request.telling") == 1


def test_two_workers_that_prove_at_once_do_not_wait_for_each_other(
    two_systems, mailbox, team, learners
):
    consumer_request = _both_approved(mailbox, team)
    while batches.open_due(at=clock.now()):
        pass
    chunks = work.claim(Chunk, lane="erase", n=2, owner="two workers")
    loaded = [erasure.run_chunk(chunk, at=clock.now()) for chunk in chunks]
    assert [len(each.unfinished) for each in loaded] == [1, 1]
    for each in loaded:
        proof.prove_chunk(each, at=clock.now())
    closing.close_told(at=clock.now())
    assert fresh(consumer_request).status == Status.COMPLETED


# --- lies ---------------------------------------------------------------------------------------


def _lie_about(monkeypatch, *tables):
    honest = PostgreSQL.apply_all

    def apply_all(self, changes, people):
        told = iter(honest(self, [each for each in changes if each[0] not in tables], people))
        return [
            Applied(len(rows.keys), 0, []) if table in tables else next(told)
            for table, rows, _deed in changes
        ]

    monkeypatch.setattr(PostgreSQL, "apply_all", apply_all)


REFERS = {
    "newsletter": "", "activity_log": "account_id", "forum_posts": "author_id",
    "support_tickets": "account_id", "certificates": "enrolment_id", "progress": "account_id",
    "payments": "order_id", "profiles": "account_id",
}  # fmt: skip


def _loosen(target, table, column):
    """Take the constraint away that would find the lie before the second look does."""
    if column:
        query(target, f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_fkey")
    if table == "payments":
        query(target, "ALTER TABLE refunds DROP CONSTRAINT refunds_payment_id_fkey")


@pytest.mark.parametrize("table", list(REFERS))
def test_a_store_that_only_says_yes_is_found_out(table, due, learners, monkeypatch):
    assert table in {part["table"] for part in plan_of(due).summary}
    _loosen(learners, table, REFERS[table])
    _lie_about(monkeypatch, table)
    _carry_out()
    assert fresh(due).status == Status.EXECUTING
    chunk = Chunk.objects.get()
    assert (chunk.state, chunk.error_code) == ("parked", "residual")
    assert plan_of(due).state == PlanState.EXECUTING
    look = Look.objects.get()
    assert {each["table"] for each in look.tables if each["finding"] == "residual"} == {table}
    with refused_by_the_database():
        by_sql(
            "UPDATE requests_app_consumerrequest SET status = 'completed',"
            " closed_at = now(), outcome = 'complied'"
        )


def test_a_new_plan_goes_on_searching_for_what_the_first_one_left(due, learners, team, monkeypatch):
    """The account is gone, so no path leads to the newsletter any more; its address is known."""
    with monkeypatch.context() as patch:
        _lie_about(patch, "newsletter")
        _carry_out()
    assert Chunk.objects.get().error_code == "residual"
    casework.ask_for_plan(fresh(due), by=team.officer, at=clock.now())
    tasks.drain_plan()
    approve(due, team.approver)
    _carry_out()
    assert (fresh(due).status, plan_of(due).version) == (Status.EXECUTING, 2)
    again = Chunk.objects.get(state="parked")
    assert again.error_code == "residual"
    query(learners, "DELETE FROM newsletter WHERE email = %s", ORLA)
    work.unpark(again)
    batches.work_chunk(claimed("prove"), at=clock.now())
    closing.close_told(at=clock.now())
    assert fresh(due).status == Status.COMPLETED
