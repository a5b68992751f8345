"""A part of an answer to know that people give: a letter with a secret link, a file, a note.

Nothing of it counts until a second person has confirmed it; the package is then collected anew.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from ccpa_office import clock, ledger, sealing
from ccpa_office.law.grounds import exceptions_for
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import LedgerLine, StaffMember
from ccpa_office.roles import Actor, NotAllowed, Verb, may_decide_now, require
from requests_app import correspondence, workflow
from requests_app.correspondence.links import token_digest
from requests_app.fulfillment.outside.asking import Asked, due_on
from requests_app.fulfillment.outside.hands import (
    LIFE,
    MOST_LETTERS,
    AnotherPersonNeeded,
    AnswerRefused,
    LinkGone,
    NotLookedAt,
)
from requests_app.models import (
    ConsumerRequest,
    Package,
    PackageStage,
    Part,
    PartSaid,
    PartStage,
    Status,
)
from requests_app.outside_forms import ending_of
from requests_app.targets import Vendor
from requests_app.verification import queue_collection

SYSTEM = Actor.system("outside")
UNREAD = frozenset({"pdf", "png", "jpg"})
"""Files that no machine looks through: a person does (VR-32)."""
LIVING = [
    PackageStage.BUILD, PackageStage.READY, PackageStage.PROPOSED, PackageStage.RELEASED,
    PackageStage.BY_HAND,
]  # fmt: skip


@dataclass(frozen=True)
class Gift:
    """What somebody answers: in a word, with its exception, a note, a file."""

    said: PartSaid
    exception: str = ""
    note: str = ""
    content: bytes = b""

    @classmethod
    def of(cls, cleaned: Mapping[str, Any]) -> "Gift":
        """What a form was given."""
        return cls(
            PartSaid(cleaned["said"]), cleaned.get("exception", ""), cleaned.get("note", ""),
            cleaned.get("content") or b"",
        )  # fmt: skip


@dataclass(frozen=True)
class Handed:
    """A confirmed answer, opened for the package."""

    said: str
    exception: str = ""
    note: str = ""
    content: bytes = b""
    ending: str = ""


# --- asking -------------------------------------------------------------------------------------


def handed(
    consumer_request: ConsumerRequest, vendor: Vendor, asked: list[Asked], *, at: datetime
) -> Handed | None:
    """What people gave for this system, confirmed; whoever was not asked yet is asked now."""
    part = Part.objects.filter(consumer_request=consumer_request, system_key=vendor.key).first()
    if part is None:
        _ask(consumer_request, vendor, asked, at=at)
        return None
    if part.stage != PartStage.CONFIRMED:
        return None
    note, content = _opened(part)
    return Handed(part.said, part.exception, note, content, part.ending)


def _ask(
    consumer_request: ConsumerRequest, vendor: Vendor, asked: list[Asked], *, at: datetime
) -> None:
    due = due_on(vendor, consumer_request, today=clock.day_of(at))
    try:
        with transaction.atomic():
            key = sealing.new_key()
            part = Part.objects.create(
                consumer_request=consumer_request, system_key=vendor.key, data_key=key,
                asked=sealing.Box(key).seal(json.dumps(asked), context="part.asked"),
                asked_at=at, due_on=due, assigned_to_id=_assigned(vendor),
            )  # fmt: skip
            write(part, vendor, at=at)
            note(part, "part.asked", by=SYSTEM, at=at)
    except IntegrityError:  # another worker asks at this moment
        return


def _assigned(vendor: Vendor) -> int | None:
    named = StaffMember.objects.filter(username=vendor.url.removeprefix("staff:"), is_active=True)
    found = named.values_list("pk", flat=True).first()
    return found if vendor.url.startswith("staff:") else None


def write(part: Part, vendor: Vendor, *, at: datetime) -> None:
    """Send a letter with a new link to whoever is outside; the link before is void with it.

    Who has had the most letters that one part is worth gets no other.
    """
    if not vendor.url.startswith("mailto:") or part.letters >= MOST_LETTERS:
        return
    token = secrets.token_urlsafe(32)
    again, until = bool(part.letters), at + LIFE
    Part.objects.filter(pk=part.pk).update(
        link=token_digest(token), link_until=until, letters=part.letters + 1
    )
    correspondence.queue_task(
        part.consumer_request, vendor.url.removeprefix("mailto:"), token=token, at=at,
        context={
            "system": vendor.description.name, "due_on": part.due_on, "again": again,
            "link_until": clock.day_of(until), "gives": True,
        },
    )  # fmt: skip


def link_of(digest: bytes, *, at: datetime) -> Part:
    """The part that a living link opens. Looking does not use it up. Raises ``LinkGone``."""
    found = _rows().filter(link=digest, link_until__gt=at, stage=PartStage.ASKED).first()
    if found is None or not found.consumer_request.is_open:
        raise LinkGone
    return found


def knows(digest: bytes) -> bool:
    """Whether a token is the newest link to a part, alive or not."""
    return Part.objects.filter(link=digest).exists()


def renew(digest: bytes, vendors: dict[str, Vendor], *, at: datetime) -> None:
    """A new letter for a link that has run out, to the address that the system has."""
    with transaction.atomic():
        part = _rows().select_for_update(of=("self",)).filter(link=digest).first()
        if part and part.stage == PartStage.ASKED and part.consumer_request.is_open:
            vendor = vendors.get(part.system_key)
            if vendor:
                write(part, vendor, at=at)


# --- answering ----------------------------------------------------------------------------------


def answer_by_link(part: Part, gift: Gift, *, at: datetime) -> Part:
    """Somebody outside answers; of many presses one counts. Raises ``LinkGone``, AnswerRefused."""
    with transaction.atomic():
        living = Part.objects.filter(
            pk=part.pk, link=part.link, link_until__gt=at, stage=PartStage.ASKED
        )
        if not living.update(link_until=at):
            raise LinkGone
        return _keep(part, gift, by=None, at=at)


def answer_by_hand(part: Part, gift: Gift, *, by: Actor, at: datetime) -> Part:
    """A member of staff looked, or was told. Raises ``AnswerRefused``, NotAllowed."""
    require(by, Verb.WORK_CASE)
    with transaction.atomic():
        return _keep(part, gift, by=by, at=at)


def _keep(part: Part, gift: Gift, *, by: Actor | None, at: datetime) -> Part:
    _check(gift)
    box = sealing.Box(part.data_key)
    content = base64.b64encode(gift.content).decode()
    open_parts = Part.objects.filter(
        pk=part.pk, stage=PartStage.ASKED, consumer_request__closed_at=None
    )
    changed = open_parts.update(
        stage=PartStage.ANSWERED, said=gift.said, exception=gift.exception,
        note=box.seal(gift.note, context="part.note") if gift.note else b"",
        content=box.seal(content, context="part.content") if gift.content else b"",
        ending=ending_of(gift.content), size=len(gift.content),
        digest=hashlib.sha256(gift.content).hexdigest() if gift.content else "",
        answered_at=at, answered_by_id=by.id if by else None, by_link=by is None,
    )  # fmt: skip
    if not changed:
        raise AnswerRefused("this part waits for no answer")
    part.refresh_from_db()
    note(part, "part.answered", by=by or SYSTEM, at=at, file=part.digest)
    return part


def _check(gift: Gift) -> None:
    known = {each.value for each in exceptions_for(RequestKind.KNOW_SPECIFIC)}
    if (gift.said == PartSaid.KEPT) != bool(gift.exception):
        raise AnswerRefused("what is not given has its exception, and nothing else has one")
    if gift.exception and gift.exception not in known:
        raise AnswerRefused("this is no exception to an answer")
    if gift.said == PartSaid.FOUND and not (gift.content or gift.note.strip()):
        raise AnswerRefused("what is given is a file or a note")
    if gift.said != PartSaid.FOUND and gift.content:
        raise AnswerRefused("a file is given only with what was found")
    if gift.content and not ending_of(gift.content):
        raise AnswerRefused("this kind of file is not taken")


# --- deciding -----------------------------------------------------------------------------------


def confirm(part: Part, *, by: Actor, at: datetime) -> Part:
    """A second person, who has looked at it, lets it count; the package is collected anew.

    What no machine can look through must have been opened by that very person, says the book.

    Raises ``AnotherPersonNeeded``, ``NotLookedAt``, ``AnswerRefused``, NotAllowed,
    TouchedAccount.
    """
    require(by, Verb.CLOSE_CASE)
    may_decide_now(by, at=at)
    with transaction.atomic():
        consumer_request = workflow.locked(part.consumer_request)
        part = _locked(part)
        if part.stage != PartStage.ANSWERED or not consumer_request.is_open:
            raise AnswerRefused("there is no answer to confirm")
        if by.id is None or by.id == part.answered_by_id:
            raise AnotherPersonNeeded
        if part.ending in UNREAD and not _has_looked(part, by):
            raise NotLookedAt
        part.stage, part.confirmed_at, part.confirmed_by_id = PartStage.CONFIRMED, at, by.id
        part.save(update_fields=["stage", "confirmed_at", "confirmed_by_id"])
        note(part, "part.confirmed", by=by, at=at)
        _collect(consumer_request, at=at)
    return part


def _has_looked(part: Part, by: Actor) -> bool:
    """Whether somebody has opened what was given, and not only an answer before it."""
    looked = LedgerLine.objects.filter(
        subject=part.consumer_request.number, verb="part.read", actor=by.label,
        at__gte=part.answered_at,
    )  # fmt: skip
    told = [json.loads(body).get("facts", {}) for body in looked.values_list("body", flat=True)]
    return any(each.get("system") == part.system_key for each in told)


def _collect(consumer_request: ConsumerRequest, *, at: datetime) -> None:
    """Collect anew, if the package still waits to be looked through; nobody asked for that."""
    waiting = [PackageStage.BUILD, PackageStage.READY, PackageStage.BY_HAND]
    package = consumer_request.packages.filter(stage__in=waiting).order_by("-version").first()
    if package and consumer_request.status == Status.VERIFIED:
        queue_collection(consumer_request, at=at, given=package.given)


def ask_again(part: Part, vendors: dict[str, Vendor], *, reason: str, by: Actor,
              at: datetime) -> Part:  # fmt: skip
    """Take no answer for an answer: it is asked anew, with a new letter.

    Raises ``AnswerRefused``, NotAllowed.
    """
    require(by, Verb.CLOSE_CASE)
    with transaction.atomic():
        part = _locked(part)
        if part.stage == PartStage.DESTROYED or not part.consumer_request.is_open:
            raise AnswerRefused("this part is over")
        if part.stage == PartStage.CONFIRMED:
            raise AnswerRefused("this part is confirmed")
        part.stage, part.said, part.exception, part.note = PartStage.ASKED, "", "", b""
        part.content, part.ending, part.size, part.digest = b"", "", 0, ""
        part.answered_at, part.answered_by_id, part.by_link = None, None, False
        part.asked_at, part.reminded_on, part.late_on = at, None, None
        part.due_on = max(part.due_on, clock.day_of(at))
        if vendor := vendors.get(part.system_key):
            part.due_on = due_on(vendor, part.consumer_request, today=clock.day_of(at))
        part.save()
        if vendor:
            write(part, vendor, at=at)
        digest = sealing.digest("reason", reason).hex() if reason else ""
        note(part, "part.asked-again", by=by, at=at, reason=digest)
    return part


# --- looking ------------------------------------------------------------------------------------


def whom(part: Part) -> list[Asked]:
    """Whom a part concerns, in clear: for the one who looks for it."""
    text = sealing.Box(part.data_key).open(bytes(part.asked), context="part.asked")
    return [(str(kind), str(value)) for kind, value in json.loads(text)]


def see_whom(part: Part, *, purpose: str, by: Actor, at: datetime) -> list[Asked]:
    """The same for a member of staff, with a purpose. Raises NotAllowed."""
    if by.id is None or by.id != part.assigned_to_id:
        require(by, Verb.SEE_IDENTITY)
    if not purpose.strip():
        raise NotAllowed("say what for")
    note(part, "part.identity-read", by=by, at=at,
          purpose=sealing.digest("reason", purpose).hex())  # fmt: skip
    return whom(part)


def look(part: Part, *, by: Actor, at: datetime) -> tuple[str, bytes]:
    """What was given, the note and the file, for whoever confirms it; the book says who."""
    require(by, Verb.CLOSE_CASE)
    given = _opened(part)
    note(part, "part.read", by=by, at=at)
    return given


def _opened(part: Part) -> tuple[str, bytes]:
    if not (part.note or part.content):
        return "", b""
    box = sealing.Box(part.data_key)
    note = box.open(bytes(part.note), context="part.note") if part.note else ""
    content = box.open(bytes(part.content), context="part.content") if part.content else ""
    return note, base64.b64decode(content)


def newer_than(package: Package) -> bool:
    """Whether a part was confirmed after the package was built: it is not in it."""
    parts = Part.objects.filter(consumer_request=package.consumer_request_id)
    return parts.filter(confirmed_at__gt=package.built_at).exists()


# --- the end ------------------------------------------------------------------------------------


def destroy_of(consumer_request: ConsumerRequest, *, at: datetime) -> None:
    """Destroy what people gave, with its key, when no package of the request lives any more."""
    if consumer_request.packages.filter(stage__in=LIVING).exists():
        return
    rows = _rows().select_for_update(of=("self",)).filter(consumer_request=consumer_request)
    for part in rows.exclude(stage=PartStage.DESTROYED):
        Part.objects.filter(pk=part.pk).update(
            stage=PartStage.DESTROYED, asked=b"", note=b"", content=b"", link=None,
            destroyed_at=at,
        )  # fmt: skip
        sealing.destroy(part.data_key, at)
        note(part, "part.destroyed", by=SYSTEM, at=at)


def _rows() -> QuerySet[Part]:
    return Part.objects.select_related("data_key", "consumer_request__data_key")


def _locked(part: Part) -> Part:
    return _rows().select_for_update(of=("self",)).get(pk=part.pk)


def note(part: Part, verb: str, *, by: Actor, at: datetime, **facts: str) -> None:
    """Write into the book of the request what happened to a part of its answer."""
    known = {"system": part.system_key, "said": part.said, "exception": part.exception}
    ledger.record(verb, subject=part.consumer_request.number, by=by, at=at,
                  facts={**known, **facts})  # fmt: skip
