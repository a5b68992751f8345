"""Rows of the same people that were born after the freeze: a supplement under the same approval."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from ccpa_office.connectors.base import Key, Located
from ccpa_office.law.deadlines import received_date
from requests_app.fulfillment.loading import Load
from requests_app.fulfillment.packing import Part
from requests_app.fulfillment.plan import freeze_supplement, parts_of

LIMIT = 20
"""Rows for each person that go under the same approval; every approval page says so."""


class TooManyNewborn(Exception):
    """More rows were born since the freeze than the approval covers: a new plan is needed."""


def born_since(loaded: Load, at: datetime) -> list[Part]:
    """Parts for rows that the frozen keys do not name; one statement. Raises ``TooManyNewborn``."""
    known: dict[str, list[Key]] = {}
    for part in loaded.parts:
        known.setdefault(part.table, []).extend(part.keys)
    born = loaded.target.connector.newborn(loaded.people, known, on=received_date(at))
    _refuse_too_many(born)
    parts = parts_of(loaded.target.program, born)
    if any(part.shared for part in parts):
        raise TooManyNewborn
    return parts


def _refuse_too_many(born: Sequence[Located]) -> None:
    counts = Counter(person for each in born for person in each.persons)
    if max(counts.values(), default=0) > LIMIT:
        raise TooManyNewborn


def freeze_supplements(loaded: Load, born: Sequence[Part], at: datetime) -> None:
    """Keep what was added as a plan of its own, under its parent's approval."""
    for plan in loaded.plans if born else []:
        first = loaded.first[plan.pk]
        own = [part for part in (_cut(each, first, plan.people) for each in born) if part.keys]
        if own and plan.parent_id is None:
            freeze_supplement(plan, own, at=at)


def _cut(part: Part, first: int, people: int) -> Part:
    """The part of one plan's people, counted from its own first."""
    mine = [
        (key, person - first)
        for key, person in zip(part.keys, part.persons, strict=True)
        if first <= person < first + people
    ]
    return Part(part.table, part.action, [k for k, _ in mine], [p for _, p in mine], part.reason)
