"""The timeline of a case: lines of the book, letters and notes as sentences, newest last."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from ccpa_office.admin import facts_of
from ccpa_office.law.certainty import Level
from ccpa_office.law.grounds import DeletionException, Denial, GeneralException
from ccpa_office.models import LedgerLine, StaffMember
from ccpa_office.templatetags.office import in_words, moment_in_words
from requests_app.casework.looking import Opened, Purpose
from requests_app.models import Channel, ConsumerRequest, Delivery, Message, Note

MOST = 400
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One thing that happened. ``kind``: person, machine or consumer."""

    at: datetime
    kind: str
    who: str
    sentence: str
    text: str = ""
    closed: bool = False


def label(choices: Any, code: str) -> str:
    """The words of a code; the code itself where it is none of ours."""
    return str(dict(choices.choices).get(code, code))


def ground_words(code: str) -> str:
    """A ground of denial or of keeping, in words."""
    for choices in (Denial, DeletionException, GeneralException):
        if code in choices.values:
            return label(choices, code)
    return code


def _day(value: str) -> str:
    try:
        return in_words(date.fromisoformat(value))
    except ValueError:
        return value


def _moment(value: str) -> str:
    try:
        return moment_in_words(datetime.fromisoformat(value))
    except ValueError:
        return value


def _received(facts: Facts) -> str:
    came = _("The request came in: %(channel)s.") % {
        "channel": label(Channel, str(facts.get("channel", "")))
    }
    due = str(facts.get("due_on") or "")
    answer = _("An answer is due by %(day)s.") % {"day": _day(due)}
    return f"{came} {answer}" if due else came


def _waiting(facts: Facts) -> str:
    if "systems" in facts:
        return _("Contacts on file were looked up. Now the consumer has to confirm.")
    return _("The contact on file was asked once more.")


def _checking(facts: Facts) -> str:
    if "level" in facts:
        return _("The answers were compared with what is held: %(level)s.") % {
            "level": label(Level, str(facts["level"])).lower()
        }
    return _("The case is back at the check of identity.")


def _verified(facts: Facts) -> str:
    if facts.get("replan"):
        return _("A new plan was asked for; the old one is void.")
    if facts.get("refused"):
        return _("The plan was refused; it is void.")
    if facts.get("newborn"):
        return _("Too many new rows were born since the plan; it is built again.")
    return _("It is the consumer: the identity is decided.")


def _approved(facts: Facts) -> str:
    return _("Every approval is there. Nothing is erased before %(moment)s.") % {
        "moment": _moment(str(facts.get("executable_at", "")))
    }


def _plan_approved(facts: Facts) -> str:
    return _("Approved the plan %(hash)s (%(given)s of %(needed)s).") % {
        "hash": str(facts.get("plan", ""))[:12],
        "given": facts.get("approval", 1),
        "needed": facts.get("needed", 1),
    }


def _completed(facts: Facts) -> str:
    if "delete" in facts:
        return _("Done: %(delete)s rows erased, %(mask)s stripped, %(keep)s kept.") % dict(facts)
    if facts.get("ground") == Denial.NO_DATA:
        return _("Ended: nothing was found.")
    return _("Ended, with the answer.")


def _denying(facts: Facts) -> str:
    return _("A denial was drafted: %(ground)s.") % {
        "ground": ground_words(str(facts.get("ground", ""))).lower()
    }


def _denied(facts: Facts) -> str:
    return _("Denied: %(ground)s.") % {"ground": ground_words(str(facts.get("ground", ""))).lower()}


def _extended(facts: Facts) -> str:
    return _("The time to answer was extended to %(day)s.") % {
        "day": _day(str(facts.get("due_on", "")))
    }


def _erased(facts: Facts) -> str:
    return _("Carried out: a chunk of %(people)s people, %(rows)s rows.") % {
        "people": facts.get("people", 0),
        "rows": facts.get("rows", 0),
    }


def _seen(facts: Facts) -> str:
    return _("Looked at the identity. %(purpose)s.") % {
        "purpose": label(Purpose, str(facts.get("purpose", "")))
    }


def _texts(facts: Facts) -> str:
    return _("Read the texts. %(purpose)s.") % {
        "purpose": label(Purpose, str(facts.get("purpose", "")))
    }


def _shared(facts: Facts) -> str:
    return _("Decided on shared rows of %(table)s: %(decision)s.") % {
        "table": facts.get("table", ""),
        "decision": _("keep") if facts.get("decision") == "keep" else _("strip"),
    }


