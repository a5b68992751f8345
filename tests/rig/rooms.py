"""The other rooms in one story: packages, corrections, systems outside, what was kept and ends.

Two people ask to be forgotten, in the business's database, at a vendor and in a paper archive; two
ask for a copy and fetch it until nothing is left; two ask to have their name put right. When all
that is done the years pass, and what was kept of the first two goes as well.
"""

import re
import time
from dataclasses import dataclass
from functools import partial

import psycopg

from ccpa_office import clock
from ccpa_office.models import ScheduleRun
from requests_app import casework
from requests_app.fulfillment import access, batches, correction
from requests_app.fulfillment.correctable import Claim
from requests_app.fulfillment.outside import hands
from requests_app.models import (
    Batch,
    BatchState,
    ConsumerRequest,
    CorrectionStage,
    Kept,
    Message,
    OutsideTask,
    Package,
    PackageStage,
    Status,
)
from tests.builders import tokens
from tests.rig import settings
from tests.rig.browser import Browser, hidden
from tests.rig.cast import Consumer
from tests.rig.company import Company, again
from tests.rig.story import Story

KINDS = ("delete", "delete", "know-specific", "know-specific", "correct", "correct")
NAME = ("learners", "accounts", "full_name")
RIGHT = "Vale"
CODE = re.compile(r"Your code is ([0-9A-Z]{4}-[0-9A-Z]{4})")
NIGHT_SECONDS = 8.0
YEARS_PASS = (
    "UPDATE invoices SET issued_on = '2001-01-01', legal_hold = false WHERE account_no = ANY(%s)"
)


@dataclass
class Rooms(Story):
    """The story of a run in which every room has something to do."""

    plans_each: int = 3
    night: float = 0.0
    """When the calendar is looked at again, if nobody has opened the batch of ended terms."""

    def is_over(self, status: Status) -> bool:
        """Everybody answered, every package destroyed, and what was kept is gone."""

        def rest() -> bool:
            packages = Package.objects.exclude(stage=PackageStage.DESTROYED)
            ended = Batch.objects.filter(kind=Batch.Kind.TERM, state=BatchState.DONE)
            return ended.exists() and not packages.exists() and not Kept.objects.exists()

        return super().is_over(status) and again(rest)

    # --- the consumers, and whoever keeps the paper -----------------------------------------------

    def _confirm(self) -> None:
        super()._confirm()
        for letter in Message.objects.filter(letter="outside_task", state="done"):
            self._press(partial(self._answer_outside, self.post.text_of(letter.message_id)))
        for package in Package.objects.filter(stage=PackageStage.RELEASED):
            self._press(partial(self._fetch, package))

    def _answer_outside(self, text: str) -> None:
        """Whoever keeps the paper opens the letter's link and answers."""
        waiting = OutsideTask.objects.filter(kind="manual", answered_at=None)
        if not text or not waiting.exists():
            return
        browser = Browser(settings.SITE)
        page = browser.get(f"/requests/l/{tokens(text)[0]}/")
        if 'name="said"' in page:
            answer = {**hidden(page), "said": "deleted", "exception": "", "note": ""}
            browser.post("/requests/outside/", answer)

    def _fetch(self, package: Package) -> None:
        """Open the page by the letter, ask for a code, type it, take the file."""
        request = package.consumer_request
        consumer = next(each for each in self.consumers if each.number == request.number)
        own = f"/requests/{request.public_number}/package/"
        page = consumer.browser.get(own)
        if f"{own}file/" in page:
            consumer.take(f"{own}file/", hidden(page))
        elif f"{own}code/" in page:
            self._show(consumer, request, own, hidden(page))
        elif text := self._text_of(request, "answer_know"):
            landing = consumer.browser.get(f"/requests/l/{tokens(text)[0]}/")
            consumer.browser.post("/requests/l/", hidden(landing))

    def _show(
        self, consumer: Consumer, request: ConsumerRequest, own: str, fields: dict[str, str]
    ) -> None:
        """Type the newest code; ask for one where there is none, or where it did not open."""
        asked = Message.objects.filter(consumer_request=request, letter="package_code")
        found = CODE.search(self._text_of(request, "package_code"))
        if found and found[1] not in consumer.codes:
            consumer.codes.append(found[1])
            consumer.browser.post(own, {**fields, "code": found[1]})
        elif asked.count() == len(consumer.codes):
            consumer.browser.post(f"{own}code/", fields)

    def _text_of(self, request: ConsumerRequest, letter: str) -> str:
        """The newest letter of a sort, once it has arrived."""
        found = Message.objects.filter(consumer_request=request, letter=letter).order_by("-pk")
        newest = found.first()
        return self.post.text_of(newest.message_id) if newest else ""

    # --- the staff --------------------------------------------------------------------------------

    def _staff(self) -> None:
        super()._staff()
        team, at = self.company.team, clock.now()
        for package in Package.objects.filter(stage=PackageStage.READY):
            access.propose(package, hash=package.hash, by=team.officer, at=at)
        for package in Package.objects.filter(stage=PackageStage.PROPOSED):
            access.hand_over(package, hash=package.hash, by=team.approver, at=at)
        for request in ConsumerRequest.objects.filter(kind="correct", status=Status.VERIFIED):
            self._correct(request)
        for task in OutsideTask.objects.filter(state="parked", error_code=hands.TO_CONFIRM):
            hands.confirm(task, by=team.officer, at=at)
        self._end_terms()

    def _correct(self, request: ConsumerRequest) -> None:
        team, at = self.company.team, clock.now()
        consumer = next((each for each in self.consumers if each.number == request.number), None)
        stages = set(request.corrections.values_list("stage", flat=True))
        if consumer and not stages:
            claim = Claim(NAME, f"{consumer.learner.name} {RIGHT}")
            correction.propose(request, claim, reason="a passport", by=team.officer, at=at)
        elif stages == {CorrectionStage.PROPOSED}:
            read = correction.read_now(request)
            correction.approve(request, hash=read, by=team.approver, at=at)
        elif stages == {CorrectionStage.DONE}:
            casework.close_by_hand(
                request, outcome="complied", words="It is put right.", by=team.officer, at=at
            )

    def _end_terms(self) -> None:
        """The years pass once every deletion has ended; a batch for it waits for approval."""
        team, at = self.company.team, clock.now()
        batches_ = Batch.objects.filter(kind=Batch.Kind.TERM)
        open_ = ConsumerRequest.objects.filter(kind="delete").exclude(status=Status.COMPLETED)
        for batch in batches_.filter(state=BatchState.WAITING):
            given = set(batch.approvals.values_list("by_id", flat=True))
            for by in (team.approver, team.second)[: batch.approvals_needed]:
                if by.id not in given:
                    batches.approve(batch, hash=batch.hash, by=by, at=at)
        if open_.exists() or batches_.exists() or not self._all_told():
            return
        if time.monotonic() > self.night:
            self.night = time.monotonic() + NIGHT_SECONDS
            with psycopg.connect(settings.LEARNER_URL) as there:
                there.execute(YEARS_PASS, [[each.learner.key for each in self.deleting]])
            Kept.objects.update(due_on=clock.today())
            ScheduleRun.objects.filter(name="terms").delete()

    def _all_told(self) -> bool:
        return all(each.number for each in self.consumers)


def cast(company: Company, _count: int = 0) -> list[Consumer]:
    """Two people for each kind of request, who have all bought something."""
    buyers = [learner for learner in company.learners if learner.order]
    return [Consumer(learner, kind=kind) for learner, kind in zip(buyers, KINDS, strict=False)]
