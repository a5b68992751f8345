"""One value as it leaves the office: cleaned of what may not leave, in three spellings."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ccpa_office.connectors.collected import Binary, Piece
from requests_app.fulfillment.package import redaction
from requests_app.fulfillment.package.naming import labeled, told_by, whole

BINARY = "binary"
"""Why bytes are not in a package: nobody can look through them for what may not leave."""
SHORT = 200
FEW = 100_000
"""A number with fewer than six digits is none of the kinds that never leave."""
FORMULA = "=+-@\t\r\n＝＋－＠"
"""A cell that begins so is run as a formula by spreadsheets."""
FIELDS = 24
"""So many fields has a record that says in one of them what another holds."""


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

    def cell(self, piece: Piece, value: Any, hint: str = "") -> Cell:
        """The cell of one column's value; ``hint`` says more of the column than its name."""
        if value is None:
            return EMPTY
        cell = self._cell(piece, value, hint or piece.column)
        for kind in set(cell.withheld):
            self.counted[piece.column, kind] += 1
        return cell

    def _cell(self, piece: Piece, value: Any, hint: str) -> Cell:
        kind = piece.never or (BINARY if isinstance(value, Binary) else whole(hint, value))
        if kind:
            return Cell(None, self._word(kind), (kind,))
        if isinstance(value, int | str):
            return self._plain(value, hint)
        found: list[str] = []
        inner = self._walk(value, hint, found)
        return Cell(inner, json.dumps(inner, ensure_ascii=False), tuple(found))

    def _plain(self, value: int | str, hint: str) -> Cell:
        if isinstance(value, bool):
            return Cell(value, "true" if value else "false")
        if isinstance(value, int) and -FEW < value < FEW:
            return Cell(value, str(value))
        text, kinds = self._clean(str(value), hint)
        kept = value if isinstance(value, int) else text
        return Cell(None if kinds and isinstance(value, int) else kept, text, kinds)

    def key(self, parts: Sequence[Any], never: Sequence[str], hints: Sequence[str]) -> str:
        """A row's key as one text, cleaned like every other value; ``hints`` name its columns."""
        return "/".join(
            self._word(kind or whole(hint, part))
            if kind or whole(hint, part)
            else self._clean(str(part), hint)[0]
            for part, kind, hint in zip(parts, never, hints, strict=True)
        )

    def _walk(self, value: Any, hint: str, found: list[str]) -> Any:
        if isinstance(value, dict):
            label, values = labeled(tuple(value)) if len(value) <= FIELDS else ("", frozenset())
            told = told_by(value[label]) if label else ""
            return {
                self._inner(str(name), hint, found): self._walk(
                    inner, f"{hint} {name}{told if name in values else ''}", found
                )
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self._walk(inner, hint, found) for inner in value]
        return self._leaf(value, hint, found)

    def _leaf(self, value: Any, hint: str, found: list[str]) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if kind := whole(hint, value):
            found.append(kind)
            return self._word(kind)
        text = self._inner(str(value), hint, found)
        return value if text == str(value) and _is_json(value) else text

    def _inner(self, text: str, hint: str, found: list[str]) -> str:
        cleaned, kinds = self._clean(text, hint)
        found += kinds
        return cleaned

    def _clean(self, text: str, hint: str) -> tuple[str, tuple[str, ...]]:
        if text[:1] in {"{", "["}:
            inner, kinds = self._json(text, hint)
            if kinds:
                return inner, kinds
        places = _found(text, hint) if len(text) <= SHORT else tuple(
            redaction.find(text, hint=hint)
        )  # fmt: skip
        return redaction.replaced(text, places, self._word) if places else (text, ())

    def _json(self, text: str, hint: str) -> tuple[str, tuple[str, ...]]:
        """A text that is JSON, looked through by the names in it; what is none is left as it is."""
        found: list[str] = []
        with suppress(ValueError, RecursionError):
            inner = self._walk(json.loads(text), hint, found)
            return json.dumps(inner, ensure_ascii=False), tuple(found)
        return text, ()

    def _word(self, kind: str) -> str:
        return f"[{self.words[kind]}]"


def _is_json(value: Any) -> bool:
    """Whether JSON can spell a value: a number that is none, or endless, becomes a text."""
    return not isinstance(value, float) or math.isfinite(value)


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
