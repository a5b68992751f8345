"""A plan in words: what goes, what is stripped, what stays and why, and what a yes does."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ccpa_office.templatetags.office import in_words
from requests_app.admin.words import ground_words
from requests_app.fulfillment import timetable
from requests_app.fulfillment.locating_outside import is_silent
from requests_app.models import Plan


def undecided(plan: Plan) -> list[dict[str, Any]]:
    """The parts of a plan that hold shared rows without a decision."""
    return [
        part
        for part in plan.summary
        if part.get("shared") and not part.get("decision") and part["action"] != "keep"
    ]


def what_a_yes_does(plan: Plan, at: datetime) -> str:
    """The button: what is erased, and on which day at the earliest if it is approved now."""
    rows = dict.fromkeys(("delete", "mask", "trim"), 0)
    for part in plan.summary:
        if part["action"] in rows:
            rows[part["action"]] += part["rows"]
    rows["mask"] += rows["trim"]
    day = in_words(timetable.next_run(at + timedelta(hours=settings.COOL_OFF_HOURS)))
    words = ngettext("Erase %(rows)s row", "Erase %(rows)s rows", rows["delete"])
    said = words % {"rows": f"{rows['delete']:,}"}
    if rows["mask"]:
        said += _(", strip %s") % f"{rows['mask']:,}"
    return _("Approve: %(what)s on %(day)s") % {"what": said[:1].lower() + said[1:], "day": day}


def cool_off_words() -> str:
    """How long this office waits after an approval; a demo's short wait is called that."""
    seconds = round(settings.COOL_OFF_HOURS * 3600)
    if seconds >= 3600:
        hours = round(settings.COOL_OFF_HOURS)
        words = ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}
    else:
        words = ngettext("%(n)s second", "%(n)s seconds", seconds) % {"n": seconds}
    said = _("The cool-off after approval is %(length)s.") % {"length": words}
    return f"{said} {_('It is this short for the demo alone.')}" if settings.DEMO else said


def sentences(plan: Plan) -> list[str]:
    """What will happen, as a person says it."""
    parts = plan.summary
    if is_silent(plan):
        return [
            _(
                "Nothing that we hold of this person names them in this system: nothing can be "
                "asked there. After the approval somebody decides what becomes of it."
            )
        ]
    found = [*_goes(parts), *_stripped(parts), *_kept(parts)]
    waiting = undecided(plan)
    if waiting:
        rows = sum(part["rows"] for part in waiting)
        found.append(
            ngettext(
                "%(rows)s row is reached by others too: somebody has to decide on it first.",
                "%(rows)s rows are reached by others too: somebody has to decide on them first.",
                rows,
            )
            % {"rows": f"{rows:,}"}
        )
    if plan.above_ceiling:
        found.append(_("It is above a ceiling: two people approve it."))
    return found or [_("No row of this person was found in this system.")]


def _goes(parts: Iterable[dict[str, Any]]) -> list[str]:
    gone = [part for part in parts if part["action"] == "delete"]
    rows = sum(part["rows"] for part in gone)
    tables = len({part["table"] for part in gone})
    if not rows:
        return []
    if rows == 1:
        return [_("1 row goes.")]
    return [
        ngettext(
            "%(rows)s rows in %(tables)s table go.",
            "%(rows)s rows in %(tables)s tables go.",
            tables,
        )
        % {"rows": f"{rows:,}", "tables": tables}
    ]


def _stripped(parts: Iterable[dict[str, Any]]) -> list[str]:
    rows = sum(part["rows"] for part in parts if part["action"] in {"mask", "trim"})
    if not rows:
        return []
    return [
        ngettext(
            "%(rows)s row stays without this person's fields.",
            "%(rows)s rows stay without this person's fields.",
            rows,
        )
        % {"rows": f"{rows:,}"}
    ]


def _kept(parts: Iterable[dict[str, Any]]) -> list[str]:
    return [
        ngettext(
            "%(rows)s row of %(table)s stays%(until)s: %(why)s.",
            "%(rows)s rows of %(table)s stay%(until)s: %(why)s.",
            part["rows"],
        )
        % {
            "rows": f"{part['rows']:,}",
            "table": part["table"],
            "until": _(" until %s") % in_words(date.fromisoformat(part["until"]))
            if part.get("until")
            else "",
            "why": ground_words(part["reason"]).lower() or _("the map says so"),
        }
        for part in parts
        if part["action"] == "keep"
    ]
