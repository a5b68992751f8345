"""Systems and map versions: add, load, approve, and read what counts now."""

import os
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from ccpa_office import connectors, ledger, outbound, sealing
from ccpa_office.connectors import surveying
from ccpa_office.connectors.base import Finding, Program
from ccpa_office.connectors.ways import Point
from ccpa_office.law.deadlines import received_date
from ccpa_office.prepared import Prepared
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from notices_app.datamap import live, outsiders
from notices_app.datamap.compiling import MapNotSound, compile_map, examine, map_digest
from notices_app.datamap.describing import is_description
from notices_app.datamap.differences import understood, untold
from notices_app.datamap.facts import Map
from notices_app.models import DataMapVersion, DataSystem, SystemKind
from notices_app.models.datamap import DataMapVersionQuerySet

CONTEXT = "system.url"
COMMAND_LINE = Actor.system("command-line")
"""Who acts where a command names nobody: free to try things on copies, and nothing else."""


class NoActiveMap(Exception):
    """The system has no map that a second person has approved."""


class NoMapYet(NoActiveMap):
    """No map has been loaded for this copy: `datamap load FILE --system KEY`."""


class NoSuchSystem(Exception):
    """No system is registered under that key."""


class NoAddress(Exception):
    """The system's address is not in the environment."""


class SecondPersonNeeded(Exception):
    """Whoever loaded a map does not approve it, and somebody must be known to have loaded it."""


class AnotherDigest(Exception):
    """The digest is not the one of this version: look at the map again."""


class AlreadyApproved(Exception):
    """The version has been approved before."""


class NotTold(Exception):
    """The notice in force does not tell what the map holds: publish a version that does first."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(", ".join(finding.message for finding in findings))
        self.findings = findings


@dataclass(frozen=True)
class Target:
    """A system with its address and the program of its active map."""

    key: str
    url: str = field(repr=False)
    program: Program
    version_id: int


# --- systems ------------------------------------------------------------------------------------


@transaction.atomic
def add_system(
    key: str, *, name: str, url: str, by: Actor, at: datetime, **options: str | bool
) -> DataSystem:
    """Register a database, or give it a new address.

    A new address is another database: its map counts no more until one has been loaded and
    approved again, and no plan that was frozen before is carried out there.

    ``url`` is an SQLAlchemy URL, or ``env:NAME`` for one that stands in the environment.
    Options: ``kind``, ``schema``, ``rehearsal``, ``served``. Raises NotAllowed without the role;
    the command line itself may register a copy, and replace one.
    """
    known = DataSystem.objects.select_for_update().filter(key=key).first()
    is_copy = bool(options.get("rehearsal")) and (known is None or known.rehearsal)
    if not (is_copy and by == COMMAND_LINE):
        require(by, Verb.LOAD_MAP)
    values: dict[str, object] = {"name": name or key, "created_at": at, **options}
    if url.startswith("env:"):
        values |= {"url_env": url[4:], "sealed_url": None, "data_key": None}
    else:
        data_key = sealing.new_key()
        sealed = sealing.Box(data_key).seal(url, context=CONTEXT)
        values |= {"url_env": "", "sealed_url": sealed, "data_key": data_key}
    if known:
        values |= {"created_at": known.created_at, "address_changed_at": at}
        known.maps.active().update(active=False)
        known.secrets.all().delete()  # they were given to the old address
    system, _ = DataSystem.objects.update_or_create(key=key, defaults=values)
    facts = {"rehearsal": system.rehearsal, "schema": system.schema, "kind": system.kind}
    ledger.record("system.added", subject=f"system:{key}", by=by, at=at, facts=facts)
    return system


def systems() -> list[DataSystem]:
    """The systems that are served, without rehearsal copies."""
    return list(DataSystem.objects.served())


def system(key: str) -> DataSystem:
    """One system. Raises ``NoSuchSystem``."""
    found = DataSystem.objects.select_related("data_key").filter(key=key).first()
    if found is None:
        raise NoSuchSystem
    return found


def url(key: str) -> str:
    """The address of a system. Raises ``NoSuchSystem``, ``NoAddress``."""
    return _address(system(key))


def _address(data_system: DataSystem) -> str:
    if data_system.sealed_url is not None and data_system.data_key is not None:
        box = sealing.Box(data_system.data_key)
        return box.open(bytes(data_system.sealed_url), context=CONTEXT)
    name = data_system.url_env
    address = os.environ.get(name) or str(getattr(settings, name, ""))
    if not address:
        raise NoAddress
    return address


# --- versions -----------------------------------------------------------------------------------


def check(raw: bytes | str, filename: str = "") -> list[Finding]:
    """Every finding of a map file, nothing loaded."""
    return examine(raw, filename)[1]


def check_live(text: str, *, system_key: str) -> list[Finding]:
    """Where a sound map and the system's catalogue do not fit, each with its place in the map.

    Raises ``MapNotSound``, ``MapDoesNotFit``, ``StoreUnreachable``, ``NoSuchSystem``.
    """
    found = system(system_key)
    if not _is_database(text, found):
        return outsiders.check_live(found, _address(found), text)
    map_, keys = _keyed(text, found)
    address, hosts = _address(found), outbound.stores()
    seen = live.lint(map_, look_at(found))
    if any(finding.code in live.ENDS for finding in seen):
        return seen
    program = compile_map(text, system=found.key, schema=found.schema, keys=keys)
    connectors.close_all()  # a check sees the store as it is now, not as it was when last opened
    held = connectors.connect(address, program, allowed=hosts).check()
    held = live.on_a_copy(held) if found.rehearsal else held
    return live.merged(seen, held, map_)


def _is_database(text: str, data_system: DataSystem) -> bool:
    """Say whether this is a map, of a database, and not the description of a system outside."""
    return data_system.kind == SystemKind.SQL and not is_description(text)


def _keyed(text: str, found: DataSystem) -> tuple[Map, dict[str, tuple[str, ...]]]:
    """Return a map, and the store's keys of the tables of which it says none."""
    map_, findings = examine(text)
    keys: dict[str, tuple[str, ...]] = {}
    if map_ is not None and not all(each.key for each in map_.collections):
        keys = live.keys(map_, look_at(found))
        map_, findings = examine(text, keys=keys)
    if map_ is None:
        raise MapNotSound(findings)
    return map_, keys


