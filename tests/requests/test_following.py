"""The request's own page in every state of every kind: it always stands, and never says more."""

import pytest

from ccpa_office.law.kinds import UNVERIFIED, RequestKind
from requests_app import casework, following, workflow
from requests_app.following import standing_of
from requests_app.models import CLOSED, ERASURE, VERIFICATION, ConsumerRequest, Outcome, Status
from requests_app.workflow import Stage
from tests.builders import ask

pytestmark = pytest.mark.django_db


def _states(kind):
    return [Status.RECEIVED, *workflow.MOVES[kind]]


@pytest.mark.parametrize("kind", list(RequestKind))
def test_a_page_can_be_made_of_every_state(kind):
    consumer_request = ask("x@example.org", kind=kind)
    for status in _states(kind):
        for before in _states(kind):
            consumer_request.status, consumer_request.previous_status = status, before
            consumer_request.closed_at = consumer_request.received_at if status in CLOSED else None
            steps = following.steps(standing_of(consumer_request))
            states = [step["state"] for step in steps]
            assert states.count("now") == (0 if status in CLOSED else 1), (status, before)
            assert states == sorted(states, key=["done", "now", "later"].index), (status, before)
            assert steps[0]["day"] == consumer_request.received_on
            assert following.answer(standing_of(consumer_request))
            assert following.next_steps(standing_of(consumer_request))


def test_a_day_stands_at_what_comes_next_while_it_is_open():
    for kind in (RequestKind.DELETE, RequestKind.OPT_OUT):
        consumer_request = ask("x@example.org", kind=kind)
        assert (
            following.next_steps(standing_of(consumer_request))[-1]["day"]
            == consumer_request.due_on
        )
        consumer_request.status = Status.WITHDRAWN
        assert [each["day"] for each in following.next_steps(standing_of(consumer_request))] == [
            None
        ]


def test_the_words_are_the_same_whether_anything_is_held_or_not():
    known, unknown = ask("x@example.org"), ask("y@example.org")
    known.status = unknown.status = Status.WAITING
    known.on_file, unknown.on_file = True, False
    unknown.due_on = known.due_on
    for make in (following.answer, following.next_steps, following.steps):
        assert make(standing_of(known)) == make(standing_of(unknown))


def test_an_opt_out_passes_no_check_of_identity():
    consumer_request = ask("x@example.org", kind=RequestKind.OPT_OUT)
    assert len(following.steps(standing_of(consumer_request))) == 3
    assert len(following.steps(standing_of(ask("y@example.org")))) == 5
    assert set(UNVERIFIED)
    assert not {Status.APPLYING} & (VERIFICATION | ERASURE)


def test_the_last_step_says_how_it_ended():
    consumer_request = ask("x@example.org")
    consumer_request.status, consumer_request.outcome = Status.COMPLETED, Outcome.IN_PART
    consumer_request.closed_at = consumer_request.received_at
    last = following.steps(standing_of(consumer_request))[-1]
    assert last["name"].startswith("We did part of it")
    assert workflow.stage(consumer_request) is Stage.IN_PART


def test_notes_among_staff_are_never_shown(team):
    consumer_request = ask("x@example.org")
    at = consumer_request.received_at
    casework.hear(consumer_request, "Please hurry", at=at)
    casework.write(consumer_request, "We do", by=team.clerk, at=at)
    casework.extend(consumer_request, reason="We are slow", by=team.officer, at=at)
    assert [(each["from_us"], each["text"]) for each in following.thread(consumer_request)] == [
        (False, "Please hurry"), (True, "We do"),
    ]  # fmt: skip


def test_a_purged_request_has_no_messages_left():
    assert following.thread(ConsumerRequest(data_key=None)) == []


def test_what_may_still_be_done_follows_the_table():
    consumer_request = ask("x@example.org")
    for status in _states(RequestKind.DELETE):
        consumer_request.status = status
        for to in (Status.WITHDRAWN, Status.STOPPED):
            allowed = status in workflow.sources(RequestKind.DELETE, to)
            assert following.may_become(standing_of(consumer_request), to) is allowed
