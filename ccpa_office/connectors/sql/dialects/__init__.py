"""One object for each database that is spoken."""

from ccpa_office.connectors.base import MapDoesNotFit
from ccpa_office.connectors.sql.dialects.base import Dialect
from ccpa_office.connectors.sql.dialects.compiled import COMPILED
from ccpa_office.connectors.sql.dialects.mysql import MariaDB, MySQL
from ccpa_office.connectors.sql.dialects.sqlite import SQLite

DIALECTS: dict[str, Dialect] = {
    "sqlite": SQLite(),
    "mysql": MySQL(),
    "mariadb": MariaDB(),
    **COMPILED,
}


def of(name: str) -> Dialect:
    """Return what is known of a database; ``MapDoesNotFit`` when nobody speaks it."""
    if name not in DIALECTS:
        raise MapDoesNotFit("no connector speaks this kind of URL")
    return DIALECTS[name]
