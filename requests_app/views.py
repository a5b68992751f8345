"""The public pages: read the clock and the form, make one call, redirect."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ccpa_office import clock
from ccpa_office.drawn import draw
from ccpa_office.law.certainty import Level
from ccpa_office.law.kinds import RequestKind
from ccpa_office.prepared import Prepared
from ccpa_office.roles import Actor
from ccpa_office.sessions import EASE, SessionStore
from ccpa_office.templatetags.office import office_details
from notices_app import datamap
from requests_app import casework, following, intake, verification
from requests_app.forms import (
    FORMS,
    EvidenceForm,
    MessageForm,
    RequestForm,
    StatusForm,
    right_of,
)
from requests_app.fulfillment import handing
from requests_app.fulfillment.outside import hands, parts
from requests_app.intake import Asked
from requests_app.models import Channel, ConsumerRequest, Link, LinkPurpose
from requests_app.numbers import NotANumber, read_number
from requests_app.workflow import MoveNotAllowed

CASES = "cases"
TOKEN = "token"  # noqa: S105  a session key
RECEIVED = "received"
IDLE = 30 * 60
"""Seconds for which a browser keeps a request's page open without use (ASVS 7.3)."""
WHOLE = 12 * 60 * 60


def _language() -> str:
    return translation.get_language() or "en"


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """The rights, as plain sentences."""
    rights = [
        right_of(kind) | {"url": reverse("requests:new", kwargs={"kind": kind.value})}
        for kind in FORMS
    ]
    return render(request, "requests/choose.html", {"rights": rights})


@require_http_methods(["GET", "HEAD", "POST"])
def new_request(request: HttpRequest, kind: str) -> HttpResponse:
    """Ask, check, send: three steps of one form, all without script."""
    if kind not in {each.value for each in FORMS}:
        raise Http404
    right = RequestKind(kind)
    form = FORMS[right](right, request.POST or None)
    if request.method == "POST" and request.POST.get("step") != "change" and form.is_valid():
        if request.POST.get("step") == "send":
            return _send(request, form)
        return _check(request, form)
    if request.method == "POST":
        form.renew_nonce()
    context = {"form": form, "right": right_of(right), "kind": kind}
    return render(request, "requests/new.html", context)


def _check(request: HttpRequest, form: RequestForm) -> HttpResponse:
    answers = [
        (field.label, _shown(field))
        for field in form
        if not field.is_hidden and form.cleaned_data.get(field.name)
    ]
    steps = [
        {"sentence": _("We send a letter with the number of your request."), "day": None},
        {"sentence": right_of(form.kind)["how_long"], "day": None},
    ]
    context = {"form": form, "right": right_of(form.kind), "answers": answers, "next": steps}
    return render(request, "requests/check.html", context)


def _shown(field: Any) -> str:
    choices = dict(getattr(field.field, "choices", []))
    return str(choices.get(field.value(), field.value()))


def _send(request: HttpRequest, form: RequestForm) -> HttpResponse:
    session = request.session
    session.get(RECEIVED)  # reads it, if there is one
    is_new = session.session_key is None

    def remember(opened: ConsumerRequest) -> None:
        """A new session begins in the same transaction."""
        session[RECEIVED] = opened.number
        if is_new:
            session.save()

    consumer_request = intake.open_request(
        Asked(
            kind=form.kind,
            identifiers=form.identifiers(),
            channel=Channel.WEB,
            language=_language(),
            nonce=form.cleaned_data["nonce"],
            words=form.cleaned_data.get("words", ""),
            choices=form.choices(),
        ),
        by=Actor.consumer(),
        at=clock.now(),
        beside=remember,
    )
    session[RECEIVED] = consumer_request.number
    return redirect("requests:received")


@require_safe
def received(request: HttpRequest) -> HttpResponse:
    """The number, large; what mail to expect."""
    number = request.session.get(RECEIVED)
    consumer_request = ConsumerRequest.objects.filter(number=number).first()
    if consumer_request is None:
        return redirect("requests:choose")
    due = {
        "ack_by": consumer_request.ack_due_on,
        "respond_by": consumer_request.response_due_on,
        "optout_by": consumer_request.optout_due_on,
    }
    return render(request, "requests/received.html", {"number": number, "due": due})


@require_http_methods(["GET", "HEAD", "POST"])
def status_ask(request: HttpRequest) -> HttpResponse:
    """The same answer whatever is typed; the link goes by mail (PR-41)."""
    form = StatusForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        verification.ask_follow_link(
            form.cleaned_data["number"], form.cleaned_data["email"], at=clock.now()
        )
        return render(request, "requests/status_sent.html")
    return render(request, "requests/status_ask.html", {"form": form})


