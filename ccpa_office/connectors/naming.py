"""Whom a value names, the same in every store: a connector says only how one column is asked."""

from collections.abc import Iterable, Sequence

from ccpa_office.connectors.base import Identity, Key, Program, Table
from ccpa_office.connectors.sweeping import asked_as, borne_in
from ccpa_office.connectors.ways import Named


class Naming:
    """The part of a connector that goes from values to people."""

    program: Program

    def people(self, identities: Sequence[Identity]) -> list[list[Key]]:
        """The people whom verified identifiers name; one statement per identifier column."""
        named = [(table, each) for table in self.program.tables for each in table.identities]
        return self._whose(named, identities)

    def bearers(self, values: Sequence[tuple[str, str]]) -> list[list[Key]]:
        """The people who bear each value (kind, value), known by it or only called so."""
        borne = [
            (table, each)
            for table in self.program.tables
            for each in borne_in(table)
            if each.path or self._is_text(table, each.column)
        ]
        places = [each for _table, each in borne]
        return self._whose(borne, [asked_as(kind, value, places) for kind, value in values])

    def _whose(
        self, places: Sequence[tuple[Table, Named]], identities: Sequence[Identity]
    ) -> list[list[Key]]:
        found: list[dict[Key, None]] = [{} for _ in identities]
        for table, named in places:
            for position, owner in self._named(table, named, identities):
                found[position][owner] = None
        return [list(people) for people in found]

    def _named(
        self, table: Table, named: Named, identities: Sequence[Identity]
    ) -> Iterable[tuple[int, Key]]:
        raise NotImplementedError

    def _is_text(self, table: Table, column: str) -> bool:
        raise NotImplementedError
