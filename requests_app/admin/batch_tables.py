"""What a batch that waits for approval would do, over all its plans: table by table."""

from typing import Any

from django.db.models import Max, Sum

from requests_app.admin.words import action_words, ground_words
from requests_app.models import Batch, BatchState, Plan, PlanTable

LINKED = 20


def planned(batch: Batch) -> dict[str, Any]:
    """Each table and action with its rows; nothing for a batch that waits for no yes."""
    if batch.state != BatchState.WAITING:
        return {}
    parts = (
        PlanTable.objects.filter(plan__chunk__batch=batch)
        .values("table", "action", "reason", "shared", "decision")
        .annotate(count=Sum("rows"), last=Max("until"))
        .order_by("table", "action", "reason")
    )
    found = [
        {**part, "what": action_words(part["action"]), "why": ground_words(part["reason"])}
        for part in parts
    ]
    return {"tables": found, "plans": _plans(batch)}


def _plans(batch: Batch) -> list[int]:
    """Plans that can be read one by one, each on its page; the first ones of many."""
    plans = Plan.objects.filter(chunk__batch=batch).order_by("pk")
    return list(plans.values_list("pk", flat=True)[:LINKED])
