"""Systems outside: what each is asked for a plan, what it answered, and who looked again."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ccpa_office.models import DueWork
from requests_app.models.correction import Correction
from requests_app.models.fulfillment import Finding, Plan
from requests_app.models.work import WORK_FIELDS


class OutsideStage(models.TextChoices):
    """How far a task is. Whether it waits for a person is its state of work."""

    ASK = "ask", _("to be asked")
    WAIT = "wait", _("asked, and not answered yet")
    PROVE = "prove", _("to be looked at again")
    DONE = "done", pgettext_lazy("task", "done")
    VOID = "void", pgettext_lazy("task", "void")


class Said(models.TextChoices):
    """What somebody answered, who did it by hand or was asked by letter."""

    DELETED = "deleted", _("It is deleted")
    NOTHING = "nothing", _("Nothing was found")
    KEPT = "kept", _("It is kept under an exception")
    IMPOSSIBLE = "impossible", _("It cannot be done")


class OutsideTask(DueWork):
    """What one outside system is asked for one plan. Made only for a plan that is carried out."""

    PERSONAL: ClassVar[dict[str, str]] = {
        **WORK_FIELDS, "plan": "key", "kind": "none", "stage": "none", "records": "sealed",
        "round": "none",
        "found": "none", "deleted": "none", "finding": "none", "due_on": "none",
        "asked_at": "none", "letters": "none", "assigned_to_id": "staff", "said": "none",
        "exception": "none", "note": "sealed", "answered_at": "none", "answered_by_id": "staff",
        "by_link": "none", "confirmed_at": "none", "confirmed_by_id": "staff",
        "proved_at": "none",
    }  # fmt: skip

    plan = models.OneToOneField(Plan, models.CASCADE, related_name="task")
    kind = models.CharField(max_length=8)
    stage = models.CharField(max_length=8, choices=OutsideStage, default=OutsideStage.ASK)
    records = models.BinaryField(default=b"")
    round = models.PositiveSmallIntegerField(default=1)
    found = models.PositiveIntegerField(default=0)
    deleted = models.PositiveIntegerField(default=0)
    finding = models.CharField(max_length=8, choices=Finding, blank=True, default="")
    due_on = models.DateField()
    asked_at = models.DateTimeField(null=True)
    letters = models.PositiveSmallIntegerField(default=0)
    assigned_to_id = models.BigIntegerField(null=True)
    said = models.CharField(max_length=10, choices=Said, blank=True, default="")
    exception = models.CharField(max_length=8, blank=True, default="")
    note = models.BinaryField(default=b"")
    answered_at = models.DateTimeField(null=True)
    answered_by_id = models.BigIntegerField(null=True)
    by_link = models.BooleanField(default=False)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by_id = models.BigIntegerField(null=True)
    proved_at = models.DateTimeField(null=True)

    class Meta(DueWork.Meta):
        abstract = False
        verbose_name = _("task outside")
        verbose_name_plural = _("tasks outside")
        constraints = [
            *DueWork.Meta.constraints,
            models.CheckConstraint(
                name="an_answer_is_confirmed_by_another_person",
                condition=Q(confirmed_by_id__isnull=True)
                | Q(answered_by_id__isnull=True, by_link=True)
                | Q(answered_by_id__isnull=False) & ~Q(answered_by_id=F("confirmed_by_id")),
            ),
            models.CheckConstraint(
                name="an_answer_by_hand_counts_when_confirmed",
                condition=~Q(stage="done") | Q(said="") | Q(confirmed_by_id__isnull=False),
            ),
            models.CheckConstraint(
                name="what_is_kept_has_its_exception",
                condition=~Q(said="kept") | ~Q(exception=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id}"


class OutsideCall(models.Model):
    """One effect outside: written before the call, completed after it. The key is the step's.

    It is one of a task of deletion, or of a correction.
    """

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "task": "key", "correction": "key", "step": "none", "key": "none",
        "fence": "none",
        "question": "none", "tries": "none", "started_at": "none", "answered_at": "none",
        "means": "none", "code": "none", "status": "none", "ticket": "sealed", "answer": "none",
    }  # fmt: skip

    task = models.ForeignKey(OutsideTask, models.CASCADE, null=True, related_name="calls")
    correction = models.ForeignKey(Correction, models.CASCADE, null=True, related_name="calls")
    step = models.CharField(max_length=80)
    key = models.CharField(max_length=40, unique=True)
    fence = models.BigIntegerField()
    question = models.CharField(max_length=64)
    tries = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    means = models.CharField(max_length=8, blank=True, default="")
    code = models.CharField(max_length=40, blank=True, default="")
    status = models.PositiveSmallIntegerField(default=0)
    ticket = models.BinaryField(default=b"")
    answer = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "step"], name="a_step_outside_stands_once"),
            models.UniqueConstraint(
                fields=["correction", "step"], name="a_step_of_a_correction_stands_once"
            ),
            models.CheckConstraint(
                name="a_call_has_its_work",
                condition=Q(task__isnull=True, correction__isnull=False)
                | Q(task__isnull=False, correction__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task_id or ''}/{self.pk}"


class OutsideLook(DueWork):
    """A second look at what an outside system holds: at once, and after 1, 7 and 30 days."""

    PERSONAL: ClassVar[dict[str, str]] = {
        **WORK_FIELDS, "task": "key", "day": "none", "looked_at": "none", "finding": "none",
        "records": "none",
    }  # fmt: skip

    task = models.ForeignKey(OutsideTask, models.CASCADE, related_name="looks")
    day = models.PositiveSmallIntegerField()
    looked_at = models.DateTimeField(null=True)
    finding = models.CharField(max_length=8, choices=Finding, blank=True, default="")
    records = models.PositiveIntegerField(default=0)

    class Meta(DueWork.Meta):
        abstract = False
        constraints = [
            *DueWork.Meta.constraints,
            models.UniqueConstraint(fields=["task", "day"], name="a_look_outside_stands_once"),
        ]

    def __str__(self) -> str:
        return f"{self.task_id}+{self.day}"


class OutsideLink(models.Model):
    """A mailed link to one task: opens for 72 hours, is used once; only its digest is kept."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "task": "key", "digest": "digest", "made_at": "none", "expires_at": "none",
        "used_at": "none", "voided_at": "none",
    }  # fmt: skip

    task = models.ForeignKey(OutsideTask, models.CASCADE, related_name="links")
    digest = models.BinaryField(unique=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.pk}"


class OutsideEvidence(models.Model):
    """A file that somebody gave with an answer: sealed, never opened here, without its name."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "task": "key", "content": "sealed", "size": "none", "digest": "none",
        "at": "none", "by_id": "staff",
    }  # fmt: skip

    task = models.ForeignKey(OutsideTask, models.CASCADE, related_name="evidence")
    content = models.BinaryField()
    size = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    by_id = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return self.digest[:12]


class OutsideState(models.Model):
    """How an outside system does: failures in a row, and when it may be called again."""

    PERSONAL: ClassVar[dict[str, str]] = {
        "id": "key", "system_key": "none", "failures": "none", "probes": "none",
        "opened_at": "none", "not_before": "none", "next_call_at": "none", "code": "none",
    }  # fmt: skip

    system_key = models.CharField(max_length=40, unique=True)
    failures = models.PositiveIntegerField(default=0)
    probes = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    next_call_at = models.DateTimeField(null=True)
    code = models.CharField(max_length=40, blank=True, default="")

    def __str__(self) -> str:
        return self.system_key
