"""The interface for other programs: is somebody on the suppression list? (Civ. 1798.105(c)(2))

What is asked stands in the body alone, is kept nowhere and written into no log.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from ccpa_office import clock, throttle
from ccpa_office.signin import address_class
from requests_app import clients, suppression
from requests_app.models import ApiClient

ENTRIES, VALUES, LONGEST = 1_000, 20, 400
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
    if request.method != "POST":
        return _no(Refused(405, "Ask with POST; what is asked stands in the body."))
    try:
        client = _client(request)
        people = _entries(request)
    except Refused as refusal:
        return _no(refusal)
    clients.note(client, len(people), at=clock.now())
    return JsonResponse({"suppressed": suppression.suppressed(people)})


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
        near = address_class(request.META.get("REMOTE_ADDR", ""))
        if not throttle.count(STRANGERS, throttle.place(STRANGERS, near), at=at):
            raise Refused(429, "Too many tries. Wait.") from None
        raise Refused(401, "This needs a token: Authorization: Bearer ...") from None
    if not throttle.count(CALLS, throttle.place(CALLS, str(client.pk)), at=at):
        raise Refused(429, "Too many calls in a minute. Wait.")
    return client


def _entries(request: HttpRequest) -> list[dict[str, list[str]]]:
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
    if not isinstance(entries, list) or not 1 <= len(entries) <= ENTRIES:
        raise Refused(400, f"Send 1 to {ENTRIES} entries.")
    return [_entry(entry, place) for place, entry in enumerate(entries)]


def _entry(entry: Any, place: int) -> dict[str, list[str]]:
    if not isinstance(entry, Mapping) or not entry or not set(entry) <= set(KINDS):
        raise Refused(400, f"Entry {place} needs email, phone, or both, and nothing else.")
    return {KINDS[name]: _values(values, place) for name, values in entry.items()}


def _values(values: Any, place: int) -> list[str]:
    many: Sequence[Any] = values if isinstance(values, list) else [values]
    if len(many) > VALUES or not all(isinstance(v, str) and len(v) <= LONGEST for v in many):
        raise Refused(400, f"Entry {place}: a text of up to {LONGEST} signs, or up to {VALUES}.")
    return list(many)


@require_GET
def openapi(_request: HttpRequest) -> JsonResponse:
    """The description of this interface."""
    return JsonResponse(DESCRIPTION)


_TEXT = {"type": "string", "maxLength": LONGEST}
_ONE_OR_MORE = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "maxItems": VALUES}]}
_ERROR = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"error": {"type": "string"}},
                "required": ["error"],
            }
        }
    }
}
_WORDS = {
    "400": "Not a question of this form.", "401": "No token, or not a living one.",
    "413": "The body is too large.", "429": "Too many calls; wait as Retry-After says.",
}  # fmt: skip
DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "CCPA Office", "version": "1"},
    "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    "paths": {
        "/api/v1/suppression/check": {
            "post": {
                "summary": "Which of these people had themselves deleted? Nothing asked is kept.",
                "security": [{"token": []}],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["entries"],
                                "additionalProperties": False,
                                "properties": {
                                    "entries": {
                                        "type": "array",
                                        "minItems": 1,
                                        "maxItems": ENTRIES,
                                        "items": {
                                            "type": "object",
                                            "minProperties": 1,
                                            "additionalProperties": False,
                                            "properties": dict.fromkeys(KINDS, _ONE_OR_MORE),
                                        },
                                    }
                                },
                            }
                        }
                    },
                },
                "responses": {
                    "200": {
                        "description": "Yes or no for each entry, in their order.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["suppressed"],
                                    "properties": {
                                        "suppressed": {
                                            "type": "array",
                                            "items": {"type": "boolean"},
                                        }
                                    },
                                }
                            }
                        },
                    },
                    **{code: {"description": words, **_ERROR} for code, words in _WORDS.items()},
                },
            }
        }
    },
}
