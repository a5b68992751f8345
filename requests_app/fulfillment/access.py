"""Requests to know: collect by machine, look through, decide, hand over; always two people."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from ccpa_office import ledger, sealing, work
from ccpa_office.connectors.collected import SHARED, Window
from ccpa_office.law.deadlines import received_date
from ccpa_office.law.kinds import KNOW
from ccpa_office.law.retention import LOOKBACK_FROM
from ccpa_office.models import LedgerLine, WorkState
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from requests_app import correspondence, targets, workflow
from requests_app.fulfillment.outside import exporting
from requests_app.fulfillment.package import building
from requests_app.fulfillment.package.building import Built, Sources, Wanted
from requests_app.fulfillment.package.cells import BINARY
from requests_app.fulfillment.package.tables import leftovers
from requests_app.fulfillment.packing import canonical
from requests_app.models import (
    ConsumerRequest,
    Identifier,
    IdentifierSource,
    LinkPurpose,
    Note,
    Outcome,
    Package,
    PackageStage,
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


def folder() -> Path:
    """Where packages lie; nobody but the office reads it."""
    path = Path(settings.PACKAGE_DIR)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


# --- by machine ---------------------------------------------------------------------------------


def build(package: Package, *, at: datetime) -> None:
    """Collect what every system holds of the person; the request then waits for a person.

    Reads only, outside any transaction. A worker that dies leaves nothing that could be served:
    the file counts when its row says so, and the next one writes another.
    """
    consumer_request = package.consumer_request
    sources = _sources(consumer_request) if package.stage == PackageStage.BUILD else []
    if not sources:
        _finish(package, None, "", at=at)
        return
    wanted = _wanted(package, on=received_date(at))
    wanted = replace(wanted, outside=exporting.ask(sources, at=at))
    work.seam("package.collecting")
    if package.content == Package.Content.CATEGORIES:
        _finish(package, building.count(sources, wanted), "", at=at)
        return
    name = f"{secrets.token_hex(20)}.sealed"
    path = folder() / name
    waiting = path.with_suffix(".part")
    box = sealing.Box(package.data_key)
    try:
        built = building.write(
            waiting, box, sources, wanted, breathe=lambda: work.renew(package, LEASE)
        )
        waiting.replace(path)
        work.seam("package.stored")
        _finish(package, built, name, at=at)
    except Exception:
        for each in (path, *leftovers(path)):
            each.unlink(missing_ok=True)
        raise


def _sources(consumer_request: ConsumerRequest) -> Sources:
    """Every system in which the look-up found the person, with the keys found there."""
    return [
        (targets.of(system_key), people)
        for system_key, people in people_of(consumer_request).items()
    ]


def _wanted(package: Package, *, on: date) -> Wanted:
    consumer_request = package.consumer_request
    given: dict[str, set[str]] = {}
    for each in package.given:
        given.setdefault(each["system"], set()).add(each["table"])
    return Wanted(
        number=consumer_request.public_number,
        language=package.language,
        day=on,
        window=Window(_first_day(consumer_request), on),
        given={system: frozenset(tables) for system, tables in given.items()},
    )


def _first_day(consumer_request: ConsumerRequest) -> date:
    """All since 2022, or the twelve months that the consumer chose (7024(h))."""
    line = LedgerLine.objects.filter(
        subject=consumer_request.number, verb="request.received"
    ).first()
    facts: Mapping[str, Any] = json.loads(line.body).get("facts", {}) if line else {}
    if facts.get("since") != "12-months":
        return LOOKBACK_FROM
    day = consumer_request.received_on
    month = min(day.day, 28)
    return max(LOOKBACK_FROM, day.replace(year=day.year - 1, day=month))


def _finish(package: Package, built: Built | None, file: str, *, at: datetime) -> None:
    """Write what was built; a request that moved on meanwhile, or a void package, gets nothing."""
    with transaction.atomic():
        locked = Package.objects.select_for_update().get(pk=package.pk)
        consumer_request = workflow.locked(package.consumer_request)
        if locked.stage != PackageStage.BUILD or consumer_request.status != Status.VERIFIED:
            work.finish(package)
            _drop(file)
            return
        if built is None or (package.content == Package.Content.CATEGORIES and not built.answer):
            work.finish(package, stage=PackageStage.BY_HAND, built_at=at)
            _say("package.by-hand", package, by=SYSTEM, at=at)
            return
        work.finish(package, **_columns(package, built, file, at))
        facts = {"hash": package.hash, "rows": _rows(built), "withheld": built.withheld,
                 "awaited": [each["system"] for each in built.awaited]}  # fmt: skip
        _say("package.built", package, by=SYSTEM, at=at, **facts)


def _columns(package: Package, built: Built, file: str, at: datetime) -> dict[str, Any]:
    box = sealing.Box(package.data_key)
    window = _wanted(package, on=received_date(at)).window
    return {
        "stage": PackageStage.READY,
        "file": file,
        "size": built.size,
        "hash": built.hash or _hash(built),
        "summary": {
            "tables": built.tables,
            "withheld": built.withheld,
            "awaited": built.awaited,
        },
        "samples": building.sealed_samples(built, box),
        "answer": building.sealed_answer(built, box),
        "first_on": window.first,
        "last_on": window.last,
        "built_at": at,
    }


def _hash(built: Built) -> str:
    """What an answer of categories is approved by."""
    return hashlib.sha256(canonical([built.answer, built.tables])).hexdigest()


def _rows(built: Built) -> int:
    return sum(each["rows"] for each in built.tables)


def _drop(file: str) -> None:
    if file:
        (folder() / file).unlink(missing_ok=True)


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
    return Outcome.IN_PART if left_out or unread or lesser or awaited else Outcome.COMPLIED


def is_parked(package: Package) -> bool:
    """Whether the machine gave up on it."""
    return package.state == WorkState.PARKED
