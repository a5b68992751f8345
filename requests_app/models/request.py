"""A consumer's request: what was asked, when, where it stands and how it ended."""

from datetime import date
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ccpa_office.law.certainty import Level
from ccpa_office.law.kinds import KNOW, UNVERIFIED, RequestKind
from ccpa_office.models import DataKey


class Status(models.TextChoices):
    """Where a request stands. Only ``workflow`` writes it."""

    RECEIVED = "received", _("Received")
    WAITING = "waiting", _("Waiting for the consumer")
    CHECKING = "checking", _("Identity to decide")
    VERIFIED = "verified", _("Verified")
    PLANNED = "planned", _("Plan to approve")
    COLLECTED = "collected", _("Package to hand over")
    APPROVED = "approved", _("Cool-off")
    EXECUTING = "executing", _("Being erased")
    TELLING = "telling", _("Telling service providers")
    APPLYING = "applying", _("Being applied")
    DENYING = "denying", _("Denial to approve")
    STOPPED = "stopped", _("Stopped from the contact on file")
    COMPLETED = "completed", _("Completed")
    DENIED = "denied", _("Denied")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    NOT_CONFIRMED = "not-confirmed", _("Never confirmed")
    DUPLICATE = "duplicate", _("Duplicate")
    REDIRECTED = "redirected", _("Redirected")


CLOSED = frozenset(
    {
        Status.COMPLETED,
        Status.DENIED,
        Status.WITHDRAWN,
        Status.NOT_CONFIRMED,
        Status.DUPLICATE,
        Status.REDIRECTED,
    }
)
VERIFICATION = frozenset({Status.WAITING, Status.CHECKING, Status.VERIFIED})
"""States that ask who the consumer is; an opt-out can never stand in one (11 CCR 7060(b))."""

ERASURE = frozenset({Status.PLANNED, Status.APPROVED, Status.EXECUTING, Status.TELLING})
"""States that only a deletion passes."""


class Outcome(models.TextChoices):
    """How a request ended, apart from where it stands (11 CCR 7101(b), 7102)."""

    NONE = "", _("open")
    COMPLIED = "complied", _("Complied with")
    IN_PART = "in-part", _("Complied with in part")
    DENIED = "denied", pgettext_lazy("outcome", "Denied")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    NOT_CONFIRMED = "not-confirmed", _("Never confirmed")
    DUPLICATE = "duplicate", _("Duplicate")
    REDIRECTED = "redirected", _("Redirected")


class Channel(models.TextChoices):
    """How a request reached the business (11 CCR 7101(b): manner in which it was made)."""

    WEB = "web", _("Web form")
    EMAIL = "email", _("E-mail")
    PHONE = "phone", _("Telephone")
    POST = "post", _("Post")
    COUNTER = "counter", _("In person")


class ConsumerRequestQuerySet(models.QuerySet["ConsumerRequest"]):
    """Sets of requests that read as questions."""

    def open(self) -> Self:
        return self.exclude(status__in=sorted(CLOSED))

    def overdue(self, on: date) -> Self:
        return self.open().filter(due_on__lt=on)

    def due_between(self, first: date, last: date) -> Self:
        return self.open().filter(due_on__gte=first, due_on__lte=last)


