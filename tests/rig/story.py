"""Some people ask to be forgotten; the staff do their part; told step by step, from what stands."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet

from ccpa_office import clock
from ccpa_office.keeping import due_models
from requests_app import casework, correspondence, verification
from requests_app.fulfillment import redacting
from requests_app.models import (
    Batch,
    BatchState,
    Chunk,
    ConsumerRequest,
    Message,
    Plan,
    PlanState,
    Status,
    Sweep,
    Trace,
)
from tests.builders import tokens
from tests.rig import invariants
from tests.rig.browser import NoAnswer
from tests.rig.cast import Consumer
from tests.rig.company import Company, again
from tests.rig.crew import Crew, Stuck
from tests.rig.post import Post

LOOK_SECONDS = 2.0
A_PERSONS = ("to-confirm", "outside")
"""Why work stands still that nobody just sets going again."""
WAVE = 2
"""So many are approved at once, so that every run has the same batches."""


@dataclass
class Story:
    """One run's people, with everything that happened to them."""

    company: Company
    crew: Crew
    post: Post
    consumers: list[Consumer]
    released: int = 0
    woken: int = 0
    """Letters and other work that a person had to set going again."""
    broken: set[str] = field(default_factory=set)
    """Invariants that did not hold at some moment on the way."""
    wave: int = WAVE
    plans_each: int = 1
    """How many plans a deletion has: one for each system."""
    meanwhile: Callable[[], None] = lambda: None
    """What the run does beside the story, again and again, from the one thread that may fork."""

    def tell(self, *, seconds: float, until: Status = Status.COMPLETED) -> None:
        """Go on until everybody stands at ``until`` and no work is left. Raises Stuck."""
        ends = time.monotonic() + seconds
        look = time.monotonic()
        while not self.is_over(until):
            if time.monotonic() > ends:
                raise Stuck(again(self.where))
            if time.monotonic() > look:
                self.broken |= set(again(invariants.broken))
                look = time.monotonic() + LOOK_SECONDS
            self.crew.tend()
            self.meanwhile()
            self._ask()
            again(self._confirm)
            again(self._staff)
            again(self._release)
            time.sleep(0.03)

    def is_over(self, status: Status) -> bool:
        """Whether everybody has what they asked for, and nothing is due or parked."""

        def look() -> bool:
            here = ConsumerRequest.objects.filter(status=status).count()
            if here < len(self.consumers) or not all(each.number for each in self.consumers):
                return False
            open_ = Q(state__in=["running", "parked"]) | Q(
                state="ready", not_before__lte=clock.now()
            )
            if Batch.objects.exclude(state=BatchState.DONE).exists():
                return False
            unswept = Chunk.objects.filter(
                proved_at__isnull=False, swept__isnull=True, plans__state="proved",
                plans__map_version__system__kind="sql",
            )  # fmt: skip
            waiting = Message.objects.exclude(state="done"), Sweep.objects.exclude(state="done")
            if any(rows.exists() for rows in (*waiting, unswept, _told_of())):
                return False
            return not any(model.rows().filter(open_).exists() for model in due_models())

        return again(look)

    def where(self) -> str:
        """Where everybody and everything stands."""
        statuses = list(ConsumerRequest.objects.order_by("pk").values_list("status", flat=True))
        works = [
            f"{model.__name__}:{list(values)}"
            for model in due_models()
            if (values := model.rows().exclude(state="done").order_by("pk").values_list(
                "lane", "state", "attempts", "error_code")[:8])
        ]  # fmt: skip
        return f"{statuses} {works}"

    # --- the consumers ----------------------------------------------------------------------------

    def _ask(self) -> None:
        for consumer in self.consumers:
            if not consumer.number:
                self._press(consumer.ask)
                return

    def _confirm(self) -> None:
        waiting = {each.learner.email: each for each in self.consumers if not each.confirmed}
        letters = Message.objects.filter(letter="confirm", consumer_request__status=Status.WAITING)
        for message_id in letters.values_list("message_id", flat=True):
            text = self.post.text_of(message_id)
            consumer = waiting.get(self.post.recipient_of(message_id))
            if text and consumer:
                self._press(partial(consumer.confirm, tokens(text)[0]))

    def _press(self, button: Callable[[], None]) -> None:
        try:
            button()
        except NoAnswer:
            self.crew.tend()
            time.sleep(0.1)

    # --- the staff --------------------------------------------------------------------------------

    def _staff(self) -> None:
        team, at = self.company.team, clock.now()
        for batch in Batch.objects.filter(sweeps__traces__in=_told_of()).distinct():
            redacting.keep(batch, ground="DX_4", by=team.officer, at=at)
        for each in ConsumerRequest.objects.filter(status=Status.CHECKING):
            verification.decide(each, by=team.verifier, reason="the points match", at=at)
        if Plan.objects.filter(state=PlanState.APPROVED, chunk__isnull=True).exists():
            return
        deleting = self.deleting
        for start in range(0, len(deleting), self.wave):
            numbers = [each.number for each in deleting[start : start + self.wave]]
            plans = Plan.objects.filter(state=PlanState.FROZEN,
                                        consumer_request__status=Status.PLANNED,
                                        consumer_request__number__in=numbers)  # fmt: skip
            if plans.count() == len(numbers) * self.plans_each:
                self._approve(list(plans.order_by("consumer_request__nonce", "pk")))
                return

    @property
    def deleting(self) -> list[Consumer]:
        """Those who ask to be forgotten."""
        return [each for each in self.consumers if each.kind == "delete"]

    def _approve(self, plans: list[Plan]) -> None:
        """One wave in one transaction, so that it is gathered as one."""
        at = clock.now()
        with transaction.atomic():
            for plan in plans:
                casework.approve(plan, hash=plan.hash, by=self.company.team.approver, at=at)

    def _release(self) -> None:
        """What a person does with work that was parked: look at it and let it go on."""
        for message in Message.objects.filter(state="parked"):
            self.released += 1
            correspondence.release(message, by=self.company.team.officer, at=clock.now())
        for model in due_models():
            if model is not Message:
                self.woken += (
                    model.rows()
                    .filter(state="parked")
                    .exclude(error_code__in=A_PERSONS)
                    .update(state="ready", attempts=0, error_code="")
                )


def people(company: Company, count: int) -> list[Consumer]:
    """The first ``count`` people of the company."""
    return [Consumer(learner) for learner in company.learners[:count]]


def _told_of() -> QuerySet[Trace]:
    """Rows of others that tell of somebody, and wait for a person's decision."""
    return Trace.objects.filter(state="open", sweep__looked_at__isnull=False)
