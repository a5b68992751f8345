"""Steps of requests to know: from the form to a package that waits for a person."""

import io
import json
import secrets
import zipfile
from typing import Any

from ccpa_office import clock, sealed_files, sealing
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor
from requests_app import intake, tasks, verification
from requests_app.fulfillment import access, finishing
from requests_app.fulfillment.package import building
from requests_app.intake import Asked
from requests_app.models import Channel, ConsumerRequest, Package
from tests.builders import ORLA, POINTS, Mailbox, Team, fresh, tokens
from tests.steps import query

SPECIFIC, CATEGORIES = RequestKind.KNOW_SPECIFIC, RequestKind.KNOW_CATEGORIES
CORRECT = RequestKind.CORRECT


def order_of(target: str, email: str) -> str:
    """The number of one of a learner's orders."""
    found = query(
        target,
        "SELECT o.number FROM orders o JOIN accounts a ON a.id = o.account_id"
        " WHERE lower(a.email) = %s ORDER BY o.id LIMIT 1",
        email.lower(),
    )
    return str(found[0][0])


def verified_to_know(
    mailbox: Mailbox,
    team: Team,
    target: str,
    *,
    kind: RequestKind = SPECIFIC,
    email: str = ORLA,
    since: str = "everything",
) -> ConsumerRequest:
    """A request to know that a verifier has decided on; its package is due."""
    asked = checked_to_know(mailbox, target, kind=kind, email=email, since=since)
    verification.decide(asked, by=team.verifier, reason="agrees", at=clock.now())
    return fresh(asked)


def checked_to_know(
    mailbox: Mailbox,
    target: str,
    *,
    kind: RequestKind = SPECIFIC,
    email: str = ORLA,
    since: str = "everything",
) -> ConsumerRequest:
    """A request to know whose data points agree, and that waits for a verifier."""
    identifiers = {"email": email, "name": "Orla Dunmarrow"}
    consumer_request = intake.open_request(
        Asked(kind, identifiers, Channel.WEB, "en", secrets.token_hex(8), choices={"since": since}),
        by=Actor.consumer(),
        at=clock.now(),
    )
    tasks.drain_verify()
    tasks.drain_mail()
    link = verification.find_link(tokens(mailbox.last(email))[0], at=clock.now())
    claims = {**POINTS[email], "order_number": order_of(target, email)}
    verification.accept_evidence(link, claims, signed_as="Orla Dunmarrow", at=clock.now())
    tasks.drain_verify()
    return fresh(consumer_request)


def package_of(consumer_request: ConsumerRequest) -> Package:
    """The newest package of a request."""
    found = consumer_request.packages.select_related("consumer_request__data_key", "data_key")
    package = found.order_by("-version").first()
    assert package is not None
    return package


def built(
    mailbox: Mailbox, team: Team, target: str, *, kind: RequestKind = SPECIFIC, email: str = ORLA
) -> Package:
    """A package that waits to be looked through."""
    consumer_request = verified_to_know(mailbox, team, target, kind=kind, email=email)
    tasks.drain_collect()
    return package_of(consumer_request)


def released(mailbox: Mailbox, team: Team, target: str, **which: Any) -> Package:
    """A package that two people have handed over; the letter is sent."""
    package = built(mailbox, team, target, **which)
    access.propose(package, hash=package.hash, by=team.officer, at=clock.now())
    access.hand_over(
        package_of(package.consumer_request), hash=package.hash, by=team.approver, at=clock.now()
    )
    tasks.drain_mail()
    return package_of(package.consumer_request)


def plain(package: Package) -> bytes:
    """The ZIP file as the consumer gets it."""
    box = sealing.Box(package.data_key)
    path = finishing.folder() / package.file
    return b"".join(sealed_files.read(path, box, context=building.FILE))


def opened(package: Package) -> dict[str, bytes]:
    """The files in it, by name."""
    with zipfile.ZipFile(io.BytesIO(plain(package))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def rows_of(files: dict[str, bytes], table: str, system: str = "learners") -> list[dict[str, Any]]:
    """The rows of one table as its JSON has them."""
    rows: list[dict[str, Any]] = json.loads(files[f"json/{system}/{table}.json"])["rows"]
    return rows


TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str}


def not_as(value: Any, schema: Any, place: str = "") -> list[str]:
    """Where a value is not what a JSON Schema says; reads what our schemas use alone."""
    known = {"$schema", "title", "description", "type", "properties", "required", "items",
             "additionalProperties"}  # fmt: skip
    assert set(schema) <= known
    if not isinstance(value, TYPES[schema["type"]]):
        return [f"{place}: no {schema['type']}"]
    if isinstance(value, list):
        return [bad for each in value for bad in not_as(each, schema["items"], f"{place}[]")]
    if not isinstance(value, dict):
        return []
    inner = schema.get("properties", {})
    more = schema.get("additionalProperties", {})
    bad = [
        f"{place}: {name} is missing" for name in schema.get("required", []) if name not in value
    ]
    for name, each in value.items():
        rule = inner.get(name, more)
        if rule is False:
            bad.append(f"{place}.{name}: not known")
        elif rule:
            bad += not_as(each, rule, f"{place}.{name}")
    return bad
