"""The peer in an environment of its own: installed from PyPI once, used again by later runs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "ethyca-fides"
VERSION = "2.86.2"
"""The version that performance goals were set against; it needs Python 3.13."""
MINUTES = 15
HOME = Path(sys.prefix) / "peer"


class CannotInstall(Exception):
    """The peer could not be installed; the text says what was tried."""


def environment() -> Path:
    """The folder of programs of the peer's environment, made if there is none.

    ``PEER_PYTHON`` names another Python than the one found. Raises ``CannotInstall``.
    """
    programs = HOME / "bin"
    if not (HOME / "complete").exists():
        shutil.rmtree(HOME, ignore_errors=True)
        newer = _python()
        _run([newer or sys.executable, "-m", "venv", str(HOME)])
        wanted = f"{PACKAGE}=={VERSION}" if newer else PACKAGE
        _run([str(programs / "python"), "-m", "pip", "install", "--quiet", wanted])
        (HOME / "complete").touch()
    return programs


def version(programs: Path) -> str:
    """Which version stands there, under which Python."""
    asked = (
        f"import sys,importlib.metadata as m;print(m.version('{PACKAGE}'),sys.version.split()[0])"
    )
    said = _run([str(programs / "python"), "-c", asked]).split()
    return f"{PACKAGE} {said[0]}, Python {said[1]}"


def postgresql() -> str:
    """The programs of a PostgreSQL with its additions: the peer's migrations need ``pgcrypto``.

    ``CCPA_PG_BIN`` names one. Raises ``CannotInstall``.
    """
    named = os.environ.get("CCPA_PG_BIN", "")
    standing = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True)
    for folder in [named] if named else map(str, standing):
        config = Path(folder) / "pg_config"
        shared = _run([str(config), "--sharedir"]).strip() if config.exists() else ""
        if shared and (Path(shared) / "extension" / "pgcrypto.control").exists():
            return folder
    raise CannotInstall(
        "The peer needs a PostgreSQL with pgcrypto, which the office's own wheel does not have."
        " Install Debian's package postgresql, or name a folder of programs in CCPA_PG_BIN."
    )


def _major(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


def _python() -> str | None:
    """A Python 3.13 of this machine, or None: then an older version of the peer is measured."""
    for candidate in _candidates():
        if not Path(candidate).is_file():
            continue
        asked = [candidate, "-c", "import sys, venv, ensurepip; print(sys.version_info[:2])"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
        if answer.stdout.strip() == "(3, 13)":
            return candidate
    return None


def _candidates() -> Iterator[str]:
    yield os.environ.get("PEER_PYTHON", "")
    yield shutil.which("python3.13") or ""
    for folder in (".pyenv/versions", ".local/share/uv/python"):
        found = (Path.home() / folder).glob("*3.13*/bin/python3.13")
        yield from map(str, sorted(found))


def _run(command: list[str]) -> str:
    try:
        answer = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, timeout=MINUTES * 60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(f"{' '.join(command[:4])}: {error}") from None
    if answer.returncode:
        raise CannotInstall(f"{' '.join(command)}\n{answer.stderr[-1500:]}")
    return answer.stdout
