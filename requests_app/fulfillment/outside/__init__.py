"""Systems outside the business's databases: planned like any other, asked, and looked at again."""

from requests_app.fulfillment.outside.carrying import (
    claimed_look,
    claimed_task,
    work_chunk,
)

__all__ = ["claimed_look", "claimed_task", "work_chunk"]
