"""The plan desk: what will happen in sentences, then the table, then a dry run; yes or no."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import clock
from ccpa_office.admin import Deed, OfficeModelAdmin, Refused, newest, site
from ccpa_office.asking import AskingForm
from ccpa_office.connectors.base import ConnectorError
from ccpa_office.law.grounds import DeletionException, GeneralException
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, Verb, may
from notices_app.datamap import NoActiveMap, NoAddress, NoSuchSystem
from requests_app import casework
from requests_app.admin.case import CASE_REFUSALS, say
from requests_app.admin.moves import ReasonForm
from requests_app.admin.plan_words import (
    cool_off_words,
    sentences,
    undecided,
    what_a_yes_does,
)
from requests_app.admin.words import action_words, ground_words
from requests_app.fulfillment import plan as planning
from requests_app.fulfillment import timetable
from requests_app.models import Plan, PlanState

_L = gettext_lazy
GROUNDS = [*DeletionException.choices, *GeneralException.choices]


@dataclass(frozen=True)
class DryRun:
    """Masked rows and statements, for one page."""

    tables: list[dict[str, Any]]


class ApproveForm(AskingForm):
    """A yes to exactly the plan that was read: its hash goes with it."""

    takes_subject = True
    hash = forms.CharField(max_length=64, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_L("Note"),
        max_length=400,
        required=False,
        help_text=_L("No personal information: it stays with the approval."),
    )

    def __init__(self, *args: Any, subject: Plan, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hash"].initial = subject.hash


class SharedForm(AskingForm):
    """What happens to rows that others reach too."""

    takes_subject = True
    table = forms.ChoiceField(label=_L("Table"))
    decision = forms.ChoiceField(
        label=_L("Decision"),
        choices=[
            ("keep", _L("Keep the rows, with a ground")),
            ("strip", _L("Strip this person's fields from them")),
        ],
        widget=forms.RadioSelect,
    )
    ground = forms.ChoiceField(
        label=_L("Ground"), required=False, choices=[("", "—"), *GROUNDS],
        help_text=_L("Needed to keep."),
    )  # fmt: skip

    def __init__(self, *args: Any, subject: Plan, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = dict.fromkeys(part["table"] for part in undecided(subject))
        self.fields["table"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]


def _is_frozen(plan: Plan) -> bool:
    return plan.state == PlanState.FROZEN


def _approve(plan: Plan, *, hash: str, reason: str, by: Actor, at: datetime) -> str:  # noqa: A002
    approved = casework.approve(plan, hash=hash, by=by, at=at, reason=reason)
    if approved.state != PlanState.APPROVED:
        return _("Your approval counts. A second person approves it too.")
    return _("Approved. The consumer is told, and can still stop it until it is carried out.")


def _refuse(plan: Plan, *, reason: str, by: Actor, at: datetime) -> str:
    casework.refuse(plan, reason=reason, by=by, at=at)
    return _("The plan is refused and void.")


def _decide(plan: Plan, *, table: str, decision: str, ground: str, by: Actor, at: datetime) -> Plan:
    return planning.decide_shared(plan, table=table, decision=decision, ground=ground, by=by, at=at)


def _dry_run(plan: Plan, *, by: Actor, at: datetime) -> DryRun:
    _ignored = at
    if not any(may(by, verb) for verb in (Verb.APPROVE, Verb.PLAN, Verb.DECIDE_SHARED)):
        raise Refused(_("A dry run is for those who plan or approve."))
    if plan.state in {PlanState.VOID, PlanState.PROVED}:
        raise Refused(_("This plan does not count any more."))
    tables = planning.sample(plan)
    return DryRun([{**each, "what": action_words(str(each["action"]))} for each in tables])


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    """A table of a plan in words."""
    until = part.get("until") if part["action"] in {"keep", "trim"} else None
    return {
        **part,
        "what": action_words(part["action"]),
        "why": ground_words(part["reason"]),
        "until": date.fromisoformat(until) if until else None,
        "decided": action_words(part.get("decision") or ""),
    }


def _is_of_a_request(plan: Plan) -> bool:
    """A list's plan is approved and refused with its batch."""
    return _is_frozen(plan) and plan.consumer_request_id is not None


