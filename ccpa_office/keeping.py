"""The keeper: turns notices into hints, ticks the schedules, and works itself when nobody does.

Two may run; the one that holds the advisory lock leads. It knows no app: due work is found by
its base model, what to run by the names in Celery's registry.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import structlog
from celery import Celery
from django.apps import apps
from django.db import Error, close_old_connections, connection, connections

from ccpa_office import clock, clock_guard
from ccpa_office.lanes import LANES
from ccpa_office.models import DueWork

KEEPER_LOCK = 0xCEE9
TICK_SECONDS = 5.0
WITNESS_SECONDS = 60.0
PAUSE_SECONDS = 1.0

logger = structlog.get_logger(__name__)

PROBE = """
SELECT lane,
    EXISTS (SELECT 1 FROM {table} WHERE lane = one.lane AND state = 'ready'
        AND not_before <= clock_timestamp() + %(offset)s - %(idle)s)
    OR EXISTS (SELECT 1 FROM {table} WHERE lane = one.lane AND state = 'running'
        AND lease_until <= clock_timestamp()) AS waits,
    EXISTS (SELECT 1 FROM {table} WHERE lane = one.lane AND state = 'running'
        AND lease_until > clock_timestamp()) AS moves
FROM unnest(%(lanes)s::text[]) AS one(lane)
"""


def due_models() -> list[type[DueWork]]:
    """Every table of due work in the office, whichever floor it stands on."""
    return [model for model in apps.get_models() if issubclass(model, DueWork)]


def waiting_lanes(idle: timedelta, models: list[type[DueWork]]) -> tuple[set[str], set[str]]:
    """Lanes whose work has been due for ``idle`` or was abandoned; lanes where somebody works."""
    waits: set[str] = set()
    moves: set[str] = set()
    values: dict[str, Any] = {"offset": clock.offset(), "idle": idle, "lanes": list(LANES)}
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(PROBE.format(table=model.table()), values)
            for lane, does_wait, does_move in cursor.fetchall():
                waits |= {lane} if does_wait else set()
                moves |= {lane} if does_move else set()
    return waits, moves


class Helper(threading.Thread):
    """Does one thing for each lane it is told, one at a time, each lane waiting once at most."""

    def __init__(self, name: str, do: Callable[[str], object], stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.do, self.stop = do, stop
        self.lanes: set[str] = set()
        self.told = threading.Condition()

    def tell(self, lanes: set[str]) -> None:
        """Remember ``lanes``; return at once."""
        if lanes:
            with self.told:
                self.lanes |= lanes
                self.told.notify()

    def run(self) -> None:
        """Work until told to stop."""
        while not self.stop.is_set():
            with self.told:
                self.told.wait_for(lambda: bool(self.lanes), timeout=PAUSE_SECONDS)
                lane = self.lanes.pop() if self.lanes else None
            if lane is not None:
                self._do(lane)
        connections.close_all()

    def _do(self, lane: str) -> None:
        close_old_connections()
        try:
            self.do(lane)
        except Exception as error:  # noqa: BLE001 - the border of one job
            logger.warning("failed", lane=lane, code=type(error).__name__)


class Keeper:
    """One keeper. ``run`` returns when ``stop`` is set."""

    def __init__(self, app: Celery, hint: Callable[[str], bool], idle: timedelta) -> None:
        self.app, self.idle = app, idle
        self.stop = threading.Event()
        self.hinter = Helper("hinter", hint, self.stop)
        self.drainer = Helper("drainer", self._drain, self.stop)
        self.models = due_models()

    def run(self) -> None:
        """Lead when the lock is free, wait for it otherwise, survive a database that goes away."""
        self.hinter.start()
        self.drainer.start()
        while not self.stop.is_set():
            try:
                self._keep()
            except (Error, psycopg.Error) as error:
                logger.warning("database away", code=type(error).__name__)
                connections.close_all()
                self.stop.wait(PAUSE_SECONDS)
        connections.close_all()
        for helper in (self.hinter, self.drainer):
            helper.join(timeout=25)

    def _keep(self) -> None:
        ear = connection.copy()
        try:
            ear.ensure_connection()
            with ear.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [KEEPER_LOCK])
                leads = cursor.fetchone()[0]
                cursor.execute("LISTEN work")
            if leads:
                self._lead(ear.connection)
            else:
                self.stop.wait(TICK_SECONDS)
        finally:
            ear.close()

    def _lead(self, ear: Any) -> None:
        next_tick = next_witness = time.monotonic()
        while not self.stop.is_set():
            self.hinter.tell({lane for lane in self._heard(ear) if lane in LANES})
            if time.monotonic() >= next_witness:
                clock_guard.witness(clock.now())
                next_witness = time.monotonic() + WITNESS_SECONDS
            if time.monotonic() >= next_tick:
                self.beat()
                next_tick = time.monotonic() + TICK_SECONDS

    def _heard(self, ear: Any) -> Iterator[str]:
        """The lanes told within the next second."""
        for notice in ear.notifies(timeout=PAUSE_SECONDS, stop_after=1):
            yield notice.payload

    def beat(self) -> None:
        """Tick the schedules, hint again at what is due, drain what nobody touches."""
        close_old_connections()
        self.app.tasks["tick"]()
        self.hinter.tell(waiting_lanes(timedelta(), self.models)[0])
        waits, moves = waiting_lanes(self.idle, self.models)
        self.drainer.tell(waits - moves)

    def _drain(self, lane: str) -> None:
        task = self.app.tasks.get(f"drain.{lane}")
        if task is not None:
            task()
