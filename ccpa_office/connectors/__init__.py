"""Connectors: one pooled connection per thread, target and program. They know no request."""

import threading

from ccpa_office.connectors.base import Connector, MapDoesNotFit, Program
from ccpa_office.connectors.postgresql import PostgreSQL

ENGINES = {"postgresql": PostgreSQL, "postgres": PostgreSQL}

_pool = threading.local()


def connect(url: str, program: Program) -> PostgreSQL:
    """Return this thread's connector to a store, opened at its first use.

    Raises ``StoreUnreachable``, or ``MapDoesNotFit`` where program and catalogue disagree.
    """
    held: dict[tuple[str, str], PostgreSQL] = _pool.__dict__.setdefault("held", {})
    name = (url, program.digest)
    if name not in held or not held[name].is_open:
        held[name] = _engine(url)(url, program)
    return held[name]


def _engine(url: str) -> type[PostgreSQL]:
    scheme = url.partition("://")[0].partition("+")[0]
    if scheme not in ENGINES:
        raise MapDoesNotFit("no connector speaks this kind of URL")
    return ENGINES[scheme]


def close_all() -> None:
    """Close this thread's connections, as a process must before it forks."""
    held: dict[tuple[str, str], Connector] = _pool.__dict__.pop("held", {})
    for connector in held.values():
        if isinstance(connector, PostgreSQL):
            connector.close()
