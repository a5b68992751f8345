"""The contract, last part: keys that lie within columns, on every engine."""
# ruff: noqa: S608 (names of tables of our own)

import json
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from ccpa_office.connectors.base import ColumnFacts, Deed, Identity, Look, MapDoesNotFit, Rows
from ccpa_office.connectors.collected import SHARED, Asked, Window
from ccpa_office.connectors.sql import nesting
from ccpa_office.connectors.sql.catalogue import Column, Relation
from ccpa_office.connectors.sql.dialects.base import Cell
from ccpa_office.connectors.sql.dialects.compiled import COMPILED
from tests.connectors import nests
from tests.connectors.contract import count_statements, look
from tests.connectors.stores import SECRET, erase

ON = date(2026, 7, 1)
ANN, JOANN = 42, 7
FOUND = {
    "member": {42: False},
    "song": {1: False, 2: True},
    "event": {1: False, 2: False},
    "room": {1: False, 2: True, 4: False},
    "note": {1: False, 5: False},
    "ticket": {1: False, 2: False},
    "label": {1: False, 2: True},
}
"""Ann's rows, and whether somebody else reaches them too."""


def expected(circle):
    """The same; where a code is a text and no UUID, it is compared to the letter."""
    return FOUND if circle.engine.name == "postgresql" else {**FOUND, "ticket": {1: False}}


@pytest.fixture(scope="module")
def still(engine):
    """A circle to read only."""
    with nests.circle(engine) as made:
        yield made


@pytest.fixture
def circle(engine):
    """A fresh circle."""
    with nests.circle(engine) as made:
        yield made


def found(located):
    return {each.table: dict(zip(each.keys, each.shared, strict=True)) for each in located}


def test_keys_within_columns_lead_to_their_person_and_nothing_else_does(still):
    assert found(still.connector.locate([ANN], on=ON)) == expected(still)


def test_the_rows_of_all_are_those_of_each_in_as_many_statements(still, monkeypatch):
    everybody = still.everybody()
    counted = count_statements(still, monkeypatch)
    alone = [found(still.connector.locate([each], on=ON)) for each in everybody]
    many = still.connector.locate(everybody, on=ON)
    assert len(counted) == (len(everybody) + 1) * len(still.program.tables)
    for each in many:
        pairs = sorted(zip(each.keys, each.persons, strict=True))
        theirs = [(key, place) for place, one in enumerate(alone) for key in one[each.table]]
        assert pairs == sorted(theirs)


def test_nobody_is_named_by_what_is_no_key(still):
    for nobody in (8, 9, 10):
        mine = found(still.connector.locate([nobody], on=ON))
        rows = {table: list(keys) for table, keys in mine.items() if keys}
        assert rows == {"member": [nobody]}


@pytest.mark.parametrize(
    ("said", "who"),
    [("ann@example.ORG", [ANN]), ("A.T@example.net", [ANN]), ("joann@example.org", [JOANN]),
     ("", []), ("%", []), ("ann@example.or", []), ("[]", []), ("nn@example.org", [])],
)  # fmt: skip
def test_an_address_in_a_list_names_its_person(still, said, who):
    assert still.connector.people([Identity({"email": [said]})]) == [who]


def test_contacts_points_and_marks_are_read_within_columns(still):
    contacts = still.connector.contacts_of([ANN, 8])
    assert sorted(each.value for each in contacts[0]) == ["Ann@Example.org", "a.t@example.net"]
    assert contacts[1] == []
    assert still.connector.compare(ANN, {"zip": "94110-1234"}) == {"zip": True}
    assert still.connector.compare(JOANN, {"zip": ""}) == {"zip": False}
    marks = still.connector.marks([ANN])[0].identifiers
    assert (marks["zip"], sorted(marks["email"])) == (["94110"], sorted(
        each.value for each in contacts[0]))  # fmt: skip


def test_an_erasure_takes_exactly_these_rows_and_a_second_look_finds_none(circle):
    before = circle.rows()
    done = erase(circle, [ANN], on=ON)
    hers = expected(circle)
    kept = {table: {key for key, shared in rows.items() if shared} for table, rows in hers.items()}
    assert {name: applied for name, applied in done.applied.items() if applied[2]} == {}
    after = circle.rows()
    for table, rows in before.items():
        gone = set(rows) - set(after[table])
        assert set(after[table]) <= set(rows)
        assert len(gone) == len(hers[table]) - len(kept[table])
    assert {name: again for name, again in look(circle, done).items() if any(again)} == {}


