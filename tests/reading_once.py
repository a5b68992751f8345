"""Hundreds of tests load the demo's map, each three times: its YAML is taken apart once."""

from functools import lru_cache

from notices_app.datamap import compiling, reading


@lru_cache(maxsize=16)
def _tree(text: str) -> reading.Tree | None:
    return reading.read(text, reading.Report(""))


def _read(text: str, report: reading.Report) -> reading.Tree | None:
    return _tree(text) or reading.read(text, report)  # what is not sound is told anew each time


def let_the_suite_read_a_map_once() -> None:
    """A sound document gives the same tree again; the tree is never changed."""
    compiling.read = _read  # type: ignore[attr-defined]
