"""What somebody types into the public forms, and whether it was kept as typed."""

import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.test import Client
from django.utils import translation

from ccpa_office import sealing
from ccpa_office.law.kinds import RequestKind
from requests_app.forms import FORMS, new_nonce
from requests_app.models import Channel, ConsumerRequest, Identifier, Note, Outcome, Status

LANGUAGES = ("en", "ja", "es")
BEGINNINGS = {Status.RECEIVED, Status.VERIFIED, Status.APPLYING}
Body = dict[str, Any]


def way(language: str, rest: str) -> str:
    """An address in a language."""
    return f"/{rest}" if language == "en" else f"/{language}/{rest}"


def form_of(kind: RequestKind, language: str = "en") -> str:
    """Where the form of a right is."""
    return way(language, f"requests/new/{kind.value}/")


def blank(kind: RequestKind, **typed: Any) -> Body:
    """A whole and honest body of a right's form, with ``typed`` over it."""
    body: Body = {"nonce": new_nonce(kind), "step": "send", "email": "hostile@example.org"}
    if "name" in FORMS[kind].base_fields:
        body["name"] = "Hester Quill"
    if "since" in FORMS[kind].base_fields:
        body["since"] = "everything"
    if kind is RequestKind.CORRECT:
        body["words"] = "My course is wrong."
    return {**body, **typed}


def send(client: Client, kind: RequestKind, body: Any, language: str = "en", **more: Any) -> Any:
    """Press the last button of a right's form."""
    with translation.override("en"):
        return client.post(form_of(kind, language), body, **more)


def as_kept(text: str) -> str:
    """A text as the office keeps it: NFC, without blanks around it, lines ended by one sign."""
    return unicodedata.normalize("NFC", text.strip()).replace("\r\n", "\n")


def kept_once(
    kind: RequestKind, language: str, typed: Mapping[str, str], more: int = 1
) -> Callable[[Any], str]:
    """Says what is wrong with what was kept of a request: exactly one, exactly as typed."""
    known = set(ConsumerRequest.objects.values_list("pk", flat=True))

    def stored(answer: Any) -> str:
        if answer.status_code == 200:
            return (
                "" if ConsumerRequest.objects.count() == len(known) else "kept before it was sent"
            )
        new = ConsumerRequest.objects.exclude(pk__in=known).select_related("data_key")
        if len(new) != more:
            return f"kept {len(new)} times"
        return "; ".join(_differences(new[0], kind, language, typed)) if more else ""

    return stored


def _differences(
    row: ConsumerRequest, kind: RequestKind, language: str, typed: Mapping[str, str]
) -> list[str]:
    found = []
    if (row.kind, row.language, row.channel) != (kind.value, language, Channel.WEB):
        found.append("another kind, language or channel")
    staff = (row.opened_by_id, row.assigned_to_id, row.verified_by_id, row.denial_drafted_by_id)
    if row.status not in BEGINNINGS or row.outcome != Outcome.NONE or any(staff):
        found.append("somebody else wrote its columns")
    assert row.data_key is not None
    box = sealing.Box(row.data_key)
    found += [
        f"{each.kind} is not as typed"
        for each in Identifier.objects.filter(consumer_request=row)
        if box.open(bytes(each.value), context="identifier.value")
        != as_kept(typed.get(each.kind, ""))
    ]
    notes = [
        box.open(bytes(note.text), context="note.text")
        for note in Note.objects.filter(consumer_request=row)
    ]
    words = as_kept(typed.get("words", ""))
    if notes != ([words] if words else []):
        found.append("the words are not as typed")
    return found


def ask(judge, client, name, kind, body, *, must="", language="en", more=1, typed=None):
    """Send one body and see that it was kept as typed, so many times, or not at all."""
    judge.item(
        name,
        partial(send, client, kind, body, language),
        stored=kept_once(kind, language, typed or body, more),
        must=must,
    )
