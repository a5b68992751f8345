"""What the rig prints: counts, seeds, and how little can still be true after so many trials."""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.rig.runs import Told
from tests.rig.seams import ROOM_SEAMS, SEAMS


@dataclass
class Report:
    """One page, written while it happens."""

    tier: str
    seed: int
    began: float = field(default_factory=time.monotonic)
    runs: list[Told] = field(default_factory=list)
    stories: set[str] = field(default_factory=set)
    status: int = 0

    def __post_init__(self) -> None:
        self.say(f"rig, tier {self.tier}, seed {self.seed}")

    def say(self, text: str) -> None:
        """Print a line at once."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def add(self, told: Told, story: str = "deletions") -> None:
        """Tell of one run."""
        self.runs.append(told)
        self.stories.add(story)
        faults = ", ".join(f"{name} {count}" for name, count in sorted(told.faults.items()))
        verdict = "BAD" if told.bad else "ok"
        self.say(f"{verdict:>4} {told.name:<22} {told.seconds:5.1f} s  {faults}")
        for note in told.notes:
            self.say(f"       {note}")
        for bad in told.bad:
            self.say(f"   !!  {bad}")
        self.status |= bool(told.bad)

    def blind(self) -> None:
        """The comparison missed a change that was made on purpose."""
        self.say("   !!  the comparison is blind")
        self.status = 1

    def end(self, *, complete: bool) -> None:
        """Sum up."""
        faults = sum((told.faults for told in self.runs), Counter())
        struck = sum((told.struck for told in self.runs), Counter())
        passed = sum((told.passed for told in self.runs), Counter())
        self.say("seam                    passed  struck")
        seams = SEAMS + ROOM_SEAMS * ("rooms" in self.stories)
        for seam in seams:
            self.say(f"  {seam:<22}{passed[seam]:>6}{struck[seam]:>8}")
        missed = [seam for seam in seams if not struck[seam]]
        if complete and missed:
            self.say(f"   !!  never struck: {', '.join(missed)}")
            self.status = 1
        self.say(
            f"{len(self.runs)} runs; letters that went again: {faults['letter again']}, of which"
            f" the book says unknown: {faults['letter unknown']}"
        )
        for kind, count in sorted(_kinds(faults).items()):
            known = count >= FEW and not self.status
            bound = f", fewer than {3 / count:.1%} go wrong (95 %, 3/n)" if known else ""
            self.say(f"  {kind:<18}{count:>5} times{bound}")
        self.say(
            f"{'FAILED' if self.status else 'sound'} in {self.elapsed():.0f} s, seed {self.seed}"
        )


def _kinds(faults: Counter[str]) -> Counter[str]:
    """Faults by what was done, whoever it was done to."""
    kinds: Counter[str] = Counter()
    for name, count in faults.items():
        if not name.startswith("letter"):
            kinds[KINDS.get(name.partition(" ")[0], name)] += count
    return +kinds


FEW = 10
KINDS = {
    "kill": "signal 9",
    "kill-all": "signal 9",
    "stop": "process frozen",
    "lose": "answer lost",
    "tear": "signal 9",
}
