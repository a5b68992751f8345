"""The keeper: hints, ticks, and the work itself when nobody does it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.db import connection

from ccpa_office import celery, clock, keeping, ledger, tasks, work
from ccpa_office.lanes import LANES
from ccpa_office.models import ClockGuard, DueWork, LedgerSeal, ScheduleRun
from ccpa_office.roles import Actor
from tests.office.chores import Chore

PAST = datetime(2026, 1, 5, 18, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


def until(question, seconds=120):
    ends = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.02)


def channel(app: Celery) -> Any:
    return app.connection_for_write().default_channel


class TestHints:
    @pytest.fixture
    def waiting(self, monkeypatch):
        """Hints go to a broker in memory; returns how many wait in a lane."""
        app = Celery("tests", broker="memory://", set_as_current=False)
        app.conf.task_publish_retry = False
        monkeypatch.setattr(celery, "app", app)

        def count(lane):
            return channel(app).queue_declare(queue=lane, durable=True).message_count

        yield count
        for lane in LANES:
            channel(app).queue_purge(lane)
        app.close()

    def test_a_hint_waits_in_its_lane_without_arguments(self, waiting):
        assert celery.hint("mail") is True
        assert [waiting("mail"), waiting("erase")] == [1, 0]
        message = channel(celery.app).basic_get("mail", no_ack=True)
        assert message.headers["task"] == "drain.mail"
        assert (message.headers["argsrepr"], message.headers["kwargsrepr"]) == ("()", "{}")
        assert message.payload[:2] == [[], {}]

    def test_surplus_hints_are_not_sent(self, waiting):
        for _ in range(20):
            assert celery.hint("mail") is True
        assert waiting("mail") == celery.MOST_WAITING

    @pytest.mark.parametrize("broker", ["refused", "frozen"])
    def test_a_sick_broker_costs_seconds_and_never_an_error(self, monkeypatch, broker):
        with socket.socket() as frozen:
            frozen.bind(("127.0.0.1", 0))
            if broker == "frozen":
                frozen.listen()
            app = Celery("sick", set_as_current=False)
            app.config_from_object("ccpa_office.broker")
            app.conf.update(broker_url=f"redis://127.0.0.1:{frozen.getsockname()[1]}/0")
            monkeypatch.setattr(celery, "app", app)
            begun = time.monotonic()
            assert celery.hint("mail") is False
            assert time.monotonic() - begun < 30
            app.close()

    def test_the_office_carries_hints_only(self):
        conf = celery.app.conf
        assert (conf.task_ignore_result, conf.accept_content) == (True, ["json"])
        assert not conf.result_backend
        assert (conf.task_acks_late, conf.task_reject_on_worker_lost) == (True, True)
        assert (conf.worker_prefetch_multiplier, conf.task_publish_retry) == (1, False)
        assert [queue.name for queue in conf.task_queues] == list(LANES)


class TestTicks:
    def test_every_tick_runs_whatever_another_does(self, monkeypatch):
        ran = []

        def fail() -> Any:
            raise ValueError

        registry: Any = {"tick.a": fail, "tick.b": lambda: ran.append("b"), "other": fail}
        monkeypatch.setitem(vars(celery.app), "tasks", registry)
        celery.tick.run()
        assert ran == ["b"]

    def test_the_book_is_sealed_and_once_a_quarter_anchored(self, db, settings, tmp_path):
        settings.LEDGER_ANCHOR_DIR = tmp_path
        ledger.record("x", subject="office", by=Actor.system("tests"), at=PAST)
        tasks.book()
        tasks.book()
        assert LedgerSeal.objects.count() == 1
        assert ScheduleRun.objects.filter(name="ledger.anchor").count() == len(
            (tmp_path / "anchors.jsonl").read_text().splitlines()
        )
        assert ledger.verify().anchored_upto == 1

    def test_a_quarter_of_an_hour_begins_on_the_quarter(self):
        assert tasks.quarter_of(datetime(2026, 3, 2, 20, 44, 59, 999, tzinfo=UTC)) == datetime(
            2026, 3, 2, 20, 30, tzinfo=UTC
        )


class TestLanes:
    def lanes(self, idle=timedelta(seconds=30)):
        return keeping.waiting_lanes(idle, [Chore])

    def test_work_that_was_due_for_a_while_waits(self, chore_table):
        Chore.rows().create(lane="mail", not_before=PAST)
        Chore.rows().create(lane="erase", not_before=clock.now() - timedelta(seconds=10))
        Chore.rows().create(lane="plan", not_before=clock.now() + timedelta(hours=1))
        assert self.lanes() == ({"mail"}, set())
        assert self.lanes(timedelta()) == ({"mail", "erase"}, set())

    def test_a_lane_with_a_live_lease_moves_and_an_abandoned_row_waits(self, chore_table):
        Chore.rows().create(lane="mail", not_before=PAST)
        (row,) = work.claim(Chore, lane="mail", n=1, owner="x")
        assert self.lanes() == (set(), {"mail"})
        Chore.rows().filter(pk=row.pk).update(lease_until=PAST)
        assert self.lanes() == ({"mail"}, set())

    def test_every_table_of_due_work_is_known(self):
        assert all(issubclass(model, DueWork) for model in keeping.due_models())


@pytest.fixture
def keeper(committed_chore_table, settings, tmp_path, monkeypatch):
    """Makes keepers that know the chores; stops them."""
    settings.LEDGER_ANCHOR_DIR = tmp_path
    monkeypatch.setattr(keeping, "TICK_SECONDS", 0.1)
    monkeypatch.setattr(keeping, "PAUSE_SECONDS", 0.05)
    threads = []

    def make(hint=lambda lane: True, idle=0.0, **registered):
        app = Celery("kept", set_as_current=False)
        tasks: Any = app.tasks
        tasks.clear()
        tasks.update({"tick": lambda: None, **registered})
        made = keeping.Keeper(app, hint, timedelta(seconds=idle))
        made.models = [Chore]
        thread = threading.Thread(target=made.run)
        thread.start()
        threads.append((made, thread))
        return made

    yield make
    for made, _ in threads:
        made.stop.set()
    for _, thread in threads:
        thread.join(120)
        assert not thread.is_alive()


class TestKeeper:
    def drain(self):
        work.drain("house", handlers=[(Chore, lambda rows: work.finish(rows[0]))], owner="keeper")

    def test_with_no_worker_at_all_it_does_the_work_itself(self, keeper):
        Chore.rows().create(lane="house", not_before=PAST)
        keeper(hint=lambda lane: False, **{"drain.house": self.drain})
        until(lambda: Chore.rows().get().state == "done")

    def test_it_leaves_the_work_to_workers_that_move(self, keeper):
        done = []
        Chore.rows().create(lane="house", not_before=PAST)
        Chore.rows().create(lane="house", not_before=PAST)
        work.claim(Chore, lane="house", n=1, owner="a worker")
        hinted: list[str] = []
        keeper(hint=hinted.append, **{"drain.house": lambda: done.append(1)})
        until(lambda: len(hinted) > 2)
        assert (done, set(hinted)) == ([], {"house"})

    def test_a_notice_becomes_a_hint_and_a_foreign_one_does_not(self, keeper):
        hinted: list[str] = []
        keeper(hint=hinted.append, idle=60)
        until(lambda: ClockGuard.objects.exclude(seen_at=None).exists())
        work.notify("no lane of ours")
        work.notify("mail")
        until(lambda: hinted)
        assert hinted == ["mail"]

    def test_a_hint_that_hangs_stops_nothing_else(self, keeper):
        gate = threading.Event()
        Chore.rows().create(lane="house", not_before=PAST)
        keeper(hint=lambda lane: gate.wait(120), **{"drain.house": self.drain})
        until(lambda: Chore.rows().get().state == "done")
        gate.set()

    def test_one_leads_and_the_other_takes_over(self, keeper):
        ticks = []
        first = keeper(tick=lambda: ticks.append("first"))
        until(lambda: "first" in ticks)
        keeper(tick=lambda: ticks.append("second"))
        time.sleep(0.5)
        assert "second" not in ticks
        first.stop.set()
        until(lambda: "second" in ticks)

    def test_it_survives_a_database_that_throws_it_out(self, keeper):
        ticks = []
        keeper(tick=lambda: ticks.append(1))
        until(lambda: ticks)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        before = len(ticks)
        until(lambda: len(ticks) > before + 2)

    def test_a_lane_without_a_task_and_a_task_that_fails_stop_nothing(self, keeper):
        def fail():
            raise ValueError

        for lane in ("house", "mail", "erase"):
            Chore.rows().create(lane=lane, not_before=PAST)
        tried = []
        keeper(**{"drain.house": fail, "drain.erase": lambda: tried.append(1)})
        until(lambda: len(tried) > 1)

    def test_the_command_runs_until_it_is_told_to_stop(self, keeper, tmp_path):
        url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(
            **connection.settings_dict
        )
        if connection.settings_dict["HOST"].startswith("/"):
            url = "postgresql://{USER}:{PASSWORD}@/{NAME}?host={HOST}".format(
                **connection.settings_dict
            )
        process = subprocess.Popen(
            [sys.executable, "manage.py", "keeper", "--skip-checks"],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": url,
                "REDIS_URL": "redis://127.0.0.1:1/0",
                "LEDGER_ANCHOR_DIR": str(tmp_path),
                "PYTHONUNBUFFERED": "1",
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            until(lambda: ClockGuard.objects.exclude(seen_at=None).exists())
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=120)
        finally:
            process.kill()
        assert out.splitlines() == ["The keeper keeps.", "The keeper rests."]
        assert process.returncode == 0
