"""The manual says what the code does: links lead somewhere, commands and their options exist."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

from ccpa_office.management.commands.manual import findings_page
from ccpa_office.management.commands_page import ours
from notices_app import datamap

ROOT = Path(settings.BASE_DIR)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")])
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
SPAN = re.compile(r"```.*?\n(.*?)```|`([^`]+)`", re.DOTALL)
CALL = re.compile(r"manage\.py +([a-z].*)")
NAMED = re.compile(r"(?<![*\w])\*([A-Z][^*|]+?)\*(?![*\w])")
FLOORS = ("ccpa_office", "notices_app", "requests_app")
END = re.compile(r" [|#>]|;|&&|\)|…|\.\.\.")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as they are linked to."""
    text = FENCE.sub("", page.read_text("utf-8"))
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def calls(page: Path) -> Iterator[str]:
    """Every call of manage.py in a page's code, without what the shell does with it."""
    for block, inline in SPAN.findall(page.read_text("utf-8")):
        lines = block.replace("\\\n", " ").splitlines() or [" ".join(inline.split())]
        for call in filter(None, map(CALL.search, lines)):
            yield END.split(call[1])[0]


def wrong_with(call: str) -> str:
    """What no command takes, or nothing."""
    name, *words = call.split()
    if name not in get_commands():
        return name
    parser: argparse.ArgumentParser = load_command_class(get_commands()[name], name).create_parser(
        "manage.py", name
    )
    known = set(parser._option_string_actions)
    for action in parser._actions:
        if action.option_strings or not action.choices:
            continue
        verb = words[0] if words else ""
        if verb not in action.choices:
            return verb if verb and verb[0].islower() else ""
        if isinstance(action, argparse._SubParsersAction):
            known |= set(action.choices[verb]._option_string_actions)
    options = [word.split("=")[0] for word in words if word.startswith("--")]
    return " ".join(option for option in options if option not in known)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(page):
    text = FENCE.sub("", page.read_text("utf-8"))
    lost = [
        f"{to}#{anchor}"
        for to, anchor in LINK.findall(text)
        if "://" not in to
        and (
            not (there := (page.parent / to if to else page).resolve()).exists()
            or (anchor and anchor not in anchors(there))
        )
    ]
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_the_manual_is_one_with_its_verbs_and_options(page):
    assert [(call, wrong) for call in calls(page) if (wrong := wrong_with(call))] == []


def test_the_guard_of_commands_sees_what_is_wrong():
    assert wrong_with("batch shut --system shop") == "shut"
    assert wrong_with("batch open --store shop") == "--store"
    assert wrong_with("bach open") == "bach"
    assert wrong_with("batch open --system KEY --list FILE --as USERNAME") == ""


def test_every_page_that_the_code_names_exists():
    named = {
        page
        for floor in FLOORS
        for room in (ROOT / floor).rglob("*.py")
        for page in re.findall(r"docs/[\w/-]+\.md", room.read_text("utf-8"))
    }
    assert [page for page in sorted(named) if not (ROOT / page).exists()] == []


def test_every_finding_of_the_doctor_and_the_checks_stands_on_its_page():
    rooms = [*(ROOT / "ccpa_office" / "doctor").glob("*.py"), *ROOT.glob("*/checks.py")]
    text = "".join(room.read_text("utf-8") for room in rooms)
    codes = set(re.findall(r'(?:unsound|note|make)\(\s*"([a-z-]+)"', text))
    codes |= {f"E{int(number):03}" for number in re.findall(r"error\((\d+),", text)}
    told = set(re.findall(r"[A-Za-z0-9-]+", findings_page()))
    assert codes - told == set()


def test_every_command_of_ours_says_when_to_use_it():
    helps = {name: load_command_class(get_commands()[name], name).help for name in ours()}
    assert [name for name, words in helps.items() if len(words) < 40] == []


def test_the_descriptions_that_the_manual_shows_are_sound():
    page = (ROOT / "docs" / "how-to" / "outside-systems.md").read_text("utf-8")
    blocks = re.findall(r"```yaml\n(outside_system:.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    found = [each for block in blocks for each in datamap.check(block)]
    assert [(each.line, each.code) for each in found if each.level == "error"] == []


def test_every_button_and_desk_that_the_manual_names_is_called_so():
    rooms = [room for floor in FLOORS for room in (ROOT / floor).rglob("*.py")]
    said = "".join(each.read_text("utf-8") for each in rooms)
    said += "".join(each.read_text("utf-8") for each in (ROOT / "templates").rglob("*.html"))
    named = {
        " ".join(words.split())
        for page in (ROOT / "docs").rglob("*.md")
        for words in NAMED.findall(FENCE.sub("", page.read_text("utf-8")))
    }
    assert [words for words in sorted(named) if words not in said] == []
