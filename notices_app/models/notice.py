"""A notice, its versions, and what a version says: lines, words and statements."""

from datetime import date
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ccpa_office.law.vocabulary import BusinessPurpose, Category, Sensitive
from notices_app.models.vocabulary import Language, Purpose, Recipient, Source


class Status(models.TextChoices):
    """Where a version stands."""

    DRAFT = "draft", _("Draft")
    IN_REVIEW = "in_review", _("In review")
    PUBLISHED = "published", _("Published")
    SUPERSEDED = "superseded", _("Superseded")


OPEN = (Status.DRAFT, Status.IN_REVIEW)
OUT = (Status.PUBLISHED, Status.SUPERSEDED)


class Section(models.TextChoices):
    """The parts of a notice that are told in words, in the order of the page (11 CCR 7011(e))."""

    SUMMARY = "summary", _("Summary")
    ABOUT = "about", _("About this notice")
    PURPOSES = "purposes", _("Why we collect")
    SELLING = "selling", _("Selling and sharing")
    DISCLOSING = "disclosing", _("Disclosing for business purposes")
    SENSITIVE = "sensitive", _("Sensitive personal information")
    RETENTION = "retention", _("How long we keep it")
    RIGHTS = "rights", _("Your rights")
    DELETION = "deletion", _("What we keep after a deletion")
    ASKING = "asking", _("How to ask")
    VERIFYING = "verifying", _("How we check that it is you")
    AGENTS = "agents", _("Authorized agents")
    SIGNALS = "signals", _("Opt-out signals")
    CHILDREN = "children", _("People under 16")
    AUTOMATION = "automation", _("Automated decisions")
    INCENTIVES = "incentives", _("Financial incentives")
    CHANGES = "changes", _("Changes to this notice")
    CONTACT = "contact", _("Contact")


class Said(models.TextChoices):
    """What a notice may say beside its lines: a fixed list, so that the law can be held to it."""

    NOT_SOLD = "not-sold", _("Says that nothing is sold")
    NOT_SHARED = "not-shared", _("Says that nothing is shared")
    RIGHT_KNOW = "right-know", _("Names the right to know")
    RIGHT_KNOW_EARLIER = "right-know-earlier", _("Says how to ask for more than 12 months")
    RIGHT_DELETE = "right-delete", _("Names the right to delete")
    RIGHT_CORRECT = "right-correct", _("Names the right to correct")
    RIGHT_OPT_OUT_SALE = "right-opt-out-sale", _("Names the right to opt out of sale")
    RIGHT_OPT_OUT_SHARING = "right-opt-out-sharing", _("Names the right to opt out of sharing")
    RIGHT_LIMIT = "right-limit", _("Names the right to limit")
    RIGHT_NO_RETALIATION = "right-no-retaliation", _("Names the right not to be retaliated against")
    RIGHT_ADMT = "right-admt", _("Names the rights about automated decisions")
    NO_ADMT = "no-admt", _("Says that no significant decision is automated")
    DELETION_EXCEPTIONS = "deletion-exceptions", _("Says what a deletion may leave")
    METHOD_ACCOUNT = "method-account", _("Requests in the account settings")
    METHOD_EMAIL = "method-email", _("Requests by e-mail")
    METHOD_FORM = "method-form", _("Requests by web form")
    METHOD_TOLL_FREE = "method-toll-free", _("Requests by toll-free telephone")
    METHOD_POST = "method-post", _("Requests by post")
    VERIFICATION = "verification", _("Describes verification")
    AGENTS = "agents", _("Instructs authorized agents")
    UNDER_16 = "under-16", _("Speaks about people under 16")
    SIGNALS = "signals", _("Says how opt-out signals are treated")
    UPDATED = "updated", _("Names the day of the last update")
    CONTACT = "contact", _("Names a contact")
    SENSITIVE_USE = "sensitive-use", _("Says what sensitive information is used for")
    COARSE_LOCATION = "coarse-location", _("Says that location is not precise")
    REQUEST_LANGUAGES = "request-languages", _("Says in which languages requests are answered")
    NO_INCENTIVE = "no-incentive", _("Says that there is no financial incentive")
    INCENTIVE = "incentive", _("Describes a financial incentive")


class Dealing(models.TextChoices):
    """How a recipient gets a category: Civ. 1798.140(ad), (ah); disclosed for 1798.140(e)."""

    DISCLOSED = "disclosed", _("Disclosed for a business purpose")
    SOLD = "sold", _("Sold")
    SHARED = "shared", _("Shared")


