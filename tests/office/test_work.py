"""Due work: claim, finish, hand back, park; who lost the lease writes nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.db.utils import IntegrityError

from ccpa_office import work
from ccpa_office.models import ScheduleRun
from tests.office.chores import Chore

pytestmark = pytest.mark.usefixtures("chore_table")
PAST = datetime(2026, 1, 5, 18, tzinfo=UTC)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def chore(**fields):
    return Chore.rows().create(**{"lane": "house", "not_before": PAST, **fields})


def claim(n=1, owner="ann", **options):
    return work.claim(Chore, lane="house", n=n, owner=owner, **options)


def expire(row):
    Chore.rows().filter(pk=row.pk).update(lease_until=Now() - HOUR)


def stored(row):
    return Chore.rows().get(pk=row.pk)


def test_the_oldest_due_rows_of_the_lane_are_claimed_first():
    later, sooner = chore(not_before=PAST + HOUR), chore()
    chore(lane="mail")
    chore(not_before=FUTURE)
    assert claim(5) == [sooner, later]


def test_a_row_written_without_a_moment_is_due_at_once():
    row = Chore.rows().create(lane="house")
    assert claim() == [row]


def test_a_claim_takes_at_most_what_it_asked_for():
    rows = [chore() for _ in range(3)]
    assert claim(2) == rows[:2]


def test_a_claimed_row_says_who_holds_it_and_for_how_long():
    chore()
    (row,) = claim(owner="ann")
    left = row.lease_until - datetime.now(UTC)  # noqa: TID251 - the database's own clock is meant
    assert (row.state, row.owner, row.fence, row.attempts) == ("running", "ann", 1, 1)
    assert timedelta(0) < left < timedelta(seconds=61)
    assert stored(row).lease_until == row.lease_until


def test_a_held_row_is_not_claimed_again():
    chore()
    claim()
    assert claim() == []


def test_a_row_whose_lease_is_over_is_claimed_with_a_new_fence():
    chore()
    (first,) = claim(owner="ann")
    expire(first)
    (second,) = claim(owner="bob")
    assert (second.owner, second.fence, second.attempts) == ("bob", 2, 2)


def test_a_lease_further_ahead_than_any_lease_could_be_counts_as_over():
    chore()
    (first,) = claim()
    Chore.rows().filter(pk=first.pk).update(lease_until=Now() + timedelta(seconds=110))
    assert claim() == []
    Chore.rows().filter(pk=first.pk).update(lease_until=Now() + timedelta(seconds=600))
    assert claim() == [first]


def test_a_claim_is_one_statement(django_assert_num_queries):
    chore()
    with django_assert_num_queries(1):
        claim(100)


def test_finishing_writes_done_and_what_else_changed():
    chore(error_code="before")
    (row,) = claim()
    work.finish(row, note="swept")
    end = stored(row)
    assert (end.state, end.owner, end.lease_until, end.note, end.error_code) == (
        "done", "", None, "swept", "",
    )  # fmt: skip
    assert (row.state, row.note) == ("done", "swept")


def test_finishing_can_hand_the_row_on_to_another_lane():
    chore()
    (row,) = claim()
    work.finish(row, state="ready", lane="prove", attempts=0)
    assert work.claim(Chore, lane="prove", n=1, owner="bob") == [row]


def test_finishing_takes_an_expression():
    chore()
    (row,) = claim()
    work.finish(row, not_before=Now() + HOUR)
    assert stored(row).not_before > PAST
    assert row.not_before == PAST


@pytest.mark.parametrize(
    "write",
    [
        work.finish,
        work.renew,
        lambda row: work.finish_many([row]),
        lambda row: work.park(row, error_code="x"),
        lambda row: work.hand_back(row, error_code="x"),
    ],
)
def test_who_lost_the_lease_writes_nothing(write):
    chore()
    (first,) = claim(owner="ann")
    expire(first)
    (second,) = claim(owner="bob")
    with pytest.raises(work.LeaseLost):
        write(first)
    now = stored(second)
    assert (now.state, now.owner, now.lease_until) == ("running", "bob", second.lease_until)


def test_a_finished_row_is_not_finished_twice():
    chore()
    (row,) = claim()
    work.finish(row)
    with pytest.raises(work.LeaseLost):
        work.finish(row)


def test_many_rows_are_finished_in_one_statement(django_assert_num_queries):
    rows = [chore() for _ in range(3)]
    held = claim(3)
    with django_assert_num_queries(1):
        work.finish_many(held, note="swept")
    assert [(r.state, r.note) for r in map(stored, rows)] == [("done", "swept")] * 3


def test_finishing_none_of_them_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        work.finish_many([])


def test_one_lost_among_many_loses_all():
    chore()
    chore()
    held = claim(2)
    expire(held[1])
    claim(owner="bob")
    with pytest.raises(work.LeaseLost), transaction.atomic():
        work.finish_many(held)
    assert [stored(row).state for row in held] == ["running", "running"]


def test_a_row_handed_back_waits_longer_each_time():
    chore()
    (row,) = claim()
    work.hand_back(row, error_code="refused")
    back = stored(row)
    assert (back.state, back.owner, back.error_code, back.attempts) == ("ready", "", "refused", 1)
    assert claim() == []


def test_a_row_handed_back_without_delay_is_due_at_once():
    chore()
    (row,) = claim()
    work.hand_back(row, error_code="busy", delay=timedelta())
    assert [r.attempts for r in claim()] == [2]


def test_the_pause_doubles_up_to_six_hours():
    for attempts in range(40):
        wanted = min(30 * 2**attempts, 6 * 3600)
        assert 0.8 * wanted <= work.backoff(attempts).total_seconds() <= 1.2 * wanted


def test_handing_back_after_the_last_attempt_parks():
    chore(attempts=4)
    (row,) = claim()
    work.hand_back(row, error_code="refused")
    assert (stored(row).state, stored(row).error_code) == ("parked", "refused")


def test_a_row_that_killed_five_workers_is_parked_at_the_sixth_claim():
    chore()
    for attempt in range(1, 6):
        (row,) = claim()
        assert row.attempts == attempt
        expire(row)
    assert claim() == []
    end = stored(row)
    assert (end.state, end.error_code, end.attempts, end.lease_until) == (
        "parked", "worn_out", 5, None,
    )  # fmt: skip


def test_a_parked_row_keeps_the_code_of_its_last_error():
    chore(attempts=5, error_code="refused")
    assert claim() == []
    assert Chore.rows().get().error_code == "refused"


def test_a_parked_row_is_due_again_when_a_person_says_so():
    row = chore(attempts=5)
    claim()
    assert work.unpark(row, note="again") is True
    assert [(r.attempts, r.note) for r in claim()] == [(1, "again")]
    assert work.unpark(row) is False


def test_renewing_keeps_the_row():
    chore()
    (row,) = claim(lease=timedelta(seconds=30))
    before = row.lease_until
    work.renew(row)
    assert row.lease_until > before
    assert claim() == []


def test_the_database_refuses_running_without_a_lease():
    with pytest.raises(IntegrityError), transaction.atomic():
        chore(state="running")


def test_the_offset_of_the_clock_moves_what_is_due_and_no_lease(settings):
    ahead = chore(not_before=datetime.now(UTC) + timedelta(days=30))  # noqa: TID251
    assert claim() == []
    settings.CLOCK_OFFSET = "P40D"
    (row,) = claim()
    assert row == ahead
    assert claim() == []
    work.hand_back(row, error_code="x", delay=HOUR)
    assert stored(row).not_before > ahead.not_before + timedelta(days=9)


def test_a_period_runs_once():
    assert work.run_once("sweep", PAST, PAST) is True
    assert work.run_once("sweep", PAST, FUTURE) is False
    assert work.run_once("sweep", PAST + HOUR, FUTURE) is True
    assert [run.ran_at for run in ScheduleRun.objects.order_by("period_start")] == [PAST, FUTURE]


def test_a_seam_does_nothing():
    work.seam("anywhere")


def done(rows):
    work.finish_many(rows)


def test_a_drain_ends_when_nothing_is_left():
    for _ in range(5):
        chore()
    tally = work.drain("house", handlers=[(Chore, done)], owner="ann", batch=2)
    assert tally == work.Tally(done=5)


def test_a_drain_ends_when_its_time_is_up():
    chore()
    tally = work.drain("house", handlers=[(Chore, done)], owner="ann", budget=timedelta())
    assert tally == work.Tally()


def test_one_failing_row_stops_only_itself(caplog):
    bad, good = chore(), chore()

    def handle(rows):
        if rows == [bad]:
            raise ValueError("jane@example.org")
        work.finish_many(rows)

    tally = work.drain("house", handlers=[(Chore, handle)], owner="ann")
    assert tally == work.Tally(done=1, failed=1)
    assert (stored(bad).state, stored(bad).error_code) == ("ready", "ValueError")
    assert stored(good).state == "done"
    assert "jane" not in caplog.text


def test_what_a_failing_handler_had_finished_stays_finished():
    first, second = chore(), chore()

    def handle(rows):
        work.finish(rows[0])
        raise ValueError

    tally = work.drain("house", handlers=[(Chore, handle)], owner="ann", batch=2)
    assert tally == work.Tally(failed=1, lost=1)
    assert [stored(first).state, stored(second).state] == ["done", "ready"]


def test_a_lost_lease_is_counted_and_nothing_is_handed_back():
    row = chore()

    def handle(rows):
        expire(rows[0])
        claim(owner="bob")
        work.finish(rows[0])

    tally = work.drain("house", handlers=[(Chore, handle)], owner="ann")
    assert tally == work.Tally(lost=1)
    assert (stored(row).state, stored(row).owner) == ("running", "bob")
