"""People of a list who wait for their plan."""

from typing import ClassVar

from django.db import models

from requests_app.models.fulfillment import Chunk


class Listed(models.Model):
    """The people of a chunk whose plan is not built yet, sealed; gone as soon as it is."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "chunk": "key", "data_key": "key", "people": "sealed",
    }  # fmt: skip

    chunk = models.OneToOneField(Chunk, models.CASCADE, related_name="listed")
    data_key = models.ForeignKey("ccpa_office.DataKey", models.PROTECT, related_name="+")
    people = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.chunk_id}"