class TextState(models.TextChoices):
    """Whether a person has read a text in its language."""

    DRAFT = "draft", _("Draft")
    CHECKED = "checked", _("Checked")


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


class NoticeLine(models.Model):
    """What one version says about one category. ``None`` for sold or shared: it does not say."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "version": "key",
        "category": "public",
        "sensitive": "public",
        "business_purposes": "public",
        "retention_months": "public",
        "sold": "public",
        "shared": "public",
        "disclosed": "public",
    }
    version = models.ForeignKey(NoticeVersion, models.CASCADE, related_name="lines")
    category = models.CharField(_("category"), max_length=8, choices=Category)
    sensitive = ArrayField(
        models.CharField(max_length=12, choices=Sensitive), default=list, blank=True
    )
    business_purposes = ArrayField(
        models.CharField(max_length=8, choices=BusinessPurpose), default=list, blank=True
    )
    sources = models.ManyToManyField(Source, related_name="+", blank=True)
    purposes = models.ManyToManyField(Purpose, related_name="+", blank=True)
    retention_months = models.PositiveSmallIntegerField(_("kept for (months)"), null=True)
    sold = models.BooleanField(_("sold"), null=True)
    shared = models.BooleanField(_("shared"), null=True)
    disclosed = models.BooleanField(_("disclosed for a business purpose"), null=True)

    class Meta:
        ordering = ["category"]
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        constraints = [
            models.UniqueConstraint(fields=["version", "category"], name="one_line_a_category")
        ]

    def __str__(self) -> str:
        return self.category


class LineWords(models.Model):
    """The examples and the retention of one line in one language."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "line": "key",
        "language": "none",
        "examples": "public",
        "retention": "public",
    }
    line = models.ForeignKey(NoticeLine, models.CASCADE, related_name="words")
    language = models.CharField(max_length=2, choices=Language)
    examples = models.TextField(_("examples"))
    retention = models.TextField(_("how long"), blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "language"], name="one_wording_a_line_language")
        ]

    def __str__(self) -> str:
        return self.language


class LineRecipient(models.Model):
    """Who gets the category of a line, and in which way (Civ. 1798.130(a)(5)(C))."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "line": "key",
        "recipient": "key",
        "dealing": "public",
    }
    line = models.ForeignKey(NoticeLine, models.CASCADE, related_name="recipients")
    recipient = models.ForeignKey(Recipient, models.PROTECT, related_name="+")
    dealing = models.CharField(max_length=12, choices=Dealing, default=Dealing.DISCLOSED)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["line", "recipient", "dealing"], name="one_dealing_a_line_recipient"
            )
        ]

    def __str__(self) -> str:
        return self.dealing


class NoticeText(models.Model):
    """One section of a version in one language."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "version": "key",
        "language": "none",
        "section": "none",
        "title": "public",
        "body": "public",
        "state": "none",
    }
    version = models.ForeignKey(NoticeVersion, models.CASCADE, related_name="texts")
    language = models.CharField(_("language"), max_length=2, choices=Language)
    section = models.CharField(_("section"), max_length=16, choices=Section)
    title = models.CharField(_("title"), max_length=200)
    body = models.TextField(
        _("text"), help_text=_("A blank line parts paragraphs; lines with “- ” are a list.")
    )
    state = models.CharField(
        _("translation"), max_length=8, choices=TextState, default=TextState.DRAFT
    )

    class Meta:
        verbose_name = _("text")
        verbose_name_plural = _("texts")
        constraints = [
            models.UniqueConstraint(
                fields=["version", "language", "section"], name="one_text_a_section_language"
            )
        ]

    def __str__(self) -> str:
        return f"{self.section}, {self.language}"


class NoticeStatement(models.Model):
    """That a version says one thing of the fixed list, with its facts (an address, a number)."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "version": "key",
        "code": "public",
        "facts": "public",
    }
    version = models.ForeignKey(NoticeVersion, models.CASCADE, related_name="statements")
    code = models.CharField(_("says"), max_length=24, choices=Said)
    facts: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, blank=True
    )

    class Meta:
        ordering = ["code"]
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        constraints = [
            models.UniqueConstraint(fields=["version", "code"], name="a_thing_is_said_once")
        ]

    def __str__(self) -> str:
        return self.code


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
