"""Plays stories in the order of time, with the machines of the office working in between."""

import socket
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import heapify, heappop, heappush
from urllib.parse import urlsplit

from django.conf import settings

from ccpa_office import work
from ccpa_office.law.deadlines import PACIFIC
from ccpa_office.roles import Actor
from requests_app import correspondence, retention, silence, verification
from requests_app.fulfillment import batches, closing, collecting, plan, proof
from requests_app.models import Chunk, Look, Message, Package, Step, StepKind

OWNER = "demo"
STEPS = {
    StepKind.LOOK_UP: verification.look_up,
    StepKind.COMPARE: verification.compare,
    StepKind.PLAN: plan.build,
}
NIGHT = timedelta(days=1)

Story = Generator[timedelta, datetime, None]
"""Says after which pause it goes on, and is sent the moment at which it does."""


def play(stories: Iterable[tuple[datetime, Story]], *, until: datetime) -> None:
    """Tell every story from its first moment to ``until``; the rest has not happened yet."""
    due = [(start + next(story), place, story) for place, (start, story) in enumerate(stories)]
    heapify(due)
    machines = Machines(mail=mail_server_answers())
    while due and due[0][0] <= until:
        at, place, story = heappop(due)
        pause = next_pause(story, at)
        if pause is not None:
            heappush(due, (at + pause, place, story))
        machines.work(at)
    machines.look_again()


def next_pause(story: Story, at: datetime) -> timedelta | None:
    """Go on with a story; None at its end."""
    try:
        return story.send(at)
    except StopIteration:
        return None


def mail_server_answers() -> bool:
    """Whether letters can go now; otherwise they wait for the workers."""
    server = urlsplit(settings.EMAIL_URL)
    try:
        with socket.create_connection((server.hostname or "", server.port or 25), timeout=2):
            return True
    except OSError:
        return False


@dataclass(frozen=True)
class Machines:
    """What the workers of the office would have done at a moment."""

    mail: bool

    def work(self, at: datetime) -> None:
        """Look up, compare, plan, collect; send letters."""
        for lane in ("verify", "plan"):
            for step in work.claim(Step, lane=lane, n=100, owner=OWNER):
                STEPS[StepKind(step.kind)](step, at=at)
        for package in work.claim(Package, lane="collect", n=20, owner=OWNER):
            collecting.build(package, at=at)
        self.send(at)

    def send(self, at: datetime) -> None:
        """Hand over the letters, if somebody takes them."""
        while self.mail and (letters := work.claim(Message, lane="mail", n=100, owner=OWNER)):
            correspondence.deliver(letters, at=at)

    def carry_out(self, at: datetime) -> None:
        """Erase, prove, tell and close."""
        for chunk in work.claim(Chunk, lane="erase", n=10, owner=OWNER):
            batches.work_chunk(chunk, at=at)
        self.send(at)
        closing.close_told(at=at)
        batches.finish_done(at=at)

    @staticmethod
    def look_again() -> None:
        """The later looks, each at its own day."""
        for row in work.claim(Look, lane="prove", n=500, owner=OWNER):
            proof.look_later(row, at=row.not_before)


def nights(officer: Actor, *, pause_on: date) -> Story:
    """Every night: what is due by the calendar. The batch of one night is paused by a person."""
    machines = Machines(mail=mail_server_answers())
    at = yield timedelta()
    while True:
        while batch := batches.open_due(at=at):
            if at.astimezone(PACIFIC).date() == pause_on:
                batches.pause(batch, by=officer, at=at)
        if at.astimezone(PACIFIC).date() != pause_on:
            machines.carry_out(at)
        silence.remind(at=at)
        silence.end(at=at)
        retention.purge(at=at)
        at = yield NIGHT
