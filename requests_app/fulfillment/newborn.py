"""Rows of the same people that were born after the freeze: a supplement under the same approval."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from ccpa_office import work
from ccpa_office.connectors.base import Key, Located
from ccpa_office.law.deadlines import received_date
from ccpa_office.models import WorkState
from requests_app.fulfillment.loading import Load
from requests_app.fulfillment.locating import parts_of
from requests_app.fulfillment.packing import Part
from requests_app.fulfillment.plan import freeze_supplement
from requests_app.models import Chunk

LIMIT = 20
"""Rows for each person that go under the same approval; every approval page says so."""


class TooManyNewborn(Exception):
    """More was born since the freeze than the approvals of these ``plans`` cover: plan anew.

    ``people`` are the places, in their chunk, of those of whom it was.
    """

    def __init__(self, plans: frozenset[int], people: frozenset[int]) -> None:
        super().__init__(f"{len(plans)} plans")
        self.plans, self.people = plans, people


def born_since(loaded: Load, at: datetime) -> list[Part]:
    """Parts for rows that the frozen keys do not name; one statement.

    An approval covers up to 20 rows of a person in the tables that it names, and no row that
    others reach too. Raises ``TooManyNewborn``.
    """
    known: dict[str, list[Key]] = {table.name: [] for table in loaded.target.program.tables}
    for part in loaded.parts:
        known[part.table].extend(part.keys)
    born = loaded.target.connector.newborn(loaded.people, known, on=received_date(at))
    parts = parts_of(loaded.target.program, born)
    beyond = _beyond_the_approval(loaded, born, parts) if parts else set()
    if beyond:
        raise TooManyNewborn(loaded.plans_of(beyond), frozenset(beyond))
    return parts


def _beyond_the_approval(loaded: Load, born: Sequence[Located], parts: Sequence[Part]) -> set[int]:
    """The people whose newborn rows are too many, shared, or in tables that nobody approved."""
    counts = loaded.supplements + Counter(person for each in born for person in each.persons)
    planned: dict[str, set[int]] = {}
    for part in loaded.parts:
        planned.setdefault(part.table, set()).update(part.persons)
    beyond = {person for person, count in counts.items() if count > LIMIT}
    for part in parts:
        beyond |= set(part.persons) if part.shared else set()
        beyond |= set(part.persons) - planned.get(part.table, set())
    return beyond


def intend(loaded: Load, born: Sequence[Part], at: datetime) -> None:
    """Keep what will be erased besides as plans under their parents' approval, and commit.

    It stands before the target is touched, so that a worker who dies afterwards leaves no row
    unnamed. Raises ``LeaseLost``.
    """
    with transaction.atomic():
        ours = Chunk.objects.filter(
            pk=loaded.chunk.pk, fence=loaded.chunk.fence, state=WorkState.RUNNING
        )
        if ours.select_for_update().first() is None:
            raise work.LeaseLost
        for plan in loaded.plans:
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
    return replace(part, keys=[key for key, _ in mine], persons=[person for _, person in mine])
