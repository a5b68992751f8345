"""The lanes of due work, known to the rows, the workers and the broker alike."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Lane(TextChoices):
    """One lane per kind of work; a lane never waits for another."""

    MAIL = "mail", _("Mail")
    VERIFY = "verify", _("Verify")
    PLAN = "plan", _("Plan")
    ERASE = "erase", _("Erase")
    COLLECT = "collect", _("Collect")
    PROVE = "prove", _("Prove")
    HOUSE = "house", _("House")


LANES = tuple(str(lane.value) for lane in Lane)
