"""One value as it leaves the office: cleaned of what may not leave, in three spellings."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ccpa_office.connectors.collected import Binary, Piece
from requests_app.fulfillment.package import redaction

BINARY = "binary"
"""Why bytes are not in a package: nobody can look through them for what may not leave."""
SHORT = 200
FEW = 100_000
"""A number with fewer than six digits is none of the kinds that never leave."""
FORMULA = "=+-@\t\r\n＝＋－＠"
"""A cell that begins so is run as a formula by spreadsheets."""


@dataclass(frozen=True)
class Cell:
    """A value: for JSON, as a text for people, and which kinds were taken out of it."""

    value: Any
    text: str
    withheld: tuple[str, ...] = ()


EMPTY = Cell(None, "")


@dataclass
class Sieve:
    """Lets through what may leave, counts what does not. ``words`` names each kind."""

    words: Mapping[str, str]
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(column, kind) of every value that was withheld, whole or in part."""

    def cell(self, piece: Piece, value: Any) -> Cell:
        """The cell of one column's value."""
        if value is None:
            return EMPTY
        cell = self._cell(piece, value)
        for kind in set(cell.withheld):
            self.counted[piece.column, kind] += 1
        return cell

    def _cell(self, piece: Piece, value: Any) -> Cell:
        if kind := piece.never or (BINARY if isinstance(value, Binary) else ""):
            return Cell(None, self._word(kind), (kind,))
        if isinstance(value, int | str):
            return self._plain(value, piece.column)
        found: list[str] = []
        inner = self._walk(value, piece.column, found)
        return Cell(inner, json.dumps(inner, ensure_ascii=False), tuple(found))

    def _plain(self, value: int | str, column: str) -> Cell:
        if isinstance(value, bool):
            return Cell(value, "true" if value else "false")
        if isinstance(value, int) and -FEW < value < FEW:
            return Cell(value, str(value))
        text, kinds = self._clean(str(value), column)
        whole = value if isinstance(value, int) else text
        return Cell(None if kinds and isinstance(value, int) else whole, text, kinds)

    def key(self, parts: Sequence[Any], never: Sequence[str]) -> str:
        """A row's key as one text, cleaned like every other value."""
        return "/".join(
            self._word(kind) if kind else self._clean(str(part), "")[0]
            for part, kind in zip(parts, never, strict=True)
        )

    def _walk(self, value: Any, hint: str, found: list[str]) -> Any:
        if isinstance(value, dict):
            return {
                self._inner(str(name), hint, found): self._walk(inner, f"{hint} {name}", found)
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self._walk(inner, hint, found) for inner in value]
        if value is None or isinstance(value, bool):
            return value
        text = self._inner(str(value), hint, found)
        return value if text == str(value) else text

    def _inner(self, text: str, hint: str, found: list[str]) -> str:
        cleaned, kinds = self._clean(text, hint)
        found += kinds
        return cleaned

    def _clean(self, text: str, hint: str) -> tuple[str, tuple[str, ...]]:
        places = _found(text, hint) if len(text) <= SHORT else tuple(
            redaction.find(text, hint=hint)
        )  # fmt: skip
        return redaction.replaced(text, places, self._word) if places else (text, ())

    def _word(self, kind: str) -> str:
        return f"[{self.words[kind]}]"


@lru_cache(maxsize=8192)
def _found(text: str, hint: str) -> tuple[tuple[int, int, str], ...]:
    """``redaction.find``, remembered: columns repeat themselves."""
    return tuple(redaction.find(text, hint=hint))


def for_csv(cell: Cell) -> str:
    """A cell as a spreadsheet may open it: never a formula (a number keeps its sign)."""
    text = cell.text
    if text[:1] in FORMULA and text and not isinstance(cell.value, int) and not _is_number(text):
        return f"'{text}"
    return text


def _is_number(text: str) -> bool:
    body = text[1:] if text[0] in "+-" else text
    return body.isascii() and body.replace(".", "", 1).isdigit()
