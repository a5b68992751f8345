"""A deletion cannot spill (PR-15): what the contract says of keys, and broken programs."""

from dataclasses import replace
from datetime import date

import pytest

from ccpa_office.connectors.base import (
    ConnectorError,
    Deed,
    Identity,
    MapDoesNotFit,
    Rows,
)
from ccpa_office.connectors.ways import Hop
from tests.connectors.stores import SECRET, undone

ON = date(2026, 7, 1)


@pytest.fixture(scope="module")
def digests(_made):
    """Every row of every store, as it was when the module began."""
    return {name: store.rows() for name, store in _made.items()}


def deed(table):
    return Deed("mask" if table.action == "mask" else "delete", SECRET, [Identity({})])


def mutants(program):
    """Programs with one table of each shape bent: a lost way, a wrong key, dangerous names."""
    shapes = {shape(table): place for place, table in enumerate(program.tables)}
    for place in shapes.values():
        table = program.tables[place]
        for name, bent in bends(table):
            tables = (*program.tables[:place], bent, *program.tables[place + 1 :])
            yield f"{table.name}: {name}", replace(program, tables=tables, digest=name + table.name)


def shape(table):
    ways = tuple(len(path) for path in table.paths)
    return table.action, len(table.key), table.shareable, bool(table.term or table.holds), ways


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
