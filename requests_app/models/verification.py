"""Links, points that matched, declarations: what proves that it is the consumer."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from ccpa_office.models import DueWork
from requests_app.models.parties import Identifier
from requests_app.models.request import ConsumerRequest


class LinkPurpose(models.TextChoices):
    """What a mailed link may do, and nothing else (VR-21)."""

    FOLLOW = "follow", _("follow the request")
    CONFIRM = "confirm", _("confirm the request")
    STOP = "stop", _("stop the request")
    PACKAGE = "package", _("fetch the package")


class Link(models.Model):
    """A mailed link: 256 random bits of which only the digest is kept."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "digest": "digest", "purpose": "none", "consumer_request": "key",
        "contact": "key", "made_at": "none", "expires_at": "none", "used_at": "none",
        "voided_at": "none",
    }  # fmt: skip

    digest = models.BinaryField(unique=True)
    purpose = models.CharField(max_length=8, choices=LinkPurpose)
    consumer_request = models.ForeignKey(ConsumerRequest, models.CASCADE, related_name="links")
    contact = models.ForeignKey(Identifier, models.CASCADE, null=True, related_name="links")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"


class EvidencePoint(models.Model):
    """One data point that the system compared: its name and whether it matched, never the value."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "consumer_request": "key", "point": "none", "group": "none",
        "matched": "none", "evaluation": "none", "method_version": "none", "at": "none",
    }  # fmt: skip

    consumer_request = models.ForeignKey(ConsumerRequest, models.CASCADE, related_name="points")
    point = models.CharField(max_length=40)
    group = models.CharField(max_length=40)
    matched = models.BooleanField()
    evaluation = models.PositiveSmallIntegerField()
    method_version = models.CharField(max_length=16)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["consumer_request", "evaluation", "point"], name="a_point_is_compared_once"
            )
        ]

    def __str__(self) -> str:
        return self.point


class Declaration(models.Model):
    """Signed in the browser under penalty of perjury; kept with the record (11 CCR 7062(c))."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "consumer_request": "key", "text_version": "none", "text_digest": "none",
        "typed_name": "sealed", "signed_at": "none",
    }  # fmt: skip

    consumer_request = models.OneToOneField(
        ConsumerRequest, models.CASCADE, related_name="declaration"
    )
    text_version = models.CharField(max_length=16)
    text_digest = models.CharField(max_length=64)
    typed_name = models.BinaryField()
    signed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.text_version


class LinkAsked(DueWork):
    """Somebody typed a number and an address to get a link: looked at by a worker, then forgotten.

    The page writes this row whatever was typed, so that its time tells nothing (PR-41).
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", **DueWork.WORK_PERSONAL, "number": "pseudonym", "digests": "digest",
    }  # fmt: skip

    number = models.CharField(max_length=11)
    digests = ArrayField(models.BinaryField())

    def __str__(self) -> str:
        return f"{self.pk}"
