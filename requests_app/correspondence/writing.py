"""What a letter says: its facts are sealed when it is queued, its words before it is first sent.

Whoever queues a letter pays for no templates; the mail lane does. Once words stand in the row they
never change: every attempt sends the same.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import Promise

from ccpa_office import sealing
from ccpa_office.law.deadlines import received_date
from ccpa_office.law.kinds import KNOW
from requests_app.correspondence.links import LINK_LIFE, page_url
from requests_app.models import ConsumerRequest, LinkPurpose, Message

DAY, MOMENT = "$day", "$moment"
"""How a day and a moment stand in sealed facts."""


class Words(NamedTuple):
    """A letter in words."""

    subject: str
    text: str
    html: str


# --- facts --------------------------------------------------------------------------------------
def told(consumer_request: ConsumerRequest, extra: Mapping[str, Any], *, language: str) -> str:
    """What may have changed by the time that the letter is written, as it is now: JSON."""
    facts = {"respond_by": consumer_request.due_on, "outcome": consumer_request.outcome, **extra}
    with translation.override(language):
        return json.dumps(facts, default=_plain, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return {MOMENT: value.isoformat()}
    if isinstance(value, date):
        return {DAY: value.isoformat()}
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(type(value).__name__)


def _read(found: dict[str, Any]) -> Any:
    if found.keys() == {DAY}:
        return date.fromisoformat(found[DAY])
    if found.keys() == {MOMENT}:
        return datetime.fromisoformat(found[MOMENT])
    return found


def _facts(message: Message) -> dict[str, Any]:
    """What the letter may say (VR-29): facts that never change are read from the request."""
    about, language, at = message.consumer_request, message.language, message.queued_at
    assert about is not None  # noqa: S101  a letter is about a request
    sealed = sealing.Box(message.data_key).open(message.facts, context="message.facts")
    return {
        "number": about.number,
        "right": str(about.right.label),
        "received_on": about.received_on,
        "extended_by": about.extended_due_on,
        "optout_by": about.optout_due_on,
        "earliest_reask": about.earliest_reask_on,
        "effective_on": received_date(at),
        "done_on": received_date(at),
        "confirm_by": received_date(at + LINK_LIFE[LinkPurpose.CONFIRM]),
        "new_link": page_url("requests/new/", about.language),
        "opt_out_link": page_url("opt-out/", about.language),
        "notice_link": page_url("notices/", about.language) if about.right in KNOW else "",
        **json.loads(sealed, object_hook=_read),
        "language": language,
    }


# --- words --------------------------------------------------------------------------------------
def words_of(message: Message) -> Words:
    """A letter in words, also one that is not written yet. Raises sealing.Unreadable."""
    if not message.text:
        return _write(message)
    box = sealing.Box(message.data_key)
    return Words(
        message.subject,
        box.open(message.text, context="message.text"),
        box.open(message.html, context="message.html"),
    )


def subject_of(message: Message) -> str:
    """The subject of a letter: it names the number alone, so nothing is opened for it."""
    if message.subject or message.consumer_request is None:
        return message.subject
    with translation.override(message.language):
        return _subject(message, {"number": message.consumer_request.number})


def freeze(message: Message) -> dict[str, Any]:
    """Write the letter, once; the columns that changed, for the caller to store.

    Raises sealing.Unreadable; what templates raise.
    """
    if message.text:
        return {}
    words, box = _write(message), sealing.Box(message.data_key)
    changes: dict[str, Any] = {
        "subject": words.subject,
        "text": box.seal(words.text, context="message.text"),
        "html": box.seal(words.html, context="message.html"),
        "facts": b"",
    }
    for name, value in changes.items():
        setattr(message, name, value)
    return changes


def _write(message: Message) -> Words:
    with translation.override(message.language):
        facts = _facts(message)
        text = render_to_string(f"emails/{message.letter}/body.txt", facts)
        html = render_to_string(f"emails/{message.letter}/body.html", facts)
        return Words(_subject(message, facts), text.strip() + "\n", html.strip() + "\n")


def _subject(message: Message, facts: dict[str, Any]) -> str:
    return " ".join(render_to_string(f"emails/{message.letter}/subject.txt", facts).split())
