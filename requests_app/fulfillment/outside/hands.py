"""What people do for a system outside: a letter with a secret link, an answer, a second person."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from ccpa_office import clock, ledger, sealing, work
from ccpa_office.law.grounds import exceptions_for
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, NotAllowed, Verb, may_decide_now, require
from requests_app import correspondence, targets
from requests_app.correspondence.links import token_digest
from requests_app.fulfillment.locating_outside import is_silent
from requests_app.fulfillment.outside import asking, settling
from requests_app.fulfillment.residue import subject_of
from requests_app.models import (
    Finding,
    OutsideEvidence,
    OutsideLink,
    OutsideStage,
    OutsideTask,
    PlanState,
    Said,
)
from requests_app.outside_forms import LARGEST_EVIDENCE

SYSTEM = Actor.system("outside")
LIFE = timedelta(hours=72)
REMINDER = timedelta(days=2)
"""How long before an answer is due the reminder goes."""
TO_CONFIRM, IMPOSSIBLE, OVERDUE = "to-confirm", "impossible", "overdue"
NOTHING_TO_ASK_BY = "nothing-to-ask-by"
"""We hold nothing of the person that names them there: a person finds another way, or says so."""
MOST_LETTERS = 12
LARGEST = LARGEST_EVIDENCE


class LinkGone(Exception):
    """The link is unknown, used, replaced or expired: one answer for all."""


class AnswerRefused(Exception):
    """This cannot be the answer to this task."""


class AnotherPersonNeeded(Exception):
    """Whoever answered does not confirm the answer."""


class NotLookedAt(Exception):
    """No machine can look through this file: open it before you confirm it."""


@dataclass(frozen=True)
class Reply:
    """What somebody answers: in a word, with its exception, a note, a file."""

    said: Said
    exception: str = ""
    note: str = ""
    evidence: bytes = b""


# --- asking by letter ---------------------------------------------------------------------------


def wake(task: OutsideTask, *, at: datetime) -> None:
    """A manual task whose moment has come: the first letter, the reminder, or the desk."""
    today = clock.day_of(at)
    if task.stage == OutsideStage.WAIT and today > task.due_on:
        with transaction.atomic():
            work.park(task, error_code=OVERDUE)
            _note(task, "outside.overdue", by=SYSTEM, at=at)
        return
    is_new = task.stage == OutsideStage.ASK
    with transaction.atomic():
        letters = task.letters + _write(task, at=at)
        work.finish(
            task, state="ready", stage=OutsideStage.WAIT, letters=letters,
            asked_at=task.asked_at or at, attempts=task.attempts - 1,
            not_before=_next(task, at), error_code="",
        )  # fmt: skip
        if is_new:
            _note(task, "outside.asked", by=SYSTEM, at=at)


def _next(task: OutsideTask, at: datetime) -> datetime:
    """The reminder two days before the day, then the day after it."""
    midnight = clock.midnight(task.due_on)
    reminder = midnight - REMINDER
    return reminder if at < reminder else midnight + timedelta(days=1)


def _write(task: OutsideTask, *, at: datetime) -> int:
    """Send the letter with a new link, if the task is somebody's outside; how many letters.

    Older links are void with it: of all letters the newest one opens.
    """
    vendor = targets.vendor_under(task.plan.map_version)
    request = task.plan.consumer_request
    if not vendor.url.startswith("mailto:") or request is None:
        return 0
    token = secrets.token_urlsafe(32)
    task.links.filter(used_at=None, voided_at=None).update(voided_at=at)
    OutsideLink.objects.create(
        task=task, digest=token_digest(token), made_at=at, expires_at=at + LIFE
    )
    correspondence.queue_task(
        request,
        vendor.url.removeprefix("mailto:"),
        token=token,
        at=at,
        context={
            "system": vendor.description.name, "due_on": task.due_on,
            "again": bool(task.letters), "link_until": clock.day_of(at + LIFE),
        },
    )  # fmt: skip
    return 1


def link_of(digest: bytes, *, at: datetime) -> OutsideLink:
    """The living link of a token's digest. Looking does not use it up. Raises ``LinkGone``."""
    found = _links().filter(
        digest=digest, used_at=None, voided_at=None, expires_at__gt=at,
        task__plan__state=PlanState.EXECUTING, task__answered_at=None,
    ).first()  # fmt: skip
    if found is None:
        raise LinkGone
    return found


def knows(digest: bytes) -> bool:
    """Whether a token ever was a link to a task, alive or not."""
    return OutsideLink.objects.filter(digest=digest).exists()


def _links() -> QuerySet[OutsideLink]:
    return OutsideLink.objects.select_related(
        "task__plan__data_key", "task__plan__consumer_request__data_key",
        "task__plan__map_version__system__data_key",
    )  # fmt: skip


