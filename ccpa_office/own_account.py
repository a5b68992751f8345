"""A member of staff who changes their own password or second factor does not touch the account."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ccpa_office.roles import Actor
from ccpa_office.staff import acting


class OwnAccount:
    """Tell the database who acts while a member of staff is on the pages of their own account."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with one transaction around the page: a look at recovery codes writes too."""
        own_pages = reverse("account_change_password").removesuffix("password/change/")
        if not request.user.is_authenticated or not request.path.startswith(own_pages):
            return self.get_response(request)
        with acting(Actor.of(request.user)):
            return self.get_response(request)
