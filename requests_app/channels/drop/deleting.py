"""Whom a settled list means is handed to a batch: plans, approvals and proof are those of any."""

from datetime import datetime

from django.db import transaction

from ccpa_office import ledger
from ccpa_office.connectors.base import Key
from ccpa_office.roles import Actor, Verb, require
from requests_app import targets
from requests_app.channels.drop.matching import people
from requests_app.fulfillment import lists
from requests_app.models import Batch, BatchState, DropBatch, DropList, DropLook, DropOutcome


class NotYet(Exception):
    """The list is not settled, or was looked up under another map: match it first."""


def open_batches(drop_list: DropList, *, by: Actor, at: datetime) -> list[Batch]:
    """Freeze plans for everybody whom an item means alone, a batch for each system.

    A batch that was opened before is given again, unless it was stopped. Items that several share
    open none: those people are opted out, not deleted. Raises ``NotYet``, ``NotAllowed``.
    """
    require(by, Verb.PLAN)
    if drop_list.settled_at is None:
        raise NotYet(NotYet.__doc__)
    looks = DropLook.objects.filter(piece__drop_list=drop_list)
    systems = looks.filter(found__gt=0).values_list("system_key", flat=True)
    opened = []
    for key in sorted(set(systems)):
        known = DropBatch.objects.select_related("batch").filter(
            drop_list=drop_list, system_key=key
        ).exclude(batch__state=BatchState.STOPPED).first()  # fmt: skip
        if known:
            opened.append(known.batch)
        elif meant := _meant(drop_list, key):
            opened.append(_open(drop_list, key, meant, by=by, at=at))
    return opened


def _meant(drop_list: DropList, system_key: str) -> list[Key]:
    """The people of one system whom an item means and nobody else."""
    version = targets.of(system_key).version_id
    looks = DropLook.objects.select_related("piece__drop_list__data_key").filter(
        piece__drop_list=drop_list, system_key=system_key, map_version_id=version
    )
    if looks.count() != drop_list.pieces.count():
        raise NotYet(NotYet.__doc__)
    meant: dict[Key, None] = {}
    for look in looks.defer("piece__ids", "piece__digests").order_by("piece__ordinal").iterator(1):
        outcomes = bytes(look.piece.outcomes)
        meant.update(
            (key, None) for place, key in people(look) if outcomes[place] == DropOutcome.ONE
        )
    return list(meant)


def _open(
    drop_list: DropList, system_key: str, meant: list[Key], *, by: Actor, at: datetime
) -> Batch:
    batch = lists.open_people(system_key, meant, by=by, at=at)
    with transaction.atomic():
        DropBatch.objects.update_or_create(
            drop_list=drop_list, system_key=system_key, defaults={"batch": batch}
        )
        facts = {"system": system_key, "batch": batch.pk, "people": len(meant)}
        ledger.record("drop.batched", subject=f"drop:{drop_list.pk}", by=by, at=at, facts=facts)
    return batch
