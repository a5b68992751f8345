"""The life of a request: one table of moves, one function that makes them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from django.db import transaction
from django.db.models import F, TextChoices
from django.utils.translation import gettext_lazy as _

from ccpa_office import ledger, sealing
from ccpa_office.law.kinds import UNVERIFIED, RequestKind
from ccpa_office.prepared import Changed
from ccpa_office.roles import Actor, Verb
from requests_app import correspondence
from requests_app.models import CLOSED, ConsumerRequest, Note, Outcome, Status


class MoveNotAllowed(Exception):
    """The table of moves does not lead from where the request stands to where it should go."""


class Turn(TextChoices):
    """Whose turn it is."""

    CONSUMER = "consumer", _("the consumer")
    CLERK = "clerk", _("a clerk")
    VERIFIER = "verifier", _("a verifier")
    OFFICER = "officer", _("an officer")
    APPROVER = "approver", _("an approver")
    COUNSEL = "counsel", _("counsel")
    OFFICE = "office", _("the office's machines")
    NOBODY = "nobody", _("nobody")


class Stage(TextChoices):
    """Where it stands, in the consumer's words."""

    RECEIVED = "received", _("We have your request.")
    CHECKING = "checking", _("We are checking that it is you.")
    WAITING = "waiting", _("We need something from you.")
    DECIDING = "deciding", _("We are deciding what to do.")
    CARRYING_OUT = "carrying-out", _("We are doing it.")
    DONE = "done", _("It is done.")
    IN_PART = "in-part", _("We did part of it.")
    NOT_DONE = "not-done", _("We could not do it.")


TURN: Mapping[Status, Turn] = {
    Status.RECEIVED: Turn.OFFICE,
    Status.WAITING: Turn.CONSUMER,
    Status.CHECKING: Turn.VERIFIER,
    Status.VERIFIED: Turn.OFFICER,
    Status.PLANNED: Turn.APPROVER,
    Status.COLLECTED: Turn.APPROVER,
    Status.APPROVED: Turn.OFFICE,
    Status.EXECUTING: Turn.OFFICE,
    Status.TELLING: Turn.OFFICE,
    Status.APPLYING: Turn.CLERK,
    Status.DENYING: Turn.APPROVER,
    Status.STOPPED: Turn.APPROVER,
    **dict.fromkeys(sorted(CLOSED), Turn.NOBODY),
}

STAGE: Mapping[Status, Stage] = {
    Status.RECEIVED: Stage.RECEIVED,
    Status.WAITING: Stage.CHECKING,
    Status.CHECKING: Stage.CHECKING,
    Status.VERIFIED: Stage.DECIDING,
    Status.PLANNED: Stage.DECIDING,
    Status.COLLECTED: Stage.DECIDING,
    Status.APPROVED: Stage.CARRYING_OUT,
    Status.EXECUTING: Stage.CARRYING_OUT,
    Status.TELLING: Stage.CARRYING_OUT,
    Status.APPLYING: Stage.CARRYING_OUT,
    Status.DENYING: Stage.DECIDING,
    Status.STOPPED: Stage.CHECKING,
    Status.COMPLETED: Stage.DONE,
    Status.DENIED: Stage.NOT_DONE,
    Status.WITHDRAWN: Stage.NOT_DONE,
    Status.NOT_CONFIRMED: Stage.NOT_DONE,
    Status.DUPLICATE: Stage.NOT_DONE,
    Status.REDIRECTED: Stage.NOT_DONE,
}


class Placed(Protocol):
    """What has a status and an outcome."""

    @property
    def status(self) -> str: ...

    @property
    def outcome(self) -> str: ...


def stage(placed: Placed) -> Stage:
    """Where a request stands, in the consumer's words (look.md's table of stages)."""
    if placed.outcome == Outcome.IN_PART:
        return Stage.IN_PART
    return STAGE[Status(placed.status)]


