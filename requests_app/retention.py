"""What must not be kept: answers given for verification, and keys whose last look is over."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from ccpa_office import clock_guard, ledger
from ccpa_office.roles import Actor
from requests_app.models import (
    ConsumerRequest,
    Identifier,
    IdentifierSource,
    Look,
    OutsideLook,
    Plan,
    PlanState,
    PlanTable,
)

SYSTEM = Actor.system("retention")
LIMIT = 1000
CLAIMS = timedelta(days=7)
"""How long answers for verification outlive their case (7060(d); PR-37)."""


def purge(*, at: datetime) -> int:
    """Take away what has served its purpose. A suspect clock takes nothing away (PR-10)."""
    if not clock_guard.clock_is_trusted():
        return 0
    return _claims(at) + _keys(at)


def _claims(at: datetime) -> int:
    old = ConsumerRequest.objects.filter(
        closed_at__lte=at - CLAIMS, identifiers__source=IdentifierSource.CLAIMED
    )
    with transaction.atomic():
        numbers = sorted(set(old.values_list("number", flat=True)[:LIMIT]))
        Identifier.objects.filter(
            source=IdentifierSource.CLAIMED, consumer_request__number__in=numbers
        ).delete()
        if numbers:
            ledger.record_many("claims.purged", [(n, {}) for n in numbers], by=SYSTEM, at=at)
    return len(numbers)


def _keys(at: datetime) -> int:
    """Frozen keys and people of proved plans, once nobody will look again."""
    open_looks = Look.objects.filter(chunk=OuterRef("chunk")).exclude(state="done")
    outside = OutsideLook.objects.filter(task__plan=OuterRef("pk")).exclude(state="done")
    done = Plan.objects.filter(
        ~Exists(open_looks), ~Exists(outside), state=PlanState.PROVED, chunk__isnull=False
    ).exclude(subjects=b"")
    with transaction.atomic():
        hashes = {plan.pk: plan for plan in done.select_related("chunk")[:LIMIT]}
        PlanTable.objects.filter(plan__in=hashes).delete()
        Plan.objects.filter(pk__in=hashes).update(subjects=b"")
        if hashes:
            entries = [
                (f"batch:{plan.chunk.batch_id}", {"plan": plan.hash})
                for plan in hashes.values()
                if plan.chunk
            ]
            ledger.record_many("keys.purged", entries, by=SYSTEM, at=at)
    return len(hashes)
