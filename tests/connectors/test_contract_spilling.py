"""The contract: nothing spills, whatever keys, people, lists and names a connector is given."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ccpa_office.connectors.base import (
    Applied,
    Deed,
    Hold,
    Identity,
    KeysRefused,
    MapDoesNotFit,
    Rows,
)
from tests.connectors.contract import count_statements
from tests.connectors.stores import SECRET
from tests.connectors.test_contract_finding import with_table

ON = date(2026, 7, 1)

WILD: list[Any] = [
    None, "", "%", "*", "_", " ", "NULL", "null", "1 OR 1=1", "' OR ''='", "1; DROP TABLE people",
    True, False, 0, -1, 1.5, float("nan"), 2**63, 2**70, -(2**64), "\x00", "1\x00", (), (1,),
    (None,), (1, 2), (1, None), ("", ""), [], [1, 2, 3], {}, {"id": 1}, {1}, b"1", object(),
    "9" * 2000, "{1,2}", "ANY", "1,2,3", "١", "１", date(2026, 1, 1), '"]],[[1,1,0]]', ":k0",
]  # fmt: skip


def test_a_wild_row_key_changes_nothing(shop):
    before = shop.rows()
    for table in shop.program.tables:
        for key in WILD:
            deed = Deed("mask" if table.action == "mask" else "delete", SECRET, [Identity({})])
            try:
                applied = shop.connector.apply(table.name, Rows([key], [0]), [shop.kind.one], deed)
            except KeysRefused:
                continue
            assert applied.done == 0
    assert shop.rows() == before


def test_a_wild_person_changes_nothing(shop):
    before = shop.rows()
    for located in shop.connector.locate([shop.kind.one], on=ON):
        action = "mask" if shop.program.table(located.table).action == "mask" else "delete"
        for person in WILD:
            try:
                with shop.connector.transaction():
                    deed = Deed(action, SECRET, [Identity({})])
                    applied = shop.connector.apply(located.table, located.rows, [person], deed)
            except KeysRefused:
                continue
            assert applied.done == 0
    assert shop.rows() == before


LISTS: list[tuple[Any, Any]] = [
    ([1], []), ([], [0]), ([1], [1]), ([1], [-1]), ([1], [None]), ([1], [True]), ([1], ["0"]),
    ([1, 1], [0]), ([1], [0, 0]), ([1], [2**40]), ([1] * 50_001, [0] * 50_001),
]  # fmt: skip


def test_lists_that_do_not_match_are_refused(school):
    before = school.rows()
    for keys, persons in LISTS:
        with pytest.raises(KeysRefused):
            school.connector.apply("orders", Rows(keys, persons), [1], Deed("delete"))
    assert school.rows() == before


def test_an_empty_plan_runs_no_statement(shop, monkeypatch):
    counted = count_statements(shop, monkeypatch)
    for table in shop.program.tables:
        deed = Deed("mask" if table.action == "mask" else "delete", SECRET, [Identity({})])
        applied = shop.connector.apply(table.name, Rows([], []), [shop.kind.one], deed)
        assert applied == Applied(0, 0, [])
    assert counted == []


@pytest.mark.parametrize("action", ["", "keep", "DELETE", "drop", "delete; --", "mask", "trim"])
def test_an_action_that_the_map_does_not_know_is_refused(school, action):
    before = school.rows()
    with pytest.raises(KeysRefused):
        school.connector.apply("orders", Rows([1], [0]), [1], Deed(action, SECRET))
    assert school.rows() == before


def test_a_table_that_the_map_does_not_name_is_refused(school):
    with pytest.raises(KeyError):
        school.connector.apply("courses", Rows([1], [0]), [1], Deed("delete"))


NAMES = ['orders" WHERE 1=1 --', "orders; DROP TABLE orders", "orders` WHERE 1=1 -- ", "*",
         "information_schema.tables", "sqlite_master", "pg_class", ""]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_the_catalogue_does_not_know_builds_no_statement(school, name):
    before = school.rows()
    with pytest.raises(MapDoesNotFit):
        school.reconnect(with_table(school.program, "orders", name=name))
    with pytest.raises(MapDoesNotFit):
        school.reconnect(with_table(school.program, "orders", key=(name,)))
    bent = Hold(name, "eq", ("x",))
    with pytest.raises(MapDoesNotFit):
        school.reconnect(with_table(school.program, "invoices", holds=(bent,)))
    hop = replace(school.program.table("orders").paths[0][0], target=name)
    with pytest.raises(MapDoesNotFit):
        school.reconnect(with_table(school.program, "payments", paths=((hop,),)))
    assert school.rows() == before
