"""People of whom rows were kept: what goes when its term or its hold ends."""

from typing import ClassVar

from django.db import models

from requests_app.models.fulfillment import Plan


class Kept(models.Model):
    """One deleted person in one system, the rows that stayed, and the day to look at them again.

    Frozen keys of a proved plan are purged with its last look; these outlive it, under the data
    key of their request or list, until the last of the rows is gone: the key must live so long.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "subject": "pseudonym", "system_key": "none", "person": "sealed",
        "data_key": "key", "due_on": "none", "plan": "key", "at": "none",
    }  # fmt: skip

    subject = models.CharField(max_length=40)
    system_key = models.CharField(max_length=40)
    person = models.BinaryField()
    data_key = models.ForeignKey("ccpa_office.DataKey", models.PROTECT)
    due_on = models.DateField()
    plan = models.ForeignKey(Plan, models.PROTECT, null=True, related_name="ends")
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["due_on"], name="kept_due", condition=models.Q(plan__isnull=True)),
            models.Index(fields=["subject", "system_key"], name="kept_of"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
