"""The databases that are served, and the versions of the maps that say what is in them."""

from typing import ClassVar, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ccpa_office.models import DataKey


class DataSystemQuerySet(models.QuerySet["DataSystem"]):
    """Sets of systems."""

    def served(self) -> Self:
        """Systems from which people's requests are answered."""
        return self.filter(served=True, rehearsal=False)


class SystemKind(models.TextChoices):
    """How a system is reached."""

    SQL = "sql", _("database")
    HTTP = "http", _("outside system with an interface")
    MANUAL = "manual", _("by hand")


class DataSystem(models.Model):
    """A database of the business, or a system outside that is asked for each person.

    Its address is sealed, or stands in the environment.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "key": "none",
        "name": "none",
        "kind": "none",
        "schema": "none",
        "url_env": "none",
        "sealed_url": "sealed",
        "data_key": "key",
        "rehearsal": "none",
        "served": "none",
        "created_at": "none",
        "address_changed_at": "none",
        "share": "none",
        "most_sessions": "none",
    }
    key = models.SlugField(_("key"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=8, choices=SystemKind, default=SystemKind.SQL)
    schema = models.CharField(
        _("schema"), max_length=63, default="public", validators=[RegexValidator(r"^\w+$")]
    )
    url_env = models.CharField(_("environment variable"), max_length=80, blank=True)
    sealed_url = models.BinaryField(null=True)
    data_key = models.ForeignKey(DataKey, models.PROTECT, null=True, related_name="+")
    rehearsal = models.BooleanField(_("rehearsal copy"), default=False)
    served = models.BooleanField(_("served"), default=True)
    created_at = models.DateTimeField(_("added"))
    address_changed_at = models.DateTimeField(_("address changed"), null=True, blank=True)

    share = models.PositiveSmallIntegerField(_("share of its time in percent"), default=100)
    most_sessions = models.PositiveIntegerField(_("most sessions of others"), default=0)

    objects = DataSystemQuerySet.as_manager()

    class Meta:
        ordering = ["key"]
        verbose_name = _("system")
        verbose_name_plural = _("systems")
        constraints = [
            models.CheckConstraint(
                name="a_share_is_a_part_of_the_whole",
                condition=Q(share__gte=1) & Q(share__lte=100),
            ),
            models.CheckConstraint(
                name="a_system_has_one_address",
                condition=Q(url_env="", sealed_url__isnull=False, data_key__isnull=False)
                | (~Q(url_env="") & Q(sealed_url__isnull=True, data_key__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return self.key


class SystemSecret(models.Model):
    """What an outside system asks for as proof. Sealed; it is given, used, and never shown."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "system": "key",
        "name": "none",
        "sealed": "sealed",
        "data_key": "key",
        "given_at": "none",
        "given_by": "staff",
    }
    system = models.ForeignKey(DataSystem, models.CASCADE, related_name="secrets")
    name = models.CharField(_("name"), max_length=40)
    sealed = models.BinaryField()
    data_key = models.ForeignKey(DataKey, models.PROTECT, related_name="+")
    given_at = models.DateTimeField(_("given"))
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("secret of a system")
        verbose_name_plural = _("secrets of systems")
        constraints = [
            models.UniqueConstraint(fields=["system", "name"], name="a_secret_stands_once")
        ]

    def __str__(self) -> str:
        return self.name


class DataMapVersionQuerySet(models.QuerySet["DataMapVersion"]):
    """Sets of map versions."""

    def active(self) -> Self:
        """The one version of each system that counts."""
        return self.filter(active=True)

    def awaiting_approval(self) -> Self:
        """Versions that nobody has approved, newest of their system only; a copy needs nobody."""
        newer = DataMapVersion.objects.filter(
            system=models.OuterRef("system"), number__gt=models.OuterRef("number")
        )
        waiting = self.filter(approved_by=None, system__rehearsal=False)
        return waiting.exclude(models.Exists(newer))


class DataMapVersion(models.Model):
    """A map as it was loaded. It counts only when a second person has approved its digest.

    On a rehearsal copy the newest counts at once, also one that nobody named brought.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "system": "key",
        "number": "none",
        "document": "none",
        "digest": "none",
        "findings": "none",
        "keys": "none",
        "loaded_by": "staff",
        "loaded_at": "none",
        "approved_by": "staff",
        "approved_at": "none",
        "active": "none",
    }
    system = models.ForeignKey(DataSystem, models.PROTECT, related_name="maps")
    number = models.PositiveIntegerField(_("number"))
    document = models.TextField(_("document"))
    digest = models.CharField(_("digest"), max_length=64)
    findings = models.PositiveIntegerField(_("findings"))
    keys = models.JSONField(default=dict)  # the store's, of tables of which the map says none
    loaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    loaded_at = models.DateTimeField(_("loaded"))
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    active = models.BooleanField(_("active"), default=False)

    objects = DataMapVersionQuerySet.as_manager()

    class Meta:
        ordering = ["system", "-number"]
        verbose_name = _("map version")
        verbose_name_plural = _("map versions")
        constraints = [
            models.UniqueConstraint(fields=["system", "number"], name="one_map_a_number"),
            models.UniqueConstraint(
                fields=["system"], condition=Q(active=True), name="one_active_map_a_system"
            ),
            models.CheckConstraint(
                name="a_map_is_approved_by_a_second_person",
                condition=Q(approved_by__isnull=True)
                | Q(loaded_by__isnull=False) & ~Q(approved_by=F("loaded_by")),
            ),
            models.CheckConstraint(
                name="an_approved_map_has_its_moment",
                condition=Q(approved_by__isnull=True, approved_at__isnull=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
            ),
            models.CheckConstraint(
                name="an_active_map_is_approved",
                condition=Q(active=False) | Q(approved_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system_id}/{self.number}"
