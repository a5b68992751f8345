"""The desk of systems outside: what waits for a person, who answered, who confirms."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import sealing
from ccpa_office.admin import Deed, OfficeModelAdmin, newest, site
from ccpa_office.asking import AskingForm
from ccpa_office.connectors.base import ConnectorError
from ccpa_office.models import StaffMember, WorkState
from ccpa_office.roles import Actor, Verb
from notices_app.models import DataSystem
from requests_app.admin.moves import PurposeForm, ReasonForm
from requests_app.admin.outside_words import call_words, next_of, why, why_of
from requests_app.admin.words import ground_words
from requests_app.fulfillment.outside import hands
from requests_app.fulfillment.outside.asking import Asked
from requests_app.models import OutsideLook, OutsideStage, OutsideTask, PlanState, Said
from requests_app.outside_forms import OutsideAnswerForm, in_words

_L = gettext_lazy
OPEN = Q(plan__state__in=[PlanState.EXECUTING, PlanState.RESIDUAL])
OURS = Q(
    plan__state=PlanState.EXECUTING, kind="manual", state=WorkState.READY, answered_at=None,
    stage=OutsideStage.WAIT, letters=0,
)  # fmt: skip
"""Work that one of us does by hand, also where its name is nobody's: no letter goes about it."""


def waiting() -> QuerySet[OutsideTask]:
    """Tasks that wait for one of us: stuck, to confirm, to do, or with a look that gave up."""
    gave_up = OutsideLook.objects.filter(task=OuterRef("pk"), state=WorkState.PARKED)
    return OutsideTask.objects.filter(OPEN & Q(state=WorkState.PARKED) | OURS | Exists(gave_up))


@dataclass(frozen=True)
class Whom:
    """Whom a task concerns, opened for one page."""

    asked: list[Asked]


