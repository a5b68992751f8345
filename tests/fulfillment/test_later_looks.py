"""What later looks find: people told of in others' texts, rows that come back, and the answers."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from ccpa_office import clock, clock_guard, connectors, sealing, work
from ccpa_office.models import LedgerLine
from requests_app import targets, tasks
from requests_app.fulfillment import (
    batches,
    closing,
    lists,
    pacing,
    proof,
    redacting,
    refusing,
    returning,
    sweeping,
)
from requests_app.fulfillment.packing import open_part, open_subjects
from requests_app.models import (
    Batch,
    BatchState,
    Chunk,
    Finding,
    Look,
    Pace,
    Plan,
    PlanState,
    Return,
    Slowed,
    Status,
    Sweep,
    Trace,
)
from tests.builders import HANA, KOFI, ORLA, drain, fresh, plan_of
from tests.steps import (
    Killed,
    approve,
    by_sql,
    claimed,
    decided,
    gathered,
    killed_at,
    lines,
    query,
    refused_by_the_database,
)

pytestmark = pytest.mark.django_db
QUOTE = "orla.dunmarrow@example.org (Orla Dunmarrow) told joann so"


@pytest.fixture
def erased(mailbox, team, learners, at_once):
    """A deletion that is carried out and proved."""
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    batches.work_chunk(gathered(), at=clock.now())
    batches.finish_done(at=clock.now())
    return fresh(consumer_request)


@pytest.fixture
def posts(learners):
    """Two posts and a ticket of others, which nobody quotes yet."""
    found = query(learners, "SELECT id FROM forum_posts WHERE author_id > 10 ORDER BY id LIMIT 2")
    return [key for (key,) in found]


def quote(learners, posts, text=QUOTE):
    query(learners, "UPDATE forum_posts SET body = %s WHERE id = ANY(%s)", text, posts)


def swept():
    """Let the sweep that is due be carried out, turn after turn."""
    sweeping.gather(at=clock.now())
    while rows := work.claim(Sweep, lane="prove", n=1, owner="a worker"):
        sweeping.sweep(rows[0], at=clock.now())
    return Sweep.objects.get()


def carried_out(batch, team):
    """Approve a batch that waits and carry it out."""
    batches.approve(batch, hash=batch.hash, by=team.second, at=clock.now())
    batches.work_chunk(claimed(), at=clock.now())
    batches.finish_done(at=clock.now())
    return Batch.objects.get(pk=batch.pk)


def test_others_texts_are_swept_and_redacted_under_a_plan_of_their_own(
    erased, posts, learners, team
):
    quote(learners, posts)
    before = query(learners, "SELECT * FROM forum_posts WHERE NOT id = ANY(%s) ORDER BY id", posts)
    sweep = swept()
    assert (sweep.finding, sweep.people, sweep.names_alone) == (Finding.RESIDUAL, 1, 0)
    assert [each.table for each in Trace.objects.all()] == ["forum_posts", "forum_posts"]
    assert plan_of(erased).state == PlanState.RESIDUAL
    assert lines(erased.number)[-1] == "proof.told-of"
    assert closing.close_told(at=clock.now()) == 0
    with refused_by_the_database():
        by_sql("UPDATE requests_app_plan SET state = 'proved' WHERE state = 'residual'")

    batch = redacting.plan_redaction(sweep.batch, by=team.officer, at=clock.now())
    with pytest.raises(redacting.NothingFound):
        redacting.plan_redaction(sweep.batch, by=team.officer, at=clock.now())
    assert (batch.state, batch.people) == (BatchState.WAITING, 1)
    assert carried_out(batch, team).state == BatchState.DONE
    texts = query(learners, "SELECT body FROM forum_posts WHERE id = ANY(%s)", posts)
    assert texts == [("[removed] ([removed]) told joann so",)] * 2
    after = query(learners, "SELECT * FROM forum_posts WHERE NOT id = ANY(%s) ORDER BY id", posts)
    assert after == before
    assert plan_of(erased).state == PlanState.PROVED
    assert {(each.state, bytes(each.key)) for each in Trace.objects.all()} == {("settled", b"")}
    assert sweeping.gather(at=clock.now()) == 0


def test_texts_are_kept_with_a_ground_and_names_alone_accuse_nobody(erased, posts, learners, team):
    quote(learners, posts[:1], "Orla said it to orla.dunmarrow@example.orgs")
    quote(learners, posts[1:], "By Orla  DUNMARROW")
    sweep = swept()
    assert (Trace.objects.count(), sweep.finding) == (1, Finding.RESIDUAL)
    assert redacting.keep(sweep.batch, ground="DX_4", by=team.officer, at=clock.now()) == 1
    assert lines(f"batch:{sweep.batch_id}")[-1] == "trace.kept"
    assert plan_of(erased).state == PlanState.PROVED
    with refused_by_the_database():
        Trace.objects.update(state="open")


def test_a_first_name_accuses_nobody_alone_whatever_its_letters(
    mailbox, team, learners, posts, at_once
):
    query(learners, "UPDATE profiles SET display_name = 'Örla' WHERE account_id = 4")
    approve(decided(mailbox, team, ORLA), team.approver)
    batches.work_chunk(gathered(), at=clock.now())
    batches.finish_done(at=clock.now())
    quote(learners, posts, "Örla said so")
    assert (swept().names_alone, Trace.objects.count()) == (2, 0)


def test_a_name_that_another_bears_too_accuses_nobody_alone(erased, posts, learners):
    query(learners, "UPDATE accounts SET full_name = 'ORLA Dunmarrow' WHERE id = 30")
    quote(learners, posts[:1], "Well done, Orla Dunmarrow")
    quote(learners, posts[1:], "Orla Dunmarrow, that is orla.dunmarrow@example.org")
    sweep = swept()
    assert (Trace.objects.count(), sweep.names_alone) == (1, 1)


def test_a_sweep_goes_on_where_its_worker_died(erased, posts, learners, monkeypatch):
    quote(learners, posts)
    monkeypatch.setattr(sweeping, "PAGE", 7)
    sweeping.gather(at=clock.now())
    (row,) = work.claim(Sweep, lane="prove", n=1, owner="a worker")
    with killed_at(monkeypatch, "sweep.after-page", after=5), pytest.raises(Killed):
        sweeping.sweep(row, at=clock.now())
    read = Sweep.objects.get().read
    by_sql("UPDATE requests_app_sweep SET lease_until = clock_timestamp() - interval '1 s'")
    monkeypatch.setattr(sweeping, "BUDGET", 0.0)
    sweep = swept()
    assert (sweep.state, sweep.finding, sweep.place) == ("done", Finding.RESIDUAL, "")
    assert 0 < read < sweep.read
    assert Trace.objects.count() == 2
    monkeypatch.undo()
    Trace.objects.all().delete()
    Sweep.objects.update(state="ready", read=0)
    assert swept().read == sweep.read


def test_a_worker_that_was_thought_dead_notes_nothing_more(erased, posts, learners, monkeypatch):
    quote(learners, posts)
    sweeping.gather(at=clock.now())
    (late,) = work.claim(Sweep, lane="prove", n=1, owner="a worker")
    with killed_at(monkeypatch, "sweep.after-page"), pytest.raises(Killed):
        sweeping.sweep(late, at=clock.now())
    left = Sweep.objects.get()
    assert left.place != ""
    box = sealing.Box(left.data_key)  # one table is read to its end
    assert len(json.loads(box.open(left.after, context=sweeping.SO_FAR))) == 1
    by_sql("UPDATE requests_app_sweep SET lease_until = clock_timestamp() - interval '1 s'")
    (row,) = work.claim(Sweep, lane="prove", n=1, owner="another")
    with pytest.raises(work.LeaseLost):
        sweeping.sweep(late, at=clock.now())
    assert (Sweep.objects.get().read, Trace.objects.count()) == (left.read, 0)
    sweeping.sweep(row, at=clock.now())
    sweep = Sweep.objects.get()
    Trace.objects.all().delete()
    Sweep.objects.update(state="ready", read=0)
    assert swept().read == sweep.read  # no table twice, none left out


def test_a_sweep_stands_back_from_a_busy_system(erased, posts, learners, monkeypatch):
    quote(learners, posts)
    system = plan_of_system()
    type(system).objects.update(share=50, most_sessions=3)
    connector = type(targets.of("learners").connector)
    monkeypatch.setattr(connector, "probe", lambda _self: (0.001, 4))
    sweeping.gather(at=clock.now())
    at = clock.now()
    for seconds in (0, 5):  # busy; then the system is still left alone
        (row,) = work.claim(Sweep, lane="prove", n=1, owner="a worker")
        sweeping.sweep(row, at=at + timedelta(seconds=seconds))
        waits = Sweep.objects.get()
        assert (waits.state, waits.attempts, waits.read) == ("ready", 0, 0)
        assert waits.not_before == at + timedelta(seconds=10)
        by_sql("UPDATE requests_app_sweep SET not_before = now()")
    monkeypatch.setattr(connector, "probe", lambda _self: (0.001, 0))
    (row,) = work.claim(Sweep, lane="prove", n=1, owner="a worker")
    sweeping.sweep(row, at=at + timedelta(seconds=11))
    assert Sweep.objects.get().finding == Finding.RESIDUAL


def test_texts_that_tell_of_two_people_of_a_list_are_redacted_at_once(
    posts, team, learners, at_once
):
    quote(learners, posts, f"{ORLA} and {KOFI} met")
    batch = lists.open_list(
        "learners", ["email", ORLA, KOFI], by=team.officer, at=clock.now()
    ).batch
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    drain()
    made = redacting.plan_redaction(swept().batch, by=team.officer, at=clock.now())
    assert (Trace.objects.count(), made.people) == (2, 2)
    assert carried_out(made, team).state == BatchState.DONE
    texts = query(learners, "SELECT body FROM forum_posts WHERE id = ANY(%s)", posts)
    assert texts == [("[removed] and [removed] met",)] * 2
    assert "proof.settled" in lines(f"batch:{batch.pk}")


def look(day):
    by_sql(
        "UPDATE requests_app_look SET not_before = now() - interval '1 minute' WHERE day = %s", day
    )
    (row,) = work.claim(Look, lane="prove", n=1, owner="a worker")
    proof.look_later(row, at=clock.now())
    return Look.objects.get(pk=row.pk)


def test_what_came_back_is_an_alarm_and_a_plan_that_waits(erased, learners, team):
    closing.close_told(at=clock.now())
    query(learners, "INSERT INTO newsletter VALUES (upper(%s), now(), 'back')", ORLA)
    query(
        learners,
        "INSERT INTO accounts (id, email, email_changed_at, full_name, password_hash,"
        " created_at) VALUES (777777, %s, now(), 'Orla', 'x', now())",
        ORLA,
    )
    assert look(1).finding == Finding.RESIDUAL
    assert lines(erased.number)[-1] == "proof.came-back"
    assert returning.gather(at=clock.now()) == 1
    assert returning.gather(at=clock.now()) == 0
    batch = Batch.objects.get(kind=Batch.Kind.RETURN)
    assert (batch.state, batch.approvals_needed) == (BatchState.WAITING, 1)
    assert batch.people == 2  # the old key, of which an invoice stays by right, and the new one
    assert look(7).finding == Finding.RESIDUAL
    assert returning.gather(at=clock.now()) == 0
    assert Return.objects.filter(answer__isnull=False).count() == 2
    assert carried_out(batch, team).state == BatchState.DONE
    assert query(learners, "SELECT count(*) FROM accounts WHERE id = 777777") == [(0,)]
    assert query(learners, "SELECT count(*) FROM newsletter WHERE lower(email) = %s", ORLA) == [
        (0,)
    ]
    assert set(Return.objects.values_list("state", flat=True)) == {"settled"}
    assert plan_of(erased).state == PlanState.PROVED
    assert fresh(erased).status in {Status.TELLING, Status.COMPLETED}


def test_a_refused_answer_leaves_its_rows_to_the_next_plan(erased, learners, team):
    query(learners, "INSERT INTO newsletter VALUES (%s, now(), 'back')", ORLA)
    query(
        learners,
        "INSERT INTO accounts (id, email, email_changed_at, full_name, password_hash,"
        " created_at) VALUES (777777, %s, now(), 'Orla', 'x', now())",
        ORLA,
    )
    look(1)
    returning.gather(at=clock.now())
    Plan.objects.filter(chunk__batch__kind=Batch.Kind.RETURN).update(state=PlanState.VOID)
    assert returning.gather(at=clock.now()) == 0
    assert Return.objects.get().state == "open"
    assert plan_of(erased).state == PlanState.RESIDUAL


def test_who_refuses_an_answer_decides_that_the_rows_stay(erased, learners, team):
    """A person who became a customer again is one: nothing is taken, and the alarm is over."""
    query(
        learners,
        "INSERT INTO accounts (id, email, email_changed_at, full_name, password_hash,"
        " created_at) VALUES (777777, %s, now(), 'Orla', 'x', now())",
        ORLA,
    )
    look(1)
    assert returning.gather(at=clock.now()) == 1
    batch = Batch.objects.get(kind=Batch.Kind.RETURN)
    refusing.refuse(batch, reason="a customer again", by=team.approver, at=clock.now())
    assert Return.objects.get().state == "kept"
    assert plan_of(erased).state == PlanState.PROVED
    assert lines(erased.number)[-1] == "proof.settled"
    assert returning.gather(at=clock.now()) == 0
    assert query(learners, "SELECT count(*) FROM accounts WHERE id = 777777") == [(1,)]


def test_what_is_gone_before_it_is_planned_waits_for_a_person(
    erased, posts, learners, team, monkeypatch
):
    quote(learners, posts)
    sweep = swept()
    query(learners, "INSERT INTO newsletter VALUES (%s, now(), 'back')", ORLA)
    assert look(1).finding == Finding.RESIDUAL
    query(learners, "DELETE FROM newsletter WHERE email = %s", ORLA)
    with monkeypatch.context() as patch:
        patch.setattr(clock_guard, "clock_is_trusted", lambda: False)
        assert returning.gather(at=clock.now()) == 0
        assert Return.objects.get().tried_at is None
    assert returning.gather(at=clock.now()) == 0
    back = Return.objects.get()
    assert (back.state, back.tried_at is None) == ("open", False)
    assert not Batch.objects.filter(kind=Batch.Kind.RETURN).exists()
    redacting.keep(sweep.batch, ground="DX_4", by=team.officer, at=clock.now())
    assert plan_of(erased).state == PlanState.RESIDUAL  # the texts alone are settled
    assert "proof.settled" not in lines(erased.number)


def test_a_system_keeps_its_share_of_time(mailbox, team, learners, at_once, monkeypatch):
    approve(decided(mailbox, team, ORLA), team.approver)
    type(plan_of_system()).objects.update(share=25, most_sessions=3)
    chunk, at = gathered(), clock.now()
    connector = type(targets.of("learners").connector)
    monkeypatch.setattr(connector, "probe", lambda _self: (0.001, 4))
    batches.work_chunk(chunk, at=at)
    waits = Chunk.objects.get()
    assert (waits.state, waits.error_code, waits.attempts) == ("ready", "paced", 0)
    assert Pace.objects.get().slowed == Slowed.SESSIONS
    monkeypatch.setattr(connector, "probe", lambda _self: (1.0, 0))
    later = at + timedelta(seconds=11)
    by_sql("UPDATE requests_app_chunk SET not_before = now()")
    batches.work_chunk(claimed(), at=later)
    assert Pace.objects.get().slowed == Slowed.ANSWERS
    monkeypatch.setattr(connector, "probe", lambda _self: (0.001, 0))
    by_sql("UPDATE requests_app_chunk SET not_before = now()")
    clocks = SimpleNamespace(monotonic=iter((10.0, 14.0)).__next__)  # four seconds of work
    monkeypatch.setattr(pacing, "time", clocks)
    began = clock.now()
    batches.work_chunk(claimed(), at=later + timedelta(seconds=11))
    ended = clock.now()
    pace = Pace.objects.get()
    assert Chunk.objects.get().stage == Chunk.Stage.DONE
    assert pace.slowed == Slowed.SHARE
    assert began < pace.free_at - 3 * timedelta(seconds=4) < ended


def plan_of_system():
    return Plan.objects.select_related("map_version__system").get().map_version.system


POISON = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = '{code}'; END $$;
CREATE TRIGGER refuse BEFORE DELETE ON accounts FOR EACH ROW
    WHEN (OLD.email = 'orla.dunmarrow@example.org') EXECUTE FUNCTION refuse();
"""


