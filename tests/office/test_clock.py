"""The one clock, and the guard that watches it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from ccpa_office import clock, clock_guard, standing, work
from ccpa_office.models import ClockGuard, LedgerLine
from ccpa_office.roles import NotAllowed, Role
from tests.office.people import actor

NOON = datetime(2026, 3, 2, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", timedelta()),
        ("P40D", timedelta(days=40)),
        ("-P2D", timedelta(days=-2)),
        ("+P1W", timedelta(weeks=1)),
        ("PT90M", timedelta(minutes=90)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
def test_an_offset_is_an_iso_duration(text, expected):
    assert clock.duration(text) == expected


@pytest.mark.parametrize("text", ["P", "PT", "40D", "P1Y", "P1.5D", " P1D", "P1D ", "P1DT", "x"])
def test_anything_else_is_refused(text):
    with pytest.raises(clock.BadDuration):
        clock.duration(text)


def test_now_is_aware_utc_and_shifted(settings):
    settings.CLOCK_OFFSET = "P40D"
    real = datetime.now(UTC)  # noqa: TID251 - to compare with
    shifted = clock.now() - timedelta(days=40)
    assert real <= shifted <= datetime.now(UTC)  # noqa: TID251 - to compare with
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 1, 2, 7, 59, tzinfo=UTC), date(2026, 1, 1)),
        (datetime(2026, 1, 2, 8, 0, tzinfo=UTC), date(2026, 1, 2)),
        (datetime(2026, 7, 2, 6, 59, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 2, 7, 0, tzinfo=UTC), date(2026, 7, 2)),
    ],
)
def test_the_day_is_that_of_california(at, day):
    assert clock.day_of(at) == day


def test_today_is_the_day_of_now():
    assert clock.today() in (clock.day_of(clock.now()), clock.day_of(clock.now() - timedelta(1)))


def office_time():
    with connection.cursor() as cursor:
        cursor.execute("SELECT ccpa_now() - clock_timestamp()")
        return round(cursor.fetchone()[0] / timedelta(days=1))


def test_the_triggers_follow_the_offset_only_where_rehearsals_are_allowed(db, settings):
    settings.CLOCK_OFFSET = "-P2D"
    standing.tell_the_time(connection)
    ClockGuard.objects.update(rehearsal=False)
    assert office_time() == 0
    ClockGuard.objects.update(rehearsal=True)
    assert office_time() == -2
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('ccpa.clock_offset', '', false)")
    assert office_time() == 0


@pytest.mark.django_db
class TestGuard:
    def jump(self, monkeypatch, by):
        """Let the clock of the database run ahead of what the machine counts."""
        uptime = clock_guard.machine_uptime() - by.total_seconds()
        monkeypatch.setattr(clock_guard, "machine_uptime", lambda: uptime)

    def reboot(self, monkeypatch, stopped_for):
        monkeypatch.setattr(clock_guard, "boot_id", lambda: "another")
        guard = ClockGuard.objects.get()
        ClockGuard.objects.update(seen_at=guard.seen_at - stopped_for)

    def test_a_clock_that_runs_as_it_should_is_trusted(self):
        assert clock_guard.witness(NOON) is True
        assert clock_guard.witness(NOON) is True
        assert work.clock_is_trusted() is True

    @pytest.mark.parametrize("minutes", [11, -11])
    def test_a_jump_stops_what_destroys_until_a_person_confirms(self, monkeypatch, minutes):
        work.witness(NOON)
        self.jump(monkeypatch, timedelta(minutes=minutes))
        assert work.clock_is_trusted() is False  # at once, before anybody wrote it down
        assert work.witness(NOON) is False
        assert work.witness(NOON) is False
        assert work.clock_is_trusted() is False
        with pytest.raises(NotAllowed):
            work.confirm_clock(by=actor(Role.OFFICER), at=NOON)
        work.confirm_clock(by=actor(Role.CHIEF), at=NOON)
        assert work.clock_is_trusted() is True
        verbs = LedgerLine.objects.filter(subject="office").values_list("verb", flat=True)
        assert list(verbs.order_by("seq")) == ["clock.suspected", "clock.confirmed"]

    def test_less_than_ten_minutes_is_no_jump(self, monkeypatch):
        work.witness(NOON)
        self.jump(monkeypatch, timedelta(minutes=9))
        assert work.witness(NOON) is True

    @pytest.mark.parametrize(
        ("stopped", "demo", "trusted"),
        [(timedelta(days=6), False, True), (timedelta(days=8), False, False),
         (timedelta(days=8), True, True), (timedelta(hours=-1), True, False)],
    )  # fmt: skip
    def test_after_a_restart_only_a_long_stop_or_a_step_back_asks(
        self, monkeypatch, settings, stopped, demo, trusted
    ):
        settings.DEMO = demo
        work.witness(NOON)
        self.reboot(monkeypatch, stopped)
        assert work.witness(NOON) is trusted
        assert work.clock_is_trusted() is trusted

    def test_another_machine_cannot_say_whether_it_jumped(self, monkeypatch):
        work.witness(NOON)
        self.reboot(monkeypatch, timedelta())
        assert work.clock_is_trusted() is True

    def test_without_a_guard_nothing_is_trusted(self):
        ClockGuard.objects.all().delete()
        assert work.clock_is_trusted() is False
        assert work.witness(NOON) is True
        assert work.clock_is_trusted() is True

    def test_a_machine_that_does_not_name_its_run(self, monkeypatch, tmp_path):
        monkeypatch.setattr(clock_guard, "BOOT_ID", tmp_path / "none")
        assert clock_guard.boot_id() == ""
