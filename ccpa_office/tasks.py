"""Schedules of the ground. Whoever inserts the period's row runs it."""

from datetime import datetime, timedelta

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction

from ccpa_office import clock, ledger, work


@shared_task(name="tick.book")
def book(**_later: object) -> None:
    """Seal what waits; every quarter of an hour, anchor the book outside the database."""
    at = clock.now()
    while ledger.seal():
        pass
    with transaction.atomic():
        if work.run_once("ledger.anchor", quarter_of(at), at):
            ledger.anchor(at)


@shared_task(name="tick.sessions")
def sessions(**_later: object) -> None:
    """Every quarter of an hour, forget the sessions that are over: they name requests and staff."""
    at = clock.now()
    with transaction.atomic():
        if work.run_once("sessions.forget", quarter_of(at), at):
            SessionStore.clear_expired()


def quarter_of(at: datetime) -> datetime:
    """The beginning of the quarter of an hour in which ``at`` lies."""
    return at - timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)
