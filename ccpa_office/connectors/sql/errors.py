"""What the drivers' errors mean; their texts may hold values and are left behind."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from ccpa_office.connectors.base import (
    ChangeBlocked,
    ConnectorError,
    KeysRefused,
    MapDoesNotFit,
    StoreUnreachable,
)
from ccpa_office.connectors.sql.dialects.base import Dialect


@contextmanager
def translated(dialect: Dialect) -> Iterator[None]:
    """Turn an error of the driver or of SQLAlchemy into one of ours."""
    try:
        yield
    except exc.DBAPIError as error:
        raise meaning(dialect, error) from None
    except (exc.ArgumentError, exc.NoSuchModuleError, ModuleNotFoundError):
        raise MapDoesNotFit("no driver is installed for this kind of URL") from None
    except exc.SQLAlchemyError as error:
        raise ChangeBlocked(f"the store refused: {type(error).__name__}") from None


def meaning(dialect: Dialect, error: exc.DBAPIError) -> ConnectorError:
    """Return what happened, in the words of the base."""
    if error.connection_invalidated:
        return StoreUnreachable("the store does not answer")
    own = dialect.meaning(error.orig) if error.orig is not None else None
    return own or _by_class(error)


def _by_class(error: exc.DBAPIError) -> ConnectorError:
    if isinstance(error, exc.IntegrityError):
        return ChangeBlocked("a constraint of the store forbids the change")
    if isinstance(error, exc.DataError):
        return KeysRefused("the store cannot read a key as what it is")
    if isinstance(error, exc.ProgrammingError | exc.NotSupportedError | exc.InternalError):
        return ChangeBlocked(f"the store refused: {type(error).__name__}")
    return StoreUnreachable("the store does not answer")
