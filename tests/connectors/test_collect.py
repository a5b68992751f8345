"""Rows given out: streamed, each once, without what others reach too."""

from contextlib import closing
from dataclasses import replace
from datetime import date

from ccpa_office.connectors.collected import Binary, Piece, Record, Window
from ccpa_office.connectors.postgresql import collecting
from tests.connectors.stores import _member

EVER = Window(date(2022, 1, 1), date(2026, 12, 31))


def _collected(connector, table, people, window=EVER):
    with connector.snapshot():
        return list(connector.collect(table, people, window))


def test_a_person_gets_the_same_rows_as_a_plan_would_hold(learners):
    connector = learners.connector
    for located in connector.locate([1], on=date(2026, 1, 1)):
        found = _collected(connector, located.table, [1])
        keys = [key if isinstance(key, tuple) else (key,) for key in located.keys]
        assert sorted(record.key for record in found) == sorted(keys), located.table
        shared = {key for key, is_shared in zip(keys, located.shared, strict=True) if is_shared}
        assert {record.key for record in found if record.why == "shared"} == shared


def test_what_others_reach_too_comes_without_values(club):
    keys = [_member(1)]
    assert _collected(club.connector, "locker", keys) == [Record((1,), (), "shared")]
    given = Window(EVER.first, EVER.last, frozenset({"locker"}))
    assert _collected(club.connector, "locker", keys, given) == [Record((1,), (1, "hall 1"))]


def test_one_consumer_with_two_keys_shares_with_nobody(club):
    keys = [_member(1), _member(2)]
    assert _collected(club.connector, "locker", keys) == [Record((1,), (1, "hall 1"))]


def test_counts_are_those_of_the_rows(club):
    keys = [_member(1)]
    connector = club.connector
    for table in connector.program.tables:
        found = _collected(connector, table.name, keys)
        own = [record.values for record in found if not record.why]
        filled = [sum(each is not None for each in column) for column in zip(*own, strict=True)]
        told = connector.tally(table.name, keys, EVER)
        assert (told.rows, told.shared) == (len(own), len(found) - len(own))
        assert list(told.filled) == (filled or [0] * len(table.pieces))


def test_values_come_as_what_they_are(fresh_club):
    fresh_club.execute(
        "ALTER TABLE club.locker ADD a numeric, ADD b boolean, ADD c jsonb, ADD d text[],"
        " ADD e bytea, ADD f timestamptz, ADD h bytea[]"
    )
    fresh_club.execute("CREATE DOMAIN club.photo AS bytea")
    fresh_club.execute("ALTER TABLE club.locker ADD g club.photo")
    fresh_club.execute(
        "UPDATE club.locker SET a = 12.50, b = true, c = '{\"k\": [1, null]}', d = '{x,\"y z\"}',"
        " e = '\\x0102', f = 'infinity', g = '\\x010203', h = ARRAY['\\x01'::bytea, '\\x0203']"
        " WHERE id = 5"
    )
    more = [Piece(column) for column in "abcdefgh"]
    connector = fresh_club.reconnect(
        _with(fresh_club, pieces=tuple(more), columns=tuple("abcdefgh"))
    )
    with closing(connector):
        (record,) = _collected(connector, "locker", [_member(5)])
    assert record.values == (
        "12.50", True, {"k": [1, None]}, ["x", "y z"], Binary(2), "infinity", Binary(3),
        Binary(3),
    )  # fmt: skip


def test_rows_outside_the_days_asked_for_are_counted_and_not_given(fresh_club):
    fresh_club.execute("ALTER TABLE club.locker ADD day date")
    connector = fresh_club.reconnect(_with(fresh_club, dated="day", columns=("id", "day")))
    with closing(connector):
        for day, why in [("2021-12-31", "period"), ("2022-01-01", ""), ("2027-01-01", "period")]:
            fresh_club.execute("UPDATE club.locker SET day = %s WHERE id = 5", day)
            (record,) = _collected(connector, "locker", [_member(5)])
            assert record.why == why
            assert connector.tally("locker", [_member(5)], EVER).period == int(bool(why))


def test_a_thousand_rows_come_a_few_at_a_time(fresh_club, monkeypatch):
    monkeypatch.setattr(collecting, "AT_A_TIME", 7)
    fresh_club.execute(
        "INSERT INTO club.\"order\" (id, card_no) SELECT 1000 + g, 'C-5-1'"
        " FROM generate_series(1, 1000) g"
    )
    found = _collected(fresh_club.connector, "order", [_member(5)])
    assert len(found) == 1004
    assert [record.key for record in found] == sorted(record.key for record in found)


def _with(store, **facts):
    """The store's program with more said of its lockers."""
    program = store.connector.program
    tables = tuple(
        replace(table, **facts) if table.name == "locker" else table for table in program.tables
    )
    return replace(program, tables=tables, digest="another")
