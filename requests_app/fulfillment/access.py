"""Requests to know, by people: look through, decide, hand over; always two of them."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from ccpa_office import ledger, sealing
from ccpa_office.connectors.collected import SHARED
from ccpa_office.law.kinds import KNOW
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from requests_app import correspondence, targets, workflow
from requests_app.fulfillment.outside import parts
from requests_app.fulfillment.package.cells import BINARY
from requests_app.models import (
    ConsumerRequest,
    Identifier,
    IdentifierSource,
    LinkPurpose,
    Note,
    Outcome,
    Package,
    PackageStage,
    PartSaid,
    Status,
)
from requests_app.verification import queue_collection
from requests_app.verification.looking import box_of, people_of

SYSTEM = Actor.system("access")
LEASE = timedelta(minutes=3)
FRESH = timedelta(days=30)
"""How long a verification lets a package be handed over (VR-28)."""
LIFE = timedelta(days=14)
"""How long a package can be fetched (VR-30)."""


class PackageChanged(Exception):
    """The package is not the one that you read. Read the present one."""


class HandOverRefused(Exception):
    """This hand-over does not count; the text says why and who can do it."""


def _say(verb: str, package: Package, *, by: Actor, at: datetime, **facts: Any) -> None:
    told = {"version": package.version, "content": package.content, **facts}
    ledger.record(verb, subject=package.consumer_request.number, by=by, at=at, facts=told)


# --- by people ----------------------------------------------------------------------------------


def collect_again(
    consumer_request: ConsumerRequest, *, by: Actor, at: datetime, given: list[Any] | None = None
) -> Package:
    """Collect anew; who asks cannot hand over what comes of it. Raises ``MoveNotAllowed``."""
    require(by, Verb.PLAN)
    with transaction.atomic():
        consumer_request = workflow.locked(consumer_request)
        if consumer_request.status != Status.VERIFIED or consumer_request.right not in KNOW:
            raise workflow.MoveNotAllowed("Only a verified request to know is collected.")
        package = queue_collection(consumer_request, at=at, asked_by_id=by.id, given=given or [])
        _say("package.asked", package, by=by, at=at)
    return package


def give_shared(
    package: Package, *, system: str, table: str, reason: str, by: Actor, at: datetime
) -> Package:
    """Give the rows of a table that others reach too, for a reason; it is collected anew.

    Whoever decides so cannot hand it over. Raises ``HandOverRefused``, ``MoveNotAllowed``.
    """
    require(by, Verb.DECIDE_SHARED)
    met = {(each["system"], each["table"]): each[SHARED] for each in package.summary["tables"]}
    if not met.get((system, table)) or not reason.strip():
        raise HandOverRefused("Name a table with shared rows, and say why they may be given.")
    with transaction.atomic():
        workflow.note(package.consumer_request, reason, author=Note.Author.INTERNAL, by=by, at=at)
        given = [*package.given, {"system": system, "table": table}]
        new = _again(package, given, by=by, at=at)
        digest = sealing.digest("reason", reason).hex()
        _say("package.shared-given", new, by=by, at=at, table=table, reason=digest)
    return new


def _again(package: Package, given: list[Any], *, by: Actor, at: datetime) -> Package:
    consumer_request = workflow.locked(package.consumer_request)
    if package.stage != PackageStage.READY or consumer_request.status != Status.VERIFIED:
        raise workflow.MoveNotAllowed("The package does not wait for a decision.")
    return queue_collection(consumer_request, at=at, asked_by_id=by.id, given=given)


def propose(package: Package, *, hash: str, by: Actor, at: datetime) -> Package:  # noqa: A002
    """A person looked through it and says: this may go. Another hands it over.

    Raises ``NotAllowed``, ``PackageChanged``, ``MoveNotAllowed``.
    """
    require(by, Verb.CLOSE_CASE)
    with transaction.atomic():
        package = _locked(package)
        if package.stage != PackageStage.READY or package.hash != hash:
            raise PackageChanged
        package.stage, package.prepared_by_id, package.prepared_at = (
            PackageStage.PROPOSED, by.staff_id, at,
        )  # fmt: skip
        package.save(update_fields=["stage", "prepared_by_id", "prepared_at"])
        facts = {"package": package.hash}
        workflow.move(package.consumer_request, Status.COLLECTED, by=by, at=at, facts=facts)
    return package


def send_back(package: Package, *, reason: str, by: Actor, at: datetime) -> Package:
    """Say no: the package waits again for somebody to look it through, or to collect it anew."""
    require(by, Verb.APPROVE)
    with transaction.atomic():
        package = _locked(package)
        if package.stage != PackageStage.PROPOSED:
            raise PackageChanged
        package.stage, package.prepared_by_id, package.prepared_at = PackageStage.READY, None, None
        package.save(update_fields=["stage", "prepared_by_id", "prepared_at"])
        workflow.move(
            package.consumer_request, Status.VERIFIED, by=by, at=at, reason=reason,
            facts={"package": package.hash, "refused": True},
        )  # fmt: skip
    return package


def _locked(package: Package) -> Package:
    rows = Package.objects.select_for_update(of=("self",))
    return rows.select_related("consumer_request__data_key", "data_key").get(pk=package.pk)


def why_not_hand_over(package: Package, by: Actor, *, at: datetime) -> str:
    """Why ``by`` cannot hand it over now, or an empty text."""
    try:
        check_hand_over(package, by, hash=package.hash, at=at)
    except Exception as refusal:  # noqa: BLE001  every refusal is a sentence for the page
        return str(refusal) or str(type(refusal).__doc__).strip().partition("\n")[0]
    return ""


def check_hand_over(package: Package, by: Actor, *, hash: str, at: datetime) -> Identifier:  # noqa: A002
    """Raise unless ``by`` may hand over exactly this now (VR-28, VR-42); the verified contact."""
    require(by, Verb.APPROVE)
    may_decide_now(by, at=at)
    consumer_request = package.consumer_request
    if package.stage != PackageStage.PROPOSED or package.hash != hash:
        raise PackageChanged
    for staff_id, words in (
        (package.prepared_by_id, "You looked this package through; another person hands it over."),
        (package.asked_by_id, "You asked for this package; another person hands it over."),
        (consumer_request.verified_by_id, "You verified this request; another person answers it."),
        (consumer_request.opened_by_id, "You took in this request; another person answers it."),
    ):
        if by.id == staff_id:
            raise HandOverRefused(words)
    gave = consumer_request.packages.exclude(given=[]).filter(asked_by_id=by.staff_id)
    if gave.exists():
        raise HandOverRefused("You gave rows that others reach too; another person hands it over.")
    if not consumer_request.verified_at or consumer_request.verified_at < at - FRESH:
        raise HandOverRefused("The identity was decided more than 30 days ago; decide it again.")
    if parts.newer_than(package):
        raise HandOverRefused("An answer came in that is not in it: send it back, collect it anew.")
    contact = verified_contact(consumer_request)
    if contact is None:
        raise HandOverRefused("No contact on file confirmed this request; answer it by hand.")
    return contact


def verified_contact(consumer_request: ConsumerRequest) -> Identifier | None:
    """The contact on file from which the request was confirmed last; nobody else gets anything."""
    link = (
        consumer_request.links.filter(
            purpose=LinkPurpose.CONFIRM,
            used_at__isnull=False,
            contact__source=IdentifierSource.ON_FILE,
        )
        .select_related("contact__consumer_request__data_key")
        .order_by("-used_at")
        .first()
    )
    return link.contact if link else None


def hand_over(package: Package, *, hash: str, by: Actor, at: datetime) -> Package:  # noqa: A002
    """A second person says yes: the consumer is told, and can fetch it with a fresh code.

    Raises ``NotAllowed``, ``TouchedAccount``, ``PackageChanged``, ``HandOverRefused``.
    """
    contact = check_hand_over(package, by, hash=hash, at=at)
    if not _still_on_file(contact):
        raise HandOverRefused("The contact on file has changed; decide the identity again.")
    with transaction.atomic():
        package = _locked(package)
        contact = check_hand_over(package, by, hash=hash, at=at)
        consumer_request = package.consumer_request
        package.stage, package.contact = PackageStage.RELEASED, contact
        package.released_by_id, package.released_at = by.staff_id, at
        package.expires_at = at + LIFE
        package.save(
            update_fields=["stage", "contact", "released_by_id", "released_at", "expires_at"]
        )
        workflow.move(
            consumer_request, Status.COMPLETED, by=by, at=at, outcome=outcome_of(package),
            facts={"package": hash, "content": package.content},
        )  # fmt: skip
        correspondence.queue_all(
            "answer_know", [consumer_request], at=at, contacts=[contact],
            context=lambda _each: {"package_until": package.expires_at},
        )  # fmt: skip
    return package


def _still_on_file(contact: Identifier) -> bool:
    """Whether the system still holds the contact from which the request was confirmed (VR-28)."""
    consumer_request = contact.consumer_request
    value = box_of(consumer_request).open(bytes(contact.value), context="identifier.value")
    wanted = sealing.normal_email(value)
    people = people_of(consumer_request).get(contact.system_key, [])
    held = targets.of(contact.system_key).connector.contacts_of(people)
    return any(
        sealing.normal_email(each.value) == wanted
        for contacts in held
        for each in contacts
        if each.kind == "email"
    )


def outcome_of(package: Package) -> Outcome:
    """In part where anything but a never-disclosed kind was left out, or a lesser answer given.

    Also while the answer of a system outside is awaited.
    """
    tables = package.summary["tables"]
    left_out = any(each[SHARED] for each in tables)
    unread = BINARY in package.summary["withheld"]
    specific = package.content == Package.Content.SPECIFIC
    lesser = package.consumer_request.kind == "know-specific" and not specific
    awaited = bool(package.summary.get("awaited"))
    kept = any(each["said"] == PartSaid.KEPT for each in package.summary.get("parts", []))
    in_part = left_out or unread or lesser or awaited or kept
    return Outcome.IN_PART if in_part else Outcome.COMPLIED


def is_parked(package: Package) -> bool:
    """Whether the machine gave up on it."""
    return package.state == WorkState.PARKED
