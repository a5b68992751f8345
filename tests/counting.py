"""How many hostile items each family threw: told at the end of the run, whoever threw them."""

from collections import Counter
from typing import Any

from tests import sharing

THROWN: Counter[str] = Counter()
"""Items by test."""


def tell(config: Any) -> None:
    """A worker tells the process that prints."""
    if sharing.is_worker(config):
        config.workeroutput["thrown"] = dict(THROWN)


def hear(node: Any) -> None:
    """Add what a worker told; one that died told nothing."""
    THROWN.update(getattr(node, "workeroutput", {}).get("thrown", {}))


def show(terminalreporter: Any) -> None:
    """Say how many items each family had."""
    if not THROWN:
        return
    terminalreporter.section("hostile items")
    families: Counter[str] = Counter()
    for name, count in THROWN.items():
        families[name.partition("[")[0]] += count
    for family, count in sorted(families.items()):
        terminalreporter.line(f"{count:5} {family}")
    terminalreporter.line(f"{THROWN.total():5} in all")
