"""The ground: law, ledger, staff, due work, settings. Imports no app."""

from ccpa_office.celery import app as celery_app

__all__ = ["celery_app"]
