"""Why a task of a system outside stands where it stands, in words for the desk."""

from django.utils.translation import gettext as _

from ccpa_office.connectors.http import Means
from ccpa_office.models import WorkState
from notices_app.models import SystemKind
from requests_app.admin.words import TROUBLES, trouble
from requests_app.models import OutsideCall, OutsideStage, OutsideTask

NOT_AS_DESCRIBED = (
    "not-described", "not-json", "empty", "too-deep", "doubled-key", "not-a-number", "malformed",
    "packed", "too-large", "endless", "no-ticket", "no-records", "no-id", "no-echo",
)  # fmt: skip


def why(task: OutsideTask) -> str:
    """The code of a task, in words."""
    return why_of(task.error_code)


def why_of(code: str) -> str:
    """A code, in words; one that nobody foresaw keeps its code, for who is called about it."""
    stuck = trouble(code)
    if stuck is None or code in _WORDS():
        return _WORDS().get(code, "")
    return str(stuck.why) if code in TROUBLES else f"{stuck.why} ({code})"


def next_of(task: OutsideTask) -> str:
    """What a task waits for now, in a sentence; nothing where it is over or why it stands still."""
    if task.state not in {WorkState.READY, WorkState.RUNNING}:
        return ""
    if task.kind != SystemKind.MANUAL or task.confirmed_at or task.stage == OutsideStage.ASK:
        return _("The office's machine works on it. Nothing is to be done.")
    if not task.letters:
        return _("Do it there by hand, then answer here. Another person confirms it.")
    return _("They were asked by letter, and answer on a page of their own. They are reminded.")


def call_words(call: OutsideCall) -> str:
    """What a call came to, in words; nothing came back while it has no meaning."""
    said = {
        "": _("no answer yet"),
        Means.DONE: _("it was done"),
        Means.NOTHING: _("nothing was there"),
        Means.PENDING: _("they took it in and work on it"),
        Means.REFUSED: _("they refused it"),
        Means.LATER: _("they asked us to come later"),
        Means.UNKNOWN: _("nobody knows whether it was done"),
    }.get(call.means, call.means)
    why = why_of(call.code) if call.code in _WORDS() else ""
    return f"{said} ({why})" if why and why != said else said


def _WORDS() -> dict[str, str]:  # noqa: N802  a table that speaks the reader's language
    not_as_described = _("their answer is not what the description of the system says")
    return {
        **dict.fromkeys(NOT_AS_DESCRIBED, not_as_described),
        **dict.fromkeys(("at-once", "pace"), _("we ask no faster than agreed")),
        "to-confirm": _("answered; another person confirms it"),
        "impossible": _("they say that it cannot be done"),
        "overdue": _("no answer by its day"),
        "residual": _("they say it is done, and it is still there"),
        "not-corrected": _("they say it is done, and the right value does not stand there"),
        "came-back": _("it was gone, and it is there again"),
        "answer-of-another": _("the answer was about somebody else"),
        "unknown": _("nobody knows whether it was done"),
        "no-second-look": _("nobody can look again; confirm it by hand"),
        "refused": _("they refused it"),
        "unauthorized": _("they do not accept our secret"),
        "forbidden": _("our account may not do this there"),
        "redirect": _("they sent us elsewhere; we do not follow"),
        "too-big": _("they say that it is too much at once"),
        "too-many": _("they hold more records than we accept"),
        "host-not-allowed": _("the host is not on the list of OUTBOUND_ALLOWED_HOSTS"),
        "not-what-was-approved": _("the plan is not what was approved"),
        "by-hand": _("it answers no machine; somebody asks by hand"),
        "not-asked": _("only people can look there; nobody is asked for an answer of categories"),
        "nothing-to-ask-by": _(
            "nothing that we hold of this person names them there; somebody decides"
        ),
        "pending": _("they took it in and work on it"),
        "busy": _("they asked us to come later"),
        "later": _("they asked us to come later"),
        "slow": _("they answered too slowly"),
        "cut": _("the line broke"),
        "failed": _("their system failed"),
        "open": _("it failed several times; we wait before we ask again"),
        "unreachable": _("they do not answer"),
        "halted": _("erasures are stopped, or the batch is paused"),
    }