@dataclass(frozen=True)
class Move:
    """One way to ``to``: from where, by whom, and with which letter.

    ``who`` is the verb that a member of staff needs; None is for machines and the consumer.
    ``letter`` is a letter's name, or the names by outcome or ground.
    """

    sources: frozenset[Status]
    who: Verb | None = None
    letter: str | Mapping[str, str] = ""


def _from(*sources: Status, who: Verb | None = None, letter: Any = "") -> Move:
    return Move(frozenset(sources), who, letter)


_OPEN = frozenset(Status) - CLOSED
_BEFORE_EXECUTION = _OPEN - {Status.EXECUTING, Status.TELLING}

_EVERYWHERE: dict[Status, Move] = {
    Status.WITHDRAWN: Move(_BEFORE_EXECUTION, None, "withdrawn"),
    Status.DUPLICATE: Move(_BEFORE_EXECUTION - {Status.APPROVED}, Verb.CLOSE_CASE, "answer_manual"),
    Status.REDIRECTED: Move(
        _BEFORE_EXECUTION - {Status.APPROVED}, Verb.CLOSE_CASE, "answer_manual"
    ),
}

_VERIFIABLE: dict[Status, Move] = {
    **_EVERYWHERE,
    Status.WAITING: _from(Status.RECEIVED, Status.CHECKING, Status.DENYING, who=Verb.VERIFY),
    Status.CHECKING: _from(Status.WAITING, Status.STOPPED, Status.DENYING),
    Status.VERIFIED: _from(Status.CHECKING, Status.DENYING, who=Verb.VERIFY),
    Status.STOPPED: Move(_BEFORE_EXECUTION - {Status.STOPPED}, None, "stopped"),
    Status.DENYING: _from(
        Status.WAITING, Status.CHECKING, Status.VERIFIED, Status.PLANNED, Status.STOPPED,
        who=Verb.DENY,
    ),
    Status.DENIED: _from(
        Status.DENYING, Status.CHECKING, who=Verb.APPROVE_DENIAL,
        letter={"DEN_UNVERIFIED": "unverifiable", "": "denied"},
    ),
    Status.NOT_CONFIRMED: _from(
        Status.WAITING, letter={"DEN_NO_DATA": "nothing_found", "": "not_confirmed"}
    ),
    Status.COMPLETED: _from(
        Status.VERIFIED, Status.WAITING, Status.CHECKING, who=Verb.CLOSE_CASE,
        letter={"DEN_NO_DATA": "nothing_found", "": "answer_manual"},
    ),
}  # fmt: skip

_KNOW: dict[Status, Move] = {
    **_VERIFIABLE,
    Status.VERIFIED: _from(Status.CHECKING, Status.DENYING, Status.COLLECTED, who=Verb.VERIFY),
    Status.COLLECTED: _from(Status.VERIFIED, who=Verb.CLOSE_CASE),
    Status.COMPLETED: _from(
        Status.VERIFIED, Status.WAITING, Status.CHECKING, Status.COLLECTED, who=Verb.CLOSE_CASE,
        letter={"DEN_NO_DATA": "nothing_found", Status.COLLECTED: "", "": "answer_manual"},
    ),
}  # fmt: skip

_DELETE: dict[Status, Move] = {
    **_VERIFIABLE,
    Status.VERIFIED: _from(
        Status.CHECKING, Status.PLANNED, Status.APPROVED, Status.EXECUTING, Status.TELLING,
        Status.DENYING, who=Verb.VERIFY,
    ),
    Status.PLANNED: _from(Status.VERIFIED, Status.APPROVED, Status.DENYING),
    Status.APPROVED: _from(Status.PLANNED, who=Verb.APPROVE, letter="verified_notice"),
    Status.EXECUTING: _from(Status.APPROVED),
    Status.TELLING: _from(Status.EXECUTING),
    Status.COMPLETED: _from(
        Status.TELLING, Status.EXECUTING, Status.WAITING, Status.CHECKING, Status.PLANNED,
        letter={
            "DEN_NO_DATA": "nothing_found",
            Outcome.IN_PART: "done_delete_part",
            "": "done_delete",
        },
    ),
}  # fmt: skip

