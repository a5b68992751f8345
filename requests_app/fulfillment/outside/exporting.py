"""What systems outside hold of a person, asked for a package; or whose answer is still awaited."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ccpa_office.connectors.base import ConnectorError, Key, Table
from ccpa_office.connectors.collected import Piece, Record
from ccpa_office.connectors.http import AnswerOfAnother, Means
from requests_app import targets
from requests_app.fulfillment import apart
from requests_app.fulfillment.locating import merged
from requests_app.fulfillment.outside import breaker, parts
from requests_app.fulfillment.outside.parts import Handed
from requests_app.fulfillment.package import redaction
from requests_app.models import ConsumerRequest, PartSaid
from requests_app.targets import Target, Vendor

TABLE = "export"
"""The name of the one table that a system outside has in a package."""
NOTHING_TO_ASK_BY, BY_HAND, NOT_ASKED = "nothing-to-ask-by", "by-hand", "not-asked"
NEVER = frozenset({NOTHING_TO_ASK_BY, NOT_ASKED})
"""Why no answer is on its way: nobody was asked."""


@dataclass(frozen=True)
class FromOutside:
    """One system's answer: whole records by their id; ``awaited`` says why there is none yet."""

    system: str
    name: str
    categories: tuple[str, ...]
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    awaited: str = ""
    handed: Handed | None = None
    """What people gave of it by hand, confirmed by a second person."""

    @property
    def holds(self) -> bool:
        """Whether it holds anything of the person."""
        found = self.handed is not None and self.handed.said == PartSaid.FOUND
        return bool(self.records) or found

    @property
    def table(self) -> Table:
        """The records as one table: every field that one of them has is a column."""
        columns = tuple(dict.fromkeys(name for each in self.records.values() for name in each))
        category = self.categories[0] if len(self.categories) == 1 else ""
        return Table(
            name=TABLE, key=("id",), paths=(), action="keep", columns=columns,
            pieces=tuple(Piece(column, category=category) for column in columns),
            categories=self.categories,
        )  # fmt: skip

    def rows(self) -> Iterator[Record]:
        """Each record as a row of that table."""
        columns = self.table.columns
        for found, content in self.records.items():
            yield Record((found,), tuple(content.get(column) for column in columns))


def ask(
    consumer_request: ConsumerRequest | None, sources: Sequence[tuple[Target, list[Key]]],
    vendors: Sequence[Vendor], *, at: datetime,
) -> list[FromOutside]:  # fmt: skip
    """Ask every system outside that is served for all that it holds of the person.

    By identifiers in the person's own rows alone (VR-14). None holds up a package: a system that
    does not answer now, or that only people can ask, is named as awaited.
    People are asked for whole pieces alone: an answer of categories has no ``consumer_request``
    here, so that nobody gives more for it than it needs.
    """
    known: dict[str, list[str]] = {}
    for target, people in sources if vendors else []:
        for mark in target.connector.marks(people):
            known = merged(known, mark.identifiers)
    kinds = {kind for vendor in vendors for kind in vendor.description.identifiers}
    known = apart.own(sources, known, kinds)
    return [_answered(consumer_request, vendor, known, at) for vendor in vendors]


def _answered(
    consumer_request: ConsumerRequest | None,
    vendor: Vendor,
    known: dict[str, list[str]],
    at: datetime,
) -> FromOutside:
    description = vendor.description
    asked = [(kind, value) for kind in description.identifiers for value in known.get(kind, [])]
    records: dict[str, dict[str, Any]] = {}
    if not asked:
        code = NOTHING_TO_ASK_BY
    elif "export" not in description.endpoints:
        code = BY_HAND if consumer_request else NOT_ASKED
    else:
        code = next((why for each in asked if (why := _export(vendor, each, records, at))), "")
    found = {} if code else records
    told = FromOutside(vendor.key, description.name, tuple(description.categories), found, code)
    if code != BY_HAND or consumer_request is None:
        return told
    handed = parts.handed(consumer_request, vendor, asked, at=at)
    return replace(told, awaited="", handed=handed) if handed else told


def _export(
    vendor: Vendor, asked: tuple[str, str], records: dict[str, dict[str, Any]], at: datetime
) -> str:
    """Add what one identifier leads to; why that could not be, as a code, or nothing."""
    try:
        with breaker.admitted(vendor.key, vendor.description.limits, at=at):
            answer = targets.line(vendor).export(dict([asked]), at=at)
            breaker.note(vendor.key, answer, at=at)
    except (AnswerOfAnother, breaker.NotNow, ConnectorError) as why:
        return _code_of(why)
    if answer.means not in {Means.DONE, Means.NOTHING}:
        return answer.code or answer.means.value
    for record in answer.records:
        content = record.content
        whole = content if isinstance(content, dict) else {"record": content}
        records[record.id] = _told(whole)
    return ""


def _told(whole: Mapping[str, Any]) -> dict[str, Any]:
    """A record as a row: names that people chose there are looked through like every value."""
    told: dict[str, Any] = {}
    for name, value in whole.items():
        plain, _kinds = redaction.clean(_printable(str(name)), word=lambda kind: f"[{kind}]")
        while plain in told:
            plain += "+"
        told[plain] = _plain(value)
    return told


def _printable(name: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in name)


def _code_of(why: Exception) -> str:
    """Why nothing could be asked, or what came was not the person's."""
    if isinstance(why, breaker.NotNow):
        return why.code
    return "answer-of-another" if isinstance(why, AnswerOfAnother) else type(why).__name__


def _plain(value: Any) -> Any:
    """A value as a row of a database holds it: numbers that are not whole are texts."""
    return json.dumps(value) if isinstance(value, float) else value
