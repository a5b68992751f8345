"""Doors for the workers: one task for each lane, and the ticks of the house. No arguments."""

import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.db import transaction

from ccpa_office import clock, work
from ccpa_office.roles import Actor
from ccpa_office.work import Tally
from notices_app import publishing
from notices_app.models import Notice
from requests_app import correspondence, retention, silence, verification
from requests_app.fulfillment import (
    batches,
    closing,
    collecting,
    correction,
    erasure_ledger,
    handing,
    lasting,
    lists,
    outside,
    plan,
    proof,
    returning,
    sweeping,
    terms,
)
from requests_app.fulfillment.outside import reminding
from requests_app.models import (
    Chunk,
    Correction,
    CorrectionLook,
    LinkAsked,
    Look,
    Message,
    OutsideLook,
    OutsideTask,
    Package,
    Step,
    StepKind,
    Sweep,
)

BUDGET = timedelta(seconds=20)
_STEPS = {
    StepKind.LOOK_UP: verification.look_up,
    StepKind.COMPARE: verification.compare,
    StepKind.PLAN: plan.build,
}


def _owner() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}"


CHUNKS = work.Hold(lease=timedelta(minutes=3))
"""A chunk is one transaction in somebody else's database: it may take longer than a letter."""
PACKAGES = work.Hold(lease=collecting.LEASE)
LETTERS = work.Hold(max_attempts=correspondence.ATTEMPTS)


def _drain(lane: str, *handlers: Any, batch: int = 1, hold: work.Hold = work.USUAL) -> Tally:
    return work.drain(
        lane, handlers=handlers, owner=_owner(), budget=BUDGET, batch=batch, hold=hold
    )


def _step(rows: list[Step]) -> None:
    for row in rows:
        _STEPS[StepKind(row.kind)](row, at=clock.now())


def _chunk(rows: list[Chunk]) -> None:
    for row in rows:
        batches.work_chunk(row, at=clock.now())


def _correction(rows: list[Correction]) -> None:
    for row in rows:
        correction.carry_out(row, at=clock.now())


def _package(rows: list[Package]) -> None:
    collecting.build_all(rows, at=clock.now())


def _outside(rows: list[OutsideTask]) -> None:
    outside.claimed_task(rows, at=clock.now())


def _look_outside(rows: list[OutsideLook]) -> None:
    outside.claimed_look(rows, at=clock.now())


def _look(rows: list[Look]) -> None:
    for row in rows:
        proof.look_later(row, at=clock.now())


def _sweep(rows: list[Sweep]) -> None:
    for row in rows:
        sweeping.sweep(row, at=clock.now())


def _look_corrected(rows: list[CorrectionLook]) -> None:
    for row in rows:
        lasting.look_again(row, at=clock.now())


def _link(rows: list[LinkAsked]) -> None:
    for row in rows:
        verification.answer_link_asked(row, at=clock.now())


def _mail(rows: list[Message]) -> None:
    correspondence.deliver(rows, at=clock.now())


@shared_task(name="drain.mail")
def drain_mail(**_later: object) -> None:
    """Send letters."""
    _drain("mail", (Message, _mail), batch=50, hold=LETTERS)


@shared_task(name="drain.verify")
def drain_verify(**_later: object) -> None:
    """Look up contacts on file; compare data points; answer who wants a link."""
    _drain("verify", (Step, _step), (LinkAsked, _link))


@shared_task(name="drain.plan")
def drain_plan(**_later: object) -> None:
    """Build plans."""
    _drain("plan", (Step, _step))
    _drain("plan", (Chunk, lists.build_all), hold=lists.HOLD)


@shared_task(name="drain.collect", soft_time_limit=10_700, time_limit=10_800)
def drain_collect(**_later: object) -> None:
    """Build packages of requests to know."""
    _drain("collect", (Package, _package), batch=collecting.TOGETHER, hold=PACKAGES)
    _drain("collect", (Correction, _correction), hold=PACKAGES)


@shared_task(name="drain.erase", soft_time_limit=170, time_limit=180)
def drain_erase(**_later: object) -> None:
    """Carry out and prove chunks; tell, and close."""
    _drain("erase", (Chunk, _chunk), (OutsideTask, _outside), hold=CHUNKS)
    closing.close_told(at=clock.now())


@shared_task(name="drain.prove", soft_time_limit=170, time_limit=180)
def drain_prove(**_later: object) -> None:
    """Prove what a dead worker left, look again after days, close what has been told."""
    looks = (
        (Look, _look), (OutsideLook, _look_outside), (CorrectionLook, _look_corrected),
        (Sweep, _sweep),
    )  # fmt: skip
    _drain("prove", (Chunk, _chunk), *looks, hold=CHUNKS)
    closing.close_told(at=clock.now())


@shared_task(name="drain.house")
def drain_house(**_later: object) -> None:
    """What is due by the calendar: batches, ends, reminders. What fails keeps no other waiting."""
    at = clock.now()
    failed: list[Exception] = []
    for chore in _CHORES:
        try:
            chore(at=at)
        except Exception as error:  # noqa: BLE001 - raised below, when every chore had its turn
            failed.append(error)
    if failed:
        raise failed[0]


def _open_batches(*, at: datetime) -> None:
    while batches.open_due(at=at):
        pass


@shared_task(name="tick.house")
def tick_house(**_later: object) -> None:
    """The calendar has no rows that wake anybody: it is looked at with every tick."""
    drain_house()


def _once_a_day(*, at: datetime) -> None:
    midnight = clock.midnight(clock.day_of(at))
    with transaction.atomic():
        if work.run_once("notices.supersede", midnight, at):
            for notice in Notice.objects.all():
                publishing.supersede_due(
                    notice, on=clock.day_of(at), by=Actor.system("house"), at=at
                )


def _once_a_night(*, at: datetime) -> None:
    """What was kept and may be kept no longer becomes a plan, on the day on which it ends."""
    midnight = clock.midnight(clock.day_of(at))
    with transaction.atomic():
        due = work.run_once("terms", midnight, at)
    if due:
        terms.gather(at=at)


def _once_an_hour(*, at: datetime) -> None:
    with transaction.atomic():
        if not work.run_once("retention", at.replace(minute=0, second=0, microsecond=0), at):
            return
    retention.purge(at=at)
    erasure_ledger.prune(at=at)
    erasure_ledger.rotate()


_CHORES: tuple[Callable[..., object], ...] = (
    _open_batches,
    lists.open_left,
    batches.finish_done,
    sweeping.gather,
    returning.gather,
    closing.close_told,
    handing.expire,
    silence.end,
    silence.remind,
    reminding.remind,
    _once_an_hour,
    _once_a_day,
    _once_a_night,
)
