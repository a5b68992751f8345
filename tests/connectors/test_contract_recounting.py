"""The contract, third part: the second look finds what was left, and accuses nobody else."""
# ruff: noqa: S608 (names of tables, quoted as each engine quotes them)

from dataclasses import replace
from datetime import date

import pytest

from ccpa_office.connectors.base import (
    Change,
    Deed,
    Identity,
    KeysRefused,
    Look,
    Recount,
    Rows,
)
from tests.connectors.contract import count_statements, look
from tests.connectors.stores import SECRET, Erasure, erase
from tests.connectors.test_contract_finding import tables, with_table

ON = date(2026, 7, 1)
CLEAN = (0, 0, 0)


def dirty(shop, erasure):
    return {table: found for table, found in look(shop, erasure).items() if found != CLEAN}


@pytest.fixture
def hana(school):
    return erase(school, [1], on=ON)


def test_a_row_that_came_back_is_found_by_its_key_and_its_person(school, hana):
    school.run(
        "INSERT INTO accounts VALUES (1, 'x@example.org', NULL, 'x', NULL, 'x', 'en', NULL, :at)",
        at="2026-01-01 00:00:00",
    )
    assert dirty(school, hana) == {"accounts": (1, 1, 0)}


def test_an_address_under_another_key_is_found_by_its_identifier(school, hana):
    school.run(
        "INSERT INTO newsletter VALUES ('HANA.MORIKAWA@EXAMPLE.ORG', '2026-01-01 00:00:00', 'x')"
    )
    assert dirty(school, hana) == {"newsletter": (0, 1, 0)}


@pytest.mark.parametrize("near", ["hana.mórikawa@example.org", "hana.morikawa@example.org.uk"])
def test_an_address_that_is_only_alike_is_not_accused(school, hana, near):
    school.run("INSERT INTO newsletter VALUES (:v, '2026-01-01 00:00:00', 'x')", v=near)
    assert dirty(school, hana) == {}


FOUND = [
    "write to hana.morikawa@example.org", "HANA.MORIKAWA@EXAMPLE.ORG", "森川 花さん", "森川\n花",
    "call 415-555-0142", "call +1 (415) 555-0142 now", "(415)555 0142",
    "<hana.morikawa@example.org>", "森川　花",
]  # fmt: skip
SPARED = [
    "hana", "森川", "write to johana.morikawa@example.org", "hana.morikawa@example.organic",
    "415-555-0143", "hana_morikawa@example.org", "",
]  # fmt: skip


def test_a_value_left_in_a_text_is_found_and_no_other_is_accused(school, hana):
    for text, is_found in [*[(each, True) for each in FOUND], *[(each, False) for each in SPARED]]:
        school.run("UPDATE forum_posts SET body = :text WHERE id = 1", text=text)
        assert (text, dirty(school, hana)) == (
            text, {"forum_posts": (0, 0, 1)} if is_found else {},
        )  # fmt: skip


def test_a_mask_that_was_undone_is_found(school, hana):
    school.run("UPDATE forum_posts SET author_name = 'Hana' WHERE id = 1")
    assert dirty(school, hana) == {"forum_posts": (1, 0, 0)}
    school.run("UPDATE forum_posts SET posted_at = '2026-03-05 07:08:09' WHERE id = 2")
    assert dirty(school, hana) == {"forum_posts": (2, 0, 0)}


@pytest.mark.parametrize("undo", ["{select} = 'tea'", "nick = 'Ada'", "card_no = 'C-6-1'"])
def test_every_way_of_masking_is_looked_at(clubhouse, undo):
    erasure = erase(clubhouse, [clubhouse.kind.one], on=ON)
    assert dirty(clubhouse, erasure) == {}
    key = tables(erasure.located)["order"].keys[0]
    said = undo.format(select=clubhouse.c("select"))
    clubhouse.run(f"UPDATE {clubhouse.q('order')} SET {said} WHERE id = :key", key=key)
    assert dirty(clubhouse, erasure) == {"order": (1, 0, 0)}


def test_rows_that_stay_by_right_are_left_out_and_only_they(school, hana):
    invoices = tables(hana.located)["invoices"]

    def again(kept):
        seen = Look([1], hana.identities, "delete", kept)
        return school.connector.recount("invoices", invoices.rows, seen)

    assert again(["INV-2"]) == Recount(0, 0, 0)
    assert again([]) == Recount(1, 1, 0)
    assert again(["INV-3"]) == Recount(1, 1, 0)
    assert (again(["INV-2"]).clean, again([]).clean) == (True, False)


