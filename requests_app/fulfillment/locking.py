"""Locks that keep feeds from putting a corrected value back: keyed digests alone (7023(c))."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ccpa_office import sealing
from ccpa_office.connectors.base import Table
from notices_app.datamap.compiling import OUTSIDE
from requests_app import targets
from requests_app.models import ConsumerRequest, Correction, CorrectionLock, IdentifierSource
from requests_app.verification.looking import box_of

LAST_DIGITS, SHORTEST = 10, 7
"""By so many digits a telephone is known, where it has at least so many."""


def normal(value: str | None) -> str:
    """A value as two spellings of it are compared."""
    return " ".join(unicodedata.normalize("NFKC", value or "").casefold().split())


def _forms(value: str | None) -> list[str]:
    """The forms in which a value is compared: as it is written, and the last digits of a number."""
    digits = "".join(filter(str.isdecimal, unicodedata.normalize("NFKC", value or "")))
    return [normal(value), f"tel:{digits[-LAST_DIGITS:]}"][: 1 + (len(digits) >= SHORTEST)]


def _as_it_is(value: str | None) -> str:
    """The form of a value that is wrong only in how it is written: capitals, widths, blanks."""
    return f"as:{value or ''}"


def alike(kind: str, first: str | None, second: str | None) -> bool:
    """Whether two spellings are one value of that kind: a telephone is known by its digits."""
    if "phone" in kind:
        return bool({*_forms(first)} & {*_forms(second)})
    return normal(first) == normal(second)


def kind_of(table: Table, column: str) -> str:
    """What a column holds of a person, in the map's words (email, name, phone_number)."""
    named = [(each.column, each.kind) for each in table.identities + table.marks if not each.path]
    named += [(each.column, each.kind) for each in table.contacts if not each.path]
    return next((kind for name, kind in named if name == column), "")


def _kind(correction: Correction) -> str:
    if correction.collection == OUTSIDE:
        return correction.field
    program = targets.under(correction.map_version).program
    return kind_of(program.table(correction.collection), correction.field)


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
    kind = _kind(correction)
    after = box_of(request).open(correction.after, context="correction.after")
    forms = _forms(before) if "phone" in kind else [normal(before)]
    if alike(kind, before, after):
        forms = [_as_it_is(before)]
    CorrectionLock.objects.bulk_create(
        [
            CorrectionLock(
                system_key=correction.system_key,
                collection=correction.collection,
                field=correction.field,
                subject=sealing.digest("correction-subject", subject),
                wrong=sealing.digest("correction-value", form),
                number=request.number,
                at=at,
            )
            for subject in _subjects(request, key)
            for form in forms
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
    forms = [*_forms(value), _as_it_is(value)]
    return CorrectionLock.objects.filter(
        system_key=system,
        collection=table,
        field=column,
        subject__in=[
            digest for each in subjects for digest in sealing.digests("correction-subject", each)
        ],
        wrong__in=[each for form in forms for each in sealing.digests("correction-value", form)],
    ).exists()
