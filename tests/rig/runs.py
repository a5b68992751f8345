"""The runs: which faults strike when, and what is looked at afterwards."""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connections

from ccpa_office import connectors
from requests_app.models import Status
from tests.rig import crew, digest, invariants, rooms, settings
from tests.rig.company import Company, again
from tests.rig.crew import Crew, Stuck
from tests.rig.digest import Digest
from tests.rig.post import Post
from tests.rig.rooms import Rooms
from tests.rig.seams import Orders
from tests.rig.settings import OFFICE, PRISTINE
from tests.rig.story import Story, people
from tests.vendor.server import Vendor


@dataclass
class Rig:
    """What all runs share."""

    company: Company
    post: Post
    orders: Orders
    seed: int
    count: int
    vendor: Vendor
    reference: dict[str, Digest] = field(default_factory=dict)
    pages: list[float] = field(default_factory=list)
    """The digest of the clean run of each story, and how long its pages took."""


@dataclass
class Told:
    """What one run found."""

    name: str
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds_of_pages: list[float] = field(default_factory=list)
    digest: Digest = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)


@dataclass
class Run:
    """One telling of the story under one kind of fault."""

    name: str
    prepare: Callable[["Rig", Story, random.Random, Told], None] = lambda *_: None
    programs: tuple[str, ...] = ("web", "worker", "keeper")
    variables: dict[str, str] = field(default_factory=dict)
    seconds: float = 600.0
    finish: Callable[[], None] = lambda: None
    compares: bool = True
    count: int = 0
    """How many people, if not as many as in the others."""
    after: Callable[["Rig", Story, Told], None] = lambda *_: None
    hurries: bool = False
    """Whether its pages must be as fast as those of the clean run."""
    until: Status = Status.COMPLETED
    rooms: bool = False
    """Whether it tells the story of the other rooms."""

    @property
    def story(self) -> str:
        """Which story it tells: runs of one story are compared with each other."""
        return "rooms" if self.rooms else "deletions"

    def tell(self, rig: Rig) -> Told:
        """Tell it from the pristine office to its end, and look at what is left."""
        told, began = Told(self.name), time.monotonic()
        crew_ = Crew({**settings.VARIABLES, **self.variables})
        made, cast = (Rooms, rooms.cast) if self.rooms else (Story, people)
        told_of = cast(rig.company, self.count or rig.count)
        story = made(rig.company, crew_, rig.post, told_of)
        _begin(rig, settings.ROOMS if self.rooms else PRISTINE[OFFICE])
        chance = random.Random(f"{rig.seed} {self.name}")  # noqa: S311 - one seed, one history
        try:
            self.prepare(rig, story, chance, told)
            crew_.start(*self.programs)
            story.tell(seconds=self.seconds, until=self.until)
            self.after(rig, story, told)
        except Stuck as stuck:
            told.bad.append(f"stuck: {stuck}\n{crew_.log_of(self.programs)}")
        finally:
            self.finish()
            rig.orders.withdraw()
            rig.orders.thaw()
            crew_.end()
        self._look(rig, story, told)
        told.seconds = time.monotonic() - began
        return told

    def _broken(self, rig: Rig, story: Story) -> list[str]:
        """What must not be, now that the run is over."""
        bad = sorted(story.broken | set(again(invariants.broken)))
        bad += again(invariants.book) + invariants.roots() + invariants.erasures()
        bad += invariants.told([who.number for who in story.consumers if who.number])
        if self.rooms:
            bad += invariants.vendor(rig.vendor)
            bad += invariants.packages(story.consumers, rig.company.learners)
        return bad

    def _look(self, rig: Rig, story: Story, told: Told) -> None:
        told.seconds_of_pages = [each for who in story.consumers for each in who.seconds]
        for seam, deed, program, _pid in rig.orders.done():
            told.struck[seam] += 1
            told.faults[f"{deed} {program}"] += 1
        told.passed = rig.orders.passed()
        told.bad += self._broken(rig, story)
        bad, doubles, unknown = invariants.mail(rig.post)
        told.bad += bad
        told.faults += Counter({"letter again": doubles, "letter unknown": unknown})
        told.digest = {**digest.Reader().office(), **digest.of_store(settings.LEARNER_URL)}
        told.digest["vendor.people"] = Counter(sorted(rig.vendor.people))
        if self.compares and (clean := rig.reference.get(self.story)):
            told.bad += digest.differences(clean, told.digest)
        told.notes.append(f"digest {digest.short(told.digest)}")
        told.notes.append(pages(told.seconds_of_pages))
        if self.hurries:
            told.bad += slower(rig.pages, told.seconds_of_pages)
        told.notes.append(
            f"presses {sum(who.presses for who in story.consumers)},"
            f" set going by a person: letters {story.released}, other work {story.woken},"
            f" revived {dict(story.crew.revived)}"
        )
        connections.close_all()
        connectors.close_all()


def quantile(seconds: list[float], share: float) -> float:
    """The smallest of ``seconds`` that ``share`` of them do not exceed."""
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]


def pages(seconds: list[float]) -> str:
    """How long pages took, in words."""
    if not seconds:
        return "no pages"
    half, most = quantile(seconds, 0.5), quantile(seconds, 0.95)
    return f"{len(seconds)} pages, p50 {half * 1000:.0f} ms, p95 {most * 1000:.0f} ms"


NOISE = 1.0
"""Seconds: less than a page waits for a broker that is frozen, more than for a busy machine."""


def slower(healthy: list[float], sick: list[float]) -> list[str]:
    """Pages that are out of proportion to those of the healthy office, with room for noise."""
    return [
        f"pages at {share:.0%}: {there:.2f} s, healthy {here:.2f} s"
        for share in (0.5, 0.95)
        if (there := quantile(sick, share)) > 3 * (here := quantile(healthy, share)) + NOISE
    ]


def _begin(rig: Rig, office: str) -> None:
    connections.close_all()
    connectors.close_all()
    crew.reset(office)
    rig.company.fill(rig.vendor)
    rig.orders.clear()
    rig.post.begin()


CLEAN = Run("clean")
CLEAN_ROOMS = Run("rooms: clean", rooms=True)
