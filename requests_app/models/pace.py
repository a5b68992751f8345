"""How fast a system is worked on: whose turn it is, and why it waits."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Slowed(models.TextChoices):
    """Why the next chunk of a system waits."""

    NOT = "", _("at its own pace")
    SHARE = "share", _("it leaves the system its share of time")
    SESSIONS = "sessions", _("the system is busy with others")
    ANSWERS = "answers", _("the system answers more slowly than usual")


class Pace(models.Model):
    """One system that is worked on with a share of its time: when the next chunk may begin."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "system_key": "none", "free_at": "none", "slowed": "none", "usual": "none",
        "answered": "none", "sessions": "none",
    }  # fmt: skip

    system_key = models.CharField(max_length=40, unique=True)
    free_at = models.DateTimeField()
    slowed = models.CharField(max_length=8, choices=Slowed, blank=True, default=Slowed.NOT)
    usual = models.FloatField(default=0)
    answered = models.FloatField(default=0)
    sessions = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.system_key
