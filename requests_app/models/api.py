"""Other programs that may ask the office by its interface."""

from typing import ClassVar

from django.db import models


class ApiClient(models.Model):
    """One program with a token of its own; of the token only a keyed digest is kept."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "name": "none", "token": "digest", "made_at": "none", "made_by_id": "staff",
        "revoked_at": "none", "used_at": "none", "entries": "none",
    }  # fmt: skip

    name = models.SlugField(max_length=40, unique=True)
    token = models.BinaryField(unique=True)
    made_at = models.DateTimeField()
    made_by_id = models.BigIntegerField()
    revoked_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    entries = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
