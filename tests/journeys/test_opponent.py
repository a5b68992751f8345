"""One person with every right tries alone to bring an erasure about, and never does (PR-32)."""

import hashlib
import threading
from contextlib import contextmanager

import psycopg
import pytest
from allauth.mfa.models import Authenticator
from django.db import connection, connections
from django.urls import get_resolver
from psycopg import sql

from ccpa_office import clock, staff
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, NotAllowed, Role
from requests_app import casework
from requests_app.casework import approving
from requests_app.fulfillment import batches
from requests_app.models import (
    Approval,
    Batch,
    BatchApproval,
    Chunk,
    ConsumerRequest,
    Plan,
    PlanState,
    Status,
)
from tests import builders
from tests.builders import HANA, KOFI, ORLA, ask, confirm, drain, fresh, plan_of
from tests.fixtures import at_once, learner_template, learners, mailbox, team
from tests.journeys.crawl import Opponent
from tests.requests.desks import at_desk

__all__ = ["at_once", "learner_template", "learners", "mailbox", "team"]

pytestmark = pytest.mark.django_db(transaction=True)

EVERY_RIGHT = tuple(Role)
ENDS_THE_GAME = ("logout", "setlang")
TRIGGERS = {
    "approval_counts": "requests_app_approval",
    "plan_executes": "requests_app_plan",
    "batchapproval_counts": "requests_app_batchapproval",
}


def digest_of(target):
    """What the business's database holds, table by table."""
    with psycopg.connect(target) as found:
        names = found.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
        return {name: _digest(found, name) for (name,) in names}


def _digest(found, name):
    rows = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(name))
    return hashlib.sha256(repr(found.execute(rows).fetchall()).encode()).hexdigest()


@pytest.fixture
def opponent(team, settings):
    """Every role, and superuser, in one session."""
    settings.DEMO = True  # nobody here has a second factor; the rest of the rules stands
    actor = builders.actor(*EVERY_RIGHT, name="mallory")
    StaffMember.objects.filter(pk=actor.staff_id).update(is_superuser=True)
    member = StaffMember.objects.get(pk=actor.staff_id)
    return Opponent(at_desk(actor), seed=7), Actor.of(member)


@pytest.fixture
def cases(mailbox, team, learners, at_once):
    """Requests where a deletion can be brought further: to decide, to plan, to approve."""
    waiting = ask(HANA)
    drain()
    confirm(mailbox, HANA)
    drain()
    ready = builders.verified(mailbox, team, ORLA)
    other = builders.verified(mailbox, team, KOFI)
    return waiting, ready, other


def nothing_was_carried_out(learners, before):
    assert not Plan.objects.filter(state__in=[PlanState.EXECUTING, PlanState.PROVED]).exists()
    assert not Chunk.objects.filter(erased_at__isnull=False).exists()
    assert digest_of(learners) == before


def alone(opponent_actor, cases):
    """Everything that could carry somebody's approval further is by the opponent alone."""
    by = set(Approval.objects.values_list("by_id", flat=True))
    by |= set(BatchApproval.objects.values_list("by_id", flat=True))
    assert by <= {opponent_actor.id}


@contextmanager
def without_triggers():
    """The database's own line of defense, taken away."""
    with connection.cursor() as cursor:
        for trigger, table in TRIGGERS.items():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for trigger, table in TRIGGERS.items():
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")


@pytest.fixture
def without_domain(monkeypatch):
    """The domain's own line of defense, taken away."""
    monkeypatch.setattr(approving, "check_approval", lambda *_a, **_k: None)
    monkeypatch.setattr(batches, "may_decide_now", lambda *_a, **_k: None)
    monkeypatch.setattr(batches, "_verified_somebody", lambda *_a: False)


