"""A deletion cannot spill (PR-15): empty, wild, wrong keys and broken programs change nothing."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ccpa_office.connectors.base import (
    ConnectorError,
    Deed,
    Identity,
    KeysRefused,
    MapDoesNotFit,
    Rows,
)
from ccpa_office.connectors.ways import Hop
from tests.connectors.stores import SECRET, undone

ON = date(2026, 7, 1)
WILD: list[Any] = [
    None, "", "%", "*", "_", " ", "NULL", "null", "1 OR 1=1", "' OR ''='", "1; DROP TABLE people",
    True, False, 0, -1, 1.5, float("nan"), 2**63, 2**70, -(2**64), "\x00", "1\x00", (), (1,),
    (None,), (1, 2), (1, None), ("", ""), [], [1, 2, 3], {}, {"id": 1}, {1}, b"1", object(),
    "9" * 2000, "{1,2}", "ANY", "1,2,3", "١", "１", date(2026, 1, 1),
]  # fmt: skip
LISTS = [
    ([1], []), ([], [0]), ([1], [1]), ([1], [-1]), ([1], [None]), ([1], [True]), ([1], ["0"]),
    ([1, 1], [0]), ([1], [0, 0]), ([1], [2**40]), ([1] * 50_001, [0] * 50_001),
]  # fmt: skip


@pytest.fixture(scope="module")
def digests(_made):
    """Every row of every store, as it was when the module began."""
    return {name: store.rows() for name, store in _made.items()}


def deed(table, action=None):
    return Deed(action or ("mask" if table.action == "mask" else "delete"), SECRET, [Identity({})])


def test_a_wild_row_key_changes_nothing(store, digests):
    for table in store.program.tables:
        for key in WILD:
            try:
                applied = store.connector.apply(
                    table.name, Rows([key], [0]), [store.kind.one], deed(table)
                )
            except KeysRefused:
                continue
            assert applied.done == 0
    assert store.rows() == digests[store.kind.name]


def test_a_wild_person_changes_nothing(store, digests):
    for located in store.connector.locate([store.kind.one], on=ON):
        table = store.program.table(located.table)
        for person in WILD:
            try:
                with store.connector.transaction():
                    applied = store.connector.apply(table.name, located.rows, [person], deed(table))
            except KeysRefused:
                continue
            assert applied.done == 0
    assert store.rows() == digests[store.kind.name]


@pytest.mark.parametrize(("keys", "persons"), LISTS)
def test_lists_that_do_not_match_are_refused(learners, digests, keys, persons):
    for table in learners.program.tables:
        with pytest.raises(KeysRefused):
            learners.connector.apply(table.name, Rows(keys, persons), [1], deed(table))
    assert learners.rows() == digests["learners"]


def test_an_empty_plan_runs_no_statement(store, monkeypatch):
    monkeypatch.setattr(type(store.connector), "_send", lambda *_: pytest.fail("a statement ran"))
    for table in store.program.tables:
        applied = store.connector.apply(table.name, Rows([], []), [store.kind.one], deed(table))
        assert (applied.done, applied.gone, applied.foreign) == (0, 0, [])


@pytest.mark.parametrize("action", ["", "keep", "DELETE", "truncate", "drop", "delete; --", "mask"])
def test_an_action_that_the_map_does_not_know_is_refused(learners, digests, action):
    with pytest.raises(KeysRefused):
        learners.connector.apply("orders", Rows([1], [0]), [1], Deed(action, SECRET))
    assert learners.rows() == digests["learners"]


def test_a_table_that_the_map_does_not_name_is_refused(learners):
    with pytest.raises(KeyError):
        learners.connector.apply("courses", Rows([1], [0]), [1], Deed("delete"))


# --- broken programs ------------------------------------------------------------------------------


def mutants(program):
    """Programs with one table bent: a lost way, a wrong key, wrong or dangerous names."""
    for place, table in enumerate(program.tables):
        for name, bent in bends(table):
            tables = (*program.tables[:place], bent, *program.tables[place + 1 :])
            yield f"{table.name}: {name}", replace(program, tables=tables, digest=name + table.name)


def bends(table):
    yield "no way", replace(table, paths=())
    yield "no key", replace(table, key=())
    yield "a key that is not unique", replace(table, key=(table.columns[-1],))
    yield "no such key", replace(table, key=("ctid",))
    yield "a hidden column", replace(table, key=("xmin",))
    yield "no such table", replace(table, name="pg_class")
    yield "another schema", replace(table, name="pg_catalog.pg_class")
    yield "quotes", replace(table, name=f'{table.name}" WHERE true --')
    yield "wildcard", replace(table, name="*")
    yield "no such column", replace(table, columns=(*table.columns, "nothing"))
    if table.paths != ((),):
        yield "the empty way", replace(table, paths=((),), shareable=False)
        yield "a way to nowhere", replace(table, paths=(table.paths[0][:-1],), shareable=False)
        yield (
            "a way through a hidden column",
            replace(
                table, paths=((replace(table.paths[0][0], column="tableoid"), *table.paths[0][1:]),)
            ),
        )
        yield (
            "a way to itself",
            replace(
                table,
                paths=((Hop(table.key[0], table.name, table.key[0], forward=True, unique=True),),),
            ),
        )


def test_a_bent_program_is_refused_or_finds_nothing_to_change(store, digests):
    survived = []
    for name, program in mutants(store.program):
        try:
            connector = store.reconnect(program)
        except MapDoesNotFit:
            continue
        try:
            survived += [name] if _changes(connector, program, store) else []
        except ConnectorError:
            continue
        finally:
            connector.close()
    assert (survived, store.rows()) == ([], digests[store.kind.name])


def _changes(connector, program, store):
    """Try the frozen keys of one person as another's; never commits."""
    done = 0
    located = store.connector.locate([store.kind.one], on=ON)
    for each in located:
        if each.table not in {table.name for table in program.tables}:
            continue
        table = program.table(each.table)
        rows = Rows(each.keys, [0] * len(each.keys))
        with undone(connector):
            done += connector.apply(each.table, rows, [store.kind.other], deed(table)).done
    return done