def test_a_row_that_names_somebody_else_by_now_stops_the_chunk(circle):
    frozen = circle.connector.locate([ANN], on=ON)
    circle.connector.close()
    for table, value in (("event", nests._user(JOANN)), ("room", nests._people(42, "7"))):
        column = "payload" if table == "event" else "people"
        nests.write(circle, table, column, 1, value)
    circle.connector = circle.reconnect()
    for table in ("event", "room"):
        rows = next(each.rows for each in frozen if each.table == table)
        rows = Rows([key for key in rows.keys if key != 2], [0] * (len(rows.keys) - 1)
                    ) if table == "room" else rows  # fmt: skip
        applied = circle.connector.apply(table, rows, [ANN], Deed("delete", SECRET))
        assert applied.foreign == [1]


def test_rows_born_later_are_found_by_their_keys_within(circle):
    known = {each.table: list(each.keys) for each in circle.connector.locate([ANN], on=ON)}
    nests.write(circle, "event", "payload", 8, nests._user("42"))
    nests.write(circle, "room", "people", 3, nests._people(7, 42))
    born = circle.connector.newborn([ANN], known, on=ON)
    assert found(born) == {"event": {8: False}, "room": {3: True}}


def test_a_second_look_finds_who_is_named_within_a_column_of_no_planned_row(circle):
    people, identities = [ANN], [Identity({"username": ["ann"], "email": ["ann@example.org"]})]
    left = {}
    for table in ("event", "room", "label", "note", "member"):
        again = Look(people, identities, "delete", secrets=[SECRET])
        left[table] = circle.connector.recount(table, Rows([], []), again).by_identifier
    assert left == {"event": 2, "room": 3, "label": 2, "note": 2, "member": 1}


def test_an_answer_to_know_gives_what_is_named_within_columns(still):
    window = Window(first=date(2022, 1, 1), last=ON)
    together = still.connector.collect_few(
        [Asked([JOANN], window), Asked([ANN], window)], most=99
    )  # fmt: skip
    with still.connector.snapshot():
        given = {
            table: {record.key[0]: record.why for record in still.connector.collect(
                table, [ANN], window)}
            for table in FOUND
        }  # fmt: skip
    assert given == {
        table: {key: SHARED if shared else "" for key, shared in rows.items()}
        for table, rows in expected(still).items()
    }
    assert given == {
        table: {record.key[0]: record.why for record in together[1][table]} for table in FOUND
    }
    assert together[0] != together[1]


INDEXES = {
    "postgresql": (
        "CREATE INDEX ON event ((payload #>> '{meta,user,id}'))",
        "CREATE INDEX ON room USING gin (people jsonb_path_ops)",
        "CREATE INDEX ON ticket USING gin (body)",
        "CREATE INDEX ON label USING gin (members)",
        "CREATE INDEX ON member USING gin (profile)",
    ),
    "sqlite": ("CREATE INDEX e ON event (json_extract(payload, '$.meta.user.id'))",),
}
SLOW = {
    "postgresql": {"note.raw.author.handle", "member.profile.emails[]"},
    "sqlite": {"room.people.participants[].id", "ticket.body[].by", "label.members[]",
               "member.profile.favorites[]", "member.profile.emails[]", "note.raw.author.handle"},
}  # fmt: skip


def test_an_index_is_seen_and_used_and_changes_nothing(circle):
    if circle.engine.name == "mariadb":
        return  # no index of a value within JSON is known there: always the warning
    before = found(circle.connector.locate([ANN, JOANN], on=ON))
    for line in INDEXES[circle.engine.name]:
        circle.run(line)
    again = circle.reconnect()
    slow = {each.message.partition(": ")[0] for each in again.check() if "nested" in each.code}
    assert slow == SLOW[circle.engine.name]
    assert found(again.locate([ANN, JOANN], on=ON)) == before
    with again.transaction():
        assert again.apply("event", Rows([1, 2], [0, 0]), [ANN], Deed("delete", SECRET)).done == 2
    look_again = Look([ANN], [Identity({"username": ["ann"]})], "delete", secrets=[SECRET])
    left = {t: again.recount(t, Rows([], []), look_again).by_identifier
            for t in ("event", "room", "label")}  # fmt: skip
    assert left == {"event": 0, "room": 3, "label": 2}


