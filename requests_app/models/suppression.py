"""Keyed digests of the people who were deleted, so that they stay deleted."""

from typing import ClassVar

from django.db import models

from ccpa_office.models import DataKey
from notices_app.models import DataSystem


class Suppression(models.Model):
    """One identifier of one deleted person, as a keyed digest (Civ. 1798.105(c)(2))."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "kind": "none", "digest": "digest", "subject": "pseudonym", "at": "none",
    }  # fmt: skip

    kind = models.CharField(max_length=32)
    digest = models.BinaryField()
    subject = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest", "kind"], name="a_suppression_stands_once")
        ]

    def __str__(self) -> str:
        return self.kind


class HostKey(models.Model):
    """The key by which one host's own database knows who was deleted. Sealed; not the office's.

    ``handed_to`` is the last digest that a file for the host held, with every one before it.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "system": "key", "sealed": "sealed", "data_key": "key", "made_at": "none",
        "made_by_id": "staff", "handed_to": "none", "handed_at": "none",
    }  # fmt: skip

    system = models.OneToOneField(DataSystem, models.CASCADE, related_name="+")
    sealed = models.BinaryField()
    data_key = models.ForeignKey(DataKey, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    made_by_id = models.BigIntegerField()
    handed_to = models.BigIntegerField(default=0, db_default=0)
    handed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.system_id)


class HostDigest(models.Model):
    """One reading of one identifier of one deleted person, by a host's key."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "key": "key", "kind": "none", "digest": "digest", "at": "none",
    }  # fmt: skip

    key = models.ForeignKey(HostKey, models.CASCADE, related_name="digests", db_index=False)
    kind = models.CharField(max_length=32)
    digest = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "digest", "kind"], name="a_digest_of_a_host_stands_once"
            )
        ]

    def __str__(self) -> str:
        return self.kind
