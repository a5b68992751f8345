"""A map is tried on a copy: what would go, what stays, what is left; and only on a copy."""

import json
import zipfile
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ccpa_office import clock, connectors
from ccpa_office.models import DataKey
from notices_app import datamap
from notices_app.models import DataSystem
from tests.builders import HANA, MAP, MARISOL, ORLA
from tests.steps import query, store_digest

pytestmark = pytest.mark.django_db


def _run(*words):
    out = StringIO()
    call_command("rehearse", "--system", "learners", *words, stdout=out)
    return out.getvalue()


def _facts(*words):
    return json.loads(_run(*words, "--json"))


def _of(email):
    return "--kind", "delete", "--identifier", f"email={email}"


@pytest.fixture
def copy(learners):
    """The learner database, registered as a rehearsal copy."""
    DataSystem.objects.update(rehearsal=True)
    return learners


def test_a_plan_changes_nothing(copy):
    before = store_digest(copy)
    facts = _facts(*_of(ORLA))
    assert (facts["people"], facts["kept"]) == (1, {"invoices": 1})
    acts = {(part["table"], part["action"]): part["rows"] for part in facts["plan"]}
    assert acts["accounts", "delete"] == 1
    assert acts["invoices", "keep"] == 1
    how = {each["column"]: each["how"] for part in facts["plan"] for each in part["changes"]}
    assert how
    assert "" not in how.values()
    assert "finding" not in facts
    assert store_digest(copy) == before


def test_what_was_planned_is_done_and_proved(copy):
    facts = _facts(*_of(ORLA), "--execute")
    assert facts["finding"] == "kept"
    planned = {
        (part["table"], part["action"]): part["rows"]
        for part in facts["plan"]
        if part["action"] != "keep"
    }
    assert {(r["table"], r["action"]): r["done"] for r in facts["receipts"]} == planned
    assert query(copy, "SELECT count(*) FROM accounts WHERE lower(email) = %s", ORLA) == [(0,)]
    again = _facts(*_of(ORLA), "--execute")
    assert (again["people"], again["receipts"], again["finding"]) == (0, [], "absent")


def test_a_term_is_counted_as_of_a_day(copy):
    assert _facts(*_of(ORLA), "--as-of", "2020-01-01")["kept"] == {"invoices": 2}
    assert _facts(*_of(ORLA), "--as-of", "2060-01-01")["kept"] == {}


def test_shared_rows_are_decided_before_anything_is_erased(copy):
    before = store_digest(copy)
    with pytest.raises(CommandError, match="addresses"):
        _run(*_of(MARISOL), "--execute")
    assert store_digest(copy) == before
    facts = _facts(*_of(MARISOL), "--execute", "--shared", "addresses=keep")
    assert facts["finding"] == "kept"
    assert facts["shared"] == {"addresses": 1}


def test_nothing_is_done_to_several_people(copy, tmp_path):
    query(copy, "DROP INDEX accounts_email")
    query(copy, "UPDATE accounts SET email = %s WHERE id = 20", ORLA)
    before = store_digest(copy)
    correct = "--kind", "correct", "--identifier", f"email={ORLA}", "--value", "x"
    for asked in (_of(ORLA), (*correct, "--field", "profiles.display_name")):
        with pytest.raises(CommandError, match="several people"):
            _run(*asked, "--execute")
    know = "--kind", "know", "--identifier", f"email={ORLA}", "--out", str(tmp_path)
    with pytest.raises(CommandError, match="several people"):
        _run(*know)
    assert list(tmp_path.iterdir()) == []  # nobody is given what is another's
    assert _facts(*know, "--people", "2")["people"] == 2
    assert store_digest(copy) == before


def test_a_map_that_does_not_serve_changes_nothing(copy):
    query(copy, "CREATE TABLE badges (account_id bigint REFERENCES accounts)")
    connectors.close_all()  # the store is looked at anew
    before = store_digest(copy)
    correct = "--kind", "correct", "--identifier", f"email={ORLA}", "--value", "x"
    for asked in (_of(ORLA), (*correct, "--field", "profiles.display_name")):
        with pytest.raises(CommandError, match="map does not fit"):
            _run(*asked, "--execute")
    assert store_digest(copy) == before


def test_rows_of_a_household_are_nobodys_to_correct(copy):
    asked = "--kind", "correct", "--identifier", f"email={MARISOL}"
    rows = {(each["table"], each["column"]): each["rows"] for each in _facts(*asked)["fields"]}
    assert (rows["accounts", "full_name"], rows["addresses", "city"]) == (1, 0)
    before = store_digest(copy)
    with pytest.raises(CommandError, match="the person has 0"):
        _run(*asked, "--field", "addresses.city", "--value", "x", "--execute")
    assert store_digest(copy) == before


def test_nobody_is_an_answer(copy):
    facts = _facts(*_of("nobody@example.org"), "--execute")
    assert (facts["people"], facts["plan"], facts["finding"]) == (0, [], "absent")
    nobody = "--kind", "correct", "--identifier", "email=nobody@example.org"
    assert _facts(*nobody)["fields"] == []


def test_a_package_is_written(copy, tmp_path):
    keys, folder = DataKey.objects.count(), tmp_path / "out"
    asked = "--kind", "know", "--identifier", f"email={HANA}", "--out", str(folder)
    facts = _facts(*asked, "--as-of", "1970-01-01")
    assert DataKey.objects.count() == keys
    assert (folder / facts["package"]).stat().st_mode & 0o077 == 0  # its owner alone reads it
    with zipfile.ZipFile(tmp_path / "out" / facts["package"]) as package:
        assert package.testzip() is None
        assert "manifest.json" in package.namelist()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "package.zip", "report.css", "report.html",
    ]  # fmt: skip


