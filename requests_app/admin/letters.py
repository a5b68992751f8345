"""The letter desk: what went out, what failed, and letting a failed letter go again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import sealing
from ccpa_office.admin import Deed, OfficeModelAdmin, Refused, newest, site
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb
from requests_app import correspondence
from requests_app.admin.moves import PurposeForm
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
    return message.state == WorkState.PARKED or message.delivery in {
        Delivery.REFUSED,
        Delivery.UNKNOWN,
    }


def _read(message: Message, *, purpose: str, by: Actor, at: datetime) -> Text:
    return Text(*read_letter(message, purpose=purpose, by=by, at=at))


def _release(message: Message, *, by: Actor, at: datetime) -> str:
    if not has_failed(message):
        raise Refused(_("This letter has not failed."))
    correspondence.release(message, by=by, at=at)
    return _("It goes again, with the same Message-ID.")


class LetterDesk(OfficeModelAdmin):
    """Letters, the newest first; ``?view=failed``: those that wait for a person."""

    word, label, place = "letters", _L("Letters"), 40
    see = (Verb.SEE_LETTERS,)
    list_template, page_template = "admin/letters.html", "admin/letter.html"
    refusals = (sealing.Unreadable,)
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
        failed = request.GET.get("view") == "failed"
        rows = Message.objects.select_related("consumer_request").defer(
            "facts", "text", "html", "recipient"
        )
        if failed:
            rows = rows.filter(FAILED)
        page = newest(rows, request.GET.get("after", ""))
        return {"page": page, "failed": failed, "keep": "view=failed&" if failed else ""}

    def facts(self, request: HttpRequest, subject: Any, _actor: Actor) -> dict[str, Any]:
        """One letter; its text only when it was asked for with a purpose."""
        return {
            "title": correspondence.subject_of(subject),
            "opened": getattr(request, "opened", None),
        }

    def done(self, request: HttpRequest, deed: Deed, subject: Any, said: Any) -> HttpResponse:
        """A letter that was opened is shown at once and kept nowhere."""
        if isinstance(said, Text):
            request.opened = said  # type: ignore[attr-defined]
            return self.show_page(request, subject)
        return super().done(request, deed, subject, said)


site.register(Message, LetterDesk)