def everything(opponent, actor, cases, learners):
    """The opponent verifies all, then presses every button of every desk, workers running."""
    for consumer_request in cases:
        each = fresh(consumer_request)
        if each.status == Status.CHECKING:
            opponent.post(f"/admin/requests/{each.number}/decide/", {"reason": "it is she"})
        drain()
        each = fresh(consumer_request)
        if each.status == Status.PLANNED:
            opponent.post(f"/admin/requests/{each.number}/replan/", {"reason": "again"})
        drain()
    for _again in range(2):
        for plan in Plan.objects.filter(state=PlanState.FROZEN):
            opponent.post(f"/admin/plans/{plan.pk}/approve/", {"hash": plan.hash, "reason": "yes"})
        drain()


def test_every_button_of_every_desk_in_one_hand_erases_nothing(opponent, cases, learners):
    session, actor = opponent
    before = digest_of(learners)
    everything(session, actor, cases, learners)
    session.crawl("/admin/", stay="/admin/", rounds=2, spare=ENDS_THE_GAME)
    drain()
    session.crawl("/admin/", stay="/admin/", rounds=1, spare=ENDS_THE_GAME)
    drain()
    alone(actor, cases)
    nothing_was_carried_out(learners, before)
    assert not {status for status in session.answers if status >= 500}
    assert len(session.pressed) > 15


def test_with_the_domains_check_away_the_database_stops_it(
    opponent, cases, learners, without_domain
):
    session, actor = opponent
    session.client.raise_request_exception = False
    before = digest_of(learners)
    everything(session, actor, cases, learners)
    session.crawl("/admin/", stay="/admin/", rounds=1, spare=ENDS_THE_GAME)
    drain()
    nothing_was_carried_out(learners, before)


def test_with_the_triggers_away_the_domain_stops_it(opponent, cases, learners):
    session, actor = opponent
    before = digest_of(learners)
    with without_triggers():
        everything(session, actor, cases, learners)
        session.crawl("/admin/", stay="/admin/", rounds=1, spare=ENDS_THE_GAME)
        drain()
    nothing_was_carried_out(learners, before)


def test_every_address_by_every_method_with_the_bodies_of_others_erases_nothing(
    opponent, cases, learners
):
    session, actor = opponent
    before = digest_of(learners)
    everything(session, actor, cases, learners)
    session.crawl("/admin/", stay="/admin/", rounds=1, spare=ENDS_THE_GAME)
    keys = {
        "requests": list(ConsumerRequest.objects.values_list("number", flat=True)),
        "plans": list(Plan.objects.values_list("pk", flat=True)),
        "batches": [*Batch.objects.values_list("pk", flat=True), 1],
        "staff": list(StaffMember.objects.values_list("pk", flat=True))[:3],
    }
    bodies = {**session.bodies}
    plan = Plan.objects.latest("pk")
    bodies["plan"] = {"hash": plan.hash, "reason": "yes"}
    for address in _addresses(keys):
        if any(word in address for word in ENDS_THE_GAME):
            continue
        for body in {tuple(sorted(each.items())) for each in bodies.values()}:
            if session.post(address, dict(body)) >= 400:
                break
        for method in ("get", "head", "options", "put", "patch", "delete"):
            session.post(address, {}, method)
    drain()
    nothing_was_carried_out(learners, before)
    assert not {status for status in session.answers if status >= 500}


def _addresses(keys):
    """Every address of the staff's side, its keys filled in."""
    found = []

    def walk(resolver, prefix):
        for pattern in resolver.url_patterns:
            text = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                walk(pattern, text)
            elif text.startswith("admin/"):
                found.append(text)

    walk(get_resolver(), "")
    for text in found:
        if "<" not in text:
            yield f"/{text}"
            continue
        for key in keys.get(text.split("/")[1], [1]):
            yield "/" + text.replace("<str:key>", str(key))


