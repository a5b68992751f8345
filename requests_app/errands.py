"""The pages of somebody outside who was asked to delete, or to give: whom, and the answer."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from ccpa_office import clock
from requests_app import targets
from requests_app.fulfillment.outside import hands, parts
from requests_app.models import OutsideLink, Said
from requests_app.outside_forms import OutsideLinkForm, PartForm, in_words
from requests_app.views import TOKEN


def _kept(request: HttpRequest) -> bytes:
    """The digest of the token that this browser opened; nothing that opens anything."""
    return bytes.fromhex(request.session.get(TOKEN, ""))


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Look without using the link up; its one answer does."""
    return _part_page(request) if parts.knows(_kept(request)) else _task_page(request)


def _task_page(request: HttpRequest) -> HttpResponse:
    """Whom a deletion concerns, and the answer."""
    try:
        link = hands.link_of(_kept(request), at=clock.now())
    except hands.LinkGone:
        return render(request, "requests/outside_gone.html", {"known": hands.knows(_kept(request))})
    typed = (request.POST, request.FILES) if request.method == "POST" else ()
    form = OutsideLinkForm(*typed)
    if not form.is_valid():
        return render(request, "requests/outside.html", {"form": form, **_facts(link)})
    try:
        hands.answer_by_link(link, reply_of(form.cleaned_data), at=clock.now())
    except (hands.LinkGone, hands.AnswerRefused):
        return redirect("requests:outside")
    return _thanks(request)


def _thanks(request: HttpRequest) -> HttpResponse:
    request.session.pop(TOKEN, None)
    sentence = _("Thank you. We have your answer.")
    steps = [{"sentence": _("A person here looks at it. You need not do anything."), "day": None}]
    return render(request, "requests/done.html", {"sentence": sentence, "next": steps})


def _part_page(request: HttpRequest) -> HttpResponse:
    """The same for whoever was asked what they hold of a consumer."""
    try:
        part = parts.link_of(_kept(request), at=clock.now())
    except hands.LinkGone:
        return render(request, "requests/outside_gone.html", {"known": True})
    typed = (request.POST, request.FILES) if request.method == "POST" else ()
    form = PartForm(*typed)
    if not form.is_valid():
        told = {"form": form, "number": part.consumer_request.number, "due_on": part.due_on}
        return render(
            request, "requests/outside_part.html", {**told, "asked": in_words(parts.whom(part))}
        )
    try:
        parts.answer_by_link(part, parts.Gift.of(form.cleaned_data), at=clock.now())
    except (hands.LinkGone, hands.AnswerRefused):
        return redirect("requests:outside")
    return _thanks(request)


def reply_of(cleaned: dict[str, Any]) -> hands.Reply:
    """What was typed, as the verb takes it."""
    return hands.Reply(
        Said(cleaned["said"]),
        exception=cleaned.get("exception", ""),
        note=cleaned.get("note", ""),
        evidence=cleaned.get("evidence") or b"",
    )


def _facts(link: OutsideLink) -> dict[str, Any]:
    request = link.task.plan.consumer_request
    return {
        "number": request.number if request else "",
        "due_on": link.task.due_on,
        "asked": in_words(hands.whom(link.task)),
    }


@require_POST
def new_link(request: HttpRequest) -> HttpResponse:
    """A new link for one that has run out, to the address that we have; the same page always."""
    vendors = {vendor.key: vendor for vendor in targets.vendors()}
    parts.renew(_kept(request), vendors, at=clock.now())
    hands.renew(_kept(request), at=clock.now())
    sentence = _("If the task still waits for an answer, a new link is on its way by mail.")
    return render(request, "requests/done.html", {"sentence": sentence})
