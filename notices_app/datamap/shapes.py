"""Shapes: what may stand where. Each reads a tree into plain values, and draws its JSON Schema."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from notices_app.datamap.reading import Leaf, Many, Mapped, Place, Report, Tree, shown

PLACES = "\x00places"
"""Where the entries of a read mapping stand: beside them, under a key that no file can spell."""
NULL = "tag:yaml.org,2002:null"
QUOTE_IT = "YAML reads this as no text: put it in quotes"


class Shape(Protocol):
    """Something that a tree may be."""

    def read(self, tree: Tree, report: Report, /) -> Any:
        """Return the value, or ``None`` and at least one finding."""

    def schema(self) -> dict[str, Any]:
        """Return the shape as JSON Schema."""

    def words(self) -> str:
        """Return the shape in words, for the reference."""


@dataclass(frozen=True)
class Word:
    """A text of a certain form."""

    pattern: str
    what: str

    def read(self, tree: Tree, report: Report) -> str | None:
        if not isinstance(tree, Leaf):
            report.error(tree.place, "shape", f"{self.what} is expected here")
        elif not tree.is_text:
            report.error(tree.place, "not-text", QUOTE_IT)
        elif not re.fullmatch(self.pattern, tree.text):
            report.error(tree.place, "form", f"this is not {self.what}")
        else:
            return tree.text
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$(?!\\n)"}

    def words(self) -> str:
        return self.what


@dataclass(frozen=True)
class Choice:
    """One of some words; ``null`` may be written bare where it is one of them."""

    of: tuple[str, ...]
    code: str = "choice"
    what: str = ""

    def read(self, tree: Tree, report: Report) -> str | None:
        if isinstance(tree, Leaf) and tree.text in self.of:
            if tree.is_text or tree.text == "null":
                return tree.text
            report.error(tree.place, "not-text", QUOTE_IT)
            return None
        report.error(tree.place, self.code, f"one of these is expected: {', '.join(self.of)}")
        return None

    def schema(self) -> dict[str, Any]:
        words: list[str | None] = [*self.of]
        return {"enum": [*words, None] if "null" in self.of else words}

    def words(self) -> str:
        return self.what or ", ".join(f"`{word}`" for word in self.of)


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

    def words(self) -> str:
        return f"a whole number from {self.low} to {self.high}"


@dataclass(frozen=True)
class Flag:
    """``true`` or ``false``, in the three spellings that every version of YAML reads as such."""

    TRUE, FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")

    def read(self, tree: Tree, report: Report) -> bool | None:
        if isinstance(tree, Leaf) and tree.bare and tree.text in self.TRUE + self.FALSE:
            return tree.text in self.TRUE
        report.error(tree.place, "flag", "true or false is expected")
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def words(self) -> str:
        return "`true` or `false`"


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
        most = 10**18 - 1
        return {
            "anyOf": [
                {"type": "string", "maxLength": 200},
                {"type": "integer", "minimum": -most, "maximum": most},
                {"type": "boolean"},
            ]
        }

    def words(self) -> str:
        return "a text in quotes, a whole number, `true` or `false`"


@dataclass(frozen=True)
class Anything:
    """What other tools read and we do not."""

    mapping: bool = False

    def read(self, tree: Tree, report: Report) -> None:
        if self.mapping and not isinstance(tree, Mapped):
            report.error(tree.place, "shape", "keys with values are expected here")

    def schema(self) -> dict[str, Any]:
        return {"type": "object"} if self.mapping else {}

    def words(self) -> str:
        return "keys with values, not read" if self.mapping else "anything, not read"


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

    def words(self) -> str:
        return f"a list of {self.of.words()}"


@dataclass(frozen=True)
class Keys:
    """A mapping with known keys; ``known_elsewhere`` says where a misplaced one belongs.

    ``says`` explains each key; the reference page and the schema are made of it. With ``one`` the
    mapping has exactly one of the keys named there.
    """

    keys: Mapping[str, Shape]
    required: Sequence[str] = ()
    known_elsewhere: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=dict)
    one: Sequence[str] = ()

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
        if self.one and sum(key in values for key in self.one) != 1:
            report.error(tree.place, "one-of", f"exactly one of these: {', '.join(self.one)}")
        values[PLACES] = places
        return values

    def _unknown(self, key: str, place: Place, report: Report) -> None:
        if key in self.known_elsewhere:
            where = self.known_elsewhere[key]
            report.error(place, "misplaced", f"{shown(key)} belongs {where}")
        else:
            report.error(place, "unknown", f"nothing is called {shown(key)} here")

    def schema(self) -> dict[str, Any]:
        properties = {key: self._described(key) for key in self.keys}
        properties |= {old: properties[new] for old, new in self.aliases.items()}
        drawn: dict[str, Any] = {
            "type": "object",
            "properties": properties,
            "required": list(self.required),
            "additionalProperties": False,
        }
        both = [{"not": {"required": [old, new]}} for old, new in self.aliases.items()]
        ways = [{"required": [key]} for key in self.one]
        return drawn | ({"oneOf": ways} if ways else {}) | ({"allOf": both} if both else {})

    def _described(self, key: str) -> dict[str, Any]:
        said = {"description": self.says[key]} if key in self.says else {}
        return {**said, **self.keys[key].schema()}

    def words(self) -> str:
        return "keys: " + ", ".join(f"`{key}`" for key in self.keys)


@dataclass(frozen=True)
class Either:
    """One shape for a mapping, another for everything else."""

    word: Shape
    keys: Shape

    def read(self, tree: Tree, report: Report) -> Any:
        return (self.keys if isinstance(tree, Mapped) else self.word).read(tree, report)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.word.schema(), self.keys.schema()]}

    def words(self) -> str:
        return f"{self.word.words()}; or {self.keys.words()}"


@dataclass(frozen=True)
class Optional:
    """A shape, or nothing, as other tools write keys that say nothing."""

    of: Shape

    def read(self, tree: Tree, report: Report) -> Any:
        if isinstance(tree, Leaf) and tree.bare and tree.text in {"null", ""}:
            return None
        return self.of.read(tree, report)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.of.schema(), {"type": "null"}]}

    def words(self) -> str:
        return self.of.words()


@dataclass
class Again:
    """A shape that is used within itself; ``of`` is set once it is known. Its schema is a name."""

    name: str
    of: Shape | None = None

    def read(self, tree: Tree, report: Report) -> Any:
        assert self.of is not None  # noqa: S101 - set when the form is made
        return self.of.read(tree, report)

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name}"}

    def words(self) -> str:
        return self.name


def place(values: Mapping[str, Any], key: str = "") -> Place:
    """Return where an entry of a read mapping stands, or the mapping itself."""
    places: dict[str, Place] = values[PLACES]
    return places.get(key, places[""])


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a read mapping without its places."""
    return {key: value for key, value in values.items() if key != PLACES}
