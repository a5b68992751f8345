"""Files of ``NAME=value`` lines, read and written without touching the process's environment."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from ccpa_office.engines.home import write_private


def read_variables(path: Path) -> dict[str, str]:
    """Return the file's variables; none if there is no such file or it is not ours to read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
    return {
        name.strip(): " ".join(shlex.split(value, comments=True))
        for name, sign, value in pairs
        if sign and not name.startswith("#")
    }


def write_variables(path: Path, variables: Mapping[str, str]) -> None:
    """Write a file of mode 0600 that a shell can source as well."""
    lines = [f"{name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
    write_private(path, "\n".join(lines) + "\n")
