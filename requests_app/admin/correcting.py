"""What a case of correction offers: propose the right value, approve or refuse what is proposed."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import clock
from ccpa_office.admin import Deed
from ccpa_office.asking import AskingForm
from ccpa_office.connectors.base import ConnectorError
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb, may
from ccpa_office.templatetags.office import in_words
from notices_app.datamap import NoActiveMap, NoAddress, NoSuchSystem
from requests_app.admin.moves import ReasonForm
from requests_app.admin.outside_words import why_of
from requests_app.forms import PlainText
from requests_app.fulfillment import correction, lasting
from requests_app.fulfillment.correctable import CannotCorrect, Claim, fields_of
from requests_app.fulfillment.outside import correcting_by_hand as by_hand
from requests_app.models import ConsumerRequest, Correction, CorrectionStage, SaidRight, Status

_L = gettext_lazy
REFUSALS = (CannotCorrect, ConnectorError, NoActiveMap, NoAddress, NoSuchSystem)


class ClaimForm(AskingForm):
    """A field of the person, the right value, and what shows that it is right."""

    takes_subject = True
    place = forms.ChoiceField(label=_L("Field"))
    row = forms.CharField(
        label=_L("Row"), max_length=200, required=False,
        help_text=_L("Its key, where the person has several rows there."),
    )  # fmt: skip
    value = PlainText(label=_L("The right value"), max_length=2000)
    reason = PlainText(
        label=_L("What shows that it is right"),
        help_text=_L("Documents and what they are; the weighing of 7023(b). Kept with the case."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, subject: ConsumerRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields = [".".join(field) for field in fields_of(subject)]
        self.fields["place"].choices = [("", "—"), *((each, each) for each in fields)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not {"place", "value", "reason"} <= set(cleaned):
            return cleaned
        system, table, column = cleaned["place"].split(".", 2)
        claim = Claim((system, table, column), cleaned["value"], cleaned.get("row", ""))
        return {"claim": claim, "reason": cleaned["reason"]}


class ReadForm(forms.Form):
    """A yes to exactly the corrections that were read: their digest goes with it."""

    takes_subject = True
    hash = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, subject: ConsumerRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hash"].initial = correction.read_now(subject)


class SaidForm(AskingForm):
    """What somebody did, or was told, about a correction at a system outside."""

    takes_subject = True
    row = forms.ChoiceField(label=_L("Field"))
    said = forms.ChoiceField(label=_L("Answer"), choices=[("", "—"), *SaidRight.choices])
    reason = PlainText(
        label=_L("Note"), help_text=_L("Kept with the case; only its digest stands in the book."),
        max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip

    def __init__(self, *args: Any, subject: ConsumerRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = [(str(row.pk), _place(row)) for row in by_hand.unanswered(subject)]
        self.fields["row"].choices = [("", "—"), *rows]  # type: ignore[attr-defined]


def _place(row: Correction) -> str:
    return f"{row.system_key}.{row.collection}.{row.field}"


def _is_open(subject: Any) -> bool:
    return bool(subject.kind == RequestKind.CORRECT and subject.status == Status.VERIFIED)


def _waits(subject: Any) -> bool:
    waiting = CorrectionStage.PROPOSED
    return _is_open(subject) and subject.corrections.filter(stage=waiting).exists()


def _propose(
    subject: ConsumerRequest, *, claim: Claim, reason: str, by: Actor, at: datetime
) -> str:
    made = correction.propose(subject, claim, reason=reason, by=by, at=at)
    return _("Proposed for %s fields. Another person approves it.") % len(made)


def _approve(subject: ConsumerRequest, *, hash: str, by: Actor, at: datetime) -> str:  # noqa: A002
    count = correction.approve(subject, hash=hash, by=by, at=at)
    return _("Approved: %s fields are put right now.") % count


def _refuse(subject: ConsumerRequest, *, reason: str, by: Actor, at: datetime) -> str:
    correction.refuse(subject, reason=reason, by=by, at=at)
    return _("Refused: nothing is changed.")


def _why_not(subject: ConsumerRequest, actor: Actor) -> str:
    return correction.why_not_approve(subject, actor, at=clock.now())


def _look(subject: ConsumerRequest, *, by: Actor, at: datetime) -> str:
    lasting.look_now(subject, by=by, at=at)
    return _("Somebody looks again within a minute.")


def _came_back(subject: Any) -> bool:
    return lasting.waiting_for_a_person(subject).exists()


def _said(
    subject: ConsumerRequest, *, row: str, said: str, reason: str, by: Actor, at: datetime
) -> str:
    by_hand.answer(subject, int(row), SaidRight(said), reason=reason, by=by, at=at)
    return _("It is written down. Another person confirms it.")


def _confirm(subject: ConsumerRequest, *, by: Actor, at: datetime) -> str:
    by_hand.confirm(subject, by=by, at=at)
    return _("Confirmed.")


def _again(subject: ConsumerRequest, *, reason: str, by: Actor, at: datetime) -> str:
    by_hand.again(subject, reason=reason, by=by, at=at)
    return _("It is tried once more.")


CORRECTING: tuple[Deed, ...] = (
    Deed(
        "correct", _L("Propose a correction"), _propose, Verb.PLAN, ClaimForm,
        help=_L("Other fields that hold the same wrong thing are put right with it."),
        offered=_is_open,
    ),
    Deed(
        "approve-correction", _L("Approve the corrections"), _approve, Verb.APPROVE, ReadForm,
        fresh=True, offered=_waits, why_not=_why_not,
    ),
    Deed(
        "refuse-correction", _L("Refuse the corrections"), _refuse, Verb.APPROVE, ReasonForm,
        offered=_waits,
    ),
    Deed(
        "look-corrected", _L("Look again at what was corrected"), _look, Verb.WORK_CASE,
        help=_L("A feed put a wrong value back: have it mended there first. A look that gave up is"
                " tried again."),
        offered=_came_back,
    ),
    Deed(
        "answer-corrected", _L("Answer a correction by hand"), _said, Verb.WORK_CASE, SaidForm,
        help=_L("Say what was done, by you or by them. Another person confirms it."),
        offered=lambda subject: _is_open(subject) and bool(by_hand.unanswered(subject)),
    ),
    Deed(
        "confirm-corrected", _L("Confirm the answer"), _confirm, Verb.CLOSE_CASE, fresh=True,
        help=_L("Where the system can be looked at, we look before anything is complete."),
        offered=lambda subject: _is_open(subject) and by_hand.answered(subject).exists(),
        why_not=by_hand.why_not_confirm,
    ),
    Deed(
        "again-corrected", _L("Try the corrections again"), _again, Verb.CLOSE_CASE, ReasonForm,
        help=_L("What stands still is asked anew; an answer so far counts for nothing."),
        offered=lambda subject: _is_open(subject) and by_hand.waiting(subject).exists(),
    ),
)  # fmt: skip


def _seen(row: Correction) -> str:
    """What the newest look saw, in words; nothing while nobody has looked again."""
    stuck = [look.error_code for look in row.looks.all() if look.state == WorkState.PARKED]
    if stuck:
        return _("A later look gave up: %s") % why_of(stuck[0])
    seen = [
        (look.looked_at, look.day, look.get_seen_display())
        for look in row.looks.all()
        if look.looked_at
    ]
    if not seen:
        return ""
    at, _day, words = max(seen)
    return f"{words} ({in_words(clock.day_of(at))})"


NEEDED_BY = (Verb.APPROVE, Verb.PLAN, Verb.WORK_CASE)
NEEDED_AT = {CorrectionStage.PROPOSED, CorrectionStage.APPROVED}
"""By whom, and while, the right value is decided on or put there by hand; nobody else reads it."""


def shown(subject: ConsumerRequest, actor: Actor | None = None) -> list[dict[str, Any]]:
    """The corrections of a case: where, how far, what is said to be right; not what was wrong."""
    rows = list(subject.corrections.order_by("pk").prefetch_related("looks"))
    if not rows or subject.data_key is None:
        return []
    reads = actor is not None and any(may(actor, verb) for verb in NEEDED_BY)
    return [
        {
            "place": _place(row),
            "stage": row.get_stage_display(),
            "why": why_of(row.error_code) if row.state == WorkState.PARKED else "",
            "value": correction.claimed(row) if reads and row.stage in NEEDED_AT else "",
            "seen": _seen(row),
        }
        for row in rows
    ]
