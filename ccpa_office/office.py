"""What one installation of the office is: its folder, addresses, variables and programs."""

import json
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil

from ccpa_office.engines.children import Child, Refused
from ccpa_office.engines.home import write_private
from ccpa_office.engines.pair import Addresses
from ccpa_office.envfile import read_variables, write_variables
from ccpa_office.keys import demo_secrets

BASE_DIR = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
LANES = "mail,verify,plan,erase,collect,prove,house"
SMALL_MACHINE = 2 * 1024**3
OWNER_ALONE = ("DATABASE_OWNER_URL", "DATABASE_OWNER_URL_FILE")
"""What `migrate` is told, and no other program: the application owns no table."""
DEMO_USERS = ("clerk", "verifier", "officer", "approver", "counsel", "auditor", "editor", "chief")
DEMO_DEFAULTS = {
    "BUSINESS_NAME": "Quillmere Learning",
    "COOL_OFF_HOURS": "0.02",
    "BATCH_AT": "every minute",
    "KEEPER_IDLE_SECONDS": "10",
}


@dataclass(frozen=True)
class Office:
    """One installation. ``given`` is the environment that it was started with."""

    data_dir: Path
    port: int
    demo: bool
    given: Mapping[str, str]

    @property
    def site(self) -> str:
        """Return the address of the first page."""
        return self.given.get("SITE_URL") or f"http://{LOOPBACK}:{self.port}"

    @property
    def brings_engines(self) -> bool:
        """Return whether the embedded engines are needed; both addresses must be given otherwise.

        Raises Refused when only one of the two is given.
        """
        have = [name for name in ("DATABASE_URL", "REDIS_URL") if self.given.get(name)]
        if len(have) == 1:
            raise Refused(f"{have[0]} is set; set both DATABASE_URL and REDIS_URL, or neither.")
        return not have

    @property
    def catches_mail(self) -> bool:
        """Return whether letters go to the local catcher, which shows them to everybody here.

        Never where real people write: there they wait until EMAIL_URL names a mail server.
        """
        named = self.given.get("EMAIL_URL") or self.given.get("EMAIL_URL_FILE")
        return self.demo and not named

    def variables(self, addresses: Addresses | None) -> dict[str, str]:
        """Return the settings of every program: what was given, and ours where nothing was."""
        ours = {"DATA_DIR": str(self.data_dir), "SITE_URL": self.site, "DEMO": str(int(self.demo))}
        if self.demo:
            ours |= DEMO_DEFAULTS | self._secrets()
        if self.catches_mail:
            ours["EMAIL_URL"] = f"smtp://{LOOPBACK}:{self.ports()['smtp']}"
        if addresses:
            ours |= {
                "DATABASE_URL": addresses.database,
                "REDIS_URL": addresses.redis,
                "LEARNER_DATABASE_URL": addresses.learners,
            }
        elif self.demo and (office := self.given.get("DATABASE_URL")):
            ours["LEARNER_DATABASE_URL"] = learners_beside(office)
        return ours | {name: self.given[name] for name in setting_names() if self.given.get(name)}

    def _secrets(self) -> dict[str, str]:
        """Return the demo's keys and password, made once and kept in ``secrets.json``."""
        path = self.data_dir / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        new = {"DEMO_PASSWORD": secrets.token_urlsafe(12), **demo_secrets()} | known
        if password := self.given.get("DEMO_PASSWORD"):
            new["DEMO_PASSWORD"] = password
        if new != known:
            write_private(path, json.dumps(new, indent=1))
        return new

    def ports(self) -> dict[str, int]:
        """Return the mail catcher's two ports: near the office's, and the same at every start."""
        path = self.data_dir / "ports.json"
        known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        if not known or not all(map(is_free, known.values())):
            known = {"mail": free_port(self.port + 25), "smtp": free_port(self.port + 1025)}
            write_private(path, json.dumps(known))
        return known

    def write_facts(self, variables: Mapping[str, str], addresses: Addresses | None) -> None:
        """Write ``office.json`` for scripts and ``office.env`` for other commands, both 0600."""
        ports = self.ports_in_use(variables)
        mail = f"http://{LOOPBACK}:{ports['mail']}" if ports else ""
        facts = {
            "site": self.site,
            "mail": f"{mail}/" if mail else "",
            "mail_api": f"{mail}/api/messages" if mail else "",
            "learner_database": variables.get("LEARNER_DATABASE_URL", ""),
            "users": [
                {"username": name, "password": variables["DEMO_PASSWORD"]}
                for name in DEMO_USERS
                if self.demo
            ],
        }
        write_private(self.data_dir / "office.json", json.dumps(facts, indent=1))
        owner = {"DATABASE_OWNER_URL": addresses.owner} if addresses else {}
        write_variables(self.data_dir / "office.env", {**variables, **owner})

    def ports_in_use(self, variables: Mapping[str, str]) -> dict[str, int]:
        """Return the catcher's ports if letters go there."""
        path = self.data_dir / "ports.json"
        ours: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        return ours if self.catches_mail and "EMAIL_URL" in variables else {}

    def manage(self, *words: str, env: Mapping[str, str], name: str = "") -> Child:
        """Return ``manage.py`` with these words as a child that is not started yet."""
        return self._child(name or words[0], [sys.executable, "manage.py", *words], env)

    def _child(self, name: str, command: list[str], env: Mapping[str, str]) -> Child:
        log = self.data_dir / "logs" / f"{name}.log"
        log.parent.mkdir(mode=0o700, exist_ok=True)
        whole = {**self.given, **env, "PYTHONUNBUFFERED": "1"}
        if name != "migrate":
            whole = {key: value for key, value in whole.items() if key not in OWNER_ALONE}
        return Child(name=name, command=command, log=log, env=whole, cwd=BASE_DIR)

    def mail(self, env: Mapping[str, str]) -> Child:
        """Return the mail catcher."""
        ports = self.ports_in_use(env)
        folder = str(self.data_dir / "mail")
        where = ["--smtp-port", str(ports["smtp"]), "--web-port", str(ports["mail"])]
        command = [sys.executable, "-m", "ccpa_office.mailcatcher", "--folder", folder, *where]
        return self._child("mail catcher", command, env)

    def web(self, env: Mapping[str, str]) -> Child:
        """Return the web server. It writes no access log: addresses of pages hold tokens."""
        options = f"--worker-class gthread --workers 2 --threads 4 --bind {LOOPBACK}:{self.port}"
        quiet = "--no-control-socket --preload --log-level warning --graceful-timeout 10"
        quiet += " --config python:ccpa_office.webserver"
        command = [sys.executable, "-m", "gunicorn", *options.split(), *quiet.split()]
        return self._child("web", [*command, "ccpa_office.wsgi"], env)

    def worker(self, env: Mapping[str, str]) -> Child:
        """Return the Celery worker: processes, or threads on a small machine."""
        small = psutil.virtual_memory().available < SMALL_MACHINE
        pool = "--pool threads --concurrency 3" if small else "--pool prefork --concurrency 2"
        quiet = "--without-gossip --without-mingle --without-heartbeat --loglevel WARNING"
        name = f"office-{self.port}@{socket.gethostname()}"
        words = ["worker", "-n", name, "-Q", LANES, *pool.split(), *quiet.split()]
        child = self._child("worker", [*self._celery(), *words], env)
        child.stop_steps = ((signal.SIGTERM, 25.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
        return child

    def beat(self, env: Mapping[str, str]) -> Child:
        """Return the timetable."""
        folder = self.data_dir / "beat"
        folder.mkdir(mode=0o700, exist_ok=True)
        for old in folder.glob("schedule*"):  # only hints; a half-written file must not stop it
            old.unlink()
        words = [
            "beat",
            "--pidfile=",
            "--schedule",
            str(folder / "schedule"),
            "--loglevel",
            "WARNING",
        ]
        return self._child("beat", [*self._celery(), *words], env)

    @staticmethod
    def _celery() -> list[str]:
        return [sys.executable, "-m", "celery", "-A", "ccpa_office.celery:app"]

    def forget(self) -> None:
        """Remove the data folder and an engines' home that stands elsewhere."""
        note = self.data_dir / "engines-are-at"
        if note.exists():
            shutil.rmtree(note.read_text(), ignore_errors=True)
        shutil.rmtree(self.data_dir, ignore_errors=True)


def setting_names() -> list[str]:
    """Return the name of every setting: the lines of ``.env.example``."""
    return list(read_variables(BASE_DIR / ".env.example"))


def learners_beside(database_url: str) -> str:
    """Return where the demo's learners go on somebody's own server: beside the office's own."""
    parts = urlsplit(database_url)
    return urlunsplit(parts._replace(path=f"{parts.path}_learners"))


def is_free(port: int) -> bool:
    """Return whether nothing listens on a port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(wish: int) -> int:
    """Return ``wish`` if nothing listens there, otherwise a port that the system picks."""
    if 0 < wish < 65_536 and is_free(wish):
        return wish
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def installation(port: int, *, demo: bool) -> Office:
    """Return the office of this checkout and environment.

    Without demo data *and* with a SECRET_KEY of its own it runs as production does.
    """
    given = {name: value for name, value in os.environ.items() if value}
    data_dir = Path(given.get("DATA_DIR") or BASE_DIR / "var").absolute()
    evaluation = demo or not (given.get("SECRET_KEY") or given.get("SECRET_KEY_FILE"))
    return Office(data_dir, port, evaluation, given)
