"""Plans, approvals, batches, chunks, receipts and proofs."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ccpa_office.models import DueWork
from requests_app.models.request import ConsumerRequest
from requests_app.models.work import WORK_FIELDS


class PlanState(models.TextChoices):
    """How far a plan is. The database lets it be executed only as approved."""

    FROZEN = "frozen", _("waiting for approval")
    APPROVED = "approved", _("approved")
    EXECUTING = "executing", _("being carried out")
    PROVED = "proved", _("carried out and proved")
    RESIDUAL = "residual", _("something is left")
    VOID = "void", _("void")
    STOPPED = "stopped", _("stopped")


class BatchState(models.TextChoices):
    """How far a batch is."""

    GATHERING = "gathering", _("being planned")
    WAITING = "waiting", _("waiting for approval")
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    STOPPED = "stopped", _("stopped")
    DONE = "done", _("done")


class Batch(models.Model):
    """People whose plans are carried out together: due requests, or a list."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "kind": "none", "system_key": "none", "state": "none", "people": "none",
        "ceiling": "none", "approvals_needed": "none", "hash": "none", "opened_by_id": "staff",
        "opened_at": "none", "finished_at": "none", "stop_reason": "none",
    }  # fmt: skip

    class Kind(models.TextChoices):
        DUE = "due", _("requests that are due")
        LIST = "list", _("a list of people")
        TERM = "term", _("what may no longer be kept")
        RETURN = "return", _("what came back")
        TEXT = "text", _("what others' texts tell")

    kind = models.CharField(max_length=8, choices=Kind)
    system_key = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=BatchState)
    people = models.PositiveIntegerField(default=0)
    ceiling = models.PositiveIntegerField()
    approvals_needed = models.PositiveSmallIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True, default="")
    opened_by_id = models.BigIntegerField(null=True)
    opened_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    stop_reason = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        constraints = [
            models.CheckConstraint(
                name="large_batches_need_two",
                condition=Q(people__lte=F("ceiling")) | Q(approvals_needed__gte=2),
            ),
            models.CheckConstraint(
                name="lists_need_an_approval",
                condition=Q(kind="due") | Q(approvals_needed__gte=1),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class Chunk(DueWork):
    """Up to 1,000 people of a batch in one system: one transaction in the target."""

    PERSONAL: ClassVar[dict[str, str]] = {
        **WORK_FIELDS, "batch": "key", "ordinal": "none", "stage": "none", "people": "none",
        "erased_at": "none", "proved_at": "none",
    }  # fmt: skip

    class Stage(models.TextChoices):
        PLAN = "plan", _("to be planned")
        WAIT = "wait", _("waiting for approval")
        ERASE = "erase", _("to be erased")
        OUTSIDE = "outside", _("being asked outside")
        PROVE = "prove", _("to be proved")
        DONE = "done", _("done")

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="chunks")
    ordinal = models.PositiveIntegerField()
    stage = models.CharField(max_length=8, choices=Stage)
    people = models.PositiveIntegerField()
    erased_at = models.DateTimeField(null=True)
    proved_at = models.DateTimeField(null=True)

    class Meta(DueWork.Meta):
        abstract = False
        constraints = [
            *DueWork.Meta.constraints,
            models.UniqueConstraint(fields=["batch", "ordinal"], name="a_chunk_stands_once"),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.ordinal}"


class Plan(models.Model):
    """What will happen to the rows of one person, or of a chunk of a list: frozen and hashed."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "consumer_request": "key", "chunk": "key", "parent": "key",
        "system_key": "none", "map_version": "none", "map_digest": "none", "version": "none",
        "state": "none", "people": "none", "subjects": "sealed", "data_key": "key",
        "summary": "none", "hash": "none", "rows": "none", "rows_per_person": "none",
        "share": "none", "sensitive": "none", "above_ceiling": "none", "undecided": "none",
        "approvals_needed": "none", "asked_by_id": "staff", "built_at": "none",
        "approved_at": "none", "executable_at": "none", "executed_at": "none", "proved_at": "none",
    }  # fmt: skip

    consumer_request = models.ForeignKey(
        ConsumerRequest, models.PROTECT, related_name="plans", null=True
    )
    chunk = models.ForeignKey(Chunk, models.PROTECT, related_name="plans", null=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="supplements")
    system_key = models.CharField(max_length=40)
    map_version = models.ForeignKey("notices_app.DataMapVersion", models.PROTECT)
    map_digest = models.CharField(max_length=64)
    version = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=12, choices=PlanState, default=PlanState.FROZEN)
    people = models.PositiveIntegerField()
    subjects = models.BinaryField()
    data_key = models.ForeignKey("ccpa_office.DataKey", models.PROTECT)
    summary = models.JSONField()
    hash = models.CharField(max_length=64)
    rows = models.PositiveIntegerField()
    rows_per_person = models.PositiveIntegerField()
    share = models.FloatField()
    sensitive = models.BooleanField()
    above_ceiling = models.BooleanField()
    undecided = models.PositiveIntegerField()
    approvals_needed = models.PositiveSmallIntegerField()
    asked_by_id = models.BigIntegerField(null=True)
    built_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    executable_at = models.DateTimeField(null=True)
    executed_at = models.DateTimeField(null=True)
    proved_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        constraints = [
            models.UniqueConstraint(
                fields=["consumer_request", "system_key", "version"], name="a_plan_version_once"
            ),
            models.UniqueConstraint(
                fields=["consumer_request", "system_key"],
                name="one_living_plan_a_request_and_system",
                condition=Q(state__in=["frozen", "approved", "executing"], parent__isnull=True),
            ),
            models.CheckConstraint(
                name="above_a_ceiling_two_approve",
                condition=Q(above_ceiling=False) | Q(approvals_needed__gte=2),
            ),
            models.CheckConstraint(
                name="never_without_an_approval",
                condition=Q(approvals_needed__gte=1) | Q(consumer_request__isnull=True),
            ),
            models.CheckConstraint(
                name="undecided_plans_stay_frozen",
                condition=Q(undecided=0) | Q(state__in=["frozen", "void", "stopped"]),
            ),
        ]
        indexes = [
            models.Index(fields=["executable_at"], name="plans_due", condition=Q(state="approved"))
        ]

    def __str__(self) -> str:
        return self.hash[:12]


class PlanTable(models.Model):
    """The frozen keys of one table and action, packed, each with its person's place."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "plan": "key", "ordinal": "none", "table": "none", "action": "none",
        "reason": "none", "until": "none", "first_until": "none", "columns": "none", "rows": "none",
        "keys": "sealed", "persons": "none", "shared": "none", "decision": "none",
    }  # fmt: skip

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="tables")
    ordinal = models.PositiveSmallIntegerField()
    table = models.CharField(max_length=130)
    action = models.CharField(max_length=8)
    reason = models.CharField(max_length=8, blank=True, default="")
    until = models.DateField(null=True)
    first_until = models.DateField(null=True)
    columns = models.JSONField(default=list)
    rows = models.PositiveIntegerField()
    keys = models.BinaryField()
    persons = models.BinaryField()
    shared = models.BooleanField(default=False)
    decision = models.CharField(max_length=8, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "ordinal"], name="a_table_of_a_plan_once")
        ]

    def __str__(self) -> str:
        return f"{self.table}: {self.action}"


