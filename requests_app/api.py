"""The interface for other programs: is somebody on the suppression list? (Civ. 1798.105(c)(2))

What is asked stands in the body alone, is kept nowhere and written into no log.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from ccpa_office import clock, throttle
from ccpa_office.gate import UNREADABLE
from ccpa_office.signin import address_class, sender
from requests_app import clients, suppression
from requests_app.fulfillment import locking
from requests_app.models import ApiClient

ENTRIES, VALUES, LONGEST = 1_000, 20, 400
LOCKS = 100
LOCK_WORDS = {"field", "value", "key", "email"}
_FIELD = ("system", "table", "column")
KINDS = {"email": "email", "phone": "phone_number"}
CALLS = throttle.Limit("api-client", 600, timedelta(minutes=1))
STRANGERS = throttle.Limit("api-address", 20)


class Refused(Exception):
    """The question cannot be answered: a status, and what is wrong, in words without any value."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


@csrf_exempt
def check(request: HttpRequest) -> JsonResponse:
    """Yes or no for each of up to a thousand entries, in their order."""
    return _answered(
        request, _entry, ENTRIES, lambda people: {"suppressed": suppression.suppressed(people)}
    )


@csrf_exempt
def corrected(request: HttpRequest) -> JsonResponse:
    """For each of up to a hundred values: is it what was corrected, and must not come back?"""
    return _answered(
        request, _value, LOCKS, lambda asked: {"locked": [locking.locked(**each) for each in asked]}
    )


def _answered(
    request: HttpRequest,
    read: Callable[[Any, int], dict[str, Any]],
    most: int,
    answer: Callable[[list[dict[str, Any]]], dict[str, list[bool]]],
) -> JsonResponse:
    """Who asks, what is asked, the answer; only how much is counted."""
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return _no(Refused(403, "Ask over https: without it, others have heard the token."))
    if request.method != "POST":
        return _no(Refused(405, "Ask with POST; what is asked stands in the body."))
    try:
        client = _client(request)
        asked = [read(entry, place) for place, entry in enumerate(_entries(request, most))]
    except Refused as refusal:
        return _no(refusal)
    clients.note(client, len(asked), at=clock.now())
    return JsonResponse(answer(asked))


def _no(refusal: Refused) -> JsonResponse:
    answer = JsonResponse({"error": refusal.words}, status=refusal.status)
    headers = {401: ("WWW-Authenticate", "Bearer"), 405: ("Allow", "POST"),
               429: ("Retry-After", "60")}  # fmt: skip
    if refusal.status in headers:
        name, value = headers[refusal.status]
        answer[name] = value
    return answer


def _client(request: HttpRequest) -> ApiClient:
    """The client of the token. An unknown, a revoked and a missing token get one answer."""
    scheme, _blank, token = request.headers.get("Authorization", "").partition(" ")
    at = clock.now()
    try:
        client = clients.known(token.strip() if scheme.lower() == "bearer" else "")
    except clients.NoSuchClient:
        near = address_class(sender(request))
        if not throttle.count(STRANGERS, throttle.place(STRANGERS, near), at=at):
            raise Refused(429, "Too many tries. Wait.") from None
        raise Refused(401, "This needs a token: Authorization: Bearer ...") from None
    if not throttle.count(CALLS, throttle.place(CALLS, str(client.pk)), at=at):
        raise Refused(429, "Too many calls in a minute. Wait.")
    return client


