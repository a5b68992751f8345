"""The words a notice is made of: sources, purposes and recipients, named once in each language."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ccpa_office.law.vocabulary import LegalRole, RecipientCategory, SourceCategory


class Language(models.TextChoices):
    """The languages in which this office speaks (11 CCR 7003(b))."""

    EN = "en", "English"
    JA = "ja", "日本語"
    ES = "es", "Español"


class TermQuerySet(models.QuerySet[Any]):
    """Sets of terms."""

    def active(self) -> Self:
        """Terms that a new draft may use."""
        return self.filter(active=True)

    def named(self) -> Self:
        """Terms with their names, in two statements."""
        return self.prefetch_related("names")


class Term(models.Model):
    """A word of the vocabulary. What a published notice uses is never renamed: add a new term."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    active = models.BooleanField(_("in use"), default=True)

    class Meta:
        abstract = True
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class TermName(models.Model):
    """The name of a term in one language."""

    language = models.CharField(_("language"), max_length=2, choices=Language)
    name = models.CharField(_("name"), max_length=200)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Source(Term):
    """Where personal information comes from (Civ. 1798.110(c)(2))."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "code": "public",
        "active": "none",
        "category": "public",
    }
    category = models.CharField(_("category of source"), max_length=30, choices=SourceCategory)

    objects = TermQuerySet.as_manager()

    class Meta(Term.Meta):
        verbose_name = _("source")
        verbose_name_plural = _("sources")


class SourceName(TermName):
    """A source's name in one language."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "term": "key",
        "language": "none",
        "name": "public",
    }
    term = models.ForeignKey(Source, models.CASCADE, related_name="names")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["term", "language"], name="one_name_a_source_language")
        ]


class Purpose(Term):
    """Why personal information is collected, used or disclosed (Civ. 1798.100(a)(1))."""

    PERSONAL: ClassVar[dict[str, str]] = {"id": "key", "code": "public", "active": "none"}

    objects = TermQuerySet.as_manager()

    class Meta(Term.Meta):
        verbose_name = _("purpose")
        verbose_name_plural = _("purposes")


class PurposeName(TermName):
    """A purpose's name in one language."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "term": "key",
        "language": "none",
        "name": "public",
    }
    term = models.ForeignKey(Purpose, models.CASCADE, related_name="names")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["term", "language"], name="one_name_a_purpose_language")
        ]


class RecipientQuerySet(TermQuerySet):
    """Sets of recipients."""

    def instructed(self) -> Self:
        """Service providers and contractors that must be told to delete (Civ. 1798.105(c)(1))."""
        roles = [LegalRole.SERVICE_PROVIDER, LegalRole.CONTRACTOR]
        return self.active().filter(legal_role__in=roles, instruction_email__isnull=False)

    def third_parties(self) -> Self:
        """Third parties: told of a deletion if information was sold or shared to them."""
        return self.active().filter(legal_role=LegalRole.THIRD_PARTY)


class Recipient(Term):
    """Who gets personal information; its role in law stands beside its category (law, 3.5)."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "code": "public",
        "active": "none",
        "category": "public",
        "legal_role": "public",
        "instruction_email": "staff",
        "language": "none",
    }
    category = models.CharField(
        _("category of recipient"), max_length=30, choices=RecipientCategory
    )
    legal_role = models.CharField(_("role in law"), max_length=20, choices=LegalRole)
    instruction_email = models.EmailField(  # noqa: DJ001 - unknown is not an empty address
        _("address for instructions"), null=True, blank=True
    )
    language = models.CharField(
        _("language of letters"), max_length=2, choices=Language, default=Language.EN
    )

    objects = RecipientQuerySet.as_manager()

    class Meta(Term.Meta):
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        constraints = [
            models.CheckConstraint(
                name="an_instruction_address_is_absent_or_real",
                condition=Q(instruction_email__isnull=True) | ~Q(instruction_email=""),
            )
        ]


class RecipientName(TermName):
    """A recipient's name in one language."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "term": "key",
        "language": "none",
        "name": "public",
    }
    term = models.ForeignKey(Recipient, models.CASCADE, related_name="names")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["term", "language"], name="one_name_a_recipient_language"
            )
        ]
