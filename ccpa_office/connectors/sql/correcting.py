"""One field of one row put right: the row is looked at and locked, then changed by its key."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from ccpa_office.connectors.base import ChangeBlocked, ColumnFacts, Key, KeysRefused, Table
from ccpa_office.connectors.collected import Corrected
from ccpa_office.connectors.sql import keys
from ccpa_office.connectors.sql.binding import PLACE, Binding
from ccpa_office.connectors.sql.changing import PLAN
from ccpa_office.connectors.sql.collecting import Collecting, is_mine
from ccpa_office.connectors.sql.dialects.base import CHANGES, READS
from ccpa_office.connectors.sql.errors import translated


class Correcting(Collecting):
    """The part of a connector that changes one value for another."""

    def _within(self, intent: str = READS) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _all(self, query: Any, values: dict[str, Any]) -> list[Any]:
        raise NotImplementedError

    def correct(
        self, table: str, key: Key, people: Sequence[Key], change: tuple[str, str | None, str]
    ) -> Corrected:
        """Put ``after`` in the place of ``before``; nothing where something else stands by now."""
        step = self.program.table(table)
        column, before, after = change
        facts = self._binding.catalogue.column(step.name, column).facts
        if facts.generated:
            raise ChangeBlocked("the store computes this column, nobody can write it")
        new, old = read_as(after, facts), None if before is None else read_as(before, facts)
        with translated(self.dialect), self._within(CHANGES):
            found = self._field(step, key, people, column, is_change=True)
            if not found or compared(found[0], facts) != old:
                stands = bool(found) and compared(found[0], facts) == new
                return Corrected(done=False, stands=stands)
            sent = str(new) if isinstance(new, Decimal) else new
            self._connection.execute(change_of(self._binding, step, key, (column, sent)))
        return Corrected(done=True, stands=True)

    def stands(self, table: str, key: Key, people: Sequence[Key], value: tuple[str, str]) -> bool:
        """Whether one field (``value`` is column and text) of the person's row says so; a look."""
        step = self.program.table(table)
        column, text = value
        facts = self._binding.catalogue.column(step.name, column).facts
        found = self._field(step, key, people, column)
        return bool(found) and compared(found[0], facts) == read_as(text, facts)

    def _field(
        self, step: Table, key: Key, people: Sequence[Key], column: str, *, is_change: bool = False
    ) -> list[Any]:
        facts = self._binding.catalogue.facts(step.name, step.key)
        sent = keys.packed((*part, 0) for part in keys.parts([key], facts))
        query = field_of(self._binding, step, column, locks=is_change and self.dialect.locks)
        return [row[0] for row in self._all(query, {PLAN: sent, **self._asked(people)})]


def field_of(binding: Binding, table: Table, column: str, *, locks: bool) -> sa.Select[Any]:
    """Return one field of one row, if the row is the person's."""
    plan = binding.dialect.set(PLAN, [*binding.slots(table, "k"), PLACE])
    row = binding.table(table.name).alias("t")
    query: sa.Select[Any] = sa.select(row.c[column]).select_from(plan, row)
    query = query.where(binding.same_key(row, plan, table), is_mine(binding, table, row))
    return query.with_for_update() if locks else query


def change_of(binding: Binding, table: Table, key: Key, new: tuple[str, Any]) -> sa.Update:
    """Return the change of one field of the row that was just looked at."""
    target = binding.table(table.name)
    values = keys.parts([key], binding.catalogue.facts(table.name, table.key))[0]
    same = [target.c[name] == value for name, value in zip(table.key, values, strict=True)]
    return sa.update(target).values({target.c[new[0]]: new[1]}).where(*same)


def read_as(text: str, facts: ColumnFacts) -> Any:
    """Return a text as what the column holds; ``KeysRefused`` when it is none."""
    try:
        if facts.kind in {"integer", "boolean"}:
            return (
                {"true": 1, "false": 0}.get(text.lower(), text)
                if facts.kind == "boolean"
                else int(text)
            )
        return Decimal(text) if facts.kind == "decimal" else text
    except (ValueError, InvalidOperation):
        raise KeysRefused("the value is not what the column holds") from None


def compared(value: Any, facts: ColumnFacts) -> Any:
    """Return a value of the store in the form in which ``read_as`` gives texts."""
    if value is None or facts.kind in {"integer", "boolean"}:
        return value if value is None else int(value)
    if facts.kind == "decimal":
        return Decimal(str(value))
    return value if not isinstance(value, date | datetime | bytes) else keys.text(value)