def test_a_second_account_of_ones_own_does_not_count(opponent, cases, learners):
    session, actor = opponent
    before = digest_of(learners)
    everything(session, actor, cases, learners)
    session.post(
        "/admin/staff/do/create/",
        {"username": "mallory2", "password": "a long pass phrase of mine", "roles": ["approver"]},
    )
    second = StaffMember.objects.filter(username="mallory2").first()
    if second is None:
        second = staff.create(
            "mallory2",
            password="a long pass phrase of mine",
            roles=[Role.APPROVER],
            by=actor,
            at=clock.now(),
        )
    session.post(f"/admin/staff/{second.pk}/confirm/", {"reason": "I vouch"})
    other = Opponent(at_desk(Actor.of(second)), seed=8)
    other.post(f"/admin/staff/{second.pk}/confirm/", {"reason": "I vouch"})
    for plan in Plan.objects.filter(state=PlanState.FROZEN):
        other.post(f"/admin/plans/{plan.pk}/approve/", {"hash": plan.hash, "reason": "yes"})
    drain()
    nothing_was_carried_out(learners, before)


@pytest.mark.parametrize("what", ["password", "factor", "grant", "revoke"])
def test_a_colleagues_account_in_ones_own_hand_does_not_count(
    opponent, cases, learners, team, what
):
    session, actor = opponent
    before = digest_of(learners)
    everything(session, actor, cases, learners)
    whose = team.clerk if what == "grant" else team.approver
    colleague = StaffMember.objects.get(pk=whose.id)
    with staff.acting(whose):
        Authenticator.objects.create(user=colleague, type="totp", data={"secret": "x"})
    bodies = {
        "password": {"password": "a long pass phrase of mine"},
        "factor": {"reason": "lost"},
        "grant": {"role": "approver"},
        "revoke": {"role": "approver"},
    }
    session.post(f"/admin/staff/{colleague.pk}/{what}/", bodies[what])
    if what == "revoke":
        session.post(f"/admin/staff/{colleague.pk}/grant/", bodies["grant"])
    taken = Opponent(at_desk(Actor.of(StaffMember.objects.get(pk=colleague.pk))), seed=9)
    for plan in Plan.objects.filter(state=PlanState.FROZEN):
        taken.post(f"/admin/plans/{plan.pk}/approve/", {"hash": plan.hash, "reason": "yes"})
    drain()
    nothing_was_carried_out(learners, before)


def test_another_name_is_still_the_same_person(opponent, cases, learners):
    session, actor = opponent
    before = digest_of(learners)
    everything(session, actor, cases, learners)
    StaffMember.objects.filter(pk=actor.id).update(username="approver-nobody-knows")
    renamed = Opponent(at_desk(Actor.of(StaffMember.objects.get(pk=actor.id))), seed=10)
    for plan in Plan.objects.filter(state=PlanState.FROZEN):
        renamed.post(f"/admin/plans/{plan.pk}/approve/", {"hash": plan.hash, "reason": "yes"})
    drain()
    nothing_was_carried_out(learners, before)


def test_a_stale_form_and_a_changed_plan_approve_nothing(cases, learners, team, settings):
    settings.DEMO = True
    before = digest_of(learners)
    _waiting, ready, _other = cases
    old = plan_of(ready)
    casework.ask_for_plan(fresh(ready), by=team.officer, at=clock.now())
    drain()
    new = plan_of(ready)
    approver = Opponent(at_desk(team.approver), seed=11)
    approver.post(f"/admin/plans/{old.pk}/approve/", {"hash": old.hash, "reason": "yes"})
    approver.post(f"/admin/plans/{new.pk}/approve/", {"hash": "0" * 64, "reason": "yes"})
    drain()
    assert not Approval.objects.exists()
    nothing_was_carried_out(learners, before)


def test_fifty_approvals_at_once_by_one_person_are_one(cases, learners, team, settings):
    settings.APPROVALS_ALWAYS = 2
    before = digest_of(learners)
    _waiting, ready, _other = cases
    casework.ask_for_plan(fresh(ready), by=team.officer, at=clock.now())
    drain()
    plan = plan_of(ready)
    assert plan.approvals_needed == 2
    refused = []
    start = threading.Barrier(50)

    def press():
        start.wait()
        try:
            casework.approve(plan, hash=plan.hash, by=team.approver, at=clock.now())
        except (casework.ApprovalRefused, NotAllowed) as refusal:
            refused.append(type(refusal))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain()
    assert Approval.objects.count() == 1
    assert len(refused) == 49
    nothing_was_carried_out(learners, before)
