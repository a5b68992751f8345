"""What was kept goes when its term or its hold ends, under an approval of its own."""

from datetime import date, timedelta

import psycopg
import pytest

from ccpa_office import clock, clock_guard, ledger, work
from ccpa_office.connectors.base import Table, Term
from ccpa_office.models import LedgerLine, ScheduleRun
from notices_app import datamap
from requests_app import tasks
from requests_app.fulfillment import batches, loading, refusing, staying, terms
from requests_app.fulfillment.packing import Part
from requests_app.models import Batch, BatchState, Chunk, Kept, PlanState
from tests import builders
from tests.builders import approved

pytestmark = pytest.mark.django_db(transaction=True)


def carry_out(at):
    """The workers' part, once the hour has come."""
    for chunk in work.claim(Chunk, lane="erase", n=5, owner="terms"):
        batches.work_chunk(chunk, at=at)


def invoices(learners):
    with psycopg.connect(learners) as connection:
        rows = connection.execute(
            "SELECT number, issued_on, legal_hold FROM invoices WHERE account_no = 1 ORDER BY 1"
        )
        return [tuple(row) for row in rows]


@pytest.fixture
def erased(mailbox, team, learners, at_once):
    """Hana's deletion, carried out and proved; invoices stay for seven years."""
    asked = approved(mailbox, team, builders.HANA)
    tasks.drain_mail()
    assert batches.open_due(at=clock.now())
    carry_out(clock.now())
    return asked


def test_what_stays_is_noted_with_its_first_day(erased, learners):
    kept = Kept.objects.get()
    left = invoices(learners)
    assert (kept.subject, kept.plan) == (erased.number, None)
    assert left != []
    assert b"INV" not in bytes(kept.person)
    assert kept.due_on == min(day.replace(year=day.year + 7) for _, day, _held in left)


def test_a_hold_is_looked_at_again_every_thirty_days(erased, learners):
    with psycopg.connect(learners) as connection:
        connection.execute("UPDATE invoices SET legal_hold = true WHERE account_no = 1")
    today = clock.day_of(clock.now())
    Kept.objects.update(due_on=today)
    assert terms.gather(at=clock.now()) == 0
    assert Kept.objects.get().due_on == today + timedelta(days=30)


def test_what_the_map_keeps_for_good_is_not_looked_at_again():
    table = Table("accounts", ("id",), ((),), "keep", keep_code="DX_8")
    assert staying.next_day(table, "DX_8", None, clock.today()) is None


def test_a_term_whose_first_day_is_not_known_yet_is_looked_for():
    table = Table("invoices", ("id",), ((),), "delete", term=Term("DX_8", "issued_on", "P7Y"))
    today = clock.today()
    assert staying.next_day(table, "DX_8", None, today) == today + timedelta(days=30)


@pytest.fixture
def over(erased, learners):
    """The day has come: the terms are over, the hold is lifted."""
    with psycopg.connect(learners) as connection:
        connection.execute(
            "UPDATE invoices SET issued_on = '2001-01-01', legal_hold = false WHERE account_no = 1"
        )
    Kept.objects.update(due_on=clock.day_of(clock.now()))
    return erased


def test_what_is_over_becomes_a_plan_that_nobody_can_carry_out_unapproved(over, learners, team):
    assert terms.gather(at=clock.now()) == 1
    batch = Batch.objects.get(kind=Batch.Kind.TERM)
    assert (batch.state, batch.people, batch.opened_by_id) == (BatchState.WAITING, 1, None)
    carry_out(clock.now())
    assert invoices(learners) != []
    assert terms.gather(at=clock.now()) == 0


def approve(batch, team):
    for by in (team.approver, team.second)[: batch.approvals_needed]:
        batches.approve(batch, hash=batch.hash, by=by, at=clock.now())


def test_an_approved_end_takes_the_rest_and_the_book_says_so(over, learners, team):
    terms.gather(at=clock.now())
    batch = Batch.objects.get(kind=Batch.Kind.TERM)
    approve(batch, team)
    carry_out(clock.now())
    batches.finish_done(at=clock.now())
    assert invoices(learners) == []
    assert Kept.objects.count() == 0
    assert fresh_state(batch) == (BatchState.DONE, {PlanState.PROVED})
    verbs = LedgerLine.objects.filter(subject=over.number).values_list("verb", flat=True)
    assert [verb for verb in verbs.order_by("pk") if verb.startswith("kept.")] == [
        "kept.ended", "kept.erased",
    ]  # fmt: skip
    assert ledger.verify().sound


def fresh_state(batch):
    batch.refresh_from_db()
    plans = batch.chunks.get().plans.all()
    return batch.state, {plan.state for plan in plans}


def test_what_still_stays_waits_for_its_next_day(erased, learners):
    today = clock.day_of(clock.now())
    due = Kept.objects.get().due_on
    Kept.objects.update(due_on=today)
    assert terms.gather(at=clock.now()) == 0
    assert Kept.objects.get().due_on == due


def test_rows_that_the_business_deleted_itself_are_noted_no_longer(over, learners):
    with psycopg.connect(learners) as connection:
        connection.execute("DELETE FROM invoices WHERE account_no = 1")
    assert terms.gather(at=clock.now()) == 0
    assert Kept.objects.count() == 0


