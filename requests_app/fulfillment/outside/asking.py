"""Ask an outside system for a change: an intent before each call, one key a step, a receipt."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from ccpa_office import sealing, work
from ccpa_office.connectors.base import Repeat
from ccpa_office.connectors.http import HTTP, Answer, AnswerOfAnother, Means
from ccpa_office.models import DueWork, WorkState
from requests_app import targets
from requests_app.fulfillment.outside import breaker
from requests_app.fulfillment.outside.breaker import NotNow
from requests_app.models import ConsumerRequest, Correction, OutsideCall, OutsideTask
from requests_app.targets import Vendor

Asked = tuple[str, str]
"""By what a system is asked: kind of identifier, value."""

MOST_TRIES = {Repeat.HARMLESS: 5, Repeat.KEYED: 5, Repeat.ASKABLE: 5, Repeat.BLIND: 2}
"""How often one step is sent at most while nobody knows what became of it."""
BEFORE_THE_END = timedelta(days=3)
"""How long before the consumer's answer is due an answer from outside is."""
SETTLED = {Means.DONE, Means.NOTHING}
LOOKS_WAIT = timedelta(days=3)


class ForAPerson(Exception):
    """The machine goes no further; ``code`` says why, and the task stands on a desk."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class StillUnknown(Exception):
    """Nobody knows what became of a call: it is looked into later, by the class of the system."""


def due_on(vendor: Vendor, consumer_request: ConsumerRequest | None, *, today: date) -> date:
    """By when a system outside answers: its own days, inside the consumer's clock."""
    wanted = today + timedelta(days=vendor.description.answer_days)
    last = consumer_request.due_on if consumer_request else None
    return max(today, min(wanted, last - BEFORE_THE_END)) if last else wanted


@dataclass(frozen=True)
class Way:
    """The way to one outside system for one piece of work, on which every step is written down."""

    vendor: Vendor
    connector: HTTP
    box: sealing.Box
    at: datetime

    def admitted(self) -> AbstractContextManager[None]:
        """Leave to call once. Raises ``NotNow``."""
        return breaker.admitted(self.vendor.key, self.vendor.description.limits, at=self.at)

    def heard(self, answer: Answer) -> Answer:
        """The answer, after the system's state has been brought up to date."""
        breaker.note(self.vendor.key, answer, at=self.at)
        return answer

    # --- what each kind of work says for itself ---

    @property
    def work(self) -> OutsideTask | Correction:
        """The row that is worked on; calls stand under it."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The work's name in the keys of its steps."""
        raise NotImplementedError

    def hold(self) -> None:
        """See that the work is still ours. Raises ``LeaseLost``."""
        raise NotImplementedError

    def send(self, fields: dict[str, str], *, key: str) -> Answer:
        """Ask for one step."""
        raise NotImplementedError

    def was_done(self, fields: dict[str, str]) -> bool:
        """Whether a step that was taken in, or whose answer was lost, has had its effect."""
        raise NotImplementedError


@dataclass(frozen=True)
class Talk(Way):
    """One task of deletion, the system it is about, and the way to it."""

    task: OutsideTask

    @classmethod
    def about(cls, task: OutsideTask, vendor: Vendor, *, at: datetime) -> "Talk":
        return cls(vendor, targets.line(vendor), sealing.Box(task.plan.data_key), at, task)

    @property
    def work(self) -> OutsideTask:
        return self.task

    @property
    def name(self) -> str:
        return str(self.task.pk)

    def hold(self) -> None:
        hold(self.task, asked_at=self.at)

    def send(self, fields: dict[str, str], *, key: str) -> Answer:
        return self.connector.delete(fields, key=key, at=self.at)

    def was_done(self, fields: dict[str, str]) -> bool:
        if "id" in fields:
            return fields["id"] not in find(self, asked_of(self.task))
        return not find(self, list(fields.items()))  # a step by one identifier


def find(talk: Way, asked: Sequence[Asked]) -> list[str]:
    """The ids of every record that the system holds under what it is asked by; as ``held``."""
    return list(held(talk, asked))


