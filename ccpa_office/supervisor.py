"""Runs everything of one office, restarts what dies, and ends it in the right order."""

import http.client
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from django.core.management import get_commands

from ccpa_office.engines.children import Child, Refused
from ccpa_office.engines.home import Home, open_home
from ccpa_office.engines.pair import Addresses, Engines, Say
from ccpa_office.office import LOOPBACK, Office, is_free

READY_SECONDS = 120.0
LIVED_WELL = 60.0
LONGEST_PAUSE = 30.0
LOG_LIMIT = 10 * 1024 * 1024
HAS_DEMO = "demo" in get_commands()
STOP_ORDER = ("beat", "keeper", "worker", "web", "mail catcher", "Valkey", "PostgreSQL")


class Stopped(BaseException):
    """Ctrl-C or SIGTERM arrived."""


@dataclass
class Kept:
    """A program that must live: how to start it again, and how it fared."""

    child: Child
    revive: Callable[[], Child]
    started: float = field(default_factory=time.monotonic)
    failures: int = 0
    due: float | None = None

    def pause(self) -> float:
        """Return the seconds to wait before the next start; longer after each quick death."""
        lived = time.monotonic() - self.started
        self.failures = 1 if lived > LIVED_WELL else self.failures + 1
        return min(0.25 * 2.0**self.failures, LONGEST_PAUSE)


