"""A list as a file: a disclosure. It takes a role and a purpose, and leaves a line in the book."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.views.decorators.http import require_POST

from ccpa_office import clock
from ccpa_office.admin import OfficeModelAdmin
from ccpa_office.admin.base import require_or_403
from ccpa_office.law.deadlines import PACIFIC, received_date
from ccpa_office.roles import Actor, Verb, may
from requests_app.admin.moves import PurposeForm
from requests_app.casework.looking import note_export

FORMULAS = tuple("=+-@\t\r＝＋－＠")
"""What a spreadsheet takes for the beginning of a formula."""
AT_ONCE = 2000
MARK = "\ufeff"
"""Tells spreadsheets that the file is UTF-8."""


@dataclass(frozen=True)
class Listed:
    """What is exported: the rows as values, the head, and how a row becomes cells."""

    view: str
    rows: QuerySet[Any, Any]
    head: Iterable[str | Promise]
    cells: Callable[[Mapping[str, Any]], Iterable[Any]]


class _Echo:
    """What a CSV writer writes to: it gives each line back."""

    def write(self, line: str) -> str:
        return line


def cell(value: object) -> str:
    """A cell that no spreadsheet calculates."""
    if isinstance(value, datetime):
        return value.astimezone(PACIFIC).isoformat(timespec="seconds")
    text = value.isoformat() if isinstance(value, date) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULAS) else text


def lines(listed: Listed) -> Iterator[str]:
    """The file line by line; no more rows at a time in memory than ``AT_ONCE``."""
    writer = csv.writer(_Echo())
    yield MARK + writer.writerow([cell(str(each)) for each in listed.head])
    for row in listed.rows.iterator(chunk_size=AT_ONCE):
        yield writer.writerow([cell(each) for each in listed.cells(row)])


class ExportingDesk(OfficeModelAdmin):
    """A desk whose list can be taken out as a file."""

    exported: ClassVar[str]

    def listed(self, request: HttpRequest, actor: Actor) -> Listed:
        """What the list shows, whole."""
        raise NotImplementedError

    def more_urls(self) -> list[URLPattern]:
        """The file, which is sent and not linked: whoever follows a link discloses nothing."""
        view = self.admin_site.admin_view(require_POST(self.export_view))
        return [*super().more_urls(), path(f"{self.word}/export/", view, name=self._export_name)]

    @property
    def _export_name(self) -> str:
        return f"{self._name}_export"

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The list as a file, if somebody says what for."""
        actor, at = self._enter(request), clock.now()
        require_or_403(actor, Verb.EXPORT)
        form = PurposeForm(request.POST)
        if not form.is_valid():
            messages.error(request, str(next(iter(form.errors.values()))[0]))
            return HttpResponseRedirect(f"{self.home()}?{request.GET.urlencode()}")
        listed = self.listed(request, actor)
        note_export(
            {"list": self.exported, "view": listed.view, "rows": listed.rows.order_by().count()},
            purpose=form.cleaned_data["purpose"],
            by=actor,
            at=at,
        )
        name = f"{self.exported}-{received_date(at).isoformat()}.csv"
        return StreamingHttpResponse(
            lines(listed),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _around(self, request: HttpRequest) -> dict[str, Any]:
        around = super()._around(request)
        if may(around["actor"], Verb.EXPORT):
            to = reverse(f"admin:{self._export_name}")
            kept = request.GET.urlencode()
            url = f"{to}?{kept}" if kept else to
            around["export"] = {"url": url, "form": PurposeForm(auto_id="export-%s")}
        return around
