"""The engines' home: a folder that is ours alone, its lock, and the account that owns it."""

import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ccpa_office.engines.children import (
    Account,
    Refused,
    born_at,
    command_line,
    end_session,
    plain_environment,
    run,
    wait_until_gone,
)

SYSTEM_ACCOUNT = "ccpa-office"
SHARED_HOMES = Path("/var/lib/ccpa-office")
LONGEST_SOCKET = 107
LONGEST_NAME = "/.s.PGSQL.5432.lock"
NOT_IN_AN_ADDRESS = frozenset(",'\"\\%?#@")  # a comma alone would make two hosts of one folder
MOVED_NOTE = "engines-are-at"


@dataclass(frozen=True)
class Home:
    """A folder of mode 0700 with everything that the engines keep."""

    folder: Path
    account: Account | None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home against a second supervisor.

        Raises Refused when somebody else holds it.
        """
        with (self.folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as held:
                raise Refused(
                    f"Another office is running on {self.folder}. Stop it first, or give this "
                    "one a data folder of its own: make run DATA_DIR=... PORT=..."
                ) from held
            yield

    def own(self, path: Path) -> Path:
        """Give a file or folder to the engines' account."""
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)
        return path

    def room(self, name: str) -> Path:
        """Return a private folder inside the home."""
        path = self.folder / name
        path.mkdir(mode=0o700, exist_ok=True)
        return self.own(path)

    def run_folder(self) -> Path:
        """Return the folder of the sockets: ``run`` here, or a short private one noted here."""
        inside = self.folder / "run"
        short = len(os.fsencode(f"{inside}{LONGEST_NAME}")) <= LONGEST_SOCKET
        if short and not NOT_IN_AN_ADDRESS & set(str(inside)):
            return self.room("run")
        note = self.folder / "run-folder"
        if note.exists() and self._is_private(noted := Path(note.read_text())):
            return noted
        made = self.own(Path(tempfile.mkdtemp(prefix="ccpa-office-", dir="/tmp")))
        write_private(note, str(made))
        return made

    def _is_private(self, path: Path) -> bool:
        try:
            seen = path.lstat()
        except OSError:
            return False
        owner = self.account.uid if self.account else os.geteuid()
        return stat.S_ISDIR(seen.st_mode) and seen.st_uid == owner and not seen.st_mode & 0o077

    def passwords(self, *names: str) -> dict[str, str]:
        """Return the random password of each database role, making those that are missing."""
        path = self.folder / "passwords.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        missing = [name for name in names if name not in known]
        if missing:
            known |= {name: secrets.token_urlsafe(24) for name in missing}
            write_private(path, json.dumps(known))
        return known

    def note_children(self, pids: dict[str, int]) -> None:
        """Write down who runs, so that a later start can end what a killed one left behind."""
        living = {name: [pid, born_at(pid)] for name, pid in pids.items()}
        write_private(self.folder / "children.json", json.dumps(living))

    def end_leftovers(self) -> list[str]:
        """End the children of a supervisor that was killed; return their names."""
        path = self.folder / "children.json"
        if not path.exists():
            return []
        ended = []
        for name, (pid, born) in json.loads(path.read_text()).items():
            if command_line(pid) is not None and born_at(pid) == born:
                wait_until_gone(pid, 20.0)  # the kernel has told it that its parent is gone
                ended.append(name)
                end_session(pid)
        path.unlink()
        return ended


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step: readers see the old one or the new one."""
    half = path.with_name(f"{path.name}.half")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def engine_account() -> Account | None:
    """Return the account for the engines: None for an ordinary user, a system account for root."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(SYSTEM_ACCOUNT)
    except KeyError:
        found = _make_account()
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


def _make_account() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise Refused(
            "PostgreSQL does not run as root, and there is no useradd to make an account for it. "
            "Start the office as an ordinary user, or set DATABASE_URL and REDIS_URL."
        )
    shell = "/usr/sbin/nologin"
    run(
        [useradd, "--system", "--user-group", "--no-create-home", "--shell", shell, SYSTEM_ACCOUNT],
        env=plain_environment(),
    )
    try:  # two offices may have made it at the same moment
        return pwd.getpwnam(SYSTEM_ACCOUNT)
    except KeyError as absent:
        raise Refused(f"The system account {SYSTEM_ACCOUNT} could not be made.") from absent


def open_home(data_dir: Path) -> Home:
    """Return the home that belongs to ``data_dir``, made if it is not there yet.

    As root it stands inside ``data_dir`` only if the engines' account can enter it; otherwise
    under ``/var/lib/ccpa-office``. The choice is noted once and kept.
    """
    account = engine_account()
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir.chmod(0o711 if account else 0o700)
    folder = _noted(data_dir) or _chosen(data_dir, account)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = Home(folder, account)
    home.own(folder).chmod(0o700)
    return home


def _noted(data_dir: Path) -> Path | None:
    note = data_dir / MOVED_NOTE
    return Path(note.read_text()) if note.exists() else None


def _chosen(data_dir: Path, account: Account | None) -> Path:
    inside = data_dir / "engines"
    if account is None or inside.exists() or _can_enter(account, data_dir):
        return inside
    SHARED_HOMES.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = SHARED_HOMES / _derived_name(data_dir)
    write_private(data_dir / MOVED_NOTE, str(folder))
    return folder


def _derived_name(data_dir: Path) -> str:
    """Name a home after the folder it serves, so that two clones never share one."""
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:10]
    return f"{data_dir.parent.name[:30] or 'office'}-{digest}"


def _can_enter(account: Account, folder: Path) -> bool:
    test: list[str | Path] = ["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]
    return run(test, account=account, env=plain_environment()).returncode == 0
