"""What stands before every view: bad input is refused here, and every answer gets its headers."""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache
from typing import Any

from csp.constants import HEADER
from csp.middleware import CheckableLazyObject, CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.dateparse import parse_datetime

from ccpa_office import answers, clock

GetResponse = Callable[[HttpRequest], HttpResponse]

UNREADABLE_BODY = (MultiPartParserError, UnreadablePostError)
UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
UNREADABLE_IN_LINES = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class AnswerHeaders(CSPMiddleware):
    """Put on every answer what Django has no setting for, the content policy among it.

    ``request.csp_nonce`` is made where a page asks for it; then its policy names it. All other
    answers have one policy, put together once.
    """

    def __call__(self, request: HttpRequest) -> Any:
        self.process_request(request)
        response: Any = self.get_response(request)
        headers = response.headers
        headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        headers.setdefault("Cache-Control", "no-store")
        nonce = getattr(request, "_csp_nonce", None)
        headers.setdefault(HEADER, build_policy(nonce=nonce) if nonce else _policy())
        if nonce is None:  # too late now: whoever asks is told so
            request.csp_nonce = CheckableLazyObject(self._csp_nonce_post_response)  # type: ignore[attr-defined]
        return response


@cache
def _policy() -> str:
    return build_policy()


class InputGate:
    """Refuse what no honest browser sends, before any code of ours or of the admin reads it.

    NUL, control characters and halves of surrogate pairs in path, query, form, file names or
    cookies: 400. A body over the limit: 413. A method that a page does not take: a page says so.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        response = self.get_response(request)
        if response.status_code == 405 and not response.content:
            return answers.method_not_allowed(response.headers.get("Allow", ""))
        return response

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        try:
            _weigh(request)
            unreadable = _is_unreadable(request)
        except RequestDataTooBig:
            return answers.too_large()
        except (*UNREADABLE_BODY, TooManyFieldsSent, TooManyFilesSent, UnicodeError):
            unreadable = True
        return answers.bad_request(request) if unreadable else None


def _weigh(request: HttpRequest) -> None:
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not (declared.isascii() and declared.isdigit()):
        raise MultiPartParserError
    if int(declared.lstrip("0")[:20] or "0") > settings.BODY_LIMIT:
        raise RequestDataTooBig


def _is_unreadable(request: HttpRequest) -> bool:
    query = _names_and_values(request.GET) if request.META.get("QUERY_STRING") else ()
    lines = " ".join((request.path_info, *query, *_cookies(request)))
    if UNREADABLE_IN_LINES.search(lines):
        return True
    return request.method == "POST" and bool(UNREADABLE.search(" ".join(_form(request))))


def _names_and_values(data: object) -> Iterable[str]:
    for name, values in getattr(data, "lists", list)():
        yield name
        yield from values


def _cookies(request: HttpRequest) -> Iterable[str]:
    for name, value in request.COOKIES.items():
        yield name
        yield value


def _form(request: HttpRequest) -> Iterable[str]:
    yield from _names_and_values(request.POST)
    for name, files in request.FILES.lists():
        yield name
        yield from (file.name for file in files if file.name)


def begin(request: HttpRequest, **_signal: Any) -> None:
    """Write into a session that a member of staff has just opened when it began."""
    request.session[StaffSession.BEGAN] = clock.now().isoformat()


class StaffSession:
    """End a member of staff's session ten hours after it began, however busy it was."""

    BEGAN = "began_at"

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            at = clock.now()
            began = parse_datetime(request.session.setdefault(self.BEGAN, at.isoformat()))
            if began is None or at - began > timedelta(seconds=settings.STAFF_LONGEST_SECONDS):
                logout(request)
        return self.get_response(request)
