"""The rules of the house that no tool holds."""

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from ccpa_office.law.kinds import UNVERIFIED, RequestKind
from requests_app.correspondence import LETTERS
from requests_app.models import CLOSED, ERASURE, VERIFICATION, Status
from requests_app.workflow import MOVES, STAGE, TURN, Turn

ROOT = Path(settings.BASE_DIR)
FLOORS = ("ccpa_office", "notices_app", "requests_app")
CLASSES = {"none", "key", "pseudonym", "sealed", "digest", "staff", "public"}
ROOMS = sorted(
    path.relative_to(ROOT)
    for floor in FLOORS
    for path in (ROOT / floor).rglob("*.py")
    if "migrations" not in path.parts
)
MODELS = [model for floor in FLOORS for model in apps.get_app_config(floor).get_models()]


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_no_room_is_longer_than_400_lines(room):
    assert len((ROOT / room).read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_every_room_says_what_it_is_for(room):
    text = (ROOT / room).read_text("utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_no_function_is_longer_than_50_lines(room):
    tree = ast.parse((ROOT / room).read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    long = [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= 50]
    assert long == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_says_what_it_is_and_classifies_its_fields(model):
    assert model.__doc__
    assert not model.__doc__.startswith(f"{model.__name__}(")
    names = {field.name for field in model._meta.concrete_fields}
    attnames = {field.attname for field in model._meta.concrete_fields}
    declared = set(model.PERSONAL)
    assert declared <= names | attnames
    left = {
        field.name
        for field in model._meta.concrete_fields
        if not {field.name, field.attname} & declared
    }
    assert left == set()
    assert set(model.PERSONAL.values()) <= CLASSES


def test_every_status_has_a_stage_and_somebody_whose_turn_it_is():
    assert set(STAGE) == set(Status)
    assert set(TURN) == set(Status)
    assert {status for status, turn in TURN.items() if turn is Turn.NOBODY} == CLOSED


@pytest.mark.parametrize("kind", RequestKind)
def test_every_status_of_a_kind_is_reached_and_no_closed_one_is_left(kind):
    moves = MOVES[kind]
    reached = {Status.RECEIVED}
    while True:
        more = {to for to, move in moves.items() if move.sources & reached}
        if more <= reached:
            break
        reached |= more
    assert set(moves) <= reached
    assert not any(move.sources & CLOSED for move in moves.values())


@pytest.mark.parametrize("kind", sorted(UNVERIFIED))
def test_an_opt_out_has_no_state_of_verification(kind):
    assert not set(MOVES[kind]) & (VERIFICATION | ERASURE)


def test_the_drawing_in_the_manual_is_the_table(capsys):
    call_command("workflow")
    page = (ROOT / "docs" / "reference" / "workflow.md").read_text("utf-8")
    assert page == capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(LETTERS))
def test_every_letter_has_its_three_files_and_its_place_in_the_reference(name):
    folder = ROOT / "templates" / "emails" / name
    assert {path.name for path in folder.iterdir()} == {"subject.txt", "body.txt", "body.html"}
    reference = (ROOT / "docs" / "reference" / "letters.md").read_text("utf-8")
    assert f"| `{name}` |" in reference


def test_there_is_no_folder_of_a_letter_that_is_never_sent():
    folders = {path.name for path in (ROOT / "templates" / "emails").iterdir() if path.is_dir()}
    assert folders == set(LETTERS)


def test_the_example_of_the_environment_names_every_setting():
    text = (ROOT / "ccpa_office" / "settings.py").read_text("utf-8")
    read = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z][A-Z0-9_]+)"', text))
    example = (ROOT / ".env.example").read_text("utf-8")
    named = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    assert read - {"TEST_DATABASE_NAME"} <= named


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_project_speaks_of_itself_alone():
    words = re.compile(r"/work/main|/work/shared|coursera|subagent|language model", re.IGNORECASE)
    found = [
        str(path.relative_to(ROOT))
        for folder in (*FLOORS, "templates", "docs", "demo", "bench")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".html", ".txt", ".yml", ".sql", ".css", ".js"}
        and words.search(path.read_text("utf-8"))
    ]
    assert found == []