def test_a_trimmed_row_must_have_lost_what_need_not_stay(school):
    trims = (Change("billing_name", "constant", "kept by law"),)
    mine = school.refitted(with_table(school.program, "invoices", trims=trims))
    seen = Look([1], [Identity({})], "delete", ["INV-2"], trimmed=["INV-2"])
    again = mine.connector.recount("invoices", Rows(["INV-2"], [0]), seen)
    assert (again.by_key, again.in_text) == (1, 0)
    mine.run("UPDATE invoices SET billing_name = 'kept by law' WHERE number = 'INV-2'")
    again = mine.connector.recount("invoices", Rows(["INV-2"], [0]), seen)
    assert (again.by_key, again.in_text) == (0, 0)


def test_an_empty_value_and_a_rounded_number_are_not_held_against_a_constant(school):
    trims = (Change("billing_name", "constant", "kept by law"), Change("total", "constant", "0"))
    mine = school.refitted(with_table(school.program, "invoices", trims=trims))
    mine.run("UPDATE invoices SET billing_name = '' WHERE number = 'INV-2'")
    rows = Rows(["INV-2"], [0])
    assert mine.connector.apply("invoices", rows, [1], Deed("trim", SECRET)).done == 1
    assert mine.one("SELECT billing_name FROM invoices WHERE number = 'INV-2'") == ""
    seen = Look([1], [Identity({})], "delete", ["INV-1", "INV-2"], trimmed=["INV-2"])
    assert mine.connector.recount("invoices", rows, seen) == Recount(0, 0, 0)


def test_what_is_stripped_is_looked_through_though_the_map_searches_no_text(school):
    trims = (Change("billing_name", "strip_text"),)
    program = with_table(school.program, "invoices", trims=trims)
    mine = school.refitted(with_table(program, "forum_posts", texts=()))
    erasure = erase(mine, [1], on=ON)
    assert look(mine, erasure)["forum_posts"] == CLEAN
    mine.run("UPDATE forum_posts SET body = 'write to HANA.Morikawa@example.org' WHERE id = 1")
    assert look(mine, erasure)["forum_posts"] == (0, 0, 1)
    mine.run("UPDATE invoices SET billing_name = 'for Hana Example' WHERE number = 'INV-2'")
    seen = Look([1], [Identity({"name": ["Hana Example"]})], "delete", ["INV-2"])
    for trimmed, in_text in (([], 0), (["INV-2"], 1)):
        again = mine.connector.recount(
            "invoices", Rows(["INV-2"], [0]), replace(seen, trimmed=trimmed)
        )
        assert (again.by_key, again.in_text) == (0, in_text)


def test_what_should_be_gone_and_is_not_is_looked_through_whole(school):
    mine = school.refitted(with_table(school.program, "invoices", texts=("billing_name",)))
    mine.run("UPDATE invoices SET billing_name = 'for Hana Example' WHERE number = 'INV-2'")
    seen = Look([1], [Identity({"name": ["Hana Example"]})], "delete")
    again = mine.connector.recount("invoices", Rows(["INV-2"], [0]), seen)
    assert (again.by_key, again.in_text) == (1, 1)


def test_other_peoples_rows_are_never_counted(shop):
    other = [shop.kind.other]
    erasure = erase(shop, [shop.kind.one], on=ON)
    before = Erasure(other, shop.connector.marks(other), shop.connector.locate(other, on=ON), {})
    assert any(found != CLEAN for found in look(shop, before).values())
    assert dirty(shop, erasure) == {}


def test_an_identity_without_values_accuses_nobody(still_school):
    empty = Look([999_999], [Identity({"email": ["", "%"], "name": [" "]})], "delete")
    for table in still_school.program.tables:
        again = still_school.connector.recount(table.name, Rows([], []), empty)
        assert again == Recount(0, 0, 0)


def test_people_and_identities_must_match(still_school):
    with pytest.raises(KeysRefused):
        still_school.connector.recount("orders", Rows([], []), Look([1], [], "delete"))


def test_the_number_of_statements_depends_on_no_number_of_rows(shop, monkeypatch):
    one = erase(shop, [shop.kind.one], on=ON)
    ran = count_statements(shop, monkeypatch)
    look(shop, one)
    assert len(ran) <= 2 * len(shop.program.tables)
    everybody = shop.everybody()
    located = shop.connector.locate(everybody, on=ON)
    ran.clear()
    look(shop, Erasure(everybody, [Identity({})] * len(everybody), located, {}))
    assert len(ran) <= 2 * len(shop.program.tables)


def test_looks_can_be_sent_together(school, hana):
    invoices = tables(hana.located)["invoices"].rows
    seen = Look([1], hana.identities, "delete")
    found = school.connector.recount_all(
        [("invoices", invoices, seen), ("orders", Rows([], []), seen)]
    )
    assert found == [Recount(1, 1, 0), Recount(0, 0, 0)]
