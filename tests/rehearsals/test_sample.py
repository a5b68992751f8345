"""Fides' sample shop: nothing of another is told or touched; nothing is skipped in silence."""

import json
import re

import pytest
from django.core.management import CommandError

from notices_app import datamap
from tests.rehearsals import checker, places
from tests.rehearsals.places import rehearse

pytestmark = pytest.mark.django_db
NAME = "sample"
IVO, THEA = {"email": "ivo@barrow.example"}, {"email": "thea@barrow.example"}
IVOS = ("ivo@barrow.example", "ivo.alt@barrow.example", "Ivo Lindqvist", "Ivo first card",
        "Gift Alley", "4111000011110001")  # fmt: skip
THEAS = ("thea@barrow.example", "Thea Brandvold", "Thea first card", "Sorrel Lane", "95012",
         "4111000011110002", "Dana Clerk", "dana@snaps.example", "Office Square")  # fmt: skip


@pytest.fixture
def copy(fresh, registered):
    """A fresh sample shop on each engine in turn."""
    with fresh(NAME) as address:
        yield registered(address, NAME)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_package_discloses_nothing_of_another(copy, tmp_path, language):
    words = "--out", str(tmp_path), "--language", language
    facts = rehearse(NAME, *words, kind="know", **IVO)
    said = places.unpacked(tmp_path / facts["package"])
    assert [word for word in THEAS if word in said] == []
    assert [word for word in IVOS if word not in said] == ["4111000011110001"]


def test_an_erasure_touches_nothing_of_another_without_a_decision(copy):
    before = checker.read(copy)
    with pytest.raises(CommandError, match="address"):
        rehearse(NAME, "--execute", **IVO)
    assert checker.digests(checker.read(copy)) == checker.digests(before)
    done = rehearse(NAME, "--execute", "--shared", "address=keep", **IVO)
    after, plan = checker.read(copy), checker.planned(done["plan"])
    assert done["finding"] == "kept"
    assert checker.wrong(before, after, plan) == []
    assert checker.stray(after, plan, IVOS) == set()
    assert checker.cells(after, THEAS) == checker.cells(before, THEAS)
    assert checker.cells(after, ("Gift Alley", "95015")) == set()


def test_what_was_decided_is_done_to_what_is_shared(copy):
    before = checker.read(copy)
    done = rehearse(NAME, "--execute", "--shared", "address=strip", **IVO)
    after, plan = checker.read(copy), checker.planned(done["plan"])
    assert checker.wrong(before, after, plan) == []
    assert checker.cells(after, (*IVOS, "Fennel Lane", "Sorrel Lane")) == set()


def test_a_shared_row_is_stripped_while_the_way_to_it_is_whole(registered):
    text = places.document(NAME)
    first, address, rest = re.split(r"(?=      - name: (?:address|payment_card)\n)", text)
    address = address.replace("on_delete: mask", "on_delete: delete")
    address = re.sub(r"on_delete: (null|\{constant: removed\})", r"on_shared: \1", address)
    with places.postgresql(NAME) as copy:
        registered(copy, NAME, first + address + rest)
        before = checker.read(copy)
        done = rehearse(NAME, "--execute", "--shared", "address=strip", **IVO)
        after, plan = checker.read(copy), checker.planned(done["plan"])
    assert done["finding"] == "kept"
    assert {each["finding"] for each in done["proof"] if each["table"] == "address"} == {"absent"}
    assert checker.wrong(before, after, plan) == []
    assert {key: row["city"] for key, row in after["address"].items()} == {
        ("11",): "removed", ("12",): "removed", ("13",): "removed", ("14",): "Crag",
    }  # fmt: skip


def test_a_field_without_a_data_type_is_not_skipped(registered):
    text = places.document(NAME)
    bare = text.replace(", data_type: integer", "").replace(", data_type: string", "")
    bare = bare.replace("fides_meta: {data_type: string}, ", "").replace(
        ", fides_meta: {data_type: string}", ""
    )
    bare = bare.replace("fides_meta: {data_type: integer}, ", "")
    assert bare.count("data_type") < text.count("data_type") / 4
    told = []
    for document in (text, bare):
        with places.postgresql(NAME) as address:
            registered(address, NAME, document)
            before = checker.read(address)
            done = rehearse(NAME, "--execute", "--shared", "address=keep", **THEA)
            after, plan = checker.read(address), checker.planned(done["plan"])
            assert checker.wrong(before, after, plan) == []
            assert checker.stray(after, plan, ("thea@barrow.example", "Thea Brandvold")) == set()
            told.append((done["plan"], done["receipts"], done["proof"], checker.digests(after)))
    assert json.dumps(told[0]) == json.dumps(told[1])


ZIP = "{name: zip, fides_meta: {data_type: string}, ccpa_meta: {on_delete: null}}"
ALT = "ccpa_meta: {identifier: email, on_delete: null}}\n          - {name: opened"


@pytest.mark.parametrize(
    ("said", "instead"), [(ZIP, "{name: zip}"), (ALT, ALT.replace(", on_delete: null", ""))]
)
def test_a_field_without_an_action_is_refused(said, instead):
    text = places.document(NAME)
    assert said in text
    map_, findings = datamap.examine(text.replace(said, instead))
    assert map_ is None
    assert {each.code for each in findings if each.level == "error"} == {"no-on-delete"}


def test_a_field_that_the_map_does_not_name_is_told(copy):
    text = "\n".join(
        line for line in places.document(NAME).splitlines() if "{name: alt_email" not in line
    )
    findings = datamap.check_live(text, system_key=NAME)
    assert ("personal-column", "service_request.alt_email") in {
        (each.code, each.message.partition(":")[0]) for each in findings
    }
