"""What the desks say in the same way: how long is left, in words, with a tone for its shape."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from django import template
from django.conf import settings
from django.utils.formats import date_format
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from ccpa_office.law.deadlines import PACIFIC, received_date
from ccpa_office.roles import Role
from ccpa_office.templatetags.office import in_words

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
    return due_words(due_on, received_date(context["now"]))


def due_words(due_on: date | None, today: date) -> SafeString:
    """How long is left on a day, as ``due`` draws it."""
    words, tone = left(due_on, today)
    return format_html('<span class="due {}" title="{}">{}</span>', tone, in_words(due_on), words)


@register.filter
def short(value: object) -> str:
    """The first characters of a hash, as people compare it."""
    return str(value or "")[:12]


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """What a mapping holds under a key; nothing where it has none."""
    return mapping.get(key, "") if mapping else ""


DAY = {"en": "D j M Y", "ja": "Y年n月j日（D）", "es": "D j b Y"}
MOMENT = {"en": "D j M Y, g:i A", "ja": "Y年n月j日（D）G時i分", "es": "D j b Y, G:i"}
"""A day and a moment in few words, for a dense list, by language."""


def _few(words: Mapping[str, str], value: date) -> str:
    language = (get_language() or "en").partition("-")[0]
    return date_format(value, words.get(language, words["en"]))


@register.simple_tag
def moment_short(value: datetime | None) -> SafeString | str:
    """A moment for a dense list, in few words and in the office's time."""
    if not value:
        return ""
    local = value.astimezone(PACIFIC)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), _few(MOMENT, local))


@register.simple_tag
def day_short(value: date | None) -> SafeString | str:
    """A day for a dense list, in few words."""
    if not value:
        return ""
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), _few(DAY, value))


@register.filter
def language_name(code: str) -> str:
    """A language by its own name."""
    return dict(settings.LANGUAGES).get(code, code)


@register.filter
def is_list(value: object) -> bool:
    """Whether a fact holds several values."""
    return isinstance(value, list)


@register.filter
def role_name(code: str) -> str:
    """A role by its name; a group that is no role by its own."""
    return str(dict(Role.choices).get(code, code))


@register.simple_tag
def sorting(heads: Mapping[str, tuple[str, str]] | None, column: str, words: str) -> SafeString:
    """The head of a column: a link that sorts by it, and how it is sorted now."""
    if not heads:
        return format_html('<th scope="col">{}</th>', words)
    url, state = heads[column]
    sorted_now = format_html(' aria-sort="{}"', state) if state else ""
    return format_html('<th scope="col"{}><a href="{}">{}</a></th>', sorted_now, url, words)


class _Marks:
    """Stands for a row while the body of ``light_rows`` is drawn: each name as a mark of itself."""

    def __getitem__(self, name: str) -> SafeString:
        return mark_safe(f"\x00{name}\x00")  # noqa: S308 - names come from the template


class LightRows(template.Node):
    """A body that is drawn once, and filled for each row."""

    def __init__(self, rows: template.base.FilterExpression, body: template.NodeList) -> None:
        self.rows, self.body = rows, body

    def render(self, context: template.Context) -> SafeString:
        """The body for each row, every value escaped."""
        with context.push(row=_Marks()):
            pieces = self.body.render(context).split("\x00")
        texts, names = pieces[::2], pieces[1::2]
        drawn: list[str] = []
        for row in self.rows.resolve(context):
            for text, name in zip(texts, names, strict=False):
                drawn += (text, conditional_escape(getattr(row, name)))
            drawn.append(texts[-1])
        return mark_safe("".join(drawn))  # noqa: S308 - every value was escaped


@register.tag
def light_rows(parser: template.base.Parser, token: template.base.Token) -> LightRows:
    """``{% light_rows rows %}``: its body for each row, at the cost of drawing it once.

    ``{{ row.name }}`` inside stands for an attribute; no other tag may look at ``row``.
    """
    _word, rows = token.split_contents()
    body = parser.parse(("endlight_rows",))
    parser.delete_first_token()
    return LightRows(parser.compile_filter(rows), body)


LEVELS = {"error": gettext_lazy("error"), "warning": gettext_lazy("warning")}


@register.filter
def level_name(code: str) -> str:
    """How grave a finding is, in words."""
    return str(LEVELS.get(code, code))
