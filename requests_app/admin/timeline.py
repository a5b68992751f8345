"""The timeline of a case: lines of the book, letters and notes as sentences, newest last."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from ccpa_office.admin.book import facts_of, label, names_of, say, who
from ccpa_office.models import LedgerLine
from requests_app.admin.words import audience_words, letter_words
from requests_app.casework.looking import Opened
from requests_app.models import ConsumerRequest, Delivery, Message, Note

MOST = 400


@dataclass(frozen=True)
class Entry:
    """One thing that happened. ``kind``: person, machine or consumer."""

    at: datetime
    kind: str
    who: str
    sentence: str
    text: str = ""
    closed: bool = False


TOLD_ELSEWHERE = frozenset(
    {"letter.handed", "letter.refused", "message.received", "message.written"}
)


def timeline(
    consumer_request: ConsumerRequest, batches: Iterable[int], opened: Opened
) -> list[Entry]:
    """All that happened, in order. Four statements, however long it is."""
    subjects = [consumer_request.number, *(f"batch:{batch}" for batch in batches)]
    lines = list(
        LedgerLine.objects.filter(subject__in=subjects)
        .exclude(verb__in=TOLD_ELSEWHERE)
        .order_by("-id")[:MOST]
    )
    notes = list(consumer_request.notes.order_by("-pk")[:MOST])
    letters = list(consumer_request.letters.order_by("-pk")[:MOST])
    names = names_of(lines, [note.staff_id for note in notes])
    entries = [
        *(_of_letter(letter, opened) for letter in letters),
        *(_of_note(note, names, opened) for note in notes),
        *(_of_line(line, names) for line in lines),
    ]
    entries.reverse()  # what was read newest first stays in order within one moment
    return sorted(entries, key=lambda entry: entry.at)


def _of_line(line: LedgerLine, names: Mapping[int, str]) -> Entry:
    kind = line.actor.partition(":")[0]
    shape = {"staff": "person", "consumer": "consumer"}.get(kind, "machine")
    return Entry(line.at, shape, who(line.actor, names), say(line.verb, facts_of(line)))


def _of_note(note: Note, names: Mapping[int, str], opened: Opened) -> Entry:
    text = opened.notes.get(note.pk, "")
    if note.author == Note.Author.CONSUMER:
        return Entry(
            note.at, "consumer", _("The consumer"), _("Wrote to us."), text, closed=not text
        )
    wrote_it = names.get(note.staff_id or 0, _("The office"))
    wrote = note.author == Note.Author.OFFICE
    said = _("Wrote to the consumer.") if wrote else _("Left a note for staff.")
    return Entry(note.at, "person", wrote_it, said, text, closed=not text)


def _of_letter(letter: Message, opened: Opened) -> Entry:
    recipient, text = opened.letters.get(letter.pk, ("", ""))
    said = _("Letter “%(letter)s” to %(to)s: %(state)s.") % {
        "letter": letter_words(letter.letter),
        "to": recipient or audience_words(letter.audience),
        "state": label(Delivery, letter.delivery),
    }
    at = letter.handed_at or letter.queued_at
    closed = not text and letter.audience != "provider"
    return Entry(at, "machine", _("The office's machine"), said, text, closed=closed)
