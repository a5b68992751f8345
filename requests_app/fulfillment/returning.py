"""Rows of erased people that came back: an alarm, and a plan that waits for approval like any."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from ccpa_office import clock_guard, ledger, sealing
from ccpa_office.connectors.base import Identity, StoreUnreachable
from ccpa_office.law.deadlines import received_date
from ccpa_office.law.grounds import require_exception
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor, Verb, require
from notices_app.models import SystemKind
from requests_app import targets
from requests_app.fulfillment import residue
from requests_app.fulfillment.lists import close_gathering
from requests_app.fulfillment.locating import Found, locate
from requests_app.fulfillment.packing import Part, Subject, open_part, open_subjects
from requests_app.fulfillment.plan import freeze
from requests_app.fulfillment.strangers import strangers
from requests_app.fulfillment.timetable import each_in_turn
from requests_app.models import Batch, BatchState, Chunk, ResidueState, Return

SYSTEM = Actor.system("proof")


def gather(*, at: datetime) -> int:
    """Freeze what came back, a batch for each system; how many plans now wait for approval.

    What no plan can take away (a text, rows that may stay) waits for a person. A plan that was
    refused, stopped or void leaves its rows to the next one. What cannot be looked into waits for a
    person too; it keeps neither another plan nor another system waiting, and is raised at the end.
    """
    residue.reopen(at=at)
    if not clock_guard.clock_is_trusted():
        return 0
    fresh = Return.objects.filter(state=ResidueState.OPEN, tried_at__isnull=True)
    found = fresh.select_related("plan__data_key", "plan__map_version__system")
    by_system: dict[str, list[Return]] = {}
    for each in found.order_by("pk")[:1000]:
        by_system.setdefault(each.plan.system_key, []).append(each)
    return each_in_turn(partial(_gather, key, back, at) for key, back in by_system.items())


class NothingWaits(Exception):
    """Nothing of this batch that came back waits for a person."""


def keep(batch: Batch, *, ground: str, by: Actor, at: datetime) -> int:
    """Leave as it is what no plan could take away, for a named ground; of how many plans.

    Somebody else has the key by now, or a text is about another. Raises ``NothingWaits``,
    ``NoSuchException``, ``NotAllowed``.
    """
    require(by, Verb.DECIDE_SHARED)
    require_exception(ground, RequestKind.DELETE)
    with transaction.atomic():
        waiting = list(waits(batch).select_for_update().order_by("pk"))
        if not waiting:
            raise NothingWaits
        Return.objects.filter(pk__in=[each.pk for each in waiting]).update(
            state=ResidueState.KEPT, settled_at=at
        )
        plans = {each.plan_id for each in waiting}
        facts = {"plans": len(plans), "ground": ground}
        ledger.record("return.kept", subject=f"batch:{batch.pk}", by=by, at=at, facts=facts)
        residue.close(plans, at=at)
    return len(plans)


def waits(batch: Batch) -> QuerySet[Return]:
    """What came back of a batch's people and no plan answers: a person decides."""
    return Return.objects.filter(
        plan__chunk__batch=batch, state=ResidueState.OPEN, tried_at__isnull=False
    )


def _gather(system_key: str, returns: Sequence[Return], at: datetime) -> int:
    is_database = returns[0].plan.map_version.system.kind == SystemKind.SQL
    look = partial(_in_database, at=at) if is_database else _outside
    found, failed = _looked_into(returns, look)
    new = _plan(system_key, returns, found, at)
    if failed:
        raise failed[0]
    return new


Look = Callable[[Return], Found | None]
Seen = list[tuple[Return, Found | None]]


def _looked_into(returns: Sequence[Return], look: Look) -> tuple[Seen, list[Exception]]:
    """What each is, and what failed; a store that is away is asked again later."""
    found: Seen = []
    failed: list[Exception] = []
    for each in returns:
        try:
            found.append((each, look(each)))
        except StoreUnreachable:
            raise
        except Exception as error:  # noqa: BLE001 - raised when every other has its plan
            failed.append(error)
    return found, failed


