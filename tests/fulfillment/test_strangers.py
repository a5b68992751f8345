"""A key that was free is given to somebody else: who has it now is not who was deleted.

SQLite gives the newest row's key to the next one when that row is gone.
"""

import sqlite3

import pytest

from ccpa_office import clock, work
from requests_app.fulfillment import batches, lists, proof, returning, terms
from requests_app.models import Batch, BatchState, Finding, Kept, Look, Plan, PlanState, Trace
from requests_app.suppression import is_suppressed
from tests import builders
from tests.builders import drain
from tests.requests.desks import at_desk
from tests.steps import Killed, by_sql, claimed, killed_at, lines

pytestmark = pytest.mark.django_db
IDA, NORA = "ida@example.org", "nora@example.org"
CORNER = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT, tel TEXT);
CREATE TABLE bill (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, day TEXT, words TEXT);
CREATE INDEX by_mail ON customer (lower(email)); CREATE INDEX by_customer ON bill (customer_id);
INSERT INTO customer VALUES (1, 'one@example.org', 'Una One', '1'), (2, 'ida@example.org',
    'Ida Quist', '415-555-0142');
INSERT INTO bill VALUES (1, 1, '2026-01-01', 'tea'), (2, 2, '2026-01-02', 'cake');
"""
MAP = """
dataset:
  - fides_key: corner
    ccpa_meta: {person: customer, category: PI_A, source: consumer}
    collections:
      - name: bill
        ccpa_meta: {on_delete: delete%s}
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - name: customer_id
            fides_meta: {references: [{dataset: corner, field: customer.id, direction: from}]}
          - {name: day}
          - {name: words, ccpa_meta: {%s}}
      - name: customer
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - name: email
            fides_meta: {identity: email, data_type: string}
            ccpa_meta: {compare: casefold}
          - {name: name, ccpa_meta: {mark: name}}
          - {name: tel, ccpa_meta: {mark: phone_number}}
"""
TERM = ", exception: {code: DX_8, starts: day, years: 7}"
UNA = 0
"""Her place in a list that is in the order of keys."""


class Corner:
    """A shop at the corner, in one file."""

    def __init__(self, path, team, bills, words="search_text: true"):
        self.path = path
        self.run(CORNER)
        document = MAP % (bills, words)
        builders.serve(team, f"sqlite:///{path}", key="corner", document=document)

    def run(self, script):
        with sqlite3.connect(self.path) as connection:
            connection.executescript(script)

    def ask(self, query):
        with sqlite3.connect(self.path) as connection:
            return connection.execute(query).fetchall()

    def nora_gets_idas_key(self):
        """Ida's row goes, if it is there; the next customer is given its number."""
        self.run(
            "DELETE FROM customer WHERE id = 2;"
            "INSERT INTO customer (email, name) VALUES ('nora@example.org', 'Nora Sand');"
            "INSERT INTO bill (customer_id, day, words) VALUES (2, '2026-02-02', 'for Nora');"
        )
        assert self.ask("SELECT email FROM customer WHERE id = 2") == [(NORA,)]

    def noras(self):
        return self.ask(
            "SELECT c.email, b.words FROM customer c JOIN bill b ON b.customer_id = c.id"
            " WHERE c.id = 2 AND b.words LIKE 'for%'"
        )


@pytest.fixture
def corner(tmp_path, team, at_once):
    """Ida's bills go with her."""
    return Corner(tmp_path / "corner.db", team, "")


def listed(team, *more):
    """A list with Ida on it, approved; its chunk waits for a worker."""
    lines = ["email", IDA, *more]
    batch = lists.open_list("corner", lines, by=team.officer, at=clock.now()).batch
    assert batch.people == 1 + len(more)
    return batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())


def test_who_got_the_key_between_freeze_and_erasure_is_not_touched(corner, team):
    batch = listed(team)
    corner.nora_gets_idas_key()
    drain()
    batch.refresh_from_db()
    assert (batch.state, batch.stop_reason) == (BatchState.STOPPED, "key-of-another")
    assert corner.noras() == [(NORA, "for Nora")]


def test_who_got_the_key_while_a_worker_lay_dead_is_not_touched(corner, team, monkeypatch):
    batch = listed(team)
    with killed_at(monkeypatch, "erase.after-effect"), pytest.raises(Killed):
        batches.work_chunk(claimed(), at=clock.now())
    corner.nora_gets_idas_key()
    by_sql("UPDATE requests_app_chunk SET lease_until = clock_timestamp() - interval '1 s'")
    drain()
    batch.refresh_from_db()
    assert (batch.state, batch.stop_reason) == (BatchState.STOPPED, "key-of-another")
    assert corner.noras() == [(NORA, "for Nora")]


