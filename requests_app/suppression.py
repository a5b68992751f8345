"""People who were deleted stay deleted: keyed digests, never the identifier."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from ccpa_office import sealing
from ccpa_office.prepared import planned_cursor
from requests_app.keeping_out import hosts as keeping_out
from requests_app.keeping_out import spellings
from requests_app.models import HostKey, Suppression

NORMAL = {
    "email": sealing.normal_email,
    "phone_number": sealing.normal_phone,
}
"""The identifiers that are remembered, and their canonical form. A name is nobody's alone."""
AT_ONCE = 5_000
"""How many records are looked up by one statement."""

Record = TypeVar("Record")

REMEMBER = """
WITH kept AS (
INSERT INTO requests_app_suppression (kind, digest, subject, at)
SELECT kind, decode(digest, 'hex'), subject, %s
FROM unnest(string_to_array(%s, ','), string_to_array(%s, ','), string_to_array(%s, ','))
    AS found(kind, digest, subject)
ORDER BY digest ON CONFLICT DO NOTHING
) SELECT id FROM requests_app_hostkey
"""
"""Says which hosts have a key of their own, so that a house without one asks nothing more."""


def remember(people: Iterable[tuple[str, Mapping[str, list[str]]]], *, at: datetime) -> int:
    """Write the digests of each person's identifiers; one statement for any number of people.

    Three, where a host's own database keeps people out: it has digests with a key of its own.
    """
    people = list(people)
    found = [
        (kind, sealing.digest(kind, _normal(kind, value)), subject)
        for subject, identifiers in people
        for kind, values in identifiers.items()
        if kind in NORMAL
        for value in values
        if value
    ]
    if found:
        columns = [
            ",".join(kind for kind, _digest, _subject in found),
            ",".join(digest.hex() for _kind, digest, _subject in found),
            ",".join(subject for _kind, _digest, subject in found),
        ]
        with planned_cursor() as cursor:
            cursor.execute(REMEMBER, [at, *columns])
            keys = [key for (key,) in cursor.fetchall()]
        if keys:
            hosts = HostKey.objects.select_related("data_key").filter(pk__in=keys)
            keeping_out.remember(people, list(hosts), at=at)
    return len(found)


def is_suppressed(kind: str, value: str) -> bool:
    """Whether an identifier belongs to somebody who was deleted; true after key rotations too."""
    return suppressed([{kind: [value]}])[0]


def suppressed(people: Sequence[Mapping[str, Sequence[str]]]) -> list[bool]:
    """For each record of identifiers by kind, whether one of them is a deleted person's.

    One statement for all of them; every version of the digest keys counts.
    """
    asked = [
        (place, kind, digest)
        for place, identifiers in enumerate(people)
        for kind, values in identifiers.items()
        for value in values
        for digest in _digests(kind, value)
    ]
    digests = list({digest for _, _, digest in asked})
    known = {
        (kind, bytes(digest))
        for kind, digest in Suppression.objects.filter(digest__in=digests).values_list(
            "kind", "digest"
        )
    }
    found = [False] * len(people)
    for place, kind, digest in asked:
        found[place] = found[place] or (kind, digest) in known
    return found


def keys_missing() -> list[int]:
    """Versions of the digest keys by which people are remembered and which nobody has any more.

    Whoever is remembered by such a key alone is let in again. A statement for each version.
    """
    held = {each[0] for each in sealing.digests("email", "")}
    kept = Suppression.objects.order_by("digest").values_list("digest", flat=True)
    versions, past = list[int](), b""
    while first := kept.filter(digest__gte=past).first():
        versions.append(bytes(first)[0])
        past = bytes([versions[-1]]) + b"\xff" * 33
    return [version for version in versions if version not in held]


def screened(
    records: Iterable[tuple[Record, Mapping[str, Sequence[str]]]],
) -> Iterator[tuple[Record, bool]]:
    """Each record with whether it is a deleted person's; bounded memory, any number of records."""
    stream = iter(records)
    while some := list(islice(stream, AT_ONCE)):
        answers = suppressed([identifiers for _, identifiers in some])
        for (record, _), answer in zip(some, answers, strict=True):
            yield record, answer


def _digests(kind: str, value: str) -> list[bytes]:
    normal = _normal(kind, value)
    return sealing.digests(kind, normal) if _names_somebody(kind, normal) else []


_PLAIN_PHONE = re.compile(
    r"(?:\+?1[ .-]?)?\(?([2-9][0-9]{2})\)?[ .-]?([2-9][0-9]{2})[ .-]?([0-9]{4})"
)
_PLAIN_EMAIL = re.compile(r"[a-z0-9._%+-]+@(?:[a-z0-9]+\.)+[a-z]{2,}")


def _normal(kind: str, value: str) -> str:
    """The canonical form; what is plain needs no library, as long files are made of it."""
    if kind == "email" and _PLAIN_EMAIL.fullmatch(folded := value.strip().lower()):
        return folded
    if kind == "phone_number" and (plain := _PLAIN_PHONE.fullmatch(value.strip())):
        return "+1" + "".join(plain.groups())
    return NORMAL[kind](value)


def _names_somebody(kind: str, normal: str) -> bool:
    """Whether a canonical form is one person's: “n/a” or 000-0000 in a field is everybody's."""
    return "@" in normal.strip("@") if kind == "email" else spellings.is_somebodys(normal)
