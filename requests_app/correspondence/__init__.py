"""Letters: which there are, how they are written, queued and delivered."""

from requests_app.correspondence.delivery import ATTEMPTS, deliver
from requests_app.correspondence.letters import (
    LETTERS,
    Context,
    Desk,
    Letter,
    draft,
    queue_all,
    queue_instructions,
    queue_task,
    release,
)
from requests_app.correspondence.links import without_keys
from requests_app.correspondence.writing import subject_of, words_of

__all__ = [
    "ATTEMPTS",
    "LETTERS",
    "Context",
    "Desk",
    "Letter",
    "deliver",
    "draft",
    "queue_all",
    "queue_instructions",
    "queue_task",
    "release",
    "subject_of",
    "without_keys",
    "words_of",
]
