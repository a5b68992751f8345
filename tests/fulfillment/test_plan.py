"""Locating, freezing, asking again: what stands in a plan."""

from datetime import date
from typing import Any, cast

import pytest

from ccpa_office import clock
from ccpa_office.connectors.base import Located, Program, Table
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import NotAllowed
from requests_app import casework, tasks, verification, workflow
from requests_app.fulfillment import batches
from requests_app.fulfillment import plan as planning
from requests_app.fulfillment.locating import Found, Weight, parts_of, weigh
from requests_app.fulfillment.packing import Part
from requests_app.models import ConsumerRequest, Plan, PlanState, PlanTable, Status, Step
from requests_app.targets import Target
from tests.builders import KOFI, MARISOL, ORLA, POINTS, ask, fresh, plan_of
from tests.steps import approve, checked, decided, gathered, lines, query, refused_by_the_database

PROGRAM = Program(
    "learners", "public", "d", "accounts",
    tables=(
        Table("orders", ("id",), (), "delete"),
        Table("ledger", ("id",), (), "keep", keep_code="DX_8"),
        Table("posts", ("id",), (), "mask"),
    ),
)  # fmt: skip
LATE, LATER = date(2030, 1, 1), date(2031, 1, 1)


def _located(table="orders", **facts):
    rows: dict[str, Any] = {"keys": [1, 2, 3], "persons": [0, 0, 1], "shared": [False] * 3}
    rows |= {"kept": [""] * 3, "until": [None] * 3} | facts
    return Located(table=table, **rows)


# --- parts --------------------------------------------------------------------------------------


def test_rows_of_one_fate_are_one_part():
    assert parts_of(PROGRAM, [_located()]) == [Part("orders", "delete", [1, 2, 3], [0, 0, 1])]
    assert parts_of(PROGRAM, [_located("posts")]) == [Part("posts", "mask", [1, 2, 3], [0, 0, 1])]


def test_a_table_without_rows_makes_no_part():
    empty: dict[str, list[Any]] = {
        name: [] for name in ("keys", "persons", "shared", "kept", "until")
    }
    assert parts_of(PROGRAM, [_located(**empty)]) == []


def test_kept_rows_stand_apart_with_their_code_and_last_day():
    found = parts_of(PROGRAM, [_located(kept=["DX_8", "", "DX_8"], until=[LATE, None, LATER])])
    assert found == [
        Part("orders", "keep", [1, 3], [0, 1], reason="DX_8", until=LATER, first_until=LATE),
        Part("orders", "delete", [2], [0]),
    ]


def test_a_term_that_is_over_keeps_nothing():
    found = parts_of(PROGRAM, [_located(until=[LATE, None, None])])
    assert [(part.action, part.keys) for part in found] == [("delete", [1, 2, 3])]


def test_a_hold_stands_apart_from_an_exception():
    found = parts_of(PROGRAM, [_located(kept=["hold", "DX_8", ""])])
    assert [(part.action, part.reason) for part in found] == [
        ("keep", "hold"), ("keep", "DX_8"), ("delete", ""),
    ]  # fmt: skip


def test_a_table_that_stays_gives_its_code():
    assert parts_of(PROGRAM, [_located("ledger")]) == [
        Part("ledger", "keep", [1, 2, 3], [0, 0, 1], reason="DX_8")
    ]


def test_shared_rows_are_undecided_unless_they_stay_anyway():
    found = parts_of(PROGRAM, [_located(shared=[True, True, False], kept=["", "DX_8", ""])])
    assert [(part.action, part.shared, part.keys) for part in found] == [
        ("delete", True, [1]), ("keep", False, [2]), ("delete", False, [3]),
    ]  # fmt: skip


# --- weight -------------------------------------------------------------------------------------


class _Target:
    program = PROGRAM


def _weigh(*found, sizes=()):
    return weigh(Found(cast(Target, _Target), [], list(found), dict(sizes)))


def test_what_is_kept_weighs_nothing(settings):
    weight = _weigh(Part("orders", "keep", [1, 2], [0, 0]), sizes={"orders": 20_000}.items())
    assert (weight.rows, weight.rows_per_person, weight.share) == (0, 0, 0.0)


def test_rows_are_counted_for_the_heaviest_person():
    weight = _weigh(Part("orders", "delete", [1, 2, 3], [0, 1, 1]), Part("posts", "mask", [9], [1]))
    assert (weight.rows, weight.rows_per_person) == (4, 3)


