"""Rows that are due work: steps of one request, letters, chunks of a batch."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ccpa_office.models import DueWork
from requests_app.models.request import ConsumerRequest

WORK_FIELDS = {"id": "key", **DueWork.WORK_PERSONAL}


class StepKind(models.TextChoices):
    """Work on one request that is not a letter and not a chunk."""

    LOOK_UP = "look-up", _("Look for a contact on file")
    COMPARE = "compare", _("Compare the data points")
    PLAN = "plan", _("Build the plan")


class StepQuerySet(models.QuerySet["Step"]):
    """Sets of steps that read as questions."""

    def comparing(self) -> Self:
        """Answers of consumers that are not weighed yet, also those whose work is parked."""
        return self.filter(kind=StepKind.COMPARE, state__in=["ready", "running", "parked"])


class Step(DueWork):
    """One piece of due work on one request."""

    PERSONAL: ClassVar[dict[str, str]] = {
        **WORK_FIELDS, "consumer_request": "key", "kind": "none", "ordinal": "none",
    }  # fmt: skip

    consumer_request = models.ForeignKey(ConsumerRequest, models.CASCADE, related_name="work")
    kind = models.CharField(max_length=12, choices=StepKind)
    ordinal = models.PositiveSmallIntegerField(default=1)

    objects = StepQuerySet.as_manager()

    class Meta(DueWork.Meta):
        abstract = False
        constraints = [
            *DueWork.Meta.constraints,
            models.UniqueConstraint(
                fields=["consumer_request", "kind", "ordinal"], name="a_step_stands_once"
            ),
        ]

    def __str__(self) -> str:
        return self.kind


class Delivery(models.TextChoices):
    """What the mail server said of a letter (PR-19, PR-20)."""

    WAITING = "waiting", _("to be sent")
    SENDING = "sending", _("being sent")
    HANDED = "handed", _("handed to the mail server")
    UNKNOWN = "unknown", _("not known")
    REFUSED = "refused", _("refused")
    SUPERSEDED = "superseded", _("replaced by a newer letter")


class Message(DueWork):
    """One letter to one recipient. Its Message-ID is fixed when the row is written.

    ``facts`` is what it will say. Before the first attempt the words are written from it, once:
    then ``subject``, ``text`` and ``html`` stand, and ``facts`` is empty.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        **WORK_FIELDS, "consumer_request": "key", "data_key": "key", "letter": "none",
        "language": "none", "audience": "none", "ordinal": "none", "recipient_digest": "digest",
        "recipient": "sealed", "facts": "sealed", "subject": "none", "text": "sealed",
        "html": "sealed", "message_id": "none", "queued_at": "none", "first_tried_at": "none",
        "handed_at": "none", "delivery": "none", "repeats": "none",
    }  # fmt: skip

    consumer_request = models.ForeignKey(
        ConsumerRequest, models.CASCADE, related_name="letters", null=True
    )
    data_key = models.ForeignKey("ccpa_office.DataKey", models.PROTECT)
    letter = models.CharField(max_length=24)
    language = models.CharField(max_length=5)
    audience = models.CharField(max_length=12)
    ordinal = models.PositiveSmallIntegerField(default=1)
    recipient_digest = models.BinaryField()
    recipient = models.BinaryField()
    facts = models.BinaryField(default=bytes)
    subject = models.CharField(max_length=200, blank=True)
    text = models.BinaryField(default=bytes)
    html = models.BinaryField(default=bytes)
    message_id = models.CharField(max_length=120, unique=True)
    queued_at = models.DateTimeField()
    first_tried_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)
    delivery = models.CharField(max_length=12, choices=Delivery, default=Delivery.WAITING)
    repeats = models.PositiveSmallIntegerField(default=0)

    class Meta(DueWork.Meta):
        abstract = False
        constraints = [
            *DueWork.Meta.constraints,
            models.UniqueConstraint(
                fields=["consumer_request", "letter", "recipient_digest", "ordinal"],
                name="a_letter_stands_once",
            ),
            models.CheckConstraint(
                name="handed_letters_have_a_moment",
                condition=Q(delivery="handed", handed_at__isnull=False)
                | ~Q(delivery="handed") & Q(handed_at__isnull=True),
            ),
            models.CheckConstraint(
                name="a_letter_is_written_before_it_is_sent",
                condition=Q(first_tried_at__isnull=True) | ~Q(text=b""),
            ),
            models.CheckConstraint(
                name="a_letter_has_facts_or_words",
                condition=~Q(facts=b"") & Q(text=b"") | Q(facts=b"") & ~Q(text=b""),
            ),
        ]
        indexes = [
            *DueWork.Meta.indexes,
            models.Index(fields=["recipient_digest", "queued_at"], name="letters_to_an_address"),
            models.Index(
                fields=["consumer_request"],
                name="untold_service_providers",
                condition=Q(audience="provider") & ~Q(delivery="handed"),
            ),
        ]

    def __str__(self) -> str:
        return self.letter


class Note(models.Model):
    """A message between the consumer and the office, or a note among staff."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "consumer_request": "key", "author": "none", "staff_id": "staff",
        "text": "sealed", "at": "none",
    }  # fmt: skip

    class Author(models.TextChoices):
        CONSUMER = "consumer", _("the consumer")
        OFFICE = "office", _("the office")
        INTERNAL = "internal", _("staff only")

    consumer_request = models.ForeignKey(ConsumerRequest, models.CASCADE, related_name="notes")
    author = models.CharField(max_length=8, choices=Author)
    staff_id = models.BigIntegerField(null=True)
    text = models.BinaryField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.get_author_display()
