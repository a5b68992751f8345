"""How many statements a deletion takes from approved to completed, counted by the server (G4)."""

import psycopg
import pytest

from ccpa_office import clock, work
from requests_app import targets, tasks
from requests_app.fulfillment import batches, closing
from requests_app.models import Chunk, Status
from tests import builders
from tests.builders import KOFI, approved, fresh, plan_of
from tests.statements import Statements

pytestmark = pytest.mark.django_db(transaction=True)

BUDGET = 36


@pytest.fixture
def counter(settings, learners):
    """Counts the statements of the office's and the target's database."""
    found = Statements(settings.DATABASES["default"]["NAME"], builders.name_of(learners))

    def count(act):
        with found.counting():
            act()
        return found.calls

    return count


def _carry_out():
    """Exactly the workers' part: gather, claim, erase, prove, close. No idle sweep, no letter."""
    assert batches.open_due(at=clock.now())
    for chunk in work.claim(Chunk, lane="erase", n=1, owner="budget"):
        batches.work_chunk(chunk, at=clock.now())
    closing.close_told(at=clock.now())


def _tables(consumer_request):
    """The tables of the map: each is changed by one statement and looked at by another."""
    return len(targets.under(plan_of(consumer_request).map_version).program.tables)


def test_a_single_deletion_stays_within_36_statements_and_2_a_table(
    mailbox, team, learners, at_once, counter
):
    consumer_request = approved(mailbox, team, KOFI)
    tasks.drain_mail()
    used = counter(_carry_out)
    assert fresh(consumer_request).status == Status.COMPLETED
    assert used <= BUDGET + 2 * _tables(consumer_request)


def test_twenty_thousand_rows_take_as_many_statements_as_few(
    mailbox, team, learners, at_once, counter, settings
):
    settings.CEILING_ROWS = 1_000_000
    settings.CEILING_SHARE = 1.0
    few = approved(mailbox, team, KOFI)
    tasks.drain_mail()
    for_few = counter(_carry_out)
    with psycopg.connect(learners) as connection:
        connection.execute(
            "INSERT INTO activity_log SELECT 1000000 + n, 4, now(), '198.51.100.9', '/x', '{}'"
            " FROM generate_series(1, 20000) n"
        )
    many = approved(mailbox, team, builders.ORLA)
    tasks.drain_mail()
    for_many = counter(_carry_out)
    assert plan_of(many).rows > 20_000 > plan_of(few).rows
    assert fresh(many).status == Status.COMPLETED
    assert _tables(few) == _tables(many)
    assert for_many == for_few
