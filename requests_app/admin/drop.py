"""The desk of the deletion platform: every list with its counts, and what comes next."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office.admin import OfficeModelAdmin, newest, site
from ccpa_office.roles import Actor, Verb, may
from requests_app.admin.batches import BatchDesk
from requests_app.models import BatchState, DropBatch, DropList, DropLook

_L = gettext_lazy


def next_step(drop_list: DropList, looks: int, batches: Iterable[DropBatch] = ()) -> str:
    """What a person does with a list now, in words."""
    if drop_list.settled_at is None:
        if looks:
            return _("Not every system was looked at. Run the match of this file again.")
        return _(
            "No system could be looked at yet. Run the match of this file: it says what is missing."
        )
    said = [_("Opt out those who share an identifier.")] if drop_list.several else []
    if drop_list.one:
        said.append(_delete(batches))
    return " ".join([_("Matched."), *said]) if said else _("Matched. It means nobody of ours.")


def _delete(batches: Iterable[DropBatch]) -> str:
    """Whom items mean alone is deleted by batches; one that was stopped is opened anew."""
    if any(each.batch.state != BatchState.STOPPED for each in batches):
        return _("Whom it means is deleted by batches:")
    return _("Delete whom it means: run the match again with --open-batch.")


class DropDesk(OfficeModelAdmin):
    """Lists, the newest first; nobody of them is shown."""

    word, label, place = "drop", _L("Deletion platform"), 33
    about = _L(
        "Lists of the state's deletion platform (DROP), and what the match says of each item."
    )
    see = (Verb.PLAN, Verb.APPROVE_BATCH, Verb.SEE_LEDGER)
    list_template = "admin/drop.html"

    def shelf(self, request: HttpRequest, actor: Actor) -> dict[str, Any]:
        """Lists with their counts and their batches."""
        page = newest(DropList.objects.all(), request.GET.get("after", ""))
        begun = dict.fromkeys(
            DropLook.objects.filter(piece__drop_list__in=page.rows).values_list(
                "piece__drop_list_id", flat=True
            ).distinct(), 1
        )  # fmt: skip
        opened: dict[int, list[DropBatch]] = {each.pk: [] for each in page.rows}
        for each in DropBatch.objects.filter(drop_list__in=page.rows).select_related("batch"):
            opened[each.drop_list_id].append(each)
        return {
            "page": page,
            "lists": [
                (each, next_step(each, begun.get(each.pk, 0), opened[each.pk]), opened[each.pk])
                for each in page.rows
            ],
            "may_open": any(may(actor, verb) for verb in BatchDesk.see),
        }


site.register(DropList, DropDesk)
