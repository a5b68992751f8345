"""Locks that keep feeds from putting a corrected value back: keyed digests alone (7023(c))."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ccpa_office import sealing
from requests_app.models import ConsumerRequest, Correction, CorrectionLock, IdentifierSource
from requests_app.verification.looking import box_of


def normal(value: str | None) -> str:
    """A value as two spellings of it are compared."""
    return " ".join(unicodedata.normalize("NFKC", value or "").casefold().split())


def _subjects(consumer_request: ConsumerRequest, key: Sequence[Any]) -> list[str]:
    """Under which a feed may know the row: its key, and the person's address on file."""
    box = box_of(consumer_request)
    on_file = consumer_request.identifiers.filter(kind="email", source=IdentifierSource.ON_FILE)
    emails = {
        sealing.normal_email(box.open(each.value, context="identifier.value")) for each in on_file
    }
    return [f"key:{'/'.join(map(str, key))}", *(f"email:{email}" for email in sorted(emails))]


def lock(correction: Correction, key: Sequence[Any], before: str | None, at: datetime) -> None:
    """Keep the value that stood there out of that field of that row, and of that person."""
    request = correction.consumer_request
    CorrectionLock.objects.bulk_create(
        [
            CorrectionLock(
                system_key=correction.system_key,
                collection=correction.collection,
                field=correction.field,
                subject=sealing.digest("correction-subject", subject),
                wrong=sealing.digest("correction-value", normal(before)),
                number=request.number,
                at=at,
            )
            for subject in _subjects(request, key)
        ],
        ignore_conflicts=True,
    )


def locked(
    field: tuple[str, str, str], value: str | None, *, key: Sequence[Any] = (), email: str = ""
) -> bool:
    """Whether a feed would put back what was corrected: this value in this field of this one.

    ``field`` is system, table and column; the row is named by its key, or by the person's address.
    """
    subjects = [f"key:{'/'.join(map(str, key))}"] if key else []
    subjects += [f"email:{sealing.normal_email(email)}"] if email else []
    system, table, column = field
    return CorrectionLock.objects.filter(
        system_key=system,
        collection=table,
        field=column,
        subject__in=[
            digest for each in subjects for digest in sealing.digests("correction-subject", each)
        ],
        wrong__in=sealing.digests("correction-value", normal(value)),
    ).exists()
