"""Connectors: one pooled connection per thread, target and program. They know no request."""

import ipaddress
import threading
from collections.abc import Callable, Iterator
from typing import Protocol
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ccpa_office.connectors.base import Connector, HostNotAllowed, MapDoesNotFit, Program
from ccpa_office.connectors.postgresql import PostgreSQL
from ccpa_office.connectors.sql import SQLStore
from ccpa_office.connectors.sql.granting import grants


class Store(Connector, Protocol):
    """A connector that holds a connection."""

    @property
    def is_open(self) -> bool:
        """Whether the connection can still be used."""

    def close(self) -> None:
        """Give the connection back."""


__all__ = ["ENGINES", "Store", "close_all", "connect", "grants", "require_allowed"]

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

SAID = frozenset({
    "host", "hostaddr", "port", "charset", "unix_socket", "sslmode", "sslrootcert", "sslcert",
    "sslkey", "ssl_ca", "ssl_cert", "ssl_key", "ssl_verify_cert", "ssl_verify_identity",
    "application_name", "connect_timeout", "driver", "encrypt", "warehouse", "role", "schema",
    "catalog", "http_path",
})  # fmt: skip
"""What a URL may say behind its question mark where the office keeps a list of hosts."""

_pool = threading.local()


def connect(url: str, program: Program, *, allowed: Callable[[str], bool] | None = None) -> Store:
    """Return this thread's connector to a store, opened at its first use.

    ``allowed`` says whether a host may be reached, where the office keeps a list; this machine
    always may be. Raises ``StoreUnreachable``, ``HostNotAllowed``, or ``MapDoesNotFit`` where
    program and catalogue disagree.
    """
    engine = _engine(url)
    if allowed is not None:
        require_allowed(url, allowed)
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


def require_allowed(url: str, allowed: Callable[[str], bool]) -> None:
    """Refuse a URL with a host that the office's list does not hold. Raises ``HostNotAllowed``."""
    try:
        parts = urlsplit(url)
    except ValueError:  # its text may hold the password
        raise MapDoesNotFit("no connector speaks this kind of URL") from None
    if not {key for key, _ in parse_qsl(parts.query)} <= SAID:
        raise HostNotAllowed(
            "the URL of a store says more than an office with a list of hosts lets it"
        )
    for host in _hosts(parts):
        if not _is_here(host) and not allowed(host):
            raise HostNotAllowed("the host of this store is not among OUTBOUND_ALLOWED_HOSTS")


def _hosts(parts: SplitResult) -> Iterator[str]:
    """Yield every host that a URL names: drivers take several, and some take them as options."""
    named = [parts.netloc.rpartition("@")[2]]
    named += [value for key, value in parse_qsl(parts.query) if key in {"host", "hostaddr"}]
    for host in unquote(",".join(named)).split(","):
        if host and not host.startswith("/"):
            yield host[1:].partition("]")[0] if host[0] == "[" else host.partition(":")[0]


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
