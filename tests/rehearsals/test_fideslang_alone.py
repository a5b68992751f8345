"""A map with not one word of ours, loaded by the bare commands, serves: nothing is guessed away."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from notices_app import datamap
from notices_app.models import DataMapVersion
from tests.rehearsals import checker, places
from tests.rehearsals.places import rehearse
from tests.rehearsals.test_sample import IVO, IVOS, THEAS

pytestmark = pytest.mark.django_db
NAME, ALONE = "sample", "sample-fideslang"
PATH = str(places.DATA / f"{ALONE}.yml")


def run(*words):
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


@pytest.fixture(params=["postgresql", "sqlite"])
def copy(request, engine_of):
    """The sample shop, registered and mapped by the commands alone, in nobody's name."""
    with engine_of(request.param)(NAME) as address:
        run("system", "add", NAME, "--url", address, "--rehearsal")
        assert run("system", "test", NAME).startswith(f"{NAME} answers: 11 tables")
        run("datamap", "load", PATH, "--system", NAME)
        yield address


def test_what_is_taken_for_what_the_map_leaves_open_is_said():
    found = json.loads(run("datamap", "check", PATH, "--json"))
    assert {each["level"] for each in found} == {"warning"}
    assert {each["code"] for each in found} == {
        "person-taken", "key-taken", "category-taken", "things", "default", "two-owners",
    }  # fmt: skip
    taken = [each["message"].partition(":")[0] for each in found if each["code"] == "key-taken"]
    assert taken == ["order_item", "visit"]


def test_everything_of_one_person_goes_and_nothing_of_another(copy):
    before = checker.read(copy)
    with pytest.raises(CommandError, match="address"):
        rehearse(NAME, "--execute", **IVO)
    done = rehearse(NAME, "--execute", "--shared", "address=keep", **IVO)
    after, plan = checker.read(copy), checker.planned(done["plan"])
    assert done["finding"] == "kept"
    assert checker.wrong(before, after, plan) == []
    assert checker.stray(after, plan, IVOS) == set()
    assert checker.cells(after, THEAS) == checker.cells(before, THEAS)
    gone = {each["table"]: each["rows"] for each in done["plan"] if each["action"] == "delete"}
    assert gone == {
        "address": 1, "customer": 1, "login": 4, "order_item": 3, "orders": 2, "payment_card": 1,
        "service_request": 1, "visit": 1,
    }  # fmt: skip
    assert [after[name] for name in ("product", "employee")] == [
        before[name] for name in ("product", "employee")
    ]


def test_a_package_tells_nothing_of_another_and_no_account_number(copy, tmp_path):
    facts = rehearse(NAME, "--out", str(tmp_path), kind="know", **IVO)
    said = places.unpacked(tmp_path / facts["package"])
    assert [word for word in THEAS if word in said] == []
    assert "ivo@barrow.example" in said
    assert "4111000011110001" not in said


def test_a_map_in_nobodys_name_is_never_approved_for_a_served_system(copy, team):
    version = DataMapVersion.objects.get()
    assert (version.loaded_by_id, version.active) == (None, False)
    assert version.keys == {
        "order_item": ["order_id", "item_no"], "visit": ["email", "last_visit"],
    }  # fmt: skip
    with pytest.raises(datamap.SecondPersonNeeded):
        datamap.approve(version, digest=version.digest, by=team.approver, at=version.loaded_at)
    with pytest.raises(datamap.NoActiveMap):
        datamap.target(NAME)


def test_a_served_system_takes_nothing_from_nobody(copy, settings):
    settings.DEMO = False
    for words in (("other", "--url", copy), (NAME, "--url", copy)):
        with pytest.raises(CommandError, match="--as"):
            run("system", "add", *words)
    with pytest.raises(datamap.NoSuchSystem):
        datamap.system("other")
    assert datamap.system(NAME).rehearsal


def test_a_key_that_nobody_says_builds_no_program():
    text = places.document(ALONE)
    with pytest.raises(datamap.MapNotSound) as refusal:
        datamap.compile_map(text, system=NAME, schema="public", keys={"visit": ("email",)})
    errors = [each for each in refusal.value.findings if each.level == "error"]
    assert [(each.code, each.message.partition(":")[0]) for each in errors] == [
        ("no-key", "order_item")
    ]
