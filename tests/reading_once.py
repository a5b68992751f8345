"""Hundreds of tests load the demo's map, each three times: its YAML is taken apart once.

And hundreds hold it against a copy of one database, which nobody has changed yet: once, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from notices_app.datamap import book, compiling, reading


@lru_cache(maxsize=16)
def _tree(text: str) -> reading.Tree | None:
    return reading.read(text, reading.Report(""))


def _read(text: str, report: reading.Report) -> reading.Tree | None:
    return _tree(text) or reading.read(text, report)  # what is not sound is told anew each time


def let_the_suite_read_a_map_once() -> None:
    """A sound document gives the same tree again; the tree is never changed."""
    compiling.read = _read  # type: ignore[attr-defined]


_seen: dict[tuple[str, str], Any] = {}
_look = book.check_live


@contextmanager
def looking_once(template: str) -> Iterator[None]:
    """Within, a map is held against fresh copies of a database as it was against the first."""

    def check_live(text: str, *, system_key: str) -> Any:
        place = template, text
        if place not in _seen:
            _seen[place] = _look(text, system_key=system_key)
        return list(_seen[place])

    book.check_live = check_live
    try:
        yield
    finally:
        book.check_live = _look
