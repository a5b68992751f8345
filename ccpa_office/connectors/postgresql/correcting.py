"""One field of one row put right: one statement with the row's key, the person, the old value."""

from collections.abc import Sequence

from psycopg import sql

from ccpa_office.connectors.base import ChangeBlocked, Key, KeysRefused, Table
from ccpa_office.connectors.collected import Corrected
from ccpa_office.connectors.postgresql import keys
from ccpa_office.connectors.postgresql.binding import Binding
from ccpa_office.connectors.postgresql.collecting import Collecting, mine

SQL = sql.SQL


class Correcting(Collecting):
    """The part of a connector that changes one value for another."""

    def correct(
        self, table: str, key: Key, people: Sequence[Key], change: tuple[str, str | None, str]
    ) -> Corrected:
        """Put ``after`` in the place of ``before``; nothing where something else stands by now."""
        step = self.program.table(table)
        column, before, after = change
        values = {
            **keys.columns([key], self._binding.integers(step), "k"), **self._people(people),
            "before": before, "after": after,
        }  # fmt: skip
        if self._binding.facts(step.name, column).generated:
            raise ChangeBlocked("the store computes this column, nobody can write it")
        try:
            done, stands = self._all(_correct(self._binding, step, column), values)[0]
        except KeysRefused:  # the key was read a moment ago: it is the value
            raise KeysRefused("the value is not what the column holds") from None
        return Corrected(bool(done), bool(stands or done))

    def stands(self, table: str, key: Key, people: Sequence[Key], value: tuple[str, str]) -> bool:
        """Whether one field (``value`` is column and text) of the person's row says so; a look."""
        step = self.program.table(table)
        column, text = value
        values = {
            **keys.columns([key], self._binding.integers(step), "k"), **self._people(people),
            "after": text,
        }  # fmt: skip
        return bool(self._all(_stands(self._binding, step, column), values)[0][0])


def _row(binding: Binding, table: Table) -> sql.Composed:
    """Return the condition that ``t`` is the one row of ``%(k0)s...``."""
    return SQL("({}) IN (SELECT * FROM {})").format(
        SQL(", ").join(binding.columns("t", table.key)), binding.unnest(table, "k")
    )


def _owned(binding: Binding, table: Table) -> sql.Composed:
    return SQL("({columns}) IN (SELECT {columns} FROM {mine})").format(
        columns=SQL(", ").join(binding.columns("t", table.key)), mine=mine(binding, table)
    )


def _stands(binding: Binding, table: Table, column: str) -> sql.Composed:
    return SQL(
        "SELECT count(*) FROM {} AS t WHERE {} AND {} AND t.{} IS NOT DISTINCT FROM %(after)s::{}"
    ).format(
        binding.name(table.name),
        _row(binding, table),
        _owned(binding, table),
        sql.Identifier(column),
        binding.type(table.name, column),
    )


def _correct(binding: Binding, table: Table, column: str) -> sql.Composed:
    return SQL(
        "WITH done AS (UPDATE {table} AS t SET {column} = %(after)s::{kind}"
        " WHERE {row} AND {owned} AND t.{column}::text IS NOT DISTINCT FROM %(before)s::text"
        " RETURNING 1)"
        " SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM {table} AS t"
        " WHERE {row} AND {owned} AND t.{column} IS NOT DISTINCT FROM %(after)s::{kind})"
    ).format(
        table=binding.name(table.name),
        column=sql.Identifier(column),
        kind=binding.type(table.name, column),
        row=_row(binding, table),
        owned=_owned(binding, table),
    )
