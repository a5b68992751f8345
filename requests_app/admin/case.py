"""The case desk: the queue as its list, and the page of one request."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ccpa_office import clock, sealing
from ccpa_office.admin import Deed, Page, order_of, sentence, site
from ccpa_office.admin.book import label
from ccpa_office.asking import AskingForm
from ccpa_office.law.calendar import Calendar
from ccpa_office.law.certainty import EVIDENCE_NEEDED, Level
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, Verb, may
from requests_app import casework, verification, workflow
from requests_app.admin import correcting, queue
from requests_app.admin.exporting import ExportingDesk, Listed
from requests_app.admin.letters import FAILED, shown
from requests_app.admin.moves import MOVES, OPENINGS
from requests_app.admin.queue_views import VIEWS, Rows
from requests_app.admin.timeline import timeline
from requests_app.admin.turns import turn_of
from requests_app.admin.words import ground_words, hold_words, point_words
from requests_app.casework.looking import Opened, note_search
from requests_app.models import CLOSED, ConsumerRequest, Plan
from requests_app.numbers import NotANumber, read_number
from requests_app.outside_forms import in_words

CASE_REFUSALS = (
    workflow.MoveNotAllowed,
    verification.IdentityNotProven,
    casework.ApprovalRefused,
    casework.GroundMissing,
    casework.TooLate,
    casework.PlanVoid,
    sealing.Unreadable,
)


class SearchForm(AskingForm):
    """A number; or an e-mail address or a telephone number, which never stands in an address."""

    q = forms.CharField(max_length=254, strip=True)


class CaseDesk(ExportingDesk):
    """Requests. The number stands in the address, never a primary key."""

    word, label, place = "requests", gettext_lazy("Requests"), 10
    about = gettext_lazy("Every request of a consumer, the nearest due date first.")
    see = (Verb.SEE_CASES,)
    list_template, page_template = "admin/queue.html", "admin/case.html"
    deeds = (*MOVES, *correcting.CORRECTING, *OPENINGS)
    refusals = (*CASE_REFUSALS, *correcting.REFUSALS)
    exported = "requests"

    # --- the queue ------------------------------------------------------------------------------

    def more_urls(self) -> list[URLPattern]:
        """The search, which is sent and not linked."""
        search = self.admin_site.admin_view(require_POST(self.search_view))
        searched = path(f"{self.word}/search/", search, name="requests_search")
        return [searched, *super().more_urls()]

    def shelf(self, request: HttpRequest, actor: Actor) -> dict[str, Any]:
        """One page of one view of the queue."""
        name, rows, kept = self._chosen(request, actor)
        order = order_of(request, queue.ORDERS)
        page = (
            queue.numbered(kept["q"])
            if name == "search"
            else queue.page_of(rows, request.GET.get("after", ""), order.word)
        )
        view = VIEWS.get(name)
        return {
            **self._around_rows(page.rows, page),
            "view": name,
            "heads": order.heads,
            "empty": view.empty if view else _("No open request is due on that day."),
            "count": queue.count_words(rows, page),
            "keep": f"{urlencode(kept)}&" if kept else "",
            "start": f"{self.home()}?{urlencode(kept)}" if kept else self.home(),
        }

    def _chosen(self, request: HttpRequest, actor: Actor) -> tuple[str, Rows, dict[str, str]]:
        asked = request.GET
        if typed := asked.get("q", "").strip():
            return "search", queue.by_number(typed[:40]), {"q": typed[:40]}
        if day := asked.get("day", ""):
            return "day", queue.due_on(queue.open_rows(), day), {"day": day}
        name = asked.get("view", "all")
        name = name if name in VIEWS else "all"
        rows = VIEWS[name].rows(queue.open_rows(), actor, queue.today(clock.now()))
        return name, rows, {} if name == "all" else {"view": name}

    def listed(self, request: HttpRequest, actor: Actor) -> Listed:
        """The view of the queue that stands open; without senders."""
        name, rows, kept = self._chosen(request, actor)
        ordered = queue.sorted_by(rows, order_of(request, queue.ORDERS).word)
        staff = dict(StaffMember.objects.values_list("pk", "username"))
        view = kept.get("day", name)
        return Listed(
            view, ordered.values(*queue.COLUMNS), queue.HEAD, queue.cells_with(staff, clock.now())
        )

    def _around_rows(self, rows: Any, page: Page) -> dict[str, Any]:
        return {
            "rows": queue.shown(list(rows), at=clock.now()),
            "page": page,
            "views": [(key, view.label) for key, view in VIEWS.items()],
            "title": _("Requests"),
        }

    def search_view(self, request: HttpRequest) -> HttpResponse:
        """A number leads to its page; a contact is looked up through its digest alone."""
        actor = self._enter(request)
        form = SearchForm(request.POST)
        if not form.is_valid():
            return HttpResponseRedirect(self.home())
        typed = form.cleaned_data["q"]
        try:
            number = read_number(typed)
        except NotANumber:
            return self._by_contact(request, actor, typed)
        if ConsumerRequest.objects.filter(number=number).exists():
            return HttpResponseRedirect(reverse(f"admin:{self._name}_change", args=[number]))
        messages.warning(request, _("No request has this number."))
        return HttpResponseRedirect(self.home())

    def _by_contact(self, request: HttpRequest, actor: Actor, typed: str) -> HttpResponse:
        if not ("@" in typed or any(each.isdigit() for each in typed)):
            messages.warning(request, _("Type a request's number, an address or a telephone."))
            return HttpResponseRedirect(self.home())
        if not may(actor, Verb.SEE_IDENTITY):
            messages.error(request, _("Looking people up needs a role that may see identities."))
            return HttpResponseRedirect(self.home())
        rows = queue.by_contact(typed).order_by("-pk").values(*queue.COLUMNS)[: queue.SIZE]
        found = list(rows)
        note_search(len(found), by=actor, at=clock.now())
        shelf = {
            **self._around_rows(found, Page(found, "", True)),  # noqa: FBT003
            "view": "search",
            "count": len(found),
            "empty": _("No request came from there."),
        }
        return self.show_shelf(request, shelf)

    def show_shelf(self, request: HttpRequest, shelf: Mapping[str, Any]) -> HttpResponse:
        """Draw a list that was found by a search."""
        context = {**self._around(request), "chores": [], **shelf, "export": None}
        return TemplateResponse(request, self.list_template, context)

    # --- the case -------------------------------------------------------------------------------

    def key_of(self, subject: Any) -> str:
        """The public number, as it is stored."""
        return str(subject.number)

    def find(self, key: str) -> ConsumerRequest:
        """The request with a number, or Http404."""
        try:
            number = read_number(key)
        except NotANumber:
            raise Http404 from None
        found = ConsumerRequest.objects.select_related("data_key").filter(number=number).first()
        if found is None:
            raise Http404
        return found

    def facts(self, request: HttpRequest, subject: Any, actor: Actor) -> dict[str, Any]:
        """Head, timeline, identity, plans, record."""
        opened = getattr(request, "opened", None) or Opened()
        plans = list(subject.plans.select_related("chunk").order_by("pk"))
        living = [plan for plan in plans if is_living(plan)]
        batches = {plan.chunk.batch_id for plan in plans if plan.chunk}
        staff = {
            subject.opened_by_id, subject.assigned_to_id, subject.verified_by_id,
            subject.denial_drafted_by_id,
        } - {None}  # fmt: skip
        return {
            "title": subject.public_number,
            "opened": opened,
            "timeline": timeline(subject, sorted(batches), opened),
            "plans": plans,
            "living": living,
            "points": _points(subject),
            "hold": hold_words(subject.hold),
            "calendar": label(Calendar, subject.calendar),
            "identifiers": in_words(opened.identifiers),
            "needed": EVIDENCE_NEEDED[Level(subject.level_required)],
            "has_declaration": hasattr(subject, "declaration"),
            "stage": workflow.stage(subject).label,
            "names": dict(StaffMember.objects.filter(pk__in=staff).values_list("pk", "username")),
            "ground": ground_words(subject.ground),
            "exception": ground_words(subject.exception),
            "moves": {deed.word for deed in (*MOVES, *correcting.CORRECTING)},
            "corrections": correcting.shown(subject, actor),
            "packages": list(subject.packages.order_by("pk")),
            "unsent": [shown(each) for each in subject.letters.filter(FAILED).order_by("pk")[:5]],
            "may_letters": may(actor, Verb.SEE_LETTERS),
            "is_closed": subject.status in CLOSED,
            "may_see_ledger": may(actor, Verb.SEE_LEDGER),
        }

    def show_page(
        self,
        request: HttpRequest,
        subject: Any,
        bound: Mapping[str, forms.Form] | None = None,
        **more: Any,
    ) -> HttpResponse:
        """The page of a case, with whose turn it is."""
        answer = super().show_page(request, subject, bound, **more)
        shown = answer.context_data  # type: ignore[attr-defined]
        shown["turn"] = turn_of(
            subject, shown["offers"], shown["living"], shown["packages"], shown["actor"]
        )
        return answer

    def say(self, refusal: Exception) -> str:
        """A case that moved on meanwhile is said in words."""
        return say(refusal)

    def done(self, request: HttpRequest, deed: Deed, subject: Any, said: Any) -> HttpResponse:
        """What was opened is shown at once and kept nowhere."""
        if isinstance(said, Opened):
            request.opened = said  # type: ignore[attr-defined]
            return self.show_page(request, self.find(subject.number))
        return super().done(request, deed, subject, said)


def say(refusal: Exception) -> str:
    """What a refusal says; counts of a move that found the case elsewhere are not for people."""
    if isinstance(refusal, workflow.MoveNotAllowed) and str(refusal)[:1].isdigit():
        return _("This case has moved on, or that does not lead on from here. Read it again.")
    return sentence(refusal)


def is_living(plan: Plan) -> bool:
    """Whether a plan still counts."""
    return plan.state in {"frozen", "approved", "executing"} and plan.parent_id is None


def _points(subject: ConsumerRequest) -> list[dict[str, Any]]:
    """The points of the last comparison: names, and matched or not; never a value (VR-09)."""
    last = subject.evaluations
    rows = list(subject.points.filter(evaluation=last).order_by("group", "point"))
    names = point_words([row.point for row in rows], get_language() or "en")
    return [
        {"point": names[row.point], "code": row.point, "group": row.group, "matched": row.matched}
        for row in rows
    ]


site.register(ConsumerRequest, CaseDesk)
