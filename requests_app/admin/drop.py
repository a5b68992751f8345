"""The desk of the deletion platform: every list with its counts, and what comes next."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office.admin import OfficeModelAdmin, newest, site
from ccpa_office.roles import Actor, Verb
from requests_app.models import DropList, DropLook

_L = gettext_lazy


def next_step(drop_list: DropList, looks: int) -> str:
    """What a person does with a list now, in words."""
    if drop_list.settled_at is None:
        if looks:
            return _("Not every system was looked at. Run the match of this file again.")
        return _("No system was looked at yet. Run the match of this file.")
    if drop_list.one or drop_list.several:
        return _("Matched. Delete whom it means, and opt out where several share an identifier.")
    return _("Matched. It means nobody of ours.")


class DropDesk(OfficeModelAdmin):
    """Lists, the newest first; nobody of them is shown."""

    word, label, place = "drop", _L("Deletion platform"), 33
    about = _L(
        "Lists of the state's deletion platform (DROP), and what the match says of each item."
    )
    see = (Verb.PLAN, Verb.APPROVE_BATCH, Verb.SEE_LEDGER)
    list_template = "admin/drop.html"

    def shelf(self, request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """Lists with their counts."""
        page = newest(DropList.objects.all(), request.GET.get("after", ""))
        begun = dict.fromkeys(
            DropLook.objects.filter(piece__drop_list__in=page.rows).values_list(
                "piece__drop_list_id", flat=True
            ).distinct(), 1
        )  # fmt: skip
        rows = [(each, next_step(each, begun.get(each.pk, 0))) for each in page.rows]
        return {"page": page, "lists": rows}


site.register(DropList, DropDesk)
