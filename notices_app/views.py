"""The public pages: notices, every version of each with what changed, and the same as data."""

from itertools import groupby
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from ccpa_office import clock
from notices_app import comparing, wording
from notices_app.models import NoticeVersion
from notices_app.reading import Reading, as_document, read_out


@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """All notices of the office, each with its versions."""
    versions = NoticeVersion.objects.out().select_related("notice").order_by("notice__slug")
    groups = groupby(versions.order_by("notice__slug", "-effective_on"), lambda v: v.notice.slug)
    shelves = [_shelf(slug, list(group)) for slug, group in groups]
    return render(request, "notices/list.html", {"shelves": shelves})


@require_safe
def notice(request: HttpRequest, slug: str) -> HttpResponse:
    """The version in force today."""
    shelf = _shelf(slug, _versions(slug))
    return _page(request, shelf, shelf["current"] or shelf["versions"][-1], changes=False)


@require_safe
def version(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One version, with what changed since the one before."""
    shelf = _shelf(slug, _versions(slug))
    return _page(request, shelf, _numbered(shelf, number), changes=True)


@require_safe
def notice_data(request: HttpRequest, slug: str) -> JsonResponse:
    """The version in force, or ``?version=``, as data."""
    shelf = _shelf(slug, _versions(slug))
    asked = request.GET.get("version", "")
    if not asked:
        return _data(shelf, shelf["current"] or shelf["versions"][-1])
    if not (asked.isascii() and asked.isdigit() and len(asked) < 6):
        raise Http404
    return _data(shelf, _numbered(shelf, int(asked)))


@require_safe
def version_data(_request: HttpRequest, slug: str, number: int) -> JsonResponse:
    """One version as data."""
    shelf = _shelf(slug, _versions(slug))
    return _data(shelf, _numbered(shelf, number))


def _versions(slug: str) -> list[NoticeVersion]:
    """The public versions of a notice, newest first."""
    found = NoticeVersion.objects.out().filter(notice__slug=slug).order_by("-effective_on")
    versions = list(found.select_related("notice"))
    if not versions:
        raise Http404
    return versions


def _shelf(slug: str, versions: list[NoticeVersion]) -> dict[str, Any]:
    """A notice's versions, which of them is in force today, and which comes next."""
    today = clock.today()
    begun = [version for version in versions if version.effective_on <= today]
    coming = [version for version in versions if version.effective_on > today]
    return {
        "slug": slug,
        "versions": versions,
        "current": begun[0] if begun else None,
        "coming": coming[-1] if coming else None,
    }


def _numbered(shelf: dict[str, Any], number: int) -> NoticeVersion:
    for version in shelf["versions"]:
        if version.number == number:
            return version  # type: ignore[no-any-return]
    raise Http404


def _before(shelf: dict[str, Any], version: NoticeVersion) -> NoticeVersion | None:
    versions: list[NoticeVersion] = shelf["versions"]
    earlier = versions[versions.index(version) + 1 :]
    return earlier[0] if earlier else None


def _after(shelf: dict[str, Any], version: NoticeVersion) -> NoticeVersion | None:
    versions: list[NoticeVersion] = shelf["versions"]
    place = versions.index(version)
    return versions[place - 1] if place else None


def _page(
    request: HttpRequest, shelf: dict[str, Any], version: NoticeVersion, *, changes: bool
) -> HttpResponse:
    reading = read_out(version)
    before = _before(shelf, version) if changes else None
    earlier = read_out(before) if before else None
    wanted = (get_language() or settings.LANGUAGE_CODE).partition("-")[0]
    page = wording.page(
        reading,
        language=wording.language_for(reading, wanted),
        before=earlier,
        told=_changes(earlier, reading),
    )
    context = {**shelf, "version": version, "page": page, "before": before}
    context |= {"after": _after(shelf, version), "is_translated": page.language == wanted}
    context |= {"wanted": wording.language_name(wanted)}
    context |= {"read_in": wording.language_name(page.language)}
    return render(request, "notices/notice.html", context)


def _changes(earlier: Reading | None, reading: Reading) -> list[comparing.Change]:
    return comparing.changes(earlier, reading) if earlier else []


def _data(shelf: dict[str, Any], version: NoticeVersion) -> JsonResponse:
    reading = read_out(version)
    before = _before(shelf, version)
    told = _changes(read_out(before) if before else None, reading)
    content = {
        "notice": shelf["slug"],
        "version": version.number,
        "in_force": version == shelf["current"],
        "status": version.status,
        "published_at": version.published_at,
        "digest": version.digest,
        "languages": reading.languages,
        **as_document(reading),
        "changes": {"since": before and before.number, "list": [vars(change) for change in told]},
        "versions": [
            {"version": other.number, "effective_on": other.effective_on, "digest": other.digest}
            for other in shelf["versions"]
        ],
    }
    return JsonResponse(content, json_dumps_params={"ensure_ascii": False, "indent": 1})
