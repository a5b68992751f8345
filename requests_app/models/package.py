"""Packages of what is held of one consumer: built, decided on, handed over, destroyed."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ccpa_office.models import DueWork
from requests_app.models.parties import Identifier
from requests_app.models.request import ConsumerRequest
from requests_app.models.work import WORK_FIELDS


class PackageStage(models.TextChoices):
    """How far a package is."""

    BUILD = "build", _("being collected")
    READY = "ready", _("to be looked through")
    PROPOSED = "proposed", _("waiting for a second person")
    RELEASED = "released", _("handed over")
    BY_HAND = "by-hand", _("to be collected by hand")
    VOID = "void", _("void")
    DESTROYED = "destroyed", _("destroyed")


class Package(DueWork):
    """What the office holds of one consumer, as one sealed file with a key of its own.

    The row is the work of building it; from then on only people move it. ``hash`` is the digest of
    its manifest, which names every file with its digest: who approves, approves that.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        **WORK_FIELDS, "consumer_request": "key", "version": "none", "content": "none",
        "stage": "none", "language": "none", "given": "none", "data_key": "key", "file": "none",
        "size": "none", "hash": "none", "summary": "none", "samples": "sealed",
        "answer": "sealed", "first_on": "none", "last_on": "none", "ordered_at": "none",
        "built_at": "none", "contact": "key", "asked_by_id": "staff", "prepared_by_id": "staff",
        "prepared_at": "none", "released_by_id": "staff", "released_at": "none",
        "expires_at": "none", "downloads": "none", "destroyed_at": "none",
    }  # fmt: skip

    class Content(models.TextChoices):
        SPECIFIC = "specific", _("specific pieces")
        CATEGORIES = "categories", _("categories")

    consumer_request = models.ForeignKey(ConsumerRequest, models.PROTECT, related_name="packages")
    version = models.PositiveSmallIntegerField(default=1)
    content = models.CharField(max_length=12, choices=Content)
    stage = models.CharField(max_length=12, choices=PackageStage, default=PackageStage.BUILD)
    language = models.CharField(max_length=5)
    given = models.JSONField(default=list)
    data_key = models.OneToOneField("ccpa_office.DataKey", models.PROTECT)
    file = models.CharField(max_length=60, blank=True, default="")
    size = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True, default="")
    summary = models.JSONField(default=dict)
    samples = models.BinaryField(default=b"")
    answer = models.BinaryField(default=b"")
    first_on = models.DateField(null=True)
    last_on = models.DateField(null=True)
    ordered_at = models.DateTimeField()
    built_at = models.DateTimeField(null=True)
    contact = models.ForeignKey(Identifier, models.PROTECT, null=True, related_name="+")
    asked_by_id = models.BigIntegerField(null=True)
    prepared_by_id = models.BigIntegerField(null=True)
    prepared_at = models.DateTimeField(null=True)
    released_by_id = models.BigIntegerField(null=True)
    released_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    downloads = models.PositiveSmallIntegerField(default=0)
    destroyed_at = models.DateTimeField(null=True)

    class Meta(DueWork.Meta):
        abstract = False
        verbose_name = _("package")
        verbose_name_plural = _("packages")
        constraints = [
            *DueWork.Meta.constraints,
            models.UniqueConstraint(
                fields=["consumer_request", "version"], name="a_package_version_once"
            ),
            models.UniqueConstraint(
                fields=["consumer_request"],
                name="one_living_package_a_request",
                condition=Q(stage__in=["build", "ready", "proposed", "released"]),
            ),
            models.CheckConstraint(
                name="two_people_hand_a_package_over",
                condition=~Q(stage="released")
                | Q(
                    prepared_by_id__isnull=False,
                    released_by_id__isnull=False,
                    released_at__isnull=False,
                    expires_at__isnull=False,
                    contact__isnull=False,
                )
                & ~Q(prepared_by_id=F("released_by_id")),
            ),
            models.CheckConstraint(
                name="a_destroyed_package_has_no_file",
                condition=~Q(stage="destroyed")
                | Q(file="", samples=b"", answer=b"", destroyed_at__isnull=False),
            ),
        ]
        indexes = [
            *DueWork.Meta.indexes,
            models.Index(
                fields=["expires_at"], name="packages_that_end", condition=Q(stage="released")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hash[:12] or self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether somebody has still to decide on it."""
        return self.stage in {PackageStage.READY, PackageStage.PROPOSED}


class PackageCode(models.Model):
    """A code that opens one package in one browser: 8 signs, 10 minutes, 3 tries (VR-21)."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "package": "key", "digest": "digest", "session": "digest", "made_at": "none",
        "expires_at": "none", "tries": "none", "used_at": "none",
    }  # fmt: skip

    package = models.ForeignKey(Package, models.CASCADE, related_name="codes")
    digest = models.BinaryField()
    session = models.BinaryField()
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="a_code_is_tried_three_times", condition=Q(tries__lte=3))
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class Download(models.Model):
    """One download of a package: when it began and ended, how many bytes went out."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "package": "key", "begun_at": "none", "ended_at": "none", "sent": "none",
        "complete": "none",
    }  # fmt: skip

    package = models.ForeignKey(Package, models.CASCADE, related_name="fetched")
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    sent = models.BigIntegerField(default=0)
    complete = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.pk}"