def held(talk: Way, asked: Sequence[Asked], *, whole: bool = False) -> dict[str, Any]:
    """Every record, by id, that the system holds under what it is asked by; ``whole``: as it is.

    A look changes nothing, so it has no intent and may be repeated. Raises ``NotNow``,
    ``StillUnknown``, ``ForAPerson``.
    """
    found: dict[str, Any] = {}
    for kind, value in asked:
        with talk.admitted():
            answer = talk.heard(_looked(talk, {kind: value}, whole=whole))
        if answer.means not in SETTLED:
            _wait_out(answer)
            _not_settled(answer)
            raise StillUnknown("pending")  # "later" is no answer to what is held
        found.update({record.id: record.content for record in answer.records})
    return found


def _looked(talk: Way, asked: dict[str, str], *, whole: bool) -> Answer:
    try:
        return talk.connector.find(asked, at=talk.at, whole=whole)
    except AnswerOfAnother:
        raise ForAPerson("answer-of-another") from None


def _wait_out(answer: Answer) -> None:
    """Wait while a system is down, where nothing was asked of it but to look: that is no attempt.

    Raises ``NotNow``.
    """
    if answer.means == Means.UNKNOWN and answer.code in breaker.TROUBLE:
        raise NotNow(answer.code, work.AWAY)


def wait_to_look(row: DueWork, later: NotNow, *, due: datetime, at: datetime) -> None:
    """Let a later look wait for a system that is away; after some days a person is told of it."""
    if at > due + LOOKS_WAIT:
        work.park(row, error_code=later.code)
    else:
        work.put_off(row, error_code=later.code, delay=later.pause)


def _not_settled(answer: Answer) -> None:
    """What an answer that settles nothing leads to; raises always but for ``PENDING``."""
    match answer.means:
        case Means.REFUSED:
            raise ForAPerson(answer.code or "refused")
        case Means.LATER:
            pause = timedelta(seconds=answer.pause) if answer.pause is not None else work.AWAY
            raise NotNow(answer.code or "later", pause)
        case Means.UNKNOWN:
            raise StillUnknown(answer.code)


def delete(talk: Talk, asked: Sequence[Asked]) -> bool:
    """Ask for every deletion; true when all are settled, false while the system works on some.

    Records are looked for once and kept: what is asked for later is what was found then.
    """
    task, description = talk.task, talk.vendor.description
    steps: list[tuple[list[str], dict[str, str]]]
    if description.can_look and not _by_identifier(talk):
        ids = _records(talk, asked)
        steps = [(names(task.round, "record", found), {"id": found}) for found in ids]
    else:
        steps = [(names(task.round, kind, value), {kind: value}) for kind, value in asked]
    settled = [step(talk, named, fields) for named, fields in steps]
    task.deleted = task.calls.filter(means=Means.DONE).count()
    return all(settled)


def _by_identifier(talk: Talk) -> bool:
    endpoint = talk.vendor.description.endpoints["delete"]
    texts = [endpoint.path, *endpoint.query.values(), *endpoint.body.values()]
    return not any("{id}" in text for text in texts)


def _records(talk: Talk, asked: Sequence[Asked]) -> list[str]:
    """The ids to delete: found once, then frozen on the task."""
    task = talk.task
    if not task.records:
        ids = find(talk, asked)
        task.records = talk.box.seal(json.dumps(ids), context="outside.records")
        task.found = len(ids)
        hold(task, records=task.records, found=task.found)
    return list(json.loads(talk.box.open(bytes(task.records), context="outside.records")))


def names(round_: int, what: str, value: str) -> list[str]:
    """Names for a step that tell nothing of the value: by the newest digest key, then by older.

    A step that was begun before the digest keys were rotated stays the same step.
    """
    shorts = [each.hex()[:40] for each in sealing.digests("outside.step", value)]
    return [f"{round_}:{what}:{short}" for short in shorts]


def hold(task: OutsideTask, **changes: object) -> None:
    """Write on a task that is still ours. Raises ``LeaseLost``."""
    held = OutsideTask.objects.filter(pk=task.pk, fence=task.fence, state=WorkState.RUNNING)
    if not held.update(**changes):
        raise work.LeaseLost


