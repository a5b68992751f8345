"""What a request's own page says: where it stands, what comes next, its way so far."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import sealing
from ccpa_office.law.deadlines import received_date
from ccpa_office.law.grounds import Denial
from ccpa_office.law.kinds import UNVERIFIED, RequestKind
from ccpa_office.prepared import Prepared
from requests_app import workflow
from requests_app.forms import FORMS, right_of
from requests_app.models import CLOSED, ConsumerRequest, Note, Outcome, Status
from requests_app.workflow import STAGE, Stage

_L = gettext_lazy


class Standing(NamedTuple):
    """All that the page of a request tells of it besides its number, messages and package.

    Two requests that stand alike read the same: whoever draws the page is given nothing else.
    """

    right: RequestKind
    status: Status
    previous_status: str
    outcome: str
    received_on: date
    due_on: date | None
    closed_on: date | None

    @property
    def is_open(self) -> bool:
        return self.status not in CLOSED


def standing_of(consumer_request: ConsumerRequest) -> Standing:
    """Where a request stands.

    A proven address that leads to nobody reads the same whether or not the name of the form is
    somebody's (VR-26).
    """
    closed_at = consumer_request.closed_at
    status, outcome = Status(consumer_request.status), consumer_request.outcome
    if status is Status.NOT_CONFIRMED and consumer_request.ground == Denial.NO_DATA:
        status, outcome = Status.COMPLETED, Outcome.COMPLIED
    return Standing(
        right=consumer_request.right,
        status=status,
        previous_status=consumer_request.previous_status,
        outcome=outcome,
        received_on=consumer_request.received_on,
        due_on=consumer_request.due_on,
        closed_on=received_date(closed_at) if closed_at else None,
    )


def page(standing: Standing) -> dict[str, Any]:
    """What the page says besides the request's number and the messages."""
    right = standing.right
    return {
        "kind": str(right_of(right)["title"] if right in FORMS else right.label),
        "answer": answer(standing),
        "next": next_steps(standing),
        "steps": steps(standing),
        "actions": actions(standing),
    }


def actions(standing: Standing) -> list[dict[str, str]]:
    """What the consumer can do now, by the name of its address."""
    found = []
    if standing.status == Status.WAITING:
        found.append(
            {
                "name": "resend",
                "label": _("Send the letter to my address on file again"),
                "explains": _("A link in our letters opens for 3 days. A new one replaces it."),
                "confirm": _("Send it again"),
            }
        )
    if may_become(standing, Status.WITHDRAWN):
        found.append(
            {
                "name": "withdraw",
                "label": _("Withdraw this request"),
                "explains": _("We stop and write to you. You can ask again at any time."),
                "confirm": _("Withdraw it"),
            }
        )
    if may_become(standing, Status.STOPPED):
        found.append(
            {
                "name": "not-me",
                "label": _("This was not me"),
                "explains": _("We stop at once, and a person looks into it."),
                "confirm": _("Stop it"),
            }
        )
    return found


def answer(standing: Standing) -> str:
    """The answer in one large sentence."""
    return str(workflow.stage(standing).label)


def next_steps(standing: Standing) -> list[dict[str, Any]]:
    """What happens next, with a day. The page is the same whether or not anything is held."""
    if standing.status in CLOSED:
        return [_step(_("Nothing more is to be done. Our letter says what we did."))]
    due = standing.due_on
    if standing.right in UNVERIFIED:
        return [_step(_("It is done by this day at the latest."), due)]
    return [
        *_before_the_answer(standing),
        _step(_("By this day you have our answer."), due),
    ]


def _before_the_answer(standing: Standing) -> list[dict[str, Any]]:
    if standing.status == Status.APPROVED:
        return [_step(_("We wait, so that nobody can do this in your name."))]
    if STAGE[standing.status] is Stage.CHECKING:
        wrote = _("If we hold a contact of yours, we wrote to it. Use the link in that letter.")
        return [_step(wrote)]
    return []


def _step(sentence: str, day: date | None = None) -> dict[str, Any]:
    return {"sentence": sentence, "day": day}


_VERIFIED_WAY = (Stage.RECEIVED, Stage.CHECKING, Stage.DECIDING, Stage.CARRYING_OUT, Stage.DONE)
_OPT_OUT_WAY = (Stage.RECEIVED, Stage.CARRYING_OUT, Stage.DONE)


def steps(standing: Standing) -> list[dict[str, Any]]:
    """The way of the request, the present step marked in words. Only what happened is done."""
    way = _way(standing)
    here = workflow.stage(standing)
    place = way.index(here)
    closed = standing.status in CLOSED
    return [
        {
            "name": str(_STEP_NAMES[stage]),
            "state": _state(at, place, closed=closed),
            "day": _day(standing, at, len(way)),
        }
        for at, stage in enumerate(way)
    ]


def _way(standing: Standing) -> Sequence[Stage]:
    """The stages that this request passes; one that ended early shows how far it came."""
    way = _OPT_OUT_WAY if standing.right in UNVERIFIED else _VERIFIED_WAY
    here = workflow.stage(standing)
    if here is Stage.IN_PART:
        return (*way[:-1], here)
    if here is Stage.NOT_DONE:
        before = Status(standing.previous_status or Status.RECEIVED)
        reached = way.index(STAGE[before]) if STAGE[before] in way else 0
        return (*way[: reached + 1], here)
    if here not in way:  # an opt-out whose denial is being decided
        return (way[0], here, way[-1])
    return way


def _state(at: int, place: int, *, closed: bool) -> str:
    if at < place or closed:
        return "done"
    return "now" if at == place else "later"


_STEP_NAMES = {
    Stage.RECEIVED: _L("We received your request"),
    Stage.CHECKING: _L("We check that it is you"),
    Stage.DECIDING: _L("We decide what to do"),
    Stage.CARRYING_OUT: _L("We do it"),
    Stage.DONE: _L("It is done, and you have our answer"),
    Stage.IN_PART: _L("We did part of it, and you have our answer"),
    Stage.NOT_DONE: _L("We could not do it, and you have our answer"),
}


def _day(standing: Standing, place: int, length: int) -> date | None:
    if place == 0:
        return standing.received_on
    return standing.closed_on if place == length - 1 else None


def told(consumer_request: Any) -> QuerySet[Note]:
    """Messages both ways of the request with a key, oldest first; notes among staff never."""
    notes = Note.objects.filter(consumer_request=consumer_request)
    return notes.exclude(author=Note.Author.INTERNAL).order_by("at", "pk")


TOLD: Prepared[Note] = Prepared(told)


def thread(consumer_request: ConsumerRequest) -> list[dict[str, Any]]:
    """Messages both ways, oldest first; notes among staff never."""
    if consumer_request.data_key is None:
        return []
    box = sealing.Box(consumer_request.data_key)
    return [
        {
            "from_us": note.author == Note.Author.OFFICE,
            "at": note.at,
            "text": box.open(bytes(note.text), context="note.text"),
        }
        for note in TOLD(consumer_request.pk)
    ]


def may_become(standing: Standing, to: Status) -> bool:
    """Whether the table of moves still leads there."""
    return standing.status in workflow.sources(standing.right, to)
