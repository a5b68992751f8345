"""The checker is checked: it sees what was done unplanned, and what was left."""

import pytest

from tests.rehearsals import checker

ANN = {"id": 1, "name": "Ann Tresco", "note": "call (415) 555-0191"}
JO = {"id": 2, "name": "Joann Trescott", "note": "ann.tresco@example.org.test"}
STORE: checker.Store = {"people": {("1",): ANN, ("2",): JO}}
GOES = [{"table": "people", "action": "delete", "columns": [], "keys": [1]}]
MASKED = [{"table": "people", "action": "mask", "columns": ["name"], "keys": [1]}]
KEPT = [{"table": "people", "action": "keep", "columns": [], "keys": [1]}]


@pytest.mark.parametrize(
    ("plan", "after", "said"),
    [
        (GOES, {("2",): JO}, []),
        (GOES, {("1",): ANN, ("2",): JO}, ["people a planned row still stands"]),
        (GOES, {}, ["people a row came or went unplanned"]),
        (GOES, {("2",): JO | {"name": "X"}}, ["people ['name'] changed unplanned"]),
        (GOES, {("2",): JO, ("3",): JO}, ["people a row came or went unplanned"]),
        (MASKED, {("1",): ANN | {"name": "X"}, ("2",): JO}, []),
        (MASKED, {("1",): ANN | {"note": "X"}, ("2",): JO}, ["people ['note'] changed unplanned"]),
        (MASKED, {("2",): JO}, ["people a row came or went unplanned"]),
        (KEPT, {("1",): ANN | {"name": "X"}, ("2",): JO}, ["people ['name'] changed unplanned"]),
    ],
)
def test_what_was_done_and_not_printed_is_seen(plan, after, said):
    assert checker.wrong(STORE, {"people": after}, checker.planned(plan)) == said


@pytest.mark.parametrize(
    ("marker", "columns"),
    [
        ("ann tresco", {"name"}), ("+1 415 555 0191", {"note"}), ("Ann Tresc", set()),
        ("ann.tresco@example.org", set()), ("tresco", {"name"}),
    ],
)  # fmt: skip
def test_values_are_seen_as_whole_words_however_they_are_spelled(marker, columns):
    found = checker.cells(STORE, [marker])
    assert found == {("people", ("1",), column) for column in columns}


def test_only_what_is_kept_may_hold_a_value():
    cell = {("people", ("1",), "name")}
    assert checker.stray(STORE, checker.planned(MASKED), ["Ann Tresco"]) == cell
    assert checker.stray(STORE, checker.planned(KEPT), ["Ann Tresco"]) == set()
    assert checker.stray(STORE, {}, ["Ann Tresco"]) == cell