def look_at(data_system: DataSystem) -> surveying.Survey:
    """The live catalogue of a system. Raises ``StoreUnreachable``, ``HostNotAllowed``."""
    address, hosts = _address(data_system), outbound.stores()
    if hosts is not None:
        connectors.require_allowed(address, hosts)
    return surveying.survey(address, data_system.schema)


def check_told(text: str, *, system_key: str, on: date) -> list[Finding]:
    """What a sound map of a served system holds and the notice in force on a day does not tell.

    A rehearsal copy holds nothing that its original does not. Raises ``NoSuchSystem``.
    """
    found = system(system_key)
    said = understood(text)
    if said is None or found.rehearsal or not found.served:
        return []
    return untold(said, on=on)


def load(document: str, *, system_key: str, by: Actor, at: datetime) -> DataMapVersion:
    """Keep a map as the system's next version, waiting for a second person.

    Nothing is kept unless the map is sound by itself, fits the store, and holds no category that
    the notice in force does not tell. A rehearsal copy's map needs nobody. Raises NotAllowed and
    what ``check_live`` raises.
    """
    if not (by == COMMAND_LINE and system(system_key).rehearsal):
        require(by, Verb.LOAD_MAP)
    findings = [
        *check(document),
        *check_live(document, system_key=system_key),
        *check_told(document, system_key=system_key, on=received_date(at)),
    ]
    if any(finding.level == "error" for finding in findings):
        raise MapNotSound(findings)
    with transaction.atomic():
        found = DataSystem.objects.select_for_update().get(key=system_key)
        last = found.maps.aggregate(last=Max("number"))["last"] or 0
        version = found.maps.create(
            number=last + 1,
            document=document,
            digest=map_digest(document),
            findings=len(findings),
            keys=_keyed(document, found)[1] if _is_database(document, found) else {},
            loaded_by_id=by.id,
            loaded_at=at,
        )
        _note("map.loaded", version, system_key, by=by, at=at)
        return version


@transaction.atomic
def approve(version: DataMapVersion, *, digest: str, by: Actor, at: datetime) -> DataMapVersion:
    """Make a version the one that counts, by a second person who names its digest.

    Raises NotAllowed, TouchedAccount, ``SecondPersonNeeded``, ``AnotherDigest``,
    ``AlreadyApproved``, and ``NotTold`` when the notice has changed since the map was loaded.
    """
    require(by, Verb.APPROVE_MAP)
    may_decide_now(by, at=at)
    found = DataSystem.objects.select_for_update().get(pk=version.system_id)
    version = DataMapVersion.objects.select_for_update().get(pk=version.pk)
    if version.approved_by_id is not None:
        raise AlreadyApproved
    if by.id is None or version.loaded_by_id in {by.id, None}:
        raise SecondPersonNeeded
    if digest != version.digest or map_digest(version.document) != version.digest:
        raise AnotherDigest
    findings = check_told(version.document, system_key=found.key, on=received_date(at))
    if any(finding.level == "error" for finding in findings):
        raise NotTold(findings)
    found.maps.active().update(active=False)
    version.approved_by_id, version.approved_at, version.active = by.id, at, True
    version.save(update_fields=["approved_by", "approved_at", "active"])
    _note("map.approved", version, found.key, by=by, at=at)
    return version


