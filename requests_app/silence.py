"""What happens when nobody answers: reminders, and an end in time (7021(b); law 4.1)."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from ccpa_office import clock_guard
from ccpa_office.law.deadlines import REMINDER_DAYS, UNVERIFIED_ANSWER_DAY, received_date
from ccpa_office.law.grounds import Denial
from ccpa_office.law.kinds import VERIFIABLE
from ccpa_office.roles import Actor
from requests_app import correspondence, workflow
from requests_app.models import (
    ConsumerRequest,
    Identifier,
    IdentifierSource,
    Link,
    LinkPurpose,
    Outcome,
    Status,
    Step,
)

SYSTEM = Actor.system("silence")
LIMIT = 500


def remind(*, at: datetime) -> int:
    """Remind the contacts on file at days 7, 21 and 35; a new link voids the older one.

    A day that was missed is not made up for: whoever is late gets one letter, not three.
    """
    on = received_date(at)
    reminded = 0
    for number, day in reversed(list(enumerate(REMINDER_DAYS, 1))):
        with transaction.atomic():
            silent = list(
                _waiting()
                .filter(on_file=True, reminders__lt=number, received_on__lte=on - _days(day))
                .select_for_update(of=("self",), skip_locked=True)[:LIMIT]
            )
            if silent:
                ConsumerRequest.objects.filter(pk__in=[each.pk for each in silent]).update(
                    reminders=number
                )
                Link.objects.filter(
                    consumer_request__in=silent,
                    purpose=LinkPurpose.CONFIRM,
                    used_at__isnull=True,
                ).update(voided_at=at)
                correspondence.queue_all("reminder", silent, at=at)
        reminded += len(silent)
    return reminded


def end(*, at: datetime) -> int:
    """End what nobody confirmed or proved, so that the answer leaves in its 45 days.

    Nothing was ever found and the typed mailbox was proven: nothing found. Never confirmed: not
    confirmed. Not verified: denied as unverifiable. A suspect clock ends nothing (PR-10).

    Where a proven mailbox leads to nobody and only the name or the number of the form does, who
    asks reads what they would read if nobody had that name (VR-26).
    """
    if not clock_guard.clock_is_trusted():
        return 0
    last = received_date(at) - _days(UNVERIFIED_ANSWER_DAY)
    proven = Identifier.objects.filter(
        consumer_request=OuterRef("pk"),
        source=IdentifierSource.TYPED,
        is_contact=True,
        confirmed_at__isnull=False,
    )
    waiting = _waiting().filter(received_on__lte=last)
    nothing = waiting.filter(Exists(proven), on_file=False, hold="")
    ended = _end_each(
        nothing, Status.COMPLETED, Outcome.COMPLIED, ground=Denial.NO_DATA.value, at=at
    )
    unconnected = waiting.filter(Exists(proven), by_address=False)
    for silent, ground in ((unconnected, Denial.NO_DATA.value), (waiting, "")):
        ended += _end_each(
            silent, Status.NOT_CONFIRMED, Outcome.NOT_CONFIRMED, ground=ground, at=at
        )
    checking = ConsumerRequest.objects.filter(
        status=Status.CHECKING, kind__in=VERIFIABLE, received_on__lte=last, hold=""
    ).exclude(level_reached__gte=F("level_required"))
    return ended + _end_each(
        checking, Status.DENIED, Outcome.DENIED, ground=Denial.UNVERIFIED.value, at=at
    )


def _end_each(
    chosen: QuerySet[ConsumerRequest],
    to: Status,
    outcome: Outcome,
    *,
    ground: str,
    at: datetime,
) -> int:
    with transaction.atomic():
        rows = list(
            chosen.select_related("data_key").select_for_update(of=("self",), skip_locked=True)[
                :LIMIT
            ]
        )
        by_kind: dict[str, list[ConsumerRequest]] = {}
        for row in rows:
            row.ground = ground
            by_kind.setdefault(row.kind, []).append(row)
        for group in by_kind.values():
            workflow.move_all(
                group,
                to,
                by=SYSTEM,
                at=at,
                facts={"ground": ground, "silence": True},
                outcome=outcome,
                ground=ground,
            )
    return len(rows)


def _waiting() -> QuerySet[ConsumerRequest]:
    """Requests that wait for the consumer, whose last answer is not being compared just now."""
    weighed = Step.objects.comparing().filter(consumer_request=OuterRef("pk"))
    return (
        ConsumerRequest.objects.filter(~Exists(weighed), status=Status.WAITING, kind__in=VERIFIABLE)
        .select_related("data_key")
        .order_by("received_on", "pk")
    )


def _days(days: int) -> timedelta:
    return timedelta(days=days)
