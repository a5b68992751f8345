"""What this floor adds to the doctor's round."""

from collections.abc import Iterator

from ccpa_office import clock
from ccpa_office.doctor.finding import Finding, note, unsound
from requests_app.fulfillment import erasure_ledger
from requests_app.keeping_out import hosts


def doctor_findings() -> Iterator[Finding]:
    """erasures-broken, erasures-lost, digests-waiting: deleted people could come back unnoticed."""
    yield from _erasures()
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


def _waiting(found: hosts.Waiting) -> Finding:
    """What the office knows: that no file was written. Whether one was loaded, only the host."""
    return note(
        "digests-waiting",
        f"{found.digests} digests for the database of {found.system_key} stand in no file yet, the "
        f"oldest since {found.since:%Y-%m-%d}: whom they name its trigger lets in again.",
        f"Write them with `manage.py suppression digests --system {found.system_key} --out FILE`, "
        "load the file there, and do both each day.",
    )
