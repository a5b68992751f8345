"""A course platform: keys by number, by user name, by e-mail in two spellings, in JSON and text."""

import pytest

from tests.rehearsals import checker, places
from tests.rehearsals.places import rehearse

pytestmark = pytest.mark.django_db
NAME = "courses"
ANN = {"email": "ann.tresco@example.org"}
MARKERS = ("ann.tresco@example.org", "Ann Tresco", "415 555 0191")
PLANNED = {
    ("learners", "delete"): 1,
    ("drafts", "delete"): 1,
    ("page_views", "delete"): 2,
    ("study_groups", "delete"): 1,
    ("enrollments", "delete"): 3,
    ("module_marks", "delete"): 9,
    ("posts", "mask"): 3,
    ("submissions", "delete"): 2,
    ("certificates", "delete"): 2,
    ("newsletter", "delete"): 2,
    ("events", "mask"): 3,
    ("tutor_notes", "mask"): 1,
}


def test_everything_of_ann_and_nothing_of_joann(copy):
    before = checker.read(copy)
    plan = rehearse(NAME, **ANN)
    assert {(each["table"], each["action"]): each["rows"] for each in plan["plan"]} == PLANNED
    assert checker.digests(checker.read(copy)) == checker.digests(before)
    done = rehearse(NAME, "--execute", **ANN)
    assert done["plan_hash"] == plan["plan_hash"]
    assert done["finding"] == "absent"
    after, rows = checker.read(copy), checker.planned(plan["plan"])
    assert checker.wrong(before, after, rows) == []
    assert checker.cells(before, MARKERS) != set()
    assert checker.cells(after, MARKERS) == set()


def test_texts_keep_what_is_not_hers(copy):
    rehearse(NAME, "--execute", **ANN)
    after = checker.read(copy)
    assert "joann and I" in after["posts"]["902",]["body"]
    assert after["tutor_notes"]["1",]["note"].endswith("; joann sat beside.")
    seen = after["events"]["1",]["payload"]
    assert (seen["n"], seen["seen"][1], set(seen["user"])) == (1, "joann", {"name", "mail"})


@pytest.mark.parametrize("identifier", [{"username": "ann"}, {"email": "ANN.TRESCO@EXAMPLE.ORG"}])
def test_every_identifier_leads_to_the_same_plan(copy, identifier):
    told = [rehearse(NAME, **each)["plan"] for each in (ANN, identifier)]
    assert told[0] == told[1]


def test_an_empty_user_name_leads_to_no_row_of_others(copy):
    facts = rehearse(NAME, email="nobody@example.test")
    assert {each["table"]: each["rows"] for each in facts["plan"]} == {
        "learners": 1, "enrollments": 3, "module_marks": 9, "certificates": 2, "newsletter": 1,
        "events": 3, "tutor_notes": 1, "page_views": 2, "drafts": 1,
    }  # fmt: skip


def test_all_one_after_the_other_leave_what_is_nobodys(copy):
    for name in ("ann", "Ann", "joann", "student7"):
        before = checker.read(copy)
        facts = rehearse(NAME, "--execute", username=name)
        assert (facts["people"], facts["finding"]) == (1, "absent")
        rows = checker.planned(facts["plan"])
        assert checker.wrong(before, checker.read(copy), rows) == []


def test_a_package_is_anns_alone(copy, tmp_path):
    facts = rehearse(NAME, "--out", str(tmp_path), kind="know", **ANN)
    said = places.unpacked(tmp_path / facts["package"])
    own = ("Ann Tresco", "Ann.Tresco@Example.org", "ANN.TRESCO@EXAMPLE.ORG", "my answer 2", "N-1-2",
           "Called Ann Tresco")  # fmt: skip
    others = ("Trescott", "joann.tresco", "example.org.test", "Student5@", "student5@", "By nobody")
    assert [word for word in own if word not in said] == []
    assert [word for word in others if word in said] == []


def test_a_group_in_json_loses_who_is_erased_and_keeps_the_others(copy):
    before = checker.read(copy)
    words, who = ("--shared", "study_groups=strip"), {"username": "student30"}
    facts = rehearse(NAME, "--execute", *words, **who)
    assert facts["finding"] == "absent"
    after = checker.read(copy)
    assert after["study_groups"]["903",]["people"] == {"people": [{"username": "student31"}, None]}
    assert checker.wrong(before, after, checker.planned(facts["plan"])) == []
