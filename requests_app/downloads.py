"""The page of a package: ask for a code, type it, read the answer, fetch the file."""

import secrets

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from ccpa_office import clock, sealing
from ccpa_office.asking import AskingForm
from requests_app.fulfillment import handing
from requests_app.models import Package
from requests_app.views import case_of

SESSION = "package"
NAME = "personal-information.zip"


class CodeForm(AskingForm):
    """The code from the letter."""

    use_required_attribute = False
    code = forms.CharField(
        label=gettext_lazy("The code from our letter"),
        help_text=gettext_lazy(
            "Eight letters and digits, like 7K3M-92QX. It is good for 10 minutes."
        ),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )


def _package(request: HttpRequest, number: str) -> Package | None:
    """The package of the request that this browser has opened; a foreign one is like none."""
    consumer_request = case_of(request, number)
    return handing.package_of(consumer_request, at=clock.now()) if consumer_request else None


def _gone(request: HttpRequest, number: str) -> HttpResponse:
    """Nothing to fetch: back to the request where this browser has it open, else to its door."""
    if case_of(request, number):
        return redirect("requests:case", number=number)
    return redirect("requests:status")


def _session(request: HttpRequest) -> str:
    """What binds a code to this browser: random, kept in its session, only its digest in rows."""
    known: str = request.session.get(SESSION, "")
    if not known:
        known = request.session[SESSION] = secrets.token_urlsafe(24)
    return known


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, number: str) -> HttpResponse:
    """The package's page; a POST is a code that was typed."""
    package = _package(request, number)
    if package is None:
        return _gone(request, number)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        right = handing.try_code(
            package, form.cleaned_data["code"], session=_session(request), at=clock.now()
        )
        if right:
            return redirect("requests:package", number=package.consumer_request.public_number)
        form.add_error(
            "code", _("This code does not open it. Ask for a new one, or type it again.")
        )
    return _show(request, package, form)


def _show(
    request: HttpRequest, package: Package, form: CodeForm, *, sent: bool = False
) -> HttpResponse:
    opened = handing.is_open(package, session=_session(request), at=clock.now())
    context = {
        "number": package.consumer_request.number,
        "package": package,
        "left": handing.left(package) if opened else 0,
        "form": form,
        "sent": sent,
        "opened": opened,
        "answer": handing.answer(package) if opened else {},
        "has_file": bool(package.file),
        **(handing.left_out(package, get_language() or "en") if opened else {}),
    }
    return render(request, "requests/package.html", context)


@require_POST
def ask_code(request: HttpRequest, number: str) -> HttpResponse:
    """A fresh code goes to the verified contact; the page says the same whether one could go."""
    package = _package(request, number)
    if package is None:
        return _gone(request, number)
    handing.ask_code(package, session=_session(request), at=clock.now())
    return _show(request, package, CodeForm(), sent=True)


@require_POST
def fetch(request: HttpRequest, number: str) -> HttpResponseBase:
    """The file, as a stream, to the browser that has shown the code (VR-30, VR-31)."""
    package = _package(request, number)
    if package is None:
        return _gone(request, number)
    try:
        begun = handing.begin(package, session=_session(request), at=clock.now(), now=clock.now)
    except (handing.PackageGone, sealing.Unreadable):
        return redirect("requests:package", number=package.consumer_request.public_number)
    answer = StreamingHttpResponse(begun.pieces(), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{NAME}"'
    answer["Content-Length"] = str(package.size)
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    answer["Accept-Ranges"] = "none"
    return answer