def _plan(system_key: str, returns: Sequence[Return], found: Seen, at: datetime) -> int:
    with transaction.atomic():
        Return.objects.filter(pk__in=[each.pk for each in returns]).update(tried_at=at)
        new = [(each, what) for each, what in found if what and not _is_answered(each)]
        if not new:
            return 0
        batch = Batch.objects.create(
            kind=Batch.Kind.RETURN, system_key=system_key, state=BatchState.GATHERING,
            ceiling=settings.CEILING_PEOPLE, approvals_needed=1, opened_at=at,
        )  # fmt: skip
        for ordinal, (each, what) in enumerate(new, start=1):
            _freeze(batch, ordinal, each, what, at)
        close_gathering(batch, sum(len(what.subjects) for _, what in new), by=SYSTEM, at=at)
    return len(new)


def _is_answered(back: Return) -> bool:
    """Whether a plan waits already that answers an earlier look at the same people."""
    waits = Return.objects.filter(plan=back.plan, state=ResidueState.PLANNED).first()
    if waits:
        Return.objects.filter(pk=back.pk).update(state=ResidueState.PLANNED, answer=waits.answer)
    return waits is not None


def _freeze(batch: Batch, ordinal: int, back: Return, found: Found, at: datetime) -> None:
    chunk = Chunk.objects.create(
        batch=batch, ordinal=ordinal, people=len(found.subjects), lane="erase", state="done",
        stage=Chunk.Stage.WAIT, not_before=at,
    )  # fmt: skip
    plan = freeze(found, data_key=sealing.new_key(), at=at, chunk=chunk)
    Return.objects.filter(pk=back.pk).update(state=ResidueState.PLANNED, answer=plan)
    facts = {"plan": plan.hash, "batch": batch.pk}
    ledger.record("return.planned", subject=residue.subject_of(back.plan), by=SYSTEM, at=at,
                  facts=facts)  # fmt: skip


# --- what came back -------------------------------------------------------------------------------


def _in_database(back: Return, *, at: datetime) -> Found | None:
    """Rows of whoever of the plan has rows again, under the old key or where identifiers lead.

    What stays by right of the same people is in the plan too, as what is kept. Rows of whoever was
    given the key since are that person's.
    """
    plan = back.plan
    subjects = open_subjects(sealing.Box(plan.data_key), plan)
    target = targets.of(plan.system_key)
    named = target.connector.people([Identity(each.identifiers) for each in subjects])
    taken = strangers(target, subjects)
    whose = {
        key: number
        for number, (subject, keys) in enumerate(zip(subjects, named, strict=True))
        for key in [*([] if number in taken else [subject.key]), *keys]
    }
    people = [Subject(key, subjects[number].identifiers) for key, number in whose.items()]
    found = locate(plan.system_key, people, on=received_date(at))
    numbers = list(whose.values())
    back_again = {numbers[person] for part in found.parts if _acts(part) for person in part.persons}
    chosen = [person for person, number in enumerate(numbers) if number in back_again]
    if not chosen:
        return None
    place = {person: new for new, person in enumerate(chosen)}
    parts = [part for each in found.parts if (part := _of(each, place)).keys]
    return replace(found, subjects=[found.subjects[person] for person in chosen], parts=parts)


def _acts(part: Part) -> bool:
    return part.action not in {"keep", "trim"}


def _of(part: Part, place: Mapping[int, int]) -> Part:
    """The part of some people, counted anew."""
    own = [(key, place[person]) for key, person in zip(part.keys, part.persons, strict=True)
           if person in place]  # fmt: skip
    return replace(part, keys=[key for key, _ in own], persons=[person for _, person in own])


def _outside(back: Return) -> Found | None:
    """The same question to the same system outside, once more."""
    plan = back.plan
    box = sealing.Box(plan.data_key)
    parts = [open_part(box, row) for row in plan.tables.order_by("ordinal")]
    vendor = targets.vendor_to_look(plan.map_version)
    return Found(vendor, open_subjects(box, plan), parts, {}) if parts else None