class EvidenceForm(AskingForm):
    """Which file."""

    takes_subject = True
    file = forms.ChoiceField(label=_L("File"))

    def __init__(self, *args: Any, subject: OutsideTask | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        rows = subject.evidence.order_by("pk") if subject else []
        field = self.fields["file"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [(str(row.pk), f"{row.digest[:12]} ({row.size:,})") for row in rows]


def _whom(task: OutsideTask, *, purpose: str, by: Actor, at: datetime) -> Whom:
    return Whom(in_words(hands.see_whom(task, purpose=purpose, by=by, at=at)))


def _answer(task: OutsideTask, *, by: Actor, at: datetime, **cleaned: str) -> str:
    reply = hands.Reply(Said(cleaned["said"]), cleaned["exception"], cleaned["note"])
    hands.answer_by_hand(task, reply, by=by, at=at)
    return _("It is written down. Another person confirms it.")


def _confirm(task: OutsideTask, *, by: Actor, at: datetime) -> str:
    hands.confirm(task, by=by, at=at)
    return _("Confirmed.")


def _again(task: OutsideTask, *, reason: str, by: Actor, at: datetime) -> str:
    hands.ask_again(task, reason=reason, by=by, at=at)
    return _("It is asked again.")


def _look_again(task: OutsideTask, *, by: Actor, at: datetime) -> str:
    return _("Tried again: %s.") % hands.look_once_more(task, by=by, at=at)


def _evidence(task: OutsideTask, *, file: str, by: Actor, at: datetime) -> HttpResponse:
    row = task.evidence.filter(pk=int(file)).first()
    if row is None:
        raise Http404
    content = hands.evidence_of(row, by=by, at=at)
    response = HttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="evidence-{row.pk}.bin"'
    return response


def _waits(task: OutsideTask) -> bool:
    return task.state == WorkState.PARKED and task.plan.state == PlanState.EXECUTING


def _is_unanswered(task: OutsideTask) -> bool:
    by_hand = task.kind == "manual" and task.state == WorkState.READY
    return task.answered_at is None and (
        (by_hand and task.plan.state == PlanState.EXECUTING) or _waits(task)
    )


def _why_not_confirm(task: OutsideTask, actor: Actor) -> str:
    if actor.id in {task.answered_by_id, task.plan.asked_by_id}:
        return _("You answered it, or asked for the plan; another person confirms it.")
    return ""


class OutsideDesk(OfficeModelAdmin):
    """Tasks of systems outside that wait for a person; ``?all=1``: every task."""

    word, label, place = "outside", _L("Outside systems"), 35
    about = _L("Systems reached by calls, letters or hand: what waits, who answered, who confirms.")
    see = (Verb.SEE_CASES,)
    list_template, page_template = "admin/outside.html", "admin/outside_task.html"
    refusals = (
        sealing.Unreadable, hands.AnswerRefused, hands.AnotherPersonNeeded, ConnectorError,
    )  # fmt: skip
    deeds = (
        Deed("whom", _L("See whom it concerns"), _whom, None, PurposeForm, offered=_is_unanswered),
        Deed(
            "answer", _L("Answer it by hand"), _answer, Verb.WORK_CASE, OutsideAnswerForm,
            help=_L("Say what was done, by you or by them. Another person confirms it."),
            offered=_is_unanswered,
        ),
        Deed(
            "confirm", _L("Confirm the answer"), _confirm, Verb.CLOSE_CASE, fresh=True,
            help=_L("Where the system can be looked at, we look before anything is complete."),
            offered=lambda task: _waits(task) and task.error_code == hands.TO_CONFIRM,
            why_not=_why_not_confirm,
        ),
        Deed(
            "again", _L("Ask again"), _again, Verb.CLOSE_CASE, ReasonForm,
            help=_L("An answer so far counts for nothing; the system is asked anew."),
            offered=_waits,
        ),
        Deed(
            "look-again", _L("Look again now"), _look_again, Verb.WORK_CASE,
            help=_L("A later look at this system gave up. It starts again with all its attempts."),
            offered=lambda task: task.looks.filter(state=WorkState.PARKED).exists(),
        ),
        Deed(
            "evidence", _L("Fetch a file"), _evidence, Verb.WORK_CASE, EvidenceForm,
            help=_L("It comes from outside and nobody has opened it."),
            offered=lambda task: task.evidence.exists(),
        ),
    )  # fmt: skip

    def get_rows(self) -> Any:
        """Tasks with what they stand on."""
        return OutsideTask.objects.select_related(
            "plan__consumer_request", "plan__data_key", "plan__map_version__system__data_key"
        )

    def shelf(self, request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """One page of tasks."""
        every = bool(request.GET.get("all"))
        rows = OutsideTask.objects.all() if every else waiting()
        page = newest(
            rows.select_related("plan__consumer_request").defer("records", "note"),
            request.GET.get("after", ""),
        )
        names = dict(DataSystem.objects.values_list("key", "name"))
        shown = [(task, names.get(task.plan.system_key, ""), why(task)) for task in page.rows]
        return {"page": page, "tasks": shown, "all": every, "keep": "all=1&" if every else ""}

    def facts(self, request: HttpRequest, subject: Any, actor: Actor) -> dict[str, Any]:
        """One task: what was asked, what came back, who said so."""
        staff = {subject.answered_by_id, subject.confirmed_by_id, subject.assigned_to_id} - {None}
        names = dict(StaffMember.objects.filter(pk__in=staff).values_list("pk", "username"))
        return {
            "title": subject.plan.map_version.system.name,
            "why": why(subject),
            "next": next_of(subject),
            "case": subject.plan.consumer_request,
            "calls": [(each, call_words(each)) for each in subject.calls.order_by("pk")[:200]],
            "looks": [
                (each, why_of(each.error_code) if each.state == WorkState.PARKED else "")
                for each in subject.looks.order_by("day")
            ],
            "answered_by": names.get(subject.answered_by_id, ""),
            "confirmed_by": names.get(subject.confirmed_by_id, ""),
            "assigned_to": names.get(subject.assigned_to_id, ""),
            "exception": ground_words(subject.exception) if subject.exception else "",
            "note": hands.read_note(subject, by=actor),
            "files": subject.evidence.count(),
            "opened": getattr(request, "opened", None),
        }

    def done(self, request: HttpRequest, deed: Deed, subject: Any, said: Any) -> HttpResponse:
        """Whom it concerns is shown at once and kept nowhere."""
        if isinstance(said, Whom):
            request.opened = said  # type: ignore[attr-defined]
            return self.show_page(request, subject)
        return super().done(request, deed, subject, said)


site.register(OutsideTask, OutsideDesk)