def test_who_only_moved_house_and_changed_an_address_is_still_the_same(corner, team):
    batch = listed(team)
    corner.run("UPDATE customer SET email = 'quist@example.org' WHERE id = 2")
    drain()
    batch.refresh_from_db()
    assert batch.state == BatchState.DONE
    assert corner.ask("SELECT count(*) FROM customer WHERE id = 2") == [(0,)]


def looked(day=1):
    by_sql("UPDATE requests_app_look SET not_before = now() WHERE day = %s", day)
    (row,) = work.claim(Look, lane="prove", n=1, owner="a worker")
    proof.look_later(row, at=clock.now())
    return Look.objects.get(pk=row.pk)


def test_who_got_the_key_afterwards_is_nothing_that_came_back(corner, team):
    batch = listed(team)
    drain()
    corner.nora_gets_idas_key()
    assert looked().finding == Finding.RESIDUAL  # the row's key is there again: a person looks
    with pytest.raises(returning.NothingWaits):  # the machine has not looked yet
        returning.keep(batch, ground="DX_8", by=team.officer, at=clock.now())
    assert returning.gather(at=clock.now()) == 0
    assert not Batch.objects.filter(kind=Batch.Kind.RETURN).exists()
    desk, page = at_desk(team.officer), f"/admin/batches/{batch.pk}/"
    assert b"Leave what came back as it is" in desk.get(page).content
    desk.post(f"{page}keep-returns/", {"ground": "DX_8"})
    assert [plan.state for plan in Plan.objects.all()] == [PlanState.PROVED]
    assert "return.kept" in lines(f"batch:{batch.pk}")


def test_what_stays_of_the_one_before_does_not_make_them_the_same(tmp_path, team, at_once):
    """Ida's bill stays by right and bears her name; the key is Nora's all the same."""
    corner = Corner(tmp_path / "corner.db", team, TERM, words="mark: name")
    corner.run("UPDATE bill SET words = 'Ida Quist' WHERE id = 2")
    listed(team)
    drain()
    corner.nora_gets_idas_key()
    assert looked().finding == Finding.RESIDUAL
    assert returning.gather(at=clock.now()) == 0


def test_rows_without_a_holder_under_the_old_key_are_what_came_back(corner, team):
    listed(team)
    drain()
    corner.run("INSERT INTO bill VALUES (9, 2, '2026-02-02', 'again')")
    assert looked().finding == Finding.RESIDUAL
    assert returning.gather(at=clock.now()) == 1


def test_the_end_of_a_term_takes_nothing_of_who_has_the_key_now(tmp_path, team, at_once):
    corner = Corner(tmp_path / "corner.db", team, TERM)
    listed(team)
    drain()
    assert corner.ask("SELECT words FROM bill WHERE customer_id = 2") == [("cake",)]
    corner.run("UPDATE bill SET day = '2001-01-01'")
    corner.nora_gets_idas_key()
    Kept.objects.update(due_on=clock.day_of(clock.now()))
    assert terms.gather(at=clock.now()) == 1
    batch = Batch.objects.get(kind=Batch.Kind.TERM)
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    drain()
    assert corner.noras() == [(NORA, "for Nora")]
    assert corner.ask("SELECT count(*) FROM bill WHERE words = 'cake'") == [(0,)]
    assert is_suppressed("email", IDA)
    assert not is_suppressed("email", NORA)


def test_the_end_of_a_term_takes_nothing_that_came_later(tmp_path, team, at_once):
    corner = Corner(
        tmp_path / "corner.db", team, ", exception: {code: DX_8, starts: day, years: 7}"
    )
    listed(team)
    drain()
    corner.run("UPDATE bill SET day = '2001-01-01'")
    Kept.objects.update(due_on=clock.day_of(clock.now()))
    terms.gather(at=clock.now())
    corner.run("INSERT INTO bill VALUES (9, 2, '2001-01-01', 'later')")
    batch = Batch.objects.get(kind=Batch.Kind.TERM)
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    drain()
    assert corner.ask("SELECT words FROM bill WHERE customer_id = 2") == [("later",)]


def test_a_row_that_stays_of_one_person_hides_nobody_else(tmp_path, team, at_once):
    """Ida's bills stay by right, also one born after the freeze: of her alone, not of Una."""
    corner = Corner(tmp_path / "corner.db", team, TERM)
    listed(team, "one@example.org")
    corner.run(
        "UPDATE bill SET words = 'ida@example.org for one@example.org' WHERE id = 2;"
        "INSERT INTO bill VALUES (9, 2, '2026-02-02', 'for ida@example.org')"
    )
    drain()
    assert [each.persons for each in Trace.objects.all()] == [[UNA]]