class Approval(models.Model):
    """One person's yes to one plan's hash."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "plan": "key", "hash": "none", "by_id": "staff", "at": "none",
        "reason": "none",
    }  # fmt: skip

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="approvals")
    hash = models.CharField(max_length=64)
    by_id = models.BigIntegerField()
    at = models.DateTimeField()
    reason = models.CharField(max_length=400, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "by_id"], name="one_approval_a_person")
        ]

    def __str__(self) -> str:
        return self.hash[:12]


class BatchApproval(models.Model):
    """One person's yes to a batch's people."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "batch": "key", "hash": "none", "by_id": "staff", "at": "none",
    }  # fmt: skip

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="approvals")
    hash = models.CharField(max_length=64)
    by_id = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "by_id", "hash"], name="one_batch_approval_a_person"
            )
        ]

    def __str__(self) -> str:
        return self.hash[:12]


class Receipt(models.Model):
    """What the target returned for one table and action of a chunk."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "chunk": "key", "ordinal": "none", "table": "none", "action": "none",
        "planned": "none", "done": "none", "gone": "none", "digest": "none", "at": "none",
    }  # fmt: skip

    chunk = models.ForeignKey(Chunk, models.PROTECT, related_name="receipts")
    ordinal = models.PositiveSmallIntegerField()
    table = models.CharField(max_length=130)
    action = models.CharField(max_length=8)
    planned = models.PositiveIntegerField()
    done = models.PositiveIntegerField()
    gone = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chunk", "ordinal"], name="a_receipt_stands_once"),
            models.CheckConstraint(
                name="receipts_add_up", condition=Q(planned=F("done") + F("gone"))
            ),
        ]

    def __str__(self) -> str:
        return self.table


class Finding(models.TextChoices):
    """What a second look says of a table."""

    ABSENT = "absent", _("nothing is left")
    KEPT = "kept", _("kept, with its ground")
    RESIDUAL = "residual", _("something is left")


class Look(DueWork):
    """A second look at a chunk's people: at once, and after 1, 7 and 30 days."""

    PERSONAL: ClassVar[dict[str, str]] = {
        **WORK_FIELDS, "chunk": "key", "day": "none", "looked_at": "none", "finding": "none",
        "tables": "none",
    }  # fmt: skip

    chunk = models.ForeignKey(Chunk, models.PROTECT, related_name="looks")
    day = models.PositiveSmallIntegerField()
    looked_at = models.DateTimeField(null=True)
    finding = models.CharField(max_length=8, choices=Finding, blank=True, default="")
    tables = models.JSONField(default=list)

    class Meta(DueWork.Meta):
        abstract = False
        constraints = [
            *DueWork.Meta.constraints,
            models.UniqueConstraint(fields=["chunk", "day"], name="a_look_stands_once"),
        ]

    def __str__(self) -> str:
        return f"{self.chunk_id}+{self.day}"


class Switch(models.Model):
    """The office's kill switch for erasure. One row."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "stopped": "none", "by_id": "staff", "at": "none", "reason": "none",
    }  # fmt: skip

    stopped = models.BooleanField(default=False)
    by_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True, default="")

    def __str__(self) -> str:
        return "stopped" if self.stopped else "open"
