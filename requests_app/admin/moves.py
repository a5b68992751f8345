"""The next lawful moves of a case: one button each, and why not where it cannot be done."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import clock
from ccpa_office.admin import Deed, sentence
from ccpa_office.asking import AskingForm
from ccpa_office.law.certainty import Level, is_certain_enough
from ccpa_office.law.deadlines import may_extend, received_date
from ccpa_office.law.grounds import Denial, denial_grounds, exceptions_for
from ccpa_office.law.kinds import VERIFIABLE
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, NotAllowed, Verb, may_decide_now
from requests_app import casework, verification, workflow
from requests_app.casework.looking import Opened, Purpose, look, read
from requests_app.forms import PlainText
from requests_app.models import ConsumerRequest, Status

_L = gettext_lazy
_AREA = {"rows": 3}


class ReasonForm(AskingForm):
    """Why."""

    reason = PlainText(
        label=_L("Reason"),
        help_text=_L("Kept with the case; only its digest stands in the book."),
        max_length=2000,
        widget=forms.Textarea(attrs=_AREA),
    )


class WordsForm(AskingForm):
    """What the consumer will read."""

    words = PlainText(
        label=_L("Message"), max_length=4000, widget=forms.Textarea(attrs={"rows": 5})
    )


class PurposeForm(AskingForm):
    """Why somebody looks."""

    purpose = forms.ChoiceField(
        label=_L("Purpose"),
        choices=[("", "—"), *Purpose.choices],
        help_text=_L("Who looks, and why, is written into the book."),
    )


class DenialForm(AskingForm):
    """A ground that is open against this kind of request, and the words for the consumer."""

    takes_subject = True
    ground = forms.ChoiceField(label=_L("Ground"))
    exception = forms.ChoiceField(
        label=_L("Exception"),
        required=False,
        help_text=_L("Only where the ground is an exception."),
    )
    words = PlainText(
        label=_L("Basis, in words the consumer understands"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def __init__(self, *args: Any, subject: ConsumerRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        grounds = [(each.value, each.label) for each in denial_grounds(subject.right)]
        exceptions = [(each.value, each.label) for each in exceptions_for(subject.right)]
        self.fields["ground"].choices = [("", "—"), *grounds]  # type: ignore[attr-defined]
        self.fields["exception"].choices = [("", "—"), *exceptions]  # type: ignore[attr-defined]


class CloseForm(AskingForm):
    """How a case that people worked by hand ended, and what the consumer reads."""

    takes_subject = True
    outcome = forms.ChoiceField(label=_L("How it ended"))
    words = PlainText(
        label=_L("The answer, as the consumer reads it"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def __init__(self, *args: Any, subject: ConsumerRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["outcome"].choices = endings(subject)  # type: ignore[attr-defined]


NOTHING = "nothing-found"


def endings(subject: ConsumerRequest) -> list[tuple[str, Any]]:
    """The ends that the table of moves allows from where the request stands."""
    found: list[tuple[str, Any]] = []
    proven = subject.right not in VERIFIABLE or subject.status == Status.VERIFIED
    if _leads(subject, Status.COMPLETED) and subject.kind != "delete" and proven:
        found += [("complied", _("Complied with")), ("in-part", _("Complied with in part"))]
    if _leads(subject, Status.COMPLETED) and Denial.NO_DATA in denial_grounds(subject.right):
        found.append((NOTHING, _("Nothing was found")))
    if _leads(subject, Status.DUPLICATE):
        found.append(("duplicate", _("A duplicate of another request")))
    if _leads(subject, Status.REDIRECTED):
        found.append(("redirected", _("Not ours: sent to the right place")))
    return found


def _leads(subject: ConsumerRequest, to: Status) -> bool:
    return Status(subject.status) in workflow.sources(subject.right, to)


def _at(*statuses: Status) -> Callable[[Any], bool]:
    return lambda subject: subject.status in statuses


def _can_be_planned(subject: Any) -> bool:
    """Also after a refusal, and where an erasure stands still and waits for a person."""
    stages = {Status.VERIFIED, Status.PLANNED, Status.EXECUTING}
    return subject.kind == "delete" and subject.status in stages


def _gave_up(subject: Any) -> bool:
    return bool(subject.work.filter(state=WorkState.PARKED).exists())


def _touched(actor: Actor) -> str:
    try:
        may_decide_now(actor, at=clock.now())
    except NotAllowed as refusal:
        return sentence(refusal)
    return ""


# --- why not ------------------------------------------------------------------------------------


def _why_not_decide(subject: ConsumerRequest, actor: Actor) -> str:
    reached, required = Level(subject.level_reached), Level(subject.level_required)
    if not is_certain_enough(reached, required):
        return _("What matched gives: %(reached)s. Needed: %(required)s. Ask again, or deny.") % {
            "reached": str(reached.label).lower(),
            "required": str(required.label).lower(),
        }
    return _touched(actor)


def _why_not_extend(subject: ConsumerRequest, _actor: Actor) -> str:
    allowed = may_extend(
        subject.right,
        on=received_date(clock.now()),
        received_on=subject.received_on,
        already=subject.is_extended,
    )
    if subject.is_extended:
        return _("This request is extended already; that is possible once.")
    return "" if allowed else _("An extension is possible only in the first 45 days.")


def _why_not_deny(subject: ConsumerRequest, actor: Actor) -> str:
    if actor.id == subject.denial_drafted_by_id:
        return _("You drafted this denial; another person approves it.")
    return _touched(actor)


def _why_not_take(subject: ConsumerRequest, actor: Actor) -> str:
    return _("You have this case.") if subject.assigned_to_id == actor.id else ""


# --- what the buttons do ------------------------------------------------------------------------


def _take(subject: ConsumerRequest, *, by: Actor, at: datetime) -> str:
    casework.assign(subject, by=by, at=at)
    return _("The case is yours.")


def _decide(subject: ConsumerRequest, *, reason: str, by: Actor, at: datetime) -> str:
    verification.decide(subject, by=by, reason=reason, at=at)
    return _("It is the consumer. Another person approves what follows.")


def _as_categories(subject: ConsumerRequest, *, reason: str, by: Actor, at: datetime) -> str:
    verification.judge_as_categories(subject, by=by, reason=reason, at=at)
    return _("It is answered as a request for categories; the specific pieces stay.")


def _can_be_categories(subject: Any) -> bool:
    reached = Level(subject.level_reached)
    specific = subject.kind == "know-specific" and subject.status == Status.CHECKING
    return specific and reached == Level.REASONABLE


def _ask_again(subject: ConsumerRequest, *, reason: str, by: Actor, at: datetime) -> str:
    verification.ask_again(subject, by=by, reason=reason, at=at)
    return _("A new letter goes to the contact on file; the old link is void.")


def _replan(subject: ConsumerRequest, *, by: Actor, at: datetime) -> str:
    casework.ask_for_plan(subject, by=by, at=at)
    return _("The plan is built again; the approvals of the old one are void.")


def _try_again(subject: ConsumerRequest, *, by: Actor, at: datetime) -> str:
    count = casework.try_again(subject, by=by, at=at)
    return _("Tried again: %s.") % count


def _extend(subject: ConsumerRequest, *, reason: str, by: Actor, at: datetime) -> str:
    casework.extend(subject, reason=reason, by=by, at=at)
    return _("The time is extended; the consumer is told why.")


def _propose(
    subject: ConsumerRequest,
    *,
    ground: str,
    exception: str,
    words: str,
    by: Actor,
    at: datetime,
) -> str:
    casework.propose_denial(subject, ground=ground, exception=exception, words=words, by=by, at=at)
    return _("The denial is drafted. Another person decides on it.")


def _approve_denial(subject: ConsumerRequest, *, by: Actor, at: datetime) -> str:
    casework.approve_denial(subject, by=by, at=at)
    return _("The request is denied; the letter says why and what comes next.")


def _refuse_denial(subject: ConsumerRequest, *, reason: str, by: Actor, at: datetime) -> str:
    casework.refuse_denial(subject, reason=reason, by=by, at=at)
    return _("The denial is refused; the case stands where it stood.")


def _release(subject: ConsumerRequest, *, reason: str, by: Actor, at: datetime) -> str:
    casework.release_stop(subject, reason=reason, by=by, at=at)
    return _("Released. The identity is checked again, and a new plan will be needed.")


def _looked_into(subject: ConsumerRequest, *, reason: str, by: Actor, at: datetime) -> str:
    casework.release_stop(subject, reason=reason, by=by, at=at)
    return _("Kept with the case.")


def _write(subject: ConsumerRequest, *, words: str, by: Actor, at: datetime) -> str:
    casework.write(subject, words, by=by, at=at)
    return _("The message waits on the request's page; a letter says so.")


def _close(subject: ConsumerRequest, *, outcome: str, words: str, by: Actor, at: datetime) -> str:
    nothing = outcome == NOTHING
    casework.close_by_hand(
        subject,
        outcome="complied" if nothing else outcome,
        words=words,
        ground=Denial.NO_DATA.value if nothing else "",
        by=by,
        at=at,
    )
    return _("The case is closed; the answer is on its way.")


def _look(subject: ConsumerRequest, *, purpose: str, by: Actor, at: datetime) -> Opened:
    return look(subject, purpose=purpose, by=by, at=at)


def _read(subject: ConsumerRequest, *, purpose: str, by: Actor, at: datetime) -> Opened:
    return read(subject, purpose=purpose, by=by, at=at)


MOVES: tuple[Deed, ...] = (
    Deed(
        "decide", _L("It is the consumer"), _decide, Verb.VERIFY, ReasonForm,
        offered=_at(Status.CHECKING), why_not=_why_not_decide,
    ),
    Deed(
        "as-categories", _L("Answer with categories"), _as_categories, Verb.VERIFY, ReasonForm,
        help=_L("Not sure enough for the pieces themselves: they are denied (7024(a))."),
        offered=_can_be_categories, why_not=lambda _subject, actor: _touched(actor),
    ),
    Deed(
        "ask-again", _L("Ask the contact on file again"), _ask_again, Verb.VERIFY, ReasonForm,
        help=_L("The letter does not say which answer did not match."),
        offered=_at(Status.CHECKING),
    ),
    Deed(
        "release", _L("Release the stop"), _release, Verb.RELEASE_STOP, ReasonForm,
        help=_L("Somebody pressed “This was not me”. Say what you found out."),
        offered=_at(Status.STOPPED),
    ),
    Deed(
        "looked-into", _L("Say what you found out"), _looked_into, Verb.RELEASE_STOP, ReasonForm,
        help=_L("Somebody pressed “This was not me” after the answer. The case stays closed."),
        offered=casework.is_called_back,
    ),
    Deed(
        "approve-denial", _L("Deny this request"), _approve_denial, Verb.APPROVE_DENIAL,
        fresh=True, grave=True, offered=_at(Status.DENYING), why_not=_why_not_deny,
    ),
    Deed(
        "refuse-denial", _L("Refuse the denial"), _refuse_denial, Verb.APPROVE_DENIAL, ReasonForm,
        offered=_at(Status.DENYING),
    ),
    Deed(
        "replan", _L("Build the plan again"), _replan, Verb.PLAN,
        help=_L("The present plan and its approvals become void. You cannot approve the new one."),
        offered=_can_be_planned,
    ),
    Deed(
        "try-again", _L("Try again"), _try_again, Verb.WORK_CASE,
        help=_L("Work on this case gave up. It starts again with all its attempts."),
        offered=_gave_up,
    ),
    Deed(
        "take", _L("Take this case"), _take, Verb.SEE_CASES,
        offered=lambda subject: subject.is_open, why_not=_why_not_take,
    ),
    Deed(
        "write", _L("Write to the consumer"), _write, Verb.WORK_CASE, WordsForm,
        offered=lambda subject: subject.is_open,
    ),
    Deed(
        "extend", _L("Extend the time to answer"), _extend, Verb.EXTEND, ReasonForm,
        help=_L("Once, to 90 days from receipt. The letter gives your reason."),
        offered=lambda subject: subject.is_open and subject.extended_due_on is not None,
        why_not=_why_not_extend,
    ),
    Deed(
        "close", _L("Close by hand"), _close, Verb.CLOSE_CASE, CloseForm,
        offered=lambda subject: bool(endings(subject)),
    ),
    Deed(
        "deny", _L("Draft a denial"), _propose, Verb.DENY, DenialForm, grave=True,
        offered=lambda subject: _leads(subject, Status.DENYING),
    ),
)  # fmt: skip

OPENINGS: tuple[Deed, ...] = (
    Deed("identity", _L("Look at the identity"), _look, Verb.SEE_IDENTITY, PurposeForm),
    Deed("texts", _L("Read letters and notes"), _read, Verb.SEE_LETTERS, PurposeForm),
)
