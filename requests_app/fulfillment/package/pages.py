"""The readable pages of a package: plain HTML in the consumer's language, without script."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from ccpa_office.connectors.collected import PERIOD, SHARED
from ccpa_office.law.grounds import exceptions_for
from ccpa_office.law.kinds import RequestKind
from ccpa_office.law.vocabulary import Category, NeverDisclosed
from ccpa_office.templatetags.office import listed
from requests_app.fulfillment.outside.exporting import NEVER
from requests_app.fulfillment.package.cells import BINARY
from requests_app.models import PartSaid

ROWS = 1_000
"""Rows on one page."""
SIGNS = 2_000_000
"""Signs on one page: long texts make it end earlier, so that it fits in memory and a browser."""


@dataclass(frozen=True)
class Page:
    """Where one page of a table stands among the others."""

    system: str
    table: str
    number: int
    more: bool
    first: int = 1
    """The place of its first row among all."""


def page_name(system: str, table: str, number: int) -> str:
    """The file of one page."""
    return f"pages/{system}/{table}-{number:04d}.html"


def row_of(key: str, texts: Iterable[str]) -> str:
    """One row of a table, escaped."""
    cells = "".join(f"<td>{escape(text)}</td>" for text in texts)
    return f'<tr><th scope="row">{escape(key)}</th>{cells}</tr>\n'


def table_page(page: Page, *, language: str, fields: Sequence[str], rows: Sequence[str]) -> str:
    """One page of one table."""
    head, foot = _frame(page, language, tuple(fields), len(rows))
    return "".join([head, *rows, foot])


@lru_cache(maxsize=2048)
def _frame(page: Page, language: str, fields: tuple[str, ...], rows: int) -> tuple[str, str]:
    """What stands before and after the rows of a page: the same for everybody who has so many."""
    context = {
        "system": page.system, "table": page.table, "fields": fields, "number": page.number,
        "first": page.first, "last": page.first + rows - 1, "language": language,
        "before": f"{page.table}-{page.number - 1:04d}.html" if page.number > 1 else "",
        "after": f"{page.table}-{page.number + 1:04d}.html" if page.more else "",
    }  # fmt: skip
    with translation.override(language):
        whole = render_to_string("requests/package/table.html", context)
    head, _mark, foot = whole.partition("<!-- rows -->")
    return head, foot


def index_page(context: Mapping[str, Any], *, language: str) -> str:
    """The first page: what is in the package, what is not and why, what the law asks to be said."""
    with translation.override(language):
        return render_to_string("requests/package/index.html", {**context, "language": language})


@lru_cache(maxsize=4096)
def line_of(place: tuple[str, str], rows: int, codes: tuple[str, ...], language: str) -> str:
    """The line of one table on the first page: the same for everybody who has so many rows."""
    system, table = place
    context = {
        "system": system, "table": table, "rows": rows,
        "page": page_name(system, table, 1) if rows else "",
        "csv": f"csv/{system}/{table}.csv", "json": f"json/{system}/{table}.json",
    }  # fmt: skip
    with translation.override(language):
        context["categories"] = listed(Category(code).label for code in codes)
        return render_to_string("requests/package/line.html", {"each": context})


def answer_part(answer: Mapping[str, Any], *, language: str) -> str:
    """The answer of categories, as the first page shows it."""
    with translation.override(language):
        return render_to_string("requests/package/answer.html", {"answer": answer})


# --- what is not in it --------------------------------------------------------------------------


@lru_cache(maxsize=16)
def kind_words(language: str) -> Mapping[str, str]:
    """What stands in the place of a value that may not leave, in a language."""
    with translation.override(language):
        held = {each.value: _("%s: held, not shown") % each.label for each in NeverDisclosed}
        return {**held, BINARY: _("A file or picture: held, not shown")}


def ground(code: str) -> str:
    """An exception in words."""
    known = {each.value: each.label for each in exceptions_for(RequestKind.KNOW_SPECIFIC)}
    return str(known.get(code, code))


def left_out(told: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What is not in an answer, and why (7024(e)), as its pages say it; ``told`` is its summary."""
    words, withheld, tables = kind_words(language), told["withheld"], told["tables"]
    awaited = told.get("awaited", [])
    with translation.override(language):
        return {
            "withheld": [
                (words[kind], times) for kind, times in withheld.items() if kind != BINARY
            ],
            "unread": withheld.get(BINARY, 0),
            "shared": sum(each[SHARED] for each in tables),
            "period": sum(each[PERIOD] for each in tables),
            "awaited": [each["name"] for each in awaited if each["why"] not in NEVER],
            "not_asked": [each["name"] for each in awaited if each["why"] in NEVER],
            "not_given": [
                (each["name"], ground(each["exception"]))
                for each in told.get("parts", [])
                if each["said"] == PartSaid.KEPT
            ],
        }
