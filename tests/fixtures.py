"""Fixtures of the floors above the ground: a team, a mailbox, a business's database."""

from collections.abc import Iterator
from typing import Any

import pytest

from ccpa_office import clock, clock_guard, connectors
from tests import builders, copies
from tests.builders import Mailbox, Team
from tests.reading_once import looking_once


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    """A real mail server."""
    box = Mailbox()
    box.controller.start()
    settings.EMAIL_URL = box.url
    yield box
    box.controller.stop()


@pytest.fixture
def team(db: None) -> Team:
    """One person for each role, and a clock that has been seen to be right."""
    clock_guard.witness(clock.now())
    return Team()


@pytest.fixture(scope="session")
def learner_template(django_db_setup: None) -> Iterator[str]:
    """Sixty learners to copy from."""
    name = builders.learner_template(60)
    yield name
    copies.drop_copies(name)


@pytest.fixture
def learners(learner_template: str, team: Team) -> Iterator[str]:
    """A learner database that the office serves; its URL."""
    copy = copies.copy_of(learner_template)
    target = next(copy)
    with looking_once(learner_template):
        builders.serve(team, target)
    yield target
    connectors.close_all()
    next(copy, None)


@pytest.fixture
def at_once(settings: Any) -> None:
    """No cool-off, batches at any minute: what a test of the whole way needs."""
    settings.COOL_OFF_HOURS = 0
    settings.BATCH_AT = "*"
