"""Look again: is it gone? "Complete" is derived from here and set nowhere else (PR-17)."""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from ccpa_office import ledger, sealing, work
from ccpa_office.connectors import base
from ccpa_office.connectors.base import Key, Rows, Table
from ccpa_office.connectors.sweeping import Crowd
from ccpa_office.law.deadlines import received_date
from ccpa_office.prepared import Changed, Prepared, planned_cursor
from ccpa_office.roles import Actor
from notices_app.models import Recipient
from requests_app import correspondence, suppression, workflow
from requests_app.fulfillment import residue, staying
from requests_app.fulfillment.closing import kept_words
from requests_app.fulfillment.cutting import cut_rows
from requests_app.fulfillment.loading import Load, NotNow, load
from requests_app.fulfillment.packing import Part, Subject, is_redaction
from requests_app.fulfillment.plan import LIVING
from requests_app.models import (
    Batch,
    Chunk,
    ConsumerRequest,
    Finding,
    Look,
    Plan,
    PlanState,
    Return,
    Status,
)

SYSTEM = Actor.system("proof")
LATER_LOOKS = (1, 7, 30)
"""Days after which somebody looks again: a return is an alarm."""


def prove_chunk(loaded: Load, *, at: datetime) -> None:
    """Look at a chunk's people again and draw the conclusion, in one transaction.

    Nothing left, or kept with its ground: plans are proved, people remembered, service providers
    told, requests moved on. Anything else: the plan is residual and a person's work.
    """
    chunk, tables = loaded.chunk, look(loaded)
    finding = verdict(tables)
    work.seam("prove.before-commit")
    with transaction.atomic():
        if finding == Finding.RESIDUAL:
            _leave_to_a_person(chunk, tables, at)
            return
        work.finish(chunk, stage=Chunk.Stage.DONE, proved_at=at)
        _keep_looks(chunk, tables, finding, at)
        PROVED(chunk.pk, chunk.erased_at, at)
        suppression.remember(
            [
                (name, each.identifiers)
                for name, each in zip(loaded.names, loaded.subjects, strict=True)
            ],
            at=at,
        )
        _note(loaded, at)
        _tell(loaded, at)
    work.seam("prove.after-commit")


PROVED = Changed(
    lambda chunk, erased_at, at: (
        Plan.objects.filter(chunk=chunk, state=PlanState.EXECUTING),
        {"state": PlanState.PROVED, "executed_at": erased_at, "proved_at": at},
    )
)


def _note(loaded: Load, at: datetime) -> None:
    """Note what stays of whom, and settle what the plans of no request were the answer to."""
    listed = [plan.pk for plan in loaded.plans if plan.consumer_request_id is None]
    if not listed or loaded.chunk.batch.kind != Batch.Kind.TEXT:
        staying.note(loaded, at=at)
    if listed:
        residue.answered(listed, at=at)


def look(loaded: Load) -> list[dict[str, Any]]:
    """One statement a table, by keys, by identifiers and in texts: never by the way of erasing.

    What was redacted in others' texts is read by its keys, as a sweep reads.
    """
    if is_redaction(loaded.parts):
        return [_redacted(loaded, part) for part in loaded.parts]
    by_table: dict[str, list[Part]] = {}
    for part in loaded.parts:
        by_table.setdefault(part.table, []).append(part)
    secrets = sealing.digests("pseudonym", loaded.target.key)
    looks = [
        _look_at(loaded, table, by_table.get(table.name, []), secrets)
        for table in loaded.target.program.tables
    ]
    pieces = [[(table, cut, asked) for cut in cut_rows(rows)] for table, rows, asked in looks]
    found = iter(loaded.target.connector.recount_all([each for cut in pieces for each in cut]))
    return [
        _facts(table, asked, [next(found) for _piece in cut])
        for (table, _rows, asked), cut in zip(looks, pieces, strict=True)
    ]


def _redacted(loaded: Load, part: Part) -> dict[str, Any]:
    whose: dict[Key, set[int]] = {}
    for key, person in zip(part.keys, part.persons, strict=True):
        whose.setdefault(key, set()).add(person)
    crowd, keys = Crowd(loaded.identities), list(whose)
    swept = loaded.target.connector.sweep(part.table, crowd, only=keys, limit=len(keys) + 1)
    left = [each for each in swept.seen if whose.get(each.key, set()) & set(each.people)]
    return {
        "table": part.table, "finding": _finding(not left, False), "kept": 0, "by_key": 0,  # noqa: FBT003
        "by_identifier": 0, "in_text": len(left),
    }  # fmt: skip


