"""How a request of the demo goes its way: each life is made of the verbs that people use."""

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ccpa_office.law.kinds import UNVERIFIED, RequestKind
from ccpa_office.roles import Actor
from requests_app import casework, intake, verification
from requests_app.fulfillment import access
from requests_app.intake import Asked
from requests_app.management.demo_company.days import Story
from requests_app.management.demo_company.people import Learner, Staff
from requests_app.models import Channel, ConsumerRequest, Link, LinkPurpose, Plan

CONSUMER = Actor.consumer()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = timedelta()

Part = Generator[timedelta, datetime, ConsumerRequest]
"""A stretch of a life; it ends with the request."""


def fresh(asked: ConsumerRequest) -> ConsumerRequest:
    """The request as it stands now."""
    return ConsumerRequest.objects.select_related("data_key").get(pk=asked.pk)


def plan_of(asked: ConsumerRequest) -> Plan:
    """The newest plan of a request."""
    return asked.plans.select_related("consumer_request").latest("pk")


def link_of(asked: ConsumerRequest, purpose: LinkPurpose) -> Link:
    """The newest link that was mailed for a request and still opens."""
    living = asked.links.filter(purpose=purpose, used_at=None, voided_at=None)
    return living.select_related("consumer_request__data_key", "contact").latest("pk")


