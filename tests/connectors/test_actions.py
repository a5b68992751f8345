"""Every action on a real PostgreSQL: what stands in the column afterwards, and what is found."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any
from unicodedata import normalize
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from ccpa_office.connectors.base import (
    Change,
    ChangeBlocked,
    Deed,
    Hold,
    Look,
    Program,
    Recount,
    Rows,
    Table,
    Term,
)
from ccpa_office.connectors.masking import is_token, masked, row_of
from ccpa_office.connectors.postgresql import PostgreSQL, soundness
from ccpa_office.connectors.stripping import NOBODY
from ccpa_office.connectors.ways import Hop, Named
from tests import engines
from tests.connectors.stores import SECRET, _admin, _url, count_statements, undone
from tests.connectors.test_masking import ANN, STRIPPED

ON = date(2026, 7, 1)
SCHEMA = """
CREATE DOMAIN shout AS text CHECK (VALUE = upper(VALUE));
CREATE TYPE mood AS ENUM ('glad', 'gone');
CREATE TABLE person (id bigint PRIMARY KEY, mail text NOT NULL, name text);
CREATE TABLE thing (
    id bigint PRIMARY KEY, person_id bigint NOT NULL REFERENCES person (id),
    nothing text, fixed varchar(8), name varchar(60), mail varchar(60) UNIQUE, ref uuid, big bigint,
    bought date, seen timestamptz, price numeric(8,2), age integer, card varchar(19),
    hashed varchar(80), keyed text, wide text, cipher text, chance varchar(24), note text,
    short varchar(12), doc jsonb, raw json, tags text[], docs jsonb[], held text,
    feel mood, loud shout, doubled text GENERATED ALWAYS AS (upper(name)) STORED);
CREATE INDEX ON thing (person_id);
INSERT INTO person VALUES (1, 'ann@x.org', 'Ann Lee'), (2, 'bob@x.org', 'Bob Ray');
"""
ROW = """
INSERT INTO thing SELECT n, p, 'x', 'x', 'Ann Lee', 'ann' || n || '@x.org',
    '6f1c2b1e-0000-4000-8000-000000000001', 7, '2024-05-17', '2024-05-17 12:34:56+00', 37.55, 41,
    '4111-1111-1111-1234', 'hash me', 'key me', 'wide', 'open me', 'by chance',
    'Hello from Ann Lee, joann lees <ann@x.org>', 'Ann Lee',
    '{"who": {"Ann Lee": ["ann@x.org", "a\\nAnn Lee", 5]}}', '{"a" : "\\u0041nn Lee", "b":1}',
    ARRAY['Ann Lee', NULL, 'a "b"'], ARRAY['{"k": "Ann Lee"}', '[1]']::jsonb[], NULL,
    'glad', 'ANN'
  FROM (VALUES (1, 1), (2, 1), (3, 2)) v(n, p)
