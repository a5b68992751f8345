"""Which faults there are, and when they strike."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.rig import crew, settings
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
    "work.claimed": (4, 17),
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
    seen: set[int] = set()

    def look() -> None:
        for pid in rig.orders.frozen():
            if pid not in seen and strikes:
                strikes.pop(0)()
                told.faults[names.pop(0)] += 1
            seen.add(pid)
            rig.orders.thaw()

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
        told.faults["connections cut"] += crew.cut_connections() - 1

    die, restart = again(crew.kill_database), again(crew.stop_database)
    strikes = [cut, die, restart, die, cut]
    names = ["connections cut", "kill database", "restart database", "kill database",
             "connections cut"]  # fmt: skip
    while_frozen(rig, story, strikes, names, told)


def cuts_connections(rig: Rig, story: Story, chance: random.Random, told: Told) -> None:
    """Every session with both databases is ended, again and again."""
    every = Every(1.5, most=12)

    def cut() -> None:
        if every.now():
            told.faults["connections cut"] += crew.cut_connections()

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
    since: dict[int, float] = {}

    def thaw() -> None:
        for pid in rig.orders.frozen():
            began = since.setdefault(pid, time.monotonic())
            if time.monotonic() - began > 2 * settings.LEASE:
                rig.orders.thaw_one(pid)

    story.meanwhile = thaw


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
    Run("two of each", wipes, programs=EVERYBODY),
]
QUICK = {"kills at seams", "broker frozen", "database killed", "workers frozen", "mail moods"}


def of_tier(tier: str) -> list[Run]:
    """The runs of a tier, after the clean one."""
    return [run for run in RUNS if tier == "full" or run.name in QUICK]
