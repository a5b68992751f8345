"""What must not be kept: answers given for verification, and keys whose last look is over."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from ccpa_office import clock_guard, ledger, sealing
from ccpa_office.models import DataKey
from ccpa_office.roles import Actor
from requests_app.models import (
    ConsumerRequest,
    CorrectionLook,
    Identifier,
    IdentifierSource,
    Kept,
    Listed,
    Look,
    OutsideLook,
    OutsideTask,
    Package,
    PackageStage,
    Part,
    PartStage,
    Plan,
    PlanState,
    PlanTable,
    Sweep,
)

SYSTEM = Actor.system("retention")
LIMIT = 1000
CLAIMS = timedelta(days=7)
"""How long answers for verification outlive their case (7060(d); PR-37)."""


def purge(*, at: datetime) -> int:
    """Take away what has served its purpose. A suspect clock takes nothing away (PR-10)."""
    if not clock_guard.clock_is_trusted():
        return 0
    return _claims(at) + _keys(at) + _data_keys(at)


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
    sweeps = Sweep.objects.filter(chunks__chunk=OuterRef("chunk")).exclude(state="done")
    done = Plan.objects.filter(
        ~Exists(open_looks), ~Exists(outside), ~Exists(sweeps), state=PlanState.PROVED,
        chunk__isnull=False,
    ).exclude(subjects=b"")  # fmt: skip
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


OVER = (PlanState.VOID, PlanState.STOPPED)


def needed() -> Q:
    """Of data keys, those that something still needs; the database refuses to destroy them.

    Rows that are kept until a day, people of a list who wait for their plan, a package that is not
    destroyed, a plan with its people or a task outside that is not over (proofs and looks read
    them), an open request, a correction that somebody looks at again.
    """
    key = OuterRef("pk")
    unread = Plan.objects.exclude(state__in=OVER).exclude(subjects=b"")
    outside = OutsideTask.objects.filter(~Q(state="done") | Exists(_open_looks()))
    corrected = CorrectionLook.objects.exclude(state="done")
    return (
        Q(Exists(Kept.objects.filter(data_key=key)))
        | Q(Exists(Package.objects.filter(data_key=key).exclude(stage=PackageStage.DESTROYED)))
        | Q(Exists(Part.objects.filter(data_key=key).exclude(stage=PartStage.DESTROYED)))
        | Q(Exists(unread.filter(data_key=key)))
        | Q(Exists(Listed.objects.filter(data_key=key)))
        | Q(Exists(outside.filter(plan__data_key=key)))
        | Q(Exists(ConsumerRequest.objects.filter(data_key=key, closed_at__isnull=True)))
        | Q(Exists(corrected.filter(correction__consumer_request__data_key=key)))
    )


def _open_looks() -> QuerySet[OutsideLook]:
    return OutsideLook.objects.filter(task=OuterRef("pk")).exclude(state="done")


def _data_keys(at: datetime) -> int:
    """The keys of lists of which nothing is looked at, kept or asked any more.

    A request's own key lives as long as its letters and its record must (7101(a)).
    """
    of_lists = Plan.objects.filter(consumer_request__isnull=True, data_key=OuterRef("pk"))
    read = Exists(of_lists.filter(state=PlanState.PROVED, subjects=b""))
    own = Exists(Plan.objects.filter(consumer_request__isnull=False, data_key=OuterRef("pk")))
    idle = DataKey.objects.filter(read, ~own, ~needed(), destroyed_at__isnull=True)
    with transaction.atomic():
        keys = {key.pk: key for key in idle.order_by("pk")[:LIMIT]}
        for key in keys.values():
            sealing.destroy(key, at)
        batches = Plan.objects.filter(data_key__in=keys, chunk__isnull=False)
        named = batches.values_list("chunk__batch_id", "data_key_id").distinct().order_by("pk")
        entries = {key: f"batch:{batch}" for batch, key in named}
        if entries:
            facts: dict[str, int] = {"keys": 1}
            ledger.record_many(
                "data-key.destroyed", [(name, facts) for name in entries.values()],
                by=SYSTEM, at=at,
            )  # fmt: skip
    return len(keys)
