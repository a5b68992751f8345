"""Connectors: one pooled connection per thread, target and program. They know no request."""

import ipaddress
import threading
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from ccpa_office.connectors.base import Connector, HostNotAllowed, MapDoesNotFit, Program
from ccpa_office.connectors.postgresql import PostgreSQL
from ccpa_office.connectors.sql import SQLStore


class Store(Connector, Protocol):
    """A connector that holds a connection."""

    @property
    def is_open(self) -> bool:
        """Whether the connection can still be used."""

    def close(self) -> None:
        """Give the connection back."""


ENGINES: dict[str, Callable[[str, Program], Store]] = {
    "postgresql": PostgreSQL,
    "postgres": PostgreSQL,
    "sqlite": SQLStore,
    "mysql": SQLStore,
    "mariadb": SQLStore,
    "mssql": SQLStore,
    "oracle": SQLStore,
    "snowflake": SQLStore,
    "bigquery": SQLStore,
    "redshift": SQLStore,
    "trino": SQLStore,
    "databricks": SQLStore,
}
"""What speaks which kind of URL: SQLAlchemy's, with or without the name of a driver."""

_pool = threading.local()


def connect(url: str, program: Program, *, allowed: Callable[[str], bool] | None = None) -> Store:
    """Return this thread's connector to a store, opened at its first use.

    ``allowed`` says whether a host may be reached, where the office keeps a list; this machine
    always may be. Raises ``StoreUnreachable``, ``HostNotAllowed``, or ``MapDoesNotFit`` where
    program and catalogue disagree.
    """
    engine = _engine(url)
    if allowed is not None:
        _require_allowed(url, allowed)
    held: dict[tuple[str, str], Store] = _pool.__dict__.setdefault("held", {})
    name = (url, program.digest)
    if name not in held or not held[name].is_open:
        held[name] = engine(url, program)
    return held[name]


def _engine(url: str) -> Callable[[str, Program], Store]:
    scheme = url.partition("://")[0].partition("+")[0]
    if scheme not in ENGINES:
        raise MapDoesNotFit("no connector speaks this kind of URL")
    return ENGINES[scheme]


def _require_allowed(url: str, allowed: Callable[[str], bool]) -> None:
    host = urlsplit(url).hostname or ""
    if host and not _is_here(host) and not allowed(host):
        raise HostNotAllowed("the host of this store is not among OUTBOUND_ALLOWED_HOSTS")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def close_all() -> None:
    """Close this thread's connections, as a process must before it forks."""
    held: dict[tuple[str, str], Store] = _pool.__dict__.pop("held", {})
    for connector in held.values():
        connector.close()