SENTENCES: Mapping[str, Callable[[Facts], str]] = {
    "request.received": _received,
    "request.waiting": _waiting,
    "request.checking": _checking,
    "request.verified": _verified,
    "request.planned": lambda _f: _("The plan is built and frozen. It waits for approval."),
    "request.approved": _approved,
    "request.executing": lambda facts: (
        _("The erasure began, in batch %s.") % facts.get("batch", "")
    ),
    "request.telling": lambda facts: (
        _("Erased, and proved by a second look. Service providers to tell: %s.")
        % facts.get("providers", 0)
    ),
    "request.completed": _completed,
    "request.applying": lambda _f: _("It is to be applied by hand."),
    "request.denying": _denying,
    "request.denied": _denied,
    "request.withdrawn": lambda _f: _("The consumer withdrew the request."),
    "request.stopped": lambda _f: _("“This was not me”: stopped from a contact on file."),
    "request.not-confirmed": lambda _f: _("Ended: nobody ever confirmed it."),
    "request.duplicate": lambda _f: _("Ended as a duplicate."),
    "request.redirected": lambda _f: _("Ended: the consumer was sent to the right place."),
    "request.extended": _extended,
    "request.assigned": lambda _f: _("Took the case."),
    "evidence.received": lambda facts: _("Confirmed from a contact on file; points answered: %s.")
    % len(facts.get("points", ())),
    "plan.approved": _plan_approved,
    "plan.shared-decided": _shared,
    "request.collected": lambda _f: _("The package was looked through. Another hands it over."),
    "package.built": lambda facts: _("What is held was collected: %s rows.") % facts.get("rows", 0),
    "package.by-hand": lambda _f: _("No map leads to this person: it is collected by hand."),
    "package.asked": lambda _f: _("It is collected anew."),
    "package.shared-given": lambda facts: _("Rows of %s that others reach too may be given.")
    % facts.get("table", ""),
    "package.code-asked": lambda _f: _("A code for the package was asked for."),
    "package.wrong-code": lambda _f: _("A code was typed that is not right."),
    "package.opened": lambda _f: _("The package was opened with a code."),
    "package.download-begun": lambda _f: _("A download began."),
    "package.download-ended": lambda facts: (
        _("The package was fetched whole.") if facts.get("complete")
        else _("A download was broken off.")
    ),
    "correction.proposed": lambda facts: _("A correction was proposed: %s fields.")
    % facts.get("fields", 1),
    "correction.approved": lambda _f: _("The corrections were approved."),
    "correction.refused": lambda _f: _("The corrections were refused."),
    "correction.done": lambda facts: _("Put right, and seen: %s.") % facts.get("field", ""),
    "correction.changed": lambda facts: _("Something else stands there by now: %s.")
    % facts.get("field", ""),
    "package.destroyed": lambda _f: _("The package was destroyed."),
    "identity.seen": _seen,
    "texts.seen": _texts,
    "letter.read": _texts,
    "letter.unknown": lambda _f: _("It is not known whether a letter arrived."),
    "erasure.carried-out": _erased,
    "proof.absent": lambda _f: _("A second look found nothing left."),
    "proof.residual": lambda _f: _("A second look found something left."),
    "proof.looked-again": lambda facts: _("Looked again after %s days.") % facts.get("day", ""),
    "batch.approved": lambda _f: _("Approved the batch."),
    "work.retried": lambda _f: _("Work that had given up was tried again."),
    "link.asked-again": lambda _f: _("A new letter to the contact on file was asked for."),
    "batch.refused": lambda _f: _("The batch was refused; its plans are void."),
    "batch.stopped": lambda _f: _("The batch was stopped."),
}  # fmt: skip

TOLD_ELSEWHERE = frozenset(
    {"letter.handed", "letter.refused", "message.received", "message.written"}
)


def say(verb: str, facts: Facts) -> str:
    """A line of the book as a sentence; a verb without one says its own words."""
    known = SENTENCES.get(verb)
    return known(facts) if known else verb.replace(".", ": ").replace("-", " ").capitalize() + "."


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
    names = _names(lines, notes)
    entries = [
        *(_of_letter(letter, opened) for letter in letters),
        *(_of_note(note, names, opened) for note in notes),
        *(_of_line(line, names) for line in lines),
    ]
    entries.reverse()  # what was read newest first stays in order within one moment
    return sorted(entries, key=lambda entry: entry.at)


def _names(lines: list[LedgerLine], notes: list[Note]) -> dict[int, str]:
    ids = {int(line.actor[6:]) for line in lines if line.actor.startswith("staff:")}
    ids |= {note.staff_id for note in notes if note.staff_id is not None}
    return dict(StaffMember.objects.filter(pk__in=ids).values_list("pk", "username"))


def _of_line(line: LedgerLine, names: Mapping[int, str]) -> Entry:
    kind, _colon, name = line.actor.partition(":")
    who = {
        "staff": names.get(int(name), line.actor) if kind == "staff" else "",
        "consumer": _("The consumer"),
    }.get(kind, _("The office's machine"))
    shape = {"staff": "person", "consumer": "consumer"}.get(kind, "machine")
    return Entry(line.at, shape, who, say(line.verb, facts_of(line)))


def _of_note(note: Note, names: Mapping[int, str], opened: Opened) -> Entry:
    text = opened.notes.get(note.pk, "")
    if note.author == Note.Author.CONSUMER:
        return Entry(
            note.at, "consumer", _("The consumer"), _("Wrote to us."), text, closed=not text
        )
    who = names.get(note.staff_id or 0, _("The office"))
    wrote = note.author == Note.Author.OFFICE
    said = _("Wrote to the consumer.") if wrote else _("Left a note for staff.")
    return Entry(note.at, "person", who, said, text, closed=not text)


def _of_letter(letter: Message, opened: Opened) -> Entry:
    recipient, text = opened.letters.get(letter.pk, ("", ""))
    to = {"provider": _("a service provider"), "on_file": _("the contact on file")}.get(
        letter.audience, _("the address of the form")
    )
    said = _("Letter “%(letter)s” to %(to)s: %(state)s.") % {
        "letter": letter.letter.replace("_", " "),
        "to": recipient or to,
        "state": label(Delivery, letter.delivery),
    }
    at = letter.handed_at or letter.queued_at
    closed = not text and letter.audience != "provider"
    return Entry(at, "machine", _("The office's machine"), said, text, closed=closed)
