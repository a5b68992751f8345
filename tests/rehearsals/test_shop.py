"""A shop whose invoices stand inside and outside their term, on every engine."""

import pytest

from tests.rehearsals import checker
from tests.rehearsals.places import rehearse

pytestmark = pytest.mark.django_db
NAME = "shop"
OTTO = {"email": "otto.zell@example.org"}
MARKERS = ("otto.zell@example.org", "Otto Zell", "213 555 0144")
PLANNED = {
    ("customers", "delete"): 1,
    ("orders", "delete"): 2,
    ("order_lines", "delete"): 4,
    ("invoices", "delete"): 2,
    ("invoices", "keep"): 2,
    ("invoices", "trim"): 2,
    ("complaints", "delete"): 1,
    ("complaints", "keep"): 1,
    ("ratings", "mask"): 1,
}


@pytest.fixture
def copy(fresh, registered):
    """A fresh shop on each engine in turn."""
    with fresh(NAME) as address:
        yield registered(address, NAME)


def test_what_the_term_keeps_stays_and_the_rest_goes(copy):
    before = checker.read(copy)
    plan = rehearse(NAME, **OTTO)
    assert {(each["table"], each["action"]): each["rows"] for each in plan["plan"]} == PLANNED
    reasons = {(each["table"], each["reason"], each["until"]) for each in plan["plan"]}
    assert {each for each in reasons if each[1]} == {
        ("invoices", "DX_8", "2031-07-01"), ("complaints", "GX_a5", None),
    }  # fmt: skip
    done = rehearse(NAME, "--execute", **OTTO)
    assert (done["finding"], done["plan_hash"]) == ("kept", plan["plan_hash"])
    after, rows = checker.read(copy), checker.planned(plan["plan"])
    assert checker.wrong(before, after, rows) == []
    assert checker.stray(after, rows, MARKERS) == set()
    assert {(table, column) for table, _key, column in checker.cells(after, MARKERS)} == {
        ("invoices", "billed_to"), ("complaints", "said"),
    }  # fmt: skip
    assert sorted(key for (key,) in after["invoices"] if key.startswith("R-1-")) == [
        "R-1-2019", "R-1-2024",
    ]  # fmt: skip


def test_a_second_time_changes_nothing(copy):
    rehearse(NAME, "--execute", **OTTO)
    before = checker.digests(checker.read(copy))
    again = rehearse(NAME, "--execute", **OTTO)
    assert (again["people"], again["finding"]) == (0, "absent")
    assert checker.digests(checker.read(copy)) == before


def test_when_every_term_has_ended_every_invoice_goes(copy):
    rows = {
        each["action"]: each["rows"]
        for each in rehearse(NAME, "--as-of", "2031-07-02", **OTTO)["plan"]
        if each["table"] == "invoices"
    }
    assert rows == {"delete": 4}
