"""Texts of rows that are nobody's of the people: read page by page, and redacted key by key."""

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ccpa_office.connectors.base import (
    Applied,
    Change,
    ChangeBlocked,
    Identity,
    Key,
    KeysRefused,
    Rows,
    Table,
)
from ccpa_office.connectors.masking import CannotMask, masked, row_of
from ccpa_office.connectors.sql import keys
from ccpa_office.connectors.sql.binding import PLACE, Binding
from ccpa_office.connectors.sql.changing import PLAN, plain, read
from ccpa_office.connectors.sql.correcting import Correcting, change_of
from ccpa_office.connectors.sql.dialects.base import CHANGES
from ccpa_office.connectors.sql.errors import translated
from ccpa_office.connectors.stripping import Traces, traces
from ccpa_office.connectors.sweeping import (
    Crowd,
    Swept,
    looks_like_json,
    people_of,
    searched,
    seen,
    told,
)


class Sweeping(Correcting):
    """The part of a connector that looks for people where no key leads to them."""

    def sweep(
        self, table: str, crowd: Crowd, *, after: Key | None = None, limit: int = 2000,
        only: Sequence[Key] | None = None,
    ) -> Swept:  # fmt: skip
        """Read one page of a table in the order of its key and find whom of the crowd it shows."""
        step = self.program.table(table)
        columns = searched(step)
        if not columns:
            return Swept(0, None, [])
        facts = self._binding.catalogue.facts(step.name, step.key)
        query = page(self._binding, step, _parts(after, step), chosen=only is not None)
        sent = {} if only is None else {PLAN: _sent(only, facts)}
        rows = self._all(query.limit(limit), sent)
        kinds = [self._binding.catalogue.column(step.name, each).facts.kind for each in columns]
        width = len(step.key)
        texts = [
            (
                keys.key(row[:width], facts),
                [told(read(each), is_json=kind == "json")
                 for each, kind in zip(row[width:], kinds, strict=True)],
            )
            for row in rows
        ]  # fmt: skip
        return Swept(len(rows), texts[-1][0] if len(rows) == limit else None, seen(crowd, texts))

    def probe(self) -> tuple[float, int]:
        """Return how long a small statement takes, and how many others are at work."""
        began = time.monotonic()
        sessions = self._all(sa.text(self.dialect.at_work), {})[0][0]
        return time.monotonic() - began, int(sessions)

    def redact(self, table: str, rows: Rows, identities: Sequence[Identity]) -> Applied:
        """Take people out of the texts of rows that are not theirs; a repeat is harmless."""
        step = self.program.table(table)
        keys.persons_of(rows, list(range(len(identities))))
        changes, whose, found = redactions(self._binding, step), people_of(rows), 0
        facts = self._binding.catalogue.facts(step.name, step.key)
        query = held(self._binding, step, changes, locks=self.dialect.locks)
        with translated(self.dialect), self._within(CHANGES):
            for row in self._all(query, {PLAN: _sent(list(whose), facts)}):
                key = keys.key(row[: len(step.key)], facts)
                shown = traces([identities[person] for person in whose[key]])
                for change, value in zip(changes, row[len(step.key) :], strict=True):
                    made = _made(self._binding, step, change, (key, read(value), shown))
                    if made is not None:
                        new = change.column, plain(made)
                        self._connection.execute(change_of(self._binding, step, key, new))
                found += 1
        return Applied(found, len(whose) - found, [])


def _parts(after: Key | None, table: Table) -> tuple[Any, ...]:
    if after is None:
        return ()
    parts = after if isinstance(after, tuple) else (after,)
    if len(parts) != len(table.key):
        raise KeysRefused("a key has the wrong number of values")
    return parts


def _sent(chosen: Sequence[Key], facts: Sequence[Any]) -> str:
    return keys.packed((*part, place) for place, part in enumerate(keys.parts(chosen, facts)))


def page(binding: Binding, table: Table, after: tuple[Any, ...], *, chosen: bool) -> sa.Select[Any]:
    """Return (key..., texts...) of the next rows that have any text."""
    row = binding.table(table.name).alias("t")
    key = [row.c[name] for name in table.key]
    columns = [row.c[name] for name in searched(table)]
    query: sa.Select[Any] = sa.select(*key, *columns).select_from(row)
    query = query.where(sa.or_(*[column.is_not(None) for column in columns])).order_by(*key)
    if after:
        query = query.where(_beyond(key, after))
    if chosen:
        plan = binding.dialect.set(PLAN, [*binding.slots(table, "k"), PLACE])
        query = query.select_from(plan).where(binding.same_key(row, plan, table))
    return query


def _beyond(key: Sequence[Any], after: tuple[Any, ...]) -> Any:
    """Return the condition that a key comes after another, column by column."""
    steps = []
    for place, column in enumerate(key):
        same = [before == after[at] for at, before in enumerate(key[:place])]
        steps.append(sa.and_(*same, column > after[place]))
    return sa.or_(*steps)


def redactions(binding: Binding, table: Table) -> list[Change]:
    """Return how each text of a table is redacted: JSON keeps its form."""
    return [
        Change(column, "strip_json" if facts.kind == "json" else "strip_text")
        for column in searched(table)
        if (facts := binding.catalogue.column(table.name, column).facts).kind in {"text", "json"}
    ]


def held(
    binding: Binding, table: Table, changes: Sequence[Change], *, locks: bool
) -> sa.Select[Any]:
    """Return (key..., texts...) of rows by their keys."""
    plan = binding.dialect.set(PLAN, [*binding.slots(table, "k"), PLACE])
    row = binding.table(table.name).alias("t")
    columns = [row.c[name] for name in (*table.key, *(change.column for change in changes))]
    query: sa.Select[Any] = sa.select(*columns).select_from(plan, row)
    query = query.where(binding.same_key(row, plan, table))
    return query.with_for_update() if locks else query


def _made(
    binding: Binding, table: Table, change: Change, held: tuple[Key, Any, Traces]
) -> str | None:
    key, value, shown = held
    if value is None:
        return None
    facts = binding.catalogue.column(table.name, change.column).facts
    how = Change(change.column, "strip_json") if looks_like_json(value) else change
    try:
        new = masked(value, how if facts.kind == "text" else change, column=facts, secret=b"",
                     row=row_of(table.name, key), traces=shown)  # fmt: skip
    except CannotMask:
        raise ChangeBlocked("a value cannot be changed as the map says") from None
    return None if new == value else str(new)
