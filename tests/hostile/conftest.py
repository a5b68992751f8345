"""The stage of the hostile tests, and how many items each family threw at it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from ccpa_office import connectors
from tests import builders
from tests.copies import copy_of
from tests.counting import THROWN
from tests.fixtures import learner_template
from tests.hostile import stage as stages
from tests.hostile.oracle import Judge
from tests.hostile.stage import Stage

__all__ = ["learner_template"]

ENOUGH = 1500


@pytest.fixture(scope="session")
def whole_stage(
    django_db_setup: None,
    django_db_blocker: Any,
    learner_template: str,
    request: pytest.FixtureRequest,
) -> Iterator[tuple[Stage, str]]:
    """The stage as it was built, and the database that holds it."""
    copies = copy_of(learner_template)
    mailbox = builders.Mailbox()
    mailbox.controller.start()
    usual = str(connection.settings_dict["NAME"])
    with django_db_blocker.unblock(), stages.copied(usual) as name:
        with override_settings(EMAIL_URL=mailbox.url, DEMO=True):
            built = stages.build(mailbox, next(copies))
        built.mail_url = mailbox.url
        connection.close()
        connection.settings_dict["NAME"] = usual  # every other test goes on where it was
        yield built, name
        connectors.close_all()
    mailbox.controller.stop()
    next(copies, None)
    _were_enough(request)


def _were_enough(request: pytest.FixtureRequest) -> None:
    """A run of the whole folder throws as many items as were promised."""
    folder = Path(__file__).parent
    ran = {item.path for item in request.session.items if item.path.parent == folder}
    if ran == set(folder.glob("test_*.py")) and not request.session.testsfailed:
        assert THROWN.total() >= ENOUGH


@pytest.fixture(scope="module")
def stage(whole_stage: tuple[Stage, str], django_db_blocker: Any) -> Iterator[Stage]:
    """The stage on a copy that only this module sees."""
    built, name = whole_stage
    with django_db_blocker.unblock():
        copy = stages.copied(name)
        copy.__enter__()
    yield built
    with django_db_blocker.unblock():
        copy.__exit__(None, None, None)


@pytest.fixture
def judge(stage: Stage, db: None, request: pytest.FixtureRequest, settings: Any) -> Iterator[Judge]:
    """Judges every item of one family; all that failed is told together."""
    settings.DEMO = True  # nobody here has a second factor
    settings.EMAIL_URL = stage.mail_url
    found = Judge(request.node.name)
    with found.watching():
        yield found
    found.verdict()
