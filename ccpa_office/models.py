"""The office's own rows: staff, keys, the ledger, schedules, the clock's guard, due work."""

from datetime import datetime
from typing import ClassVar, Self

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from ccpa_office.lanes import Lane


class StaffMember(AbstractUser):
    """A member of staff. The primary key is the staff id: it never changes and is never reused."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "username": "staff",
        "password": "staff",
        "first_name": "staff",
        "last_name": "staff",
        "email": "staff",
        "last_login": "staff",
        "date_joined": "staff",
        "is_superuser": "none",
        "is_staff": "none",
        "is_active": "none",
    }

    class Meta:
        verbose_name = _("member of staff")
        verbose_name_plural = _("staff")

    def __str__(self) -> str:
        return f"staff:{self.pk}"


class StaffTouchQuerySet(models.QuerySet["StaffTouch"]):
    """Touches, asked whether they still weigh."""

    def open(self, since: datetime) -> Self:
        """Touches after ``since`` that no third person has confirmed."""
        return self.filter(at__gt=since, confirmed_at__isnull=True)


StaffTouchManager = models.Manager.from_queryset(StaffTouchQuerySet)


class StaffTouch(models.Model):
    """An account whose roles, password, address or second factor somebody else changed.

    Written by triggers alone, so that a change made around the verbs counts too. ``by_id`` is
    empty when the session did not say who acted: then nobody can be a third person, and only
    time heals it.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "member_id": "staff",
        "by_id": "staff",
        "what": "none",
        "at": "none",
        "confirmed_by_id": "staff",
        "confirmed_at": "none",
    }

    member_id = models.BigIntegerField()
    by_id = models.BigIntegerField(null=True)
    what = models.CharField(max_length=32)
    at = models.DateTimeField()
    confirmed_by_id = models.BigIntegerField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    objects = StaffTouchManager()

    class Meta:
        verbose_name = _("touched account")
        verbose_name_plural = _("touched accounts")
        indexes = [
            models.Index(
                fields=["member_id", "at"],
                condition=Q(confirmed_at__isnull=True),
                name="stafftouch_open_idx",
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="stafftouch_third_person_confirms",
                condition=Q(confirmed_by_id__isnull=True)
                | ~Q(confirmed_by_id=F("member_id"))
                & (Q(by_id__isnull=True) | ~Q(confirmed_by_id=F("by_id"))),
            )
        ]

    def __str__(self) -> str:
        return f"staff:{self.member_id} {self.what}"


class DataKey(models.Model):
    """The key of one request's personal information, wrapped by a key from the environment.

    Destroying it makes everything sealed with it unreadable for ever.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "wrapped": "none",
        "kek_id": "none",
        "destroyed_at": "none",
    }

    wrapped = models.BinaryField()
    kek_id = models.CharField(max_length=16, db_index=True)
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("data key")
        verbose_name_plural = _("data keys")
        constraints = [
            models.CheckConstraint(
                name="datakey_destroyed_is_empty",
                condition=Q(destroyed_at__isnull=True) & ~Q(wrapped=b"")
                | Q(destroyed_at__isnull=False) & Q(wrapped=b""),
            )
        ]

    def __str__(self) -> str:
        return f"data key {self.pk}"


class LedgerLine(models.Model):
    """One line of the book, chained to the line before it on the same subject. Never changed."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "subject": "pseudonym",
        "seq": "none",
        "verb": "none",
        "actor": "staff",
        "at": "none",
        "body": "none",
        "prev": "none",
        "hash": "none",
    }

    subject = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    verb = models.CharField(max_length=64)
    actor = models.CharField(max_length=64)
    at = models.DateTimeField()
    body = models.TextField()
    prev = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        verbose_name = _("ledger line")
        verbose_name_plural = _("ledger lines")
        constraints = [
            models.UniqueConstraint(fields=["subject", "seq"], name="ledgerline_one_chain")
        ]

    def __str__(self) -> str:
        return f"{self.subject}#{self.seq} {self.verb}"


