"""Child processes: in a session of their own, and never outliving the one that started them."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

PR_SET_PDEATHSIG = 1
STRIPPED = ("LC_", "LANG", "PG")


class Refused(Exception):
    """The engines cannot be used as things stand."""


@dataclass(frozen=True)
class Account:
    """The system account that the engines run as when root starts them."""

    name: str
    uid: int
    gid: int


def plain_environment() -> dict[str, str]:
    """Return our environment without what would change an engine's locale or address."""
    return {k: v for k, v in os.environ.items() if not k.startswith(STRIPPED)}


def run(
    command: Sequence[str | Path], *, account: Account | None = None, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a short program to its end and return what it said."""
    return subprocess.run(  # noqa: S603  (a list of our own making, no shell)
        [str(part) for part in command],
        env=dict(env),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **as_account(account),
    )


def run_through(command: Sequence[str | Path]) -> int:
    """Run a program on our own console and return how it ended."""
    return subprocess.run([str(part) for part in command], check=False).returncode  # noqa: S603


def as_account(account: Account | None) -> dict[str, Any]:
    """Return the arguments that make ``subprocess`` change to ``account``."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": [account.gid]}


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    """Return what a new child does first: ask the kernel for a signal when its parent is gone."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None

    def before_exec() -> None:
        if library is not None:
            library.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and here
            os._exit(1)

    return before_exec


@dataclass
class Child:
    """One long-lived program. ``stop_steps`` are (signal, seconds to wait for it)."""

    name: str
    command: Sequence[str | Path]
    log: Path
    env: Mapping[str, str]
    cwd: Path = Path("/")
    account: Account | None = None
    death_signal: signal.Signals = signal.SIGTERM
    stop_steps: Sequence[tuple[signal.Signals, float]] = (
        (signal.SIGTERM, 15.0),
        (signal.SIGKILL, 5.0),
    )
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it in a new session, so that Ctrl-C on the console reaches only us."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  (a list of our own making, no shell)
                [str(part) for part in self.command],
                env=dict(self.env),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # the one thread of the supervisor forks, so the hook is safe
                preexec_fn=_die_with(os.getpid(), self.death_signal),  # noqa: PLW1509
                **as_account(self.account),
            )

    @property
    def pid(self) -> int | None:
        """Return its process id while it lives."""
        return self.process.pid if self.process and self.process.poll() is None else None

    def exit_code(self) -> int | None:
        """Return how it ended, or None while it lives or was never started."""
        return self.process.poll() if self.process else None

    def stop(self) -> None:
        """Ask, then insist; afterwards nothing of its session is left."""
        if self.process is None:
            return
        for sign, seconds in self.stop_steps:
            if self.process.poll() is not None:
                break
            self.process.send_signal(sign)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        end_session(self.process.pid)
        self.process = None


def end_session(leader: int) -> None:
    """Kill what is left of the process group that one of our children led."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def command_line(pid: int) -> list[str] | None:
    """Return a live process's command line; None when it is gone or a zombie.

    Raises Refused when there is such a process but it may not be looked at.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied as refusal:
        raise Refused(
            f"Process {pid} may not be inspected, so its files are left alone."
        ) from refusal


def born_at(pid: int) -> float | None:
    """Return when the process was started, to tell it from a later one with the same number."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def wait_until_gone(pid: int, seconds: float) -> bool:
    """Wait for a process that is not our child."""
    deadline = time.monotonic() + seconds
    while command_line(pid) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
