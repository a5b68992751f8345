"""Where work outside stands still and goes on: looks, plans that ended, breaker, no second look."""

from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from ccpa_office import clock, work
from ccpa_office.connectors.http import Limits, Means
from ccpa_office.roles import NotAllowed
from requests_app.fulfillment.outside import breaker, hands, settling
from requests_app.models import (
    Finding,
    OutsideLook,
    OutsideState,
    OutsideTask,
    Plan,
    PlanState,
    Said,
    Status,
    Switch,
)
from tests import builders
from tests.builders import ORLA, address, fresh
from tests.fulfillment import outsiders
from tests.fulfillment.outsiders import again, carried_out, looks_due, task_of
from tests.fulfillment.test_outside import allowed, executions, served, vendor
from tests.fulfillment.test_outside_hands import archive, link, orla
from tests.steps import without_triggers
from tests.vendor.description import BASE, WITHOUT_ECHO, by_address, of_effect
from tests.vendor.modes import Mode

__all__ = ["allowed", "archive", "orla", "served", "vendor"]
pytestmark = pytest.mark.django_db
DELETED = hands.Reply(Said.DELETED)
NOW_AND_THEN = Limits(per_second=100, at_once=2, answer_bytes=1000)


def stands(task):
    task.refresh_from_db()
    return task.state, task.stage, task.error_code


def test_a_later_look_waits_is_unknown_or_becomes_a_persons(served, mailbox, team):
    task = task_of(carried_out(mailbox, team))
    served.on = {"find"}
    for day, mode in ((1, Mode.OK_EMPTY), (7, Mode.FORBIDDEN), (30, Mode.BUSY_SECONDS)):
        served.mode = mode
        looks_due(day)
    seen = OutsideLook.objects.filter(day__gt=0).order_by("day")
    assert list(seen.values_list("state", "error_code", "finding")) == [
        ("ready", "unknown", ""), ("parked", "forbidden", ""), ("ready", "busy", ""),
    ]  # fmt: skip
    with without_triggers():
        Plan.objects.filter(pk=task.plan_id).update(state=PlanState.VOID)
    asked = served.asked
    looks_due(1)
    ended = OutsideLook.objects.get(day=1)
    assert (ended.state, ended.finding, served.asked) == ("done", "", asked)


def test_a_task_asks_each_time_what_became_of_its_plan(served, mailbox, team):
    served.mode = Mode.BUSY
    task = task_of(carried_out(mailbox, team))
    OutsideState.objects.update(not_before=None)
    asked = served.asked
    Switch.objects.create(pk=1, stopped=True)
    again()
    assert stands(task) == ("ready", "ask", "halted")
    Switch.objects.update(stopped=False)
    with without_triggers():
        Plan.objects.filter(pk=task.plan_id).update(hash="0" * 64)
    again()
    assert stands(task) == ("parked", "ask", "not-what-was-approved")
    with without_triggers():
        Plan.objects.filter(pk=task.plan_id).update(state=PlanState.VOID)
        OutsideTask.objects.update(state="ready")
    again()
    assert stands(task)[:2] == ("done", "void")
    assert served.asked == asked


def test_what_is_pending_past_its_day_is_a_persons_work(served, mailbox, team):
    served.mode = Mode.ACCEPTED_THEN_NEVER
    task = task_of(carried_out(mailbox, team))
    OutsideTask.objects.update(due_on=clock.today() - timedelta(days=1))
    again()
    assert stands(task) == ("parked", "wait", "overdue")


def test_where_no_ticket_is_given_what_is_held_says_how_far_it_is(
    vendor, mailbox, team, learners, at_once
):
    text = BASE[: BASE.index("  status:")].replace(", ticket: $.ticket", "")
    outsiders.register(team, "mail", vendor.url, text)
    vendor.mode = Mode.ACCEPTED_THEN_NEVER
    consumer_request = carried_out(mailbox, team)
    again()
    assert stands(task_of(consumer_request)) == ("ready", "wait", "pending")
    for found in vendor.of(ORLA):
        vendor.execute(found, None)
    again()
    builders.drain()
    assert fresh(consumer_request).status == Status.COMPLETED


def _knows_by_address(vendor):
    """A vendor whose one record of Orla goes by her address."""
    vendor.people = {ORLA: {"id": ORLA, "email": ORLA, "name": "somebody"}}


def test_what_was_taken_in_and_is_gone_is_told_as_deleted(
    vendor, mailbox, team, learners, at_once
):  # fmt: skip
    """Nobody says "held nothing of yours" of what was held, and deleted for this request."""
    text = by_address(WITHOUT_ECHO[: WITHOUT_ECHO.index("  status:")])
    outsiders.register(team, "mail", vendor.url, text.replace(", ticket: $.ticket", ""))
    _knows_by_address(vendor)
    vendor.mode = Mode.ACCEPTED_THEN_NEVER
    consumer_request = carried_out(mailbox, team)
    vendor.execute(ORLA, None)
    again()
    builders.drain()
    assert fresh(consumer_request).status == Status.COMPLETED
    assert task_of(consumer_request).calls.get().means == Means.DONE
    assert "A service provider deleted it" in mailbox.last(ORLA)


def test_an_askable_system_is_looked_at_before_an_address_is_sent_again(
    vendor, mailbox, team, learners, at_once
):
    outsiders.register(team, "mail", vendor.url, by_address(of_effect("askable")))
    _knows_by_address(vendor)
    vendor.mode, vendor.honors_keys = Mode.EXECUTES_AND_TIMES_OUT, False
    consumer_request = carried_out(mailbox, team)
    assert task_of(consumer_request).error_code == "unknown"
    again()
    builders.drain()
    assert fresh(consumer_request).status == Status.COMPLETED
    assert executions(vendor) == (1, 1)


