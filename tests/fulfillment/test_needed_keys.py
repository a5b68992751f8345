"""A data key lives as long as something sealed with it is needed, and no longer."""

import pytest

from ccpa_office import clock, sealing
from ccpa_office.models import DataKey, LedgerLine
from requests_app import retention, tasks
from requests_app.fulfillment import batches, lists
from requests_app.models import Kept, Look, Plan
from tests import builders
from tests.steps import refused_by_the_database

pytestmark = pytest.mark.django_db


def carried_out(team, *addresses):
    """A list, approved, carried out and proved."""
    at = clock.now()
    batch = lists.open_list("learners", ["email", *addresses], by=team.officer, at=at).batch
    batches.approve(batch, hash=batch.hash, by=team.approver, at=at)
    tasks.drain_erase()
    return Plan.objects.select_related("data_key").get(chunk__batch=batch)


def is_gone(key):
    return DataKey.objects.get(pk=key.pk).destroyed_at is not None


def test_a_lists_key_goes_when_nobody_looks_or_keeps_any_more(team, learners, at_once):
    plan = carried_out(team, builders.HANA)  # whose invoices stay until a day
    assert plan.state == "proved"
    for purges in (0, 1):  # first the looks need it, then what is kept
        assert retention.purge(at=clock.now()) == purges
        assert not is_gone(plan.data_key)
        with refused_by_the_database():
            sealing.destroy(plan.data_key, clock.now())
        Look.objects.update(state="done")
    Kept.objects.all().delete()
    assert retention.purge(at=clock.now()) == 1
    assert is_gone(plan.data_key)
    assert LedgerLine.objects.filter(verb="data-key.destroyed").count() == 1
    assert retention.purge(at=clock.now()) == 0


def test_an_open_request_holds_its_key_against_the_database_too(mailbox, team, learners):
    asked = builders.ask()
    assert asked.data_key is not None
    with refused_by_the_database():
        DataKey.objects.filter(pk=asked.data_key.pk).update(wrapped=b"")