# --- mailed links -------------------------------------------------------------------------------


@require_safe
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address into the session; looking spends nothing (VR-22).

    Sessions stand in the database: what is kept there is the digest, which opens nothing (PR-43).
    """
    request.session[TOKEN] = verification.digest_of(token).hex()
    return redirect("requests:landing")


@require_http_methods(["GET", "HEAD", "POST"])
def landing(request: HttpRequest) -> HttpResponse:
    """The page of a mailed link; its button spends it."""
    try:
        kept = bytes.fromhex(request.session.get(TOKEN, ""))
        found = verification.link_of(kept, at=clock.now())
        if request.method == "POST" and request.POST.get("purpose", found.purpose) != found.purpose:
            return redirect("requests:landing")  # another link was opened in the meantime
        return _PAGES.get(LinkPurpose(found.purpose), _follow)(request, found)
    except (verification.LinkGone, MoveNotAllowed):
        kept = bytes.fromhex(request.session.get(TOKEN, ""))
        if hands.knows(kept) or parts.knows(kept):
            return redirect("requests:outside")
        request.session.pop(TOKEN, None)
        return render(request, "requests/link_gone.html")


def _follow(request: HttpRequest, found: Link) -> HttpResponse:
    if request.method != "POST":
        return _landing_page(request, found)
    if found.purpose == LinkPurpose.PACKAGE:  # opens the page only; a fresh code opens the package
        _open_case(request, found.consumer_request)
        return redirect("requests:package", number=found.consumer_request.public_number)
    consumer_request = verification.follow(found, at=clock.now())
    _open_case(request, consumer_request)
    return redirect("requests:case", number=consumer_request.public_number)


def _stop(request: HttpRequest, found: Link) -> HttpResponse:
    if request.method != "POST":
        return _landing_page(request, found)
    request.session.pop(TOKEN, None)
    try:
        casework.stop_by_link(found, at=clock.now())
    except MoveNotAllowed:
        sentence = _("It cannot be stopped any more. Write to us or call us.")
        return render(request, "requests/done.html", {"sentence": sentence})
    next_step = {"sentence": _("A person looks into it. You need not do anything."), "day": None}
    context = {"sentence": _("We stopped the request."), "next": [next_step]}
    return render(request, "requests/done.html", context)


def _confirm(request: HttpRequest, found: Link) -> HttpResponse:
    declared = found.consumer_request.level_required == Level.REASONABLY_HIGH
    form = EvidenceForm(
        datamap.verification_points(), _language(), request.POST or None, declaration=declared
    )
    if request.method != "POST" or not form.is_valid():
        declaration = verification.DECLARATION if declared else ""
        return _landing_page(request, found, form=form, declaration=declaration)
    verification.accept_evidence(
        found, form.claims(), signed_as=form.cleaned_data.get("signed_name", ""), at=clock.now()
    )
    request.session.pop(TOKEN, None)
    next_step = {
        "sentence": _("We compare your answers with what we hold. By this day we answer."),
        "day": found.consumer_request.due_on,
    }
    context = {"sentence": _("Thank you. We have your answers."), "next": [next_step]}
    return render(request, "requests/done.html", context)


def _landing_page(request: HttpRequest, found: Link, **context: Any) -> HttpResponse:
    number = found.consumer_request.number
    return render(
        request, "requests/link.html", {"purpose": found.purpose, "number": number, **context}
    )


_PAGES = {LinkPurpose.CONFIRM: _confirm, LinkPurpose.STOP: _stop}


def _open_case(request: HttpRequest, consumer_request: ConsumerRequest) -> None:
    """Remember in a fresh session that this browser may see this request for a while."""
    cases = request.session.get(CASES, {})
    request.session.pop(TOKEN, None)
    request.session.cycle_key()
    moment = int(clock.now().timestamp())
    request.session[CASES] = {**cases, consumer_request.number: [moment, moment]}


def _case(number: str, at: datetime) -> QuerySet[ConsumerRequest]:
    """A request with its key, whether words were exchanged, whether something can be fetched."""
    own = OuterRef("pk")
    return (
        ConsumerRequest.objects.select_related("data_key")
        .filter(number=number)
        .annotate(
            has_thread=Exists(following.told(own)),
            has_package=Exists(handing.to_fetch(at).filter(consumer_request=own)),
        )
    )


CASE: Prepared[ConsumerRequest] = Prepared(_case)


def case_of(request: HttpRequest, number: str) -> ConsumerRequest | None:
    """The request behind this browser's cookie; a foreign and an absent number are alike."""
    try:
        plain = read_number(number)
    except NotANumber:
        return None
    session, at = request.session, clock.now()
    assert isinstance(session, SessionStore)  # noqa: S101  the settings say so
    if session.session_key is None:
        return None
    found = session.load_beside(CASE, (plain, at))
    cases = session.get(CASES, {})
    opened, used = cases.get(plain, [0, 0])
    now = int(at.timestamp())
    if now - used > IDLE or now - opened > WHOLE:
        return None
    if now - used >= EASE.total_seconds():
        session[CASES] = {**cases, plain: [opened, now]}
    return found