def _note(verb: str, version: DataMapVersion, key: str, *, by: Actor, at: datetime) -> None:
    facts = {"number": version.number, "digest": version.digest, "findings": version.findings}
    ledger.record(verb, subject=f"map:{key}", by=by, at=at, facts=facts)


# --- what counts now ----------------------------------------------------------------------------


def active_version(system_key: str) -> DataMapVersion:
    """The version that counts, without its document. Raises ``NoActiveMap``."""
    version = _active().filter(system__key=system_key).first()
    if version is None:
        raise NoActiveMap
    return version


def _approved() -> DataMapVersionQuerySet:
    approved = DataMapVersion.objects.filter(approved_by__isnull=False)
    return approved.select_related("system__data_key").defer("document")


def _active() -> DataMapVersionQuerySet:
    return _approved().active()


def active_program(system_key: str) -> Program:
    """The compiled map that counts. Raises ``NoActiveMap``."""
    return program_under(active_version(system_key))


def target(system_key: str) -> Target:
    """Address, program and version of a system; one statement. Raises ``NoActiveMap``."""
    return _target(active_version(system_key))


def rehearsed(system_key: str) -> Target:
    """A rehearsal copy under the newest map that was loaded for its address.

    Raises ``NoMapYet``, also for a key that is no copy's.
    """
    versions = DataMapVersion.objects.select_related("system__data_key").defer("document")
    of_copy = versions.filter(system__key=system_key, system__rehearsal=True)
    version = of_copy.order_by("-number").first()
    changed = version and version.system.address_changed_at
    if version is None or (changed and version.loaded_at < changed):
        raise NoMapYet
    return _target(version)


def target_under(version: DataMapVersion) -> Target:
    """Address and program of a system under one approved map version, active or not.

    No statement when the version came with its system and the system's key. Raises
    ``NoActiveMap`` for a version that nobody has approved, or whose system got another address
    after the approval.
    """
    changed = version.system.address_changed_at
    if version.approved_at is None or (changed and version.approved_at < changed):
        raise NoActiveMap
    return _target(version)


def approved_again(version: DataMapVersion) -> DataMapVersion:
    """The version, or the newest that says the very same and was approved for the present address.

    Where nothing is changed it stands for the version. Raises ``NoActiveMap``.
    """
    changed = version.system.address_changed_at
    if version.approved_at and not (changed and version.approved_at < changed):
        return version
    same = _approved().filter(system=version.system_id, digest=version.digest)
    found = same.filter(approved_at__gte=changed).order_by("-pk").first() if changed else None
    if found is None:
        raise NoActiveMap
    return found


def targets() -> list[Target]:
    """Every database that is served and has an active map; one statement."""
    databases = _served().filter(system__kind=SystemKind.SQL)
    return [_target(version) for version in databases.order_by("system__key")]


def _served() -> DataMapVersionQuerySet:
    return _active().filter(system__served=True, system__rehearsal=False)


def outside_targets() -> list[Target]:
    """Every outside system that is served and has an active description; one statement."""
    outside = _served().exclude(system__kind=SystemKind.SQL)
    return [_target(version) for version in outside.order_by("system__key")]


def _target(version: DataMapVersion) -> Target:
    found = version.system
    return Target(found.key, _address(found), program_under(version), version.pk)


def program_under(version: DataMapVersion) -> Program:
    """What a version says, active or not; nobody asks where the system is."""
    return _compiled(version.pk, version.digest, version.system.key, version.system.schema)


@lru_cache(maxsize=64)
def _compiled(version_id: int, digest: str, key: str, schema: str) -> Program:
    version = DataMapVersion.objects.only("document", "keys").get(pk=version_id)
    if map_digest(version.document) != digest:
        raise AnotherDigest
    keys = {table: tuple(columns) for table, columns in version.keys.items()}
    return compile_map(version.document, system=key, schema=schema, keys=keys)


def verification_points() -> list[Point]:
    """The points that the active maps name, each once."""
    points = {
        point.key: point
        for each in targets()
        for table in each.program.tables
        for point in table.points
    }
    return list(points.values())


SERVED: Prepared[tuple[int, str, str, str]] = Prepared(
    lambda: _served().values_list("pk", "digest", "system__key", "system__schema"), planned=True
)


def sensitivity() -> str:
    """``sensitive`` if any active map holds a sensitive kind, else ``ordinary``."""
    kinds = {_compiled(*each).sensitivity for each in SERVED()}
    return "sensitive" if "sensitive" in kinds else "ordinary"
