"""A deletion list held against every row: values are read as a stream, and hashed here."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ccpa_office.connectors.base import Program
from ccpa_office.connectors.matching import Held, Matched, Place, decide, places
from ccpa_office.connectors.sql import keys
from ccpa_office.connectors.sql.binding import Binding
from ccpa_office.connectors.sql.dialects.base import Cell, Dialect
from ccpa_office.connectors.sql.errors import translated
from ccpa_office.connectors.standardizing import LISTS

AT_A_TIME = 2000


class Matching:
    """The part of a connector that holds a deletion list against the store."""

    program: Program
    dialect: Dialect
    _connection: Connection
    _binding: Binding

    def snapshot(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def matched(self, kind: str, sought: bytes) -> Matched:
        """Find whom a list means; the store only reads, one statement."""
        wanted, found = places(self.program, kind), Matched()
        query = held(self._binding, wanted, sort=len(LISTS[kind]) > 1)
        with translated(self.dialect), self.snapshot():
            decide(kind, self._values(query), sought, found)
        return found

    def _values(self, query: sa.Select[Any]) -> Iterator[Held]:
        person = self._binding.person
        facts = self._binding.catalogue.facts(person.name, person.key)
        answer = self._connection.execute(query, execution_options={"yield_per": AT_A_TIME})
        for field, value, *owner in answer:
            yield keys.key(owner, facts), field, keys.text(value)


def held(binding: Binding, wanted: list[Place], *, sort: bool) -> sa.Select[Any]:
    """Return (field, value, owner...) of every value; sorted, a person's stand together."""
    parts = [part for place in wanted for part in _held(binding, place)]
    union = (sa.union_all(*parts) if len(parts) > 1 else parts[0]).subquery("held")
    columns = list(union.c)
    query: sa.Select[Any] = sa.select(*columns)
    if not sort:
        return query
    person = binding.person
    owner = [
        Cell(column, binding.catalogue.column(person.name, name))
        for column, name in zip(columns[2:], person.key, strict=True)
    ]
    exact = [binding.dialect.as_text(cell) if cell.is_text else cell.expression for cell in owner]
    return query.order_by(*exact)


def _held(binding: Binding, place: Place) -> Iterator[sa.Select[Any]]:
    for number in range(len(place.table.paths)):
        row = binding.table(place.table.name).alias("t")
        way = list(binding.walks(place.table, row))[number]
        within = binding.at(row, place.table, place.at, "i")
        yield (
            sa.select(
                sa.literal(place.field).label("f"),
                binding.dialect.as_text(within.cell).label("v"),
                *[part.expression.label(f"o{at}") for at, part in enumerate(way.owner)],
            )
            .select_from(row, *within.tables, *way.tables)
            .where(
                within.cell.expression.is_not(None),
                *(within.conditions(binding.dialect) if place.at.path else ()),
                *way.conditions,
                *[part.expression.is_not(None) for part in way.owner],
            )
        )
