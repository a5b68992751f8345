"""What the consumer brings: recorded, sealed, compared by the system."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from ccpa_office import ledger, sealing, work
from ccpa_office.connectors.base import Key
from ccpa_office.law.certainty import (
    Level,
    independent_groups,
    is_certain_enough,
    level_reached,
)
from ccpa_office.roles import Actor
from notices_app import datamap
from requests_app import targets, workflow
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
from requests_app.verification import links
from requests_app.verification.deciding import is_asked, verified
from requests_app.verification.looking import SYSTEM, box_of, people_of

METHOD = "2026-1"
EVALUATIONS_OF_A_PERSON = 10
"""How often answers are weighed for one person on file in 30 days, over all requests (VR-13)."""
_NOBODY: list[Key | None] = [None]
"""Compared all the same, so that the work is equal whoever asks (VR-11)."""
DECLARATION_VERSION = "2026-1"
DECLARATION = _(
    "I declare under penalty of perjury under the laws of the State of California that I am the "
    "person whose personal information this request is about."
)


def accept_evidence(
    link: Link, claims: Mapping[str, str], *, signed_as: str = "", at: datetime
) -> ConsumerRequest:
    """Record the confirmation from a contact on file, with what was claimed, for comparison.

    The link is spent; the values are sealed; the comparison is a worker's (VR-09). Raises
    ``LinkGone``, also when nothing is asked any more or another answer is being compared.
    """
    with transaction.atomic():
        consumer_request = workflow.locked(link.consumer_request)
        if not is_asked(consumer_request):
            raise links.LinkGone
        links.spend(link, LinkPurpose.CONFIRM, at=at)
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
            by=Actor.consumer(),
            at=at,
            facts={"points": sorted(claims), "declared": bool(signed_as), "step": step.ordinal},
        )
    return consumer_request


def _keep_claims(consumer_request: ConsumerRequest, claims: Mapping[str, str]) -> None:
    box = box_of(consumer_request)
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
            "typed_name": box_of(consumer_request).seal(signed_as, context="declaration.name"),
            "signed_at": at,
        },
    )


def compare(step: Step, *, at: datetime) -> None:
    """Compare the claims where the data lies; keep names and yes or no, never a value.

    Where several people answer to one contact, a point counts only if it is true of all of them:
    who shares a mailbox with another cannot act for the other (T2). Evidence for a request that
    was stopped, withdrawn or ended meanwhile changes nothing.
    """
    consumer_request = step.consumer_request
    box = box_of(consumer_request)
    claims = {
        each.kind: box.open(bytes(each.value), context="identifier.value")
        for each in consumer_request.identifiers.filter(source=IdentifierSource.CLAIMED)
    }
    people = people_of(consumer_request)
    matched: dict[str, bool] = dict.fromkeys(claims, False)
    for target in targets.served():
        answers = [
            target.connector.compare(person, claims) for person in people.get(target.key) or _NOBODY
        ]
        for point in claims:
            matched[point] = matched[point] or all(each[point] for each in answers)
    work.seam("verify.before-commit")
    with transaction.atomic():
        work.finish(step)
        consumer_request = workflow.locked(consumer_request)
        if consumer_request.status == Status.WAITING:
            _weigh(consumer_request, matched, step.ordinal, at)


def _is_worn(consumer_request: ConsumerRequest, at: datetime) -> bool:
    """Whether answers were weighed too often for whoever owns this contact on file (VR-13).

    Then nothing is weighed any more: the next steps are a person's, the right stays.
    """
    contacts = Identifier.objects.filter(source=IdentifierSource.ON_FILE, is_contact=True)
    own = contacts.filter(consumer_request=consumer_request).values("digest")
    asked = contacts.filter(digest__in=own).values("consumer_request")
    lately = EvidencePoint.objects.filter(
        consumer_request__in=asked, at__gt=at - timedelta(days=30)
    )
    return (
        lately.values("consumer_request", "evaluation").distinct().count()
        >= EVALUATIONS_OF_A_PERSON
    )


def _weigh(
    consumer_request: ConsumerRequest, matched: Mapping[str, bool], evaluation: int, at: datetime
) -> None:
    groups = {point.key: point.group for point in datamap.verification_points()}
    worn = _is_worn(consumer_request, at)
    if worn:
        matched = {}
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
        facts={
            "level": reached.value,
            "groups": len(independent),
            "method": METHOD,
            **({"over-limit": True} if worn else {}),
        },
        level_reached=reached,
        evaluations=evaluation,
    )
    if settings.AUTO_VERIFY and is_certain_enough(reached, Level(consumer_request.level_required)):
        verified(consumer_request, by=SYSTEM, at=at, reason="machine")
