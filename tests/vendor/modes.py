"""Every way in which an outside system disappoints (reliability, fake vendor modes)."""

from enum import StrEnum


class Mode(StrEnum):
    """What the vendor does when it is asked to delete (or, where told so, to find)."""

    HONEST = "honest"
    REFUSES_CONNECTION = "refuses-connection"
    NAME_GONE = "name-gone"
    TLS_WRONG_NAME = "tls-wrong-name"
    HANGS_BEFORE_HEADERS = "hangs-before-headers"
    HANGS_IN_BODY = "hangs-in-body"
    DRIPS = "drips"
    CLOSES_IN_BODY = "closes-in-body"
    OK_WITH_ERROR_BODY = "ok-with-error-body"
    OK_EMPTY = "ok-empty"
    OK_HTML = "ok-html"
    ACCEPTED_THEN_NEVER = "accepted-then-never"
    ACCEPTED_THEN_DONE = "accepted-then-done"
    NO_CONTENT = "no-content"
    MOVED = "moved"
    UNAUTHORIZED_ONCE = "unauthorized-once"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    TOO_BIG = "too-big"
    BUSY = "busy"
    BUSY_SECONDS = "busy-seconds"
    BUSY_DATE = "busy-date"
    FAILING = "failing"
    EXECUTES_AND_TIMES_OUT = "executes-and-times-out"
    LIES = "lies"
    DELETES_ANOTHER = "deletes-another"
    DELETES_LATE = "deletes-late"
    RESTORES_AFTER_A_DAY = "restores-after-a-day"
    ANSWERS_FOR_ANOTHER = "answers-for-another"
    HUGE = "huge"
    PACKED = "packed"
    DEEP = "deep"


HANGS = frozenset({
    Mode.HANGS_BEFORE_HEADERS, Mode.HANGS_IN_BODY, Mode.DRIPS, Mode.EXECUTES_AND_TIMES_OUT,
})  # fmt: skip
"""The caller gives up in these; in all others it gets an answer, however late."""
LIARS = (Mode.LIES, Mode.DELETES_ANOTHER, Mode.DELETES_LATE, Mode.RESTORES_AFTER_A_DAY)
