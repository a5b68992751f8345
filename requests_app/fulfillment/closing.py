"""The end of a deletion: everybody who must know has been told, so the consumer is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from ccpa_office.roles import Actor
from requests_app import workflow
from requests_app.models import (
    ConsumerRequest,
    Delivery,
    Message,
    Outcome,
    Plan,
    PlanState,
    Status,
)

SYSTEM = Actor.system("closing")


def close_told(*, at: datetime, limit: int = 1000) -> int:
    """Complete the requests whose service providers have all been told.

    The outcome is derived from the proved plans: in part where something is kept.
    """
    untold = Message.objects.filter(
        consumer_request=OuterRef("consumer_request"), audience="provider"
    ).exclude(delivery=Delivery.HANDED)
    with transaction.atomic():
        plans = list(
            Plan.objects.filter(
                ~Exists(untold),
                state=PlanState.PROVED,
                consumer_request__status=Status.TELLING,
            )
            .select_related("consumer_request__data_key")
            .select_for_update(of=("self", "consumer_request"), skip_locked=True)
            .order_by("consumer_request_id", "pk")[:limit]
        )
        by_outcome: dict[Outcome, dict[int, ConsumerRequest]] = {}
        told: dict[int, list[dict[str, Any]]] = {}
        for plan in plans:
            if plan.consumer_request is not None:
                told.setdefault(plan.consumer_request.pk, []).extend(plan.summary)
        for plan in plans:
            if plan.consumer_request is not None:
                outcome = _outcome(told[plan.consumer_request.pk])
                of_outcome = by_outcome.setdefault(outcome, {})
                of_outcome[plan.consumer_request.pk] = plan.consumer_request
        for outcome, requests in by_outcome.items():
            workflow.move_all(
                requests.values(),
                Status.COMPLETED,
                by=SYSTEM,
                at=at,
                facts=lambda each: _counts(told[each.pk]),
                letter_context=lambda each: what_was_done(told[each.pk]),
                outcome=outcome,
            )
    return len(told)


def _outcome(parts: list[dict[str, Any]]) -> Outcome:
    kept = any(part["action"] == "keep" for part in parts)
    return Outcome.IN_PART if kept else Outcome.COMPLIED


def _counts(parts: list[dict[str, Any]]) -> dict[str, int]:
    return {
        action: sum(part["rows"] for part in parts if part["action"] == action)
        for action in ("delete", "mask", "keep")
    }


def what_was_done(parts: list[dict[str, Any]]) -> Mapping[str, Any]:
    """What a completion letter says: counts by category, what is kept, why and until when."""
    erased: dict[str, int] = {}
    for part in parts:
        if part["action"] != "keep":
            for category in part["categories"][:1]:
                erased[category] = erased.get(category, 0) + part["rows"]
    kept = [part for part in parts if part["action"] == "keep"]
    return {
        "rows": sum(part["rows"] for part in parts if part["action"] != "keep"),
        "erased": sorted(erased.items()),
        "kept": kept,
    }
