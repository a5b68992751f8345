"""Looking again: at once, after 1, 7 and 30 days; what is remembered; whom the office tells."""

import hashlib
from datetime import timedelta

import pytest

from ccpa_office import clock, sealing, work
from ccpa_office.law.vocabulary import RecipientCategory
from notices_app.models import Recipient
from requests_app import suppression, tasks
from requests_app.fulfillment import batches, closing, proof
from requests_app.fulfillment.packing import Subject
from requests_app.fulfillment.proof import verdict
from requests_app.models import (
    Chunk,
    Finding,
    Look,
    Message,
    Outcome,
    PlanState,
    Status,
    Suppression,
)
from tests.builders import HANA, ORLA, fresh, plan_of
from tests.steps import approve, by_sql, decided, gathered, lines, query

pytestmark = pytest.mark.django_db


@pytest.fixture
def erased(mailbox, team, learners, at_once):
    """A deletion that is carried out and proved."""
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    batches.work_chunk(gathered(), at=clock.now())
    return fresh(consumer_request)


def _look(day):
    by_sql(
        "UPDATE requests_app_look SET not_before = now() - interval '1 minute' WHERE day = %s", day
    )
    for row in work.claim(Look, lane="prove", n=1, owner="a worker"):
        proof.look_later(row, at=clock.now())
    return Look.objects.get(day=day)


def test_a_verdict_is_the_worst_of_all_tables():
    def of(*findings):
        return verdict([{"finding": each} for each in findings])

    assert of() == Finding.ABSENT
    assert of("absent", "absent") == Finding.ABSENT
    assert of("absent", "kept") == Finding.KEPT
    assert of("kept", "residual", "absent") == Finding.RESIDUAL


def test_the_first_look_is_kept_and_three_more_are_due(erased):
    looks = Look.objects.order_by("day")
    assert [(each.day, each.state) for each in looks] == [
        (0, "done"), (1, "ready"), (7, "ready"), (30, "ready"),
    ]  # fmt: skip
    first = looks[0]
    assert first.finding == Finding.KEPT
    assert first.looked_at is not None
    assert [each.not_before - first.looked_at for each in looks[1:]] == [
        timedelta(days=days) for days in (1, 7, 30)
    ]
    kept = {each["table"]: each["kept"] for each in first.tables if each["kept"]}
    assert kept == {"invoices": 1}
    assert {each["finding"] for each in first.tables} == {"absent", "kept"}


def test_a_look_that_finds_nothing_is_noted(erased):
    look = _look(1)
    assert (look.state, look.finding) == ("done", Finding.KEPT)
    assert lines(f"batch:{look.chunk.batch_id}")[-1] == "proof.looked-again"


@pytest.mark.parametrize("day", [7, 30])
def test_a_row_that_comes_back_is_an_alarm(day, erased, learners):
    closing.close_told(at=clock.now())
    query(learners, "INSERT INTO newsletter VALUES (upper(%s), now(), 'back')", ORLA)
    look = _look(day)
    assert look.finding == Finding.RESIDUAL
    found = [each["table"] for each in look.tables if each["finding"] == "residual"]
    assert found == ["newsletter"]
    assert plan_of(erased).state == PlanState.RESIDUAL


def test_later_looks_go_on_after_an_alarm(erased, learners):
    query(learners, "INSERT INTO newsletter VALUES (%s, now(), 'back')", ORLA)
    assert _look(1).finding == Finding.RESIDUAL
    query(learners, "DELETE FROM newsletter WHERE email = %s", ORLA)
    assert (_look(7).state, _look(30).finding) == ("done", Finding.KEPT)


def test_a_frozen_row_that_comes_back_under_its_key_is_found(erased, learners):
    query(
        learners,
        "INSERT INTO accounts VALUES (4, 'new@example.org', now(), 'New', NULL, 'x', 'en', NULL,"
        " now())",
    )
    assert _look(7).finding == Finding.RESIDUAL


def test_a_look_is_not_stopped_by_the_kill_switch(erased, team):
    batches.set_kill_switch(stopped=True, reason="x", by=team.officer, at=clock.now())
    assert _look(1).finding == Finding.KEPT


def test_a_look_at_plans_that_are_gone_ends(erased):
    by_sql("UPDATE requests_app_plan SET state = 'void'")
    look = _look(1)
    assert (look.state, look.finding, look.looked_at) == ("done", "", None)


