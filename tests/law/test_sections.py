"""Every rule of law names its section, and the room stays pure."""

import ast
import re
import sys
from pathlib import Path

import pytest

import ccpa_office.law

SECTION = re.compile(
    r"(Civ\. \d+|11 CCR \d{4}|Gov\. Code \d+|CCP \d+|U\.S\.C\. \d+|\b7\d{3}\(\w\))"
)
ROOMS = sorted(Path(ccpa_office.law.__file__).parent.glob("*.py"))
BARE = {
    *("InstantHasNoZone", "GroundDoesNotApply", "DAY"),
    "MONDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY",
}
LONGEST_ROOM, LONGEST_FUNCTION = 400, 50


def tree(room):
    return ast.parse(room.read_text(encoding="utf-8"))


def documented(room):
    """Each public function, class and constant of a room, with the text that explains it."""
    body = tree(room).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, ast.get_docstring(node) or ""
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            text = ast.unparse(after) if isinstance(after, ast.Expr) else ""
            yield ast.unparse(target).strip("()"), text


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.stem)
def test_every_public_rule_names_its_section(room):
    silent = [
        name
        for name, text in documented(room)
        if not name.startswith("_") and name not in BARE and not SECTION.search(text)
    ]
    assert silent == []


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.stem)
def test_the_room_is_short_and_so_are_its_functions(room):
    functions = [node for node in ast.walk(tree(room)) if isinstance(node, ast.FunctionDef)]
    long = [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= LONGEST_FUNCTION]
    assert (len(room.read_text(encoding="utf-8").splitlines()) <= LONGEST_ROOM, long) == (True, [])


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.stem)
def test_the_room_imports_only_the_language_and_two_things_of_the_framework(room):
    allowed = {("django.db.models", "TextChoices"), ("django.utils.translation", "gettext_lazy")}
    nodes = list(ast.walk(tree(room)))
    imported = {
        (node.module or "", alias.name)
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    foreign = {
        (module, name)
        for module, name in imported
        if module.split(".")[0] not in sys.stdlib_module_names
        and not module.startswith("ccpa_office.law.")
    }
    assert [node for node in nodes if isinstance(node, ast.Import)] == []
    assert foreign - allowed == set()
