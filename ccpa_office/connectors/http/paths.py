"""Reading what comes from outside: strict JSON, bounded before it is parsed, and paths into it."""

import json
import re
from dataclasses import dataclass
from typing import Any

STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]{0,62})|\[(0|[1-9][0-9]{0,3})\]")
WHOLE = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_-]{0,62}|\[(?:0|[1-9][0-9]{0,3})\])*")
LONGEST = 300
ABSENT: Any = object()


class NotJson(Exception):
    """The bytes are not JSON that the office reads; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class JsonPath:
    """A way into a document, such as ``$.people[0].id``."""

    text: str

    @property
    def steps(self) -> tuple[str | int, ...]:
        return tuple(name or int(place) for name, place in STEP.findall(self.text))

    @property
    def last(self) -> str:
        """The last name on the way; nothing where it ends in a number."""
        return str(self.steps[-1]) if self.steps and isinstance(self.steps[-1], str) else ""

    def at(self, document: Any) -> Any:
        """What stands there, or ``ABSENT``."""
        for step in self.steps:
            if isinstance(step, str) and isinstance(document, dict):
                document = document.get(step, ABSENT)
            elif isinstance(step, int) and isinstance(document, list) and step < len(document):
                document = document[step]
            else:
                return ABSENT
        return document

    def word(self, document: Any) -> str:
        """What stands there as a short plain text; nothing where it is none."""
        return word(self.at(document))


def word(value: Any) -> str:
    """An identifier or a mark as text: no control characters, no halves of characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    is_fit = isinstance(value, str) and 0 < len(value) <= LONGEST and value.isprintable()
    return value if is_fit else ""


def read_json(body: bytes, *, depth: int) -> Any:
    """The document in ``body``: UTF-8, each key once, no depth beyond ``depth``.

    Raises ``NotJson``; nothing is parsed before the depth has been measured.
    """
    if not body.strip():
        raise NotJson("empty")
    if _deepest(body) > depth:
        raise NotJson("too-deep")
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_no_constant
        )
    except NotJson:
        raise
    except (ValueError, RecursionError):
        raise NotJson("not-json") from None


def _deepest(body: bytes) -> int:
    """How deep the brackets outside texts go; one walk, whatever stands in the bytes."""
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    level = most = 0
    for outside in bare.split(b'"')[::2]:
        for mark in re.findall(rb"[\[\]{}]", outside):
            level += 1 if mark in b"[{" else -1
            most = max(most, level)
    return most


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("doubled-key")
    return found


def _no_constant(_name: str) -> Any:
    raise NotJson("not-a-number")
