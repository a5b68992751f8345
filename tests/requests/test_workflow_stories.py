"""Long random lives of a deletion against a small model: no verb leads where it should not."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccpa_office import clock, connectors, work
from ccpa_office.models import LedgerLine
from ccpa_office.roles import Actor, NotAllowed
from requests_app import casework, silence, targets, tasks, verification
from requests_app.fulfillment import batches, closing
from requests_app.models import Chunk, LinkPurpose, Outcome, Plan, Receipt, Status, Step
from requests_app.workflow import MoveNotAllowed
from tests.builders import ORLA, POINTS, ask, fresh
from tests.steps import days_after, folded

pytestmark = pytest.mark.django_db
S = Status
REFUSALS = (
    MoveNotAllowed, casework.ApprovalRefused, casework.GroundMissing, casework.PlanVoid,
    casework.TooLate, verification.LinkGone, verification.IdentityNotProven, NotAllowed,
)  # fmt: skip

LIVING = set(S) - {S.COMPLETED, S.DENIED, S.WITHDRAWN, S.NOT_CONFIRMED, S.DUPLICATE, S.REDIRECTED}
BEFORE = LIVING - {S.EXECUTING, S.TELLING}
NOWHERE: dict[Status, set[Status]] = {}
# Which verb may lead from where to where: the model. Whatever is not listed must not happen.
WAYS: dict[str, dict[Status, set[Status]]] = {
    "look_up": {S.RECEIVED: {S.WAITING}, S.WAITING: {S.CHECKING}},
    "confirm": NOWHERE,
    "confirm_wrongly": NOWHERE,
    "ask_again": {S.CHECKING: {S.WAITING}},
    "decide": {S.CHECKING: {S.VERIFIED}},
    "plan": {S.VERIFIED: {S.PLANNED}},
    "replan": {S.PLANNED: {S.VERIFIED}, S.APPROVED: {S.VERIFIED}},
    "approve": {S.PLANNED: {S.APPROVED}},
    "refuse": {S.PLANNED: {S.VERIFIED}},
    "run": {S.APPROVED: {S.EXECUTING, S.TELLING}, S.EXECUTING: {S.TELLING}},
    "close": {S.TELLING: {S.COMPLETED}},
    "stop": {status: {S.STOPPED} for status in BEFORE - {S.STOPPED}},
    "release": {S.STOPPED: {S.CHECKING}},
    "withdraw": {status: {S.WITHDRAWN} for status in BEFORE},
    "deny": {
        status: {S.DENYING}
        for status in (S.WAITING, S.CHECKING, S.VERIFIED, S.PLANNED, S.STOPPED)
    },
    "approve_denial": {S.DENYING: {S.DENIED}},
    "refuse_denial": {S.DENYING: {S.CHECKING, S.VERIFIED, S.PLANNED, S.STOPPED}},
    "extend": NOWHERE,
    "wait_40_days": {S.WAITING: {S.NOT_CONFIRMED}, S.CHECKING: {S.DENIED}},
    "duplicate": {status: {S.DUPLICATE} for status in BEFORE - {S.APPROVED}},
}  # fmt: skip


class Life:
    """One deletion and the verbs that people, the consumer and machines use on it."""

    def __init__(self, team):
        self.team, self.request = team, ask(ORLA)
        self.second = team.chief

    @property
    def now(self):
        return fresh(self.request)

    def look_up(self):
        tasks.drain_verify()

    def confirm(self, claims=None):
        link = self.request.links.filter(purpose=LinkPurpose.CONFIRM).latest("pk")
        verification.accept_evidence(link, claims or POINTS[ORLA], at=clock.now())

    def confirm_wrongly(self):
        self.confirm({"phone": "0", "postal_code": "0"})

    def ask_again(self):
        verification.ask_again(self.now, by=self.team.verifier, reason="x", at=clock.now())

    def decide(self):
        verification.decide(self.now, by=self.team.verifier, reason="x", at=clock.now())

    def plan(self):
        tasks.drain_plan()

    def replan(self):
        casework.ask_for_plan(self.now, by=self.team.officer, at=clock.now())

    def approve(self):
        plan = self.request.plans.latest("pk")
        casework.approve(plan, hash=plan.hash, by=self.team.approver, at=clock.now())

    def refuse(self):
        plan = self.request.plans.latest("pk")
        casework.refuse(plan, reason="x", by=self.team.approver, at=clock.now())

    def run(self):
        batches.open_due(at=clock.now())
        self._erase()

    def _erase(self):
        for chunk in Chunk.objects.filter(state="ready"):
            (held,) = work.claim(Chunk, lane=chunk.lane, n=1, owner="a story")
            batches.work_chunk(held, at=clock.now())

    def close(self):
        closing.close_told(at=clock.now())

    def stop(self):
        casework.stop(self.now, at=clock.now())

    def release(self):
        casework.release_stop(self.now, reason="x", by=self.team.approver, at=clock.now())

    def withdraw(self):
        casework.withdraw(self.now, by=Actor.consumer(), at=clock.now())

    def deny(self):
        casework.propose_denial(
            self.now, ground="DEN_EXCEPTION", exception="DX_8", words="x", by=self.team.counsel,
            at=clock.now(),
        )  # fmt: skip

    def approve_denial(self):
        casework.approve_denial(self.now, by=self.team.approver, at=clock.now())

    def refuse_denial(self):
        casework.refuse_denial(self.now, reason="x", by=self.team.approver, at=clock.now())

    def extend(self):
        casework.extend(self.now, reason="x", by=self.team.officer, at=clock.now())

    def wait_40_days(self):
        silence.end(at=days_after(self.request.received_at, 40))

    def duplicate(self):
        casework.close_by_hand(
            self.now, outcome="duplicate", words="x", by=self.team.officer, at=clock.now()
        )


def _holds(life, before, verb, after):
    """What is true of every request after every verb."""
    request = life.request
    assert before == after or after in WAYS[verb].get(before, set()), (verb, before, after)
    assert folded(request) == after
    now = life.now
    assert request.letters.filter(letter="receipt").count() == 1
    assert now.due_on == (now.extended_due_on if now.extended_at else now.response_due_on)
    assert (now.closed_at is not None) == (after not in LIVING) == (now.outcome != Outcome.NONE)
    assert request.plans.filter(state__in=["frozen", "approved", "executing"]).count() <= 1
    assert not Step.objects.filter(state="parked").exists()
    executed = request.plans.filter(state__in=["executing", "proved"])
    for plan in executed:
        by = set(plan.approvals.filter(hash=plan.hash).values_list("by_id", flat=True))
        assert by
        assert not by & {now.verified_by_id, plan.asked_by_id}
    assert Receipt.objects.exists() == executed.exists() or after == S.EXECUTING
    if after == S.COMPLETED:
        assert set(request.plans.values_list("state", flat=True)) <= {"proved", "void", "stopped"}
    told = LedgerLine.objects.filter(subject=request.number).order_by("seq")
    assert list(told.values_list("seq", flat=True)) == list(range(1, told.count() + 1))


@contextmanager
def _undone(target):
    """Whatever happens inside leaves neither the office's nor the business's database changed."""
    store: Any = connectors.connect(target.url, target.program)
    with store._connection.transaction(force_rollback=True), transaction.atomic():
        yield
        transaction.set_rollback(True)


STRAIGHT = ["look_up", "confirm", "look_up", "decide", "plan", "approve", "run", "close"]
VERBS = st.sampled_from(sorted(WAYS))


@st.composite
def stories(draw):
    """The straight way, with other verbs thrown in anywhere; or nothing but chance."""
    steps = list(STRAIGHT) if draw(st.booleans()) else []
    for verb in draw(st.lists(VERBS, max_size=12)):
        steps.insert(draw(st.integers(0, len(steps))), verb)
    return steps


@settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(stories())
def test_no_story_ends_where_the_model_says_it_cannot(mailbox, team, learners, at_once, story):
    _tell(team, learners, story)


def _tell(team, learners, story):
    (target,) = targets.served()
    with _undone(_Served(learners, target.program)):
        life = Life(team)
        for verb in story:
            before = life.now.status
            act: Callable[[], None] = getattr(life, verb)
            try:
                with transaction.atomic():
                    act()
            except REFUSALS:
                assert life.now.status == before, verb
            except (Plan.DoesNotExist, life.request.links.model.DoesNotExist):
                continue
            _holds(life, Status(before), verb, Status(life.now.status))


class _Served:
    def __init__(self, url, program):
        self.url, self.program = url, program


@pytest.mark.parametrize(
    ("story", "end"),
    [
        (STRAIGHT, S.COMPLETED),
        ([*STRAIGHT[:6], "stop", "release", "decide", "plan", "approve", "run", "close"],
         S.COMPLETED),
        ([*STRAIGHT[:5], "refuse", "replan", "plan", "approve", "run", "close"], S.COMPLETED),
        ([*STRAIGHT[:5], "deny", "refuse_denial", "approve", "run", "close"], S.COMPLETED),
        ([*STRAIGHT[:4], "deny", "refuse_denial", "plan", "approve", "run", "close"],
         S.COMPLETED),
        ([*STRAIGHT[:2], "stop", "look_up"], S.STOPPED),
        (["look_up", "confirm_wrongly", "look_up", "ask_again", *STRAIGHT[1:]], S.COMPLETED),
        (["look_up", "confirm_wrongly", "look_up", "wait_40_days"], S.DENIED),
        ([*STRAIGHT[:6], "withdraw", "run"], S.WITHDRAWN),
        (["withdraw", "look_up"], S.WITHDRAWN),
    ],
)  # fmt: skip
def test_known_stories_end_as_they_should(story, end, mailbox, team, learners, at_once):
    with psycopg.connect(learners, autocommit=True):
        life = Life(team)
        for verb in story:
            before = Status(life.now.status)
            getattr(life, verb)()
            _holds(life, before, verb, Status(life.now.status))
        assert life.now.status == end
