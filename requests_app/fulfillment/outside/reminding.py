"""Parts of an answer that nobody gives: a reminder before their day, a person after it."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from ccpa_office import clock
from requests_app import targets
from requests_app.fulfillment.outside import parts
from requests_app.fulfillment.outside.hands import REMINDER
from requests_app.models import Part, PartStage

LIMIT = 500


def remind(*, at: datetime) -> int:
    """Remind whoever was asked before today and has two days left; how many parts moved.

    A part whose day is over is late: it is nobody's letter any more but waits at the desk, and
    the book says since when. Each happens once until it is asked again.
    """
    today = clock.day_of(at)
    with transaction.atomic():
        late = list(_waiting().filter(due_on__lt=today)[:LIMIT])
        Part.objects.filter(pk__in=[part.pk for part in late]).update(late_on=today)
        for part in late:
            parts.note(part, "part.late", by=parts.SYSTEM, at=at)
    return len(late) + _letters(at=at)


def _letters(*, at: datetime) -> int:
    today = clock.day_of(at)
    soon = _waiting().filter(
        reminded_on=None, due_on__gte=today, due_on__lte=today + REMINDER,
        asked_at__lt=clock.midnight(today),
    )  # fmt: skip
    with transaction.atomic():
        reminded = list(soon[:LIMIT])
        Part.objects.filter(pk__in=[part.pk for part in reminded]).update(reminded_on=today)
        vendors = {vendor.key: vendor for vendor in targets.vendors()} if reminded else {}
        for part in reminded:
            if part.system_key in vendors:
                parts.write(part, vendors[part.system_key], at=at)
    return len(reminded)


def _waiting() -> QuerySet[Part]:
    rows = Part.objects.select_related("data_key", "consumer_request__data_key")
    living = rows.filter(stage=PartStage.ASKED, late_on=None, consumer_request__closed_at=None)
    return living.order_by("due_on", "pk").select_for_update(of=("self",), skip_locked=True)