def _why_not_approve(plan: Plan, actor: Actor) -> str:
    return _(casework.why_not_approve(plan, actor, hash=plan.hash, at=clock.now()))


class PlanDesk(OfficeModelAdmin):
    """Plans that wait for approval, and the page of each."""

    word, label, place = "plans", _L("Plans"), 20
    about = _L(
        "What will be erased for whom. Nothing is erased before a second person approves it."
    )
    see = (Verb.SEE_CASES,)
    list_template, page_template = "admin/plans.html", "admin/plan.html"
    refusals = (
        *CASE_REFUSALS, planning.NothingToDecide, ConnectorError, NoActiveMap, NoAddress,
        NoSuchSystem,
    )  # fmt: skip
    deeds = (
        Deed(
            "approve", _L("Approve"), _approve, Verb.APPROVE, ApproveForm, fresh=True,
            offered=_is_of_a_request, why_not=_why_not_approve,
        ),
        Deed(
            "refuse", _L("Refuse this plan"), _refuse, Verb.APPROVE, ReasonForm,
            offered=_is_of_a_request,
        ),
        Deed(
            "shared", _L("Decide on shared rows"), _decide, Verb.DECIDE_SHARED, SharedForm,
            help=_L("It makes a new plan, which you cannot approve."),
            offered=lambda plan: _is_frozen(plan) and bool(undecided(plan)),
        ),
        Deed(
            "dry-run", _L("Show masked samples and statements"), _dry_run,
            offered=lambda plan: plan.state in {PlanState.FROZEN, PlanState.APPROVED},
        ),
    )  # fmt: skip

    def get_rows(self) -> Any:
        """Plans of requests."""
        return Plan.objects.select_related(
            "consumer_request__data_key", "data_key", "map_version", "chunk"
        )

    def shelf(self, request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """Plans to approve, the oldest first; ``?all=1``: every plan, the newest first."""
        if request.GET.get("all"):
            page = newest(
                Plan.objects.select_related("consumer_request", "chunk"),
                request.GET.get("after", ""),
            )
            return {"page": page, "plans": page.rows, "all": True, "keep": "all=1&"}
        waiting = Plan.objects.filter(state=PlanState.FROZEN).select_related(
            "consumer_request", "chunk"
        )
        return {"plans": list(waiting.order_by("built_at")[:200]), "all": False}

    def facts(self, request: HttpRequest, subject: Any, _actor: Actor) -> dict[str, Any]:
        """The plan in sentences, its table, its approvals."""
        approvals = list(subject.approvals.order_by("at"))
        staff = {each.by_id for each in approvals} | {subject.asked_by_id}
        names = dict(
            StaffMember.objects.filter(pk__in=staff - {None}).values_list("pk", "username")
        )
        asked = subject.consumer_request
        return {
            "title": _("Plan %s") % subject.hash[:12],
            "sentences": sentences(subject),
            "cool_off": cool_off_words(),
            "parts": [_part(part) for part in subject.summary],
            "approvals": [(names.get(each.by_id, each.by_id), each.at) for each in approvals],
            "asked_by": names.get(subject.asked_by_id, ""),
            "dry_run": getattr(request, "dry_run", None),
            "case": asked,
            "case_url": reverse("admin:requests_app_consumerrequest_change", args=[asked.number])
            if asked
            else "",
            "day": timetable.next_run(subject.executable_at or clock.now()),
        }

    def deed_label(self, deed: Deed, subject: Any) -> Any:
        """The button says what it does."""
        if deed.word == "approve" and isinstance(subject, Plan):
            return what_a_yes_does(subject, clock.now())
        return deed.label

    def say(self, refusal: Exception) -> str:
        """As at the case."""
        return say(refusal)

    def done(self, request: HttpRequest, deed: Deed, subject: Any, said: Any) -> HttpResponse:
        """A dry run is shown at once; a decision leads to the new plan."""
        if isinstance(said, DryRun):
            request.dry_run = said  # type: ignore[attr-defined]
            return self.show_page(request, subject)
        if isinstance(said, Plan):
            return super().done(request, deed, said, _("Decided. This is the new plan."))
        return super().done(request, deed, subject, said)


site.register(Plan, PlanDesk)
