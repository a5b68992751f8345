"""Nobody is left behind: batches that stop, lists that shrink, what fails, what is put off."""

import json
from datetime import date, timedelta

import pytest

from ccpa_office import clock, connectors, sealing, work
from ccpa_office.connectors.postgresql import connector
from notices_app import datamap
from requests_app import casework, retention, tasks
from requests_app.checks import doctor_findings
from requests_app.fulfillment import (
    batches,
    lists,
    loading,
    proof,
    residue,
    returning,
    staying,
    sweeping,
    terms,
)
from requests_app.fulfillment.packing import Part
from requests_app.management.commands.batch import facts
from requests_app.models import (
    Batch,
    BatchState,
    Chunk,
    Finding,
    Kept,
    Look,
    Plan,
    PlanState,
    ResidueState,
    Return,
    Status,
    Sweep,
    Trace,
)
from tests.builders import HANA, KOFI, MAP, ORLA, drain, fresh, plan_of
from tests.steps import (
    Killed,
    approve,
    by_sql,
    claimed,
    decided,
    killed_at,
    lease_ends,
    lines,
    opened,
    query,
)

pytestmark = pytest.mark.django_db
MOVED = "UPDATE orders SET account_id = 6 WHERE account_id = 4 AND id = 8"
"""An order of Orla's is somebody else's by now."""


def listed(team, *people):
    """A list, approved; its chunks wait for workers."""
    batch = lists.open_list("learners", ["email", *people], by=team.officer, at=clock.now()).batch
    return batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())


def carried_out(team, *people):
    """The same, carried out and proved; nobody has looked at texts yet."""
    batch = listed(team, *people)
    tasks.drain_erase()
    batches.finish_done(at=clock.now())
    return Batch.objects.get(pk=batch.pk)


# --- a batch that stopped -----------------------------------------------------------------------


@pytest.fixture
def two_chunks(mailbox, team, learners, at_once, monkeypatch):
    """Orla's and Kofi's requests in one batch, a chunk each; Orla's will stop it."""
    monkeypatch.setattr(batches, "cut_plans", lambda plans: [[plan] for plan in plans])
    asked = [decided(mailbox, team, person) for person in (KOFI, ORLA)]
    for each in asked:
        approve(each, team.approver)
    query(learners, MOVED)
    opened()
    return asked


def test_who_waits_in_a_batch_that_stopped_is_planned_anew(two_chunks, team):
    kofi, _orla = two_chunks
    by_sql("UPDATE requests_app_chunk SET not_before = now() + interval '1 h' WHERE ordinal = 1")
    batches.work_chunk(claimed(), at=clock.now())
    by_sql("UPDATE requests_app_chunk SET not_before = now() WHERE state = 'ready'")
    batches.work_chunk(claimed(), at=clock.now())
    stands = Chunk.objects.order_by("ordinal").values_list("state", "error_code")
    assert list(stands) == [("parked", "batch-stopped"), ("parked", "key-of-another")]
    assert batches.try_again(Batch.objects.get(), by=team.officer, at=clock.now()) == 0
    casework.ask_for_plan(fresh(kofi), by=team.officer, at=clock.now())
    tasks.drain_plan()
    assert fresh(kofi).status == Status.PLANNED


def test_what_was_erased_before_its_batch_stopped_is_proved(two_chunks, team, monkeypatch):
    kofi, _orla = two_chunks
    with killed_at(monkeypatch, "erase.after-commit"), pytest.raises(Killed):
        batches.work_chunk(claimed(), at=clock.now())
    batches.work_chunk(claimed(), at=clock.now())
    assert Batch.objects.get().state == BatchState.STOPPED
    lease_ends()
    batches.set_kill_switch(stopped=True, reason="x", by=team.officer, at=clock.now())
    batches.work_chunk(claimed("prove"), at=clock.now())
    assert plan_of(kofi).state == PlanState.EXECUTING
    batches.set_kill_switch(stopped=False, reason="x", by=team.officer, at=clock.now())
    by_sql("UPDATE requests_app_chunk SET not_before = now() WHERE state = 'ready'")
    batches.work_chunk(claimed("prove"), at=clock.now())
    assert plan_of(kofi).state == PlanState.PROVED


