"""What a description file says of an outside system: frozen shapes, no secret, no request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ccpa_office.connectors.base import Repeat
from ccpa_office.connectors.http.paths import JsonPath


class Means(StrEnum):
    """What an answer means. ``UNKNOWN`` is neither success nor failure."""

    DONE = "done"
    NOTHING = "nothing"
    PENDING = "pending"
    REFUSED = "refused"
    LATER = "later"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Rule:
    """One kind of answer: these status codes and, where a path is named, this value there."""

    statuses: frozenset[int]
    means: Means
    path: JsonPath | None = None
    equals: str | None = None
    ticket: JsonPath | None = None


@dataclass(frozen=True)
class Records:
    """Where the records stand in an answer, whose they are, and how the next page is asked."""

    items: JsonPath
    id: JsonPath
    owner: Mapping[str, JsonPath]
    next: JsonPath | None = None
    cursor: str = "cursor"


@dataclass(frozen=True)
class Endpoint:
    """One thing that can be asked. Texts hold places: ``{email}``, ``{id}``, ``{ticket}``."""

    name: str
    method: str
    path: str
    rules: tuple[Rule, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)
    records: Records | None = None
    echo: JsonPath | None = None
    fields: Mapping[str, JsonPath] = field(default_factory=dict)
    """Kinds that can be corrected, and where each stands in a record that ``find`` gives."""


@dataclass(frozen=True)
class Limits:
    """How much and how fast. Times are the office's own and no file changes them."""

    per_second: int = 5
    at_once: int = 2
    answer_bytes: int = 1_000_000
    depth: int = 20
    records: int = 1_000
    pages: int = 50


@dataclass(frozen=True)
class Auth:
    """How the office proves itself: headers with ``{secret:name}`` or ``{token}`` in them."""

    headers: Mapping[str, str] = field(default_factory=dict)
    token_path: str = ""
    token_body: Mapping[str, str] = field(default_factory=dict)
    token_at: JsonPath | None = None
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """An outside system, whole: ``kind`` is ``http`` or ``manual``."""

    kind: str
    name: str
    party: str
    repeat: Repeat
    identifiers: tuple[str, ...]
    categories: tuple[str, ...]
    sensitive: bool = False
    recipient: str = ""
    """Who it is in the notice's vocabulary."""
    auth: Auth = Auth()
    idempotency_header: str = ""
    limits: Limits = Limits()
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    answer_days: int = 10

    @property
    def can_look(self) -> bool:
        """Whether the system can be asked what it holds of a person."""
        return "find" in self.endpoints

    def way_of(self, kind: str) -> JsonPath | None:
        """Where a kind stands in a record, if the system can be asked to correct it."""
        endpoint = self.endpoints.get("correct")
        return endpoint.fields.get(kind) if endpoint else None