@dataclass
class Supervisor:
    """The processes of one office."""

    office: Office
    say: Say
    with_demo: bool
    kept: dict[str, Kept] = field(default_factory=dict, init=False)
    engines: Engines | None = field(default=None, init=False)

    def run(self, tour: Callable[[Office, Mapping[str, str]], None]) -> None:
        """Start everything, print the tour, watch until told to stop. Raises Refused."""
        self._refuse_a_taken_port()
        with ExitStack() as stack:
            home = stack.enter_context(self._home())
            stack.enter_context(stop_on_signal())
            stack.callback(self.stop)
            if ended := home.end_leftovers():
                self.say(f"Ended what a killed office had left behind: {', '.join(ended)}.")
            try:
                variables = self._start(home)
                tour(self.office, variables)
                self._watch(home)
            except Stopped:
                self.say("Stopping.")

    def _refuse_a_taken_port(self) -> None:
        port = self.office.port
        if not is_free(port):
            raise Refused(f"Port {port} is taken. Choose another: make run PORT={port + 1}")

    @contextmanager
    def _home(self) -> Iterator[Home]:
        if self.office.brings_engines:
            home = open_home(self.office.data_dir)
        else:
            self.office.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            home = Home(self.office.data_dir, None)
        if self.office.data_dir not in {home.folder, home.folder.parent}:
            self.say(f"The engines' account cannot enter this folder; data go to {home.folder}.")
        with home.locked():
            yield home

    def _start(self, home: Home) -> Mapping[str, str]:
        addresses = self._start_engines(home)
        env = self.office.variables(addresses)
        self.office.write_facts(env, addresses)
        owner = {"DATABASE_OWNER_URL": addresses.owner} if addresses else {}
        self.say("Bringing the tables up to date and collecting the pages' files.")
        self._finish(
            self.office.manage("migrate", "--no-input", "-v0", env={**env, **owner}),
            self.office.manage("collectstatic", "--no-input", "-v0", env=env),
        )
        if self.office.catches_mail:
            self._keep(lambda: started(self.office.mail(env)))
        self._keep(lambda: started(self.office.web(env)))
        self._note(home)
        self._wait_until_ready()
        self._load_demo(env)
        for program in (self.office.worker, self.office.beat, self._keeper):
            self._keep(lambda make=program: started(make(env)))  # type: ignore[misc]
        self._note(home)
        return env

    def _keeper(self, env: Mapping[str, str]) -> Child:
        return self.office.manage("keeper", env=env)

    def _start_engines(self, home: Home) -> Addresses | None:
        if not self.office.brings_engines:
            self.say("Using the database and the broker that the environment names.")
            return None
        self.say("Starting PostgreSQL and Valkey.")
        self.engines = Engines(home, self.office.data_dir / "logs", self.say)
        self._keep(self.engines.start_postgresql)
        self._keep(self.engines.start_valkey)
        return self.engines.addresses()

    def _load_demo(self, env: Mapping[str, str]) -> None:
        """Load the demo company once; a new DEMO_PASSWORD is set by loading again."""
        mark = self.office.data_dir / "demo-loaded"
        wanted = env.get("DEMO_PASSWORD", "")
        if not HAS_DEMO or not self.with_demo or (mark.exists() and mark.read_text() == wanted):
            return
        self.say("Loading the demo company.")
        self._finish(self.office.manage("demo", env=env))
        mark.touch(mode=0o600)
        mark.write_text(wanted)

    def _finish(self, *steps: Child) -> None:
        """Run programs that end by themselves, side by side. Raises Refused if one fails."""
        try:
            for step in steps:
                step.log.unlink(missing_ok=True)
                step.start()
            while any(step.pid for step in steps):
                time.sleep(0.05)
            for step in steps:
                if step.exit_code() != 0:
                    raise Refused(f"`{step.name}` failed:\n{last_lines(step.log)}")
        finally:
            for step in steps:
                step.stop()

    def _keep(self, revive: Callable[[], Child]) -> None:
        child = revive()
        self.kept[child.name] = Kept(child, revive)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        web, host = self.kept["web"].child, urlsplit(self.office.site).netloc
        while not answers_ready(self.office.port, host):
            if web.pid is None or time.monotonic() > deadline:
                raise Refused(f"The web server did not come up:\n{last_lines(web.log)}")
            time.sleep(0.1)

    def _watch(self, home: Home) -> None:
        while True:
            for name, kept in self.kept.items():
                if kept.child.pid is None:
                    self._mourn_or_revive(name, kept, home)
                rotate(kept.child.log)
            time.sleep(0.25)

    def _mourn_or_revive(self, name: str, kept: Kept, home: Home) -> None:
        if kept.due is None:
            pause = kept.pause()
            kept.due = time.monotonic() + pause
            self.say(f"{name} ended ({kept.child.exit_code()}); starting it again in {pause:g} s.")
        elif time.monotonic() >= kept.due:
            kept.child.stop()  # and whatever is left of its session
            kept.started, kept.due = time.monotonic(), None
            try:
                kept.child = kept.revive()
            except Refused as refusal:
                self.say(f"{name}: {refusal}")
            else:
                self.say(f"{name} is up again.")
            self._note(home)

    def _note(self, home: Home) -> None:
        living = {name: kept.child.pid for name, kept in self.kept.items()}
        home.note_children({name: pid for name, pid in living.items() if pid})

    def stop(self) -> None:
        """End everything: those that use a thing before the thing."""
        for name in STOP_ORDER:
            if kept := self.kept.pop(name, None):
                kept.child.stop()
        if self.engines:
            self.engines.stop()


@contextmanager
def stop_on_signal() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into Stopped; later ones are ignored while we end."""
    signs = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for sign in signs:
            signal.signal(sign, signal.SIG_IGN)
        raise Stopped

    before = {sign: signal.signal(sign, stop) for sign in signs}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def started(child: Child) -> Child:
    """Start a child and return it."""
    child.start()
    return child


def answers_ready(port: int, host: str = "") -> bool:
    """Return whether the office says that it is ready, asked under a name that it answers to."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/readyz", headers={"Host": host} if host else {})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def last_lines(log: Path, count: int = 15) -> str:
    """Return the end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def rotate(log: Path) -> None:
    """Keep one older copy of a log that grew too long; its writer appends and goes on."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.with_name(f"{log.name}.1").write_bytes(log.read_bytes())
        with log.open("r+b") as file:
            file.truncate(0)