def test_a_term_whose_batch_stopped_is_due_again(team, learners, at_once):
    carried_out(team, HANA)
    query(learners, "UPDATE invoices SET issued_on = '2001-01-01', legal_hold = false"
          " WHERE account_no = 1")  # fmt: skip
    today = clock.day_of(clock.now())
    Kept.objects.update(due_on=today)
    assert terms.gather(at=clock.now()) == 1
    batch = Batch.objects.get(kind=Batch.Kind.TERM)
    for by in (team.approver, team.second)[: batch.approvals_needed]:
        batches.approve(batch, hash=batch.hash, by=by, at=clock.now())
    query(learners, "UPDATE invoices SET legal_hold = true WHERE account_no = 1")
    batches.work_chunk(claimed(), at=clock.now())
    batch.refresh_from_db()
    assert (batch.state, batch.chunks.get().state) == (BatchState.STOPPED, "done")
    assert facts(batch)["people_done"] == 0
    assert terms.gather(at=clock.now()) == 0
    kept = Kept.objects.get()
    assert (kept.plan, kept.due_on) == (None, today + timedelta(days=30))  # under its hold


# --- a list of which somebody has too many new rows ----------------------------------------------


@pytest.mark.parametrize("others", [(ORLA, HANA), ()])
def test_who_has_too_many_new_rows_gets_a_list_of_their_own(others, team, learners, at_once):
    batch = listed(team, KOFI, *others)
    query(
        learners,
        "INSERT INTO activity_log SELECT 900000 + n, 5, now(), '198.51.100.9', '/x', '{}'"
        " FROM generate_series(1, 21) n",
    )
    drain()
    batch.refresh_from_db()
    assert (batch.state, batch.people) == (BatchState.DONE, len(others))
    left = query(learners, "SELECT email FROM accounts WHERE email = ANY(%s)", [HANA, ORLA, KOFI])
    assert {email for (email,) in left} == {HANA, ORLA, KOFI} - set(others)
    assert {"list.left-out", "list.left-over"} <= set(lines(f"batch:{batch.pk}"))
    new = Batch.objects.exclude(pk=batch.pk).get()
    assert (new.kind, new.state, new.people) == (Batch.Kind.LIST, BatchState.WAITING, 1)
    assert new.opened_by_id == team.officer.id
    batches.approve(new, hash=new.hash, by=team.approver, at=clock.now())
    drain()
    assert query(learners, "SELECT count(*) FROM activity_log WHERE account_id = 5") == [(0,)]
    assert query(learners, "SELECT count(*) FROM accounts WHERE email = %s", KOFI) == [(0,)]
    states = Plan.objects.exclude(state=PlanState.VOID).values_list("state", flat=True)
    assert set(states) == {PlanState.PROVED}


# --- what a failure keeps waiting ----------------------------------------------------------------


def test_a_system_that_fails_keeps_no_other_systems_terms(team, learners, at_once):
    carried_out(team, HANA)
    query(learners, "UPDATE invoices SET issued_on = '2001-01-01', legal_hold = false"
          " WHERE account_no = 1")  # fmt: skip
    kept, today = Kept.objects.get(), clock.day_of(clock.now())
    Kept.objects.update(due_on=today)
    Kept.objects.create(
        subject=kept.subject, system_key="gone", person=kept.person, data_key=kept.data_key,
        due_on=today, at=kept.at,
    )  # fmt: skip
    with pytest.raises(datamap.NoActiveMap):
        terms.gather(at=clock.now())
    assert Batch.objects.get(kind=Batch.Kind.TERM).state == BatchState.WAITING


BACK = (
    "INSERT INTO accounts (id, email, email_changed_at, full_name, password_hash, created_at)"
    " VALUES (%s, %s, now(), 'Back again', 'x', now())"
)


def test_a_return_that_cannot_be_read_keeps_no_other(team, learners, at_once):
    plans = [Plan.objects.get(chunk__batch=carried_out(team, each)) for each in (ORLA, KOFI)]
    query(learners, BACK, 777_777, KOFI)
    for plan in plans:
        look = Look.objects.get(chunk=plan.chunk, day=1)
        residue.mark([plan])
        Return.objects.create(plan=plan, look=look, at=clock.now())
    Plan.objects.filter(pk=plans[0].pk).update(subjects=b"")
    with pytest.raises(sealing.Unreadable):
        returning.gather(at=clock.now())
    first, second = Return.objects.order_by("pk")
    assert (first.state, first.tried_at is None) == (ResidueState.OPEN, False)  # a person's
    assert second.state == ResidueState.PLANNED
    assert returning.gather(at=clock.now()) == 0


