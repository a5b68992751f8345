"""What the name of a list's file says: its day, the broker, the kind of list."""

import re
from dataclasses import dataclass
from datetime import date

from ccpa_office.connectors.standardizing import LISTS

REMOVED = "Removed"
"""Identifiers that consumers took back; they are no work items."""
KINDS = (*LISTS, REMOVED)
NAME = re.compile(
    rf"([0-9]{{8}})_([0-9]{{4}})_({'|'.join(KINDS)})(?:_[0-9A-Za-z]{{1,10}})?\.csv", re.ASCII
)


class NameRefused(Exception):
    """The file is not called as the platform calls its lists: DAY_BROKER_KIND.csv."""


@dataclass(frozen=True)
class Named:
    """A list's file by its name."""

    day: date
    broker: str
    kind: str


def read(name: str) -> Named:
    """Read ``20260801_0042_Email.csv``. Raises ``NameRefused``."""
    found = NAME.fullmatch(name)
    if found is None:
        raise NameRefused(f"Not the name of a list: DAY_BROKER_KIND.csv, {' '.join(KINDS)}.")
    try:
        day = date(int(found[1][:4]), int(found[1][4:6]), int(found[1][6:]))
    except ValueError:
        raise NameRefused("The name of the file begins with a day that no calendar has.") from None
    return Named(day, found[2], found[3])
