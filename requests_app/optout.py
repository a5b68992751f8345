"""The opt-out state of whoever looks: a page, and the same as data (11 CCR 7025(c)(6), 7026(g))."""

import re

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from ccpa_office.law.kinds import RequestKind
from requests_app.models import ConsumerRequest, Status
from requests_app.views import CASES, RECEIVED

JSON = re.compile(r"application/json", re.IGNORECASE)


def _signal(request: HttpRequest) -> bool:
    return request.headers.get("Sec-GPC", "").strip() == "1"


def _opted_out(request: HttpRequest) -> bool:
    """Whether this browser stands as opted out: its signal, or a request made from it (7026(g))."""
    if _signal(request):
        return True
    numbers = [request.session.get(RECEIVED, ""), *request.session.get(CASES, {})]
    made = ConsumerRequest.objects.filter(number__in=numbers, kind=RequestKind.OPT_OUT)
    return made.exclude(status__in=[Status.WITHDRAWN, Status.DENIED, Status.REDIRECTED]).exists()


@require_safe
def opt_out(request: HttpRequest) -> HttpResponse:
    """The visitor's own opt-out state, and whether a signal was honored (7025(c)(6))."""
    context = {"opted_out": _opted_out(request), "signal": _signal(request)}
    return render(request, "opt_out.html", context)


@require_safe
def opt_out_status(request: HttpRequest) -> HttpResponse:
    """The same as data."""
    if not request.path.endswith(".json") and not JSON.search(request.headers.get("Accept", "")):
        return redirect("requests:opt-out")
    return JsonResponse({"opted_out": _opted_out(request)})