def test_the_doctor_names_looks_and_terms_that_are_put_off(team, learners, at_once, settings,
                                                           tmp_path):  # fmt: skip
    settings.ERASURE_LEDGER_DIR = tmp_path
    carried_out(team, HANA)

    def said():
        return {found.code: found.what.split()[0] for found in doctor_findings()}

    assert said() == {}
    days = timedelta(days=9)
    Chunk.objects.update(proved_at=clock.now() - days)
    Kept.objects.update(due_on=clock.day_of(clock.now()) - days)
    found = {each.code: each.what for each in doctor_findings()}
    assert set(found) == {"looks-late", "terms-late"}
    assert found["looks-late"].startswith("2 looks")  # that of the thirtieth day has time
    Look.objects.filter(day__in=[1, 7]).update(looked_at=clock.now(), state="done")
    Kept.objects.update(due_on=clock.day_of(clock.now()))
    assert said() == {}
    Plan.objects.update(executable_at=clock.now() - days)
    Chunk.objects.update(stage=Chunk.Stage.ERASE, state="ready")
    assert said() == {}  # of a batch that runs
    Batch.objects.update(state=BatchState.RUNNING)
    assert said() == {"erasures-late": "1"}


SLOW = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(60); RETURN OLD; END $$;
CREATE TRIGGER wait BEFORE DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION wait();
"""


def test_a_store_that_takes_too_long_again_and_again_is_a_persons_work(
    team, learners, at_once, monkeypatch
):
    batch = listed(team, ORLA)
    query(learners, SLOW)
    connectors.close_all()
    limit = connector.OPTIONS.replace("statement_timeout=120s", "statement_timeout=200ms")
    monkeypatch.setattr(connector, "OPTIONS", limit)
    for _turn in range(6):
        by_sql("UPDATE requests_app_chunk SET not_before = now() WHERE state = 'ready'")
        tasks.drain_erase()
    chunk = batch.chunks.get()
    assert (chunk.state, chunk.error_code) == ("parked", "StoreTooSlow")
    assert query(learners, "SELECT count(*) FROM accounts WHERE email = %s", ORLA) == [(1,)]


# --- what stays ----------------------------------------------------------------------------------


def test_the_first_day_counts_also_where_a_younger_row_was_born_since_the_freeze():
    first, later = date(2027, 1, 2), date(2033, 4, 5)
    parts = [
        (0, Part("invoices", "keep", [key], [0], reason="DX_8", first_until=day))
        for key, day in (("old", first), ("new", later), ("undated", None))
    ]
    stay = loading._stays(parts)[0]
    assert stay.rows == {"invoices": ["old", "new", "undated"]}
    assert stay.ends == {("invoices", "DX_8"): first}


def test_what_comes_back_and_may_stay_goes_when_its_own_term_ends(team, learners, at_once):
    plan = Plan.objects.get(chunk__batch=carried_out(team, ORLA))
    noted = set(Kept.objects.values_list("pk", flat=True))
    query(learners, BACK, 777_777, ORLA)
    query(
        learners,
        "CREATE TABLE young AS SELECT * FROM invoices LIMIT 1;"
        " UPDATE young SET number = 'INV-back', account_no = 777777, issued_on = '2026-01-02',"
        " legal_hold = false; INSERT INTO invoices SELECT * FROM young; DROP TABLE young",
    )
    residue.mark([plan])
    Return.objects.create(plan=plan, look=Look.objects.get(day=1), at=clock.now())
    assert returning.gather(at=clock.now()) == 1
    Plan.objects.filter(chunk__batch__kind=Batch.Kind.RETURN).update(state=PlanState.STOPPED)
    assert returning.gather(at=clock.now()) == 1  # nobody said no to it
    batch = Batch.objects.filter(kind=Batch.Kind.RETURN).latest("pk")
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    tasks.drain_erase()
    assert query(learners, "SELECT count(*) FROM accounts WHERE id = 777777") == [(0,)]
    new = Kept.objects.exclude(pk__in=noted).get()
    person = sealing.Box(new.data_key).open(bytes(new.person), context=staying.CONTEXT)
    assert (new.subject, json.loads(person)["rows"]) == (
        f"batch:{batch.pk}", {"invoices": ["INV-back"]},
    )  # fmt: skip
    assert clock.day_of(clock.now()) < new.due_on <= date(2033, 1, 2)


# --- copies and texts ----------------------------------------------------------------------------


@pytest.mark.parametrize("is_parked_first", [True, False])
def test_a_view_shows_nobody_who_was_erased_though_another_waits_for_a_person(
    is_parked_first, team, learners, at_once, monkeypatch
):
    query(learners, "CREATE MATERIALIZED VIEW seen AS SELECT id, email FROM accounts")
    connectors.close_all()
    monkeypatch.setattr(batches, "CHUNK", 1)
    batch = listed(team, ORLA, KOFI)

    def park():
        Chunk.objects.filter(ordinal=2).update(state="parked", error_code="worn_out")

    def seen():
        return query(learners, "SELECT count(*) FROM seen WHERE email = %s", ORLA)[0][0]

    if is_parked_first:
        park()
    batches.work_chunk(claimed(), at=clock.now())
    assert seen() == (not is_parked_first)
    park()
    later = clock.now() + timedelta(days=1, minutes=1)
    assert sweeping.gather(at=later) == 1
    by_sql("UPDATE requests_app_sweep SET not_before = now()")
    (row,) = work.claim(Sweep, lane="prove", n=1, owner="a worker")
    sweeping.sweep(row, at=later)
    assert seen() == 0
    assert batch.chunks.filter(state="parked").exists()


@pytest.fixture
def swept(team, learners, at_once):
    """Orla is gone; the sweep of others' texts is due."""
    carried_out(team, ORLA)
    sweeping.gather(at=clock.now())
    return learners


