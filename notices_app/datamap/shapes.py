"""Shapes: what may stand where. Each reads a tree into plain values, and draws its JSON Schema."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from notices_app.datamap.reading import Leaf, Many, Mapped, Place, Report, Tree, shown

PLACES = "\x00places"
"""Where the entries of a read mapping stand: beside them, under a key that no file can spell."""


class Shape(Protocol):
    """Something that a tree may be."""

    def read(self, tree: Tree, report: Report, /) -> Any:
        """Return the value, or ``None`` and at least one finding."""

    def schema(self) -> dict[str, Any]:
        """Return the shape as JSON Schema."""


@dataclass(frozen=True)
class Word:
    """A text of a certain form."""

    pattern: str
    what: str

    def read(self, tree: Tree, report: Report) -> str | None:
        if not isinstance(tree, Leaf):
            report.error(tree.place, "shape", f"{self.what} is expected here")
        elif not tree.is_text:
            report.error(tree.place, "not-text", "YAML reads this as no text: put it in quotes")
        elif not re.fullmatch(self.pattern, tree.text):
            report.error(tree.place, "form", f"this is not {self.what}")
        else:
            return tree.text
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True)
class Choice:
    """One of some words; ``null`` may be written bare where it is one of them."""

    words: tuple[str, ...]

    def read(self, tree: Tree, report: Report) -> str | None:
        if isinstance(tree, Leaf) and tree.text in self.words:
            if tree.is_text or tree.text == "null":
                return tree.text
            report.error(tree.place, "not-text", "YAML reads this as no text: put it in quotes")
            return None
        report.error(tree.place, "choice", f"one of these is expected: {', '.join(self.words)}")
        return None

    def schema(self) -> dict[str, Any]:
        words: list[str | None] = [*self.words]
        return {"enum": [*words, None] if "null" in self.words else words}


@dataclass(frozen=True)
class Number:
    """A whole number in plain digits."""

    low: int
    high: int

    def read(self, tree: Tree, report: Report) -> int | None:
        if (
            isinstance(tree, Leaf)
            and tree.bare
            and re.fullmatch(r"0|[1-9][0-9]{0,8}", tree.text)
            and self.low <= int(tree.text) <= self.high
        ):
            return int(tree.text)
        report.error(tree.place, "number", f"a number from {self.low} to {self.high} is expected")
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Flag:
    """``true`` or ``false``, spelled so."""

    def read(self, tree: Tree, report: Report) -> bool | None:
        if isinstance(tree, Leaf) and tree.bare and tree.text in {"true", "false"}:
            return tree.text == "true"
        report.error(tree.place, "flag", "true or false is expected")
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Value:
    """A constant, as text: a word, a number or a flag as it is written."""

    def read(self, tree: Tree, report: Report) -> str | None:
        if isinstance(tree, Leaf) and len(tree.text) <= 200 and (
            tree.is_text or re.fullmatch(r"true|false|0|-?[1-9][0-9]{0,17}", tree.text)
        ):  # fmt: skip
            return tree.text
        report.error(tree.place, "value", "a text in quotes, a whole number, true or false")
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "integer", "boolean"]}


@dataclass(frozen=True)
class Anything:
    """What other tools read and we do not."""

    def read(self, _tree: Tree, _report: Report) -> None:
        return None

    def schema(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Listed:
    """A list of things of one shape."""

    of: Shape
    least: int = 0
    most: int = 2_000

    def read(self, tree: Tree, report: Report) -> list[Any] | None:
        if not isinstance(tree, Many):
            report.error(tree.place, "shape", "a list is expected here")
            return None
        if not self.least <= len(tree.items) <= self.most:
            report.error(tree.place, "length", f"from {self.least} to {self.most} entries")
            return None
        return [self.of.read(item, report) for item in tree.items]

    def schema(self) -> dict[str, Any]:
        return {
            "type": "array",
            "items": self.of.schema(),
            "minItems": self.least,
            "maxItems": self.most,
        }


@dataclass(frozen=True)
class Keys:
    """A mapping with known keys; ``known_elsewhere`` says where a misplaced one belongs."""

    keys: Mapping[str, Shape]
    required: Sequence[str] = ()
    known_elsewhere: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    def read(self, tree: Tree, report: Report) -> dict[str, Any] | None:
        if not isinstance(tree, Mapped):
            report.error(tree.place, "shape", "keys with values are expected here")
            return None
        values: dict[str, Any] = {}
        places: dict[str, Place] = {"": tree.place}
        for written, below in tree.entries.items():
            key = self.aliases.get(written, written)
            if key not in self.keys:
                self._unknown(written, tree.places[written], report)
            elif key in places:
                report.error(tree.places[written], "duplicate", f"{shown(key)} stands here twice")
            else:
                values[key] = self.keys[key].read(below, report)
                places[key] = below.place
        for key in self.required:
            if key not in values:
                report.error(tree.place, "missing", f"the key {shown(key)} is missing")
        values[PLACES] = places
        return values

    def _unknown(self, key: str, place: Place, report: Report) -> None:
        if key in self.known_elsewhere:
            where = self.known_elsewhere[key]
            report.error(place, "misplaced", f"{shown(key)} belongs {where}")
        else:
            report.error(place, "unknown", f"nothing is called {shown(key)} here")

    def schema(self) -> dict[str, Any]:
        properties = {key: shape.schema() for key, shape in self.keys.items()}
        properties |= {old: properties[new] for old, new in self.aliases.items()}
        return {
            "type": "object",
            "properties": properties,
            "required": list(self.required),
            "additionalProperties": False,
        }


@dataclass(frozen=True)
class Either:
    """One shape for a mapping, another for everything else."""

    word: Shape
    keys: Keys

    def read(self, tree: Tree, report: Report) -> Any:
        return (self.keys if isinstance(tree, Mapped) else self.word).read(tree, report)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.word.schema(), self.keys.schema()]}


def place(values: Mapping[str, Any], key: str = "") -> Place:
    """Return where an entry of a read mapping stands, or the mapping itself."""
    places: dict[str, Place] = values[PLACES]
    return places.get(key, places[""])
