"""Programs that may ask by the interface: made and revoked by staff, known by a token."""

import secrets
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from ccpa_office import ledger, sealing
from ccpa_office.roles import Actor, Verb, require
from requests_app.models import ApiClient

PURPOSE = "api-token"
PREFIX = "ccpa_"


class NameTaken(Exception):
    """There is a client of that name already; a revoked name is not used again."""


class NoSuchClient(Exception):
    """No living client has that name, or that token."""


def make(name: str, *, by: Actor, at: datetime) -> str:
    """Make a client; its token, never to be read again. Raises ``NotAllowed``, ``NameTaken``."""
    require(by, Verb.MANAGE_STAFF)
    token = PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            ApiClient.objects.create(
                name=name, token=sealing.digest(PURPOSE, token), made_at=at, made_by_id=by.staff_id
            )
            ledger.record("api.client-made", subject="office", by=by, at=at, facts={"name": name})
    except IntegrityError:
        raise NameTaken from None
    return token


def revoke(name: str, *, by: Actor, at: datetime) -> None:
    """Its token opens nothing from now on. Raises ``NotAllowed``, ``NoSuchClient``."""
    require(by, Verb.MANAGE_STAFF)
    with transaction.atomic():
        if not ApiClient.objects.filter(name=name, revoked_at=None).update(revoked_at=at):
            raise NoSuchClient
        ledger.record("api.client-revoked", subject="office", by=by, at=at, facts={"name": name})


def known(token: str) -> ApiClient:
    """The living client of a token. Raises ``NoSuchClient``."""
    found = ApiClient.objects.filter(
        token__in=sealing.digests(PURPOSE, token), revoked_at=None
    ).first()
    if found is None:
        raise NoSuchClient
    return found


def note(client: ApiClient, entries: int, *, at: datetime) -> None:
    """Count what was asked; never what, and never the answer."""
    ApiClient.objects.filter(pk=client.pk).update(used_at=at, entries=F("entries") + entries)
