"""Pages that say the same to many people, drawn once: only what is a person's own differs.

The words of the status page follow from where a request stands and from its days; so many requests
share them. What is kept of a page holds no one's own words: each was taken out before.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.translation import get_language

MOST = 500
"""So many pages are kept in each process, the last used ones."""

_kept: OrderedDict[str, str] = OrderedDict()


def draw(
    request: HttpRequest,
    template: str,
    context: Callable[[], Mapping[str, Any]],
    *,
    said: Mapping[str, Any],
    own: Sequence[str],
) -> HttpResponse:
    """The page of ``template``; its ``context`` is asked for where it is not kept.

    ``said`` is everything that the page says besides ``own``: two pages that say the same are the
    same page. ``own`` are the words of this person in it, such as the number of the request.
    """
    token = get_token(request)
    words = [*own, token]
    key = json.dumps([template, get_language(), said], sort_keys=True, default=str)
    if (page := _kept.get(key)) is None:
        page = render_to_string(template, {**context(), "csrf_token": token}, request)
        _keep(key, _without(page, words))
        return HttpResponse(page)
    _kept.move_to_end(key)
    return HttpResponse(_with(page, words))


def _keep(key: str, page: str) -> None:
    _kept[key] = page
    while len(_kept) > MOST:
        _kept.popitem(last=False)


def _without(page: str, words: Sequence[str]) -> str:
    for place, word in enumerate(words):
        page = page.replace(word, f"\x00{place}\x00")
    return page


def _with(page: str, words: Sequence[str]) -> str:
    for place, word in enumerate(words):
        page = page.replace(f"\x00{place}\x00", word)
    return page
