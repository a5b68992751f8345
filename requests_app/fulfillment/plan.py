"""Locate, freeze, hash: what will happen to which rows, before anybody says yes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from ccpa_office import ledger, sealing, work
from ccpa_office.connectors.base import Key, Program, Rows
from ccpa_office.law.deadlines import received_date
from ccpa_office.law.grounds import require_exception
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import DataKey, WorkState
from ccpa_office.roles import Actor, Verb, require
from notices_app.models import SystemKind
from requests_app import targets, workflow
from requests_app.fulfillment import residue
from requests_app.fulfillment.locating import Found, locate, merged, summarize, weigh
from requests_app.fulfillment.locating_outside import found_outside, sample_outside
from requests_app.fulfillment.packing import (
    Part,
    Subject,
    batch_hash,
    open_part,
    open_subjects,
    plan_hash,
    seal_part,
    seal_subjects,
)
from requests_app.models import (
    ERASURE,
    Batch,
    Chunk,
    ConsumerRequest,
    Plan,
    PlanState,
    Status,
    Step,
    StepKind,
)
from requests_app.verification.deciding import queue_plan
from requests_app.verification.looking import people_of

SYSTEM = Actor.system("plan")


LIVING = (PlanState.FROZEN, PlanState.APPROVED, PlanState.EXECUTING)
"""The states of a plan that still counts."""


class PlanVoid(Exception):
    """The plan is not the living plan of its request any more."""


class NothingToDecide(Exception):
    """The plan has no undecided shared rows in that table."""


def build(step: Step, *, at: datetime) -> None:
    """Freeze a plan for each system that holds the person; the request then waits for approval.

    Reads only, outside any transaction; what is found is written at once. A person of whom no
    system holds a row is told so: nothing found.
    """
    consumer_request = step.consumer_request
    known = _known(consumer_request)
    found = [
        locate(
            system_key,
            [Subject(key, known.get((system_key, key), {})) for key in people],
            on=received_date(at),
        )
        for system_key, people in people_of(consumer_request).items()
    ]
    found += found_outside(consumer_request.number, found)
    work.seam("plan.before-commit")
    with transaction.atomic():
        work.finish(step)
        list(consumer_request.plans.select_for_update().values_list("pk"))  # before their request
        consumer_request = workflow.locked(consumer_request)
        if consumer_request.status != Status.VERIFIED:
            return  # whoever came first has built it; what was approved stays
        void_plans(consumer_request)
        before = _last_plan(consumer_request)
        for each in found:
            freeze(
                each,
                data_key=consumer_request.data_key,
                at=at,
                consumer_request=consumer_request,
                asked_by_id=before.asked_by_id if before else None,
            )
        workflow.move(
            consumer_request,
            Status.PLANNED,
            by=SYSTEM,
            at=at,
            facts={"plans": [plan.hash for plan in living(consumer_request)]},
        )


def _known(consumer_request: ConsumerRequest) -> dict[tuple[str, Key], dict[str, list[str]]]:
    """What earlier plans searched each person by: after a part is erased the store knows less."""
    known: dict[tuple[str, Key], dict[str, list[str]]] = {}
    earlier = consumer_request.plans.filter(parent__isnull=True).select_related("data_key")
    for plan in earlier.order_by("pk"):
        for each in open_subjects(sealing.Box(plan.data_key), plan):
            place = plan.system_key, each.key
            known[place] = merged(known.get(place, {}), each.identifiers)
    return known


def freeze(found: Found, *, data_key: DataKey | None, at: datetime, **links: Any) -> Plan:
    """Write a plan and its parts, sealed, with its hash. ``links`` are its columns of ownership."""
    assert data_key is not None  # noqa: S101  only purged requests have none
    box = sealing.Box(data_key)
    weight = weigh(found)
    version = 1
    if request := links.get("consumer_request"):
        version = (
            1 + Plan.objects.filter(consumer_request=request, system_key=found.target.key).count()
        )
    plan = Plan.objects.create(
        system_key=found.target.key,
        map_version_id=found.target.version_id,
        map_digest=found.target.program.digest,
        version=version,
        people=len(found.subjects),
        subjects=seal_subjects(box, found.subjects),
        data_key=data_key,
        summary=summarize(found.parts, found.target.program),
        hash=plan_hash(found.target.key, found.target.program.digest, found.subjects, found.parts),
        rows=weight.rows,
        rows_per_person=weight.rows_per_person,
        share=weight.share,
        sensitive=weight.sensitive,
        above_ceiling=weight.above_ceiling,
        undecided=weight.undecided,
        approvals_needed=max(settings.APPROVALS_ALWAYS, 2 if weight.above_ceiling else 1),
        built_at=at,
        **links,
    )
    plan.tables.bulk_create(
        seal_part(box, plan, ordinal, part) for ordinal, part in enumerate(found.parts)
    )
    return plan


def freeze_supplement(parent: Plan, parts: Sequence[Part], *, at: datetime) -> Plan:
    """Rows born after the freeze, as a plan under its parent's approval, being carried out."""
    box = sealing.Box(parent.data_key)
    target = targets.under(parent.map_version)
    found = Found(target, open_subjects(box, parent), list(parts), {})
    return freeze(
        found,
        data_key=parent.data_key,
        at=at,
        consumer_request=parent.consumer_request,
        chunk=parent.chunk,
        parent=parent,
        state=PlanState.EXECUTING,
    )


