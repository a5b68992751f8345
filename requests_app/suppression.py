"""People who were deleted stay deleted: keyed digests, never the identifier."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import connection

from ccpa_office import sealing
from requests_app.models import Suppression

NORMAL = {
    "email": sealing.normal_email,
    "phone_number": sealing.normal_phone,
}
"""The identifiers that are remembered, and their canonical form. A name is nobody's alone."""


REMEMBER = """
INSERT INTO requests_app_suppression (kind, digest, subject, at)
SELECT kind, digest, subject, %s
FROM unnest(%s::text[], %s::bytea[], %s::text[]) AS found(kind, digest, subject)
ORDER BY digest ON CONFLICT DO NOTHING
"""


def remember(people: Iterable[tuple[str, Mapping[str, list[str]]]], *, at: datetime) -> int:
    """Write the digests of each person's identifiers; one statement for any number of people."""
    found = [
        (kind, sealing.digest(kind, NORMAL[kind](value)), subject)
        for subject, identifiers in people
        for kind, values in identifiers.items()
        if kind in NORMAL
        for value in values
        if value
    ]
    if found:
        kinds, digests, subjects = map(list, zip(*found, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(REMEMBER, [at, kinds, digests, subjects])
    return len(found)


def is_suppressed(kind: str, value: str) -> bool:
    """Whether an identifier belongs to somebody who was deleted; true after key rotations too."""
    normal = NORMAL[kind](value)
    if not _names_somebody(kind, normal):
        return False
    return Suppression.objects.filter(kind=kind, digest__in=sealing.digests(kind, normal)).exists()


def _names_somebody(kind: str, normal: str) -> bool:
    """Whether a canonical form is one person's: “none” or “n/a” in a field is everybody's."""
    return "@" in normal.strip("@") if kind == "email" else bool(normal)
