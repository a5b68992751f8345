"""What an answer means: the description's rules first, then what every status code means."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ccpa_office.connectors.base import ConnectorError
from ccpa_office.connectors.http.description import Endpoint, Means, Records, Rule
from ccpa_office.connectors.http.paths import ABSENT, NotJson, read_json, word
from ccpa_office.connectors.http.wire import Lost, Raw

LONGEST_PAUSE = 24 * 3600.0


class AnswerOfAnother(ConnectorError):
    """The answer speaks of somebody else, or of another record than the one that was asked for."""


@dataclass(frozen=True)
class Record:
    """One record that an outside system holds: its id, and by what its owner is known.

    ``content`` is the whole record, where it was asked for to be given to its owner.
    """

    id: str
    owner: Mapping[str, tuple[str, ...]]
    content: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Answer:
    """What came of a question: ``code`` says why, ``pause`` how many seconds to wait."""

    means: Means
    code: str = ""
    status: int = 0
    pause: float | None = None
    ticket: str = ""
    records: Sequence[Record] = ()
    following: str = ""
    digest: str = ""
    document: Any = None


def lost(failure: Lost) -> Answer:
    """What no answer means: later where nothing was sent, else unknown."""
    return Answer(Means.UNKNOWN if failure.sent else Means.LATER, failure.code)


def understood(raw: Raw, endpoint: Endpoint, *, depth: int, at: datetime) -> Answer:
    """Read an answer by the rules of its endpoint."""
    document, trouble = _document(raw, depth)
    plain = Answer(
        Means.UNKNOWN,
        status=raw.status,
        digest=hashlib.sha256(raw.body).hexdigest(),
        pause=_pause(raw.headers.get("retry-after", ""), at),
        document=None if document is ABSENT else document,
    )
    if raw.status in range(300, 400):
        return replace(plain, means=Means.REFUSED, code="redirect")
    rule = next((each for each in endpoint.rules if _fits(each, raw.status, document)), None)
    if rule is None:
        return _by_status(plain, trouble)
    found = replace(
        plain, means=rule.means, ticket=rule.ticket.word(document) if rule.ticket else ""
    )
    lacking = (
        "no-ticket" if rule.means == Means.PENDING and rule.ticket and not found.ticket else ""
    )
    if rule.means == Means.NOTHING and endpoint.records and trouble != "empty":
        lacking = trouble  # a page of a gateway, say, and not of the system
    return replace(found, means=Means.UNKNOWN, code=lacking) if lacking else found


def _document(raw: Raw, depth: int) -> tuple[Any, str]:
    kind = raw.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if raw.body and kind != "application/json" and not kind.endswith("+json"):
        return ABSENT, "not-json"
    try:
        return read_json(raw.body, depth=depth), ""
    except NotJson as why:
        return ABSENT, why.code


def _fits(rule: Rule, status: int, document: Any) -> bool:
    if status not in rule.statuses or rule.path is None:
        return status in rule.statuses
    value = ABSENT if document is ABSENT else rule.path.at(document)
    if value is ABSENT or value is None:
        return False
    return rule.equals is None or word(value) == rule.equals


REFUSALS = {401: "unauthorized", 403: "forbidden", 413: "too-big"}


def _by_status(answer: Answer, trouble: str) -> Answer:
    """An answer that no rule knows: what its status code means everywhere, else unknown."""
    status = answer.status
    if status in REFUSALS:
        return replace(answer, means=Means.REFUSED, code=REFUSALS[status])
    if status in {425, 429} or (status == 503 and answer.pause is not None):
        return replace(answer, means=Means.LATER, code="busy")
    if status >= 500:
        return replace(answer, code="failed")
    return replace(answer, code=trouble or "not-described")


def _pause(text: str, at: datetime) -> float | None:
    """Seconds of a Retry-After header, given in seconds or as a date; nothing if it is junk."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 8:
        return min(float(text), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - at).total_seconds(), 0.0), LONGEST_PAUSE)


def records_of(
    answer: Answer, places: Records, asked: Mapping[str, str], *, whole: bool = False
) -> Answer:
    """The records of a page, each held against whom was asked for; ``whole`` with their contents.

    Raises ``AnswerOfAnother`` when a record belongs to somebody else or says of nobody.
    """
    items = places.items.at(answer.document)
    if not isinstance(items, list):
        return replace(answer, means=Means.UNKNOWN, code="no-records")
    found = [_record(item, places, whole=whole) for item in items]
    if not all(record.id for record in found):
        return replace(answer, means=Means.UNKNOWN, code="no-id")
    if any(not _is_of(record, asked) for record in found):
        raise AnswerOfAnother("owner")
    following = places.next.word(answer.document) if places.next else ""
    return replace(answer, records=tuple(found), following=following)


def _record(item: Any, places: Records, *, whole: bool) -> Record:
    owner = {kind: _values(path.at(item)) for kind, path in places.owner.items()}
    found = places.id.word(item)
    return Record("" if found in {".", ".."} else found, owner, item if whole else None)


def _values(value: Any) -> tuple[str, ...]:
    many = value if isinstance(value, list) else [value]
    return tuple(filter(None, map(word, many)))


def _is_of(record: Record, asked: Mapping[str, str]) -> bool:
    """Whether a record names whom was asked for, by each kind that it was asked by."""
    return all(
        any(same(kind, held, value) for held in record.owner.get(kind, ()))
        for kind, value in asked.items()
    )


def same(kind: str, first: str, second: str) -> bool:
    """Whether two spellings are one identifier; what says nothing is none."""
    one, other = _normal(kind, first), _normal(kind, second)
    if kind == "phone_number" and not (_is_whole(first) and _is_whole(second)):
        one, other = one[-10:], other[-10:]  # one of them may lack its country
    return one == other != ""


def _normal(kind: str, value: str) -> str:
    if kind == "phone_number":
        return "".join(character for character in value if character.isdecimal())
    return value.strip().casefold() if kind == "email" else value


def _is_whole(number: str) -> bool:
    """Whether a telephone number is written with its country."""
    return number.strip().startswith("+")
