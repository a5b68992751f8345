"""From an address to an engine: the dialect, its options, its first words on a connection."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from ccpa_office.connectors.base import MapDoesNotFit
from ccpa_office.connectors.sql import dialects
from ccpa_office.connectors.sql.dialects.base import Dialect
from ccpa_office.connectors.sql.errors import translated

DRIVERS = {"mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
"""The driver that is installed, where an address names none."""


def opened(url: str) -> tuple[Dialect, sa.Engine]:
    """Return the dialect and an engine of an SQLAlchemy URL; raises ``MapDoesNotFit``."""
    try:
        address = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # its text may hold a part of the password
        raise MapDoesNotFit("no connector speaks this kind of URL") from None
    address = address.set(drivername=DRIVERS.get(address.drivername, address.drivername))
    dialect = dialects.of(address.get_backend_name())
    words: dict[str, Any] = {**dialect.options, "connect_args": dialect.connect_arguments()}
    if creator := dialect.creator(address):
        words["creator"] = creator
    with translated(dialect):
        engine = sa.create_engine(address, poolclass=NullPool, enable_from_linting=False,
                                  hide_parameters=True, **words)  # fmt: skip
    sa.event.listen(engine, "connect", _prepared(dialect))
    sa.event.listen(engine, "begin", dialect.begin)
    return dialect, engine


def _prepared(dialect: Dialect) -> Callable[[Any, Any], None]:
    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        dialect.prepare(cursor)
        cursor.close()

    return prepare
