"""What people do for a correction at a system outside: an answer, a second person, once more."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from ccpa_office import sealing, work
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from requests_app import workflow
from requests_app.fulfillment.correctable import CannotCorrect
from requests_app.fulfillment.outside import correcting
from requests_app.models import (
    ConsumerRequest,
    Correction,
    CorrectionStage,
    Note,
    SaidRight,
    Status,
)

TO_CONFIRM = "to-confirm"


def waiting(consumer_request: ConsumerRequest) -> QuerySet[Correction]:
    """Corrections of a case that stand still until a person does something."""
    rows = consumer_request.corrections.select_related("map_version__system")
    return rows.filter(stage=CorrectionStage.APPROVED, state=WorkState.PARKED).order_by("pk")


def unanswered(consumer_request: ConsumerRequest) -> list[Correction]:
    """Those at systems outside of which nobody has said anything yet."""
    rows = waiting(consumer_request).filter(answered_at=None)
    return [row for row in rows if correcting.is_outside(row)]


def answered(consumer_request: ConsumerRequest) -> QuerySet[Correction]:
    """Those whose answer another person has to confirm."""
    return waiting(consumer_request).filter(answered_at__isnull=False, error_code=TO_CONFIRM)


def answer(
    consumer_request: ConsumerRequest,
    row: int,
    said: SaidRight,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> Correction:
    """Write down what somebody did or was told; it counts when another person has confirmed it.

    Raises ``CannotCorrect``, NotAllowed.
    """
    require(by, Verb.WORK_CASE)
    with transaction.atomic():
        consumer_request = _open(consumer_request)
        found = next((each for each in unanswered(consumer_request) if each.pk == row), None)
        if found is None or not reason.strip():
            raise CannotCorrect(_("This waits for no answer."))
        found.said, found.answered_at, found.answered_by_id = said, at, by.staff_id
        found.error_code = TO_CONFIRM
        found.save(update_fields=["said", "answered_at", "answered_by_id", "error_code"])
        workflow.note(consumer_request, reason, author=Note.Author.INTERNAL, by=by, at=at)
        told = sealing.digest("reason", reason).hex()
        correcting.note(found, "correction.answered", by=by, at=at, said=said, reason=told)
    return found


def why_not_confirm(consumer_request: ConsumerRequest, by: Actor) -> str:
    """Why ``by`` cannot confirm what was answered, or an empty text."""
    if answered(consumer_request).filter(answered_by_id=by.id).exists():
        return _("You answered it; another person confirms it.")
    return ""


def confirm(consumer_request: ConsumerRequest, *, by: Actor, at: datetime) -> int:
    """A second person lets answers count; a system that can be looked at is looked at after it.

    What cannot be done ends as not put right. Raises ``CannotCorrect``, NotAllowed,
    TouchedAccount.
    """
    require(by, Verb.CLOSE_CASE)
    may_decide_now(by, at=at)
    with transaction.atomic():
        consumer_request = _open(consumer_request)
        rows = list(answered(consumer_request))
        if not rows or (why := why_not_confirm(consumer_request, by)):
            raise CannotCorrect(why if rows else _("There is no answer to confirm."))
        for row in rows:
            row.confirmed_at, row.confirmed_by_id = at, by.staff_id
            row.save(update_fields=["confirmed_at", "confirmed_by_id"])
            correcting.note(row, "correction.confirmed", by=by, at=at, said=row.said)
            if row.said == SaidRight.RIGHT and correcting.can_be_seen(row):
                work.unpark(row, not_before=at)
                continue
            ended = row.said != SaidRight.IMPOSSIBLE
            stage = CorrectionStage.DONE if ended else CorrectionStage.CHANGED
            correcting.settle(row, stage, by=by, at=at)
    return len(rows)


def again(consumer_request: ConsumerRequest, *, reason: str, by: Actor, at: datetime) -> int:
    """Try once more what stands still, and take no answer for an answer.

    Raises ``CannotCorrect``, NotAllowed.
    """
    require(by, Verb.CLOSE_CASE)
    with transaction.atomic():
        consumer_request = _open(consumer_request)
        rows = list(waiting(consumer_request))
        for row in rows:
            work.unpark(
                row, not_before=at, round=F("round") + 1, records=b"", said="", answered_at=None,
                answered_by_id=None, confirmed_at=None, confirmed_by_id=None,
            )  # fmt: skip
            told = sealing.digest("reason", reason).hex()
            correcting.note(row, "correction.asked-again", by=by, at=at, reason=told)
        if not rows:
            raise CannotCorrect(_("Nothing stands still."))
    return len(rows)


def _open(consumer_request: ConsumerRequest) -> ConsumerRequest:
    consumer_request = workflow.locked(consumer_request)
    if consumer_request.status != Status.VERIFIED:
        raise workflow.MoveNotAllowed("Only a verified request to correct is carried out.")
    return consumer_request
