"""The second look of a connector: what should be gone is looked for in short, the rest in full."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ccpa_office.connectors.base import Key, KeysRefused, Look, Program, Recount, Rows, Table
from ccpa_office.connectors.postgresql import catalogue, given, keys, recounting
from ccpa_office.connectors.postgresql.binding import Binding, Parameters

Asked = tuple[Any, Parameters]


class Looking:
    """The part of a connector that looks again."""

    program: Program
    _binding: Binding
    _catalogue: catalogue.Catalogue
    _people: Callable[[Sequence[Key]], Parameters]
    _text: Callable[..., str]
    _together: Callable[[Iterable[Asked]], list[list[tuple[Any, ...]]]]

    def recount(self, table: str, rows: Rows, look: Look) -> Recount:
        return self.recount_all([(table, rows, look)])[0]

    def recount_all(self, looks: Sequence[tuple[str, Rows, Look]]) -> list[Recount]:
        asked = [(self.program.table(table), rows, look) for table, rows, look in looks]
        for _step, rows, look in asked:
            keys.persons_of(rows, look.people)
            if len(look.identities) != len(look.people):
                raise KeysRefused("people and identities do not match")
        short = [recounting.may_be_gone(look) for _step, _rows, look in asked]
        found = [Recount(0, 0, 0)] * len(asked)
        seen = [place for place, each in enumerate(asked) if self._may_find(*each)]
        self._fill(found, seen, (
            (self._gone if short[place] else self._recounting)(*asked[place]) for place in seen
        ))  # fmt: skip
        there = [place for place in seen if short[place] and found[place].by_key]
        self._fill(found, there, (self._recounting(*asked[place]) for place in there))
        return found

    def _may_find(self, step: Table, rows: Rows, look: Look) -> bool:
        """Say whether there is a key, or a column of identifiers, to look at."""
        return bool(rows.keys or look.trimmed or recounting.looked_at(step, look.action))

    def _fill(self, found: list[Recount], places: Sequence[int], asked: Iterable[Asked]) -> None:
        answers = self._together(asked) if places else []
        for place, answer in zip(places, answers, strict=True):
            found[place] = Recount(*answer[0])

    def _gone(self, step: Table, rows: Rows, look: Look) -> tuple[str, Parameters]:
        query = self._text("gone", step, lambda: recounting.gone(
            self._binding, step, look.action), look.action)  # fmt: skip
        return query, self._looked_for(step, rows, look)

    def _recounting(self, step: Table, rows: Rows, look: Look) -> tuple[str, Parameters]:
        integers = self._binding.integers(step)
        values: Parameters = {
            **self._looked_for(step, rows, look),
            **keys.columns(look.stripped, integers, "s"),
            **keys.columns(look.trimmed, integers, "r"),
            "n": keys.numbers(rows.persons),
            **given.pads(look.secrets[0] if look.secrets else b""),
            "inners": [given.pad(secret, 0x36) for secret in look.secrets],
            "outers": [given.pad(secret, 0x5C) for secret in look.secrets],
        }
        if recounting.looks_at_texts(step, look.action):
            values |= given.traces(look.identities)
        query = self._text("recount", step, lambda: recounting.recount(
            self._binding, step, look.action), look.action)  # fmt: skip
        return query, values

    def _looked_for(self, step: Table, rows: Rows, look: Look) -> Parameters:
        integers = self._binding.integers(step)
        values: Parameters = {
            **keys.columns(rows.keys, integers, "k"),
            **keys.columns(look.kept, integers, "e"),
            **self._people(look.people),
        }
        for number, named in enumerate(step.identifiers):
            kind = self._binding.kind(step, named)
            values[f"v{number}"] = keys.array(
                [
                    value
                    for identity in look.identities
                    for value in identity.identifiers.get(named.kind, [])
                    if keys.fits(value, kind)
                ]
            )
        return values
