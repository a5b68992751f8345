"""What the law finds wanting in a notice, and what a person says to it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from notices_app.models.notice import NoticeVersion


class FindingCode(models.TextChoices):
    """What the law of a day may find wanting in a notice (law, section 9)."""

    TOO_OLD = "too-old", _("Too old")
    RIGHTS_MISSING = "rights-missing", _("Rights missing")
    RETENTION_MISSING = "retention-missing", _("Retention missing")
    SALE_UNSAID = "sale-unsaid", _("Sale and sharing unsaid")
    UNTIED = "untied", _("Recipients or purposes not tied to categories")
    SENSITIVE_UNNAMED = "sensitive-unnamed", _("Sensitive kinds unnamed")
    EDUCATION_MISSING = "education-missing", _("Education information missing")
    LOCATION_PRECISION = "location-precision", _("Location: precise or not")
    PROCEDURE_UNSAID = "procedure-unsaid", _("Procedure unsaid")
    CHANNELS_TOO_FEW = "channels-too-few", _("Too few ways to ask")
    EARLIER_UNSAID = "earlier-unsaid", _("More than 12 months unsaid")
    EXCEPTIONS_UNSAID = "exceptions-unsaid", _("Exceptions of deletion unsaid")
    LANGUAGES_UNSAID = "languages-unsaid", _("Languages of requests unsaid")
    AUTOMATION_UNSAID = "automation-unsaid", _("Automated decisions unsaid")


class FindingNote(models.Model):
    """The fact that a person states about a finding which no machine can settle. Kept for good."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "version": "key",
        "code": "none",
        "note": "staff",
        "by": "staff",
        "at": "none",
    }
    version = models.ForeignKey(NoticeVersion, models.CASCADE, related_name="finding_notes")
    code = models.CharField(_("finding"), max_length=24, choices=FindingCode)
    note = models.TextField(_("note"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(_("noted"))

    class Meta:
        ordering = ["at", "id"]
        verbose_name = _("note on a finding")
        verbose_name_plural = _("notes on findings")

    def __str__(self) -> str:
        return self.code
