"""The key that is a host's own, and the digests that its database compares with."""

import hmac
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, F, Max, Min

from ccpa_office import ledger, sealing
from ccpa_office.roles import Actor, Verb, require
from notices_app.datamap import NoSuchSystem
from notices_app.models import DataSystem, SystemKind
from requests_app.keeping_out.spellings import READINGS, is_somebodys
from requests_app.models import HostDigest, HostKey

CONTEXT = "suppression.host-key"
KEY_BYTES = 32
People = Iterable[tuple[str, Mapping[str, list[str]]]]

# Whoever is being remembered meanwhile is waited for; whoever comes after sees the key.
ALONE = "LOCK TABLE requests_app_suppression IN SHARE ROW EXCLUSIVE MODE"
# Whoever is being remembered at this instant is waited for.
COMPLETE = "LOCK TABLE requests_app_hostdigest IN SHARE MODE"
LATEST = timedelta(days=2)
"""How long digests may wait for a file that is written each day."""
KEEP = """
INSERT INTO requests_app_hostdigest (key_id, kind, digest, at)
SELECT key, kind, digest, %s
FROM unnest(%s::bigint[], %s::text[], %s::bytea[]) AS found(key, kind, digest)
ORDER BY digest ON CONFLICT DO NOTHING
"""


class NoDatabase(Exception):
    """This system is no database: nothing there could run a trigger."""


def key_of(system_key: str, *, by: Actor, at: datetime) -> tuple[HostKey, bool]:
    """The key of a system's database, and whether it was made just now.

    Raises ``NotAllowed``, ``NoSuchSystem``, ``NoDatabase``.
    """
    require(by, Verb.LOAD_MAP)
    with transaction.atomic():
        system = DataSystem.objects.select_for_update().filter(key=system_key).first()
        if system is None:
            raise NoSuchSystem
        if system.kind != SystemKind.SQL:
            raise NoDatabase
        found = HostKey.objects.select_related("data_key").filter(system=system).first()
        if found:
            return found, False
        with connection.cursor() as cursor:
            cursor.execute(ALONE)
        data_key = sealing.new_key()
        value = secrets.token_bytes(KEY_BYTES).hex()
        made = HostKey.objects.create(
            system=system,
            sealed=sealing.Box(data_key).seal(value, context=CONTEXT),
            data_key=data_key,
            made_at=at,
            made_by_id=by.staff_id,
        )
        ledger.record("suppression.key-made", subject=f"system:{system_key}", by=by, at=at)
    return made, True


def opened(key: HostKey) -> bytes:
    """The key itself. Raises ``sealing.Unreadable``."""
    return bytes.fromhex(sealing.Box(key.data_key).open(key.sealed, context=CONTEXT))


def digest(secret: bytes, kind: str, reading: str) -> bytes:
    """What the host's database computes of a value that it reads so."""
    return hmac.digest(secret, f"{kind}\x00{reading}".encode(), "sha256")


def remember(people: People, keys: Sequence[HostKey], *, at: datetime) -> None:
    """Keep the digests of each person's identifiers for each key; one statement for all."""
    named = {
        (kind, reading)
        for _, identifiers in people
        for kind, values in identifiers.items()
        if kind in READINGS
        for value in values
        if kind != "phone_number" or is_somebodys(sealing.normal_phone(value))
        for reading in READINGS[kind](value)
    }
    found = [
        (key.pk, kind, digest(secret, kind, reading))
        for key, secret in ((key, opened(key)) for key in keys)
        for kind, reading in named
    ]
    if found:
        with connection.cursor() as cursor:
            cursor.execute(KEEP, [at, *map(list, zip(*found, strict=True))])


def has_key(system_key: str) -> bool:
    """Whether a system's database keeps people out itself."""
    return HostKey.objects.filter(system__key=system_key).exists()


def schema_of(system_key: str) -> str:
    """The schema in which a system's tables stand. Raises ``NoSuchSystem``."""
    found = DataSystem.objects.filter(key=system_key).values_list("schema", flat=True).first()
    if found is None:
        raise NoSuchSystem
    return found


@dataclass(frozen=True)
class Handed:
    """Digests for a host's database: those up to ``to``, from ``since`` on."""

    key: HostKey
    to: int
    since: datetime | None

    def digests(self) -> Iterator[tuple[str, bytes]]:
        """Kind and digest of everybody whom the database must know; bounded memory."""
        rows = HostDigest.objects.filter(key=self.key, pk__lte=self.to).order_by("pk")
        rows = rows.filter(at__gte=self.since) if self.since else rows
        for kind, found in rows.values_list("kind", "digest").iterator():
            yield kind, bytes(found)


def handed(system_key: str, *, since: datetime | None = None) -> Handed:
    """What a file for a system's database holds now. Raises ``NoSuchSystem`` without a key.

    Who is being remembered at this instant is waited for: nothing with a lower number comes later.
    """
    key = HostKey.objects.filter(system__key=system_key).first()
    if key is None:
        raise NoSuchSystem
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(COMPLETE)
        last = HostDigest.objects.filter(key=key).aggregate(Max("pk"))["pk__max"]
    return Handed(key, last or 0, since)


def keep_handed(found: Handed, *, at: datetime) -> None:
    """Remember that a file was written; one that left a gap behind the last counts for nothing."""
    waiting = HostDigest.objects.filter(key=found.key, pk__gt=found.key.handed_to)
    if found.since is None or not waiting.filter(at__lt=found.since).exists():
        HostKey.objects.filter(pk=found.key.pk, handed_to__lte=found.to).update(
            handed_to=found.to, handed_at=at
        )


@dataclass(frozen=True)
class Waiting:
    """Digests of a system that no file has held yet: how many, and since when."""

    system_key: str
    digests: int
    since: datetime


def waiting(*, at: datetime) -> list[Waiting]:
    """Systems whose digests have waited longer than ``LATEST`` for a file; one statement."""
    rows = HostDigest.objects.filter(pk__gt=F("key__handed_to")).values("key__system__key")
    found = rows.annotate(many=Count("pk"), first=Min("at")).filter(first__lt=at - LATEST)
    return [
        Waiting(each["key__system__key"], each["many"], each["first"])
        for each in found.order_by("key__system__key")
    ]