@pytest.mark.parametrize(("size", "share"), [(10_000, 0.0), (10_001, 3 / 10_001), (0, 0.0)])
def test_the_share_counts_above_ten_thousand_rows(size, share):
    weight = _weigh(Part("orders", "delete", [1, 2, 3], [0] * 3), sizes={"orders": size}.items())
    assert weight.share == share


def test_the_largest_share_counts():
    sizes = {"orders": 20_000, "posts": 40_000}.items()
    weight = _weigh(
        Part("orders", "delete", [1], [0]), Part("orders", "mask", [2], [0]),
        Part("posts", "mask", [1], [0]), sizes=sizes,
    )  # fmt: skip
    assert weight.share == 2 / 20_000


@pytest.mark.parametrize(
    ("rows", "share", "sensitive", "above"),
    [(10, 0.5, False, False), (11, 0.5, False, True), (10, 0.51, False, True), (1, 0, True, True)],
)
def test_a_ceiling_is_crossed_by_one_more(rows, share, sensitive, above, settings):
    settings.CEILING_ROWS, settings.CEILING_SHARE = 10, 0.5
    heavy = Weight(rows=99, rows_per_person=rows, share=share, sensitive=sensitive, undecided=0)
    assert heavy.above_ceiling is above


def test_undecided_rows_are_counted_until_they_are_decided():
    shared = Part("orders", "delete", [1, 2], [0, 0], shared=True)
    settled = Part("posts", "mask", [1], [0], shared=True, decision="strip")
    assert _weigh(shared, settled).undecided == 2


# --- frozen -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_plan_is_frozen_with_hash_counts_and_sealed_keys(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    plan = plan_of(consumer_request)
    assert (plan.state, plan.version, plan.people, plan.asked_by_id) == ("frozen", 1, 1, None)
    assert len(plan.hash) == 64
    assert plan.rows == sum(p["rows"] for p in plan.summary if p["action"] != "keep")
    rows = PlanTable.objects.filter(plan=plan).order_by("ordinal")
    assert [row.rows for row in rows] == [part["rows"] for part in plan.summary]
    assert not any(ORLA.encode() in bytes(row.keys) for row in rows)
    assert ORLA.encode() not in bytes(plan.subjects)
    assert fresh(consumer_request).status == Status.PLANNED


