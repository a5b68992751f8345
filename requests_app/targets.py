"""The business's own databases, as connectors: one pooled connection for each system."""

from dataclasses import dataclass

from ccpa_office import connectors
from ccpa_office.connectors.base import Connector, Program
from notices_app import datamap
from notices_app.models import DataMapVersion


@dataclass(frozen=True)
class Target:
    """One system as the engine reaches it, under one map version."""

    key: str
    version_id: int
    program: Program
    connector: Connector


def of(system_key: str) -> Target:
    """A system under its active map; one statement. Raises ``datamap.NoActiveMap``."""
    return _target(datamap.target(system_key))


def under(version: DataMapVersion) -> Target:
    """A system under the very map version that a plan was frozen with."""
    return _target(datamap.target_under(version))


def served() -> list[Target]:
    """Every system that is served, under its active map; one statement."""
    return [_target(each) for each in datamap.targets()]


def _target(found: datamap.Target) -> Target:
    return Target(
        found.key,
        found.version_id,
        found.program,
        connectors.connect(found.url, found.program),
    )
