"""Due work: rows say what is due; workers claim, finish, hand back. PostgreSQL is the record.

A worker holds a row by its fence. Whoever claims the row after it raises the fence, so a process
that slept past its lease can write nothing. Attempts count at the claim, so a killed worker counts.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, TypeVar

import structlog
from django.db import connection, transaction
from django.db.models import DurationField, Value
from django.db.models.functions import Now

from ccpa_office import clock
from ccpa_office.clock_guard import clock_is_trusted, confirm_clock, witness
from ccpa_office.connectors.base import StoreTooSlow, StoreUnreachable
from ccpa_office.lanes import LANES
from ccpa_office.models import DueWork, WorkState
from ccpa_office.prepared import Changed, planned_cursor, returned

__all__ = [
    "LANES",
    "LeaseLost",
    "SomeFailed",
    "Tally",
    "backoff",
    "claim",
    "clock_is_trusted",
    "confirm_clock",
    "drain",
    "finish",
    "finish_many",
    "hand_back",
    "notify",
    "notify_trigger_reverse_sql",
    "notify_trigger_sql",
    "park",
    "put_off",
    "renew",
    "run_once",
    "seam",
    "unpark",
    "witness",
]

LEASE = timedelta(seconds=60)
BUDGET = timedelta(seconds=20)
MAX_ATTEMPTS = 5
WORN_OUT = "worn_out"
AWAY = timedelta(minutes=1)
BACKOFF_STEP = timedelta(seconds=30)
BACKOFF_MOST = timedelta(hours=6)

logger = structlog.get_logger(__name__)
W = TypeVar("W", bound=DueWork)


class LeaseLost(Exception):
    """Somebody else holds this work now. Nothing was written."""


class SomeFailed(Exception):
    """Some of a handler's rows came to nothing, each with why; all others are finished."""

    def __init__(self, failures: "Sequence[tuple[DueWork, Exception]]") -> None:
        super().__init__(len(failures))
        self.failures = failures


def seam(name: str) -> None:
    """Does nothing. The rig puts its own function here to kill or freeze at ``name``."""


# --- taking and giving back ---------------------------------------------------------------------
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id, attempts FROM {table}
    WHERE lane = %(lane)s AND (
        state = 'ready' AND not_before <= clock_timestamp() + %(offset)s
        OR state = 'running' AND (lease_until <= clock_timestamp()
            OR lease_until > clock_timestamp() + 2 * %(lease)s))
    ORDER BY not_before, id LIMIT %(n)s FOR UPDATE SKIP LOCKED)
UPDATE {table} SET
    state = CASE WHEN due.attempts < %(most)s THEN 'running' ELSE 'parked' END,
    owner = CASE WHEN due.attempts < %(most)s THEN %(owner)s ELSE '' END,
    lease_until = CASE WHEN due.attempts < %(most)s THEN clock_timestamp() + %(lease)s END,
    error_code = CASE WHEN due.attempts < %(most)s OR {table}.error_code <> ''
                 THEN {table}.error_code ELSE %(worn_out)s END,
    attempts = due.attempts + CASE WHEN due.attempts < %(most)s THEN 1 ELSE 0 END,
    fence = {table}.fence + 1
