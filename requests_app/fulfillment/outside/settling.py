"""A system outside is looked at again; only then its plan is proved, and its request goes on."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from ccpa_office import ledger, sealing, work
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor
from requests_app import suppression, targets
from requests_app.fulfillment import proof, residue
from requests_app.fulfillment.locating_outside import is_silent
from requests_app.fulfillment.outside import asking
from requests_app.fulfillment.outside.asking import Talk
from requests_app.fulfillment.packing import open_subjects
from requests_app.fulfillment.residue import CAME_BACK, subject_of
from requests_app.models import (
    Chunk,
    Finding,
    OutsideLook,
    OutsideStage,
    OutsideTask,
    Plan,
    PlanState,
    Return,
)

SYSTEM = Actor.system("outside")
NO_ANSWER_MENDS = frozenset({CAME_BACK, "not-what-was-approved"})
"""Why a task stands still that nobody's word can settle."""


def prove(talk: Talk) -> None:
    """Look at once, by the way of finding and never by the answer to the deletion.

    Nothing left: the task is settled. Something left: whoever said done was wrong, and a person
    takes it from here. Raises as ``asking.find``, and ``ForAPerson``.
    """
    task = talk.task
    if not talk.vendor.description.can_look:
        raise asking.ForAPerson("no-second-look")
    left = asking.find(talk, asking.asked_of(task))
    if left:
        _note_look(task, 0, Finding.RESIDUAL, len(left), at=talk.at)
        raise asking.ForAPerson("residual")
    settle(task, Finding.ABSENT, at=talk.at)


def settle(task: OutsideTask, finding: Finding, *, at: datetime, by: Actor = SYSTEM) -> None:
    """The end of a task: its plan is proved, people are remembered, the request goes on.

    One transaction. Raises ``LeaseLost`` when a worker's task is no longer its own.
    """
    work.seam("outside.before-commit")
    with transaction.atomic():
        hold_chunk(task.plan.chunk_id)
        changes = {"stage": OutsideStage.DONE, "finding": finding, "proved_at": at,
                   "deleted": task.deleted}  # fmt: skip
        if task.state == WorkState.RUNNING:
            work.finish(task, **changes)
        else:
            _close(task, changes)
        _look_later(task, finding, at)
        plan = task.plan
        Plan.objects.filter(pk=plan.pk, state=PlanState.EXECUTING).update(
            state=PlanState.PROVED, executed_at=task.asked_at or at, proved_at=at
        )
        subjects = open_subjects(sealing.Box(plan.data_key), plan)
        name = subject_of(plan)
        suppression.remember([(name, each.identifiers) for each in subjects], at=at)
        _note(task, "outside.proved", finding, by=by, at=at)
        waiting = Q(state=WorkState.READY) | Q(state=WorkState.PARKED, error_code="outside")
        Chunk.objects.filter(waiting, plans=plan).update(
            state=WorkState.READY, attempts=0, not_before=at
        )
        plan.refresh_from_db(fields=["state", "proved_at", "executed_at"])
        if plan.consumer_request_id is None:
            residue.answered([plan.pk], at=at)
        proof.tell([plan], {plan.pk}, lambda _plan: subjects, at=at)
    work.seam("outside.after-commit")


def hold_chunk(key: int | None) -> None:
    """Let nobody else look at a chunk's tasks, or settle one, until this transaction ends."""
    list(Chunk.objects.select_for_update().filter(Q(pk=key)).values_list("pk"))


def _close(task: OutsideTask, changes: Mapping[str, Any]) -> None:
    """What a person settles was parked, or waited for an answer; a worker's hold is respected."""
    still = [WorkState.PARKED, WorkState.READY]
    held = OutsideTask.objects.filter(pk=task.pk, fence=task.fence, state__in=still)
    if not held.update(state=WorkState.DONE, error_code="", fence=task.fence + 1, **changes):
        raise work.LeaseLost


def _look_later(task: OutsideTask, finding: Finding, at: datetime) -> None:
    """Somebody looks again after 1, 7 and 30 days, where anybody can look."""
    vendor = targets.vendor_under(task.plan.map_version)
    if not vendor.description.can_look or finding == Finding.KEPT or is_silent(task.plan):
        return
    _note_look(task, 0, finding, 0, at=at)
    OutsideLook.objects.bulk_create(
        [
            OutsideLook(task=task, lane="prove", day=day, not_before=at + timedelta(days=day))
            for day in proof.LATER_LOOKS
        ],
        ignore_conflicts=True,
    )


def _note_look(task: OutsideTask, day: int, finding: Finding, count: int, *, at: datetime) -> None:
    OutsideLook.objects.update_or_create(
        task=task,
        day=day,
        defaults={
            "lane": "prove", "state": WorkState.DONE, "not_before": at, "looked_at": at,
            "finding": finding, "records": count,
        },
    )  # fmt: skip


def _note(task: OutsideTask, verb: str, finding: str, *, by: Actor, at: datetime) -> None:
    facts = {
        "system": task.plan.system_key, "finding": str(finding), "found": task.found,
        "deleted": task.deleted, "said": task.said, "exception": task.exception,
        "calls": asking.root(task),
    }  # fmt: skip
    ledger.record(verb, subject=subject_of(task.plan), by=by, at=at, facts=facts)


def look_again(row: OutsideLook, *, at: datetime) -> None:
    """The look after 1, 7 or 30 days. What came back is an alarm and a person's work.

    Raises ``NotNow``, ``StillUnknown``, ``ForAPerson``.
    """
    task = row.task
    if task.plan.state not in {PlanState.PROVED, PlanState.RESIDUAL}:
        work.finish(row)
        return
    talk = Talk.about(task, targets.vendor_to_look(task.plan.map_version), at=at)
    left = asking.find(talk, asking.asked_of(task))
    finding = Finding.RESIDUAL if left else Finding.ABSENT
    with transaction.atomic():
        work.finish(row, looked_at=at, finding=finding, records=len(left))
        facts = {"system": task.plan.system_key, "day": row.day, "finding": finding.value}
        ledger.record("proof.looked-again", subject=subject_of(task.plan), by=SYSTEM,
                      at=at, facts=facts)  # fmt: skip
        if left:
            residue.mark([task.plan])
            Return.objects.create(plan=task.plan, outside_look=row, at=at)
            OutsideTask.objects.filter(pk=task.pk, state=WorkState.DONE).update(
                state=WorkState.PARKED, error_code=CAME_BACK, finding=Finding.RESIDUAL
            )
