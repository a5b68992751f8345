"""The pages for what went wrong. They say what to do next and nothing about the machine.

``exception`` and ``reason`` are Django's names for what it hands over; no page shows them.
"""

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseForbidden,
    HttpResponseNotAllowed,
    HttpResponseNotFound,
    HttpResponseServerError,
)
from django.template.loader import render_to_string


def _page(status: int, request: HttpRequest | None) -> str:
    return render_to_string(f"{status}.html", request=request)


def bad_request(_request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """400: what was sent cannot be read."""
    return HttpResponseBadRequest(_page(400, None))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """403: not for this person."""
    return HttpResponseForbidden(_page(403, request))


def forged_form(_request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """403: the form did not come from a page of ours, or its page was open too long."""
    return HttpResponseForbidden(_page(403, None))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """404: the same page for what is absent and for what is somebody else's."""
    return HttpResponseNotFound(_page(404, request))


def method_not_allowed(allowed: str) -> HttpResponse:
    """405: this page does not take that."""
    methods = [method.strip() for method in allowed.split(",") if method.strip()]
    return HttpResponseNotAllowed(methods, _page(405, None))


def too_large() -> HttpResponse:
    """413: more than a form or a letter needs."""
    return HttpResponse(_page(400, None), status=413)


def broken(_request: HttpRequest) -> HttpResponse:
    """500: our fault; the page needs neither database nor session."""
    return HttpResponseServerError(_page(500, None))
