"""The batch desk: how far erasing is, pause and go on, approval above the ceiling, the switch."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ccpa_office import clock
from ccpa_office.admin import Deed, newest, order_of, site
from ccpa_office.admin.book import label
from ccpa_office.asking import AskingForm
from ccpa_office.law.grounds import DeletionException, GeneralException
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, Verb
from requests_app.admin.batch_tables import planned
from requests_app.admin.batch_words import (
    is_undecided,
    pace_words,
    parked_of,
    standing,
    swept_words,
)
from requests_app.admin.case import CASE_REFUSALS
from requests_app.admin.exporting import ExportingDesk, Listed
from requests_app.admin.moves import ReasonForm
from requests_app.admin.words import TROUBLES, action_words, stop_words
from requests_app.fulfillment import (
    batches,
    redacting,
    refusing,
    residue,
    returning,
    timetable,
)
from requests_app.models import (
    Batch,
    BatchState,
    Chunk,
    Look,
    Plan,
    PlanState,
    Receipt,
    ResidueState,
    Return,
    Sweep,
    Switch,
    Trace,
)

_L = gettext_lazy
GROUNDS = [*DeletionException.choices, *GeneralException.choices]


class HashForm(AskingForm):
    """A yes to exactly the batch that was read."""

    takes_subject = True
    hash = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, subject: Batch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hash"].initial = subject.hash


class GroundForm(AskingForm):
    """Why something stays."""

    ground = forms.ChoiceField(label=_L("Ground"), choices=GROUNDS)


class WhyForm(AskingForm):
    """Why erasing stops."""

    reason = forms.CharField(
        label=_L("Reason"), max_length=200, help_text=_L("No personal information.")
    )


def _in(*states: BatchState) -> Callable[[Any], bool]:
    return lambda batch: batch.state in states


def _approve(batch: Batch, *, hash: str, by: Actor, at: datetime) -> str:  # noqa: A002
    approved = batches.approve(batch, hash=hash, by=by, at=at)
    if approved.state == BatchState.RUNNING:
        return _("Approved. The batch starts.")
    return _("Your approval counts. Another person approves it too.")


def _refuse(batch: Batch, *, reason: str, by: Actor, at: datetime) -> str:
    refusing.refuse(batch, reason=reason, by=by, at=at)
    return _("Refused. Its plans are void; an officer asks for new ones.")


def _try_again(batch: Batch, *, by: Actor, at: datetime) -> str:
    count = batches.try_again(batch, by=by, at=at)
    return _("Tried again: %s.") % count


def _discard(batch: Batch, *, by: Actor, at: datetime) -> str:
    refusing.discard(batch, by=by, at=at)
    return _("Thrown away: nothing of this list is erased. Read it in again when you like.")


def _pause(batch: Batch, *, by: Actor, at: datetime) -> str:
    batches.pause(batch, by=by, at=at)
    return _("Paused: no further chunk starts.")


def _resume(batch: Batch, *, by: Actor, at: datetime) -> str:
    batches.resume(batch, by=by, at=at)
    return _("It goes on where it stood.")


def _redact(batch: Batch, *, by: Actor, at: datetime) -> str:
    made = redacting.plan_redaction(batch, by=by, at=at)
    return _("Batch %s was opened; another person approves it.") % made.pk


def _keep(batch: Batch, *, ground: str, by: Actor, at: datetime) -> str:
    return _("Kept: %s rows.") % redacting.keep(batch, ground=ground, by=by, at=at)


def _keep_returns(batch: Batch, *, ground: str, by: Actor, at: datetime) -> str:
    count = returning.keep(batch, ground=ground, by=by, at=at)
    return _("It stays as it is; plans that are proved again: %s.") % count


def _has_returns(batch: Batch) -> bool:
    return returning.waits(batch).exists()


def _has_traces(batch: Batch) -> bool:
    swept = Sweep.objects.filter(batch=batch, looked_at__isnull=False)
    return Trace.objects.filter(sweep__in=swept, state=ResidueState.OPEN).exists()


def _stop_all(_none: None, *, reason: str, by: Actor, at: datetime) -> str:
    batches.set_kill_switch(stopped=True, reason=reason, by=by, at=at)
    return _("Every erasure of the office stands still.")


def _allow_all(_none: None, *, by: Actor, at: datetime) -> str:
    batches.set_kill_switch(stopped=False, reason="", by=by, at=at)
    return _("Erasures are allowed again.")


def _run_now(_none: None, *, by: Actor, at: datetime) -> str:
    opened = batches.run_now(by=by, at=at)
    if opened is None:
        return _("Nothing is due: no plan has its approvals and the end of its cool-off.")
    words = ngettext(
        "A batch of %s person was opened.", "A batch of %s people was opened.", opened.people
    )
    return words % opened.people


def _why_not_refuse(batch: Batch, actor: Actor) -> str:
    return (
        _("You opened this batch; another person refuses it.")
        if (actor.id == batch.opened_by_id)
        else ""
    )


def _why_not_approve(batch: Batch, actor: Actor) -> str:
    if is_undecided(batch):
        return _("Rows that others reach too wait for a decision, each on the page of its plan.")
    if actor.id == batch.opened_by_id:
        return _("You opened this batch; another person approves it.")
    given = batch.approvals.filter(by_id=actor.id or 0, hash=batch.hash)
    return _("You have approved this batch; another person does so too.") if given.exists() else ""


def is_stopped(_none: Any = None) -> bool:
    """Whether the kill switch is set."""
    return Switch.objects.filter(stopped=True).exists()


ORDERS = {"opened": ("-opened", "opened")}
COLUMNS = ("pk", "kind", "system_key", "people", "state", "opened_at", "finished_at", "stop_reason")
HEAD = (
    _L("Batch"), _L("Kind"), _L("System"), _L("People"), _L("State"), _L("Opened"), _L("Ended"),
    _L("Why it stopped"),
)  # fmt: skip


def _cells(row: Mapping[str, Any]) -> list[Any]:
    return [
        row["pk"], label(Batch.Kind, row["kind"]), row["system_key"], row["people"],
        label(BatchState, row["state"]), row["opened_at"], row["finished_at"],
        stop_words(row["stop_reason"]),
    ]  # fmt: skip


class BatchDesk(ExportingDesk):
    """Batches, the newest first, and how far each is."""

    word, label, place = "batches", _L("Batches"), 30
    about = _L(
        "Approved plans, carried out together. Here erasing is paused, stopped and looked at."
    )
    see = (Verb.PLAN, Verb.DECIDE_SHARED, Verb.RUN_BATCH, Verb.STOP_BATCH, Verb.APPROVE_BATCH)
    list_template, page_template = "admin/batches.html", "admin/batch.html"
    refusals = (
        *CASE_REFUSALS,
        batches.ApprovalRefused,
        redacting.NothingFound,
        returning.NothingWaits,
    )
    exported = "batches"
    chores = (
        Deed(
            "run", _L("Run what is due now"), _run_now, Verb.RUN_BATCH,
            help=_L("Otherwise at the next time for batches. The cool-off stays."),
        ),
        Deed(
            "stop", _L("Stop every erasure"), _stop_all, Verb.STOP_BATCH, WhyForm, grave=True,
            offered=lambda _none: not is_stopped(),
        ),
        Deed(
            "allow", _L("Allow erasures again"), _allow_all, Verb.RUN_BATCH, fresh=True,
            offered=is_stopped,
        ),
    )  # fmt: skip
    deeds = (
        Deed(
            "approve", _L("Approve this batch"), _approve, Verb.APPROVE_BATCH, HashForm,
            fresh=True, offered=_in(BatchState.WAITING), why_not=_why_not_approve,
        ),
        Deed(
            "refuse", _L("Refuse this batch"), _refuse, Verb.APPROVE_BATCH, ReasonForm,
            help=_L("Its plans become void, and its requests wait for new ones."),
            offered=_in(BatchState.WAITING), why_not=_why_not_refuse,
        ),
        Deed(
            "try-again", _L("Try again"), _try_again, Verb.RUN_BATCH,
            help=_L("Chunks and looks that gave up start again with all their attempts."),
            offered=lambda batch: bool(batches.gave_up(batch)),
        ),
        Deed(
            "discard", _L("Throw this list away"), _discard, Verb.STOP_BATCH, grave=True,
            help=_L("For a list whose reading broke off. Read the list in again afterwards."),
            offered=_in(BatchState.GATHERING),
        ),
        Deed(
            "redact", _L("Take these people out of others' texts"), _redact, Verb.PLAN,
            help=_L("Opens a batch of its own, which another person approves."),
            offered=_has_traces,
        ),
        Deed(
            "keep-texts", _L("Leave others' texts as they are"), _keep, Verb.DECIDE_SHARED,
            GroundForm, help=_L("For a named ground. Nothing is changed."), offered=_has_traces,
        ),
        Deed(
            "keep-returns", _L("Leave what came back as it is"), _keep_returns, Verb.DECIDE_SHARED,
            GroundForm, help=_L("For a named ground. Nothing is changed."), offered=_has_returns,
        ),
        Deed("pause", _L("Pause"), _pause, Verb.STOP_BATCH, offered=_in(BatchState.RUNNING)),
        Deed("resume", _L("Go on"), _resume, Verb.RUN_BATCH, offered=_in(BatchState.PAUSED)),
    )  # fmt: skip

    def shelf(self, request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """Batches, tonight's part first."""
        order = order_of(request, ORDERS)
        page = newest(
            Batch.objects.all(), request.GET.get("after", ""), oldest=order.word == "opened"
        )
        return {
            "page": page,
            "batches": [(batch, stop_words(batch.stop_reason)) for batch in page.rows],
            "heads": order.heads,
            "switch": Switch.objects.filter(stopped=True).first(),
            "tonight": tonight(clock.now()),
        }

    def listed(self, request: HttpRequest, _actor: Actor) -> Listed:
        """Every batch."""
        oldest = order_of(request, ORDERS).word == "opened"
        rows = Batch.objects.order_by("pk" if oldest else "-pk").values(*COLUMNS)
        return Listed("all", rows, HEAD, _cells)

    def facts(self, _request: HttpRequest, subject: Any, _actor: Actor) -> dict[str, Any]:
        """People, rows and chunks done and to do; receipts; approvals; looks."""
        chunks = list(Chunk.objects.filter(batch=subject).order_by("ordinal")[:500])
        approvals = list(subject.approvals.order_by("at"))
        ids = {each.by_id for each in approvals} | {subject.opened_by_id}
        names = dict(StaffMember.objects.filter(pk__in=ids - {None}).values_list("pk", "username"))
        receipts = Receipt.objects.filter(chunk__batch=subject).values("table", "action")
        parked, stopped = parked_of(subject, chunks), is_stopped()
        return {
            "title": _("Batch %s") % subject.pk,
            "chunks": chunks,
            "planned": planned(subject),
            "parked": parked,
            "stop": stop_words(subject.stop_reason),
            "stop_trouble": TROUBLES.get(subject.stop_reason) if subject.stop_reason else None,
            "standing": standing(subject, parked=bool(parked), stopped=stopped),
            "progress": progress(subject, chunks, clock.now()),
            "receipts": [
                {**each, "what": action_words(each["action"])}
                for each in receipts.annotate(done=Sum("done"), gone=Sum("gone")).order_by(
                    "table", "action"
                )
            ],
            "looks": list(
                Look.objects.filter(chunk__batch=subject)
                .select_related("chunk")
                .order_by("chunk", "day")[:100]
            ),
            "sweeps": swept_words(subject),
            "pace": pace_words(subject.system_key),
            "returns": Return.objects.filter(
                plan__chunk__batch=subject, state__in=residue.UNSETTLED
            ).count(),
            "approvals": [(names.get(each.by_id, each.by_id), each.at) for each in approvals],
            "stopped": stopped,
        }

    def deed_label(self, deed: Deed, subject: Any) -> Any:
        """The button says what it does."""
        if deed.word == "approve" and isinstance(subject, Batch):
            words = ngettext(
                "Approve: erase %(people)s person",
                "Approve: erase %(people)s people",
                subject.people,
            )
            return words % {"people": f"{subject.people:,}"}
        return deed.label


