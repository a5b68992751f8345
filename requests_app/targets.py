"""The business's own databases, as connectors: one pooled connection for each system."""

from collections.abc import Iterator

from ccpa_office import connectors
from ccpa_office.connectors.base import Connector, Program
from notices_app import datamap


def connector(system_key: str) -> Connector:
    """The connector of a system under its active map. Raises ``datamap.NoActiveMap``."""
    return connectors.connect(datamap.url(system_key), program(system_key))


def program(system_key: str) -> Program:
    """The compiled active map of a system."""
    return datamap.active_program(system_key)


def keys() -> list[str]:
    """The keys of every system that is served."""
    return [system.key for system in datamap.systems()]


def served() -> Iterator[tuple[str, Connector]]:
    """Every system that is served, with its connector."""
    for system in datamap.systems():
        yield system.key, connector(system.key)
