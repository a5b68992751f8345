"""A notice and its versions: where each stands, and who brought it there."""

from datetime import date
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ccpa_office.law.vocabulary import BusinessPurpose
from notices_app.models.vocabulary import Language, Purpose, Recipient


class Status(models.TextChoices):
    """Where a version stands."""

    DRAFT = "draft", _("Draft")
    IN_REVIEW = "in_review", _("In review")
    PUBLISHED = "published", _("Published")
    SUPERSEDED = "superseded", _("Superseded")


OPEN = (Status.DRAFT, Status.IN_REVIEW)
OUT = (Status.PUBLISHED, Status.SUPERSEDED)


class Notice(models.Model):
    """One notice of the business; what it says stands in its versions."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "slug": "public",
        "offers_education": "public",
    }
    slug = models.SlugField(_("address"), max_length=40, unique=True)
    offers_education = models.BooleanField(
        _("the business teaches"),
        default=False,
        help_text=_("Then education information and decisions on study are asked about."),
    )

    class Meta:
        ordering = ["slug"]
        verbose_name = _("notice")
        verbose_name_plural = _("notices")

    def __str__(self) -> str:
        return self.slug


class NoticeVersionQuerySet(models.QuerySet["NoticeVersion"]):
    """Sets of versions."""

    def out(self) -> Self:
        """Versions that the public may read, past ones too."""
        return self.filter(status__in=OUT)

    def in_work(self) -> Self:
        """Drafts and versions in review."""
        return self.filter(status__in=OPEN)

    def in_force(self, on: date) -> Self:
        """The version that counts on a day first: the newest of those in effect by then."""
        return self.out().filter(effective_on__lte=on).order_by("-effective_on")

    def awaiting_review_by(self, staff_id: int) -> Self:
        """Versions in review, unread, which this person had no hand in."""
        return self.filter(status=Status.IN_REVIEW, reviewed_by=None).exclude(authors=staff_id)

    def ready_to_publish(self) -> Self:
        """Versions in review that a second person has approved."""
        return self.filter(status=Status.IN_REVIEW, reviewed_by__isnull=False)

    def whole(self) -> Self:
        """Versions with all that they say, in a fixed number of statements."""
        return self.select_related("notice").prefetch_related(
            "texts",
            "statements",
            "purposes__names",
            "recipients__names",
            "lines__words",
            "lines__sources__names",
            "lines__purposes__names",
            "lines__recipients__recipient__names",
        )


class NoticeVersion(models.Model):
    """One version of a notice. Only ``publishing`` marks it; once out, nothing of it changes."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "notice": "key",
        "number": "public",
        "status": "public",
        "effective_on": "public",
        "covers_from": "public",
        "covers_until": "public",
        "original": "public",
        "business_purposes": "public",
        "digest": "public",
        "drafted_by": "staff",
        "drafted_at": "none",
        "submitted_by": "staff",
        "submitted_at": "none",
        "reviewed_by": "staff",
        "reviewed_at": "none",
        "review_note": "staff",
        "published_by": "staff",
        "published_at": "none",
        "superseded_at": "none",
    }
    notice = models.ForeignKey(Notice, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField(_("number"))
    status = models.CharField(
        _("status"), max_length=12, choices=Status, default=Status.DRAFT, editable=False
    )
    effective_on = models.DateField(_("in effect from"))
    covers_from = models.DateField(_("looks back from"), null=True, blank=True)
    covers_until = models.DateField(_("looks back until"), null=True, blank=True)
    original = models.CharField(
        _("original language"), max_length=2, choices=Language, default=Language.EN
    )
    business_purposes = ArrayField(
        models.CharField(max_length=8, choices=BusinessPurpose),
        default=list,
        blank=True,
        help_text=_("Named for the whole notice, tied to no category."),
    )
    purposes = models.ManyToManyField(Purpose, related_name="+", blank=True)
    recipients = models.ManyToManyField(Recipient, related_name="+", blank=True)
    authors = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)
    digest = models.CharField(_("digest"), max_length=64, blank=True, editable=False)

    drafted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField(_("drafted"))
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, blank=True
    )
    submitted_at = models.DateTimeField(_("submitted"), null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, blank=True
    )
    reviewed_at = models.DateTimeField(_("reviewed"), null=True, blank=True)
    review_note = models.TextField(_("the reviewer's note"), blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, blank=True
    )
    published_at = models.DateTimeField(_("published"), null=True, blank=True)
    superseded_at = models.DateTimeField(_("superseded"), null=True, blank=True)

    objects = NoticeVersionQuerySet.as_manager()

    class Meta:
        ordering = ["notice", "-number"]
        verbose_name = _("notice version")
        verbose_name_plural = _("notice versions")
        constraints = [
            models.UniqueConstraint(fields=["notice", "number"], name="numbers_are_given_once"),
            models.UniqueConstraint(
                fields=["notice"], condition=Q(status__in=OPEN), name="one_version_in_work"
            ),
            models.UniqueConstraint(
                fields=["notice", "effective_on"],
                condition=Q(status__in=OUT),
                name="one_version_takes_effect_a_day",
            ),
            models.CheckConstraint(
                name="a_drafter_does_not_review",
                condition=Q(reviewed_by=None)
                | (~Q(reviewed_by=F("drafted_by")) & ~Q(reviewed_by=F("submitted_by"))),
            ),
            models.CheckConstraint(
                name="what_is_out_was_reviewed_and_published",
                condition=Q(status__in=OPEN)
                | Q(
                    submitted_by__isnull=False,
                    reviewed_by__isnull=False,
                    published_by__isnull=False,
                    published_at__isnull=False,
                )
                & ~Q(digest=""),
            ),
            models.CheckConstraint(
                name="a_look_back_has_two_ends",
                condition=Q(covers_from=None, covers_until=None)
                | Q(covers_from__lt=F("covers_until")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice_id}, {self.number}"

    @property
    def is_out(self) -> bool:
        """Whether the public may read it."""
        return self.status in OUT