def _facts(table: str, asked: base.Look, found: Sequence[base.Recount]) -> dict[str, Any]:
    """What the looks at one table's keys found together; each saw all rows with an identifier."""
    again = base.Recount(
        sum(each.by_key for each in found),
        max(each.by_identifier for each in found),
        sum(each.in_text for each in found),
    )
    return {
        "table": table,
        "finding": _finding(again.clean, bool(asked.kept)),
        "kept": len(asked.kept),
        "by_key": again.by_key,
        "by_identifier": again.by_identifier,
        "in_text": again.in_text,
    }


def _look_at(
    loaded: Load, table: Table, parts: list[Part], secrets: Sequence[bytes]
) -> tuple[str, Rows, base.Look]:
    acted = [part for part in parts if part.action != "keep"]
    return (
        table.name,
        Rows(
            [key for part in acted for key in part.keys],
            [person for part in acted for person in part.persons],
        ),
        base.Look(
            people=loaded.people,
            identities=loaded.identities,
            action=table.action,
            kept=[key for part in parts if part.action == "keep" for key in part.keys],
            stripped=[key for part in acted if part.decision == "strip" for key in part.keys],
            trimmed=[key for part in acted if part.action == "trim" for key in part.keys],
            secrets=secrets,
        ),
    )


def _finding(clean: bool, kept: bool) -> str:  # noqa: FBT001  two facts of one table
    if not clean:
        return Finding.RESIDUAL.value
    return Finding.KEPT.value if kept else Finding.ABSENT.value


def verdict(tables: Sequence[dict[str, Any]]) -> Finding:
    """The worst of all tables: residual, then kept, then absent."""
    findings = {table["finding"] for table in tables}
    for worst in (Finding.RESIDUAL, Finding.KEPT):
        if worst.value in findings:
            return worst
    return Finding.ABSENT


KEEP_LOOKS = """
INSERT INTO requests_app_look (lane, owner, fence, attempts, error_code, chunk_id, day, state,
    not_before, looked_at, finding, tables)
SELECT 'prove', '', 0, 0, '', %(chunk)s, day, CASE day WHEN 0 THEN 'done' ELSE 'ready' END,
    %(at)s + day * interval '24 hours', CASE day WHEN 0 THEN %(at)s END,
    CASE day WHEN 0 THEN %(finding)s ELSE '' END,
    CASE day WHEN 0 THEN %(tables)s::jsonb ELSE '[]' END
FROM unnest(%(days)s::int[]) AS day
ON CONFLICT (chunk_id, day) DO UPDATE SET state = excluded.state, not_before = excluded.not_before,
    looked_at = excluded.looked_at, finding = excluded.finding, tables = excluded.tables"""


def _keep_looks(chunk: Chunk, tables: list[dict[str, Any]], finding: Finding, at: datetime) -> None:
    """This look and those to come; an earlier one found something that a person took care of."""
    values = {
        "chunk": chunk.pk, "at": at, "finding": finding.value, "tables": json.dumps(tables),
        "days": [0, *LATER_LOOKS],
    }  # fmt: skip
    with planned_cursor() as cursor:
        cursor.execute(KEEP_LOOKS, values)


def _leave_to_a_person(chunk: Chunk, tables: list[dict[str, Any]], at: datetime) -> None:
    work.park(chunk, error_code="residual")
    Look.objects.update_or_create(
        chunk=chunk,
        day=0,
        defaults={
            "lane": "prove", "state": "done", "not_before": at, "looked_at": at,
            "finding": Finding.RESIDUAL, "tables": tables,
        },
    )  # fmt: skip
    ledger.record(
        "proof.residual",
        subject=f"batch:{chunk.batch_id}",
        by=SYSTEM,
        at=at,
        facts={"chunk": chunk.ordinal, "tables": [t["table"] for t in tables if not _is_clean(t)]},
    )


def _is_clean(table: dict[str, Any]) -> bool:
    return bool(table["finding"] != Finding.RESIDUAL)


INSTRUCTED: Prepared[Recipient] = Prepared(Recipient.objects.instructed, planned=True)


def _tell(loaded: Load, at: datetime) -> None:
    tell(loaded.plans, loaded.unfinished, loaded.people_of, at=at)


