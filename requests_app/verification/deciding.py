"""A person says that it is the consumer, or asks once more."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from ccpa_office import ledger, sealing
from ccpa_office.law.certainty import (
    Level,
    is_certain_enough,
)
from ccpa_office.law.kinds import KNOW, RequestKind
from ccpa_office.roles import Actor, Verb, may_decide_now, require
from requests_app import correspondence, workflow
from requests_app.correspondence.letters import BETWEEN_LINKS, OVER_THE_LIMIT, WITH_A_LINK
from requests_app.models import (
    ConsumerRequest,
    Identifier,
    IdentifierSource,
    LinkPurpose,
    Message,
    Package,
    PackageStage,
    Status,
    Step,
    StepKind,
)
from requests_app.verification.looking import asked_points

EVALUATIONS = 3
"""How often the answers of one request are weighed (VR-13)."""


class IdentityNotProven(Exception):
    """What was compared does not reach the level that this request needs."""


def decide(
    consumer_request: ConsumerRequest, *, by: Actor, reason: str, at: datetime
) -> ConsumerRequest:
    """A person says: it is the consumer. Never below the level that is needed (VR-41).

    Raises ``NotAllowed``, ``IdentityNotProven``, ``workflow.MoveNotAllowed``.
    """
    require(by, Verb.VERIFY)
    may_decide_now(by, at=at)
    with transaction.atomic():
        consumer_request = _in_check(consumer_request)
        reached, required = (
            Level(consumer_request.level_reached),
            Level(consumer_request.level_required),
        )
        if not is_certain_enough(reached, required):
            raise IdentityNotProven(f"{reached.label}; needed: {required.label}")
        return verified(consumer_request, by=by, at=at, reason=reason)


def judge_as_categories(
    consumer_request: ConsumerRequest, *, by: Actor, reason: str, at: datetime
) -> ConsumerRequest:
    """Deny the specific pieces for want of certainty, and answer as a request for categories.

    Inside the same case and on the same clock (7024(a)). Raises ``NotAllowed``,
    ``IdentityNotProven`` where not even a reasonable certainty is reached.
    """
    require(by, Verb.VERIFY)
    may_decide_now(by, at=at)
    with transaction.atomic():
        consumer_request = _in_check(consumer_request)
        reached = Level(consumer_request.level_reached)
        if consumer_request.right is not RequestKind.KNOW_SPECIFIC or not is_certain_enough(
            reached, Level.REASONABLE
        ):
            raise IdentityNotProven(str(reached.label))
        workflow.move(
            consumer_request, Status.VERIFIED, by=by, at=at, reason=reason,
            facts={"specific": "denied", "ground": "DEN_UNVERIFIED"},
            level_required=Level.REASONABLE, verified_by_id=by.id, verified_at=at,
        )  # fmt: skip
        queue_collection(consumer_request, at=at)
    return consumer_request


def _in_check(consumer_request: ConsumerRequest) -> ConsumerRequest:
    """The request, locked, if its identity waits for a verifier. Raises ``MoveNotAllowed``."""
    consumer_request = workflow.locked(consumer_request)
    if consumer_request.status != Status.CHECKING:
        raise workflow.MoveNotAllowed("Its identity does not wait for a decision.")
    return consumer_request


def verified(
    consumer_request: ConsumerRequest, *, by: Actor, at: datetime, reason: str
) -> ConsumerRequest:
    """Move to verified; a deletion gets its plan built, a request to know its package."""
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
        queue_plan(consumer_request, at=at)
    if consumer_request.right in KNOW:
        queue_collection(consumer_request, at=at)
    return consumer_request


def queue_collection(
    consumer_request: ConsumerRequest, *, at: datetime, asked_by_id: int | None = None,
    given: Sequence[Any] = (),
) -> Package:  # fmt: skip
    """Leave the collecting to a worker; what was collected before counts no more.

    Specific pieces go only to whom a reasonably high certainty was reached (7024(a), 7062(c)).
    """
    waiting = [PackageStage.BUILD, PackageStage.READY, PackageStage.PROPOSED, PackageStage.BY_HAND]
    consumer_request.packages.filter(stage__in=waiting).update(stage=PackageStage.VOID)
    high = consumer_request.level_reached == Level.REASONABLY_HIGH
    specific = consumer_request.right is RequestKind.KNOW_SPECIFIC and high
    return Package.objects.create(
        lane="collect",
        not_before=at,
        consumer_request=consumer_request,
        version=1 + consumer_request.packages.count(),
        content=Package.Content.SPECIFIC if specific else Package.Content.CATEGORIES,
        language=consumer_request.language,
        given=list(given),
        data_key=sealing.new_key(),
        ordered_at=at,
        asked_by_id=asked_by_id,
    )


def queue_plan(consumer_request: ConsumerRequest, *, at: datetime) -> Step:
    """Leave the building of a plan to a worker; each one has its own number."""
    return Step.objects.create(
        lane="plan",
        not_before=at,
        consumer_request=consumer_request,
        kind=StepKind.PLAN,
        ordinal=1 + consumer_request.work.filter(kind=StepKind.PLAN).count(),
    )


def ask_again(
    consumer_request: ConsumerRequest, *, by: Actor, reason: str, at: datetime
) -> ConsumerRequest:
    """Ask the contact on file once more for what did not match, without saying which (VR-10).

    Raises ``NotAllowed``, ``workflow.MoveNotAllowed`` also after the last answer that may be
    weighed: a further letter would ask for one that nobody takes (VR-13).
    """
    require(by, Verb.VERIFY)
    with transaction.atomic():
        consumer_request = _in_check(consumer_request)
        if consumer_request.evaluations >= EVALUATIONS:
            raise workflow.MoveNotAllowed("Its answers were weighed as often as they may be.")
        workflow.move(
            consumer_request,
            Status.WAITING,
            by=by,
            at=at,
            reason=reason,
        )
        _void_links(consumer_request, at)
        correspondence.queue_all("confirm", [consumer_request], at=at, context=asked_points)
    return consumer_request


def is_asked(consumer_request: ConsumerRequest) -> bool:
    """Whether the office waits for an answer, and may weigh one more (VR-13)."""
    return (
        consumer_request.status == Status.WAITING
        and consumer_request.evaluations < EVALUATIONS
        and not consumer_request.work.comparing().exists()
    )


def send_again(consumer_request: ConsumerRequest, *, at: datetime) -> None:
    """Send the confirm letter once more to the contacts on file, if there are any.

    A new link takes the place of the old one; where the sending limit holds the letter back, the
    old one stays. Nothing is sent while an answer is compared or a letter is still on its way.
    """
    with transaction.atomic():
        consumer_request = workflow.locked(consumer_request)
        if consumer_request.status != Status.WAITING:
            return
        contacts = _to_write_to(consumer_request, at) if is_asked(consumer_request) else []
        older = consumer_request.links.filter(purpose=LinkPurpose.CONFIRM, used_at__isnull=True)
        older = older.filter(voided_at__isnull=True)
        known = list(older.values_list("pk", flat=True))
        letters = correspondence.queue_all(
            "confirm", [consumer_request], at=at, contacts=contacts, context=asked_points
        )
        if all(each.error_code != OVER_THE_LIMIT for each in letters):
            older.filter(pk__in=known, contact__in=contacts).update(voided_at=at)
        ledger.record(
            "link.asked-again",
            subject=consumer_request.number,
            by=Actor.consumer(),
            at=at,
            facts={"letters": len(letters)},
        )


def _to_write_to(consumer_request: ConsumerRequest, at: datetime) -> list[Identifier]:
    """The contacts on file to which no letter with a link is on its way, or was held back today.

    Nor did one go within the last ten minutes (VR-24).
    """
    held = Q(error_code=OVER_THE_LIMIT, queued_at__gt=at - timedelta(days=1))
    letters = Message.objects.filter(consumer_request=consumer_request, audience="on_file")
    waiting = letters.filter(
        Q(state__in=["ready", "running"]) | held | Q(queued_at__gt=at - BETWEEN_LINKS),
        letter__in=WITH_A_LINK,
    )
    contacts = consumer_request.identifiers.filter(
        source=IdentifierSource.ON_FILE, is_contact=True
    ).exclude(digest__in=waiting.values("recipient_digest"))
    return list(contacts.select_related("consumer_request__data_key"))


def _void_links(consumer_request: ConsumerRequest, at: datetime) -> None:
    consumer_request.links.filter(purpose=LinkPurpose.CONFIRM, used_at__isnull=True).update(
        voided_at=at
    )
