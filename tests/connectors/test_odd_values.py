"""What stands in real tables and fits no textbook: PostgreSQL, where each is its own."""

import uuid
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from ccpa_office.connectors.base import (
    Change,
    ChangeBlocked,
    Deed,
    Identity,
    Look,
    Program,
    Rows,
    Table,
    Term,
)
from ccpa_office.connectors.postgresql import PostgreSQL
from ccpa_office.connectors.ways import Hop, Named
from tests.connectors.stores import SECRET
from tests.connectors.test_actions import ON, PERSON, connected, shelf, thing, values


@contextmanager
def seen(url, *tables):
    """A connector that sees the shelf through a program of these tables."""
    connector = PostgreSQL(url, Program("shelf", "public", repr(tables), "person", tables))
    try:
        yield connector
    finally:
        connector.close()


# --- terms ----------------------------------------------------------------------------------------

WIDE = """
CREATE TABLE owner (place text, no integer, mail text, PRIMARY KEY (place, no));
CREATE TABLE deal (id bigint PRIMARY KEY, place text, no integer, ends date);
CREATE INDEX ON deal (place, no);
INSERT INTO owner VALUES ('Lima', 3, 'x@x.org');
INSERT INTO deal VALUES (1, 'Lima', 3, '9999-12-31'), (2, 'Lima', 3, '2020-01-01');
"""
ENDS = [
    ("9999-12-31", "DX_8"), ("9999-01-01", "DX_8"), ("infinity", "DX_8"), ("-infinity", ""),
    ("0044-03-15 BC", ""), ("2999-01-01", "DX_8"),
]  # fmt: skip


@pytest.mark.parametrize(("starts", "kept"), ENDS)
def test_a_term_may_end_beyond_every_calendar(starts, kept):
    """Who has no end has the last of all days: nobody's plan may break at it."""
    table = thing(term=Term("DX_8", "bought", "P5Y"))
    with shelf(f"UPDATE thing SET bought = '{starts}'") as url, connected(url, table) as connector:  # noqa: S608
        located = connector.locate([1], on=ON)[0]
        end = date(3004, 1, 1) if starts == "2999-01-01" else None
        assert (located.keys, set(located.kept), set(located.until)) == ([1, 2], {kept}, {end})
        (born,) = connector.newborn([1], {"thing": [1]}, on=ON)
        assert (born.keys, born.kept, born.until) == ([2], [kept], [end])


def test_the_same_where_people_are_known_by_two_columns():
    hop = Hop("place", "owner", "place", forward=True, unique=True, also=(("no", "no"),))
    deal = Table("deal", ("id",), ((hop,),), "delete", term=Term("DX_8", "ends", "P5Y"))
    owner = Table("owner", ("place", "no"), ((),), "delete")
    with shelf(WIDE) as url:
        connector = PostgreSQL(url, Program("shelf", "public", "wide", "owner", (deal, owner)))
        found = connector.locate([("Lima", 3)], on=ON)[0]
        connector.close()
    assert list(zip(found.keys, found.kept, found.until, strict=True)) == [
        (1, "DX_8", None), (2, "", date(2025, 1, 1)),
    ]  # fmt: skip


@pytest.mark.parametrize("said", ["", "soon", "2024-13-40", "NULL"])
def test_a_term_that_runs_from_a_text_breaks_at_no_text(said):
    """One row with a text that is no day would otherwise stop the plan of a thousand people."""
    more = f"UPDATE thing SET keyed = '2020-01-01'; UPDATE thing SET keyed = '{said}' WHERE id = 2"  # noqa: S608
    table = thing(term=Term("DX_8", "keyed", "P5Y"))
    with shelf(more) as url, connected(url, table) as connector:
        located = connector.locate([1], on=ON)[0]
        assert dict(zip(located.keys, located.kept, strict=True)) == {1: "", 2: "DX_8"}


# --- what somebody typed --------------------------------------------------------------------------

TYPED = """
CREATE DOMAIN address AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN small AS integer CHECK (VALUE < 100);
ALTER TABLE person ADD home address, ADD no numeric(20), ADD feel mood, ADD few small,
    ADD born date;
UPDATE person SET home = mail, no = 17, feel = 'glad', few = 5, born = '2000-02-29' WHERE id = 1;
"""
KINDS = [
    ("home", "ann@x.org"),
    ("no", "17"),
    ("feel", "glad"),
    ("few", "5"),
    ("born", "2000-02-29"),
]


@pytest.fixture(scope="module")
def typed():
    with shelf(TYPED) as url:
        yield url


@pytest.mark.parametrize(("column", "held"), KINDS)
def test_what_somebody_typed_stops_no_statement(typed, column, held):
    """It is asked as what the column holds; what cannot be that names nobody."""
    named = (Named(column, "typed"),)
    person = replace(PERSON, identities=named, identifiers=named)
    asked = [Identity({"typed": [each]}) for each in (held, "never", "1e999", "2000-02-30", "%")]
    with seen(typed, thing(), person) as connector:
        assert connector.people(asked) == [[1], [], [], [], []]
        look = Look([9], [Identity({"typed": ["never", held, "x'y"]})], "delete")
        assert connector.recount("person", Rows([], []), look).by_identifier == 1