@dataclass(frozen=True)
class Case:
    """What is told of one request: who asks for what, how, and who works it."""

    name: str
    kind: RequestKind
    person: Learner
    staff: Staff
    channel: Channel = Channel.WEB
    words: str = ""
    choices: dict[str, str] = field(default_factory=dict)

    # --- stretches ------------------------------------------------------------------------------

    def ask(self, at: datetime) -> ConsumerRequest:
        """The request comes in: by the consumer's own hand, or through a clerk."""
        identifiers = {"email": self.person.email, "name": self.person.name}
        if self.kind in UNVERIFIED:
            identifiers.pop("name")
        asked = Asked(
            self.kind, identifiers, self.channel, self.person.language, f"demo-{self.name}",
            words=self.words, choices=self.choices,
        )  # fmt: skip
        by = CONSUMER if self.channel is Channel.WEB else self.staff.clerk
        return intake.open_request(asked, by=by, at=at)

    def confirmed(self, after: timedelta = 5 * HOUR, points: dict[str, str] | None = None) -> Part:
        """Asked, and confirmed from the contact on file with answers."""
        at = yield NOW
        asked = self.ask(at)
        at = yield after
        known = self.person.points if points is None else points
        high = self.kind in {RequestKind.KNOW_SPECIFIC, RequestKind.ADMT_ACCESS}
        link = link_of(asked, LinkPurpose.CONFIRM)
        signed = self.person.name if high else ""
        verification.accept_evidence(link, known, signed_as=signed, at=at)
        return asked

    def verified(self, after: timedelta = DAY, confirm: timedelta = 5 * HOUR) -> Part:
        """Confirmed, and decided by the verifier."""
        asked = yield from self.confirmed(confirm)
        at = yield after
        casework.assign(fresh(asked), by=self.staff.verifier, at=at)
        at = yield HOUR
        reason = "The answers match what we hold, and they came from the contact on file."
        verification.decide(fresh(asked), by=self.staff.verifier, reason=reason, at=at)
        return asked

    # --- whole lives ----------------------------------------------------------------------------

    def waits(self) -> Story:
        """Asked; nobody has confirmed yet, or ever will."""
        at = yield NOW
        self.ask(at)

    def is_to_be_decided(self, *, wrong: bool = False) -> Story:
        """Confirmed with right or wrong answers; the case stands on the verifier's desk."""
        points = {"postal_code": "90000", "phone": self.person.phone} if wrong else None
        yield from self.confirmed(points=points)

    def is_asked_again(self) -> Story:
        """The answers did not match; the verifier asks the contact on file once more."""
        asked = yield from self.confirmed(points={"postal_code": "90000", "phone": "415 555 0100"})
        at = yield DAY
        reason = "Neither answer matches; perhaps an older address."
        verification.ask_again(fresh(asked), by=self.staff.verifier, reason=reason, at=at)

    def is_planned(self, *, extend_after: timedelta | None = None) -> Story:
        """Verified; the plan waits for somebody to approve it."""
        asked = yield from self.verified()
        if extend_after is not None:
            at = yield extend_after
            self.extend(asked, at)

    def is_half_approved(self) -> Story:
        """Above a ceiling: one person has approved, a second is needed."""
        asked = yield from self.verified()
        at = yield DAY
        self.approve(asked, at)

    def is_approved(self, *, after: timedelta = DAY, confirm: timedelta = 5 * HOUR) -> Story:
        """Approved: the cool-off runs, and a night's batch does the rest."""
        asked = yield from self.verified(confirm=confirm)
        at = yield after
        self.approve(asked, at)

    def approve(self, asked: ConsumerRequest, at: datetime) -> None:
        """The approver says yes to the plan as it is."""
        plan = plan_of(asked)
        casework.approve(plan, hash=plan.hash, by=self.staff.approver, at=at)

    def extend(self, asked: ConsumerRequest, at: datetime) -> None:
        """The officer takes the longer time."""
        reason = "Your records are spread over several systems, and one of them is being moved."
        casework.extend(fresh(asked), reason=reason, by=self.staff.officer, at=at)

    def is_withdrawn(self) -> Story:
        """The consumer takes it back."""
        asked = yield from self.confirmed()
        at = yield 2 * DAY
        casework.withdraw(fresh(asked), by=CONSUMER, at=at)

    def is_stopped(self, *, released: bool = False) -> Story:
        """The contact on file says that it was not them; perhaps a person has looked into it."""
        asked = yield from self.verified()
        at = yield 6 * HOUR
        casework.stop_by_link(link_of(asked, LinkPurpose.STOP), at=at)
        if released:
            at = yield DAY
            reason = "The learner telephoned: a child pressed the link."
            casework.release_stop(fresh(asked), reason=reason, by=self.staff.approver, at=at)

    def is_denied(
        self, *, ground: str, exception: str = "", words: str, decided: bool = True
    ) -> Story:
        """Counsel drafts a denial; another person approves it, or has not looked yet."""
        if self.kind in UNVERIFIED:
            at = yield NOW
            asked = self.ask(at)
        else:
            asked = yield from self.verified()
        at = yield DAY
        casework.propose_denial(
            fresh(asked), ground=ground, exception=exception, words=words,
            by=self.staff.counsel, at=at,
        )  # fmt: skip
        if decided:
            at = yield DAY
            casework.approve_denial(fresh(asked), by=self.staff.approver, at=at)

    def is_worked(self, *, extended: bool = False) -> Story:
        """Verified, or open to be applied; people work it by hand."""
        asked = yield from self._in_hand()
        at = yield DAY
        casework.assign(fresh(asked), by=self.staff.officer, at=at)
        if extended:
            at = yield 8 * DAY
            self.extend(asked, at)

    def is_collected(self) -> Story:
        """The package was looked through; somebody else has to hand it over."""
        asked = yield from self.verified()
        at = yield DAY
        package = asked.packages.latest("version")
        access.propose(package, hash=package.hash, by=self.staff.officer, at=at)

    def is_answered(self, *, outcome: str = "complied", words: str) -> Story:
        """Worked by hand and closed with an outcome and an answer."""
        asked = yield from self._in_hand()
        at = yield 3 * DAY
        casework.close_by_hand(
            fresh(asked), outcome=outcome, words=words, by=self.staff.officer, at=at
        )

    def _in_hand(self) -> Part:
        if self.kind not in UNVERIFIED and self.kind is not RequestKind.ADMT_APPEAL:
            return (yield from self.verified())
        at = yield NOW
        return self.ask(at)

    def is_closed_early(self, *, outcome: str, words: str) -> Story:
        """Closed before anybody verified anything: a duplicate, or the wrong door."""
        at = yield NOW
        asked = self.ask(at)
        at = yield DAY
        casework.close_by_hand(
            fresh(asked), outcome=outcome, words=words, by=self.staff.officer, at=at
        )

    def finds_nothing(self) -> Story:
        """Nothing is held; the typed mailbox was proven, so the answer can say so."""
        at = yield NOW
        asked = self.ask(at)
        at = yield HOUR
        verification.follow(link_of(asked, LinkPurpose.FOLLOW), at=at)

    def is_talked_about(self) -> Story:
        """Followed and written about, both ways."""
        at = yield NOW
        asked = self.ask(at)
        at = yield HOUR
        verification.follow(link_of(asked, LinkPurpose.FOLLOW), at=at)
        at = yield 20 * HOUR
        casework.hear(fresh(asked), "I no longer have the telephone number of my account.", at=at)
        at = yield 5 * HOUR
        answer = "Your ZIP code and the number of one of your orders are enough."
        casework.write(fresh(asked), answer, by=self.staff.officer, at=at)
