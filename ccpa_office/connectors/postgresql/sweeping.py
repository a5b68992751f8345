"""Texts of rows that are nobody's of the people: read page by page, and redacted key by key."""

import time
from collections.abc import Sequence
from typing import Any

from psycopg import sql

from ccpa_office.connectors.base import Applied, Change, Deed, Identity, Key, Rows, Table
from ccpa_office.connectors.postgresql import keys
from ccpa_office.connectors.postgresql.binding import Binding, Parameters, any_of, conjunction
from ccpa_office.connectors.postgresql.correcting import Correcting
from ccpa_office.connectors.postgresql.making import new_value
from ccpa_office.connectors.stripping import traces
from ccpa_office.connectors.sweeping import (
    Crowd,
    Swept,
    looks_like_json,
    people_of,
    searched,
    seen,
    told,
)

SQL = sql.SQL


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
        values: Parameters = {"limit": limit}
        if after is not None:
            parts = after if isinstance(after, tuple) else (after,)
            values |= {f"a{place}": part for place, part in enumerate(parts)}
        if only is not None:
            values |= keys.columns(only, self._binding.integers(step), "k")
        query = page(self._binding, step, goes_on=after is not None, chosen=only is not None)
        rows = self._all(query, values)
        width = len(step.key)
        read = [(keys.key(row[:width]), [told(each) for each in row[width:]]) for row in rows]
        last = read[-1][0] if len(read) == limit else None
        return Swept(len(read), last, seen(crowd, read))

    def probe(self) -> tuple[float, int]:
        """Return how long a small statement takes, and how many others are at work."""
        began = time.monotonic()
        sessions = self._all(PROBE, {})[0][0]
        return time.monotonic() - began, sessions

    def redact(self, table: str, rows: Rows, identities: Sequence[Identity]) -> Applied:
        """Take people out of the texts of rows that are not theirs; a repeat is harmless."""
        step = self.program.table(table)
        keys.persons_of(rows, list(range(len(identities))))
        changes, whose = redactions(self._binding, step), people_of(rows)
        values = keys.columns(list(whose), self._binding.integers(step), "k")
        width, found = len(step.key), 0
        for row in self._all(held(self._binding, step, changes), values):
            found, key = found + 1, keys.key(row[:width])
            deed = Deed("mask")
            shown = traces([identities[person] for person in whose[key]])
            new = {
                change.column: made
                for change, value in zip(changes, row[width:], strict=True)
                if (
                    made := new_value(
                        self._binding, step, _way(change, value), deed, (key, value, shown)
                    )
                )
                is not None
            }
            if new:
                one = keys.columns([key], self._binding.integers(step), "k")
                given = {f"m{place}": value for place, value in enumerate(new.values())}
                self._all(redacted(self._binding, step, list(new)), {**one, **given})
        return Applied(found, len(whose) - found, [])


def _way(change: Change, value: Any) -> Change:
    """How one value is redacted: a text that is JSON keeps its form, and its letters are read."""
    return Change(change.column, "strip_json") if looks_like_json(value) else change


PROBE = (
    "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database()"
    " AND state = 'active' AND pid <> pg_backend_pid()"
)


def page(binding: Binding, table: Table, *, goes_on: bool, chosen: bool) -> sql.Composed:
    """Return (key..., texts...) of the next rows that have any text."""
    columns: list[sql.Composable] = [_text(binding, table, column) for column in searched(table)]
    key = SQL(", ").join(binding.columns("t", table.key))
    met: list[sql.Composable] = [
        any_of([SQL("{} IS NOT NULL").format(column) for column in columns])
    ]
    if goes_on:
        given = [
            SQL("%({})s::{}").format(SQL(f"a{place}"), binding.type(table.name, column))
            for place, column in enumerate(table.key)
        ]
        met.append(SQL("({}) > ({})").format(key, SQL(", ").join(given)))
    if chosen:
        met.append(_chosen(binding, table))
    return SQL("SELECT {}, {} FROM {} AS t WHERE {} ORDER BY {} LIMIT %(limit)s").format(
        binding.shown("t", table),
        SQL(", ").join(columns),
        binding.name(table.name),
        conjunction(met),
        key,
    )


def _text(binding: Binding, table: Table, column: str) -> sql.Composable:
    """Return a column as it is read: JSON as the text that it is, for it may be of any depth."""
    facts, here = binding.facts(table.name, column), sql.Identifier("t", column)
    return SQL("{}::text").format(here) if facts.kind == "json" and not facts.array else here


def _chosen(binding: Binding, table: Table) -> sql.Composed:
    return SQL("({}) IN (SELECT * FROM {})").format(
        SQL(", ").join(binding.columns("t", table.key)), binding.unnest(table, "k")
    )


def redactions(binding: Binding, table: Table) -> list[Change]:
    """Return how each text of a table is redacted: JSON keeps its form."""
    return [
        Change(column, "strip_json" if facts.kind == "json" else "strip_text")
        for column in searched(table)
        if (facts := binding.facts(table.name, column)).kind in {"text", "json"}
    ]


def held(binding: Binding, table: Table, changes: Sequence[Change]) -> sql.Composed:
    """Return (key..., texts...) of rows by their keys, locked."""
    shown = [
        SQL("to_json({})::text" if binding.facts(table.name, change.column).array else "{}::text")
        .format(sql.Identifier("t", change.column))
        for change in changes
    ]  # fmt: skip
    return SQL("SELECT {}, {} FROM {} AS t WHERE {} FOR UPDATE").format(
        binding.shown("t", table), SQL(", ").join(shown), binding.name(table.name),
        _chosen(binding, table),
    )  # fmt: skip


def redacted(binding: Binding, table: Table, columns: Sequence[str]) -> sql.Composed:
    """Return the change of some texts of the one row that was just read."""
    sets: list[Any] = [
        SQL("{} = %({})s::text::{}").format(
            sql.Identifier(column), SQL(f"m{place}"), binding.type(table.name, column)
        )
        for place, column in enumerate(columns)
    ]
    return SQL("UPDATE {} AS t SET {} WHERE {} RETURNING 1").format(
        binding.name(table.name), SQL(", ").join(sets), _chosen(binding, table)
    )