def renew(digest: bytes, *, at: datetime) -> None:
    """A new letter for a link that has run out; nothing where the task waits for no answer.

    It goes to the address that the task has, whoever asks; the page is the same either way.
    """
    with transaction.atomic():
        link = _links().filter(digest=digest, used_at=None).first()
        if link is None:
            return
        task = OutsideTask.objects.select_for_update().get(pk=link.task_id)
        task.plan = link.task.plan
        waits = task.answered_at is None and task.plan.state == PlanState.EXECUTING
        if waits and task.letters < MOST_LETTERS:
            OutsideTask.objects.filter(pk=task.pk).update(
                letters=task.letters + _write(task, at=at)
            )


# --- answering ----------------------------------------------------------------------------------


def answer_by_link(link: OutsideLink, reply: Reply, *, at: datetime) -> OutsideTask:
    """Somebody outside answers; of many presses one counts. Raises ``LinkGone``, AnswerRefused."""
    with transaction.atomic():
        living = OutsideLink.objects.filter(
            pk=link.pk, used_at=None, voided_at=None, expires_at__gt=at
        )
        if not living.update(used_at=at):
            raise LinkGone
        return _keep(link.task, reply, by=None, at=at)


def answer_by_hand(task: OutsideTask, reply: Reply, *, by: Actor, at: datetime) -> OutsideTask:
    """A member of staff did it, or was told. Raises ``AnswerRefused``, NotAllowed."""
    require(by, Verb.WORK_CASE)
    with transaction.atomic():
        return _keep(task, reply, by=by, at=at)


def _keep(task: OutsideTask, reply: Reply, *, by: Actor | None, at: datetime) -> OutsideTask:
    """Write an answer down; it counts for nothing until another person has confirmed it."""
    _check(reply)
    box = sealing.Box(task.plan.data_key)
    open_tasks = OutsideTask.objects.filter(
        pk=task.pk, answered_at=None, plan__state=PlanState.EXECUTING,
        state__in=[WorkState.READY, WorkState.PARKED],
    ).exclude(error_code__in=settling.NO_ANSWER_MENDS)  # fmt: skip
    code = IMPOSSIBLE if reply.said == Said.IMPOSSIBLE else TO_CONFIRM
    changed = open_tasks.update(
        state=WorkState.PARKED, error_code=code, said=reply.said, exception=reply.exception,
        note=box.seal(reply.note, context="outside.note") if reply.note else b"",
        answered_at=at, answered_by_id=by.id if by else None, by_link=by is None,
    )  # fmt: skip
    if not changed:
        raise AnswerRefused("this task waits for no answer")
    if reply.evidence:
        _keep_file(task, reply.evidence, box, by=by, at=at)
    task.refresh_from_db(fields=["state", "error_code", "said", "exception", "note",
                                 "answered_at", "answered_by_id", "by_link"])  # fmt: skip
    _note(task, "outside.answered", by=by or SYSTEM, at=at)
    return task


def _check(reply: Reply) -> None:
    known = {each.value for each in exceptions_for(RequestKind.DELETE)}
    if (reply.said == Said.KEPT) != bool(reply.exception):
        raise AnswerRefused("what is kept has its exception, and nothing else has one")
    if reply.exception and reply.exception not in known:
        raise AnswerRefused("this is no exception to a deletion")
    if reply.said == Said.IMPOSSIBLE and not reply.note.strip():
        raise AnswerRefused("say why it cannot be done")
    if len(reply.evidence) > LARGEST:
        raise AnswerRefused("the file is too large")


def _keep_file(
    task: OutsideTask, content: bytes, box: sealing.Box, *, by: Actor | None, at: datetime
) -> None:
    """Keep a file sealed; nobody here opens it, and its name is not kept."""
    OutsideEvidence.objects.create(
        task=task,
        content=box.seal(base64.b64encode(content).decode(), context="outside.evidence"),
        size=len(content),
        digest=hashlib.sha256(content).hexdigest(),
        at=at,
        by_id=by.id if by else None,
    )


def evidence_of(evidence: OutsideEvidence, *, by: Actor, at: datetime) -> bytes:
    """The file as it was given; that somebody took it stands in the book."""
    require(by, Verb.WORK_CASE)
    box = sealing.Box(evidence.task.plan.data_key)
    text = box.open(bytes(evidence.content), context="outside.evidence")
    _note(evidence.task, "outside.evidence-read", by=by, at=at)
    return base64.b64decode(text)


# --- deciding -----------------------------------------------------------------------------------