def test_the_report_says_what_would_go(copy, tmp_path):
    said = _run(*_of(ORLA), "--execute", "--out", str(tmp_path))
    assert said.endswith("Looked again: kept.\n")
    page = (tmp_path / "report.html").read_text()
    assert '<th scope="row">accounts</th><td>delete</td>' in page
    assert "The second look" in page
    assert "Seconds: locate " in page
    assert "DX_8: A legal obligation." in page
    assert "Looked again: <strong>only what is kept is left</strong>." in page
    assert '<th scope="col">Kept, stripped</th>' in page
    _run(*_of(ORLA), "--identifier", "shoe=42", "--out", str(tmp_path))
    page = (tmp_path / "report.html").read_text()
    assert "The map knows no shoe: it was not looked for." in page
    assert "The same command with <code>--execute</code>" in page


def test_the_report_says_what_each_person_loses_and_what_the_map_covers(copy):
    query(copy, "CREATE TABLE visits (who text)")
    facts = _facts(*_of(MARISOL))
    (person,) = facts["each"]
    assert (person["loses"]["accounts"], person["shared"]) == (1, {"addresses": 1})
    seen = {each["table"]: each for each in facts["coverage"]["tables"]}
    assert (seen["accounts"]["state"], seen["accounts"]["unnamed"]) == ("mapped", [])
    assert seen["visits"] == {
        "table": "visits", "state": "not in the map", "columns": 1, "unnamed": [],
    }  # fmt: skip
    assert ", visits.\n" in _run(*_of(MARISOL))


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--identifier", "emial=a@b.example"), "finds people by email"),
     ((*_of(ORLA)[2:], "--shared", "addressen=keep"), "no table addressen"),
     ((*_of(ORLA)[2:], "--people", "0"), "1 or more"),
     ((*_of(ORLA)[2:], "--field", "accounts.phone"), "go with --kind correct")],
)  # fmt: skip
def test_what_would_find_nobody_or_decide_nothing_is_refused(copy, words, said):
    with pytest.raises(CommandError, match=said):
        _run("--kind", "delete", *words)
    assert "knows no shoe: it was" in _run(*_of(ORLA), "--identifier", "shoe=42")


def test_what_is_no_deletion_tells_of_none(copy):
    said = _run("--kind", "know", "--identifier", f"email={ORLA}")
    assert "  found  accounts" in said
    assert "delete" not in said


def test_a_correction_is_named_then_put_right_and_nothing_else(copy, tmp_path):
    asked = "--kind", "correct", "--identifier", f"email={ORLA}"
    before = store_digest(copy)
    fields = {(each["table"], each["column"]) for each in _facts(*asked)["fields"]}
    assert ("accounts", "full_name") in fields
    assert {("accounts", "id"), ("accounts", "password_hash")} & fields == set()
    claim = *asked, "--field", "accounts.full_name", "--value", "Orla Dunmarrow-Vale"
    places = _facts(*claim)["corrections"]
    assert [(each["table"], each["column"], each["follows"]) for each in places] == [
        ("accounts", "full_name", False), ("profiles", "display_name", True),
    ]  # fmt: skip
    assert store_digest(copy) == before
    said = _run(*claim, "--execute", "--out", str(tmp_path))
    assert said.endswith("Looked again: right.\n")
    assert "Dunmarrow" not in said + (tmp_path / "report.html").read_text()
    found = query(copy, "SELECT full_name FROM accounts WHERE lower(email) = %s", ORLA)
    assert found == [("Orla Dunmarrow-Vale",)]
    after = store_digest(copy)
    assert {name for name in before if before[name] != after[name]} == {
        "accounts", "profiles",
    }  # fmt: skip
    with pytest.raises(CommandError):
        _run(*asked, "--field", "accounts.password_hash", "--value", "x", "--execute")


def test_any_other_system_is_refused(learners):
    before = store_digest(learners)
    with pytest.raises(CommandError, match="rehearsal"):
        _run(*_of(ORLA), "--execute")
    assert store_digest(learners) == before


def test_a_copy_that_is_the_served_database_itself_is_not_changed(learners, team):
    url = learners.replace("127.0.0.1", "localhost")
    datamap.add_system("alias", name="x", url=url, by=team.editor, at=clock.now(), rehearsal=True)
    datamap.load(MAP.read_text(), system_key="alias", by=team.editor, at=clock.now())
    before = store_digest(learners)
    asked = "--system", "alias", "--identifier", f"email={ORLA}", "--execute", "--kind"
    for kind in (["delete"], ["correct", "--field", "profiles.display_name", "--value", "x"]):
        with pytest.raises(CommandError, match="very database of learners"):
            call_command("rehearse", *asked, *kind)
    assert store_digest(learners) == before


@pytest.mark.parametrize(
    "words",
    [
        ("--identifier", "email"), ("--identifier", "=x"), ("--as-of", "tomorrow"),
        ("--shared", "addresses=drop"), ("--shared", "addresses"),
    ],
)  # fmt: skip
def test_wrong_use_is_said(copy, words):
    with pytest.raises(CommandError) as refused:
        _run(*_of(ORLA), *words)
    assert refused.value.returncode == 2