def test_every_engine_says_what_it_cannot_look_into_at_once(circle):
    levels = {(each.level, each.code) for each in circle.connector.check()}
    assert levels == {("warning", "nested-no-index")}
    said = {each.message for each in circle.connector.check()}
    assert "member.profile.favorites[]: every row found reads the whole table" in said
    assert "room.people.participants[].id: every chunk reads the whole table" in said
    circle.run("ALTER TABLE event ADD COLUMN day DATE")
    event = circle.program.table("event")
    path = (replace(event.paths[0][0], column="day"),)
    tables = tuple(
        replace(each, paths=(path,)) if each is event else each for each in circle.program.tables
    )
    again = circle.reconnect(replace(circle.program, tables=tables, digest="day"))
    errors = {each.code for each in again.check() if each.level == "error"}
    assert errors == {"nested-type"}


SEEN = {"meta": {"user": {"id": "42"}}, "ip": "198.51.100.7", "agent": ["x"], "n": 1.5,
        "said": "Ann wrote from 94110", "other": "42"}  # fmt: skip


@pytest.fixture
def acting(engine):
    """A circle whose map changes values within columns."""
    with nests.circle(engine, nests.acting()) as made:
        nests.write(made, "event", "payload", 2, SEEN)
        yield made


def document(circle, table, column, key):
    held = circle.one(f"SELECT {column} FROM {table} WHERE id = {key}")
    return json.loads(held) if isinstance(held, str) else held


def test_values_within_columns_are_changed_and_others_elements_stay(acting):
    rooms = [document(acting, "room", "people", key) for key in (3, 5, 6)]
    done = erase(acting, [ANN], on=ON)
    assert [applied[2] for applied in done.applied.values() if applied[2]] == []
    assert document(acting, "event", "payload", 2) == {
        "meta": {"user": {"id": None}}, "ip": "gone", "agent": None, "n": 1.5,
        "said": "[removed] wrote from [removed]", "other": "42",
    }  # fmt: skip
    assert document(acting, "event", "payload", 1) == nests._user(None)
    assert document(acting, "event", "payload", 3) == nests._user(JOANN)
    assert document(acting, "room", "people", 2) == nests._people(7)
    assert document(acting, "label", "members", 2) == [7]
    assert [document(acting, "room", "people", key) for key in (3, 5, 6)] == rooms
    assert {name: again for name, again in look(acting, done).items() if any(again)} == {}


def test_a_second_look_finds_a_value_within_a_column_that_was_not_changed(acting):
    done = erase(acting, [ANN], on=ON)
    nests.write(acting, "event", "payload", 2, {"ip": "198.51.100.7"})
    nests.write(acting, "room", "people", 2, nests._people(7, "42"))
    again = {name: found for name, found in look(acting, done).items() if any(found)}
    assert again == {"event": (1, 0, 0), "room": (0, 1, 0)}


def test_two_people_are_taken_out_of_one_list_at_once(acting):
    nests.write(acting, "room", "people", 2, nests._people("42", 7, 9))
    done = erase(acting, [ANN, JOANN], on=ON)
    assert document(acting, "room", "people", 2) == nests._people(9)
    assert {name: again for name, again in look(acting, done).items() if any(again)} == {}


@pytest.mark.parametrize("name", sorted(COMPILED))
def test_a_store_that_cannot_look_into_columns_says_so(name):
    columns = {"id": Column(ColumnFacts("integer")), "seen": Column(ColumnFacts("json"))}
    relation, held = Relation(columns, ("id",)), ("seen", ("people", "[]", "id"), True)
    (finding,) = nesting.findings(COMPILED[name], relation, "views", held)
    said = "views.seen.people[].id: this store serves no values within a column"
    assert (finding.level, finding.code, finding.message) == ("error", "nested", said)
    with pytest.raises(MapDoesNotFit):
        nesting.value(COMPILED[name], Cell(sa.column("seen"), columns["seen"]), held[1], "v")
