"""Pages that say the same to many people, drawn once: only what is a person's own differs.

The words of the status page follow from where a request stands and from its days; so many requests
share them. What is kept of a page holds no one's own words: each was taken out before.
"""

import os
import string
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CSRF_SECRET_LENGTH
from django.template.loader import render_to_string
from django.utils.translation import get_language

MOST = 500
"""So many pages are kept in each process, the last used ones."""

_kept: OrderedDict[Hashable, str] = OrderedDict()


def draw(
    request: HttpRequest,
    template: str,
    context: Callable[[], Mapping[str, Any]],
    *,
    said: Hashable,
    own: Sequence[str],
) -> HttpResponse:
    """The page of ``template``; its ``context`` is asked for where it is not kept.

    ``said`` is all that the page is made of besides ``own``: two pages made of the same are the
    same page. ``own`` are the words of this person in it, such as the number of the request.
    """
    key = template, get_language(), said
    if (page := _kept.get(key)) is None:
        words = [*own, form_token(request)]
        page = render_to_string(template, {**context(), "csrf_token": words[-1]}, request)
        _keep(key, _without(page, words))
        return HttpResponse(page)
    _kept.move_to_end(key)
    has_form = _mark(len(own)) in page
    return HttpResponse(_with(page, [*own, form_token(request)] if has_form else own))


def _keep(key: Hashable, page: str) -> None:
    _kept[key] = page
    while len(_kept) > MOST:
        _kept.popitem(last=False)


def _without(page: str, words: Sequence[str]) -> str:
    for place, word in enumerate(words):
        page = page.replace(word, _mark(place))
    return page


def _with(page: str, words: Sequence[str]) -> str:
    for place, word in enumerate(words):
        page = page.replace(_mark(place), word)
    return page


def _mark(place: int) -> str:
    return f"\x00{place}\x00"


# --- the token of a form ------------------------------------------------------------------------

LETTERS = string.ascii_letters + string.digits
PLACES = {letter: place for place, letter in enumerate(LETTERS)}
MOST_BYTES = 256 - 256 % len(LETTERS)
DRAWN = bytes(ord(LETTERS[each % len(LETTERS)]) for each in range(256))
UNEVEN = bytes(range(MOST_BYTES, 256))
"""Bytes that would make some letters likelier than others."""


def form_token(request: HttpRequest) -> str:
    """As Django's ``get_token``: the secret of this browser's cookie under a fresh mask.

    The random letters are drawn all at once, not each by itself.
    """
    secret = request.META.get("CSRF_COOKIE") or letters(CSRF_SECRET_LENGTH)
    request.META.update(CSRF_COOKIE=secret, CSRF_COOKIE_NEEDS_UPDATE=True)
    mask = letters(CSRF_SECRET_LENGTH)
    pairs = zip(secret, mask, strict=True)
    return mask + "".join(LETTERS[(PLACES[a] + PLACES[b]) % len(LETTERS)] for a, b in pairs)


def letters(count: int) -> str:
    """So many random letters and digits, each as likely as every other."""
    drawn = b""
    while len(drawn) < count:
        drawn += os.urandom(2 * count).translate(DRAWN, UNEVEN)
    return drawn[:count].decode()
