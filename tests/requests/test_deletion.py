"""A deletion from the form to the completion letter, by verbs."""

import psycopg

from requests_app.models import Outcome, Status, Suppression
from tests.builders import ORLA, approved, drain, fresh


def test_a_deletion_goes_the_whole_way(mailbox, team, learners, at_once):
    consumer_request = approved(mailbox, team)
    assert consumer_request.status == Status.APPROVED
    drain()
    done = fresh(consumer_request)
    assert (done.status, done.outcome) == (Status.COMPLETED, Outcome.IN_PART)
    with psycopg.connect(learners) as connection:
        left = connection.execute(
            "SELECT count(*) FROM accounts WHERE lower(email) = %s", [ORLA]
        ).fetchone()
    assert left == (0,)
    assert Suppression.objects.count() > 0
