"""Workers leave off after some seconds and go on with the next hint; a suite drains once.

On a busy machine the same work takes longer. Nothing here is about how long it takes.
"""

from datetime import timedelta

from requests_app import tasks
from requests_app.correspondence import delivery
from requests_app.fulfillment import sweeping

LONG = timedelta(minutes=30)


def let_the_suite_end_what_it_began() -> None:
    """A drain goes on until nothing is left, however long that takes."""
    tasks.BUDGET = LONG
    delivery.BUDGET = sweeping.BUDGET = LONG.total_seconds()
