"""The rig's engines and processes: started, watched, revived, and ended by their own ids only."""

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis
from psycopg import sql

from ccpa_office.engines.children import Child, Refused, end_session
from ccpa_office.engines.postgresql import LEARNER_OWNER, OWNER, SUPERUSER
from ccpa_office.office import Office
from ccpa_office.supervisor import answers_ready
from tests.rig import settings
from tests.rig.settings import ENGINES, LEARNERS, OFFICE, PRISTINE

OWNERS = {OFFICE: OWNER, LEARNERS: LEARNER_OWNER}
MARK = "rig"


class Stuck(Exception):
    """Something did not happen in its time."""


def until(question: Callable[[], object], what: str, *, seconds: float = 240) -> None:
    """Wait for it. Raises Stuck."""
    ends = time.monotonic() + seconds
    while not question():
        if time.monotonic() > ends:
            raise Stuck(what)
        time.sleep(0.02)


# --- engines ------------------------------------------------------------------------------------


def administer(*statements: sql.Composed | str) -> None:
    """Run statements on the server's own database."""
    url = ENGINES.postgresql.url(SUPERUSER, "postgres")
    with psycopg.connect(url, autocommit=True, application_name=MARK) as connection:
        for statement in statements:
            connection.execute(statement)


def make_database(name: str, template: str = "template0") -> None:
    """Make a database anew, as a copy of another. What is committed is written at once."""
    owner = next(OWNERS[each] for each in OWNERS if name.startswith(each))
    names = {
        "name": sql.Identifier(name),
        "template": sql.Identifier(template),
        "owner": sql.Identifier(owner),
    }
    administer(
        sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(**names),
        sql.SQL("CREATE DATABASE {name} TEMPLATE {template} OWNER {owner}").format(**names),
        sql.SQL("ALTER DATABASE {name} SET synchronous_commit = on").format(**names),
    )


def keep_pristine() -> None:
    """Remember both databases as they are now."""
    for name, copy in PRISTINE.items():
        make_database(copy, name)


def keep_rooms() -> None:
    """Remember the office as it is with its systems outside."""
    make_database(settings.ROOMS, OFFICE)


def reset(office: str = PRISTINE[OFFICE]) -> None:
    """Both databases and what stands beside them as they were at the beginning."""
    make_database(OFFICE, office)
    make_database(LEARNERS, PRISTINE[LEARNERS])
    for folder in (settings.ANCHORS, settings.ERASURES, settings.PACKAGES):
        shutil.rmtree(folder, ignore_errors=True)


def postgresql() -> Child:
    """The running server."""
    return next(child for child in ENGINES.children if child.name == "PostgreSQL")


def valkey() -> Child:
    """The running broker."""
    return next(child for child in ENGINES.children if child.name == "Valkey")


def kill_database() -> None:
    """The whole server dies: signal 9 to the postmaster; its children see it and leave."""
    child = postgresql()
    assert child.process is not None
    child.process.kill()
    child.process.wait()


def stop_database() -> None:
    """A fast stop: sessions are cut, nothing is waited for."""
    child = postgresql()
    assert child.process is not None
    child.process.send_signal(signal.SIGINT)
    child.process.wait(120)


def start_database() -> None:
    """Bring it up; while old children still hold its memory it refuses, so try again."""
    ends = time.monotonic() + 120
    while True:
        try:
            ENGINES.start_postgresql()
        except Refused:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)
        else:
            return


def freeze(child: Child) -> None:
    """Stop one of our engines in its tracks."""
    assert child.pid is not None
    os.kill(child.pid, signal.SIGSTOP)


def thaw(child: Child) -> None:
    """Let it go on."""
    if child.pid is not None:
        os.kill(child.pid, signal.SIGCONT)


def wipe_broker() -> None:
    """FLUSHALL."""
    with (
        suppress(redis.RedisError),
        redis.Redis(unix_socket_path=str(ENGINES.valkey.socket), socket_timeout=2) as client,
    ):
        client.flushall()


def cut_connections() -> int:
    """End every session of the office with its databases, but not the rig's; return how many."""
    query = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname IN (%s, %s) AND application_name <> %s AND pid <> pg_backend_pid()"
    )
    url = ENGINES.postgresql.url(SUPERUSER, "postgres")
    with psycopg.connect(url, autocommit=True, application_name=MARK) as connection:
        found = connection.execute(query, [OFFICE, LEARNERS, MARK]).fetchone()
    return int(found[0]) if found else 0


# --- processes ----------------------------------------------------------------------------------


@dataclass
class Crew:
    """The office's own processes of one run."""

    variables: Mapping[str, str]
    children: dict[str, Child] = field(default_factory=dict)
    revived: Counter[str] = field(default_factory=Counter)
    names: tuple[str, ...] = ()

    def start(self, *names: str) -> None:
        """Start programs by name: web, worker, worker2, keeper, keeper2, beat."""
        for name in names:
            self.children[name] = self._made(name)
            self.children[name].start()
        if "web" in names:
            until(lambda: answers_ready(settings.WEB_PORT), "the web server")

    def _made(self, name: str) -> Child:
        kind = name.rstrip("2")
        env = {**self.variables, **settings.CHILD, "RIG_NAME": name, "PYTHONUNBUFFERED": "1"}
        office = Office(settings.FOLDER, settings.WEB_PORT, demo=True, given=dict(os.environ))
        if kind == "keeper":
            child = office.manage("keeper", env=env, name=name)
        else:
            child = getattr(office, kind)(env)
        child.name, child.log = name, settings.FOLDER / "logs" / f"{name}.log"
        if name == "worker2":
            at = list(child.command).index("-n") + 1
            child.command = [*child.command[:at], "second@rig", *child.command[at + 1 :]]
        return child

    def tend(self) -> None:
        """Start again what died, as the supervisor does."""
        for name, child in self.children.items():
            if child.process is not None and child.pid is None:
                end_session(child.process.pid)
                self.revived[name] += 1
                child.start()

    def kill(self, name: str) -> None:
        """Signal 9 to a program and everything that it started."""
        child = self.children[name]
        if child.pid is not None:
            end_session(child.pid)

    def end(self) -> None:
        """Kill everybody; nothing of a run is left for the next one."""
        for child in self.children.values():
            if child.process is not None:
                end_session(child.process.pid)
                child.process.wait()
        self.children.clear()

    def log_of(self, names: Iterable[str]) -> str:
        """The last lines of some logs."""
        texts = []
        for name in names:
            file: Path = settings.FOLDER / "logs" / f"{name}.log"
            if file.exists():
                lines = file.read_text(errors="replace").splitlines()
                texts.append("\n".join([f"--- {name}", *lines[-25:]]))
        return "\n".join(texts)