# --- the request's own page ---------------------------------------------------------------------


@require_safe
def case(request: HttpRequest, number: str) -> HttpResponse:
    """Where it stands, by when, what comes next."""
    consumer_request = case_of(request, number)
    if consumer_request is None:
        return redirect("requests:status")
    return _case_page(request, consumer_request)


def _case_page(
    request: HttpRequest, consumer_request: ConsumerRequest, form: MessageForm | None = None
) -> HttpResponse:
    template, own = "requests/status.html", consumer_request.public_number
    standing = following.standing_of(consumer_request)
    thread = following.thread(consumer_request) if _has(consumer_request, "thread") else []
    package = (
        handing.package_of(consumer_request, at=clock.now())
        if _has(consumer_request, "package")
        else None
    )

    def context() -> dict[str, Any]:
        said = following.page(standing)
        return {
            **said,
            "number": consumer_request.number,
            "messages": thread,
            "package": package,
            "message_form": (form or MessageForm()) if standing.is_open else None,
            "message_url": reverse("requests:message", args=[own]),
            "actions": [
                {**each, "url": reverse(f"requests:{each['name']}", args=[own])}
                for each in said["actions"]
            ],
        }

    if form or thread or package:
        return render(request, template, context())
    said = standing, *office_details().values()
    return draw(request, template, context, said=said, own=[own, consumer_request.number])


def _has(consumer_request: ConsumerRequest, what: str) -> bool:
    return bool(getattr(consumer_request, f"has_{what}"))


def _done(request: HttpRequest, number: str, do: Callable[[ConsumerRequest], str]) -> HttpResponse:
    """Do one thing with the request behind the cookie, and say what became of it."""
    consumer_request = case_of(request, number)
    if consumer_request is None:
        return redirect("requests:status")
    sentence = do(consumer_request)
    back = reverse("requests:case", kwargs={"number": consumer_request.public_number})
    return render(request, "requests/done.html", {"sentence": sentence, "back_url": back})


@require_POST
def withdraw(request: HttpRequest, number: str) -> HttpResponse:
    """Take the request back."""

    def take_back(consumer_request: ConsumerRequest) -> str:
        try:
            casework.withdraw(consumer_request, by=Actor.consumer(), at=clock.now())
        except MoveNotAllowed:
            return _("It is too late to withdraw: we are carrying it out.")
        return _("You withdrew the request.")

    return _done(request, number, take_back)


@require_POST
def not_me(request: HttpRequest, number: str) -> HttpResponse:
    """Somebody else asked in the name of whoever reads this mailbox: stop."""

    def stop(consumer_request: ConsumerRequest) -> str:
        try:
            casework.stop(consumer_request, at=clock.now())
        except MoveNotAllowed:
            return _("It cannot be stopped any more. Write to us or call us.")
        return _("We stopped the request.")

    return _done(request, number, stop)


@require_POST
def resend(request: HttpRequest, number: str) -> HttpResponse:
    """The letter to the contact on file once more; the page is the same whether there is one."""

    def send_again(consumer_request: ConsumerRequest) -> str:
        verification.ask_confirm_letter(consumer_request, at=clock.now())
        return _("If we hold a contact of yours, a new letter is on its way to it.")

    return _done(request, number, send_again)


@require_POST
def message(request: HttpRequest, number: str) -> HttpResponse:
    """A message to the office."""
    consumer_request = case_of(request, number)
    if consumer_request is None:
        return redirect("requests:status")
    form = MessageForm(request.POST)
    if not consumer_request.is_open:
        return redirect("requests:case", number=consumer_request.public_number)
    if not form.is_valid():
        return _case_page(request, consumer_request, form)
    casework.hear(consumer_request, form.cleaned_data["text"], at=clock.now())
    return redirect("requests:case", number=consumer_request.public_number)