def tell(
    proved: Sequence[Plan],
    unfinished: Collection[int],
    people_of: Callable[[Plan], Sequence[Subject]],
    *,
    at: datetime,
) -> None:
    """Service providers first, then the consumer (7022(b)(2); design 6.9)."""
    plans = _finished(proved, unfinished)
    key_of = {plan.consumer_request_id: plan.data_key for plan in plans}
    plan_of = {plan.consumer_request_id: plan for plan in plans if plan.parent_id is None}
    one_each = {plan.consumer_request_id: plan.consumer_request for plan in plans}
    requests = [each for each in one_each.values() if each]
    if not requests:
        return
    for each in requests:
        each.data_key = key_of[each.pk]
    providers = INSTRUCTED()
    workflow.move_all(
        requests, Status.TELLING, by=SYSTEM, at=at, facts={"providers": len(providers)}
    )
    correspondence.queue_instructions(
        requests,
        providers,
        at=at,
        context=lambda each: {
            **_hashed(people_of(plan_of[each.pk])),
            "kept": kept_words(plan_of[each.pk].summary),
        },
    )


def _finished(proved: Sequence[Plan], unfinished: Collection[int]) -> list[Plan]:
    """The plans whose request has no other plan to be carried out.

    Where there was one when the chunk was read, it is asked again under a lock: of two workers
    that prove at once, the second sees the first.
    """
    waiting = {
        plan.consumer_request.pk
        for plan in proved
        if plan.consumer_request and plan.pk in unfinished
    }
    if waiting:
        requests = ConsumerRequest.objects.filter(pk__in=waiting).order_by("pk")
        list(requests.select_for_update().values_list("pk"))
        open_plans = Plan.objects.filter(consumer_request__in=waiting, state__in=LIVING)
        waiting = {pk for (pk,) in open_plans.values_list("consumer_request_id") if pk}
    return [
        plan for plan in proved if plan.consumer_request and plan.consumer_request_id not in waiting
    ]


def _hashed(people: Sequence[Subject]) -> dict[str, Any]:
    """The e-mail addresses as a provider can match them without reading them (COM-13)."""
    normal = [
        sealing.normal_email(value)
        for each in people
        for value in each.identifiers.get("email", [])
    ]
    return {
        "identifiers": [
            {"kind": "email", "value": hashlib.sha256(value.encode()).hexdigest()}
            for value in dict.fromkeys(normal)
        ],
        "keyed": "SHA-256",
    }


def look_later(row: Look, *, at: datetime) -> None:
    """The look after 1, 7 or 30 days. What came back is an alarm and a person's work."""
    try:
        loaded = load(row.chunk, states=[PlanState.PROVED, PlanState.RESIDUAL], looking=True)
    except NotNow:
        work.finish(row)
        return
    tables = look(loaded)
    finding = verdict(tables)
    with transaction.atomic():
        work.finish(row, looked_at=at, finding=finding, tables=tables)
        facts = {"chunk": row.chunk.ordinal, "day": row.day, "finding": finding.value}
        ledger.record(
            "proof.looked-again", subject=f"batch:{row.chunk.batch_id}", by=SYSTEM, at=at,
            facts=facts,
        )  # fmt: skip
        if finding == Finding.RESIDUAL:
            _came_back(row, loaded, at)


def _came_back(row: Look, loaded: Load, at: datetime) -> None:
    """An alarm for each plan of whom something is there again; a plan for it is built next."""
    back = _whose(loaded, at)
    plans = [plan for plan in loaded.plans if plan.parent_id is None and plan.pk in back]
    residue.mark(plans)
    Return.objects.bulk_create(Return(plan=plan, look=row, at=at) for plan in plans)
    entries = [(plan.consumer_request.number, {"day": row.day}) for plan in plans
               if plan.consumer_request]  # fmt: skip
    ledger.record_many("proof.came-back", entries, by=SYSTEM, at=at)


def _whose(loaded: Load, at: datetime) -> frozenset[int]:
    """The plans whose people have rows again that do not stay by right; all, if nobody knows."""
    connector = loaded.target.connector
    people = {place for place, found in enumerate(connector.people(loaded.identities)) if found}
    kept = {
        (part.table, key) for part in loaded.parts if part.action == "keep" for key in part.keys
    }
    known: dict[str, list[Key]] = {table.name: [] for table in loaded.target.program.tables}
    for table, key in kept:
        known[table].append(key)
    for each in connector.newborn(loaded.people, known, on=received_date(at)):
        people |= set(each.persons)
    everybody = frozenset(plan.pk for plan in loaded.plans if plan.parent_id is None)
    return loaded.plans_of(people) or everybody