def living(consumer_request: ConsumerRequest) -> list[Plan]:
    """The plans of a request that still count."""
    return list(consumer_request.plans.filter(state__in=LIVING).order_by("pk"))


def void_plans(
    consumer_request: ConsumerRequest,
    state: PlanState = PlanState.VOID,
    *,
    found: PlanState | None = None,
) -> int:
    """No plan of the request may be executed any more; approvals are worth nothing with it."""
    chosen = [found] if found else [PlanState.FROZEN, PlanState.APPROVED]
    return consumer_request.plans.filter(state__in=chosen).update(state=state)


_PLANNABLE = ERASURE | {Status.VERIFIED}
"""Where a deletion has been verified; nobody comes here by asking for a plan."""


def ask_for_plan(consumer_request: ConsumerRequest, *, by: Actor, at: datetime) -> ConsumerRequest:
    """Build the plan again; who asks cannot approve it. Approvals of the old one are void.

    What is being carried out goes on, unless it stands still and waits for a person. Raises
    ``MoveNotAllowed``.
    """
    require(by, Verb.PLAN)
    with transaction.atomic():
        void_plans(consumer_request)
        consumer_request = workflow.locked(consumer_request)
        right = consumer_request.right
        if consumer_request.status not in _PLANNABLE or right is not RequestKind.DELETE:
            raise workflow.MoveNotAllowed("Only a verified deletion is planned.")
        if consumer_request.status == Status.EXECUTING:
            _give_up(consumer_request)
        came_back = void_plans(consumer_request, found=PlanState.RESIDUAL)
        if consumer_request.status == Status.TELLING and not came_back:
            raise workflow.MoveNotAllowed("It is carried out and proved.")
        if last := _last_plan(consumer_request):
            last.asked_by_id = by.id
            last.save(update_fields=["asked_by_id"])
        if consumer_request.status != Status.VERIFIED:
            workflow.move(consumer_request, Status.VERIFIED, by=by, at=at, facts={"replan": True})
        elif last is None:
            _try_again(consumer_request, by=by, at=at)
            return consumer_request
        else:
            ledger.record("plan.asked", subject=consumer_request.number, by=by, at=at)
        queue_plan(consumer_request, at=at)
    return consumer_request


def _try_again(consumer_request: ConsumerRequest, *, by: Actor, at: datetime) -> None:
    """Let the first plan, whose building waits for a person, be tried again; nobody asked for it.

    Raises ``MoveNotAllowed`` while a worker has it.
    """
    steps = consumer_request.work.filter(kind=StepKind.PLAN)
    if not any(work.unpark(step, not_before=at) for step in steps):
        raise workflow.MoveNotAllowed("Its first plan is being built.")
    ledger.record("plan.tried-again", subject=consumer_request.number, by=by, at=at)


def _give_up(consumer_request: ConsumerRequest) -> None:
    """Void plans whose chunk stands still and waits for a person; no worker can touch them."""
    stuck = consumer_request.plans.filter(state=PlanState.EXECUTING)
    chunks = list(Chunk.objects.select_for_update().filter(pk__in=stuck.values("chunk")))
    if not chunks or any(chunk.state != WorkState.PARKED for chunk in chunks):
        raise workflow.MoveNotAllowed("It is being carried out.")
    stuck.update(state=PlanState.VOID)
    empty = ~Exists(Plan.objects.filter(chunk=OuterRef("pk"), state=PlanState.EXECUTING))
    Chunk.objects.filter(empty, pk__in=[chunk.pk for chunk in chunks]).update(
        state=WorkState.DONE, stage=Chunk.Stage.DONE
    )


def _last_plan(consumer_request: ConsumerRequest) -> Plan | None:
    """The newest plan that counts no more; it remembers who asked for the next one."""
    over = [PlanState.VOID, PlanState.STOPPED]
    return (
        consumer_request.plans.filter(parent__isnull=True, state__in=over).order_by("-pk").first()
    )