# --- JSON in a text -------------------------------------------------------------------------------

ESCAPED = r'{"a": "\u0041nn \u004cee", "d": "17\/05", "b": ["\u0041nn\u0040x.org", 5]}'


def test_a_json_text_is_read_where_its_letters_are_spelled_by_numbers():
    """As json_encode of PHP and json.dumps of Python write all that is not ASCII."""
    table = thing(changes=(Change("note", "strip_json"),))
    with shelf() as url, connected(url, table) as connector:
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE thing SET note = %s WHERE id = 1", [ESCAPED])
            connection.execute("UPDATE thing SET note = %s WHERE id = 2", ['{"k": "joann\\u0021"}'])
        deed = Deed("mask", SECRET, connector.marks([1]))
        with connector.transaction():
            assert connector.apply("thing", Rows([1, 2], [0, 0]), [1], deed).done == 2
        assert values(url)["note"] == r'{"a": "[removed]", "d": "17\/05", "b": ["[removed]", 5]}'
        assert values(url, 2)["note"] == '{"k": "joann\\u0021"}'


# --- what our role does not see -------------------------------------------------------------------


def test_rows_that_a_policy_hides_are_never_taken_for_gone():
    role = f"office_{uuid.uuid4().hex[:8]}"
    policy = f"""
        CREATE ROLE {role} LOGIN PASSWORD 'x';
        GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
        ALTER TABLE thing ENABLE ROW LEVEL SECURITY;
        CREATE POLICY a_few ON thing TO {role} USING (id = 2);
    """
    with shelf(policy) as url:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        login = urlunsplit(parts._replace(netloc=f"{role}:x@{host}"))
        try:
            with connected(login, thing(changes=(Change("name", "null"),))) as connector:
                errors = [each.code for each in connector.check() if each.level == "error"]
                assert errors == ["row-security"]
                with pytest.raises(ChangeBlocked):
                    connector.locate([1], on=ON)
            with connected(url, thing(changes=(Change("name", "null"),))) as connector:
                assert connector.locate([1], on=ON)[0].keys == [1, 2]
                assert connector.check() == []
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


# --- counts ---------------------------------------------------------------------------------------

TALKS = """
CREATE TABLE talk (id bigint PRIMARY KEY, about text, listeners jsonb);
CREATE TABLE seat (id bigint PRIMARY KEY, talk_id bigint, person_id bigint);
CREATE INDEX ON seat (talk_id); CREATE INDEX ON seat (person_id);
INSERT INTO talk VALUES (1, 'tea', '[1, 1]'), (2, 'milk', '[2, 1, 1]');
INSERT INTO seat VALUES (1, 1, 1), (2, 1, 1), (3, 2, 1), (4, 2, 2);
"""
BY_SEAT = (
    Hop("id", "seat", "talk_id", forward=False, unique=False),
    Hop("person_id", "person", "id", forward=True, unique=True),
)
BY_LIST = (Hop("listeners", "person", "id", forward=True, unique=False, path=("[]",)),)


@pytest.mark.parametrize("path", [BY_SEAT, BY_LIST])
def test_a_row_that_names_a_person_twice_is_one_row(path):
    """Two seats in one talk, a list with one number twice: the plan counts the talk once."""
    talk = Table("talk", ("id",), (path,), "delete", shareable=True)
    with shelf(TALKS) as url, seen(url, talk, PERSON) as connector:
        found = connector.locate([1, 2], on=ON)[0]
        rows = sorted(zip(found.keys, found.persons, found.shared, strict=True))
        assert rows == [(1, 0, False), (2, 0, True), (2, 1, True)]
        (born,) = connector.newborn([1, 2], {"talk": [1]}, on=ON)
        assert sorted(zip(born.keys, born.persons, strict=True)) == [(2, 0), (2, 1)]


PARTS = """
CREATE TABLE visit (id bigint, day date, person_id bigint, PRIMARY KEY (id, day))
    PARTITION BY RANGE (day);
CREATE TABLE visit_24 PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE visit_25 PARTITION OF visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX ON visit (person_id);
INSERT INTO visit SELECT n, date '2024-06-01' + n, 1 FROM generate_series(1, 300) n;
ANALYZE visit_24; ANALYZE visit_25;
"""


def test_the_size_of_a_table_in_partitions_is_that_of_its_partitions():
    """Nobody counts the table itself, unless told to: its share would be none of any number."""
    hop = Hop("person_id", "person", "id", forward=True, unique=True)
    visit = Table("visit", ("id", "day"), ((hop,),), "delete")
    with shelf(PARTS) as url, seen(url, visit, PERSON) as connector:
        assert connector.sizes()["visit"] == 300