def confirm(task: OutsideTask, *, by: Actor, at: datetime) -> OutsideTask:
    """A second person lets an answer count; where the system can be looked at, it is looked at.

    Nobody confirms an own answer, nor one to a plan that they asked for. "It cannot be done" is
    never confirmed: the request waits until somebody finds a way. Raises ``AnotherPersonNeeded``,
    ``AnswerRefused``, NotAllowed, TouchedAccount.
    """
    require(by, Verb.CLOSE_CASE)
    may_decide_now(by, at=at)
    with transaction.atomic():
        task = _locked(task)
        if task.error_code != TO_CONFIRM or task.state != WorkState.PARKED:
            raise AnswerRefused("there is no answer to confirm")
        if by.id is None or by.id in {task.answered_by_id, task.plan.asked_by_id}:
            raise AnotherPersonNeeded
        task.confirmed_at, task.confirmed_by_id = at, by.id
        task.save(update_fields=["confirmed_at", "confirmed_by_id"])
        _note(task, "outside.confirmed", by=by, at=at)
        vendor = targets.vendor_under(task.plan.map_version)
        if task.said == Said.KEPT:
            settling.settle(task, Finding.KEPT, at=at, by=by)
        elif vendor.description.can_look and not is_silent(task.plan):
            work.unpark(task, stage=OutsideStage.PROVE, not_before=at)
        else:
            settling.settle(task, Finding.ABSENT, at=at, by=by)
    return task


def ask_again(task: OutsideTask, *, reason: str, by: Actor, at: datetime) -> OutsideTask:
    """Take no answer for an answer, or try what stands still once more: a new round begins.

    Raises ``AnswerRefused``, NotAllowed.
    """
    require(by, Verb.CLOSE_CASE)
    with transaction.atomic():
        task = _locked(task)
        if task.plan.state != PlanState.EXECUTING:
            raise AnswerRefused("this task is over")
        vendor = targets.vendor_under(task.plan.map_version)
        if not work.unpark(
            task, stage=OutsideStage.ASK, not_before=at, round=task.round + 1, records=b"",
            said="", exception="", note=b"", answered_at=None, answered_by_id=None, by_link=False,
            confirmed_at=None, confirmed_by_id=None,
            due_on=asking.due_on(vendor, task.plan.consumer_request, today=clock.day_of(at)),
        ):  # fmt: skip
            raise AnswerRefused("this task does not stand still")
        task.refresh_from_db()
        facts = {"reason": sealing.digest("reason", reason).hex()} if reason else {}
        _note(task, "outside.asked-again", by=by, at=at, **facts)
    return task


def look_once_more(task: OutsideTask, *, by: Actor, at: datetime) -> int:
    """Have later looks that gave up tried again; how many. Raises ``AnswerRefused``, NotAllowed."""
    require(by, Verb.WORK_CASE)
    with transaction.atomic():
        parked = task.looks.filter(state=WorkState.PARKED).order_by("day")
        tried = [row for row in parked if work.unpark(row, not_before=at)]
        if not tried:
            raise AnswerRefused("no later look at this system stands still")
        ledger.record(
            "work.retried", subject=subject_of(task.plan), by=by, at=at,
            facts={"looks": len(tried), "codes": sorted({row.error_code for row in tried})},
        )  # fmt: skip
    return len(tried)


def _locked(task: OutsideTask) -> OutsideTask:
    rows = OutsideTask.objects.select_for_update(of=("self",)).select_related(
        "plan__data_key", "plan__chunk", "plan__consumer_request__data_key",
        "plan__map_version__system__data_key",
    )  # fmt: skip
    return rows.get(pk=task.pk)


def whom(task: OutsideTask) -> list[asking.Asked]:
    """Whom a task concerns, in clear: for the one who does it by hand."""
    return asking.asked_of(task)


def read_note(task: OutsideTask, *, by: Actor) -> str:
    """What somebody wrote with an answer."""
    require(by, Verb.SEE_CASES)
    if not task.note:
        return ""
    return sealing.Box(task.plan.data_key).open(bytes(task.note), context="outside.note")


def see_whom(task: OutsideTask, *, purpose: str, by: Actor, at: datetime) -> list[asking.Asked]:
    """Whom a task concerns, for a member of staff who does it by hand; with a purpose.

    Raises NotAllowed.
    """
    mine = by.id is not None and by.id == task.assigned_to_id
    if not mine:
        require(by, Verb.SEE_IDENTITY)
    if not purpose.strip():
        raise NotAllowed("say what for")
    _note(task, "outside.identity-read", by=by, at=at,
          purpose=sealing.digest("reason", purpose).hex())  # fmt: skip
    return asking.asked_of(task)


def _note(task: OutsideTask, verb: str, *, by: Actor, at: datetime, **facts: str) -> None:
    known = {"system": task.plan.system_key, "said": task.said, "exception": task.exception}
    ledger.record(verb, subject=subject_of(task.plan), by=by, at=at, facts={**known, **facts})
