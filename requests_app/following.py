"""What a request's own page says: where it stands, what comes next, its way so far."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import sealing
from ccpa_office.law.deadlines import received_date
from ccpa_office.law.kinds import UNVERIFIED
from ccpa_office.prepared import Prepared
from requests_app import workflow
from requests_app.forms import FORMS, right_of
from requests_app.models import CLOSED, ConsumerRequest, Note, Status
from requests_app.workflow import STAGE, Stage

_L = gettext_lazy


def page(consumer_request: ConsumerRequest) -> dict[str, Any]:
    """What the page says besides the request's number and the messages."""
    right = consumer_request.right
    return {
        "kind": str(right_of(right)["title"] if right in FORMS else right.label),
        "answer": answer(consumer_request),
        "next": next_steps(consumer_request),
        "steps": steps(consumer_request),
        "actions": actions(consumer_request),
    }


def actions(consumer_request: ConsumerRequest) -> list[dict[str, str]]:
    """What the consumer can do now, by the name of its address."""
    found = []
    if consumer_request.status == Status.WAITING:
        found.append(
            {
                "name": "resend",
                "label": _("Send the letter to my address on file again"),
                "explains": _("A link in our letters opens for 3 days. A new one replaces it."),
                "confirm": _("Send it again"),
            }
        )
    if may_become(consumer_request, Status.WITHDRAWN):
        found.append(
            {
                "name": "withdraw",
                "label": _("Withdraw this request"),
                "explains": _("We stop and write to you. You can ask again at any time."),
                "confirm": _("Withdraw it"),
            }
        )
    if may_become(consumer_request, Status.STOPPED):
        found.append(
            {
                "name": "not-me",
                "label": _("This was not me"),
                "explains": _("We stop at once, and a person looks into it."),
                "confirm": _("Stop it"),
            }
        )
    return found


def answer(consumer_request: ConsumerRequest) -> str:
    """The answer in one large sentence."""
    return str(workflow.stage(consumer_request).label)


def next_steps(consumer_request: ConsumerRequest) -> list[dict[str, Any]]:
    """What happens next, with a day. The page is the same whether or not anything is held."""
    if consumer_request.status in CLOSED:
        return [_step(_("Nothing more is to be done. Our letter says what we did."))]
    due = consumer_request.due_on
    if consumer_request.right in UNVERIFIED:
        return [_step(_("It is done by this day at the latest."), due)]
    return [
        *_before_the_answer(consumer_request),
        _step(_("By this day you have our answer."), due),
    ]


def _before_the_answer(consumer_request: ConsumerRequest) -> list[dict[str, Any]]:
    if consumer_request.status == Status.APPROVED:
        return [_step(_("We wait, so that nobody can do this in your name."))]
    if STAGE[Status(consumer_request.status)] is Stage.CHECKING:
        wrote = _("If we hold a contact of yours, we wrote to it. Use the link in that letter.")
        return [_step(wrote)]
    return []


def _step(sentence: str, day: date | None = None) -> dict[str, Any]:
    return {"sentence": sentence, "day": day}


_VERIFIED_WAY = (Stage.RECEIVED, Stage.CHECKING, Stage.DECIDING, Stage.CARRYING_OUT, Stage.DONE)
_OPT_OUT_WAY = (Stage.RECEIVED, Stage.CARRYING_OUT, Stage.DONE)


def steps(consumer_request: ConsumerRequest) -> list[dict[str, Any]]:
    """The way of the request, the present step marked in words. Only what happened is done."""
    way = _way(consumer_request)
    here = workflow.stage(consumer_request)
    place = way.index(here)
    closed = consumer_request.status in CLOSED
    return [
        {
            "name": str(_STEP_NAMES[stage]),
            "state": _state(at, place, closed=closed),
            "day": _day(consumer_request, at, len(way)),
        }
        for at, stage in enumerate(way)
    ]


def _way(consumer_request: ConsumerRequest) -> Sequence[Stage]:
    """The stages that this request passes; one that ended early shows how far it came."""
    way = _OPT_OUT_WAY if consumer_request.right in UNVERIFIED else _VERIFIED_WAY
    here = workflow.stage(consumer_request)
    if here is Stage.IN_PART:
        return (*way[:-1], here)
    if here is Stage.NOT_DONE:
        before = Status(consumer_request.previous_status or Status.RECEIVED)
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


def _day(consumer_request: ConsumerRequest, place: int, length: int) -> date | None:
    if place == 0:
        return consumer_request.received_on
    if place == length - 1 and consumer_request.closed_at:
        return received_date(consumer_request.closed_at)
    return None


TOLD: Prepared[Note] = Prepared(
    lambda pk: (
        Note.objects.filter(consumer_request=pk)
        .exclude(author=Note.Author.INTERNAL)
        .order_by("at", "pk")
    )
)


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


def may_become(consumer_request: ConsumerRequest, to: Status) -> bool:
    """Whether the table of moves still leads there."""
    return Status(consumer_request.status) in workflow.sources(consumer_request.right, to)
