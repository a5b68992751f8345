"""Whose turn it is at a case, what is to be done, and the one button for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import clock
from ccpa_office.admin.deeds import Offer
from ccpa_office.models import WorkState
from ccpa_office.roles import Actor, Verb, may
from ccpa_office.templatetags.office import in_words, moment_in_words
from requests_app.admin.queue_views import to_approve
from requests_app.admin.words import hold_words
from requests_app.fulfillment import access, timetable
from requests_app.models import ConsumerRequest, Package, PackageStage, Plan, Status
from requests_app.workflow import TURN, Turn

_L = gettext_lazy

FIRST: Mapping[Status, tuple[str, ...]] = {
    Status.CHECKING: ("decide", "ask-again"),
    Status.VERIFIED: ("close",),
    Status.APPLYING: ("close",),
    Status.DENYING: ("approve-denial",),
    Status.STOPPED: ("release",),
}
"""The deed that brings a case on, by where it stands; the next one where the first is shut."""

NEXT: Mapping[Status, str | Promise] = {
    Status.RECEIVED: _L("The office looks for a contact on file by itself."),
    Status.WAITING: _L(
        "The consumer answers our letter. The office reminds, and ends the case by itself if "
        "nobody answers."
    ),
    Status.CHECKING: _L("Decide whether it is the consumer."),
    Status.VERIFIED: _L("Do what was asked, then close the case with the answer."),
    Status.PLANNED: _L("Read the plan, then approve or refuse it."),
    Status.EXECUTING: _L("It is being erased. Nothing is to be done."),
    Status.TELLING: _L("Service providers are being told; then the case ends by itself."),
    Status.APPLYING: _L("Apply it in your systems, then close the case."),
    Status.DENYING: _L("Read the draft of the denial, then deny the request or refuse the draft."),
    Status.STOPPED: _L("Find out who asked. Then release the stop, or draft a denial."),
}

TURNS: Mapping[Turn, str | Promise] = {
    Turn.CONSUMER: _L("It is the consumer's turn"),
    Turn.CLERK: _L("It is a clerk's turn"),
    Turn.VERIFIER: _L("It is a verifier's turn"),
    Turn.OFFICER: _L("It is an officer's turn"),
    Turn.APPROVER: _L("It is an approver's turn"),
    Turn.COUNSEL: _L("It is counsel's turn"),
    Turn.OFFICE: _L("The office's machine works on it"),
    Turn.NOBODY: _L("This case is closed"),
}


@dataclass(frozen=True)
class AtPackage:
    """Whose turn it is at a package, what it takes, and what is to be done."""

    turn: Turn
    verb: Verb | None
    next: str | Promise


AT_PACKAGE: Mapping[str, AtPackage] = {
    PackageStage.BUILD: AtPackage(
        Turn.OFFICE, None, _L("What is held of the consumer is collected by itself.")
    ),
    PackageStage.READY: AtPackage(
        Turn.OFFICER, Verb.CLOSE_CASE, _L("Look through the package, then say that it may go.")
    ),
    PackageStage.PROPOSED: AtPackage(
        Turn.APPROVER, Verb.APPROVE, _L("Read the package, then hand it over or send it back.")
    ),
    PackageStage.BY_HAND: AtPackage(
        Turn.OFFICER,
        Verb.CLOSE_CASE,
        _L("Collect by hand what you hold, then close the case with the answer."),
    ),
}
GAVE_UP = AtPackage(
    Turn.OFFICER, Verb.PLAN, _L("Collecting gave up. The package says why; collect it anew.")
)


@dataclass(frozen=True)
class TurnOf:
    """What the head of a case's moves says."""

    whose: str
    mine: bool
    by_when: str
    next: str
    offer: Offer | None = None
    plan: Plan | None = None
    package: Package | None = None