FROM due WHERE {table}.id = due.id
RETURNING {columns}
"""


def claim(
    model: type[W],
    *,
    lane: str,
    n: int,
    owner: str,
    lease: timedelta = LEASE,
    max_attempts: int = MAX_ATTEMPTS,
) -> list[W]:
    """Up to ``n`` due rows of ``lane``, oldest first, now held by ``owner``. One statement.

    Due is what is ready and what was left running: its lease is over, or lies further ahead than
    any lease could (the clock jumped back). A row that used up its attempts is parked instead.
    """
    values = {
        "lane": lane,
        "n": n,
        "owner": owner,
        "lease": lease,
        "most": max_attempts,
        "offset": clock.offset(),
        "worn_out": WORN_OUT,
    }
    text, read = _claiming(model)
    with planned_cursor() as cursor:
        cursor.execute(text, values)
        rows = read(cursor.fetchall())
    held = [row for row in rows if row.state == WorkState.RUNNING]
    return sorted(held, key=lambda row: (row.not_before, row.pk))


@cache
def _claiming(model: type[W]) -> tuple[str, Callable[[list[Any]], list[W]]]:
    columns, read = returned(model.rows())
    assert read is not None  # noqa: S101  these are all columns of a model
    return CLAIM.format(table=model.table(), columns=columns), read


def finish(row: DueWork, **changes: Any) -> None:
    """Write ``changes`` and done, if the row is still ours. Raises LeaseLost.

    Call it inside the transaction that writes the receipt and the ledger line. Another ``state``
    among the changes wins: ``state="ready"`` with a new lane hands the row on.
    """
    _write(row, {"state": WorkState.DONE, "error_code": "", **changes})


def finish_many(rows: Sequence[DueWork], **changes: Any) -> None:
    """``finish`` for many rows of one model in one statement. Raises LeaseLost if any is lost."""
    if not rows:
        return
    model = type(rows[0])
    held = "(id, fence) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))"
    held_by: list[Any] = [[row.pk for row in rows], [row.fence for row in rows]]
    values = {"state": WorkState.DONE, "error_code": "", **LET_GO, **changes}
    found: int = (
        model.rows()
        .filter(state=WorkState.RUNNING)
        .extra(where=[held], params=held_by)  # noqa: S610 - a fixed text
        .update(**values)
    )
    if found != len(rows):
        raise LeaseLost


def hand_back(
    row: DueWork,
    *,
    error_code: str,
    delay: timedelta | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> None:
    """Let it be tried again after ``delay`` or a growing pause; park it after the last attempt.

    Raises LeaseLost. ``error_code`` is a code, never a text from outside.
    """
    if row.attempts >= max_attempts:
        park(row, error_code=error_code)
        return
    pause = backoff(row.attempts) if delay is None else delay
    _write(
        row,
        {
            "state": WorkState.READY,
            "error_code": error_code,
            "not_before": Now() + Value(clock.offset() + pause, output_field=DurationField()),
        },
    )


def put_off(row: DueWork, *, error_code: str, delay: timedelta | None = None) -> None:
    """Let it wait for what is away; this was no attempt, so no outage wears it out.

    Raises LeaseLost.
    """
    pause = AWAY if delay is None else delay
    _write(
        row,
        {
            "state": WorkState.READY,
            "error_code": error_code,
            "attempts": row.attempts - 1,
            "not_before": Now() + Value(clock.offset() + pause, output_field=DurationField()),
        },
    )


def park(row: DueWork, *, error_code: str) -> None:
    """Leave it to a person. Raises LeaseLost."""
    _write(row, {"state": WorkState.PARKED, "error_code": error_code})


def renew(row: DueWork, lease: timedelta = LEASE) -> None:
    """Hold the row for another ``lease``, the same as at the claim. Raises LeaseLost."""
    table = type(row).table()
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET lease_until = clock_timestamp() + %s::interval"  # noqa: S608
            " WHERE id = %s AND fence = %s AND state = 'running' RETURNING lease_until",
            [f"{lease.total_seconds()} seconds", row.pk, row.fence],
        )
        found = cursor.fetchone()
    if found is None:
        raise LeaseLost
    row.lease_until = found[0]


def unpark(row: DueWork, **changes: Any) -> bool:
    """Make a parked row due again with all its attempts. Returns whether it was parked."""
    values = {"state": WorkState.READY, "attempts": 0, "error_code": "", **changes}
    return type(row).rows().filter(pk=row.pk, state=WorkState.PARKED).update(**values) == 1


def backoff(attempts: int) -> timedelta:
    """A pause that doubles with each attempt up to 6 hours, a fifth more or less."""
    pause: timedelta = min(BACKOFF_STEP * (1 << min(attempts, 16)), BACKOFF_MOST)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, keeps no secret


LET_GO = {"owner": "", "lease_until": None}


def _write(row: DueWork, changes: dict[str, Any]) -> None:
    written = {**LET_GO, **changes}
    names = tuple(name for name, value in written.items() if value is not None)
    emptied = tuple(name for name, value in written.items() if value is None)
    if _writing(type(row), names, emptied)(row.pk, row.fence, *map(written.get, names)) != 1:
        raise LeaseLost
    for name, value in changes.items():
        if not hasattr(value, "resolve_expression"):
            setattr(row, name, value)


@cache
def _writing(model: type[DueWork], names: tuple[str, ...], emptied: tuple[str, ...]) -> Changed:
    """The change of these columns of a row that is still ours."""

    def ask(pk: int, fence: int, *values: Any) -> tuple[Any, dict[str, Any]]:
        held = model.rows().filter(pk=pk, fence=fence, state=WorkState.RUNNING)
        return held, {**dict.fromkeys(emptied), **dict(zip(names, values, strict=True))}

    return Changed(ask)


# --- waking -------------------------------------------------------------------------------------
def notify(lane: str) -> None:
    """Tell the keeper, with the surrounding transaction, that ``lane`` has due work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('work', %s)", [lane])