class ConsumerRequest(models.Model):
    """One request by one consumer. Only ``workflow.move`` may change ``status``.

    Dates are frozen at intake (11 CCR 7021(b)); ``due_on`` is the one that binds now: the answer's
    date, its extended date, or the last day of an opt-out.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "number": "pseudonym", "kind": "none", "status": "none", "outcome": "none",
        "channel": "none", "language": "none", "received_at": "none", "received_on": "none",
        "calendar": "none", "ack_due_on": "none", "ack_target_on": "none",
        "response_due_on": "none", "response_target_on": "none", "extended_due_on": "none",
        "optout_due_on": "none", "optout_target_on": "none", "response_expires_at": "none",
        "earliest_reask_on": "none", "due_on": "none", "extended_at": "none",
        "level_required": "none", "level_reached": "none", "evaluations": "none",
        "looked_up_at": "none", "on_file": "none", "by_address": "none", "reminders": "none",
        "opened_by_id": "staff", "assigned_to_id": "staff", "verified_by_id": "staff",
        "verified_at": "none",
        "denial_drafted_by_id": "staff", "ground": "none", "exception": "none",
        "ground_detail": "sealed", "answered_at": "none", "closed_at": "none", "stopped_at": "none",
        "previous_status": "none", "nonce": "none", "data_key": "key", "hold": "none",
    }  # fmt: skip

    number = models.CharField(max_length=11, unique=True)
    kind = models.CharField(max_length=16, choices=RequestKind)
    status = models.CharField(max_length=16, choices=Status, default=Status.RECEIVED)
    outcome = models.CharField(max_length=16, choices=Outcome, default=Outcome.NONE, blank=True)
    channel = models.CharField(max_length=8, choices=Channel)
    language = models.CharField(max_length=5)

    received_at = models.DateTimeField()
    received_on = models.DateField()
    calendar = models.CharField(max_length=16)
    ack_due_on = models.DateField(null=True)
    ack_target_on = models.DateField(null=True)
    response_due_on = models.DateField(null=True)
    response_target_on = models.DateField(null=True)
    extended_due_on = models.DateField(null=True)
    optout_due_on = models.DateField(null=True)
    optout_target_on = models.DateField(null=True)
    response_expires_at = models.DateTimeField(null=True)
    earliest_reask_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    extended_at = models.DateTimeField(null=True)

    level_required = models.CharField(max_length=16, choices=Level, default=Level.NONE)
    level_reached = models.CharField(max_length=16, choices=Level, default=Level.NONE)
    evaluations = models.PositiveSmallIntegerField(default=0)
    looked_up_at = models.DateTimeField(null=True)
    on_file = models.BooleanField(null=True)
    by_address = models.BooleanField(null=True)
    """Whether the address of the form itself leads to somebody, or only a name or a number does."""
    reminders = models.PositiveSmallIntegerField(default=0)

    opened_by_id = models.BigIntegerField(null=True)
    assigned_to_id = models.BigIntegerField(null=True)
    verified_by_id = models.BigIntegerField(null=True)
    verified_at = models.DateTimeField(null=True)
    denial_drafted_by_id = models.BigIntegerField(null=True)
    ground = models.CharField(max_length=24, blank=True, default="")
    exception = models.CharField(max_length=8, blank=True, default="")
    ground_detail = models.BinaryField(null=True)
    answered_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    previous_status = models.CharField(max_length=16, blank=True, default="")
    hold = models.CharField(max_length=24, blank=True, default="")
    nonce = models.CharField(max_length=64, unique=True)
    data_key = models.OneToOneField(DataKey, models.PROTECT, null=True)

    objects = ConsumerRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("request")
        verbose_name_plural = _("requests")
        indexes = [
            models.Index(fields=["status", "due_on", "id"], name="request_queue"),
            models.Index(
                fields=["due_on", "id"], name="request_due", condition=Q(closed_at__isnull=True)
            ),
            models.Index(fields=["assigned_to_id", "due_on", "id"], name="request_mine"),
            models.Index(fields=["received_on"], name="request_received"),
            models.Index(
                fields=["closed_at"],
                name="requests_called_back",
                condition=Q(hold="not-me", closed_at__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="closed_requests_have_a_closing_time_and_an_outcome",
                condition=Q(closed_at__isnull=False, status__in=sorted(CLOSED)) & ~Q(outcome="")
                | Q(closed_at__isnull=True, outcome="") & ~Q(status__in=sorted(CLOSED)),
            ),
            models.CheckConstraint(
                name="opt_outs_are_never_verified",
                condition=~Q(kind__in=sorted(UNVERIFIED))
                | ~Q(status__in=sorted(VERIFICATION | ERASURE))
                & Q(level_required=Level.NONE, level_reached=Level.NONE),
            ),
            models.CheckConstraint(
                name="only_deletions_are_erased",
                condition=Q(kind=RequestKind.DELETE) | ~Q(status__in=sorted(ERASURE)),
            ),
            models.CheckConstraint(
                name="only_requests_to_know_are_collected",
                condition=Q(kind__in=sorted(KNOW)) | ~Q(status=Status.COLLECTED),
            ),
            models.CheckConstraint(
                name="verified_means_a_moment_and_a_level",
                condition=~Q(status__in=sorted(ERASURE))
                | Q(verified_at__isnull=False, level_reached__gte=F("level_required")),
            ),
        ]

    def __str__(self) -> str:
        return self.public_number

    @property
    def public_number(self) -> str:
        """The number as people read it: groups of 4, 4 and 3."""
        return f"{self.number[:4]}-{self.number[4:8]}-{self.number[8:]}"

    @property
    def is_open(self) -> bool:
        return self.status not in CLOSED

    @property
    def is_extended(self) -> bool:
        return self.extended_at is not None

    @property
    def right(self) -> RequestKind:
        return RequestKind(self.kind)