def turn():
    (row,) = work.claim(Sweep, lane="prove", n=1, owner="a worker")
    sweeping.sweep(row, at=clock.now())
    return Sweep.objects.get()


def test_people_whom_a_sweep_still_looks_for_are_not_forgotten(swept, team):
    query(swept, "UPDATE forum_posts SET body = %s WHERE id = (SELECT max(id) FROM forum_posts"
          " WHERE author_id > 10)", f"ask {ORLA}")  # fmt: skip
    Sweep.objects.update(state="parked", error_code="ChangeBlocked")
    Look.objects.update(state="done")
    assert retention.purge(at=clock.now()) == 0
    batches.try_again(Batch.objects.get(), by=team.officer, at=clock.now())
    assert turn().finding == Finding.RESIDUAL
    assert Trace.objects.count() == 1


def test_a_sweep_reads_what_a_new_map_marks_though_it_was_past_it(swept, team, monkeypatch):
    query(swept, "UPDATE certificates SET name_printed = %s WHERE id = (SELECT c.id"
          " FROM certificates c JOIN enrolments e ON e.id = c.enrolment_id"
          " WHERE e.account_id > 10 ORDER BY 1 LIMIT 1)", f"for {ORLA}")  # fmt: skip
    with killed_at(monkeypatch, "sweep.after-page", after=4), pytest.raises(Killed):
        turn()
    marked = MAP.read_text("utf-8").replace(
        "- {name: name_printed, data_categories: [user.name]}",
        "- {name: name_printed, data_categories: [user.name], ccpa_meta: {search_text: true}}",
    )
    version = datamap.load(marked, system_key="learners", by=team.editor, at=clock.now())
    datamap.approve(version, digest=version.digest, by=team.chief, at=clock.now())
    lease_ends()
    assert turn().finding == Finding.RESIDUAL
    assert [each.table for each in Trace.objects.all()] == ["certificates"]


def test_a_system_with_a_new_address_is_looked_at_under_the_map_approved_for_it(
    team, learners, at_once
):
    """A new password is a new address: looks to come are no less due."""
    carried_out(team, ORLA)
    at = clock.now()
    datamap.add_system("learners", name="learners", url=learners, by=team.editor, at=at,
                       served=True)  # fmt: skip
    Look.objects.filter(day=1).update(not_before=at)
    (row,) = work.claim(Look, lane="prove", n=1, owner="a worker")
    with pytest.raises(datamap.NoActiveMap):
        proof.look_later(row, at=at)
    moved(team, learners)
    proof.look_later(row, at=clock.now())
    assert Look.objects.get(day=1).finding == Finding.KEPT


def moved(team, learners):
    """The system gets another address, and the same map is approved for it."""
    at = clock.now()
    datamap.add_system("learners", name="learners", url=learners, by=team.editor, at=at,
                       served=True)  # fmt: skip
    version = datamap.load(MAP.read_text("utf-8"), system_key="learners", by=team.editor, at=at)
    datamap.approve(version, digest=version.digest, by=team.chief, at=clock.now())


def test_a_list_that_was_frozen_for_another_address_stops(team, learners, at_once):
    batch = listed(team, ORLA)
    moved(team, learners)
    batches.work_chunk(claimed(), at=clock.now())
    batch.refresh_from_db()
    assert (batch.state, batch.stop_reason) == (BatchState.STOPPED, "new-address")
    assert Plan.objects.get().state == PlanState.STOPPED
    assert query(learners, "SELECT count(*) FROM accounts WHERE email = %s", ORLA) == [(1,)]


def test_what_was_erased_is_proved_at_the_systems_new_address(team, learners, at_once, monkeypatch):
    listed(team, ORLA)
    with killed_at(monkeypatch, "erase.after-commit"), pytest.raises(Killed):
        batches.work_chunk(claimed(), at=clock.now())
    moved(team, learners)
    lease_ends()
    batches.work_chunk(claimed("prove"), at=clock.now())
    assert Plan.objects.get().state == PlanState.PROVED
