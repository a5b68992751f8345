"""Who asks and how to reach them: identifiers and contacts, all sealed."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from requests_app.models.request import ConsumerRequest


class IdentifierSource(models.TextChoices):
    """Where an identifier comes from. A typed one proves nothing (VR-14)."""

    TYPED = "typed", _("typed in the form")
    CLAIMED = "claimed", _("claimed for verification")
    ON_FILE = "on-file", _("held by the business before the request")


class Identifier(models.Model):
    """One fact about the consumer: sealed, found again only by its keyed digest."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "consumer_request": "key", "source": "none", "kind": "none",
        "system_key": "none", "value": "sealed", "digest": "digest", "is_contact": "none",
        "since": "none", "confirmed_at": "none",
    }  # fmt: skip

    consumer_request = models.ForeignKey(
        ConsumerRequest, models.CASCADE, related_name="identifiers"
    )
    source = models.CharField(max_length=8, choices=IdentifierSource)
    kind = models.CharField(max_length=32)
    system_key = models.CharField(max_length=40, blank=True, default="")
    value = models.BinaryField()
    digest = models.BinaryField()
    is_contact = models.BooleanField(default=False)
    since = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["digest"], name="identifier_digest")]
        constraints = [
            models.UniqueConstraint(
                fields=["consumer_request", "source", "kind", "system_key", "digest"],
                name="an_identifier_stands_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_source_display()}: {self.kind}"
