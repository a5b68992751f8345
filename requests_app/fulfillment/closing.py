"""The end of a deletion: everybody who must know has been told, so the consumer is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.utils import translation

from ccpa_office.law.deadlines import received_date
from ccpa_office.law.grounds import exceptions_for
from ccpa_office.law.kinds import RequestKind
from ccpa_office.law.vocabulary import Category
from ccpa_office.prepared import Prepared
from ccpa_office.roles import Actor
from requests_app import workflow
from requests_app.fulfillment.locating_outside import is_outside
from requests_app.fulfillment.outside.words import is_kept, sentences_of, told_outside
from requests_app.models import (
    ConsumerRequest,
    Delivery,
    Message,
    Outcome,
    OutsideTask,
    Plan,
    PlanState,
    Status,
)

SYSTEM = Actor.system("closing")


def close_told(*, at: datetime, limit: int = 1000) -> int:
    """Complete the requests whose service providers have all been told.

    The outcome is derived from the proved plans: in part where something is kept.
    """
    with transaction.atomic():
        plans = _whole(_to_close(limit)())
        by_outcome: dict[Outcome, dict[int, ConsumerRequest]] = {}
        told: dict[int, list[dict[str, Any]]] = {}
        proved: dict[int, dict[str, Any]] = {}
        outside = _outside(plans)
        for plan in plans:
            parts = [part for part in plan.summary if not is_outside(part)]
            told.setdefault(plan.consumer_request.pk, []).extend(parts)
            proved[plan.consumer_request.pk] = {
                "proved_on": received_date(plan.proved_at),
                "done_on": received_date(plan.executed_at),
                "providers": plan.providers,
            }
        for plan in plans:
            tasks = outside.get(plan.consumer_request.pk, [])
            outcome = _outcome(told[plan.consumer_request.pk], tasks)
            of_outcome = by_outcome.setdefault(outcome, {})
            of_outcome[plan.consumer_request.pk] = plan.consumer_request
        for outcome, requests in by_outcome.items():
            workflow.move_all(
                requests.values(),
                Status.COMPLETED,
                by=SYSTEM,
                at=at,
                facts=lambda each: _counts(told[each.pk]),
                letter_context=lambda each: {
                    **what_was_done(told[each.pk], each.language),
                    **proved[each.pk],
                    "outside": _said(outside.get(each.pk, []), each.language),
                },
                outcome=outcome,
            )
    return len(told)


@cache
def _to_close(limit: int) -> Prepared[Any]:
    return Prepared(
        lambda: (
            _told()
            .select_related("consumer_request__data_key")
            .annotate(providers=_providers(), proved=_proved())
            .select_for_update(of=("self", "consumer_request"), skip_locked=True)
            .order_by("consumer_request_id", "pk")[:limit]
        ),
        planned=True,
    )


def _whole(plans: Sequence[Any]) -> list[Any]:
    """The plans of requests of which every proved plan is in hand.

    What the limit cut off, or another worker holds, is part of the answer: its request waits.
    """
    held = Counter(plan.consumer_request_id for plan in plans)
    return [plan for plan in plans if held[plan.consumer_request_id] == plan.proved]


def _proved() -> Subquery:
    """How many plans of the plan's request are proved."""
    proved = Plan.objects.filter(
        consumer_request=OuterRef("consumer_request"), state=PlanState.PROVED
    )
    return Subquery(proved.values("consumer_request").annotate(n=Count("pk")).values("n"))


def _told() -> QuerySet[Plan]:
    """Proved plans of which every service provider knows, and nothing has come back."""
    untold = Message.objects.filter(
        consumer_request=OuterRef("consumer_request"), audience="provider"
    ).exclude(delivery=Delivery.HANDED)
    residual = Plan.objects.filter(
        consumer_request=OuterRef("consumer_request"), state=PlanState.RESIDUAL
    )
    return Plan.objects.filter(
        ~Exists(untold),
        ~Exists(residual),
        state=PlanState.PROVED,
        consumer_request__status=Status.TELLING,
    )


def _providers() -> Subquery:
    """How many service providers were told of the plan's request."""
    told = Message.objects.filter(
        consumer_request=OuterRef("consumer_request"), audience="provider"
    )
    return Subquery(told.values("consumer_request").annotate(n=Count("pk")).values("n"))


def _outside(plans: list[Any]) -> dict[int, list[OutsideTask]]:
    """What systems outside did for these requests; no statement where there are none."""
    asked = [plan for plan in plans if any(map(is_outside, plan.summary))]
    return told_outside(plan.consumer_request for plan in asked) if asked else {}


def _said(tasks: Sequence[OutsideTask], language: str) -> list[str]:
    with translation.override(language):
        return sentences_of(tasks)


def _outcome(parts: list[dict[str, Any]], tasks: Sequence[OutsideTask]) -> Outcome:
    kept = any(part["action"] == "keep" for part in parts) or is_kept(tasks)
    return Outcome.IN_PART if kept else Outcome.COMPLIED


def _counts(parts: list[dict[str, Any]]) -> dict[str, int]:
    return {
        action: sum(part["rows"] for part in parts if part["action"] == action)
        for action in ("delete", "mask", "trim", "keep")
    }


def what_was_done(parts: list[dict[str, Any]], language: str) -> Mapping[str, Any]:
    """What a completion letter says: counts by category, what is kept, why and until when."""
    with translation.override(language):
        gone = [part for part in parts if part["action"] not in {"keep", "trim"}]
        return {"counts": _by_category(gone), "kept": kept_words(parts)}


def kept_words(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is kept: category, rows, why, until when; in the language of the moment."""
    return [
        {
            "category": category_of(part),
            "rows": part["rows"],
            "why": ground_of(part["reason"]),
            "until": date.fromisoformat(part["until"]) if part["until"] else None,
        }
        for part in parts
        if part["action"] == "keep"
    ]


def _by_category(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows: dict[str, int] = {}
    for part in parts:
        name = category_of(part)
        rows[name] = rows.get(name, 0) + part["rows"]
    return [{"category": name, "rows": count} for name, count in rows.items()]


def category_of(part: Mapping[str, Any]) -> str:
    """The statutory category of a part, in words."""
    codes = part["categories"]
    return _named(codes[0], translation.get_language()) if codes else ""


@cache
def _named(code: str, _language: str) -> str:
    """A category in the language of the moment: a chunk's letters name the same few again."""
    return str(Category(code).label)


GROUNDS = {each.value: each for each in exceptions_for(RequestKind.DELETE)}


def ground_of(code: str) -> str:
    """The ground of keeping, in words; a hold has no code of the statute."""
    ground = GROUNDS.get(code)
    return str(ground.label) if ground else code
