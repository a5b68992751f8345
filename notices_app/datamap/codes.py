"""Every code that a check of a map can report: what it means and what mends it."""

from dataclasses import dataclass
from pathlib import Path

import yaml

DATA = Path(__file__).with_suffix(".yml")


@dataclass(frozen=True)
class Code:
    """What a finding's code means, and the cure."""

    level: str
    meaning: str
    cure: str


def _read() -> dict[str, dict[str, Code]]:
    groups = yaml.safe_load(DATA.read_text("utf-8"))
    return {
        group: {code: Code(**said) for code, said in codes.items()}
        for group, codes in groups.items()
    }


GROUPS = _read()
CODES: dict[str, Code] = {code: said for group in GROUPS.values() for code, said in group.items()}


def cure(code: str) -> str:
    """Return what mends a finding, or nothing for a code that is not known."""
    return CODES[code].cure if code in CODES else ""
