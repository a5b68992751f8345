"""The table of chores stands for tests that ask for it."""

from collections.abc import Iterator

import pytest

from tests.office import chores


@pytest.fixture
def chore_table(db: None) -> Iterator[None]:
    """The table, inside the test's transaction."""
    with chores.table():
        yield


@pytest.fixture
def committed_chore_table(transactional_db: None) -> Iterator[None]:
    """The table, for tests with several connections."""
    with chores.table():
        yield
