"""One running office for the journeys."""

from collections.abc import Iterator

import pytest

from tests.journeys.running import RunningOffice, running_office


@pytest.fixture(scope="package")
def office(chromium: object) -> Iterator[RunningOffice]:
    """The whole office with three hundred learners; without a browser it is not started."""
    with running_office(people=300) as office:
        yield office
