"""What an erasure costs, in counts that no busy machine changes: statements, log, bytes kept.

On the benchmark's reference shop: eleven collections, 20.5 rows a customer of which 11.5 are
changed (G4 and G6).
"""

from itertools import chain

import psycopg
import pytest

from bench import reference
from ccpa_office import clock, connectors
from requests_app import tasks
from requests_app.fulfillment import batches, lists
from requests_app.models import Batch, BatchState, Plan, PlanState
from tests import builders
from tests.copies import copy_of, drop_copies
from tests.statements import Statements

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, ROWS = 1_000, 20_000
MOST_STATEMENTS, MOST_OF_A_CHUNK = 60, 80
MOST_LOG, MOST_KEPT = 1.6, 1500
TABLES = """
SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'"""


@pytest.fixture(scope="module")
def shop_template(django_db_setup):
    """A shop to copy from."""
    name = reference.template(2_200)
    yield name
    drop_copies(name)
    reference.template.cache_clear()


@pytest.fixture
def shop(shop_template, team, at_once, settings):
    """A shop that the office serves; its URL."""
    settings.CEILING_ROWS, settings.CEILING_SHARE = 1_000_000, 1.0
    copy = copy_of(shop_template)
    target = next(copy)
    builders.serve(team, target, document=reference.document())
    yield target
    connectors.close_all()
    next(copy, None)


@pytest.fixture
def by_hand(shop_template):
    """A connection to another copy, for whoever erases by hand."""
    copy = copy_of(shop_template)
    with psycopg.connect(next(copy), autocommit=True) as connection:
        yield connection
    next(copy, None)


def _approved(team, addresses):
    """A list that is frozen, with its approvals."""
    at = clock.now()
    batch = lists.open_list("learners", chain(["email"], addresses), by=team.officer, at=at).batch
    for approver in (team.approver, team.second):
        batch.refresh_from_db()
        if batch.state == BatchState.WAITING:
            batches.approve(batch, hash=batch.hash, by=approver, at=at)
    return batch


def _carry_out(batch):
    tasks.drain_erase()
    batches.finish_done(at=clock.now())
    assert Batch.objects.get(pk=batch.pk).state == BatchState.DONE
    proved = Plan.objects.filter(chunk__batch=batch, state=PlanState.PROVED)
    return sum(proved.values_list("people", flat=True))


def _size(settings):
    with psycopg.connect(builders.url(settings.DATABASES["default"]["NAME"])) as connection:
        row = connection.execute(TABLES).fetchone()
    assert row
    return row[0]


def test_a_chunk_of_a_thousand_takes_few_statements_and_a_heavy_person_no_more(
    team, shop, settings
):
    office = settings.DATABASES["default"]["NAME"]
    everybody = reference.emails(2_200, PEOPLE + 7, alike=True)
    few, heavy = everybody[:1], everybody[1:2]
    with psycopg.connect(shop) as connection:
        connection.execute(
            "INSERT INTO sign_in SELECT 1000000 + n, c.id, now() FROM client c,"
            " generate_series(1, %s) n WHERE c.email = %s",
            [ROWS, heavy[0]],
        )
    _carry_out(_approved(team, everybody[-5:]))
    counter = Statements(office, builders.name_of(shop))
    taken, opened = {}, {}
    for addresses in (few, heavy, everybody[2 : PEOPLE + 2]):
        batch = _approved(team, addresses)
        with counter.counting():
            assert _carry_out(batch) == len(addresses)
        taken[len(addresses), addresses is heavy] = counter.calls
        opened[len(addresses), addresses is heavy] = counter.connections
    assert taken[1, True] == taken[1, False] <= MOST_STATEMENTS
    assert taken[PEOPLE, False] <= MOST_OF_A_CHUNK
    assert set(opened.values()) == {0}


@pytest.mark.parametrize("ends", [True, False], ids=["ended", "open"])
def test_a_new_connection_is_counted_whether_it_ended_or_not(shop_template, by_hand, ends):
    name = by_hand.info.dbname
    counter = Statements(name)
    with counter.counting():
        new = psycopg.connect(builders.url(name))
        pid = new.info.backend_pid
        if ends:
            new.close()
            while by_hand.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid]
            ).fetchone() != (0,):
                pass
    new.close()
    assert counter.connections == 1
    with counter.counting():
        by_hand.execute("SELECT 1")
    assert counter.connections == 0


def test_a_list_writes_and_keeps_little_more_than_the_change_itself(team, shop, by_hand, settings):
    office = settings.DATABASES["default"]["NAME"]
    everybody = reference.emails(2_200, PEOPLE + 5, seed=2)
    addresses, warm = everybody[:PEOPLE], everybody[PEOPLE:]
    _carry_out(_approved(team, warm))
    changed = reference.erase_set(by_hand, warm)
    counter, hand = Statements(office, builders.name_of(shop)), Statements(by_hand.info.dbname)
    size = _size(settings)
    with counter.counting():
        assert _carry_out(_approved(team, addresses)) == PEOPLE
    kept = (_size(settings) - size) / PEOPLE
    with hand.counting():
        changed = reference.erase_set(by_hand, addresses)
    assert abs(changed / PEOPLE - reference.CHANGED_EACH) < 0.1
    assert counter.log <= MOST_LOG * hand.log
    assert kept <= MOST_KEPT
