"""One mistake, and the folders in which mistakes are made and noticed."""

from dataclasses import dataclass

LAW, OFFICE, ROOMS = "ccpa_office/law", "ccpa_office", "requests_app"
FULFILLMENT = f"{ROOMS}/fulfillment"
T_LAW, T_OFFICE, T_REQUESTS = "tests/law", "tests/office", "tests/requests"
T_FULFILLMENT = "tests/fulfillment"


@dataclass(frozen=True)
class Mistake:
    """One change of one text in one file, and the tests of which one must turn red."""

    name: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]


def mistake(name: str, file: str, right: str, wrong: str, *tests: str) -> Mistake:
    """A mistake, its tests named one after the other."""
    return Mistake(name, file, right, wrong, tests)
