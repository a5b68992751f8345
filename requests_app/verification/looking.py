"""Is there a contact on file? What the consumer typed, and who it is in each system."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from ccpa_office import sealing, work
from ccpa_office.connectors.base import Contact, Identity, Key
from ccpa_office.roles import Actor
from notices_app import datamap
from requests_app import correspondence, targets, workflow
from requests_app.models import (
    ConsumerRequest,
    Identifier,
    IdentifierSource,
    Status,
    Step,
)
from requests_app.targets import Target

SYSTEM = Actor.system("verification")
SETTLED = timedelta(days=30)
PERSON_KEY = "person-key"


def identity_of(consumer_request: ConsumerRequest) -> Identity:
    """What the consumer typed, opened, by kind of identifier."""
    box = box_of(consumer_request)
    found: dict[str, list[str]] = {}
    for each in consumer_request.identifiers.filter(source=IdentifierSource.TYPED):
        found.setdefault(each.kind, []).append(
            box.open(bytes(each.value), context="identifier.value")
        )
    return Identity(found)


def known_of(consumer_request: ConsumerRequest) -> dict[str, list[str]]:
    """What the consumer typed, and the contacts on file that were found by it, by kind."""
    box, found = box_of(consumer_request), dict[str, list[str]]()
    for each in consumer_request.identifiers.exclude(
        Q(kind=PERSON_KEY) | Q(source=IdentifierSource.CLAIMED)
    ):
        value = box.open(bytes(each.value), context="identifier.value")
        found.setdefault(each.kind, []).append(value)
    return found


def look_up(step: Step, *, at: datetime) -> None:
    """Is there a contact on file? Then the confirm letter goes to it; the page is the same.

    Whom a system knows without an address that a letter can go to is held for a person: such a
    request never ends as "nothing found".
    """
    consumer_request = step.consumer_request
    identity, reached = identity_of(consumer_request), targets.served()
    people, by_address, unclear = _named(identity, reached)
    found = [
        (target.key, contact)
        for target in reached
        for contacts in target.connector.contacts_of(people[target.key])
        for contact in contacts
        if contact.kind == "email"
    ]
    settled = [each for each in found if _is_settled(each[1], consumer_request.received_at)]
    work.seam("verify.before-commit")
    with transaction.atomic():
        work.finish(step)
        consumer_request = workflow.locked(consumer_request)
        if consumer_request.status != Status.RECEIVED:
            return
        contacts = _keep_on_file(consumer_request, settled)
        known = unclear or any(people.values())
        hold = "" if settled or not known else _why_held(found)
        workflow.move(
            consumer_request,
            Status.WAITING,
            by=SYSTEM,
            at=at,
            facts={"systems": len(reached)},
            looked_up_at=at,
            on_file=bool(contacts),
            by_address=by_address,
            hold=hold,
        )
        if contacts:
            correspondence.queue_all(
                "confirm", [consumer_request], at=at, contacts=contacts, context=asked_points
            )


def _named(
    identity: Identity, reached: Sequence[Target]
) -> tuple[dict[str, list[Key]], bool, bool]:
    """Whom what was typed names in each system; whether the address did, whether several were.

    Where the address leads to somebody, nothing else leads to anybody: father and son have one
    name, a household one telephone, and who asks is one of them. Where it leads to nobody, what
    names several people names none.
    """
    address = Identity({kind: identity.identifiers[kind] for kind in identity.identifiers
                        if kind == "email"})  # fmt: skip
    people = {target.key: target.connector.people([address])[0] for target in reached}
    if any(people.values()) or address == identity:
        return people, any(people.values()), False
    found = {target.key: target.connector.people([identity])[0] for target in reached}
    alone = {key: keys for key, keys in found.items() if len(keys) == 1}
    several = any(len(each) > 1 for each in found.values())
    return {key: alone.get(key, []) for key in found}, False, several


def _why_held(found: Sequence[Any]) -> str:
    return "young-contact" if found else "no-contact"


def _is_settled(contact: Contact, received_at: datetime) -> bool:
    """Held unchanged for 30 days before the request; unknown means no (VR-14)."""
    if not contact.since:
        return False
    since = datetime.fromisoformat(contact.since)
    return since <= received_at - SETTLED


def asked_points(_consumer_request: ConsumerRequest) -> dict[str, Any]:
    """What the confirm letter says of the points: how many there are to answer."""
    return {"points": len(datamap.verification_points())}


def _keep_on_file(
    consumer_request: ConsumerRequest, found: list[tuple[str, Contact]]
) -> list[Identifier]:
    """Seal the contacts and the keys of the person for the plan and the letters."""
    box = box_of(consumer_request)
    rows: dict[tuple[str, str, bytes], Identifier] = {}
    for system_key, contact in found:
        person = json.dumps(contact.person_key)
        for kind, value, normal, is_contact in (
            ("email", contact.value, sealing.normal_email(contact.value), True),
            (PERSON_KEY, person, person, False),
        ):
            digest = sealing.digest(kind, normal)
            rows[system_key, kind, digest] = Identifier(
                consumer_request=consumer_request,
                source=IdentifierSource.ON_FILE,
                kind=kind,
                system_key=system_key,
                value=box.seal(value, context="identifier.value"),
                digest=digest,
                is_contact=is_contact,
                since=datetime.fromisoformat(contact.since),
            )
    Identifier.objects.bulk_create(rows.values(), ignore_conflicts=True)
    return list(
        consumer_request.identifiers.filter(
            source=IdentifierSource.ON_FILE, is_contact=True
        ).select_related("consumer_request__data_key")
    )


def people_of(consumer_request: ConsumerRequest) -> dict[str, list[Key]]:
    """The person's keys by system, as the look-up froze them."""
    return people_of_all([consumer_request])[consumer_request.pk]


def people_of_all(
    consumer_requests: Sequence[ConsumerRequest],
) -> dict[int, dict[str, list[Key]]]:
    """The same for many requests, by request; one statement."""
    boxes = {each.pk: each for each in consumer_requests}
    found: dict[int, dict[str, list[Key]]] = {pk: {} for pk in boxes}
    for pk, system_key, value in Identifier.objects.filter(
        consumer_request__in=list(boxes), source=IdentifierSource.ON_FILE, kind=PERSON_KEY
    ).order_by("pk").values_list("consumer_request_id", "system_key", "value"):  # fmt: skip
        key = json.loads(box_of(boxes[pk]).open(bytes(value), context="identifier.value"))
        keys = found[pk].setdefault(system_key, [])
        keys.append(tuple(key) if isinstance(key, list) else key)
    return found


def box_of(consumer_request: ConsumerRequest) -> sealing.Box:
    """The box of a request's own key."""
    assert consumer_request.data_key is not None  # noqa: S101  only purged requests have none
    return sealing.Box(consumer_request.data_key)
