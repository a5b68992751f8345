"""Shapes that only the description of an outside system has."""

import re
from dataclasses import dataclass
from typing import Any

from notices_app.datamap.reading import Leaf, Many, Mapped, Report, Tree
from notices_app.datamap.shapes import Number, Word


@dataclass(frozen=True)
class Texts:
    """A mapping of names to texts, each name once."""

    name: str
    value: str = r"[^\x00-\x1f\x7f]{0,500}"
    most: int = 30

    def read(self, tree: Tree, report: Report) -> dict[str, str] | None:
        if not isinstance(tree, Mapped) or len(tree.entries) > self.most:
            report.error(tree.place, "shape", f"up to {self.most} names with texts are expected")
            return None
        found: dict[str, str] = {}
        word = Word(self.value, "a text on one line")
        for name, below in tree.entries.items():
            if not re.fullmatch(self.name, name):
                report.error(tree.places[name], "form", "this is no name that can stand here")
            found[name] = word.read(below, report) or ""
        return found

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "patternProperties": {f"^(?:{self.name})$": {"type": "string"}},
            "additionalProperties": False,
        }

    def words(self) -> str:
        return "names with texts"


@dataclass(frozen=True)
class Statuses:
    """One status code, or a list of them; a redirect is never one."""

    def read(self, tree: Tree, report: Report) -> frozenset[int] | None:
        code = Number(200, 599)
        items = tree.items if isinstance(tree, Many) else [tree]
        if not items:
            report.error(tree.place, "length", "at least one status code")
        found = {code.read(item, report) for item in items}
        if any(each is not None and 300 <= each < 400 for each in found):
            report.error(tree.place, "redirect", "a redirect is refused, whatever it says")
        return frozenset(each for each in found if each is not None)

    def schema(self) -> dict[str, Any]:
        code = Number(200, 599).schema()
        return {"anyOf": [code, {"type": "array", "items": code}]}

    def words(self) -> str:
        return "status codes"


@dataclass(frozen=True)
class Constant:
    """A word that an answer is compared with: text, a whole number, true or false."""

    def read(self, tree: Tree, report: Report) -> str | None:
        if isinstance(tree, Leaf) and len(tree.text) <= 200:
            return tree.text
        report.error(tree.place, "value", "a text, a whole number, true or false")
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "integer", "boolean"]}

    def words(self) -> str:
        return "a constant"
