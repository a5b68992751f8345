"""Keyed digests of the people who were deleted, so that they stay deleted."""

from typing import ClassVar

from django.db import models


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
