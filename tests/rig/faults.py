"""Which faults there are, and when they strike."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings as office
from django.db import DatabaseError, connections

from ccpa_office import clock
from requests_app.fulfillment import batches
from requests_app.models import ConsumerRequest, Message, Status
from tests.builders import tokens
from tests.rig import crew, digest, settings
from tests.rig.browser import Browser, hidden
from tests.rig.cast import PRESSES
from tests.rig.post import CUT, LATER, REFUSE, SILENT, TAKE
from tests.rig.runs import Rig, Run, Told
from tests.rig.story import Story

NOBODY = {"REDIS_URL": f"redis+socket://{settings.FOLDER}/nobody-listens.sock"}


@dataclass
class Every:
    """True once in so many seconds, at most so often."""

    seconds: float
    most: int = 10**6
    due: float = field(default_factory=time.monotonic)

    def now(self) -> bool:
        """Whether it is time again."""
        if not self.most or time.monotonic() < self.due:
            return False
        self.due, self.most = time.monotonic() + self.seconds, self.most - 1
        return True


# --- signal 9 -----------------------------------------------------------------------------------

ONCE = {
    "intake.before-commit": (2,),
    "intake.after-commit": (3,),
    "work.claimed": (4,),
    "verify.before-commit": (2, 7),
    "plan.before-commit": (2,),
    "mail.before-effect": (3,),
    "mail.after-effect": (8,),
    "mail.before-commit": (13,),
    "mail.after-commit": (18,),
    "erase.before-effect": (1,),
    "erase.after-effect": (1,),
    "erase.before-commit": (2,),
    "erase.after-commit": (2,),
    "prove.before-commit": (3,),
    "prove.after-commit": (3,),
    "sweep.after-page": (2,),
    "sweep.after-commit": (1,),
}
"""At which passage each seam is struck: spread, so that no row is struck five times."""


def kills(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """Die at each seam: the passing process alone, or its whole program."""
    for seam, ordinals in ONCE.items():
        step = rig.count // 2 if seam.startswith(("erase", "prove")) else 0
        later = tuple(each + step for each in ordinals) if rig.count > 6 else ()
        for ordinal in (*ordinals, *later):
            whole = chance.random() < 0.3 and not seam.startswith("intake")
            rig.orders.give("kill-all" if whole else "kill", seam, [ordinal])
    rig.orders.give("lose", "intake.after-commit", [rig.count - 1])
    rig.orders.give("tear", "erase.noted", [2])


IN_ROOMS = {
    "package.collecting": (1,), "package.half-written": (9,), "package.stored": (1,),
    "package.code": (1,), "package.begun": (1,), "package.ended": (2,), "package.expiry": (1,),
    "correction.claimed": (1,), "correction.changed": (1,),
    "outside.before-call": (1, 4), "outside.after-call": (2,),
    "outside.before-commit": (1,), "outside.after-commit": (1,), "work.claimed": (12,),
}  # fmt: skip


def kills_in_rooms(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """Die at each seam of the other rooms; twice in a row at the call to a vendor."""
    for seam, ordinals in IN_ROOMS.items():
        is_web = seam in {"package.code", "package.begun", "package.ended"}
        for ordinal in ordinals:
            whole = chance.random() < 0.3 and not is_web
            rig.orders.give("kill-all" if whole else "kill", seam, [ordinal])
    rig.orders.give("tear", "erase.noted", [1])
    rig.orders.give("kill", "erase.before-commit", [2])


def kills_at_random(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """Somebody dies every second or two, wherever it happens to be."""
    every = Every(1.0, most=3 * rig.count, due=time.monotonic() + 4)

    def strike() -> None:
        if every.now():
            every.due += chance.uniform(0, 1.5)
            name = chance.choice(["worker", "worker", "keeper", "web"])
            story.crew.kill(name)
            told.faults[f"kill-all {name}"] += 1

    story.meanwhile = strike


# --- the broker ---------------------------------------------------------------------------------


def wipes(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """FLUSHALL each second."""
    every = Every(1.0)

    def wipe() -> None:
        if every.now():
            crew.wipe_broker()
            told.faults["wipe"] += 1

    story.meanwhile = wipe


def freezes_the_broker(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """SIGSTOP to the broker as soon as everybody is up, for the whole run."""
    every = Every(1.0, most=1)

    def freeze() -> None:
        if every.now():
            crew.freeze(crew.valkey())
            told.faults["freeze broker"] += 1

    story.meanwhile = freeze


def thaw_the_broker() -> None:
    """Let the broker go on."""
    crew.thaw(crew.valkey())


# --- the database -------------------------------------------------------------------------------


def while_frozen(
    rig: Rig, story: Story, strikes: list[Callable[[], None]], names: list[str], told: Told
) -> None:
    """Strike when a process stands still at a seam; then let it go on."""
    seen: set[str] = set()

    def look() -> None:
        for order, pid in rig.orders.frozen().items():
            if order not in seen:
                seen.add(order)
                strikes.pop(0)()
                told.faults[names.pop(0)] += 1
                rig.orders.thaw_one(pid)

    story.meanwhile = look


def kills_the_database(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """Signal 9 to the database, a fast restart, cut connections: in the middle of a batch."""
    rig.orders.give("stop", "erase.after-effect", [1])
    rig.orders.give("stop", "erase.before-commit", [2])
    rig.orders.give("stop", "prove.before-commit", [2])
    rig.orders.give("stop", "mail.before-commit", [4])
    rig.orders.give("stop", "erase.before-effect", [4])

    def again(stop: Callable[[], None]) -> Callable[[], None]:
        def strike() -> None:
            stop()
            crew.start_database()

        return strike

    def cut() -> None:
        crew.cut_connections()

    die, restart = again(crew.kill_database), again(crew.stop_database)
    strikes = [cut, die, restart, die, cut]
    names = ["cut connections", "kill database", "restart database", "kill database",
             "cut connections"]  # fmt: skip
    while_frozen(rig, story, strikes, names, told)


def kills_the_database_in_rooms(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """The same in the middle of a package, of a correction, of a call to a vendor."""
    places = ["package.stored", "correction.changed", "outside.after-call", "erase.noted",
              "outside.before-commit"]  # fmt: skip
    for seam in places:
        rig.orders.give("stop", seam, [1])

    def die() -> None:
        crew.kill_database()
        crew.start_database()

    def restart() -> None:
        crew.stop_database()
        crew.start_database()

    def cut() -> None:
        crew.cut_connections()

    strikes = [die, restart, die, cut, restart]
    names = ["kill database", "restart database", "kill database", "cut connections",
             "restart database"]  # fmt: skip
    while_frozen(rig, story, strikes, names, told)


def cuts_connections(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """Every session with both databases is ended, again and again."""
    every = Every(1.5, most=12)

    def cut() -> None:
        if every.now():
            told.faults["cut connection"] += crew.cut_connections()

    story.meanwhile = cut


# --- frozen workers -----------------------------------------------------------------------------


def freezes_workers(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """SIGSTOP at seams for longer than a lease; whoever wakes up late may write nothing."""
    for seam, ordinal in (
        ("erase.before-effect", 1), ("erase.after-effect", 2), ("erase.before-commit", 3),
        ("prove.before-commit", 1), ("mail.before-effect", 3), ("mail.after-effect", 9),
        ("verify.before-commit", 2), ("plan.before-commit", 2), ("work.claimed", 6),
    ):  # fmt: skip
        rig.orders.give("stop", seam, [ordinal])
    thaw_late(rig, story)


def freezes_in_rooms(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """The same where a package is written, a field corrected, a vendor asked."""
    for seam in ("package.half-written", "package.stored", "correction.claimed",
                 "correction.changed", "outside.before-call", "outside.after-call",
                 "outside.before-commit", "erase.noted", "package.expiry"):  # fmt: skip
        rig.orders.give("stop", seam, [1])
    thaw_late(rig, story)


def thaw_late(rig: Rig, story: Story) -> None:
    """Whoever stands still goes on when its lease is long over."""
    since: dict[str, float] = {}

    def thaw() -> None:
        for order, pid in rig.orders.frozen().items():
            began = since.setdefault(order, time.monotonic())
            if time.monotonic() - began > 2 * settings.LEASE:
                rig.orders.thaw_one(pid)
                since[order] = float("inf")

    story.meanwhile = thaw


# --- the consumer -------------------------------------------------------------------------------


def impatient(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """Everybody goes away before the answer and presses the same form again, all at once."""
    for consumer in story.consumers:
        consumer.impatient = True
    told.faults["answer lost"] += len(story.consumers)
    told.faults["pressed at once"] += PRESSES * len(story.consumers)


def one_wave(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """Everybody is approved at one moment, and the cool-off begins."""
    story.wave = len(story.consumers)
    office.COOL_OFF_HOURS = 0.05


def no_cool_off() -> None:
    """As in the other runs."""
    office.COOL_OFF_HOURS = 0


def presses_stop(rig: Rig, story: Story, told: Told) -> None:
    """Everybody presses the stop link at once, while batches are gathered by a clock that runs
    an hour ahead: nobody is erased."""
    letters = Message.objects.filter(letter="verified_notice").values_list("message_id", flat=True)
    tokens_ = [tokens(rig.post.text_of(each))[-1] for each in letters]
    over = threading.Event()

    def gather() -> None:
        while not over.is_set():
            try:
                batches.open_due(at=clock.now() + timedelta(hours=1))
            except DatabaseError:
                told.faults["early gathering"] += 1
        connections.close_all()

    gatherer = threading.Thread(target=gather)
    gatherer.start()
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(_press_stop, tokens_))
    over.set()
    gatherer.join()
    stopped = ConsumerRequest.objects.filter(status=Status.STOPPED).count()
    told.faults["link pressed"] += len(pages)
    late = batches.open_due(at=clock.now() + timedelta(days=1))
    if stopped != len(story.consumers) or late is not None:
        told.bad.append(f"{stopped} of {len(story.consumers)} stopped")
    rows = digest.of_store(settings.LEARNER_URL)
    told.bad += digest.differences(rows, digest.of_store(settings.PRISTINE_URL))


def _press_stop(token: str) -> str:
    browser = Browser(settings.SITE)
    page = browser.get(f"/requests/l/{token}/")
    return browser.post("/requests/l/", hidden(page))


# --- mail ---------------------------------------------------------------------------------------


def moods(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """The mail server takes and says nothing, puts off, refuses, cuts; it is down for a while."""
    drawn = [SILENT] * 2 + [LATER] * 3 + [REFUSE, CUT, CUT] + [TAKE] * 14

    def mood(_ordinal: int) -> str:
        found = chance.choice(drawn)
        told.faults[f"mail {found}"] += found != TAKE
        return found

    rig.post.mood = mood
    down = Every(7.0, due=time.monotonic() + 6)
    up = Every(7.0, due=time.monotonic() + 9)

    def doors() -> None:
        if down.now():
            rig.post.close()
            told.faults["mail down"] += 1
        if up.now():
            rig.post.open()

    story.meanwhile = doors


# --- the list -----------------------------------------------------------------------------------

EVERYBODY = ("web", "worker", "worker2", "keeper", "keeper2", "beat")
ROOMS: dict[str, Any] = {"rooms": True}
RUNS = [
    Run("clean again"),
    Run("kills at seams", kills),
    Run("kills, no broker", kills, ("web", "keeper", "keeper2"), NOBODY),
    Run("kills at random", kills_at_random),
    Run("broker absent", programs=("web", "keeper"), variables=NOBODY),
    Run("broker wiped", wipes),
    Run("broker frozen", freezes_the_broker, finish=thaw_the_broker, hurries=True),
    Run("database killed", kills_the_database),
    Run("connections cut", cuts_connections),
    Run("workers frozen", freezes_workers),
    Run("mail moods", moods),
    Run("impatient people", impatient),
    Run(
        "stop links",
        one_wave,
        finish=no_cool_off,
        count=20,
        until=Status.APPROVED,
        after=presses_stop,
        compares=False,
    ),
    Run("two of each", wipes, programs=EVERYBODY),
    Run("rooms: kills at seams", kills_in_rooms, **ROOMS),
    Run("rooms: kills, no broker", kills_in_rooms, ("web", "keeper", "keeper2"), NOBODY, **ROOMS),
    Run("rooms: kills at random", kills_at_random, **ROOMS),
    Run("rooms: broker wiped", wipes, EVERYBODY, **ROOMS),
    Run("rooms: broker frozen", freezes_the_broker, finish=thaw_the_broker, **ROOMS),
    Run("rooms: database killed", kills_the_database_in_rooms, **ROOMS),
    Run("rooms: connections cut", cuts_connections, **ROOMS),
    Run("rooms: workers frozen", freezes_in_rooms, **ROOMS),
    Run("rooms: mail moods", moods, **ROOMS),
]
QUICK = {"kills at seams", "broker frozen", "database killed", "workers frozen", "mail moods",
         "impatient people", "stop links"}  # fmt: skip


def of_tier(tier: str) -> list[Run]:
    """The runs of a tier, after the clean one."""
    return [run for run in RUNS if tier == "full" or run.name in QUICK]
