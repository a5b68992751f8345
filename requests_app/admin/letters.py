"""The letter desk: what went out, what failed, and letting a failed letter go again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import sealing
from ccpa_office.admin import Deed, Refused, newest, order_of, site
from ccpa_office.admin.book import label
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb
from requests_app import correspondence, verification
from requests_app.admin.exporting import ExportingDesk, Listed
from requests_app.admin.moves import PurposeForm
from requests_app.admin.words import audience_words, letter_words, trouble
from requests_app.casework.looking import read_letter
from requests_app.models import Delivery, Message

_L = gettext_lazy
FAILED = Q(state=WorkState.PARKED) | Q(delivery__in=[Delivery.REFUSED, Delivery.UNKNOWN])


@dataclass(frozen=True)
class Text:
    """A letter, opened for one page."""

    recipient: str
    text: str


def has_failed(message: Message) -> bool:
    """Whether a letter waits for a person."""
    return _waits(message.state, message.delivery)


def _waits(state: str, delivery: str) -> bool:
    return state == WorkState.PARKED or delivery in {Delivery.REFUSED, Delivery.UNKNOWN}


def _read(message: Message, *, purpose: str, by: Actor, at: datetime) -> Text:
    return Text(*read_letter(message, purpose=purpose, by=by, at=at))


def _release(message: Message, *, by: Actor, at: datetime) -> str:
    if not has_failed(message):
        raise Refused(_("This letter has not failed."))
    correspondence.release(message, by=by, at=at)
    return _("It goes again, with the same Message-ID.")


def _try_links(_none: None, *, by: Actor, at: datetime) -> str:
    count = verification.try_links_again(by=by, at=at)
    return _("Tried again: %s.") % count


ORDERS = {"written": ("-written", "written")}
COLUMNS = (
    "letter", "audience", "language", "queued_at", "handed_at", "delivery", "state", "error_code",
    "consumer_request__number",
)  # fmt: skip
HEAD = (
    _L("Request"), _L("Letter"), _L("To"), _L("Language"), _L("Written"), _L("Handed over"),
    _L("State"), _L("Why not"),
)  # fmt: skip


def _chosen(request: HttpRequest) -> tuple[QuerySet[Message], bool]:
    failed = request.GET.get("view") == "failed"
    return Message.objects.filter(FAILED) if failed else Message.objects.all(), failed


def _cells(row: Mapping[str, Any]) -> list[Any]:
    why = trouble(row["error_code"]) if _waits(row["state"], row["delivery"]) else None
    return [
        row["consumer_request__number"] or "", letter_words(row["letter"]),
        audience_words(row["audience"]), row["language"], row["queued_at"], row["handed_at"],
        _state(row["state"], row["delivery"]), why.why if why else "",
    ]  # fmt: skip


def shown(letter: Message) -> dict[str, Any]:
    """A letter in words: its name, whom it goes to, what became of it, why not and what to do."""
    waits = has_failed(letter)
    return {
        "letter": letter,
        "name": letter_words(letter.letter),
        "to": audience_words(letter.audience),
        "state": _state(letter.state, letter.delivery),
        "failed": waits,
        "later": letter.handed_at if _took_a_while(letter) else None,
        "trouble": trouble(letter.error_code) if waits else None,
        "waits": trouble(letter.error_code) if letter.state == WorkState.READY else None,
    }


def _took_a_while(letter: Message) -> bool:
    handed = letter.handed_at
    return handed is not None and handed - letter.queued_at >= timedelta(minutes=1)


def _state(state: str, delivery: str) -> str:
    if _waits(state, delivery):
        return _("did not go")
    return label(Delivery, delivery)


class LetterDesk(ExportingDesk):
    """Letters, the newest first; ``?view=failed``: those that wait for a person."""

    word, label, place = "letters", _L("Letters"), 40
    about = _L("Every letter that the office wrote, and what became of it.")
    see = (Verb.SEE_LETTERS,)
    list_template, page_template = "admin/letters.html", "admin/letter.html"
    refusals = (sealing.Unreadable,)
    exported = "letters"
    chores = (
        Deed(
            "links", _L("Send the links to follow that gave up"), _try_links, Verb.RESEND_LETTER,
            help=_L("Consumers asked for a link to their request, and the work on it gave up."),
            offered=lambda _none: verification.links_gave_up().exists(),
        ),
    )  # fmt: skip
    deeds = (
        Deed("read", _L("Read this letter"), _read, Verb.SEE_LETTERS, PurposeForm),
        Deed(
            "release", _L("Send it again"), _release, Verb.RESEND_LETTER,
            help=_L("The same letter with the same Message-ID."), offered=has_failed,
        ),
    )  # fmt: skip

    def get_rows(self) -> Any:
        """Letters with what opens them."""
        return Message.objects.select_related("consumer_request", "data_key")

    def shelf(self, request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """One page of letters, without their texts."""
        order = order_of(request, ORDERS)
        rows, failed = _chosen(request)
        rows = rows.select_related("consumer_request").defer("facts", "text", "html", "recipient")
        page = newest(rows, request.GET.get("after", ""), oldest=order.word == "written")
        return {
            "page": page,
            "letters": [shown(letter) for letter in page.rows],
            "heads": order.heads,
            "failed": failed,
            "keep": "view=failed&" if failed else "",
        }

    def listed(self, request: HttpRequest, _actor: Actor) -> Listed:
        """The letters of the view that stands open; without recipients and texts."""
        rows, failed = _chosen(request)
        ordered = rows.order_by("pk" if order_of(request, ORDERS).word == "written" else "-pk")
        return Listed("failed" if failed else "all", ordered.values(*COLUMNS), HEAD, _cells)

    def facts(self, request: HttpRequest, subject: Any, _actor: Actor) -> dict[str, Any]:
        """One letter; its text only when it was asked for with a purpose."""
        return {
            "title": correspondence.subject_of(subject),
            "opened": getattr(request, "opened", None),
            **shown(subject),
        }

    def done(self, request: HttpRequest, deed: Deed, subject: Any, said: Any) -> HttpResponse:
        """A letter that was opened is shown at once and kept nowhere."""
        if isinstance(said, Text):
            request.opened = said  # type: ignore[attr-defined]
            return self.show_page(request, subject)
        return super().done(request, deed, subject, said)


site.register(Message, LetterDesk)