def decide_shared(
    plan: Plan, *, table: str, decision: str, ground: str, by: Actor, at: datetime
) -> Plan:
    """Say what happens to rows that others reach too: keep them (with a ground) or strip them.

    A decision makes a new version of the plan, frozen and hashed again; whoever decided has asked
    for that version and cannot approve it. Raises ``NothingToDecide``, ``NoSuchException``,
    ``PlanVoid``.
    """
    require(by, Verb.DECIDE_SHARED)
    if decision not in {"keep", "strip"} or (decision == "keep" and not ground):
        raise NothingToDecide("decide keep, with its ground, or strip")
    if decision == "keep":
        require_exception(ground, RequestKind.DELETE)
    target = targets.under(plan.map_version)
    _require_possible(target.program, table, decision)
    sizes = target.connector.sizes()
    with transaction.atomic():
        plan = Plan.objects.select_for_update().select_related("data_key").get(pk=plan.pk)
        if plan.state != PlanState.FROZEN:
            raise PlanVoid
        box = sealing.Box(plan.data_key)
        parts = [open_part(box, row) for row in plan.tables.order_by("ordinal")]
        decided = [_decided(part, table, decision, ground) for part in parts]
        if decided == parts:
            raise NothingToDecide
        found = Found(target, open_subjects(box, plan), decided, sizes)
        Plan.objects.filter(pk=plan.pk).update(state=PlanState.VOID)
        new = freeze(
            found,
            data_key=plan.data_key,
            at=at,
            consumer_request=plan.consumer_request,
            chunk=plan.chunk,
            asked_by_id=by.id,
        )
        if new.chunk:
            _hash_batch(new.chunk)
            residue.replaced(plan, new)
        _note_decision(new, table, decision, ground, by=by, at=at)
        return new


def deciders(plan: Plan) -> set[int]:
    """Who decided on rows of a plan that others reach too, over all versions that led to it."""
    found: set[int] = set()
    if not _is_decided(plan.summary):
        return found
    versions = Plan.objects.filter(
        consumer_request=plan.consumer_request_id, system_key=plan.system_key,
        parent__isnull=True, pk__lte=plan.pk,
    ).order_by("-pk")  # fmt: skip
    for decided_by, summary in versions.values_list("asked_by_id", "summary"):
        if not _is_decided(summary):
            break  # the machine built this one: what was decided before counts no more
        if decided_by is not None:
            found.add(decided_by)
    return found


def _is_decided(summary: Sequence[Mapping[str, Any]]) -> bool:
    return any(part.get("decision") for part in summary)


def _require_possible(program: Program, table: str, decision: str) -> None:
    """Refuse now what the store would refuse in the middle of the batch."""
    step = next((each for each in program.tables if each.name == table), None)
    if step is None:
        raise NothingToDecide
    leads_on = {path[0].table for path in step.paths if path and path[0].forward and path[0].unique}
    goes = any(program.table(name).action == "delete" for name in leads_on)
    if decision == "keep" and goes and not step.may_keep:
        raise NothingToDecide("these rows point to a row that goes, so they can only be stripped")
    if decision == "strip" and not step.mask():
        raise NothingToDecide("the map says of no field how to strip it, so they can only stay")


def _hash_batch(chunk: Chunk) -> None:
    """A decision changes what the batch will do, so its approvals so far count for nothing."""
    plans = Plan.objects.filter(chunk__batch=chunk.batch_id, state=PlanState.FROZEN).only("hash")
    Batch.objects.filter(pk=chunk.batch_id).update(hash=batch_hash(plans))


def _note_decision(
    plan: Plan, table: str, decision: str, ground: str, *, by: Actor, at: datetime
) -> None:
    ledger.record(
        "plan.shared-decided",
        subject=residue.subject_of(plan),
        by=by,
        at=at,
        facts={"table": table, "decision": decision, "ground": ground, "plan": plan.hash},
    )


def _decided(part: Part, table: str, decision: str, ground: str) -> Part:
    if part.table != table or not part.shared or part.decision:
        return part
    if decision == "keep":
        return replace(part, action="keep", reason=ground, decision=decision)
    return replace(part, action="mask", decision=decision)


def sample(plan: Plan) -> list[dict[str, Any]]:
    """A dry run for a page: masked rows and the statements, table by table."""
    if plan.map_version.system.kind != SystemKind.SQL:
        return sample_outside(plan)
    connector = targets.under(plan.map_version).connector
    box = sealing.Box(plan.data_key)
    shown = []
    for row in plan.tables.order_by("ordinal"):
        part = open_part(box, row)
        shown.append(
            {
                "table": part.table,
                "action": part.action,
                "rows": connector.sample(part.table, rows_of(part), limit=3),
                "statement": ""
                if part.action == "keep"
                else connector.statements(part.table, part.action),
            }
        )
    return shown


def rows_of(part: Part, *, first: int = 0) -> Rows:
    """A part as the connector takes it, its people counted from ``first``."""
    return Rows(part.keys, [first + person for person in part.persons] if first else part.persons)
