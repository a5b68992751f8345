"""The systems that hold people: the business's databases, and systems outside."""

import threading
from dataclasses import dataclass, field

from ccpa_office import connectors, outbound
from ccpa_office.connectors.base import Connector, MapDoesNotFit, Program
from ccpa_office.connectors.http import HTTP, Description
from notices_app import datamap
from notices_app.models import DataMapVersion

_lines = threading.local()


@dataclass(frozen=True)
class System:
    """One system under one map version."""

    key: str
    version_id: int
    program: Program


@dataclass(frozen=True)
class Target(System):
    """A database as the engine reaches it."""

    connector: Connector


@dataclass(frozen=True)
class Vendor(System):
    """A system outside: asked for each person, by an interface or by hand."""

    url: str = field(repr=False)

    @property
    def description(self) -> Description:
        found: Description = self.program.outside
        return found


def of(system_key: str) -> Target:
    """A system under its active map; one statement. Raises ``datamap.NoActiveMap``."""
    return _target(datamap.target(system_key))


def rehearsed(system_key: str) -> Target:
    """A rehearsal copy under the newest map. Raises ``datamap.NoMapYet``."""
    return _target(datamap.rehearsed(system_key))


def under(version: DataMapVersion) -> Target:
    """A system under the very map version that a plan was frozen with."""
    return _target(datamap.target_under(version))


def to_look(version: DataMapVersion) -> Target:
    """The same, where nothing is changed: the system may have a new address by now.

    Its map then was approved again. Raises ``datamap.NoActiveMap`` where none says the same.
    """
    return under(datamap.approved_again(version))


def served() -> list[Target]:
    """Every system that is served, under its active map; one statement."""
    return [_target(each) for each in datamap.targets()]


def vendors() -> list[Vendor]:
    """Every outside system that is served, under its active description; one statement."""
    return [_vendor(each) for each in datamap.outside_targets()]


def vendor_under(version: DataMapVersion) -> Vendor:
    """An outside system under the very description that a plan was frozen with."""
    return _vendor(datamap.target_under(version))


def vendor_to_look(version: DataMapVersion) -> Vendor:
    """The same, where it is only looked at; raises as ``to_look``."""
    return vendor_under(datamap.approved_again(version))


def described(version: DataMapVersion) -> Description:
    """How an outside system is described; nobody is called, wherever it is by now."""
    found: Description = datamap.program_under(version).outside
    return found


def line(vendor: Vendor) -> HTTP:
    """This thread's connector to an outside system; a new secret or address makes a new one."""
    held: dict[int, tuple[object, HTTP]] = _lines.__dict__.setdefault("held", {})
    access = datamap.access(datamap.system(vendor.key), vendor.url)
    known = held.get(vendor.version_id)
    if known and known[0] == access:
        return known[1]
    if known:
        known[1].close()
    held[vendor.version_id] = (access, HTTP(vendor.description, access))
    return held[vendor.version_id][1]


def hang_up() -> None:
    """Close this thread's lines to outside systems."""
    for _access, connector in _lines.__dict__.pop("held", {}).values():
        connector.close()


def _vendor(found: datamap.Target) -> Vendor:
    return Vendor(found.key, found.version_id, found.program, found.url)


def _target(found: datamap.Target) -> Target:
    if found.program.outside is not None:
        raise MapDoesNotFit(f"{found.key} is no database: it is asked for one person at a time")
    return Target(
        found.key,
        found.version_id,
        found.program,
        connectors.connect(found.url, found.program, allowed=outbound.stores()),
    )