@pytest.mark.django_db
def test_two_plans_of_the_same_facts_have_one_hash_and_a_new_row_another(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    one = plan_of(consumer_request)
    for changes in (False, True):
        if changes:
            query(learners, "INSERT INTO activity_log VALUES (990001, 4, now(), '::1', '/', '{}')")
        casework.ask_for_plan(fresh(consumer_request), by=team.officer, at=clock.now())
        tasks.drain_plan()
        assert (plan_of(consumer_request).hash != one.hash) is changes


@pytest.mark.django_db
def test_a_dry_run_shows_masked_rows_and_the_statements(mailbox, team, learners):
    shown = planning.sample(plan_of(decided(mailbox, team, ORLA)))
    by_table = {each["table"]: each for each in shown}
    assert by_table["accounts"]["statement"].startswith("WITH plan AS")
    assert [each["statement"] for each in shown if each["action"] == "keep"] == [""]
    values = [value for each in shown for row in each["rows"] for value in row.values()]
    assert values
    assert not any("dunmarrow" in value.lower() or "0163" in value for value in values)


@pytest.mark.django_db
def test_shared_rows_of_a_household_wait_for_a_decision(mailbox, team, learners):
    plan = plan_of(decided(mailbox, team, MARISOL))
    shared = [part for part in plan.summary if part["shared"]]
    assert [(part["table"], part["rows"]) for part in shared] == [("addresses", 1)]
    assert plan.undecided == 1


# --- asked again --------------------------------------------------------------------------------


@pytest.mark.django_db
def test_only_an_officer_asks_for_a_plan(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    for each in (team.clerk, team.verifier, team.approver, team.counsel):
        with pytest.raises(NotAllowed):
            casework.ask_for_plan(consumer_request, by=each, at=clock.now())
    for each in (team.clerk, team.verifier, team.approver):
        with pytest.raises(NotAllowed):
            casework.decide_shared(plan_of(consumer_request), table="addresses", decision="strip",
                                   ground="", by=each, at=clock.now())  # fmt: skip


@pytest.mark.django_db
def test_a_refused_plan_is_void_and_another_can_be_asked_for(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    plan = plan_of(consumer_request)
    with pytest.raises(NotAllowed):
        casework.refuse(plan, reason="too much", by=team.officer, at=clock.now())
    casework.refuse(plan, reason="too much", by=team.approver, at=clock.now())
    assert fresh(consumer_request).status == Status.VERIFIED
    with pytest.raises(casework.PlanVoid):
        casework.refuse(plan, reason="too much", by=team.approver, at=clock.now())
    casework.ask_for_plan(fresh(consumer_request), by=team.chief, at=clock.now())
    assert lines(consumer_request.number)[-1] == "plan.asked"
    tasks.drain_plan()
    again = plan_of(consumer_request)
    assert (again.version, again.asked_by_id) == (2, team.chief.id)
    with pytest.raises(casework.ApprovalRefused):
        casework.approve(again, hash=again.hash, by=team.chief, at=clock.now())
    assert approve(consumer_request, team.approver).state == PlanState.APPROVED


@pytest.mark.django_db
def test_a_first_plan_that_is_being_built_is_not_asked_for(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    verification.decide(consumer_request, by=team.verifier, reason="x", at=clock.now())
    with pytest.raises(workflow.MoveNotAllowed):
        casework.ask_for_plan(fresh(consumer_request), by=team.officer, at=clock.now())
    assert Step.objects.filter(kind="plan").count() == 1


@pytest.mark.django_db
def test_a_plan_in_its_cool_off_that_is_planned_anew_needs_new_approvals(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    casework.ask_for_plan(fresh(consumer_request), by=team.officer, at=clock.now())
    tasks.drain_plan()
    plans = Plan.objects.order_by("pk")
    assert [(plan.state, plan.approvals.count()) for plan in plans] == [("void", 1), ("frozen", 0)]
    assert fresh(consumer_request).status == Status.PLANNED


@pytest.mark.django_db
def test_what_is_carried_out_and_proved_is_not_planned_anew(mailbox, team, learners, at_once):
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    batches.work_chunk(gathered(), at=clock.now())
    assert fresh(consumer_request).status == Status.TELLING
    with pytest.raises(workflow.MoveNotAllowed):
        casework.ask_for_plan(fresh(consumer_request), by=team.officer, at=clock.now())


@pytest.mark.django_db
def test_no_plan_is_built_for_what_was_stopped_meanwhile(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    verification.decide(consumer_request, by=team.verifier, reason="x", at=clock.now())
    casework.stop(fresh(consumer_request), at=clock.now())
    tasks.drain_plan()
    assert fresh(consumer_request).status == Status.STOPPED
    assert not Plan.objects.exists()
    assert Step.objects.get(kind="plan").state == "done"


@pytest.mark.django_db
def test_a_second_living_plan_is_refused_by_the_database(mailbox, team, learners):
    plan = plan_of(decided(mailbox, team, KOFI))
    plan.pk, plan.version = None, 2
    with refused_by_the_database():
        plan.save(force_insert=True)


@pytest.mark.django_db
def test_a_first_plan_that_waits_for_a_person_can_be_tried_again(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    verification.decide(consumer_request, by=team.verifier, reason="x", at=clock.now())
    Step.objects.filter(kind="plan").update(state="parked", error_code="StoreUnreachable")
    casework.ask_for_plan(fresh(consumer_request), by=team.officer, at=clock.now())
    tasks.drain_plan()
    assert fresh(consumer_request).status == Status.PLANNED
    assert plan_of(consumer_request).asked_by_id is None


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [RequestKind.DELETE, RequestKind.KNOW_CATEGORIES])
def test_asking_for_a_plan_verifies_nobody(kind, mailbox, team, learners):
    consumer_request = ask(ORLA, kind=kind)
    tasks.drain_verify()
    link = consumer_request.links.get(purpose="confirm")
    verification.accept_evidence(link, POINTS[ORLA], at=clock.now())
    tasks.drain_verify()
    for by in (team.officer, team.chief):
        with pytest.raises(workflow.MoveNotAllowed):
            casework.ask_for_plan(fresh(consumer_request), by=by, at=clock.now())
    assert fresh(consumer_request).status == Status.CHECKING
    casework.propose_denial(
        fresh(consumer_request), ground="DEN_EXCEPTION", exception="GX_k", words="x",
        by=team.counsel, at=clock.now(),
    )  # fmt: skip
    with pytest.raises(workflow.MoveNotAllowed):
        casework.ask_for_plan(fresh(consumer_request), by=team.officer, at=clock.now())
    verified = ask(KOFI, kind=RequestKind.KNOW_CATEGORIES)
    ConsumerRequest.objects.filter(pk=verified.pk).update(
        status="verified", verified_at=verified.received_at, level_reached="reasonable"
    )
    with pytest.raises(workflow.MoveNotAllowed):
        casework.ask_for_plan(fresh(verified), by=team.officer, at=clock.now())
