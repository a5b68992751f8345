"""What became of mutants, counted and printed at the end of a run."""

from collections import Counter

FATES: dict[str, Counter[str]] = {}
"""By what was changed, and in which database: how many mutants met which end."""


def note(name: str, fates: Counter[str]) -> None:
    """Keep the counts of one database."""
    FATES[name] = fates
