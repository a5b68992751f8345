"""The desk of packages: what was collected in counts and masked samples; hand it over, or not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from ccpa_office import clock, sealing
from ccpa_office.admin import Deed, OfficeModelAdmin, newest, site
from ccpa_office.connectors.base import ConnectorError
from ccpa_office.law.vocabulary import Category
from ccpa_office.models import StaffMember, WorkState
from ccpa_office.roles import Actor, Verb
from ccpa_office.templatetags.office import listed
from notices_app.datamap import NoActiveMap, NoAddress, NoSuchSystem
from requests_app.admin import by_hand
from requests_app.admin.case import CASE_REFUSALS, say
from requests_app.admin.moves import ReasonForm
from requests_app.admin.outside_words import why_of
from requests_app.admin.queue_views import gave_up
from requests_app.admin.words import trouble
from requests_app.fulfillment import access
from requests_app.fulfillment.outside import hands
from requests_app.fulfillment.package import building, pages
from requests_app.models import Package, PackageStage, Status

_L = gettext_lazy
SHOWN = frozenset({PackageStage.READY, PackageStage.PROPOSED})


class HashForm(forms.Form):
    """A yes to exactly the package that was read: its digest goes with it."""

    takes_subject = True
    hash = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, subject: Package, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hash"].initial = subject.hash


class GiveForm(ReasonForm):
    """Rows that others reach too, of one table, may be given."""

    takes_subject = True
    place = forms.ChoiceField(label=_L("Table"))

    def __init__(self, *args: Any, subject: Package, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [f"{each['system']} {each['table']}" for each in with_shared(subject)]
        self.fields["place"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]


def with_shared(package: Package) -> list[dict[str, Any]]:
    """The tables in which rows of others too were met and left out."""
    return [each for each in package.summary.get("tables", []) if each["shared"]]


def _propose(package: Package, *, hash: str, by: Actor, at: datetime) -> str:  # noqa: A002
    access.propose(package, hash=hash, by=by, at=at)
    return _("Looked through. Another person hands it over.")


def _hand_over(package: Package, *, hash: str, by: Actor, at: datetime) -> str:  # noqa: A002
    access.hand_over(package, hash=hash, by=by, at=at)
    return _("Handed over. The consumer is told, and can open it with a fresh code for 14 days.")


def _send_back(package: Package, *, reason: str, by: Actor, at: datetime) -> str:
    access.send_back(package, reason=reason, by=by, at=at)
    return _("Sent back: somebody looks through it again.")


def _collect(package: Package, *, by: Actor, at: datetime) -> Package:
    return access.collect_again(package.consumer_request, by=by, at=at, given=package.given)


def _give(package: Package, *, place: str, reason: str, by: Actor, at: datetime) -> Package:
    system, _blank, table = place.partition(" ")
    return access.give_shared(package, system=system, table=table, reason=reason, by=by, at=at)


def _can_collect(package: Package) -> bool:
    return (
        package.consumer_request.status == Status.VERIFIED
        and package.stage in {PackageStage.READY, PackageStage.BY_HAND, PackageStage.BUILD}
        and (package.stage != PackageStage.BUILD or package.state == WorkState.PARKED)
    )


def _why_not(package: Package, actor: Actor) -> str:
    return _(access.why_not_hand_over(package, actor, at=clock.now()))


class PackageDesk(OfficeModelAdmin):
    """Packages that wait for a person, and the page of each."""

    word, label, place = "packages", _L("Packages"), 25
    about = _L("Answers to requests to know: one person looks through, another hands over.")
    see = (Verb.SEE_CASES,)
    list_template, page_template = "admin/packages.html", "admin/package.html"
    refusals = (
        *CASE_REFUSALS, access.PackageChanged, access.HandOverRefused, ConnectorError, NoActiveMap,
        NoAddress, NoSuchSystem, hands.AnswerRefused, hands.AnotherPersonNeeded, hands.NotLookedAt,
        sealing.Unreadable,
    )  # fmt: skip
    deeds = (
        Deed(
            "propose", _L("This may go"), _propose, Verb.CLOSE_CASE, HashForm,
            help=_L("You have looked through it. Another person hands it over."),
            offered=lambda package: package.stage == PackageStage.READY,
        ),
        Deed(
            "hand-over", _L("Hand it over"), _hand_over, Verb.APPROVE, HashForm, fresh=True,
            help=_L("The contact on file that confirmed the request gets a link. The case ends."),
            offered=lambda package: package.stage == PackageStage.PROPOSED, why_not=_why_not,
        ),
        Deed(
            "send-back", _L("Send it back"), _send_back, Verb.APPROVE, ReasonForm,
            offered=lambda package: package.stage == PackageStage.PROPOSED,
        ),
        Deed(
            "collect", _L("Collect it anew"), _collect, Verb.PLAN,
            help=_L("This package becomes void. You cannot hand over the new one."),
            offered=_can_collect,
        ),
        Deed(
            "give", _L("Give rows that others reach too"), _give, Verb.DECIDE_SHARED, GiveForm,
            help=_L("It is collected anew with them. You cannot hand over the new package."),
            offered=lambda package: (
                package.stage == PackageStage.READY and bool(with_shared(package))
            ),
        ),
        *by_hand.DEEDS,
    )  # fmt: skip

    def get_rows(self) -> Any:
        """Packages with their requests."""
        return Package.objects.select_related("consumer_request__data_key", "data_key", "contact")

    def shelf(self, request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """Packages that wait for a person, the oldest first; ``?all=1``: all, the newest first."""
        rows = Package.objects.select_related("consumer_request")
        if request.GET.get("all"):
            page = newest(rows, request.GET.get("after", ""))
            return {"page": page, "packages": page.rows, "all": True, "keep": "all=1&"}
        waiting = rows.filter(
            Q(stage__in=[*SHOWN, PackageStage.BY_HAND]) | Q(pk__in=gave_up().values("pk"))
        ).exclude(consumer_request__closed_at__isnull=False)
        return {"packages": list(waiting.order_by("built_at", "pk")[:200]), "all": False}

    def facts(self, request: HttpRequest, subject: Any, _actor: Actor) -> dict[str, Any]:
        """Counts, kinds that were taken out, masked samples, the answer, who did what."""
        asked = subject.consumer_request
        staff = {subject.asked_by_id, subject.prepared_by_id, subject.released_by_id} - {None}
        words = pages.kind_words(get_language() or "en")
        return {
            "title": _("Package %s") % (subject.hash[:12] or subject.version),
            "case": asked,
            "case_url": reverse("admin:requests_app_consumerrequest_change", args=[asked.number]),
            "tables": [_told(each, words) for each in subject.summary.get("tables", [])],
            "withheld": [
                (words[kind], count) for kind, count in subject.summary.get("withheld", {}).items()
            ],
            "awaited": [
                {**each, "why": why_of(each["why"])} for each in subject.summary.get("awaited", [])
            ],
            "names": dict(StaffMember.objects.filter(pk__in=staff).values_list("pk", "username")),
            "fetched": list(subject.fetched.order_by("pk")),
            "trouble": trouble(subject.error_code) if access.is_parked(subject) else None,
            "parts": by_hand.told(subject),
            "whom": getattr(request, "opened", None),
            **_opened(subject),
        }

    def say(self, refusal: Exception) -> str:
        """As at the case."""
        return say(refusal)

    def done(self, request: HttpRequest, deed: Deed, subject: Any, said: Any) -> HttpResponse:
        """What is collected anew has a page of its own; whom to look for is shown at once."""
        if isinstance(said, by_hand.Whom):
            request.opened = said  # type: ignore[attr-defined]
            return self.show_page(request, subject)
        if isinstance(said, Package):
            return super().done(
                request, deed, said, _("It is collected anew. This is the new one.")
            )
        return super().done(request, deed, subject, said)


def _told(told: dict[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    withheld = [
        f"{column}: {words[kind]} ({count})"
        for column, kinds in told["withheld"].items()
        for kind, count in kinds.items()
    ]
    names = listed(Category(code).label for code in told["categories"])
    return {**told, "kinds": withheld, "names": names}


def _opened(package: Package) -> dict[str, Any]:
    """Masked samples and the answer, while somebody has to decide on them."""
    if package.stage not in SHOWN:
        return {"samples": [], "answer": {}}
    box = sealing.Box(package.data_key)
    return {
        "samples": building.opened(box, package.samples, context="package.samples"),
        "answer": building.opened(box, package.answer, context="package.answer"),
    }


site.register(Package, PackageDesk)
