"""Log lines without personal information: only the keys of an allow-list pass."""

import logging
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import structlog

ALLOWED_KEYS = frozenset(
    {
        "action", "actor", "attempts", "batch", "child", "code", "count", "duration_ms", "error",
        "event", "gap", "job", "lane", "level", "line", "logger", "method", "number", "outcome",
        "pid", "queue", "reason", "schedule", "seconds", "state", "status", "system", "table",
        "task", "timestamp", "verb", "where",
    }
)  # fmt: skip

Event = MutableMapping[str, Any]


def allow_list(_logger: object, _method: str, event: Event) -> Event:
    """Drop every key that is not on the list; keep the place of an error, never its words."""
    return {key: value for key, value in event.items() if key in ALLOWED_KEYS}


def from_elsewhere(_logger: object, _method: str, event: Event) -> Event:
    """Turn a line of a library into ours: its pattern without the values put into it.

    The values may hold an address of a page with a token in it, or what a consumer typed.
    """
    record = event.get("_record")
    if isinstance(record, logging.LogRecord) and event.get("_from_structlog") is False:
        event["event"] = record.name if _is_written_out(record) else str(record.msg)
        event["status"] = getattr(record, "status_code", None)
        if record.exc_info and record.exc_info[0]:
            event.update(place_of(record.exc_info))
    return event


def _is_written_out(record: logging.LogRecord) -> bool:
    """Whether a line has no pattern: an error is its own text, with what somebody sent in it."""
    return record.name.startswith("django.security.") or not isinstance(record.msg, str)


def place_of(exc_info: tuple[Any, ...]) -> Mapping[str, str]:
    """Return the class of an exception and where it was raised, without its text."""
    kind, _, trace = exc_info
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = ""
    if trace is not None:
        code = trace.tb_frame.f_code
        where = f"{Path(code.co_filename).name}:{trace.tb_lineno} {code.co_name}"
    return {"error": kind.__name__, "where": where}


def without_nothing(_logger: object, _method: str, event: Event) -> Event:
    """Leave out keys without a value."""
    return {key: value for key, value in event.items() if value is not None}


SHARED: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_config(*, plain: bool) -> dict[str, Any]:
    """Return Django's LOGGING: JSON lines in production, readable ones in the demo."""
    last: Any = structlog.processors.JSONRenderer()
    if plain:
        last = structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED,
        "processors": [from_elsewhere, allow_list, without_nothing, last],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
        },
    }