def test_an_outage_while_we_only_look_wears_no_task_out(served, mailbox, team):
    served.mode, served.on = Mode.FAILING, {"find"}
    consumer_request = carried_out(mailbox, team)
    for _time in range(7):
        again()
    assert stands(task_of(consumer_request)) == ("ready", "ask", "failed")
    served.mode = Mode.HONEST
    OutsideState.objects.update(not_before=None)
    again()
    builders.drain()
    assert fresh(consumer_request).status == Status.COMPLETED


def test_what_is_settled_is_not_sent_again_with_the_rest(served, mailbox, team):
    first, second = served.of(ORLA)
    honest = served.ask
    served.ask = lambda found, *deed: honest(found, *deed) if found == first else (500, {})
    consumer_request = carried_out(mailbox, team)
    assert served.of(ORLA) == [second]
    served.ask = honest
    again()
    builders.drain()
    assert fresh(consumer_request).status == Status.COMPLETED
    sent = [line["path"][-9:] for line in served.log("asked") if line["what"] == "delete"]
    assert sent == [first, second, second]


def test_a_system_that_cannot_be_looked_at_is_settled_by_two_people(
    vendor, mailbox, team, learners, at_once
):
    text = of_effect("harmless")
    text = text[: text.index("  find:")] + text[text.index("  delete:") : text.index("  correct:")]
    outsiders.register(team, "mail", vendor.url, text.replace("/people/{id}", "/people/{email}"))
    vendor.mode = Mode.OK_EMPTY
    consumer_request = carried_out(mailbox, team)
    task = task_of(consumer_request)
    assert stands(task) == ("ready", "ask", "unknown")
    vendor.mode = Mode.HONEST
    again()
    assert stands(task) == ("parked", "prove", "no-second-look")
    hands.answer_by_hand(task, DELETED, by=team.officer, at=clock.now())
    hands.confirm(task, by=team.chief, at=clock.now())
    builders.drain()
    assert stands(task)[:2] == ("done", "done")
    assert fresh(consumer_request).status == Status.COMPLETED
    assert not OutsideLook.objects.exists()


def test_what_is_over_answered_or_at_work_takes_no_other_word(orla, team):
    at, task = clock.now(), task_of(orla)
    with pytest.raises(hands.AnswerRefused):
        hands.ask_again(task, reason="too early", by=team.officer, at=at)
    one, other = link(), link()
    hands.answer_by_link(one, DELETED, at=at)
    with pytest.raises(hands.LinkGone):
        hands.answer_by_link(other, DELETED, at=at)
    with pytest.raises(hands.AnswerRefused):
        hands.answer_by_hand(task, DELETED, by=team.officer, at=at)
    with pytest.raises(NotAllowed):
        hands.see_whom(task, purpose=" ", by=team.verifier, at=at)
    stale = task_of(orla)
    OutsideTask.objects.update(fence=stale.fence + 1)
    with pytest.raises(work.LeaseLost):
        settling.settle(stale, Finding.ABSENT, at=at)
    hands.confirm(task, by=team.officer, at=at)
    with pytest.raises(hands.AnswerRefused):
        hands.ask_again(task, reason="too late", by=team.officer, at=at)


# --- the breaker --------------------------------------------------------------------------------


def call(at):
    with breaker.admitted("mail", NOW_AND_THEN, at=at):
        return OutsideState.objects.get()


def test_while_the_breaker_is_open_one_caller_tries_each_time_its_pause_is_over(db):
    at = clock.now()
    assert call(at).not_before is None
    OutsideState.objects.update(not_before=at, probes=1)
    stale = OutsideState.objects.get()
    tried = call(at)
    assert (tried.not_before - at, tried.probes) == (2 * breaker.FIRST_PAUSE, 2)
    with pytest.raises(breaker.NotNow, match="open"):
        call(at)
    with pytest.raises(breaker.NotNow, match="open"):
        breaker._pass_the_breaker(stale, at)  # who read the same state a moment before


def test_a_system_is_called_by_so_many_at_once_and_in_its_pace(db):
    at = clock.now()
    call(at)
    with psycopg.connect(address(connection.settings_dict["NAME"]), autocommit=True) as others:
        others.execute("SELECT pg_advisory_lock(hashtext('outside:mail'), 0)")
        assert call(at).system_key == "mail"
        others.execute("SELECT pg_advisory_lock(hashtext('outside:mail'), 1)")
        with pytest.raises(breaker.NotNow, match="at-once"):
            call(at)
    OutsideState.objects.update(next_call_at=clock.now() + timedelta(minutes=5))
    with pytest.raises(breaker.NotNow, match="pace"):
        call(at)


def test_a_later_look_waits_out_an_outage_and_then_a_person_is_told(served, mailbox, team):
    task = task_of(carried_out(mailbox, team))
    served.mode, served.on = Mode.FAILING, {"find"}
    met = []
    for days in (1, 5):
        with without_triggers():
            proved = clock.now() - timedelta(days=days)
            OutsideTask.objects.filter(pk=task.pk).update(proved_at=proved)
        looks_due(1)
        met.append(OutsideLook.objects.values_list("state", "error_code").get(day=1))
    assert met == [("ready", "failed"), ("parked", "failed")]
