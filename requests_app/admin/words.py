"""Codes in words: letters, whom they go to, why work stands still, and what to do about it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ccpa_office.admin.book import label
from ccpa_office.law.grounds import DeletionException, Denial, GeneralException
from notices_app import datamap

Words = Mapping[str, str | Promise]

LETTERS: Words = {
    "receipt": _("receipt"),
    "receipt_optout": _("receipt of an opt-out"),
    "follow": _("link to follow the request"),
    "confirm": _("question: was it you?"),
    "reminder": _("reminder: was it you?"),
    "verified_notice": _("what will be erased, and when"),
    "extension": _("we need more time"),
    "unverifiable": _("we could not tell that it is you"),
    "not_confirmed": _("nobody confirmed it"),
    "nothing_found": _("nothing was found"),
    "denied": _("denial"),
    "done_delete": _("erased"),
    "done_delete_part": _("erased in part"),
    "stopped": _("stopped"),
    "withdrawn": _("withdrawn"),
    "answer_manual": _("answer written by a person"),
    "optout_done": _("opt-out applied"),
    "message_from_us": _("a message waits"),
    "instruction": _("instruction to erase"),
    "outside_task": _("work for somebody outside"),
    "answer_know": _("the answer is ready"),
    "package_code": _("code for the answer"),
}
AUDIENCES: Words = {
    "typed": _("the address of the form"),
    "on_file": _("the contact on file"),
    "answer": _("the contact on file, or the address of the form"),
    "provider": _("a service provider"),
    "outside": _("whoever does it outside"),
}
HOLDS: Words = {
    "not-me": _("somebody pressed “This was not me”"),
    "young-contact": _("the contact on file is younger than 30 days"),
    "no-contact": _("no contact on file can be asked"),
}
STOPS: Words = {
    "refused": _("Refused by an approver"),
    "discarded": _("Thrown away before it was read to its end"),
    "key-of-another": _("A row of the plan now belongs to somebody else"),
    "not-what-was-approved": _("The plan is not what was approved"),
    "new-address": _("The system has another address than the plan was made for"),
}
ACTIONS: Words = {
    "delete": _("rows go"),
    "mask": _("fields stripped"),
    "trim": _("kept, with fields stripped"),
    "strip": _("fields stripped"),
    "keep": _("kept"),
    "redact": _("taken out of others' texts"),
}
LISTS: Words = {
    "requests": _("Requests"),
    "letters": _("Letters"),
    "batches": _("Batches"),
}


class Trouble(NamedTuple):
    """Why a piece of work waits for a person, and what that person can do."""

    why: str | Promise
    cure: str | Promise


_CALL = _("Try it again. If it comes back, call whoever runs the office, and name the code.")
_NEW_PLAN = _("Nothing more is erased by this plan. Build the plan of the request again.")
TROUBLES: Mapping[str, Trouble] = {
    "sending-limit": Trouble(
        _("Held back: six letters went to this address within a day."),
        _("Somebody may be using the form against this person. Look first; then send it again."),
    ),
    "refused": Trouble(
        _("The mail server refused this letter or its recipient."),
        _("The address may be wrong. Reach the person another way, or send it again."),
    ),
    "fate-unknown": Trouble(
        _("The line broke twice after it was sent; it may have arrived."),
        _("Sending it again is safe: it carries the same Message-ID."),
    ),
    "mail-server-away": Trouble(
        _("The mail server could not be reached for days."),
        _("Have the mail server looked at (EMAIL_URL); then send it again."),
    ),
    "try-later": Trouble(
        _("The mail server asked again and again to try later."),
        _("Wait a little, or have the mail server looked at; then send it again."),
    ),
    "Unreadable": Trouble(
        _("It cannot be unsealed: its key is missing or changed."),
        _("Call whoever runs the office: ENCRYPTION_KEYS lacks a key that was in use."),
    ),
    "residual": Trouble(
        _("A second look found something left in the system."), _NEW_PLAN
    ),
    "outside": Trouble(
        _("A system outside waits for a person."),
        _("Open its task at the desk “Outside systems”. This chunk ends when all are settled."),
    ),
    "key-of-another": Trouble(STOPS["key-of-another"], _NEW_PLAN),
    "not-what-was-approved": Trouble(STOPS["not-what-was-approved"], _NEW_PLAN),
    "new-address": Trouble(STOPS["new-address"], _NEW_PLAN),
    "batch-stopped": Trouble(_("Its batch stopped before its turn came."), _NEW_PLAN),
    "halted": Trouble(
        _("Erasing stands still: paused, stopped, or the clock is not trusted."),
        _("It goes on by itself when that is over."),
    ),
    "too-many-newborn": Trouble(
        _("Too many new rows were born since the plan."),
        _("The plan is built again by itself, and needs a new approval."),
    ),
    "StoreUnreachable": Trouble(
        _("The system could not be reached."),
        _("It is tried again by itself. Have the system looked at if it stays away."),
    ),
    "StoreTooSlow": Trouble(
        _("The system took longer than two minutes over one statement, again and again."),
        _("Look for a missing index there (`datamap check --system`); then try it again."),
    ),
    "worn_out": Trouble(_("A worker died on it again and again."), _CALL),
    "MoveNotAllowed": Trouble(
        _("The case had moved on meanwhile."), _("Read the case; try it again if it still fits.")
    ),
}  # fmt: skip
UNKNOWN = Trouble(_("The program failed on it."), _CALL)


def trouble(code: str) -> Trouble | None:
    """Why something waits, and the cure; None where there is no code."""
    return TROUBLES.get(code, UNKNOWN) if code else None


def letter_words(name: str) -> str:
    """A letter's name."""
    return str(LETTERS.get(name, name.replace("_", " ")))


def audience_words(code: str) -> str:
    """Whom a letter goes to, as far as the desk may say."""
    return str(AUDIENCES.get(code, code))


def hold_words(code: str) -> str:
    """Why a request stands still."""
    return str(HOLDS.get(code, code))


def stop_words(code: str) -> str:
    """Why a batch stopped."""
    return str(STOPS.get(code, code))


def action_words(code: str) -> str:
    """What happens to rows."""
    return str(ACTIONS.get(code, code))


def list_words(name: str) -> str:
    """A list that can be exported."""
    return str(LISTS.get(name, name))


def ground_words(code: str) -> str:
    """A ground of denial or of keeping, in words."""
    for choices in (Denial, DeletionException, GeneralException):
        if code in choices.values:
            return label(choices, code)
    return code


def point_words(codes: Iterable[str], language: str) -> dict[str, str]:
    """The names of verification points as the maps give them; their codes where no map does."""
    wanted = set(codes)
    if not wanted:
        return {}
    known = {point.key: point.label for point in datamap.verification_points()}
    return {
        code: known.get(code, {}).get(language)
        or known.get(code, {}).get("en")
        or code.replace("_", " ")
        for code in wanted
    }
