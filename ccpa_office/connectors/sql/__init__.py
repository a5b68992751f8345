"""Every other SQL database, through SQLAlchemy Core: set-based, a bounded number of statements."""

from ccpa_office.connectors.sql.connector import SQLStore

__all__ = ["SQLStore"]
