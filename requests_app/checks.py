"""What this floor adds to the doctor's round."""

from collections.abc import Iterator

from ccpa_office import clock
from ccpa_office.doctor.finding import Finding, unsound
from requests_app.fulfillment import erasure_ledger


def doctor_findings() -> Iterator[Finding]:
    """erasures-broken, erasures-lost: a backup could bring people back and nobody would know."""
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
