"""A member of staff who changes their own password or second factor does not touch the account."""

from collections.abc import Callable
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language

from ccpa_office.roles import Actor
from ccpa_office.staff import acting


@cache
def _own_pages(_language: str | None) -> str:
    """Where those pages begin: their addresses carry the language."""
    return reverse("account_change_password").removesuffix("password/change/")


class OwnAccount:
    """Tell the database who acts while a member of staff is on the pages of their own account."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with one transaction around the page: a look at recovery codes writes too."""
        if (
            not request.path.startswith(_own_pages(get_language()))
            or not request.user.is_authenticated
        ):
            return self.get_response(request)
        with acting(Actor.of(request.user)):
            return self.get_response(request)