_APPEAL: dict[Status, Move] = {
    **_EVERYWHERE,
    Status.VERIFIED: _from(Status.RECEIVED, Status.DENYING),
    Status.DENYING: _from(Status.VERIFIED, who=Verb.DENY),
    Status.DENIED: _from(Status.DENYING, who=Verb.APPROVE_DENIAL, letter="denied"),
    Status.COMPLETED: _from(Status.VERIFIED, who=Verb.CLOSE_CASE, letter="answer_manual"),
}

_OPT_OUT: dict[Status, Move] = {
    **_EVERYWHERE,
    Status.APPLYING: _from(Status.RECEIVED, Status.DENYING),
    Status.DENYING: _from(Status.APPLYING, who=Verb.DENY),
    Status.DENIED: _from(Status.DENYING, who=Verb.APPROVE_DENIAL, letter="denied"),
    Status.COMPLETED: _from(Status.APPLYING, who=Verb.CLOSE_CASE, letter="optout_done"),
}

MOVES: Mapping[RequestKind, Mapping[Status, Move]] = {
    RequestKind.DELETE: _DELETE,
    RequestKind.KNOW_CATEGORIES: _KNOW,
    RequestKind.KNOW_SPECIFIC: _KNOW,
    RequestKind.CORRECT: _VERIFIABLE,
    RequestKind.ADMT_ACCESS: _VERIFIABLE,
    RequestKind.ADMT_APPEAL: _APPEAL,
    **dict.fromkeys(sorted(UNVERIFIED), _OPT_OUT),
}


Facts = Mapping[str, Any] | Callable[[ConsumerRequest], Mapping[str, Any]] | None
"""What the ledger shall know of a move: the same for all, or a function of each request."""


def sources(kind: RequestKind, to: Status) -> frozenset[Status]:
    """The states from which a request of ``kind`` may go to ``to``."""
    found = MOVES[kind].get(to)
    return found.sources if found else frozenset()


def move(
    consumer_request: ConsumerRequest,
    to: Status,
    *,
    by: Actor,
    at: datetime,
    facts: Facts = None,
    reason: str = "",
    **changes: Any,
) -> ConsumerRequest:
    """Bring one request to ``to``: ``move_all`` for one.

    ``reason`` is what a person wrote: sealed beside the request, only its digest in the book.
    """
    given = dict(facts(consumer_request) if callable(facts) else facts or {})
    with transaction.atomic():
        if reason:
            note(consumer_request, reason, author=Note.Author.INTERNAL, by=by, at=at)
            given["reason"] = sealing.digest("reason", reason).hex()
        return move_all([consumer_request], to, by=by, at=at, facts=given, **changes)[0]


def locked(consumer_request: ConsumerRequest) -> ConsumerRequest:
    """The request as it stands now, held until the transaction ends; a page's copy may be old."""
    rows = ConsumerRequest.objects.select_for_update(of=("self",)).select_related("data_key")
    return rows.get(pk=consumer_request.pk)


def note(
    consumer_request: ConsumerRequest, text: str, *, author: Note.Author, by: Actor, at: datetime
) -> Note:
    """Keep words beside a request, sealed with its key."""
    assert consumer_request.data_key is not None  # noqa: S101  only purged requests have none
    box = sealing.Box(consumer_request.data_key)
    return Note.objects.create(
        consumer_request=consumer_request,
        author=author,
        staff_id=by.id,
        text=box.seal(text, context="note.text"),
        at=at,
    )