def test_rows_that_came_later_are_no_part_of_it(over, learners, team):
    with psycopg.connect(learners) as connection:
        connection.execute(
            "CREATE TEMP TABLE young AS SELECT * FROM invoices WHERE account_no = 1 LIMIT 1;"
            "UPDATE young SET number = 'INV-new'; INSERT INTO invoices SELECT * FROM young"
        )
    terms.gather(at=clock.now())
    approve(Batch.objects.get(kind=Batch.Kind.TERM), team)
    plan = Batch.objects.get(kind=Batch.Kind.TERM).chunks.get().plans.get()
    assert {(part["table"], part["action"]) for part in plan.summary} == {("invoices", "delete")}
    assert plan.rows == len(invoices(learners)) - 1


def test_a_refused_end_is_due_again(over, learners, team):
    terms.gather(at=clock.now())
    batch = Batch.objects.get(kind=Batch.Kind.TERM)
    refusing.refuse(batch, reason="Ask counsel first.", by=team.approver, at=clock.now())
    assert terms.gather(at=clock.now()) == 1
    assert Batch.objects.filter(kind=Batch.Kind.TERM).count() == 2


def test_a_night_that_broke_off_begins_anew(over, learners, monkeypatch):
    monkeypatch.setattr(terms, "close_gathering", broken)
    with pytest.raises(RuntimeError):
        terms.gather(at=clock.now())
    monkeypatch.undo()
    assert terms.gather(at=clock.now()) == 1
    assert sorted(Batch.objects.filter(kind=Batch.Kind.TERM).values_list("state", flat=True)) == [
        BatchState.STOPPED, BatchState.WAITING,
    ]  # fmt: skip


def broken(*_given, **_named):
    raise RuntimeError


def test_nothing_ends_while_the_clock_is_suspect(over, monkeypatch):
    monkeypatch.setattr(clock_guard, "clock_is_trusted", lambda: False)
    assert terms.gather(at=clock.now()) == 0


def test_the_house_looks_once_a_day(over):
    ScheduleRun.objects.filter(name="terms").delete()
    tasks.drain_house()
    tasks.drain_house()
    assert Batch.objects.filter(kind=Batch.Kind.TERM).count() == 1


# --- what need not stay ---------------------------------------------------------------------------

TRIMMED = ("name: billing_address, ccpa_meta: {category: PI_B}",
           "name: billing_address, ccpa_meta: {category: PI_B, on_kept: null}")  # fmt: skip


@pytest.fixture
def trimming(team, learners):
    """Of an invoice that stays for its term, the billing address need not stay."""
    text = builders.MAP.read_text("utf-8").replace(*TRIMMED)
    version = datamap.load(text, system_key="learners", by=team.editor, at=clock.now())
    datamap.approve(version, digest=version.digest, by=team.chief, at=clock.now())


def addresses(learners, change=""):
    with psycopg.connect(learners) as connection:
        if change:
            connection.execute(f"UPDATE invoices SET {change} WHERE account_no = 1")  # noqa: S608
        rows = connection.execute("SELECT billing_address FROM invoices WHERE account_no = 1")
        return [address for (address,) in rows]


def test_what_a_hold_kept_whole_loses_what_need_not_stay_when_the_hold_ends(
    mailbox, team, learners, trimming, at_once
):
    whole = addresses(learners, "legal_hold = true, issued_on = current_date")
    approved(mailbox, team, builders.HANA)
    tasks.drain_mail()
    assert batches.open_due(at=clock.now())
    carry_out(clock.now())
    assert addresses(learners) == whole != [None] * len(whole)
    assert addresses(learners, "legal_hold = false") == whole
    Kept.objects.update(due_on=clock.day_of(clock.now()))
    assert terms.gather(at=clock.now()) == 1
    batch = Batch.objects.get(kind=Batch.Kind.TERM)
    approve(batch, team)
    carry_out(clock.now())
    assert addresses(learners) == [None] * len(whole)
    assert fresh_state(batch)[1] == {PlanState.PROVED}
    issued = invoices(learners)[0][1]
    assert Kept.objects.get().due_on == issued.replace(year=issued.year + 7)


def test_a_term_that_has_not_begun_is_looked_at_again():
    """Nobody knows its end yet: a contract that runs, an invoice that is not paid."""
    term = Term("DX_8", "issued_on", "P7Y")
    table, today = Table("invoices", ("id",), ((),), "delete", term=term), clock.today()
    assert staying.next_day(table, "DX_8", None, today) == today + timedelta(days=30)


def test_the_first_end_counts_whatever_was_born_later():
    """A supplement of rows born after the freeze stands beside the plan, with its own ends."""
    early, late = date(2027, 1, 1), date(2031, 1, 1)
    parts = [
        (0, Part("invoices", "keep", ["a"], [0], reason="DX_8", until=early, first_until=early)),
        (0, Part("invoices", "keep", ["b"], [0], reason="DX_8", until=late, first_until=late)),
        (0, Part("invoices", "keep", ["c"], [0], reason="DX_8")),
    ]
    assert loading._stays(parts)[0].ends == {("invoices", "DX_8"): early}
