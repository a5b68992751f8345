"""Is it the consumer? Look up, ask, compare, decide (11 CCR 7060 to 7063)."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ccpa_office import ledger, sealing, work
from ccpa_office.connectors.base import Contact, Identity, Key
from ccpa_office.law.certainty import (
    Level,
    independent_groups,
    is_certain_enough,
    level_reached,
)
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from notices_app import datamap
from requests_app import correspondence, targets, workflow
from requests_app.models import (
    ConsumerRequest,
    Declaration,
    EvidencePoint,
    Identifier,
    IdentifierSource,
    Link,
    LinkPurpose,
    Status,
    Step,
    StepKind,
)

METHOD = "2026-1"
SETTLED = timedelta(days=30)
EVALUATIONS = 3
PERSON_KEY = "person-key"
_NOBODY: list[Key | None] = [None]
"""Compared all the same, so that the work is equal whoever asks (VR-11)."""
SYSTEM = Actor.system("verification")
CONSUMER = Actor.consumer()

DECLARATION_VERSION = "2026-1"
DECLARATION = _(
    "I declare under penalty of perjury under the laws of the State of California that I am the "
    "person whose personal information this request is about."
)


class LinkGone(Exception):
    """The link is unknown, used, replaced, expired or for something else: one answer for all."""


class IdentityNotProven(Exception):
    """What was compared does not reach the level that this request needs."""


def find_link(token: str, *, at: datetime) -> Link:
    """The living link of a token. Looking does not use it up (VR-22). Raises ``LinkGone``."""
    link = (
        Link.objects.filter(
            digest=hashlib.sha256(token.encode(errors="replace")).digest(),
            used_at__isnull=True,
            voided_at__isnull=True,
            expires_at__gt=at,
        )
        .select_related("consumer_request__data_key", "contact")
        .first()
    )
    if link is None:
        raise LinkGone
    return link


def spend(link: Link, *, at: datetime) -> Link:
    """Use a link up: one conditional UPDATE, so that of many presses one wins (VR-23)."""
    living = Q(used_at__isnull=True, voided_at__isnull=True, expires_at__gt=at)
    if not Link.objects.filter(living, pk=link.pk).update(used_at=at):
        raise LinkGone
    return link


def follow(link: Link, *, at: datetime) -> ConsumerRequest:
    """Spend a follow link: control of the typed address is proven, nothing else (VR-14)."""
    with transaction.atomic():
        spend(link, at=at)
        Identifier.objects.filter(links=link, confirmed_at__isnull=True).update(confirmed_at=at)
    return link.consumer_request


def ask_follow_link(number: str, email: str, *, at: datetime) -> None:
    """Mail a new follow link if number and address belong together; say nothing either way."""
    digests = sealing.digests("email", sealing.normal_email(email))
    contact = (
        Identifier.objects.filter(
            consumer_request__number=number,
            source=IdentifierSource.TYPED,
            kind="email",
            digest__in=digests,
        )
        .select_related("consumer_request__data_key")
        .first()
    )
    if contact is None:
        return
    with transaction.atomic():
        Link.objects.filter(
            contact=contact, purpose=LinkPurpose.FOLLOW, used_at__isnull=True
        ).update(voided_at=at)
        correspondence.queue_all("follow", [contact.consumer_request], at=at, contacts=[contact])


# --- the machine's part -------------------------------------------------------------------------


def identity_of(consumer_request: ConsumerRequest) -> Identity:
    """What the consumer typed, opened, by kind of identifier."""
    box = _box(consumer_request)
    found: dict[str, list[str]] = {}
    for each in consumer_request.identifiers.filter(source=IdentifierSource.TYPED):
        found.setdefault(each.kind, []).append(
            box.open(bytes(each.value), context="identifier.value")
        )
    return Identity(found)


def look_up(step: Step, *, at: datetime) -> None:
    """Is there a contact on file? Then the confirm letter goes to it; the page is the same."""
    consumer_request = step.consumer_request
    identity, reached = identity_of(consumer_request), targets.served()
    found = [
        (target.key, contact)
        for target in reached
        for contact in target.connector.contacts(identity)
    ]
    settled = [each for each in found if _is_settled(each[1], consumer_request.received_at)]
    work.seam("verify.before-commit")
    with transaction.atomic():
        work.finish(step)
        contacts = _keep_on_file(consumer_request, settled)
        hold = "young-contact" if found and not settled else ""
        workflow.move(
            consumer_request,
            Status.WAITING,
            by=SYSTEM,
            at=at,
            facts={"systems": len(reached)},
            looked_up_at=at,
            on_file=bool(contacts),
            hold=hold,
        )
        if contacts:
            correspondence.queue_all(
                "confirm", [consumer_request], at=at, contacts=contacts, context=_asked_points
            )


def _is_settled(contact: Contact, received_at: datetime) -> bool:
    """Held unchanged for 30 days before the request; unknown means no (VR-14)."""
    if not contact.since:
        return False
    since = datetime.fromisoformat(contact.since)
    return since <= received_at - SETTLED


def _asked_points(_consumer_request: ConsumerRequest) -> dict[str, Any]:
    return {"points": len(datamap.verification_points())}


def _keep_on_file(
    consumer_request: ConsumerRequest, found: list[tuple[str, Contact]]
) -> list[Identifier]:
    """Seal the contacts and the keys of the person for the plan and the letters."""
    box = _box(consumer_request)
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
    box = _box(consumer_request)
    found: dict[str, list[Key]] = {}
    for each in consumer_request.identifiers.filter(
        source=IdentifierSource.ON_FILE, kind=PERSON_KEY
    ).order_by("pk"):
        key = json.loads(box.open(bytes(each.value), context="identifier.value"))
        found.setdefault(each.system_key, []).append(tuple(key) if isinstance(key, list) else key)
    return found


# --- the consumer's part ------------------------------------------------------------------------


def accept_evidence(
    link: Link, claims: Mapping[str, str], *, signed_as: str = "", at: datetime
) -> ConsumerRequest:
    """Record the confirmation from a contact on file, with what was claimed, for comparison.

    The link is spent; the values are sealed; the comparison is a worker's (VR-09).
    """
    consumer_request = link.consumer_request
    with transaction.atomic():
        spend(link, at=at)
        if consumer_request.evaluations >= EVALUATIONS:
            raise LinkGone
        Identifier.objects.filter(links=link).update(confirmed_at=at)
        _keep_claims(consumer_request, claims)
        if signed_as:
            _keep_declaration(consumer_request, signed_as, at)
        step = Step.objects.create(
            lane="verify",
            not_before=at,
            consumer_request=consumer_request,
            kind=StepKind.COMPARE,
            ordinal=consumer_request.evaluations + 1,
        )
        ledger.record(
            "evidence.received",
            subject=consumer_request.number,
            by=CONSUMER,
            at=at,
            facts={"points": sorted(claims), "declared": bool(signed_as), "step": step.ordinal},
        )
    return consumer_request


def _keep_claims(consumer_request: ConsumerRequest, claims: Mapping[str, str]) -> None:
    box = _box(consumer_request)
    consumer_request.identifiers.filter(source=IdentifierSource.CLAIMED).delete()
    Identifier.objects.bulk_create(
        Identifier(
            consumer_request=consumer_request,
            source=IdentifierSource.CLAIMED,
            kind=point,
            value=box.seal(value, context="identifier.value"),
            digest=sealing.digest(f"point:{point}", value.casefold()),
        )
        for point, value in claims.items()
        if value
    )


def _keep_declaration(consumer_request: ConsumerRequest, signed_as: str, at: datetime) -> None:
    text = str(DECLARATION)
    Declaration.objects.update_or_create(
        consumer_request=consumer_request,
        defaults={
            "text_version": DECLARATION_VERSION,
            "text_digest": hashlib.sha256(text.encode()).hexdigest(),
            "typed_name": _box(consumer_request).seal(signed_as, context="declaration.name"),
            "signed_at": at,
        },
    )


def compare(step: Step, *, at: datetime) -> None:
    """Compare the claims where the data lies; keep names and yes or no, never a value."""
    consumer_request = step.consumer_request
    box = _box(consumer_request)
    claims = {
        each.kind: box.open(bytes(each.value), context="identifier.value")
        for each in consumer_request.identifiers.filter(source=IdentifierSource.CLAIMED)
    }
    people = people_of(consumer_request)
    matched: dict[str, bool] = dict.fromkeys(claims, False)
    for target in targets.served():
        for person in people.get(target.key) or _NOBODY:
            for point, same in target.connector.compare(person, claims).items():
                matched[point] = matched.get(point, False) or same
    work.seam("verify.before-commit")
    with transaction.atomic():
        work.finish(step)
        _weigh(consumer_request, matched, step.ordinal, at)


def _weigh(
    consumer_request: ConsumerRequest, matched: Mapping[str, bool], evaluation: int, at: datetime
) -> None:
    groups = {point.key: point.group for point in datamap.verification_points()}
    EvidencePoint.objects.bulk_create(
        EvidencePoint(
            consumer_request=consumer_request,
            point=point,
            group=groups.get(point, ""),
            matched=same,
            evaluation=evaluation,
            method_version=METHOD,
            at=at,
        )
        for point, same in matched.items()
    )
    independent = independent_groups(groups, {point for point, same in matched.items() if same})
    declared = Declaration.objects.filter(consumer_request=consumer_request).exists()
    reached = level_reached(independent, declaration_signed=declared)
    workflow.move(
        consumer_request,
        Status.CHECKING,
        by=SYSTEM,
        at=at,
        facts={"level": reached.value, "groups": len(independent), "method": METHOD},
        level_reached=reached,
        evaluations=evaluation,
    )
    if settings.AUTO_VERIFY and is_certain_enough(reached, Level(consumer_request.level_required)):
        _verified(consumer_request, by=SYSTEM, at=at, reason="machine")


# --- the verifier's part ------------------------------------------------------------------------


def decide(
    consumer_request: ConsumerRequest, *, by: Actor, reason: str, at: datetime
) -> ConsumerRequest:
    """A person says: it is the consumer. Never below the level that is needed (VR-41).

    Raises ``NotAllowed``, ``IdentityNotProven``, ``workflow.MoveNotAllowed``.
    """
    require(by, Verb.VERIFY)
    may_decide_now(by, at=at)
    reached, required = (
        Level(consumer_request.level_reached),
        Level(consumer_request.level_required),
    )
    if not is_certain_enough(reached, required):
        raise IdentityNotProven(f"{reached.label}; needed: {required.label}")
    with transaction.atomic():
        return _verified(consumer_request, by=by, at=at, reason=reason)


def _verified(
    consumer_request: ConsumerRequest, *, by: Actor, at: datetime, reason: str
) -> ConsumerRequest:
    workflow.move(
        consumer_request,
        Status.VERIFIED,
        by=by,
        at=at,
        reason=reason,
        verified_by_id=by.id,
        verified_at=at,
    )
    if consumer_request.right is RequestKind.DELETE:
        Step.objects.create(
            lane="plan", not_before=at, consumer_request=consumer_request, kind=StepKind.PLAN
        )
    return consumer_request


def ask_again(
    consumer_request: ConsumerRequest, *, by: Actor, reason: str, at: datetime
) -> ConsumerRequest:
    """Ask the contact on file once more for what did not match, without saying which (VR-10)."""
    require(by, Verb.VERIFY)
    with transaction.atomic():
        workflow.move(
            consumer_request,
            Status.WAITING,
            by=by,
            at=at,
            reason=reason,
        )
        _void_links(consumer_request, at)
        correspondence.queue_all("confirm", [consumer_request], at=at, context=_asked_points)
    return consumer_request


def _void_links(consumer_request: ConsumerRequest, at: datetime) -> None:
    consumer_request.links.filter(purpose=LinkPurpose.CONFIRM, used_at__isnull=True).update(
        voided_at=at
    )


def _box(consumer_request: ConsumerRequest) -> sealing.Box:
    assert consumer_request.data_key is not None  # noqa: S101  only purged requests have none
    return sealing.Box(consumer_request.data_key)
