"""What must not be kept goes: answers for verification, frozen keys after the last look."""

from datetime import timedelta

from ccpa_office import clock
from ccpa_office.roles import Actor
from requests_app import casework, retention
from requests_app.models import Identifier, IdentifierSource, Look, Plan, PlanTable
from tests.builders import approved, ask, confirm, drain, fresh


def _claims():
    return Identifier.objects.filter(source=IdentifierSource.CLAIMED).count()


def test_answers_for_verification_go_seven_days_after_the_end(mailbox, team, learners):
    consumer_request = ask()
    drain()
    confirm(mailbox)
    assert _claims() == 2
    now = clock.now()
    casework.withdraw(fresh(consumer_request), by=Actor.consumer(), at=now)
    assert retention.purge(at=now + timedelta(days=6, hours=23)) == 0
    assert _claims() == 2
    assert retention.purge(at=now + timedelta(days=7)) == 1
    assert _claims() == 0


def test_frozen_keys_go_when_nobody_looks_again(mailbox, team, learners, at_once):
    approved(mailbox, team)
    drain()
    assert retention.purge(at=clock.now()) == 0
    assert PlanTable.objects.exists()
    Look.objects.update(state="done")
    assert retention.purge(at=clock.now()) == 1
    assert not PlanTable.objects.exists()
    assert bytes(Plan.objects.get().subjects) == b""
    assert retention.purge(at=clock.now()) == 0