def progress(batch: Batch, chunks: list[Chunk], at: datetime) -> dict[str, Any]:
    """How many people are done, how fast, and how long it still takes."""
    done = sum(each.people for each in chunks if each.erased_at is not None)
    ends = [each.erased_at for each in chunks if each.erased_at is not None]
    spent = (max(ends) - batch.opened_at) if ends else timedelta(0)
    rate = done / spent.total_seconds() if spent.total_seconds() > 0 else 0.0
    left = (batch.people - done) / rate if rate else None
    return {
        "done": done,
        "people": batch.people,
        "rate": round(rate * 60, 1) if rate else None,
        "left": timedelta(seconds=round(left)) if left else None,
        "until": at + timedelta(seconds=left) if left else None,
    }


def tonight(at: datetime) -> dict[str, Any]:
    """What the next run takes: plans with their approvals whose cool-off is over by then."""
    when = timetable.next_run(at)
    due = Plan.objects.filter(
        state=PlanState.APPROVED, executable_at__lte=when, chunk__isnull=True
    ).aggregate(people=Sum("people"), rows=Sum("rows"))
    always = settings.BATCH_AT in {"every minute", "*"}
    return {"at": when, "always": always, "people": due["people"] or 0, "rows": due["rows"] or 0}


site.register(Batch, BatchDesk)
