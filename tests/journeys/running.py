"""A whole office as a process of its own: engines, web, worker, beat, keeper, mail catcher."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg
from django.conf import settings

from ccpa_office.envfile import read_variables
from tests.ports import free_port

PASSWORD = "a-password-for-the-journey"
SURROUNDINGS = {
    "COOL_OFF_HOURS": "0.0003",
    "BATCH_AT": "every minute",
    "CEILING_PEOPLE": "0",
    "KEEPER_IDLE_SECONDS": "3",
    "DEMO_PASSWORD": PASSWORD,
    "BUSINESS_NAME": "Quillmere Learning",
}
"""Everything that must not wait is short, and no batch is small enough for one approval."""
READY = "Ctrl-C ends everything"
T = TypeVar("T")


def until(
    found: Callable[[], T | None], what: str, *, seconds: float = 180, pause: float = 0.05
) -> T:
    """What ``found`` finds, asked again and again until a deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(pause)
    raise AssertionError(f"waited {seconds} s for {what}")


@dataclass
class RunningOffice:
    """The process, its folder, and the facts that it wrote for scripts."""

    folder: Path
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"

    @property
    def facts(self) -> dict[str, Any]:
        """What stands in ``office.json``."""
        content: dict[str, Any] = json.loads((self.folder / "office.json").read_text())
        return content

    @property
    def site(self) -> str:
        return str(self.facts["site"])

    @property
    def learners(self) -> str:
        return str(self.facts["learner_database"])

    def manage(self, *words: str) -> str:
        """Run a command beside the office, as a person in another window does."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, env=self.environment, capture_output=True, check=False
        )
        said = done.stdout.decode()
        assert done.returncode == 0, f"{words}: {said[-2000:]}{done.stderr.decode()[-2000:]}"
        return said

    def tell(self) -> None:
        """Print the end of every log: what went wrong stands there."""
        for log in [self.folder / "console.log", *(self.folder / "logs").glob("*.log")]:
            print(f"--- {log.name}", log.read_text(errors="replace")[-3000:], sep="\n")  # noqa: T201

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read the office's own database, as its owner."""
        owner = read_variables(self.folder / "office.env")["DATABASE_OWNER_URL"]
        with psycopg.connect(owner) as connection:
            return connection.execute(query, values).fetchall()

    def status_of(self, number: str) -> str:
        """Where a request stands."""
        query = "SELECT status FROM requests_app_consumerrequest WHERE number = %s"
        return str(self.rows(query, number.replace("-", ""))[0][0])

    def until_status(self, number: str, *wanted: str) -> None:
        """Wait until a request stands there."""
        until(lambda: self.status_of(number) in wanted, f"{number} to be {wanted}")

    def letters(self) -> list[dict[str, Any]]:
        """Every caught letter, newest first."""
        address = urlsplit(str(self.facts["mail_api"]))
        connection = http.client.HTTPConnection(address.netloc, timeout=60)
        connection.request("GET", address.path)
        found: list[dict[str, Any]] = json.load(connection.getresponse())
        connection.close()
        return found

    def letter(self, to: str, number: str, *, links: int = 0) -> dict[str, Any]:
        """Wait for the newest letter about a request with so many mailed links."""

        def found() -> dict[str, Any] | None:
            for letter in self.letters():
                mailed = [link for link in letter["links"] if "/requests/l/" in link]
                if to in letter["to"] and number in letter["subject"] and len(mailed) == links:
                    return {**letter, "mailed": mailed}
            return None

        return until(found, f"a letter about {number} with {links} links")


@contextmanager
def running_office(*, people: int) -> Iterator[RunningOffice]:
    """Start an office with the demo company and a small learner database; end it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ccpa-journey-"))
    environment = _environment(folder)
    log = folder / "console.log"
    command = [sys.executable, "manage.py", "office", "--port", str(free_port()), "--no-demo"]
    with log.open("wb") as console:
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment, stdout=console, stderr=console
        )
    office = RunningOffice(folder, environment, process)
    try:
        until(lambda: _is_open(process, log), f"the office\n{log.read_text()}", seconds=300)
        office.manage("demo", "--people", str(people))
        yield office
    except BaseException:
        office.tell()
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)
        _remove(folder)


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "DATA_DIR": str(folder), **SURROUNDINGS}


def _is_open(process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    return READY in log.read_text()


def _remove(folder: Path) -> None:
    """The folder, and the engines' home where that stands elsewhere."""
    note = folder / "engines-are-at"
    if note.exists():
        shutil.rmtree(note.read_text().strip(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