def test_whom_the_store_refuses_is_parked_alone_and_the_rest_goes_on(
    mailbox, team, learners, at_once
):
    people = [decided(mailbox, team, email) for email in (HANA, ORLA, KOFI)]
    for each in people:
        approve(each, team.approver)
    query(learners, POISON.format(code="P0001"))
    query(learners, "CREATE MATERIALIZED VIEW seen AS SELECT email FROM accounts")
    connectors.close_all()
    batches.open_due(at=clock.now())
    for _turn in range(20):
        by_sql("UPDATE requests_app_chunk SET not_before = now() WHERE state = 'ready'")
        tasks.drain_erase()
    states = {each.number: plan_of(each).state for each in people}
    assert list(states.values()) == [PlanState.PROVED, PlanState.EXECUTING, PlanState.PROVED]
    (parked,) = Chunk.objects.filter(state="parked")
    assert (parked.error_code, parked.people) == ("ChangeBlocked", 1)
    assert plan_of(people[1]).chunk == parked
    chunks = Chunk.objects.exclude(pk=parked.pk)
    assert {each.stage for each in chunks} == {Chunk.Stage.DONE}
    assert sum(chunks.values_list("people", flat=True)) == 2
    copied = "SELECT email FROM seen WHERE lower(email) = ANY(%s)"
    assert query(learners, copied, [HANA, ORLA, KOFI]) == [(ORLA,)]


