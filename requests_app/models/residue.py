"""What a later look found: people told of in others' texts, rows that came back, and the answer."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from ccpa_office.models import DueWork
from requests_app.models.fulfillment import Batch, Chunk, Finding, Look, Plan
from requests_app.models.outside import OutsideLook
from requests_app.models.work import WORK_FIELDS


class Sweep(DueWork):
    """One pass through the free texts of a system, for all people of a batch together.

    ``place`` (a table) and ``after`` (a key) say how far it is: nobody reads a page twice.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        **WORK_FIELDS, "batch": "key", "ordinal": "none", "data_key": "key", "people": "none",
        "place": "none", "after": "sealed", "read": "none", "names_alone": "none",
        "finding": "none", "looked_at": "none",
    }  # fmt: skip

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="sweeps")
    ordinal = models.PositiveSmallIntegerField(default=1)
    data_key = models.ForeignKey("ccpa_office.DataKey", models.PROTECT)
    people = models.PositiveIntegerField(default=0)
    place = models.CharField(max_length=130, blank=True, default="")
    after = models.BinaryField(default=b"")
    read = models.BigIntegerField(default=0)
    names_alone = models.PositiveIntegerField(default=0)
    finding = models.CharField(max_length=8, choices=Finding, blank=True, default="")
    looked_at = models.DateTimeField(null=True)

    class Meta(DueWork.Meta):
        abstract = False
        constraints = [
            *DueWork.Meta.constraints,
            models.UniqueConstraint(fields=["batch", "ordinal"], name="a_sweep_stands_once"),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.ordinal}"


class SweptChunk(models.Model):
    """A chunk whose people a sweep looks for."""

    PERSONAL: ClassVar[dict[str, str]] = {"id": "key", "sweep": "key", "chunk": "key"}

    sweep = models.ForeignKey(Sweep, models.CASCADE, related_name="chunks")
    chunk = models.OneToOneField(Chunk, models.PROTECT, related_name="swept")

    def __str__(self) -> str:
        return f"{self.chunk_id}"


class ResidueState(models.TextChoices):
    """What becomes of what a later look found."""

    OPEN = "open", _("waits for a decision")
    PLANNED = "planned", _("a plan for it waits, or is carried out")
    SETTLED = "settled", _("taken away, and proved")
    KEPT = "kept", _("kept, with its ground")


class Trace(models.Model):
    """A row that is nobody's of the people, and whose text tells of people of one plan."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "sweep": "key", "plan": "key", "table": "none", "key": "sealed",
        "persons": "none", "state": "none", "answer": "key", "by_id": "staff", "ground": "none",
        "settled_at": "none",
    }  # fmt: skip

    sweep = models.ForeignKey(Sweep, models.PROTECT, related_name="traces")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="traces")
    table = models.CharField(max_length=130)
    key = models.BinaryField()
    persons = models.JSONField(default=list)
    state = models.CharField(max_length=8, choices=ResidueState, default=ResidueState.OPEN)
    answer = models.ForeignKey(Plan, models.PROTECT, null=True, related_name="redacts")
    by_id = models.BigIntegerField(null=True)
    ground = models.CharField(max_length=40, blank=True, default="")
    settled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.table


class Return(models.Model):
    """A later look that found rows of people of a plan again, and the plan that answers it."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "plan": "key", "look": "key", "outside_look": "key", "state": "none",
        "answer": "key", "at": "none", "tried_at": "none", "settled_at": "none",
    }  # fmt: skip

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="returns")
    look = models.ForeignKey(Look, models.PROTECT, null=True, related_name="returns")
    outside_look = models.ForeignKey(OutsideLook, models.PROTECT, null=True, related_name="returns")
    state = models.CharField(max_length=8, choices=ResidueState, default=ResidueState.OPEN)
    answer = models.ForeignKey(Plan, models.PROTECT, null=True, related_name="answers")
    at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.plan_id}"
