"""What stands before the desks: which host, which doors, whose session, which second factor."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from ccpa_office import answers
from ccpa_office.gate import StaffSession
from ccpa_office.models import StaffMember, StaffTouch
from ccpa_office.own_account import OwnAccount
from ccpa_office.signin import has_second_factor

DESKS = "/admin/"
ACCOUNT = "/accounts/"
DOORS = frozenset({"", "login/", "logout/", "reauthenticate/", "password/change/"})
EVERYWHERE = ("/healthz", "/readyz", "/-/")
"""What machines ask on every host; files of the pages are answered before this gate."""
SECOND_FACTORS = "2fa/"
"""The ways in and what belongs to them: all other account pages do not exist here."""

SIGNED_OUT = '"cache", "cookies", "storage"'


class StaffGate:
    """Keep strangers, stale sessions and accounts without a second factor from the desks.

    What is only the staff's stands behind this gate: consumers' pages look for no member of staff.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.for_staff = StaffSession(OwnAccount(self._answer))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer for pages of the staff; let every other page pass."""
        path = _without_language(request.path_info)
        if not path.startswith((DESKS, ACCOUNT)):
            if _is_staff_host(request) and not path.startswith(EVERYWHERE):
                page = render_to_string("account/nowhere.html", request=request)
                return HttpResponseNotFound(page)
            return self.get_response(request)
        return self.for_staff(request)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        path = _without_language(request.path_info)
        was_in = request.user.is_authenticated
        response = _refusal(request, path) or self.get_response(request)
        if was_in and not request.user.is_authenticated:
            response.headers["Clear-Site-Data"] = SIGNED_OUT
        return response


def _without_language(path: str) -> str:
    first, _slash, rest = path[1:].partition("/")
    return f"/{rest}" if first in dict(settings.LANGUAGES) else path


def _refusal(request: HttpRequest, path: str) -> HttpResponse | None:
    if (settings.STAFF_HOST and not _is_staff_host(request)) or not _is_a_door(path):
        return answers.not_found(request)
    if path == ACCOUNT:
        return HttpResponseRedirect(reverse("mfa_index"))
    if isinstance(request.user, StaffMember):
        return _refusal_of_staff(request, request.user, path)
    return None


def _refusal_of_staff(request: HttpRequest, member: StaffMember, path: str) -> HttpResponse | None:
    if _was_touched(request, member):
        logout(request)
        messages.warning(request, _("Your account was changed by somebody else. Sign in again."))
        return HttpResponseRedirect(reverse("account_login"))
    if path.startswith(DESKS) and not settings.DEMO and not has_second_factor(member):
        return HttpResponseRedirect(reverse("mfa_activate_totp"))
    return None


def _is_staff_host(request: HttpRequest) -> bool:
    """Whether this is the host of the desks alone; never where none is set."""
    host, _colon, port = request.get_host().lower().partition(":")
    name = host.rstrip(".")
    return settings.STAFF_HOST.lower() in {name, f"{name}:{port}"} - {""}


def _is_a_door(path: str) -> bool:
    rest = path.removeprefix(ACCOUNT)
    return path.startswith(DESKS) or rest in DOORS or rest.startswith(SECOND_FACTORS)


def _was_touched(request: HttpRequest, member: StaffMember) -> bool:
    """Whether somebody else changed roles, password or second factor since this session began."""
    began = parse_datetime(request.session.get(StaffSession.BEGAN, ""))
    if began is None:
        return False
    if hasattr(member, "touched_last"):
        return member.touched_last is not None and member.touched_last > began
    return (
        StaffTouch.objects.filter(member_id=member.pk, at__gt=began)
        .exclude(by_id=member.pk)
        .exists()
    )