def step(talk: Way, named: list[str], fields: dict[str, str]) -> bool:
    """One change, once: true when it is settled, false while the system works on it.

    Raises ``NotNow``, ``StillUnknown``, ``ForAPerson``.
    """
    call = _call_of(talk, named, fields)
    if call.means in SETTLED:
        return True
    if call.means == Means.PENDING:
        return _poll(talk, call, fields)
    if call.tries and _was_done(talk, call, fields):
        return True
    with talk.admitted():
        _intend(talk, call)
        work.seam("outside.before-call")
        try:
            answer = talk.send(fields, key=call.key)
        except AnswerOfAnother:
            _receive(talk, call, Answer(Means.REFUSED, "answer-of-another"))
            raise ForAPerson("answer-of-another") from None
        talk.heard(answer)
    work.seam("outside.after-call")
    _receive(talk, call, answer)
    _not_settled(answer)
    return answer.means in SETTLED


def _call_of(talk: Way, named: list[str], fields: dict[str, str]) -> OutsideCall:
    """The row of a step; its key is made from the step alone, so every attempt has the same."""
    begun = talk.work.calls.filter(step__in=named).first()
    if begun is not None:
        return begun
    name = f"{talk.name}:{named[0]}"
    question = sealing.digest("outside.question", json.dumps(fields, sort_keys=True)).hex()[:64]
    call, _new = talk.work.calls.get_or_create(
        step=named[0],
        defaults={
            "key": sealing.digest("outside.key", name).hex()[2:34],
            "fence": talk.work.fence,
            "question": question,
        },
    )
    return call


def _intend(talk: Way, call: OutsideCall) -> None:
    """Say what will be done, and commit it, before anything leaves the house.

    A step that was sent as often as its class allows waits for a person instead.
    """
    if call.tries >= MOST_TRIES[talk.vendor.description.repeat]:
        raise ForAPerson("unknown")
    with transaction.atomic():
        talk.hold()
        call.tries += 1
        call.fence, call.started_at, call.means = talk.work.fence, talk.at, ""
        call.save(update_fields=["tries", "fence", "started_at", "means"])


def _receive(talk: Way, call: OutsideCall, answer: Answer) -> None:
    """Write down what came back. What was never sent, or not taken in, counts as no try."""
    with transaction.atomic():
        talk.hold()
        call.answered_at, call.means, call.code = talk.at, answer.means, answer.code[:40]
        call.status, call.answer = answer.status, answer.digest
        call.tries -= answer.means == Means.LATER
        if answer.ticket:
            call.ticket = talk.box.seal(answer.ticket, context="outside.ticket")
        call.save()


def _was_done(talk: Way, call: OutsideCall, fields: dict[str, str]) -> bool:
    """Whether a step whose answer was lost had its effect: an askable system is asked first."""
    if talk.vendor.description.repeat != Repeat.ASKABLE or call.means == Means.REFUSED:
        return False
    if not talk.vendor.description.can_look:
        return False
    if not talk.was_done(fields):
        return False
    _receive(talk, call, Answer(Means.DONE, "asked"))
    return True


def _poll(talk: Way, call: OutsideCall, fields: dict[str, str]) -> bool:
    """How far a change is that the system has taken in."""
    if not call.ticket or "status" not in talk.vendor.description.endpoints:
        is_done = talk.was_done(fields)  # no ticket: what is held says how far it is
        if is_done:
            _receive(talk, call, Answer(Means.DONE, "asked", call.status, digest=call.answer))
        return is_done
    ticket = talk.box.open(bytes(call.ticket), context="outside.ticket")
    with talk.admitted():
        answer = talk.heard(talk.connector.status(ticket, at=talk.at))
    if answer.means in SETTLED or answer.means == Means.REFUSED:
        _receive(talk, call, answer)
    _wait_out(answer)
    _not_settled(answer)
    return answer.means in SETTLED


def asked_of(task: OutsideTask) -> list[Asked]:
    """By what the task's system is asked: the frozen keys of its plan."""
    box = sealing.Box(task.plan.data_key)
    asked: list[Asked] = []
    for row in task.plan.tables.order_by("ordinal"):
        keys = json.loads(box.open(bytes(row.keys), context="plan.keys"))
        asked += [(str(kind), str(value)) for kind, value in keys]
    return asked


def root(task: OutsideTask) -> str:
    """One digest over every call of a task, for the book."""
    facts = [
        f"{call.key}:{call.means}:{call.status}:{call.answer}" for call in task.calls.order_by("pk")
    ]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()
