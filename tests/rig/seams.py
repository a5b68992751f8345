"""Orders at seams: where the rig writes them, and what became of them."""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SEAMS = (
    "intake.before-commit", "intake.after-commit",
    "work.claimed", "verify.before-commit", "plan.before-commit",
    "mail.before-effect", "mail.after-effect", "mail.before-commit", "mail.after-commit",
    "erase.before-effect", "erase.after-effect", "erase.noted",
    "erase.before-commit", "erase.after-commit",
    "prove.before-commit", "prove.after-commit", "sweep.after-page", "sweep.after-commit",
)  # fmt: skip
"""Every named instant on the way of a deletion in a database; a rig that missed one fails."""
ROOM_SEAMS = (
    "package.collecting", "package.half-written", "package.stored",
    "package.code", "package.begun", "package.ended", "package.expiry",
    "correction.claimed", "correction.changed",
    "outside.before-call", "outside.after-call", "outside.before-commit", "outside.after-commit",
)  # fmt: skip
"""Those of the other rooms."""


@dataclass(frozen=True)
class Orders:
    """A folder of orders for the processes of one run."""

    folder: Path

    def clear(self) -> None:
        """Begin anew: nothing ordered, nothing passed."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("passed", "orders", "done"):
            (self.folder / name).mkdir(parents=True)

    def give(self, deed: str, seam: str, ordinals: Iterable[int]) -> None:
        """Let whoever passes ``seam`` for the n-th time do ``deed`` to itself."""
        for ordinal in ordinals:
            half = self.folder / f"{seam}@{ordinal}"
            half.write_text(deed)
            half.rename(self.folder / "orders" / half.name)

    def withdraw(self) -> None:
        """Nothing more is to be struck."""
        for order in (self.folder / "orders").iterdir():
            order.unlink(missing_ok=True)

    def passed(self) -> Counter[str]:
        """How often each seam was passed, by anybody."""
        return Counter({each.name: each.stat().st_size for each in self._in("passed")})

    def done(self) -> list[tuple[str, str, str, int]]:
        """Every order that was carried out: seam, deed, which program, its process id."""
        found = []
        for each in self._in("done"):
            deed, program, pid = each.read_text().split()
            found.append((each.name.partition("@")[0], deed, program, int(pid)))
        return found

    def _in(self, name: str) -> list[Path]:
        return [each for each in (self.folder / name).iterdir() if each.suffix != ".half"]

    def frozen(self) -> dict[str, int]:
        """The orders that let a process stand still, with the process."""
        told = {each.name: each.read_text().split() for each in self._in("done")}
        return {name: int(pid) for name, (deed, _program, pid) in told.items() if deed == "stop"}

    def thaw_one(self, pid: int) -> None:
        """Let one go on."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def thaw(self) -> None:
        """Let everybody go on who stood still."""
        for pid in self.frozen().values():
            self.thaw_one(pid)