def turn_of(
    subject: ConsumerRequest,
    offers: Iterable[Offer],
    plans: Iterable[Plan],
    packages: Iterable[Package],
    actor: Actor,
) -> TurnOf:
    """Whose turn, by when, the next step, and its button where it is this person's."""
    by_word = {offer.deed.word: offer for offer in offers}
    status = Status(subject.status)
    gave_up = "try-again" in by_word
    package = _waiting(packages) if status in {Status.VERIFIED, Status.COLLECTED} else None
    if package is not None and not gave_up:
        return _at_package(subject, package, by_word, actor)
    building = status is Status.VERIFIED and subject.kind == "delete"
    deciding = "approve-correction" in by_word
    words = () if building else ("approve-correction",) if deciding else FIRST.get(status, ())
    wanted = (by_word.get(word) for word in (*(["try-again"] if gave_up else []), *words))
    offer = next((each for each in wanted if each and not each.why_not), None)
    plan = next(iter(plans), None) if status in {Status.PLANNED, Status.APPROVED} else None
    mine = offer is not None or (status is Status.PLANNED and _may_decide(plan, actor))
    turn = Turn.OFFICE if building and not gave_up else TURN[status]
    turn = Turn.APPROVER if deciding else turn
    return TurnOf(
        whose=_("It is your turn") if mine else str(TURNS[turn]),
        mine=mine,
        by_when=_by_when(subject),
        next=_("Work on this case gave up. Try it again.")
        if gave_up
        else _("Read the corrections, then approve or refuse them.")
        if deciding
        else _next(subject, plan),
        offer=offer,
        plan=plan,
    )


def _by_when(subject: ConsumerRequest) -> str:
    return _("Answer by %s.") % in_words(subject.due_on) if subject.due_on else ""


def _waiting(packages: Iterable[Package]) -> Package | None:
    """The newest package that is not void, handed over or destroyed."""
    return next((each for each in reversed(list(packages)) if each.stage in AT_PACKAGE), None)


def _at_package(
    subject: ConsumerRequest, package: Package, by_word: Mapping[str, Offer], actor: Actor
) -> TurnOf:
    """What a package waits for; the case is closed by hand only where nothing was collected."""
    parked = package.stage == PackageStage.BUILD and package.state == WorkState.PARKED
    at = GAVE_UP if parked else AT_PACKAGE[package.stage]
    mine = at.verb is not None and may(actor, at.verb)
    if mine and package.stage == PackageStage.PROPOSED:
        mine = not access.why_not_hand_over(package, actor, at=clock.now())
    close = by_word.get("close") if package.stage == PackageStage.BY_HAND else None
    return TurnOf(
        whose=_("It is your turn") if mine else str(TURNS[at.turn]),
        mine=mine,
        by_when=_by_when(subject),
        next=str(at.next),
        offer=close if close and not close.why_not else None,
        package=package,
    )


def _may_decide(plan: Plan | None, actor: Actor) -> bool:
    if plan is None:
        return False
    if plan.undecided:
        return may(actor, Verb.DECIDE_SHARED)
    asked = ConsumerRequest.objects.filter(pk=plan.consumer_request_id or 0)
    return may(actor, Verb.APPROVE) and to_approve(asked, actor).exists()


def _next(subject: ConsumerRequest, plan: Plan | None) -> str:
    status = Status(subject.status)
    special = {
        Status.APPROVED: _approved(plan),
        Status.VERIFIED: _("The plan is being built by itself. If one was refused, build it again.")
        if subject.kind == "delete"
        else _("Propose the right value. When it is put right, close the case with the answer.")
        if subject.kind == "correct"
        else "",
        Status.WAITING: _("Nobody could be asked (%s). Deny it, or close it by hand.")
        % hold_words(subject.hold)
        if subject.hold
        else "",
        Status.PLANNED: _("Rows that others reach too wait for a decision; then it is approved.")
        if plan is not None and plan.undecided
        else "",
    }
    return special.get(status, "") or str(NEXT.get(status, ""))


def _approved(plan: Plan | None) -> str:
    if plan is None or plan.executable_at is None:
        return _("Nothing is to be done: it is carried out by itself after the cool-off.")
    when = moment_in_words(timetable.next_run(plan.executable_at))
    return _("Nothing is to be done: it is carried out by itself on %s.") % when
