"""A rental shop: addresses of households and of clerks, partitions, a view, keys in circles."""

import pytest
from django.core.management import CommandError

from tests.rehearsals import checker, places
from tests.rehearsals.places import rehearse

pytestmark = pytest.mark.django_db
NAME = "rentals"
MIRA = {"email": "mira@okonski.example"}
MARKERS = ("mira@okonski.example", "Mira Okonski", "7 Quince Steps", "95070")
VIEW = ("spending",)


def test_an_undecided_address_stops_everything(copy):
    before = checker.digests(checker.read(copy))
    with pytest.raises(CommandError, match="addresses"):
        rehearse(NAME, "--execute", **MIRA)
    assert checker.digests(checker.read(copy)) == before


def test_a_kept_address_stays_the_households(copy):
    before = checker.read(copy)
    plan = rehearse(NAME, "--shared", "addresses=keep", **MIRA)
    rows = {(each["table"], each["action"]): each["rows"] for each in plan["plan"]}
    assert rows == {
        ("customers", "mask"): 1, ("rentals", "delete"): 3, ("payments", "delete"): 3,
        ("staff", "keep"): 2, ("addresses", "keep"): 3,
    }  # fmt: skip
    done = rehearse(NAME, "--execute", "--shared", "addresses=keep", **MIRA)
    assert (done["finding"], done["plan_hash"]) == ("kept", plan["plan_hash"])
    after, plan = checker.read(copy), checker.planned(plan["plan"])
    assert checker.wrong(before, after, plan, derived=VIEW) == []
    assert checker.stray(after, plan, MARKERS) == set()
    assert {cell[:2] for cell in checker.cells(after, MARKERS)} == {("addresses", ("70",))}


def test_the_view_follows_and_partitions_are_one_table(copy):
    before = checker.read(copy)
    facts = rehearse(NAME, "--execute", "--shared", "addresses=keep", **MIRA)
    (payments,) = [each for each in facts["plan"] if each["table"] == "payments"]
    assert len({key[1][:4] for key in payments["keys"]}) == 3
    after = checker.read(copy)
    assert after["spending"]["70",]["spent"] is None
    others = {key: row for key, row in before["spending"].items() if key != ("70",)}
    assert {key: row for key, row in after["spending"].items() if key != ("70",)} == others


def test_nobody_elses_address_is_touched_without_a_decision(copy):
    """Lena lodges where a clerk lives, whom other customers reach too; the tenant lives alone."""
    facts = rehearse(NAME, email="lena@lodger.example")
    shared = [each for each in facts["plan"] if each["table"] == "addresses"]
    assert sorted(key for each in shared if each["shared"] for key in each["keys"]) == [1, 72]
    assert [key for each in shared if not each["shared"] for key in each["keys"]] == []
    alone = rehearse(NAME, email="sole@tenant.example")
    own = [each for each in alone["plan"] if each["table"] == "addresses" and not each["shared"]]
    assert [(each["action"], each["keys"]) for each in own] == [("mask", [71])]


def test_an_address_of_ones_own_goes(copy):
    before = checker.read(copy)
    words = "--execute", "--shared", "addresses=keep"
    facts = rehearse(NAME, *words, email="sole@tenant.example")
    after, plan = checker.read(copy), checker.planned(facts["plan"])
    assert checker.wrong(before, after, plan, derived=VIEW) == []
    assert checker.cells(after, ("sole@tenant.example", "Sole Tenant", "8 Quince Steps")) == set()
    assert after["addresses"]["72",] == before["addresses"]["72",]


def test_a_package_withholds_the_household_and_the_clerks(copy, tmp_path):
    facts = rehearse(NAME, "--out", str(tmp_path), kind="know", **MIRA)
    said = places.unpacked(tmp_path / facts["package"])
    others = ("Pavel", "pavel@", "Clerk One", "two@shop.example", "9 Quince Steps", "101 Alder Row")
    assert [word for word in others if word in said] == []
    assert [word for word in ("Mira Okonski", "Film 2", "4.99") if word not in said] == []
