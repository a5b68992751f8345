"""Nobody answers: reminders on their days, an end in time, each with its letter."""

import pytest

from ccpa_office import clock
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor
from requests_app import casework, silence, tasks, verification
from requests_app.models import LinkPurpose, Message, Outcome, Status
from tests.builders import KOFI, ORLA, ask, fresh
from tests.steps import by_sql, checked, days_after, lines, query

pytestmark = pytest.mark.django_db


@pytest.fixture
def silent(mailbox, team, learners):
    """A deletion whose contact on file was asked and says nothing."""
    consumer_request = ask(ORLA)
    tasks.drain_verify()
    return fresh(consumer_request)


def _letters(consumer_request, name="reminder"):
    return list(consumer_request.letters.filter(letter=name).order_by("pk"))


def test_reminders_go_on_days_7_21_and_35_once_each(silent):
    received = silent.received_at
    sent: dict[int, int] = {}
    for day in range(45):
        for _twice in range(2):
            count = silence.remind(at=days_after(received, day))
            if count:
                sent[day] = sent.get(day, 0) + count
    assert sent == {7: 1, 21: 1, 35: 1}
    assert [each.ordinal for each in _letters(silent)] == [1, 2, 3]
    assert fresh(silent).reminders == 3
    assert len({each.message_id for each in _letters(silent)}) == 3


@pytest.mark.parametrize(("day", "reminders"), [(6, 0), (7, 1), (20, 1), (22, 2), (36, 3), (90, 3)])
def test_whoever_is_late_sends_one_reminder_and_not_all(day, reminders, silent):
    assert silence.remind(at=days_after(silent.received_at, day)) == min(reminders, 1)
    assert fresh(silent).reminders == reminders
    assert len(_letters(silent)) == min(reminders, 1)


def test_a_reminder_voids_the_older_link_and_brings_a_new_one(silent):
    silence.remind(at=days_after(silent.received_at, 7))
    old, new = silent.links.filter(purpose=LinkPurpose.CONFIRM).order_by("pk")
    assert (old.voided_at is None, new.voided_at) == (False, None)
    assert silent.links.filter(purpose=LinkPurpose.STOP, voided_at=None).count() == 2


def test_nobody_is_reminded_who_is_unknown_who_answered_or_who_took_it_back(
    mailbox, team, learners
):
    unknown, answered, gone = ask("nobody@example.org"), ask(ORLA), ask(KOFI)
    tasks.drain_verify()
    link = answered.links.get(purpose=LinkPurpose.CONFIRM)
    verification.accept_evidence(link, {"phone": "1"}, at=clock.now())
    casework.withdraw(gone, by=Actor.consumer(), at=clock.now())
    opted = ask("other@example.org", kind=RequestKind.OPT_OUT)
    assert silence.remind(at=days_after(unknown.received_at, 8)) == 0
    assert not Message.objects.filter(letter="reminder").exists()
    assert fresh(opted).status == Status.APPLYING


def _end(consumer_request, day):
    return silence.end(at=days_after(consumer_request.received_at, day))


@pytest.mark.parametrize("day", [39, 40])
def test_what_nobody_confirmed_ends_on_day_40(day, silent):
    assert _end(silent, day) == (day == 40)
    ended = fresh(silent)
    if day == 40:
        assert (ended.status, ended.outcome) == (Status.NOT_CONFIRMED, Outcome.NOT_CONFIRMED)
        assert len(_letters(silent, "not_confirmed")) == 1
        assert lines(silent.number)[-1] == "request.not-confirmed"
    else:
        assert ended.status == Status.WAITING
    assert _end(silent, day) == 0


def test_what_was_not_verified_is_denied_as_unverifiable(mailbox, team, learners):
    checked(mailbox, ORLA, phone="no", postal_code="no")
    consumer_request = checked(mailbox, KOFI, phone="no", postal_code="no")
    assert _end(consumer_request, 39) == 0
    assert _end(consumer_request, 40) == 2
    ended = fresh(consumer_request)
    assert (ended.status, ended.outcome, ended.ground) == (
        Status.DENIED, Outcome.DENIED, "DEN_UNVERIFIED",
    )  # fmt: skip
    assert [len(_letters(ended, name)) for name in ("unverifiable", "denied")] == [1, 0]


def test_what_is_proven_enough_is_not_denied_by_the_machine(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    assert _end(consumer_request, 60) == 0
    assert fresh(consumer_request).status == Status.CHECKING


def test_nothing_found_is_said_only_to_a_proven_mailbox(mailbox, team, learners):
    proven, unproven = ask("nobody@example.org"), ask("noone@example.org")
    tasks.drain_verify()
    verification.follow(proven.links.get(purpose=LinkPurpose.FOLLOW), at=clock.now())
    assert _end(proven, 40) == 2
    said, silent = fresh(proven), fresh(unproven)
    assert (said.status, said.ground) == (Status.COMPLETED, "DEN_NO_DATA")
    assert (silent.status, silent.ground) == (Status.NOT_CONFIRMED, "")
    assert len(_letters(proven, "nothing_found")) == 1
    assert len(_letters(unproven, "not_confirmed")) == 1


def test_a_young_contact_is_never_told_that_nothing_was_found(mailbox, team, learners):
    query(learners, "UPDATE accounts SET email_changed_at = now() WHERE id = 4")
    consumer_request = ask(ORLA)
    tasks.drain_verify()
    verification.follow(consumer_request.links.get(purpose=LinkPurpose.FOLLOW), at=clock.now())
    _end(consumer_request, 40)
    assert fresh(consumer_request).status == Status.NOT_CONFIRMED
    assert _letters(consumer_request, "nothing_found") == []


def test_an_answer_that_is_being_compared_is_not_cut_off(silent):
    link = silent.links.get(purpose=LinkPurpose.CONFIRM)
    verification.accept_evidence(link, {"phone": "no"}, at=clock.now())
    assert _end(silent, 41) == 0
    tasks.drain_verify()
    assert fresh(silent).status == Status.CHECKING


def test_a_suspect_clock_ends_nothing(silent):
    by_sql("UPDATE ccpa_office_clockguard SET suspect_since = now()")
    assert _end(silent, 90) == 0
    by_sql("DELETE FROM ccpa_office_clockguard")
    assert _end(silent, 90) == 0
    assert fresh(silent).status == Status.WAITING


def test_a_stopped_or_denied_case_is_a_persons_and_not_ended(mailbox, team, learners):
    stopped, drafted = checked(mailbox, ORLA, phone="x"), checked(mailbox, KOFI, phone="x")
    casework.stop(stopped, at=clock.now())
    casework.propose_denial(
        drafted, ground="DEN_EXCEPTION", exception="DX_8", words="Kept.", by=team.counsel,
        at=clock.now(),
    )  # fmt: skip
    assert _end(stopped, 90) == 0


def test_many_of_several_kinds_are_ended_in_one_pass(mailbox, team, learners):
    kinds = [RequestKind.DELETE, RequestKind.CORRECT, RequestKind.KNOW_SPECIFIC]
    asked = [ask(f"x{n}@example.org", kind=kind) for n, kind in enumerate(kinds)]
    tasks.drain_verify()
    assert _end(asked[0], 40) == 3
    assert {fresh(each).status for each in asked} == {Status.NOT_CONFIRMED}