class LedgerSeal(models.Model):
    """The place of one line in the one chain over the whole office. Never changed."""

    PERSONAL: ClassVar[dict[str, str]] = {"position": "key", "line_id": "none", "hash": "none"}

    position = models.BigIntegerField(primary_key=True)
    line_id = models.BigIntegerField(unique=True)
    hash = models.BinaryField()

    class Meta:
        verbose_name = _("ledger seal")
        verbose_name_plural = _("ledger seals")

    def __str__(self) -> str:
        return f"line {self.position}"


class UnsealedLine(models.Model):
    """A line that waits for its place in the office's chain. A trigger puts it here."""

    PERSONAL: ClassVar[dict[str, str]] = {"line_id": "key"}

    line_id = models.BigIntegerField(primary_key=True)

    class Meta:
        verbose_name = _("unsealed line")
        verbose_name_plural = _("unsealed lines")

    def __str__(self) -> str:
        return f"unsealed {self.line_id}"


class ScheduleRun(models.Model):
    """One period of one schedule: whoever inserts the row runs it."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "name": "none",
        "period_start": "none",
        "ran_at": "none",
    }

    name = models.CharField(max_length=64)
    period_start = models.DateTimeField()
    ran_at = models.DateTimeField()

    class Meta:
        verbose_name = _("schedule run")
        verbose_name_plural = _("schedule runs")
        constraints = [
            models.UniqueConstraint(fields=["name", "period_start"], name="schedulerun_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.period_start.isoformat()}"


class ClockGuard(models.Model):
    """One row: when the clock was last seen to be right, and whether a person must look at it.

    ``rehearsal`` lets the database honor a session's clock offset; production never sets it.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key",
        "seen_at": "none",
        "boot": "none",
        "uptime": "none",
        "suspect_since": "none",
        "rehearsal": "none",
    }

    id = models.SmallIntegerField(primary_key=True, default=1)
    seen_at = models.DateTimeField(null=True)
    boot = models.CharField(max_length=64, default="")
    uptime = models.FloatField(default=0.0)
    suspect_since = models.DateTimeField(null=True)
    rehearsal = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("clock guard")
        verbose_name_plural = _("clock guard")
        constraints = [models.CheckConstraint(name="clockguard_is_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return "clock guard"


class WorkState(models.TextChoices):
    """Where a piece of due work stands."""

    READY = "ready", _("Ready")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    PARKED = "parked", _("Waits for a person")


class DueWork(models.Model):
    """A row that says what is due. ``work`` alone changes these fields once it is written.

    ``lease_until`` is told by the database's own clock, ``not_before`` by the office's.
    """

    WORK_PERSONAL: ClassVar[dict[str, str]] = dict.fromkeys(
        ("lane", "state", "not_before", "lease_until", "owner", "fence", "attempts", "error_code"),
        "none",
    )

    lane = models.CharField(max_length=16, choices=Lane)
    state = models.CharField(max_length=16, choices=WorkState, default=WorkState.READY)
    not_before = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True, blank=True)
    owner = models.CharField(max_length=64, blank=True, default="")
    fence = models.BigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        abstract = True
        indexes = [
            models.Index(
                fields=["lane", "state", "not_before"],
                condition=Q(state__in=("ready", "running", "parked")),
                name="%(class)s_due_idx",
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="%(class)s_runs_under_a_lease",
                condition=Q(state="running", lease_until__isnull=False)
                | ~Q(state="running") & Q(lease_until__isnull=True),
            )
        ]

    @classmethod
    def table(cls) -> str:
        """The name of the table, for the statements of ``work``."""
        return cls._meta.db_table

    @classmethod
    def rows(cls) -> "models.QuerySet[Self]":
        """All rows, whatever the managers of the model leave out."""
        return cls._base_manager.all()
