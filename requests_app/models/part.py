"""Parts of an answer to know that only people can give: asked, answered, confirmed, destroyed."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from requests_app.models.request import ConsumerRequest


class PartStage(models.TextChoices):
    """How far a part is."""

    ASKED = "asked", _("asked, and not answered yet")
    ANSWERED = "answered", _("answered; another person confirms it")
    CONFIRMED = "confirmed", _("confirmed")
    DESTROYED = "destroyed", _("destroyed")


class PartSaid(models.TextChoices):
    """What somebody answered who looked for a consumer's information by hand."""

    FOUND = "found", _("Here is what we hold")
    NOTHING = "nothing", _("Nothing was found")
    KEPT = "kept", _("It is not given, under an exception")


class Part(models.Model):
    """What one system that answers no machine is asked for one request to know, and its answer.

    Its file and its note are sealed with a key of their own, which goes with the package.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "consumer_request": "key", "system_key": "none", "stage": "none",
        "data_key": "key", "asked": "sealed", "asked_at": "none", "due_on": "none",
        "reminded_on": "none", "late_on": "none", "letters": "none", "link": "digest",
        "link_until": "none", "assigned_to_id": "staff",
        "said": "none", "exception": "none", "note": "sealed", "content": "sealed",
        "ending": "none", "size": "none", "digest": "none", "answered_at": "none",
        "answered_by_id": "staff", "by_link": "none", "confirmed_at": "none",
        "confirmed_by_id": "staff", "destroyed_at": "none",
    }  # fmt: skip

    consumer_request = models.ForeignKey(ConsumerRequest, models.PROTECT, related_name="parts")
    system_key = models.CharField(max_length=40)
    stage = models.CharField(max_length=10, choices=PartStage, default=PartStage.ASKED)
    data_key = models.OneToOneField("ccpa_office.DataKey", models.PROTECT)
    asked = models.BinaryField(default=b"")
    asked_at = models.DateTimeField()
    due_on = models.DateField()
    reminded_on = models.DateField(null=True)
    late_on = models.DateField(null=True)
    letters = models.PositiveSmallIntegerField(default=0)
    link = models.BinaryField(null=True, unique=True)
    link_until = models.DateTimeField(null=True)
    assigned_to_id = models.BigIntegerField(null=True)
    said = models.CharField(max_length=8, choices=PartSaid, blank=True, default="")
    exception = models.CharField(max_length=8, blank=True, default="")
    note = models.BinaryField(default=b"")
    content = models.BinaryField(default=b"")
    ending = models.CharField(max_length=4, blank=True, default="")
    size = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True, default="")
    answered_at = models.DateTimeField(null=True)
    answered_by_id = models.BigIntegerField(null=True)
    by_link = models.BooleanField(default=False)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by_id = models.BigIntegerField(null=True)
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("part by hand")
        verbose_name_plural = _("parts by hand")
        indexes = [
            models.Index(
                fields=["due_on"], name="parts_that_wait", condition=Q(stage="asked", late_on=None)
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["consumer_request", "system_key"], name="a_system_gives_one_part"
            ),
            models.CheckConstraint(
                name="a_part_is_confirmed_by_another_person",
                condition=Q(confirmed_by_id__isnull=True)
                | Q(answered_by_id__isnull=True, by_link=True)
                | Q(answered_by_id__isnull=False) & ~Q(answered_by_id=F("confirmed_by_id")),
            ),
            models.CheckConstraint(
                name="a_part_counts_when_confirmed",
                condition=~Q(stage="confirmed")
                | Q(confirmed_by_id__isnull=False, confirmed_at__isnull=False) & ~Q(said=""),
            ),
            models.CheckConstraint(
                name="a_part_not_given_has_its_exception",
                condition=~Q(said="kept") | ~Q(exception=""),
            ),
            models.CheckConstraint(
                name="a_destroyed_part_holds_nothing",
                condition=~Q(stage="destroyed")
                | Q(asked=b"", note=b"", content=b"", destroyed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
