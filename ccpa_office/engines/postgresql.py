"""PostgreSQL as a child process: a cluster made all or nothing, reached by a Unix socket alone."""

import re
import shutil
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from ccpa_office.engines.binaries import Binaries
from ccpa_office.engines.children import (
    Child,
    Refused,
    command_line,
    plain_environment,
    run,
    wait_until_gone,
)
from ccpa_office.engines.home import Home, write_private

SUPERUSER = "postgres"
OWNER = "office_owner"
APPLICATION = "office"
LEARNER_OWNER = "learner_office"
DATABASES = {"ccpa_office": OWNER, "learners": LEARNER_OWNER}
START_SECONDS = 120.0

# Nothing personal may reach the server's log, and statements are counted.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_preload_libraries": "pg_stat_statements",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "max_connections": "60",
    "shared_buffers": "96MB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "120",
}
STOP_STEPS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))


@dataclass(frozen=True)
class PostgreSQL:
    """One cluster in one home."""

    home: Home
    binaries: Binaries

    @property
    def data(self) -> Path:
        """Return the folder of the cluster."""
        return self.home.folder / "postgresql"

    def url(self, user: str, database: str) -> str:
        """Return the address of a database for one of our roles."""
        password = self.home.passwords(user)[user]
        folder = quote(str(self.home.run_folder()), safe="")
        return f"postgresql://{user}:{password}@/{database}?host={folder}"

    def prepare(self, *, durable: bool = True) -> bool:
        """Make the cluster if there is none; return whether one was made.

        Raises Refused when the data are of another major version or a server still uses them.
        """
        made = not self.data.exists()
        if made:
            self._initdb(durable=durable)
        self._same_version()
        self._clear_stale_files()
        return made

    def _initdb(self, *, durable: bool) -> None:
        half = self.home.folder / "postgresql.half"
        shutil.rmtree(half, ignore_errors=True)
        password = self.home.folder / "first-password"
        write_private(password, self.home.passwords(SUPERUSER)[SUPERUSER])
        self.home.own(password)
        answer = run(
            [
                self.binaries.tool("initdb"),
                f"--pgdata={half}",
                f"--username={SUPERUSER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *self._locale(),
                "--data-checksums",
                *([] if durable else ["--no-sync"]),
            ],
            account=self.home.account,
            env=plain_environment(),
        )
        password.unlink()
        if answer.returncode != 0:
            raise Refused(f"PostgreSQL could not make its data folder: {in_words(answer.stderr)}")
        half.rename(self.data)

    def _major(self) -> str:
        """Return the installed PostgreSQL's major version."""
        answer = run([self.binaries.tool("postgres"), "--version"], env=plain_environment())
        found = re.search(r"(\d+)", answer.stdout)
        return found.group(1) if found else "unknown"

    def _locale(self) -> tuple[str, ...]:
        """Return the rules of sorting by code point; before 17 the system's own."""
        if self._major() in {"14", "15", "16"}:
            return ("--locale=C.UTF-8",)
        return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")

    def _same_version(self) -> None:
        have = (self.data / "PG_VERSION").read_text().strip()
        offered = self._major()
        if offered != have:
            raise Refused(
                f"The data in {self.data} were written by PostgreSQL {have}; the installed one is "
                f"{offered}. Dump them with the old version (pg_dump), move the folder away, start "
                "the office, and restore the dump (pg_restore). docs/operations.md has the steps."
            )

    def _clear_stale_files(self) -> None:
        """Remove what a server that is gone left behind; wait for one that is going.

        PostgreSQL itself would refuse an empty file, a zombie, and a number that another program
        has now. We hold the home's lock, so only a live server on these data counts.
        """
        pid_file = self.data / "postmaster.pid"
        text = pid_file.read_text(errors="replace") if pid_file.exists() else ""
        first = text.split("\n", 1)[0].strip()
        if first.isdigit() and self._is_ours(int(first)) and not wait_until_gone(int(first), 30.0):
            raise Refused(
                f"A PostgreSQL (process {first}) still uses {self.data}. Stop it with "
                f"`kill -INT {first}` and start again."
            )
        for stale in (pid_file, *self.home.run_folder().glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        line = command_line(pid)
        if not line or not Path(line[0]).name.startswith("postgres"):
            return False
        return any(str(self.data) in part for part in line)

    def child(self, *, log: Path, durable: bool) -> Child:
        """Return the server as a child that is not started yet."""
        folder = str(self.home.run_folder()).replace('"', '""')
        settings = SETTINGS | {"unix_socket_directories": f'"{folder}"'}
        if not durable:
            settings |= THROW_AWAY
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Child(
            name="PostgreSQL",
            command=[self.binaries.tool("postgres"), "-D", self.data, *flags],
            log=log,
            env=plain_environment(),
            account=self.home.account,
            death_signal=signal.SIGINT,
            stop_steps=STOP_STEPS,
        )

    def wait(self, child: Child) -> None:
        """Wait for a real connection. Raises Refused when the server ends or stays silent."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url(SUPERUSER, "postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as refusal:
                if child.pid is None:
                    said = child.log.read_text(errors="replace")[-2000:]
                    raise Refused(f"PostgreSQL ended at once: {in_words(said)}") from refusal
                if time.monotonic() > deadline:
                    raise Refused("PostgreSQL did not answer for two minutes.") from refusal
                time.sleep(0.05)
            else:
                return

    def furnish(self) -> None:
        """Make roles and databases, and set the roles' passwords; harmless when repeated.

        The owner makes and changes tables; the application owns nothing; the learners' database
        belongs to a third role that sees neither of the other two.
        """
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            have = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            for role in (OWNER, APPLICATION, LEARNER_OWNER):
                verb = sql.SQL("ALTER" if role in have else "CREATE")
                password = self.home.passwords(role)[role]
                connection.execute(
                    sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                        verb, sql.Identifier(role), sql.Literal(password)
                    )
                )
            have = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            for database, owner in DATABASES.items():
                if database not in have:
                    _make_database(connection, database, owner)
        for database in DATABASES:
            with psycopg.connect(self.url(SUPERUSER, database), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")


def _make_database(connection: psycopg.Connection, database: str, owner: str) -> None:
    name, role = sql.Identifier(database), sql.Identifier(owner)
    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, role))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    if owner == OWNER:
        application = sql.Identifier(APPLICATION)
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, application))


WORDS = {
    "No space left on device": "the disk is full. Make room and start again.",
    "Permission denied": "a file may not be read or written. Look at the owner of the data folder.",
    "could not create shared memory": "the machine is short of shared memory.",
}


def in_words(said: str) -> str:
    """Turn what an engine said into a sentence, or give back its last lines."""
    known = (words for sign, words in WORDS.items() if sign in said)
    return next(known, " / ".join(line for line in said.strip().splitlines()[-3:]))


def databases() -> Iterable[str]:
    """Return the names of the databases that we keep."""
    return tuple(DATABASES)