# --- remembering --------------------------------------------------------------------------------


def test_who_was_deleted_is_remembered_by_digests_alone(erased):
    assert suppression.is_suppressed("email", ORLA.upper())
    assert suppression.is_suppressed("phone_number", "(707) 555 0163")
    assert not suppression.is_suppressed("email", HANA)
    rows = Suppression.objects.all()
    assert {row.subject for row in rows} == {erased.number}
    assert not any(b"orla" in bytes(row.digest) for row in rows)


def test_memory_survives_a_rotation_of_the_digest_keys(erased, settings):
    before = settings.DIGEST_KEYS
    settings.DIGEST_KEYS = ["2:" + "A" * 43 + "=", *before]
    assert suppression.is_suppressed("email", ORLA)
    settings.DIGEST_KEYS = ["2:" + "A" * 43 + "="]
    assert not suppression.is_suppressed("email", ORLA)


def test_remembering_twice_keeps_one(erased):
    count = Suppression.objects.count()
    suppression.remember([("x", {"email": [ORLA, ""], "name": ["Orla"]})], at=clock.now())
    assert Suppression.objects.count() == count


# --- telling ------------------------------------------------------------------------------------


@pytest.fixture
def providers(db):
    """Three services of two desks, and what is no service provider or not active."""
    for number, (role, email, active) in enumerate(
        [
            ("service-provider", "privacy@alder.example", True),
            ("contractor", "privacy@alder.example", True),
            ("service-provider", "privacy@birch.example", True),
            ("service-provider", None, True),
            ("service-provider", "gone@cedar.example", False),
            ("third-party", "ads@dogwood.example", True),
        ]
    ):
        Recipient.objects.create(
            code=f"provider-{number}", category=RecipientCategory.values[0], legal_role=role,
            instruction_email=email, active=active,
        )  # fmt: skip


def test_the_consumer_is_answered_when_every_provider_was_told(providers, erased, mailbox):
    mails = Message.objects.filter(audience="provider").order_by("pk")
    assert fresh(erased).status == Status.TELLING
    assert [each.letter for each in mails] == ["instruction"] * 3
    assert closing.close_told(at=clock.now()) == 0
    tasks.drain_mail()
    assert [len(mailbox.to(f"privacy@{desk}.example")) for desk in ("alder", "birch")] == [2, 1]
    assert ORLA not in mailbox.last("privacy@alder.example")
    assert closing.close_told(at=clock.now()) == 1
    assert fresh(erased).status == Status.COMPLETED
    assert closing.close_told(at=clock.now()) == 0


@pytest.mark.parametrize("delivery", ["waiting", "sending", "unknown", "refused"])
def test_one_provider_that_was_not_told_holds_the_answer(delivery, providers, erased):
    tasks.drain_mail()
    by_sql(
        "UPDATE requests_app_message SET delivery = %s, handed_at = NULL WHERE id ="
        " (SELECT min(id) FROM requests_app_message WHERE audience = 'provider')",
        delivery,
    )
    assert closing.close_told(at=clock.now()) == 0
    assert fresh(erased).status == Status.TELLING


def test_without_a_provider_the_consumer_is_answered_at_once(erased):
    assert closing.close_told(at=clock.now()) == 1
    done = fresh(erased)
    assert (done.status, done.outcome) == (Status.COMPLETED, Outcome.IN_PART)
    letter = Message.objects.latest("pk")
    assert (letter.letter, letter.audience) == ("done_delete_part", "answer")


def test_a_provider_gets_digests_never_the_address(erased):
    text = proof._hashed([_subject(ORLA.upper(), ORLA)])
    digest = hashlib.sha256(sealing.normal_email(ORLA).encode()).hexdigest()
    assert text == {"identifiers": [{"kind": "email", "value": digest}], "keyed": "SHA-256"}


def _subject(*emails):
    return Subject(1, {"email": list(emails)})


def test_a_chunk_is_done_when_it_is_proved(erased):
    chunk = Chunk.objects.get()
    assert (chunk.stage, chunk.state) == (Chunk.Stage.DONE, "done")
    assert chunk.erased_at is not None
    assert chunk.proved_at is not None
    assert batches.finish_done(at=clock.now()) == 1
    assert batches.finish_done(at=clock.now()) == 0
