"""What the desks say in the same way: how long is left, in words, with a tone for its shape."""

from datetime import date
from typing import Any, NamedTuple

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ccpa_office.law.deadlines import PACIFIC, received_date

register = template.Library()

SOON = 7


class Left(NamedTuple):
    """How long is left, in words, and its tone: late, today, soon, calm or none."""

    words: str
    tone: str


def left(due_on: date | None, today: date) -> Left:
    """How long is left until a day."""
    if due_on is None:
        return Left(_("no date"), "none")
    days = (due_on - today).days
    if days < 0:
        return Left(
            ngettext("late %(days)s day", "late %(days)s days", -days) % {"days": -days}, "late"
        )
    if days == 0:
        return Left(_("today"), "today")
    words = ngettext("in %(days)s day", "in %(days)s days", days) % {"days": days}
    return Left(words, "soon" if days <= SOON else "calm")


@register.simple_tag(takes_context=True)
def due(context: template.Context, due_on: date | None) -> SafeString:
    """How long is left, with its shape; the day itself beside it for who points at it."""
    words, tone = left(due_on, received_date(context["now"]))
    day = due_on.isoformat() if due_on else ""
    return format_html('<span class="due {}" title="{}">{}</span>', tone, day, words)


@register.filter
def short(value: object) -> str:
    """The first characters of a hash, as people compare it."""
    return str(value or "")[:12]


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """What a mapping holds under a key; nothing where it has none."""
    return mapping.get(key, "") if mapping else ""


@register.simple_tag
def moment_short(value: Any) -> SafeString | str:
    """A moment for a dense list: day and minute in the office's time."""
    if not value:
        return ""
    local = value.astimezone(PACIFIC)
    return format_html(
        '<time datetime="{}">{}</time>', local.isoformat(), local.strftime("%Y-%m-%d %H:%M")
    )
