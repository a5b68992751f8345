"""``manage.py test`` runs the same suite as ``make test``."""

import sys
from collections.abc import Iterable
from typing import Any

from ccpa_office.engines.children import run_through


class PytestRunner:
    """Hand the labels to pytest and return the number of failures as 0 or 1."""

    def __init__(self, *, verbosity: int = 1, failfast: bool = False, **_others: Any) -> None:
        self.flags = ["-x"] * failfast + ["-q"] * (verbosity == 0) + ["-v"] * (verbosity > 1)

    def run_tests(self, test_labels: Iterable[str], **_others: Any) -> int:
        """Run pytest in a process of its own, so that its engines come before the settings."""
        return int(run_through([sys.executable, "-m", "pytest", *self.flags, *test_labels]) != 0)
