"""The readable pages of a package: plain HTML in the consumer's language, without script."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation

ROWS = 1_000
"""Rows on one page."""


@dataclass(frozen=True)
class Page:
    """Where one page of a table stands among the others."""

    system: str
    table: str
    number: int
    more: bool


def page_name(system: str, table: str, number: int) -> str:
    """The file of one page."""
    return f"pages/{system}/{table}-{number:04d}.html"


def row_of(key: str, texts: Iterable[str]) -> str:
    """One row of a table, escaped."""
    cells = "".join(f"<td>{escape(text)}</td>" for text in texts)
    return f'<tr><th scope="row">{escape(key)}</th>{cells}</tr>\n'


def table_page(
    page: Page, *, language: str, fields: Sequence[Mapping[str, Any]], rows: Sequence[str]
) -> str:
    """One page of one table."""
    first = (page.number - 1) * ROWS + 1
    context = {
        "system": page.system, "table": page.table, "fields": fields, "number": page.number,
        "first": first, "last": first + len(rows) - 1, "language": language,
        "before": f"{page.table}-{page.number - 1:04d}.html" if page.number > 1 else "",
        "after": f"{page.table}-{page.number + 1:04d}.html" if page.more else "",
    }  # fmt: skip
    with translation.override(language):
        whole = render_to_string("requests/package/table.html", context)
    head, _mark, foot = whole.partition("<!-- rows -->")
    return "".join([head, *rows, foot])


def index_page(context: Mapping[str, Any], *, language: str) -> str:
    """The first page: what is in the package, what is not and why, what the law asks to be said."""
    with translation.override(language):
        return render_to_string("requests/package/index.html", {**context, "language": language})
