"""What a version of a notice says: a line a category, words by language, statements."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from ccpa_office.law.vocabulary import BusinessPurpose, Category, Sensitive
from notices_app.models.notice import NoticeVersion
from notices_app.models.vocabulary import Language, Purpose, Recipient, Source


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
    facts = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["code"]
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        constraints = [
            models.UniqueConstraint(fields=["version", "code"], name="a_thing_is_said_once")
        ]

    def __str__(self) -> str:
        return self.code
