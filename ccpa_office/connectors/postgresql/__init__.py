"""PostgreSQL 14 or newer: a constant number of set-based statements, prepared once."""

from ccpa_office.connectors.postgresql.connector import PostgreSQL

__all__ = ["PostgreSQL"]
