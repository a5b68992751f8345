"""Materialized views of the target are made anew with the last erasure of a batch."""

import psycopg
import pytest

from ccpa_office import clock, connectors, work
from requests_app import casework
from requests_app.fulfillment import batches
from requests_app.models import Chunk
from tests import builders
from tests.builders import plan_of, verified

pytestmark = pytest.mark.django_db(transaction=True)


def names(learners):
    with psycopg.connect(learners) as connection:
        return {name for (name,) in connection.execute("SELECT email FROM seen")}


def test_a_view_shows_nobody_who_was_erased_and_is_made_once(mailbox, team, learners, at_once,
                                                              monkeypatch):  # fmt: skip
    with psycopg.connect(learners) as connection:
        connection.execute("CREATE MATERIALIZED VIEW seen AS SELECT id, email FROM accounts")
        connection.execute("CREATE UNIQUE INDEX ON seen (id)")
    connectors.close_all()
    asked = [verified(mailbox, team, person) for person in (builders.KOFI, builders.ORLA)]
    for plan in map(plan_of, asked):
        casework.approve(plan, hash=plan.hash, by=team.approver, at=clock.now())
    monkeypatch.setattr(batches, "cut_plans", lambda plans: [[plan] for plan in plans])
    before = names(learners)
    assert batches.open_due(at=clock.now())
    first, second = work.claim(Chunk, lane="erase", n=2, owner="views")
    batches.work_chunk(first, at=clock.now())
    assert names(learners) == before
    batches.work_chunk(second, at=clock.now())
    assert len(before) - len(names(learners)) == 2
    assert {builders.KOFI, builders.ORLA}.isdisjoint(name.lower() for name in names(learners))
