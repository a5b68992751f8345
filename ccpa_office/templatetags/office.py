"""What every page and letter says in the same way: days, moments, numbers, addresses, languages."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, TypedDict

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import get_script_prefix, translate_url
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

DAY = {"en": "l j F Y", "ja": "Y年n月j日（D）", "es": r"l j \d\e F \d\e Y"}
"""A day in words, by language; Japanese with full-width parentheses."""

MOMENT = {"en": "l j F Y, g:i A", "ja": "Y年n月j日（D）G時i分", "es": r"l j \d\e F \d\e Y, G:i"}

SEPARATORS = re.compile(r"[\s\-]")
A_LINK = re.compile(r"https?://\S+\Z")


class Language(TypedDict):
    """One entry of the language switch."""

    code: str
    name: str
    url: str
    current: bool


def _language() -> str:
    code = (translation.get_language() or settings.LANGUAGE_CODE).partition("-")[0]
    return code if code in DAY else "en"


def _local(value: date) -> date:
    """The office's own day and hour (Pacific) of an aware moment; a day stays itself."""
    if isinstance(value, datetime) and timezone.is_aware(value):
        return value.astimezone(timezone.get_default_timezone())
    return value


@register.filter
def in_words(value: date | None) -> str:
    """A day in words for text: "Friday 8 January 2027"."""
    return date_format(_local(value), DAY[_language()]) if value else ""


@register.filter
def moment_in_words(value: date | None) -> str:
    """A day and an hour in words for text, in the office's time (Pacific)."""
    return date_format(_local(value), MOMENT[_language()]) if value else ""


@register.simple_tag
def day(value: date | None) -> str:
    """A day in words inside ``<time>``."""
    if not value:
        return ""
    local = _local(value)
    machine = local.date() if isinstance(local, datetime) else local
    return format_html('<time datetime="{}">{}</time>', machine.isoformat(), in_words(local))


@register.simple_tag
def moment(value: datetime | None) -> str:
    """A day and an hour in words inside ``<time>``, in the office's time."""
    if not value:
        return ""
    local = _local(value)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), moment_in_words(local))


@register.filter
def listed(words: Iterable[object]) -> str:
    """Some words one after the other, parted as the language parts them."""
    return ("、" if _language() == "ja" else ", ").join(map(str, words))


@register.filter
def request_number(value: object) -> str:
    """A request's public number in its groups: ``7K3M-92QX-4TD``."""
    plain = SEPARATORS.sub("", str(value or "")).upper()
    return "-".join(part for part in (plain[:4], plain[4:8], plain[8:]) if part)


@register.filter
def masked(value: object) -> str:
    """An address or name of which only the first letter shows: ``m•••@e•••.com``."""
    text = str(value or "")
    name, at_sign, host = text.partition("@")
    if not at_sign:
        return f"{text[:1]}•••" if text else ""
    return f"{name[:1]}•••@{host[:1]}•••.{host.rpartition('.')[2]}"


@register.filter
def phone_link(value: object) -> str:
    """A telephone number as a ``tel:`` link takes it: a plus and digits only."""
    return "".join(sign for sign in str(value) if sign.isdigit() or sign == "+")


@register.simple_tag
def page(address: str = "") -> str:
    """The address of one of the office's own pages in the language of this page.

    ``address`` is a path of the promised list without its first slash: ``requests/new/``.
    """
    code = _language()
    prefix = "" if code == settings.LANGUAGE_CODE else f"{code}/"
    return f"{get_script_prefix()}{prefix}{address}"


@register.simple_tag(takes_context=True)
def language_links(context: dict[str, Any]) -> list[Language]:
    """This page in each language; where it has no address of its own, the first page."""
    here = getattr(context.get("request"), "path", "") or page()
    return [
        Language(code=code, name=name, url=_translated(here, code), current=code == _language())
        for code, name in settings.LANGUAGES
    ]


def _translated(path: str, code: str) -> str:
    there = translate_url(path, code)
    if there != path or code == _language():
        return there
    with translation.override(code):
        return page()


@register.simple_tag
def office_details() -> dict[str, str]:
    """Whose office this is: name, email, phone, address, site."""
    return {
        "name": getattr(settings, "BUSINESS_NAME", ""),
        "email": getattr(settings, "BUSINESS_EMAIL", "") or settings.MAIL_FROM,
        "phone": getattr(settings, "BUSINESS_PHONE", ""),
        "address": getattr(settings, "BUSINESS_ADDRESS", ""),
        "site": settings.SITE_URL.rstrip("/"),
    }


class PlainNode(template.Node):
    """The inside as text: nothing escaped, no blank space at line ends, one blank line at most."""

    def __init__(self, nodelist: template.NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: template.Context) -> SafeString:
        escaping, context.autoescape = context.autoescape, False
        try:
            text = self.nodelist.render(context)
        finally:
            context.autoescape = escaping
        lines = "\n".join(line.strip() for line in text.splitlines())
        return mark_safe(re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n")  # noqa: S308 - text


@register.tag
def plain(parser: template.base.Parser, token: template.base.Token) -> PlainNode:  # noqa: ARG001
    """Everything up to ``endplain`` is text, not HTML."""
    nodelist = parser.parse(("endplain",))
    parser.delete_first_token()
    return PlainNode(nodelist)


@register.simple_tag(takes_context=True)
def words_of(context: template.Context, letter: str) -> SafeString:
    """The words of ``emails/<letter>/body.txt`` as HTML, so that both parts always say the same.

    A blank line parts paragraphs; lines with ``- `` are a list; an address alone is a link; what
    follows a line of ``--`` is small.
    """
    given = {str(name): value for name, value in context.flatten().items()}
    text = render_to_string(f"emails/{letter}/body.txt", given)
    body, _, small = text.partition("\n--\n")
    blocks = [_block(block, first=place == 0) for place, block in enumerate(_paragraphs(body))]
    if small.strip():
        blocks += ["<hr>", *(f'<p class="small">{_lines(p)}</p>' for p in _paragraphs(small))]
    return mark_safe("\n".join(blocks))  # noqa: S308 - every piece is escaped by _lines


def _paragraphs(text: str) -> list[str]:
    return [block.strip() for block in re.split(r"\n\s*\n", text) if block.strip()]


def _block(block: str, *, first: bool) -> str:
    lines = block.splitlines()
    if all(line.startswith("- ") for line in lines):
        return "<ul>" + "".join(f"<li>{_lines(line[2:])}</li>" for line in lines) + "</ul>"
    return f'<p class="outcome">{_lines(block)}</p>' if first else f"<p>{_lines(block)}</p>"


def _lines(block: str) -> str:
    return "<br>".join(_line(line.strip()) for line in block.splitlines())


def _line(line: str) -> str:
    if A_LINK.match(line):
        return format_html('<a href="{0}">{0}</a>', line)
    return escape(line)