@transaction.atomic(savepoint=False)
def move_all(
    consumer_requests: Iterable[ConsumerRequest],
    to: Status,
    *,
    by: Actor,
    at: datetime,
    facts: Facts = None,
    letter_context: correspondence.Context = None,
    **changes: Any,
) -> list[ConsumerRequest]:
    """Bring requests of one kind to ``to`` with as many statements as one of them needs.

    One UPDATE guarded by the sources, one insert into the book, one insert of letters. ``changes``
    are further columns of the requests that the move writes. Raises ``MoveNotAllowed`` and changes
    nothing when any of the requests stands elsewhere.
    """
    moved = list(consumer_requests)
    kind = _one_kind(moved, to)
    changes["status"] = to
    if to in CLOSED:
        changes |= {"closed_at": at, "answered_at": at}
    count = _moving(kind, to, tuple(changes))(sorted(each.pk for each in moved), *changes.values())
    if count != len(moved):
        raise MoveNotAllowed(
            f"{len(moved) - count} of {len(moved)} stand where no move leads to {to}"
        )
    for each in moved:
        each.previous_status = each.status
        for name, value in changes.items():
            setattr(each, name, value)
    entries = [
        (each.number, dict(facts(each) if callable(facts) else facts or {})) for each in moved
    ]
    ledger.record_many(f"request.{to}", entries, by=by, at=at)
    _queue_letters(moved, MOVES[kind][to].letter, at, letter_context)
    return moved


@cache
def _moving(kind: RequestKind, to: Status, names: tuple[str, ...]) -> Changed:
    """The change of these columns of requests that stand where the move leads from."""
    allowed = sorted(sources(kind, to))

    def ask(keys: list[int], *values: Any) -> tuple[Any, dict[str, Any]]:
        standing = ConsumerRequest.objects.filter(pk__in=keys, status__in=allowed)
        return standing, {"previous_status": F("status"), **dict(zip(names, values, strict=True))}

    return Changed(ask)


def _one_kind(moved: list[ConsumerRequest], to: Status) -> RequestKind:
    kinds = {RequestKind(each.kind) for each in moved}
    if len(kinds) != 1:
        raise MoveNotAllowed("requests of one kind are moved together")
    kind = kinds.pop()
    if to not in MOVES[kind]:
        raise MoveNotAllowed(f"a {kind} request never becomes {to}")
    return kind


def _queue_letters(
    moved: list[ConsumerRequest],
    letter: str | Mapping[str, str],
    at: datetime,
    context: correspondence.Context,
) -> None:
    by_name: dict[str, list[ConsumerRequest]] = {}
    for each in moved:
        by_name.setdefault(_letter_of(each, letter), []).append(each)
    for name, recipients in by_name.items():
        if name:
            correspondence.queue_all(name, recipients, at=at, context=context)


def _letter_of(consumer_request: ConsumerRequest, letter: str | Mapping[str, str]) -> str:
    """The letter for the ground; else for the outcome, or where it stood; else for everybody."""
    if isinstance(letter, str):
        return letter
    told = (consumer_request.ground, consumer_request.outcome, consumer_request.previous_status)
    for word in filter(None, told):
        if word in letter:
            return letter[word]
    return letter[""]


def _names(letters: Mapping[str, str]) -> str:
    return ", ".join(filter(None, letters.values()))


HEAD = (
    "# The life of a request",
    "",
    "Generated from `requests_app/workflow.py` by `manage.py manual`. For each right: from which",
    "states a request can come to which, who brings it there (a verb of [roles](roles.md), the",
    "machine or the consumer), and which [letter](letters.md) goes. The consumer reads a sentence,",
    "never a state.",
    "",
)


def drawing() -> str:
    """The table as Mermaid drawings, one for each life: a page of the manual is made of it."""
    lives: dict[int, list[RequestKind]] = {}
    for kind, moves in MOVES.items():
        lives.setdefault(id(moves), []).append(kind)
    parts = [*HEAD]
    for kinds in lives.values():
        parts += [f"## {', '.join(kinds)}", "", "```mermaid", "stateDiagram-v2"]
        for to, each in MOVES[kinds[0]].items():
            parts += [f"    {source} --> {to}" for source in sorted(each.sources)]
        parts += ["```", "", "| to | who | letter |", "|---|---|---|"]
        for to, each in MOVES[kinds[0]].items():
            names = each.letter if isinstance(each.letter, str) else _names(each.letter)
            parts.append(f"| {to} | {each.who or 'machine or consumer'} | {names or '-'} |")
        parts.append("")
    return "\n".join(parts)