def notify_trigger_sql(table: str) -> str:
    """SQL for a migration: rows of ``table`` that become ready wake the keeper by themselves."""
    return "".join(
        f"CREATE TRIGGER {table}_wakes_on_{event.lower()} AFTER {event} ON {table}"
        " REFERENCING NEW TABLE AS written FOR EACH STATEMENT"
        " EXECUTE FUNCTION ccpa_office_wake();\n"
        for event in ("INSERT", "UPDATE")
    )


def notify_trigger_reverse_sql(table: str) -> str:
    """SQL that takes back ``notify_trigger_sql``."""
    return "".join(
        f"DROP TRIGGER {table}_wakes_on_{event} ON {table};\n" for event in ("insert", "update")
    )


# --- schedules ----------------------------------------------------------------------------------
def run_once(name: str, period_start: datetime, at: datetime) -> bool:
    """True for the one caller that may run ``name`` for the period; call it in the work's own
    transaction, so that a run that fails is not held for done."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ccpa_office_schedulerun (name, period_start, ran_at)"
            " VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [name, period_start, at],
        )
        return bool(cursor.rowcount == 1)


# --- the loop of a worker -----------------------------------------------------------------------
Handler = Callable[[list[Any]], None]


@dataclass
class Tally:
    """What one drain did."""

    done: int = 0
    failed: int = 0
    lost: int = 0


@dataclass(frozen=True)
class Hold:
    """How a lane's rows are held: for how long at a time, and how often they are tried."""

    lease: timedelta = LEASE
    max_attempts: int = MAX_ATTEMPTS


USUAL = Hold()


def drain(
    lane: str,
    *,
    handlers: Sequence[tuple[type[DueWork], Handler]],
    owner: str,
    budget: timedelta = BUDGET,
    batch: int = 1,
    hold: Hold = USUAL,
) -> Tally:
    """Claim and handle due work of ``lane`` until none is left or ``budget`` is used up.

    A handler finishes its rows itself, in its own transaction. One that fails gets its rows
    handed back: only the class of the error is logged, for a text may hold personal information.
    A store that is away uses up no attempt.
    """
    tally = Tally()
    ends = time.monotonic() + budget.total_seconds()
    moved = True
    while moved:
        moved = False
        for model, handler in handlers:
            if time.monotonic() >= ends:
                return tally
            rows = claim(
                model,
                lane=lane,
                n=batch,
                owner=owner,
                lease=hold.lease,
                max_attempts=hold.max_attempts,
            )
            if rows:
                seam("work.claimed")
                moved = True
                _handle(rows, handler, tally, hold.max_attempts)
    return tally


def _handle(rows: list[Any], handler: Handler, tally: Tally, max_attempts: int) -> None:
    try:
        handler(rows)
    except SomeFailed as some:
        tally.done += len(rows) - len(some.failures)
        for row, error in some.failures:
            _fail([row], error, tally, max_attempts)
    except Exception as error:  # noqa: BLE001 - the border of one job
        _fail(rows, error, tally, max_attempts)
    else:
        tally.done += len(rows)


def _fail(rows: list[Any], error: Exception, tally: Tally, max_attempts: int) -> None:
    """Rows that came to nothing: somebody else's by now, or given back."""
    if isinstance(error, LeaseLost):
        logger.warning("lease lost", lane=rows[0].lane)
        tally.lost += len(rows)
    elif isinstance(error, StoreUnreachable) and not isinstance(error, StoreTooSlow):
        _give_up(rows, error, tally, put_off)
    else:
        _give_up(rows, error, tally, partial(hand_back, max_attempts=max_attempts))


def _give_up(rows: list[Any], error: Exception, tally: Tally, give: Callable[..., None]) -> None:
    """Hand back what is still ours; a handler may have finished some of it before it failed."""
    code = type(error).__name__[:64]
    logger.warning("work failed", lane=rows[0].lane, code=code)
    for row in rows:
        try:
            with transaction.atomic():
                give(row, error_code=code)
        except LeaseLost:
            tally.lost += 1
        else:
            tally.failed += 1
