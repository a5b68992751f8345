"""The desks of requests, one file a desk."""

from requests_app.admin import (
    batches,
    book,
    book_outside,
    case,
    drop,
    home,
    intake,
    letters,
    outside,
    packages,
    plans,
)

__all__ = [
    "batches",
    "book",
    "book_outside",
    "case",
    "drop",
    "home",
    "intake",
    "letters",
    "outside",
    "packages",
    "plans",
]
