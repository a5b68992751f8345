"""Corrections of single fields, and the locks that keep a wrong value from coming back."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ccpa_office.models import DueWork
from requests_app.models.request import ConsumerRequest
from requests_app.models.work import WORK_FIELDS


class CorrectionStage(models.TextChoices):
    """How far a correction is."""

    PROPOSED = "proposed", _("waiting for a second person")
    APPROVED = "approved", _("being carried out")
    DONE = "done", _("carried out and seen")
    CHANGED = "changed", _("something else stands there by now")
    REFUSED = "refused", _("refused")


class SaidRight(models.TextChoices):
    """What somebody answered, who corrects by hand at a system outside."""

    RIGHT = "right", _("It is corrected")
    NOTHING = "nothing", _("Nothing was found")
    IMPOSSIBLE = "impossible", _("It cannot be done")


class Correction(DueWork):
    """One field of one row: what stood there and what is right, both sealed (11 CCR 7023(c)).

    The row is no due work until a second person has approved it. At a system outside ``row`` says
    by what it is asked, ``field`` is the kind, and ``records`` are those that held the wrong value.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        **WORK_FIELDS, "consumer_request": "key", "system_key": "none", "map_version": "none",
        "collection": "none", "field": "none", "row": "sealed", "before": "sealed",
        "after": "sealed", "stage": "none", "follows": "none", "proposed_by_id": "staff",
        "proposed_at": "none",
        "approved_by_id": "staff", "approved_at": "none", "done_at": "none",
        "records": "sealed", "round": "none", "said": "none", "answered_at": "none",
        "answered_by_id": "staff", "confirmed_at": "none", "confirmed_by_id": "staff",
    }  # fmt: skip

    consumer_request = models.ForeignKey(
        ConsumerRequest, models.PROTECT, related_name="corrections"
    )
    system_key = models.CharField(max_length=40)
    map_version = models.ForeignKey("notices_app.DataMapVersion", models.PROTECT)
    collection = models.CharField(max_length=130)
    field = models.CharField(max_length=130)
    row = models.BinaryField()
    before = models.BinaryField()
    after = models.BinaryField()
    stage = models.CharField(
        max_length=12, choices=CorrectionStage, default=CorrectionStage.PROPOSED
    )
    follows = models.BooleanField(default=False)
    proposed_by_id = models.BigIntegerField()
    proposed_at = models.DateTimeField()
    approved_by_id = models.BigIntegerField(null=True)
    approved_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    records = models.BinaryField(default=b"", db_default=b"")
    round = models.PositiveSmallIntegerField(default=1, db_default=1)
    said = models.CharField(max_length=10, choices=SaidRight, blank=True, default="", db_default="")
    answered_at = models.DateTimeField(null=True)
    answered_by_id = models.BigIntegerField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by_id = models.BigIntegerField(null=True)

    class Meta(DueWork.Meta):
        abstract = False
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        constraints = [
            *DueWork.Meta.constraints,
            models.CheckConstraint(
                name="two_people_correct",
                condition=Q(stage__in=["proposed", "refused"])
                | Q(approved_by_id__isnull=False, approved_at__isnull=False)
                & ~Q(approved_by_id=F("proposed_by_id")),
            ),
            models.CheckConstraint(
                name="only_approved_corrections_are_due",
                condition=~Q(stage="proposed") | Q(state="done"),
            ),
            models.CheckConstraint(
                name="another_person_confirms_a_correction",
                condition=Q(confirmed_by_id__isnull=True)
                | Q(answered_by_id__isnull=False) & ~Q(answered_by_id=F("confirmed_by_id")),
            ),
            models.CheckConstraint(
                name="a_correction_by_hand_counts_when_confirmed",
                condition=Q(stage__in=["proposed", "approved", "refused"])
                | Q(said="")
                | Q(confirmed_by_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.collection}.{self.field}"


class CorrectionLock(models.Model):
    """That a value is wrong in one field of one row or person: keyed digests alone (7023(c))."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "system_key": "none", "collection": "none", "field": "none",
        "subject": "digest", "wrong": "digest", "number": "pseudonym", "at": "none",
    }  # fmt: skip

    system_key = models.CharField(max_length=40)
    collection = models.CharField(max_length=130)
    field = models.CharField(max_length=130)
    subject = models.BinaryField()
    wrong = models.BinaryField()
    number = models.CharField(max_length=11)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "wrong", "system_key", "collection", "field"],
                name="a_lock_stands_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.collection}.{self.field}"


class Seen(models.TextChoices):
    """What a later look at a corrected field found."""

    RIGHT = "right", _("it stands corrected")
    WRONG = "wrong", _("the wrong value is back")
    OTHER = "other", _("something else stands there")


class CorrectionLook(DueWork):
    """A later look at a corrected field, after 1, 7 and 30 days: a feed may put it back."""

    PERSONAL: ClassVar[dict[str, str]] = {
        **WORK_FIELDS, "correction": "key", "day": "none", "looked_at": "none", "seen": "none",
    }  # fmt: skip

    correction = models.ForeignKey(Correction, models.CASCADE, related_name="looks")
    day = models.PositiveSmallIntegerField()
    looked_at = models.DateTimeField(null=True)
    seen = models.CharField(max_length=8, choices=Seen, blank=True, default="")

    class Meta(DueWork.Meta):
        abstract = False
        constraints = [
            *DueWork.Meta.constraints,
            models.UniqueConstraint(
                fields=["correction", "day"], name="a_look_at_a_correction_once"
            ),
        ]
        indexes = [
            *DueWork.Meta.indexes,
            models.Index(
                fields=["correction"], name="corrections_undone", condition=models.Q(seen="wrong")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.correction_id}+{self.day}"
