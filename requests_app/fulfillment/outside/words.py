"""What the answer to a consumer says of systems outside: who did what, in the statute's words."""

from collections.abc import Iterable

from django.db.models import Q
from django.utils.translation import gettext as _

from ccpa_office import clock
from ccpa_office.law.grounds import exceptions_for
from ccpa_office.law.kinds import RequestKind
from ccpa_office.templatetags.office import in_words
from requests_app import targets
from requests_app.fulfillment.locating_outside import is_silent
from requests_app.models import ConsumerRequest, Finding, OutsideTask, Said


def told_outside(requests: Iterable[ConsumerRequest]) -> dict[int, list[OutsideTask]]:
    """The settled tasks of some requests, by request; one statement."""
    tasks = OutsideTask.objects.filter(
        ~Q(finding=""), plan__consumer_request__in=[each.pk for each in requests],
        plan__state="proved",
    ).select_related("plan__map_version__system__data_key")  # fmt: skip
    found: dict[int, list[OutsideTask]] = {}
    for task in tasks.order_by("pk"):
        found.setdefault(task.plan.consumer_request_id or 0, []).append(task)
    return found


def is_kept(tasks: Iterable[OutsideTask]) -> bool:
    """Whether anything stays under an exception."""
    return any(task.finding == Finding.KEPT for task in tasks)


def sentences_of(tasks: Iterable[OutsideTask]) -> list[str]:
    """One sentence a system, without its name: that stays the business's own."""
    return [_sentence(task) for task in tasks]


def _sentence(task: OutsideTask) -> str:
    party = _party(targets.described(task.plan.map_version).party)
    day = in_words(clock.day_of(task.proved_at)) if task.proved_at else ""
    if task.finding == Finding.KEPT:
        return _("%(party)s keeps some of it: %(why)s") % {
            "party": party, "why": _ground(task.exception),
        }  # fmt: skip
    if task.said == Said.NOTHING and is_silent(task.plan):
        return _(
            "%(party)s could not be asked: nothing that we hold of you names you there. "
            "Somebody of ours looked into it."
        ) % {"party": party}
    if task.said == Said.NOTHING or (not task.said and not task.found and not task.deleted):
        return _("%(party)s held nothing of yours.") % {"party": party}
    return _("%(party)s deleted it; confirmed on %(day)s.") % {"party": party, "day": day}


def _party(code: str) -> str:
    return {
        "service_provider": _("A service provider"),
        "contractor": _("A contractor"),
        "third_party": _("A third party"),
    }.get(code, _("A part of our business"))


def _ground(code: str) -> str:
    grounds = {each.value: each.label for each in exceptions_for(RequestKind.DELETE)}
    return str(grounds.get(code, code))
