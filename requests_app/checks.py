"""What this floor adds to the doctor's round."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ccpa_office import clock
from ccpa_office.doctor.finding import Finding, note, unsound
from ccpa_office.models import WorkState
from requests_app import suppression
from requests_app.fulfillment import erasure_ledger, proof
from requests_app.keeping_out import hosts
from requests_app.models import (
    BatchState,
    Chunk,
    CorrectionLook,
    Kept,
    Look,
    OutsideLook,
)

A_DAY = timedelta(days=1)


def doctor_findings() -> Iterator[Finding]:
    """erasures-broken, erasures-lost, digests-waiting, digest-key-missing, erasures-late, looks-late, terms-late: deleted people could come back unnoticed."""  # noqa: E501
    yield from _erasures()
    yield from _keys()
    yield from _late(clock.now())
    yield from map(_waiting, hosts.waiting(at=clock.now()))


def _erasures() -> Iterator[Finding]:
    cure = "Bring the file back from its own volume; until then restore no backup."
    try:
        lost = erasure_ledger.missing(at=clock.now())
    except erasure_ledger.LedgerBroken:
        yield unsound("erasures-broken", "A line of the erasure ledger was changed.", cure)
        return
    if lost:
        yield unsound(
            "erasures-lost",
            f"The erasure ledger has lost {len(lost)} lines, the first is {lost[0]}.",
            cure,
        )


def _keys() -> Iterator[Finding]:
    for version in suppression.keys_missing():
        yield unsound(
            "digest-key-missing",
            f"DIGEST_KEYS lacks version {version}: people remembered by it are let in again.",
            f"Bring it back as `{version}:<base64>` behind the newest; it stays for good.",
        )


def _late(at: datetime) -> Iterator[Finding]:
    """What is put off again and again, because a store is away or busy, is never work that is late.

    What gave up is parked, and named as that.
    """
    going = {"state__in": [WorkState.READY, WorkState.RUNNING], "looked_at": None}
    looks = sum(
        model.rows().filter(**going, day=day, **{proved: at - (day + 1) * A_DAY}).count()
        for model, proved in LOOKS
        for day in proof.LATER_LOOKS
    )
    if looks:
        yield unsound(
            "looks-late",
            f"{looks} looks after 1, 7 or 30 days are late by more than a day.",
            "See whether the systems answer: until then nobody knows who came back.",
        )
    waiting = Chunk.objects.filter(
        state__in=[WorkState.READY, WorkState.RUNNING], batch__state=BatchState.RUNNING,
        stage__in=[Chunk.Stage.ERASE, Chunk.Stage.PROVE], plans__executable_at__lt=at - 2 * A_DAY,
    )  # fmt: skip
    if chunks := waiting.distinct().count():
        yield unsound(
            "erasures-late",
            f"{chunks} chunks that may be erased, or are to be proved, have waited for two days.",
            "See whether their systems answer, and what the page of each batch says.",
        )
    due = Kept.objects.filter(plan=None, due_on__lt=clock.day_of(at) - 2 * A_DAY)
    if terms := due.count():
        yield unsound(
            "terms-late",
            f"Rows of {terms} deleted people are kept longer than their term.",
            "See that their systems answer and have an approved map, and what the logs say.",
        )


LOOKS: tuple[tuple[Any, str], ...] = (
    (Look, "chunk__proved_at__lt"),
    (OutsideLook, "task__proved_at__lt"),
    (CorrectionLook, "correction__done_at__lt"),
)


def _waiting(found: hosts.Waiting) -> Finding:
    """What the office knows: that no file was written. Whether one was loaded, only the host."""
    return note(
        "digests-waiting",
        f"{found.digests} digests for the database of {found.system_key} stand in no file yet, the "
        f"oldest since {found.since:%Y-%m-%d}: whom they name its trigger lets in again.",
        f"Write them with `manage.py suppression digests --system {found.system_key} --out FILE`, "
        "load the file there, and do both each day.",
    )
