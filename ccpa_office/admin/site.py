"""The site of the desks. Only our own desks stand on it; nothing that a library registers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from ccpa_office import clock
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, Role
from ccpa_office.signin import has_second_factor


def actor_of(request: HttpRequest) -> Actor:
    """Who sits at the desk, with the roles of this moment; asked once a request."""
    known = getattr(request, "desk_actor", None)
    if not isinstance(known, Actor):
        known = Actor.of(request.user)
        request.desk_actor = known  # type: ignore[attr-defined]
    return known


@dataclass(frozen=True)
class Panel:
    """A part of the home desk: its template, and what it shows, or None to stay away."""

    template: str
    facts: Callable[[Actor, datetime], dict[str, Any] | None]
    place: int = 50
    aside: bool = False


class OfficeSite(AdminSite):
    """Home, the desks that a role opens, and nothing else."""

    site_header = _("CCPA Office")
    index_template = "admin/home.html"
    final_catch_all_view = False
    panels: list[Panel]

    def __init__(self) -> None:
        super().__init__(name="admin")
        self.panels = []

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff. What they see is their roles' alone; being superuser opens nothing."""
        user = request.user
        return isinstance(user, StaffMember) and user.is_active and user.is_staff

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Home, the keys, the sign-in, and each desk under its own word."""
        found: list[URLPattern | URLResolver] = [
            path("", self.admin_view(self.index), name="index"),
            path("login/", self.login, name="login"),
            path("logout/", self.logout, name="logout"),
        ]
        for desk in self.desks():
            found += desk.get_urls()
        return found

    def desks(self) -> Iterator[Any]:
        """The desks, in the order of the head of the page."""
        yield from sorted(self._registry.values(), key=lambda desk: getattr(desk, "place", 99))

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseRedirect:
        """Staff sign in on the one page for it."""
        _ignored = extra_context
        if self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        to = request.GET.get("next", reverse("admin:index"))
        return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': to})}")

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseRedirect:
        """Staff sign out on the one page for it."""
        _ignored = request, extra_context
        return HttpResponseRedirect(reverse("account_logout"))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every desk shows around itself."""
        actor = actor_of(request)
        return {
            "site_title": self.site_header,
            "actor": actor,
            "role_names": [Role(role).label for role in Role if role in actor.roles],
            "desks": [
                {"label": desk.label, "url": desk.home(), "key": desk.word, "about": desk.about}
                for desk in self.desks()
                if desk.may_see(actor)
            ],
            "demo": settings.DEMO,
            "now": clock.now(),
        }

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """What waits for me."""
        actor, at = actor_of(request), clock.now()
        parts: list[dict[str, Any]] = []
        for panel in sorted(self.panels, key=lambda each: each.place):
            facts = panel.facts(actor, at)
            if facts is not None:
                parts.append({"template": panel.template, "facts": facts, "aside": panel.aside})
        context = {
            **self.each_context(request),
            "title": _("What waits for me"),
            "parts": parts,
            "has_work": any(not part["aside"] for part in parts),
            "lacks_second_factor": not has_second_factor(request.user),
            "here": "home",
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.index_template, context)

    def admin_view(
        self,
        view: Callable[..., HttpResponseBase],
        cacheable: bool = False,  # noqa: FBT001, FBT002
    ) -> Any:
        """Django's guard around ``view``: staff only, CSRF, never cached."""
        return super().admin_view(view, cacheable)


Label = str | Promise
site = OfficeSite()