def _entries(request: HttpRequest, most: int) -> list[Any]:
    if request.content_type != "application/json":
        raise Refused(400, "Send application/json.")
    try:
        document = json.loads(request.body)
    except RequestDataTooBig:
        raise Refused(413, "The body is too large; ask in smaller batches.") from None
    except (ValueError, RecursionError):
        raise Refused(400, "The body is not JSON.") from None
    if not isinstance(document, dict) or set(document) != {"entries"}:
        raise Refused(400, 'Send {"entries": [...]} and nothing else.')
    entries = document["entries"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= most:
        raise Refused(400, f"Send 1 to {most} entries.")
    return entries


def _entry(entry: Any, place: int) -> dict[str, list[str]]:
    if not isinstance(entry, Mapping) or not entry or not set(entry) <= set(KINDS):
        raise Refused(400, f"Entry {place} needs email, phone, or both, and nothing else.")
    return {KINDS[name]: _values(values, place) for name, values in entry.items()}


def _values(values: Any, place: int) -> list[str]:
    many: Sequence[Any] = values if isinstance(values, list) else [values]
    if len(many) > VALUES or not all(map(_is_text, many)):
        raise Refused(400, f"Entry {place}: a text of up to {LONGEST} signs, or up to {VALUES}.")
    return list(many)


def _is_text(value: Any) -> bool:
    """A text that a database can keep: no NUL, no control character, no half of a character."""
    return isinstance(value, str) and len(value) <= LONGEST and not UNREADABLE.search(value)


def _value(entry: Any, place: int) -> dict[str, Any]:
    """A value that a feed would write, where, and of whom: the row's key or an e-mail address."""
    if not isinstance(entry, Mapping) or not {"field", "value"} <= set(entry) <= LOCK_WORDS:
        raise Refused(400, f"Entry {place} needs field, value, and key or email.")
    if not all(map(_is_text, entry.values())):
        raise Refused(400, f"Entry {place}: texts of up to {LONGEST} signs.")
    field = tuple(entry["field"].split(".", 2))
    if len(field) != len(_FIELD) or not (entry.get("key") or entry.get("email")):
        raise Refused(400, f"Entry {place}: field is system.table.column; say whose it is.")
    key = entry["key"].split("/") if entry.get("key") else ()
    return {"field": field, "value": entry["value"], "key": key, "email": entry.get("email", "")}


@require_GET
def openapi(_request: HttpRequest) -> JsonResponse:
    """The description of this interface."""
    return JsonResponse(DESCRIPTION)


_TEXT = {"type": "string", "maxLength": LONGEST}
_ONE_OR_MORE = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "maxItems": VALUES}]}
_WORDS = {
    "400": "Not a question of this form.", "401": "No token, or not a living one.",
    "403": "Not over https: a program is never led on, its next try would send the token again.",
    "413": "The body is too large.", "429": "Too many calls; wait as Retry-After says.",
}  # fmt: skip


def _post(summary: str, entry: dict[str, Any], most: int, answer: str) -> dict[str, Any]:
    """One address: a list of entries in, a list of truths out."""
    entries = {"type": "array", "minItems": 1, "maxItems": most,
               "items": {"type": "object", "additionalProperties": False, **entry}}  # fmt: skip
    truths = {"type": "array", "items": {"type": "boolean"}}
    told = {"description": "Yes or no for each entry, in their order.",
            "content": _json({answer: truths})}  # fmt: skip
    error = {"content": _json({"error": {"type": "string"}})}
    refused = {code: {"description": words, **error} for code, words in _WORDS.items()}
    return {
        "post": {
            "summary": summary,
            "security": [{"token": []}],
            "requestBody": {"required": True, "content": _json({"entries": entries})},
            "responses": {"200": told, **refused},
        }
    }


def _json(properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": list(properties), "additionalProperties": False,
              "properties": properties}  # fmt: skip
    return {"application/json": {"schema": schema}}


DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "CCPA Office", "version": "1"},
    "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    "paths": {
        "/api/v1/suppression/check": _post(
            "Which of these people had themselves deleted? Nothing asked is kept.",
            {"minProperties": 1, "properties": dict.fromkeys(KINDS, _ONE_OR_MORE)},
            ENTRIES,
            "suppressed",
        ),
        "/api/v1/corrections/check": _post(
            "Which of these values were corrected and must not come back? Nothing asked is kept.",
            {
                "required": ["field", "value"],
                "properties": dict.fromkeys(sorted(LOCK_WORDS), _TEXT),
            },
            LOCKS,
            "locked",
        ),
    },
}
