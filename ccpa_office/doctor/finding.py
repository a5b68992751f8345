"""The shape of what the doctor finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

UNSOUND: Literal["unsound"] = "unsound"
NOTE: Literal["note"] = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. A note does not make the installation unsound."""

    code: str
    level: Literal["unsound", "note"]
    what: str
    cure: str


def unsound(code: str, what: str, cure: str) -> Finding:
    """Return a finding that somebody must act on."""
    return Finding(code, UNSOUND, what, cure)


def note(code: str, what: str, cure: str) -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(code, NOTE, what, cure)


Examination = Callable[[], Iterable[Finding]]
