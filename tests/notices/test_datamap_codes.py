"""Every finding has a meaning and a cure, and the pages of the manual are those of the code."""

import ast
import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from ccpa_office.connectors import masking
from notices_app.datamap.codes import CODES, GROUPS
from notices_app.datamap.form import json_schema
from notices_app.datamap.masks import TAKES
from notices_app.datamap.reference import SECTIONS, codes_page, keys_page

ROOT = Path(settings.BASE_DIR)
SOURCES = [
    *sorted((ROOT / "notices_app" / "datamap").glob("*.py")),
    *sorted((ROOT / "ccpa_office" / "connectors").rglob("*.py")),
]
SPEAKERS = {"error", "warning", "_error", "_warning", "Finding"}


def spoken(path):
    """Every literal code that a call in a file reports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and _name(node.func) in SPEAKERS:
            words = [
                each.value
                for each in node.args[:3]
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            if words[:1] in (["error"], ["warning"]):
                words = words[1:]
            yield from words[:1]


def _name(function):
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def literals():
    return {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_code_that_is_reported_has_a_meaning_and_a_cure():
    said = {code: path.name for path in SOURCES for code in spoken(path)}
    assert len(said) > 80
    assert {code: where for code, where in said.items() if code not in CODES} == {}


def test_every_code_that_has_a_cure_is_reported_somewhere():
    notices = {"source-not-in-notice", "sensitive-not-in-notice"}
    assert sorted(set(CODES) - literals() - notices) == []


def test_every_code_stands_in_one_group_with_a_level_and_words():
    assert sum(len(codes) for codes in GROUPS.values()) == len(CODES)
    assert {said.level for said in CODES.values()} == {"error", "warning"}
    assert all(len(said.meaning) > 10 and said.cure for said in CODES.values())


def test_what_a_mask_cannot_serve_has_a_cure():
    tree = ast.parse(Path(masking.__file__).read_text("utf-8"))
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    serves = [n for n in functions if n.name in {"serves", "_room", "_constant_fits"}]
    said = {
        leaf.value
        for function in serves
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and node.value
        for leaf in ast.walk(node.value)
        if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str) and "-" in leaf.value
    }
    assert said
    assert said <= set(CODES)


@pytest.mark.parametrize(
    ("page", "made"),
    [
        ("map-keys.md", keys_page),
        ("map-findings.md", codes_page),
        ("map.schema.json", lambda: json.dumps(json_schema(), indent=2) + "\n"),
    ],
)
def test_a_page_of_the_manual_is_current(page, made):
    assert (ROOT / "docs" / "reference" / page).read_text("utf-8") == made()


@pytest.mark.parametrize(
    ("verb", "page"),
    [("reference", "map-keys.md"), ("codes", "map-findings.md"), ("schema", "map.schema.json")],
)
def test_the_command_prints_the_page(verb, page, capsys):
    call_command("datamap", verb)
    assert capsys.readouterr().out == (ROOT / "docs" / "reference" / page).read_text("utf-8")


def test_every_key_of_a_map_is_explained():
    unsaid = [
        f"{section} {name} {key}"
        for section, parts in SECTIONS.items()
        for name, keys in parts.items()
        for key in keys.keys
        if not keys.says.get(key)
    ]
    assert unsaid == []


def test_every_strategy_of_fideslang_stands_in_the_reference():
    page = keys_page()
    assert [name for name in TAKES if f"| `{name}` |" not in page] == []
