"""A system that gets another address is another database: nothing approved before runs there."""

import pytest

from ccpa_office import clock
from notices_app import datamap
from requests_app import tasks
from requests_app.models import Chunk, PlanState
from tests.builders import MAP, ORLA, approved, plan_of
from tests.copies import copy_of
from tests.fixtures import at_once, learner_template, learners, mailbox, team

__all__ = ["at_once", "learner_template", "learners", "mailbox", "team"]


def test_a_new_address_needs_a_map_that_is_approved_again(team, learners, learner_template):
    copies = copy_of(learner_template)
    other = next(copies)
    datamap.add_system("learners", name="learners", url=other, by=team.editor, at=clock.now())
    with pytest.raises(datamap.NoActiveMap):
        datamap.target("learners")
    version = datamap.load(
        MAP.read_text("utf-8"), system_key="learners", by=team.editor, at=clock.now()
    )
    datamap.approve(version, digest=version.digest, by=team.chief, at=clock.now())
    assert datamap.target("learners").url == other
    next(copies, None)


def test_a_plan_approved_before_is_not_carried_out_at_the_new_address(
    mailbox, team, learners, at_once
):
    consumer_request = approved(mailbox, team, ORLA)
    datamap.add_system("learners", name="learners", url=learners, by=team.editor, at=clock.now())
    tasks.drain_house()
    tasks.drain_erase()
    chunk = Chunk.objects.get()
    assert (chunk.error_code, chunk.erased_at) == ("new-address", None)
    assert plan_of(consumer_request).state == PlanState.EXECUTING