"""
CHANGES = (
    Change("nothing", "null"), Change("fixed", "constant", "100% off"),
    Change("name", "pseudonym"), Change("mail", "pseudonym", "email"), Change("ref", "pseudonym"),
    Change("big", "pseudonym"), Change("bought", "truncate_date", "year"),
    Change("seen", "truncate_date", "month"), Change("price", "bucket", "10"),
    Change("age", "zero"), Change("card", "keep_last", "4"), Change("hashed", "hash", "SHA-256"),
    Change("keyed", "hmac"), Change("wide", "hash", "SHA-512"), Change("cipher", "encrypt"),
    Change("chance", "random", "20"), Change("note", "strip_text"), Change("short", "strip_text"),
    Change("doc", "strip_json"), Change("raw", "strip_json"), Change("tags", "strip_text"),
    Change("docs", "strip_json"), Change("feel", "constant", "gone"),
    Change("loud", "constant", "GONE"),
)  # fmt: skip
TO_PERSON = ((Hop("person_id", "person", "id", forward=True, unique=True),),)
BY_MAIL = ((Hop("mail", "person", "mail", forward=True, unique=False),),)
PERSON = Table(
    "person", ("id",), ((),), "keep", keep_code="DX_8", columns=("id", "mail", "name"),
    identifiers=(Named("id", "person"),),
    marks=(Named("mail", "email"), Named("name", "name")),
)  # fmt: skip


def thing(**changes):
    made = Table("thing", ("id",), TO_PERSON, "mask", changes=CHANGES, columns=("id",))
    return replace(made, **changes)


def program(table):
    return Program("shelf", "public", repr(table), "person", (table, PERSON))


@contextmanager
def shelf(more: str = "") -> Iterator[str]:
    name = f"shelf_{uuid.uuid4().hex[:12]}"
    engines.start()
    _admin("CREATE DATABASE {}", name)
    try:
        with psycopg.connect(_url(name), autocommit=True) as connection:
            connection.execute(SCHEMA)
            connection.execute(ROW)
            if more:
                connection.execute(more)
        yield _url(name)
    finally:
        _admin("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@pytest.fixture(scope="module")
def url():
    with shelf() as made:
        yield made


@contextmanager
def connected(url, table):
    connector = PostgreSQL(url, program(table))
    try:
        yield connector
    finally:
        connector.close()


def run(connector, *, action="mask", rows=None, people=(1,)):
    """Carry a deed out on the rows that are found, and look again."""
    identities = connector.marks(people)
    located = next(each for each in connector.locate(people, on=ON) if each.table == "thing")
    rows = rows or located.rows
    deed = Deed(action, SECRET, identities)
    with connector.transaction():
        applied = connector.apply("thing", rows, people, deed)
    trimmed = list(rows.keys) if action == "trim" else []
    look = Look(
        people, identities, "mask", kept=trimmed, trimmed=trimmed, secrets=[b"x" * 16, SECRET]
    )
    return applied, connector.recount("thing", rows, look)


def values(url, key=1):
    with psycopg.connect(url) as connection:
        cursor = connection.execute("SELECT * FROM thing WHERE id = %s", [key])
        names = [column.name for column in cursor.description or ()]
        return dict(zip(names, cursor.fetchone() or (), strict=True))


@pytest.fixture(scope="module")
def erased():
    """The shelf after the deed, and after the same deed once more."""
    with shelf() as url, connected(url, thing()) as connector:
        assert [each for each in connector.check() if each.level == "error"] == []
        before = connector.recount(
            "thing", Rows([1, 2], [0, 0]), Look([1], connector.marks([1]), "mask", secrets=[SECRET])
        )
        found = run(connector)
        once, other = values(url), values(url, 3)
        again = run(connector)
        yield before, found, once, other, again, values(url)


def test_the_second_look_sees_what_stands_before_and_nothing_after(erased):
    before, found, _once, _other, again, _twice = erased
    assert (before.by_key, before.in_text) == (2, 2)
    assert (found[0].done, found[1]) == (2, Recount(0, 0, 0))
    assert (again[0].done, again[1]) == (2, Recount(0, 0, 0))


def test_twice_leaves_what_once_has_left_and_others_keep_everything(erased, url):
    _before, _found, once, other, _again, twice = erased
    assert twice == once
    assert other == values(url, 3)


def test_what_stands_in_each_column(erased):
    once = erased[2]
    assert (once["nothing"], once["fixed"], once["age"], float(once["price"])) == (
        None, "100% off", 0, 30,
    )  # fmt: skip
    assert (once["bought"], once["seen"].day, once["seen"].hour) == (date(2024, 1, 1), 1, 0)
    assert (once["card"], once["feel"], once["loud"]) == ("***************1234", "gone", "GONE")
    assert once["note"] == "Hello from [removed], joann lees <[removed]>"
    assert once["short"] == "[removed]"
    assert once["doc"] == {"who": {"[removed]": ["[removed]", "a\n[removed]", 5]}}
    assert once["raw"] == {"a": "[removed]", "b": 1}
    assert (once["tags"], once["docs"]) == (["[removed]", None, 'a "b"'], [{"k": "[removed]"}, [1]])


def test_pseudonyms_are_those_of_the_pure_room(erased, url):
    once = erased[2]
    with connected(url, thing()) as connector:
        for column in ("name", "mail", "ref", "big"):
            change = next(each for each in CHANGES if each.column == column)
            facts = connector.catalogue.facts("thing", column)
            assert once[column] == masked(
                values(url)[column], change, column=facts, secret=SECRET, row=row_of("thing", 1),
                traces=NOBODY,
            )  # fmt: skip


@pytest.mark.parametrize("column", ["hashed", "keyed", "wide", "cipher", "chance"])
def test_tokens_are_known_again_and_as_long_as_the_column(erased, column):
    change = next(each for each in CHANGES if each.column == column)
    made = erased[2][column]
    assert is_token(made, change, SECRET)
    assert not is_token(made, change, b"another secret of 16")
    assert len(made) == {"wide": 128, "cipher": 128, "chance": 20}.get(column, 64)


def test_hash_and_hmac_are_those_of_the_pure_room(erased, url):
    for column in ("hashed", "keyed"):
        change = next(each for each in CHANGES if each.column == column)
        with connected(url, thing()) as connector:
            facts = connector.catalogue.facts("thing", column)
        assert erased[2][column] == masked(
            values(url)[column], change, column=facts, secret=SECRET, row="", traces=NOBODY
        )


def test_what_is_empty_stays_empty():
    columns = ["nothing", *[change.column for change in CHANGES]]
    empty = ", ".join(f"{column} = NULL" for column in dict.fromkeys(columns))
    with shelf(
        "UPDATE thing SET " + empty + "; UPDATE thing SET note = '', name = '' WHERE id = 2"  # noqa: S608
    ) as url:
        with connected(url, thing()) as connector:
            assert run(connector)[1] == Recount(0, 0, 0)
        assert {values(url)[column] for column in columns} == {None}
        assert (values(url, 2)["note"], values(url, 2)["name"]) == ("", "")


@pytest.mark.parametrize(
    ("undo", "found"),
    [
        ("hashed = 'Ann'", (1, 0)), ("keyed = repeat('a', 64)", (1, 0)), ("age = 41", (1, 0)),
        ("price = 37.55", (1, 0)), ("card = '4111-1111-1111-1234'", (1, 0)),
        ("bought = '2024-05-17'", (1, 0)),
        ("name = 'erased-0123456789abcdef0123456789abcdef'", (1, 0)),
        ("cipher = 'open me'", (1, 0)), ("ref = gen_random_uuid()", (1, 0)), ("big = 7", (1, 0)),
        ("doc = '{\"x\": [\"a\\\\nAnn Lee\"]}'", (0, 1)), ("doc = '{\"ANN LEE\": 1}'", (0, 1)),
        ("raw = '{\"a\": \"ann@x.org\"}'", (0, 1)), ("tags = ARRAY['Ann  Lee']", (0, 1)),
        ("docs = ARRAY['\"Lee, Ann\"']::jsonb[]", (0, 1)), ("note = 'ＡＮＮ　ＬＥＥ'", (0, 1)),
        ("note = 'joann lees, ann@x.org.uk'", (0, 0)), ("short = 'x' || 'Ann Lee'", (0, 0)),
    ],
)  # fmt: skip
def test_a_mask_that_was_undone_or_forgot_a_spelling_is_found(undo, found):
    with shelf() as url, connected(url, thing()) as connector:
        run(connector)
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE thing SET " + undo + " WHERE id = 1")  # noqa: S608
        look = Look([1], connector.marks([1]), "mask", secrets=[SECRET])
        again = connector.recount("thing", Rows([1, 2], [0, 0]), look)
        assert (again.by_key, again.in_text) == found


def test_all_changes_are_one_statement_and_one_look(url, monkeypatch):
    with connected(url, thing()) as connector:
        deed = Deed("mask", SECRET, connector.marks([1]))
        ran = count_statements(connector, monkeypatch)
        with undone(connector):
            connector.apply("thing", Rows([1], [0]), [1], deed)
    assert len(ran) == 2
    assert "FOR UPDATE OF t" in ran[0]


def test_somebody_elses_row_is_neither_read_nor_changed(url):
    with connected(url, thing()) as connector:
        deed = Deed("mask", SECRET, connector.marks([1]))
        before = values(url, 3)
        applied = connector.apply("thing", Rows([3], [0]), [1], deed)
        assert (applied.done, applied.foreign) == (0, [3])
    assert values(url, 3) == before


def test_texts_are_stripped_as_the_pure_room_strips_them():
    texts = [text for text, _left in STRIPPED]
    with (
        shelf() as url,
        connected(url, thing(changes=(Change("note", "strip_text"),))) as connector,
    ):
        with psycopg.connect(url) as connection:
            for number, text in enumerate(texts):
                row = "INSERT INTO thing (id, person_id, note) VALUES (%s, 1, %s)"
                connection.execute(row, [100 + number, text])
        keys = [100 + number for number in range(len(texts))]
        rows = Rows(keys, [0] * len(keys))
        with connector.transaction():
            connector.apply("thing", rows, [1], Deed("mask", SECRET, [ANN]))
        made = [normalize("NFKC", values(url, key)["note"]) for key in keys]
        assert made == [normalize("NFKC", left) for _text, left in STRIPPED]
        look = Look([1], [ANN], "mask", secrets=[SECRET])
        assert connector.recount("thing", rows, look) == Recount(0, 0, 0)


# --- kept rows ------------------------------------------------------------------------------------

TRIMS = (Change("note", "strip_text"), Change("card", "null"), Change("doc", "strip_json"))


def test_a_kept_row_loses_what_need_not_stay_and_is_looked_at_again():
    table = thing(
        action="delete",
        changes=(),
        trims=TRIMS,
        term=Term("DX_8", "bought", "P18M"),
        texts=("note",),
    )
    with shelf("UPDATE thing SET bought = '2026-01-01'") as url, connected(url, table) as connector:
        located = connector.locate([1], on=ON)[0]
        assert set(located.kept) == {"DX_8"}
        assert set(located.until) == {date(2027, 7, 1)}
        kept = located.keys
        look = Look([1], connector.marks([1]), "delete", kept=kept, trimmed=kept)
        assert connector.recount("thing", located.rows, look) == Recount(2, 0, 2)
        assert run(connector, action="trim")[0].done == 2
        assert connector.recount("thing", located.rows, look) == Recount(0, 0, 0)
        assert (values(url)["card"], values(url)["name"]) == (None, "Ann Lee")


@pytest.mark.parametrize(
    ("length", "on", "kept"),
    [
        ("P18M", date(2025, 11, 16), True), ("P18M", date(2025, 11, 17), False),
        ("P90D", date(2024, 8, 14), True), ("P90D", date(2024, 8, 15), False),
        ("P5Y", date(2029, 5, 16), True), ("P5Y", date(2029, 5, 17), False),
    ],
)  # fmt: skip
def test_a_term_of_any_length_ends_to_the_day(url, length, on, kept):
    with connected(url, thing(term=Term("DX_8", "bought", length))) as connector:
        found = connector.locate([1], on=on)[0]
        assert set(found.kept) == ({"DX_8"} if kept else {""})


HOLDS = [
    (Hold("age", "eq", ("41",), "GX_a5"), True), (Hold("age", "eq", ("42",), "GX_a5"), False),
    (Hold("age", "ne", ("42",), "GX_a5"), True), (Hold("age", "in", ("40", "41"), "GX_a5"), True),
    (Hold("age", "lt", ("100",), "GX_a5"), True), (Hold("age", "gt", ("41",), "GX_a5"), False),
    (Hold("bought", "gt", ("2024-01-01",), "GX_a5"), True),
    (Hold("held", "null", (), "GX_a5"), True), (Hold("held", "not_null", (), "GX_a5"), False),
    (Hold("held", "ne", ("x",), "GX_a5"), False), (Hold("feel", "in", ("glad",), "GX_a5"), True),
]  # fmt: skip


@pytest.mark.parametrize(("hold", "holds"), HOLDS)
def test_a_hold_keeps_rows_for_its_reason_and_lets_nobody_change_them(url, hold, holds):
    table = thing(holds=(Hold("age", "eq", ("1",), "GX_a1"), hold))
    with connected(url, table) as connector:
        assert connector.check() == [] or all(e.level != "error" for e in connector.check())
        assert set(connector.locate([1], on=ON)[0].kept) == ({"GX_a5"} if holds else {""})
        if holds:
            deed = Deed("mask", SECRET, connector.marks([1]))
            applied = connector.apply("thing", Rows([1], [0]), [1], deed)
            assert (applied.done, applied.foreign) == (0, [1])


# --- what cannot be done --------------------------------------------------------------------------

WRITING = """
CREATE TABLE kept (name text, mail text); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN INSERT INTO public.kept VALUES (OLD.name, OLD.mail); RETURN OLD; END';
CREATE TRIGGER t BEFORE UPDATE ON thing FOR EACH ROW EXECUTE FUNCTION f();
"""
CANNOT = [
    (Change("doubled", "null"), "", {"generated"}),
    (Change("age", "pseudonym"), "", {"change-type"}),
    (Change("doc", "strip_text"), "", {"change-type"}),
    (Change("feel", "constant", "sad"), "", {"change-argument"}),
    (Change("loud", "constant", "quiet"), "", {"change-argument"}),
    (Change("feel", "pseudonym"), "", {"change-type"}),
    (Change("person_id", "zero"), "", {"foreign-key"}),
    (Change("fixed", "constant", "much too long"), "", {"too-short"}),
    (Change("mail", "constant", "x"), "", {"not-unique"}),
    (Change("mail", "keep_last"), "", {"not-unique"}),
    (Change("name", "constant", "x"), "CREATE UNIQUE INDEX ON thing ((lower(name))) WHERE id < 0",
     {"not-unique"}),
    (Change("name", "constant", "x"), "ALTER TABLE thing ADD CHECK (name ~ 'A')", {"check-breaks"}),
    (Change("name", "pseudonym"), "ALTER TABLE thing ADD CHECK (length(name) < 20)",
     {"check-breaks"}),
    (Change("mail", "pseudonym"), "ALTER TABLE thing ADD CHECK (mail LIKE '%@%')",
     {"check-breaks"}),
    (Change("mail", "pseudonym", "email"), "ALTER TABLE thing ADD CHECK (mail LIKE '%@%')", set()),
    (Change("bought", "truncate_date", "year"),
     "ALTER TABLE thing ADD CHECK (bought >= '2024-05-01')", {"check-breaks"}),
    (Change("hashed", "encrypt"), "ALTER TABLE thing ADD CHECK (hashed !~ '^[0-9]')",
     {"check-breaks"}),
    (Change("price", "bucket", "0"), "", {"change-argument"}),
    (Change("price", "constant", "1.005"), "", {"change-argument"}),
    (Change("name", "pseudonym"),
     'ALTER TABLE thing ADD "tax %" int, ADD CHECK (name <> "card")', set()),
    (Change("name", "pseudonym"), "CREATE TABLE thing_history (id int, name text, mail text)",
     {"history"}),
    (Change("name", "pseudonym"), "CREATE TABLE audit_thing (id int, at date)", set()),
    (Change("name", "pseudonym"),
     WRITING, {"history"}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "more", "codes"), CANNOT)
def test_what_a_store_would_not_bear_is_found_before_anything_runs(change, more, codes):
    with shelf(more) as url, connected(url, thing(changes=(change,))) as connector:
        assert {each.code for each in connector.check() if each.level == "error"} == codes
        if codes:
            with pytest.raises(ChangeBlocked):
                connector.apply(
                    "thing", Rows([1], [0]), [1], Deed("mask", SECRET, connector.marks([1]))
                )


def test_a_copy_that_the_map_leaves_out_with_its_reason_is_no_finding():
    with shelf(WRITING) as url:
        table = thing(changes=(Change("name", "pseudonym"),))
        connector = PostgreSQL(url, replace(program(table), left_out=("kept",)))
        assert [each.code for each in connector.check()] == ["trigger"]
        connector.close()


def test_a_hold_on_a_value_that_can_never_be_is_found(url):
    with connected(url, thing(holds=(Hold("age", "eq", ("many",)),))) as connector:
        assert [each.code for each in connector.check() if each.level == "error"] == ["hold-value"]


def test_json_round_trips_whatever_it_holds(url):
    document: dict[str, Any] = {
        "a\\b": ['q"uote', "tab\t", "\u2028", 1e400 and 12345678901234567890, [], {}]
    }
    with shelf() as own, connected(own, thing(changes=(Change("doc", "strip_json"),))) as connector:
        with psycopg.connect(own) as connection:
            text = json.dumps({**document, "who": "Ann Lee"})
            connection.execute("UPDATE thing SET doc = %s WHERE id = 1", [text])
        run(connector)
        assert values(own)["doc"] == {**document, "who": "[removed]"}


# --- kept rows must be found again ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"term": Term("DX_8", "bought", "P1Y")}, []),
        ({"paths": BY_MAIL}, []),
        ({"paths": BY_MAIL, "term": Term("DX_8", "bought", "P1Y")}, ["kept-out-of-reach"]),
        ({"paths": BY_MAIL, "holds": (Hold("age"),)}, ["kept-out-of-reach"]),
    ],
)
def test_kept_rows_that_nobody_could_find_again_are_an_error(url, changes, codes):
    table = thing(action="delete", changes=(), **changes)
    person = replace(PERSON, action="delete", keep_code="")
    with connected(url, thing()) as connector:
        changed = Program("shelf", "public", "d", "person", (table, person))
        found = soundness.check(changed, connector.catalogue)
    wanted = [each.code for each in found if each.code == "kept-out-of-reach"]
    assert wanted == codes


# --- copies that the store keeps ------------------------------------------------------------------

VIEWS = """
CREATE VIEW plain AS SELECT id, name FROM thing;
CREATE MATERIALIZED VIEW names AS SELECT id, name FROM plain;
CREATE UNIQUE INDEX ON names (id);
CREATE MATERIALIZED VIEW counted AS SELECT name, count(*) FROM names GROUP BY name;
CREATE MATERIALIZED VIEW apart AS SELECT 1 AS one;
"""


def test_materialized_views_of_changed_tables_are_refreshed_in_their_order():
    with shelf(VIEWS) as url, connected(url, thing()) as connector:
        assert connector.views == ["names", "counted"]
        assert [each.code for each in connector.check()] == ["view-locks"]
        run(connector)
        connector.refresh()
        with psycopg.connect(url) as connection:
            left = connection.execute("SELECT name FROM counted ORDER BY 1").fetchall()
        assert [name[:7] for (name,) in left] == ["Ann Lee", "erased-", "erased-"]


def test_a_view_that_is_not_ours_is_found_before_anything_runs():
    other = f"owner_{uuid.uuid4().hex[:8]}"
    with shelf() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                f"CREATE ROLE {other}; CREATE ROLE {other}_office LOGIN PASSWORD 'x'"
            )
            connection.execute("CREATE MATERIALIZED VIEW names AS SELECT id, name FROM thing")
            connection.execute(f"ALTER MATERIALIZED VIEW names OWNER TO {other}")
        try:
            parts = urlsplit(url)
            host = parts.netloc.rpartition("@")[2]
            login = urlunsplit(parts._replace(netloc=f"{other}_office:x@{host}"))
            connector = PostgreSQL(login, program(thing(changes=(Change("name", "null"),))))
            assert [e.code for e in connector.check() if e.level == "error"] == ["view"]
            connector.close()
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    f"DROP MATERIALIZED VIEW names; DROP ROLE {other}, {other}_office"
                )