def test_whom_the_store_refuses_is_parted_from_a_list_with_the_same_rows(team, learners, at_once):
    listed = ["email", HANA, ORLA, KOFI]
    batch = lists.open_list("learners", listed, by=team.officer, at=clock.now()).batch
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    approved = Plan.objects.get()
    query(learners, POISON.format(code="22003"))  # a number out of range, as an audit may have it
    for _turn in range(20):
        by_sql("UPDATE requests_app_chunk SET not_before = now() WHERE state = 'ready'")
        tasks.drain_erase()
    (parked,) = Chunk.objects.filter(state="parked")
    assert (parked.error_code, parked.people) == ("KeysRefused", 1)
    plans = Plan.objects.exclude(state=PlanState.VOID)
    assert sorted(plans.values_list("state", "people")) == [
        (PlanState.EXECUTING, 1), (PlanState.PROVED, 1), (PlanState.PROVED, 1),
    ]  # fmt: skip
    assert _rows(plans) == _rows([approved])
    left = query(learners, "SELECT email FROM accounts WHERE email = ANY(%s)", [HANA, ORLA, KOFI])
    assert left == [(ORLA,)]
    halved = LedgerLine.objects.filter(verb="plan.halved").order_by("pk")
    first, _second = (json.loads(each.body)["facts"] for each in halved)
    assert (first["plan"], len(first["halves"])) == (approved.hash, 2)
    assert [each.pk for each in batches.gave_up(batch)] == [parked.pk]


def _rows(plans):
    """Every row of some plans, with its action and whose it is."""
    found = []
    for each in plans:
        box = sealing.Box(each.data_key)
        people = [subject.key for subject in open_subjects(box, each)]
        for part in (open_part(box, row) for row in each.tables.all()):
            found += [(part.table, part.action, str(key), people[person])
                      for key, person in zip(part.keys, part.persons, strict=True)]  # fmt: skip
    return sorted(found)
