# ruff: noqa: E501, ISC004  a line of a map is one line
"""A map held against a live store: every trouble has its code and its place in the file."""

import sqlite3
import uuid
from contextlib import contextmanager

import psycopg
import pytest

from ccpa_office.connectors import surveying
from ccpa_office.connectors.base import Change, Finding, MapDoesNotFit, StoreUnreachable
from notices_app import datamap
from notices_app.datamap import live
from notices_app.datamap.codes import CODES
from notices_app.datamap.compiling import examine
from notices_app.datamap.constraints import permits
from tests.connectors import stores
from tests.notices.conftest import NOON, staff

SCHEMA = """
CREATE TABLE readers (
    id bigint PRIMARY KEY, mail text NOT NULL, called text, phone varchar(20), born date,
    grade integer CHECK (grade > 0), kind text CHECK (kind IN ('plain', 'gold')),
    initials varchar(8), score integer NOT NULL, handle text UNIQUE, upper_mail text
    GENERATED ALWAYS AS (upper(mail)) STORED, extra jsonb, tags text[]);
CREATE INDEX ON readers (lower(mail));
CREATE TABLE loans (
    id bigint PRIMARY KEY, reader_id bigint NOT NULL REFERENCES readers, title text, lent_on date);
CREATE INDEX ON loans (reader_id);
CREATE TABLE readers_history (id bigint PRIMARY KEY, reader_no bigint, was text);
CREATE TABLE fines (id bigint PRIMARY KEY, loan_id bigint REFERENCES loans, amount numeric);
CREATE TABLE letters (id bigint PRIMARY KEY, recipient_name text, street text, zip text);
CREATE TABLE shelves (id bigint PRIMARY KEY, room text);
CREATE VIEW lent AS SELECT * FROM loans;
CREATE MATERIALIZED VIEW busy AS SELECT reader_id, count(*) FROM loans GROUP BY 1;
"""
MAP = """\
dataset:
  - fides_key: library
    ccpa_meta:
      person: readers
      category: PI_A
      source: consumer
      leaves_out:
        - {table: readers_history, because: rows hold no values}
        - {table: fines, because: sums alone}
        - {table: letters, because: of a test}
        - {table: readers, column: phone, because: of a test}
        - {table: readers, column: born, because: of a test}
        - {table: readers, column: handle, because: of a test}
        - {table: readers, column: upper_mail, because: of a test}
    collections:
      - name: loans
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: reader_id
            fides_meta: {references: [{dataset: library, field: readers.id, direction: from}]}
          - {name: title}
          - {name: lent_on}
      - name: readers
        ccpa_meta: {on_delete: mask}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: mail
            fides_meta: {identity: email}
            ccpa_meta: {compare: casefold, on_delete: {pseudonym: email}}
          - {name: called, ccpa_meta: {mark: name, on_delete: null}}
          - {name: score, ccpa_meta: {on_delete: zero}}
"""


@pytest.fixture(scope="module")
def library():
    name = f"library_{uuid.uuid4().hex[:12]}"
    stores._admin("CREATE DATABASE {}", name)
    with psycopg.connect(stores._url(name), autocommit=True) as connection:
        connection.execute(SCHEMA)
    yield stores._url(name)
    stores._admin("DROP DATABASE {} WITH (FORCE)", name)


@contextmanager
def altered(url, *statements):
    """The store with something else for a while, and as it was afterwards."""
    there, back = statements[::2], statements[1::2]
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in there:
            connection.execute(statement)
        try:
            yield
        finally:
            for statement in back:
                connection.execute(statement)


def seen(url, text=MAP):
    map_, findings = examine(text, "library.yml")
    assert map_ is not None, findings
    return live.lint(map_, surveying.survey(url, "public"))


def with_(old, new):
    assert MAP.count(old) == 1, old
    return MAP.replace(old, new)


def placed(finding, text):
    """The line at which a finding stands."""
    return text.splitlines()[finding.line - 1].strip()


def test_a_map_that_fits_has_only_its_view_to_tell(library):
    (finding,) = seen(library)
    assert (finding.level, finding.code) == ("warning", "materialized-view")
    assert placed(finding, MAP) == "- name: loans"


WRONG_NAMES = {
    "table": ("- name: loans", "- name: lone", "unknown-table", "- name: lone", "loans"),
    "view": ("- name: loans", "- name: lent", "a-view", "- name: lent", "view"),
    "materialized": ("- name: loans", "- name: busy", "a-view", "- name: busy", "view"),
    "column": (
        "- {name: title}",
        "- {name: titles}",
        "unknown-column",
        "- {name: titles}",
        "title",
    ),
}


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "near"), WRONG_NAMES.values(), ids=WRONG_NAMES
)
def test_names_come_first_and_the_nearest_is_told(library, old, new, code, line, near):
    text = with_(old, new)
    (finding,) = seen(library, text)
    assert (finding.level, finding.code, placed(finding, text)) == ("error", code, line)
    assert near in finding.message


def test_a_key_that_is_no_key_of_the_store_ends_the_matter(library):
    text = with_("- {name: title}", "- {name: title, fides_meta: {primary_key: true}}")
    (finding,) = seen(library, text)
    assert (finding.code, placed(finding, text)) == ("key-not-unique", "- name: loans")


ACTIONS = {
    "empties": ("zero", "null", "not-null"),
    "too long": ("- {name: score, ccpa_meta: {on_delete: zero}}",
                 "- {name: score, ccpa_meta: {on_delete: zero}}\n"
                 "          - {name: initials, ccpa_meta: {on_delete: {constant: nobody at all}}}",
                 "too-short"),
    "no number": ("{mark: name, on_delete: null}", "{on_delete: zero}", "change-type"),
    "no date": ("{mark: name, on_delete: null}", "{on_delete: {truncate_date: year}}", "change-type"),
    "unique": ("- {name: score, ccpa_meta: {on_delete: zero}}",
               "- {name: score, ccpa_meta: {on_delete: zero}}\n"
               "          - {name: handle, ccpa_meta: {on_delete: {constant: x}}}", "not-unique"),
    "computed": ("- {name: score, ccpa_meta: {on_delete: zero}}",
                 "- {name: score, ccpa_meta: {on_delete: zero}}\n"
                 "          - {name: upper_mail, ccpa_meta: {on_delete: {constant: x}}}", "generated"),
    "a check on numbers": ("- {name: score, ccpa_meta: {on_delete: zero}}",
                           "- {name: score, ccpa_meta: {on_delete: zero}}\n"
                           "          - {name: grade, ccpa_meta: {on_delete: zero}}", "check-breaks"),
    "a check on words": ("- {name: score, ccpa_meta: {on_delete: zero}}",
                         "- {name: score, ccpa_meta: {on_delete: zero}}\n"
                         "          - {name: kind, ccpa_meta: {on_delete: {constant: none}}}",
                         "check-breaks"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code"), ACTIONS.values(), ids=ACTIONS)
def test_an_action_that_the_column_cannot_take_is_an_error_at_the_field(library, old, new, code):
    text = with_(old, new)
    errors = [finding for finding in seen(library, text) if finding.level == "error"]
    assert [finding.code for finding in errors] == [code]
    assert "on_delete" in placed(errors[0], text)


def test_a_word_that_the_check_allows_is_taken(library):
    text = with_(
        "- {name: score, ccpa_meta: {on_delete: zero}}",
        "- {name: score, ccpa_meta: {on_delete: zero}}\n"
        "          - {name: kind, ccpa_meta: {on_delete: {constant: plain}}}",
    )
    assert [finding.code for finding in seen(library, text)] == ["materialized-view"]


LEFT = {
    "column": (
        "        - {table: readers, column: phone, because: of a test}\n",
        "personal-column",
    ),
    "table": ("        - {table: letters, because: of a test}\n", "personal-table"),
    "reference": ("        - {table: fines, because: sums alone}\n", "refers-to-person"),
    "history": (
        "        - {table: readers_history, because: rows hold no values}\n",
        "history-table",
    ),
}


@pytest.mark.parametrize(("line", "code"), LEFT.values(), ids=LEFT)
def test_what_the_map_does_not_name_and_looks_personal_is_told(library, line, code):
    found = seen(library, with_(line, ""))
    assert sorted(finding.code for finding in found) == sorted([code, "materialized-view"])
    assert {finding.level for finding in found} == {"warning"}


def test_what_is_left_out_must_be_there(library):
    text = with_("{table: fines, because: sums alone}", "{table: nothing, because: of a test}")
    assert sorted({finding.code for finding in seen(library, text)}) == [
        "left-out-unknown", "materialized-view", "refers-to-person",
    ]  # fmt: skip


def test_a_name_compared_in_a_normal_form_wants_an_index(library):
    text = with_("{compare: casefold,", "{compare: name,")
    assert "slow-compare" in {finding.code for finding in seen(library, text)}
    with altered(library, "CREATE INDEX spelled ON readers (btrim(mail))", "DROP INDEX spelled"):
        assert "slow-compare" not in {finding.code for finding in seen(library, text)}


def test_findings_of_the_connector_are_placed_and_told_once(library):
    map_ = examine(MAP)[0]
    assert map_ is not None
    mine = [Finding("error", "not-null", "readers.score: mine", "", 99, 1),
            Finding("warning", "refers-to-person", "fines: refers to loans", "", 5, 1)]  # fmt: skip
    theirs = [Finding("error", "not-null", "readers.score: theirs"),
              Finding("error", "must-break", "fines.loan_id -> loans (fk): a table that stays"),
              Finding("warning", "trigger", "loans: trigger t runs with every change")]  # fmt: skip
    found = live.merged(mine, theirs, map_)
    assert [(each.code, placed(each, MAP)[:14]) for each in found] == [
        ("must-break", "- name: loans"), ("trigger", "- name: loans"), ("not-null", "- {name: score"),
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_map_is_loaded_against_its_store_with_every_finding_placed(library):
    by = staff("lena", "editor")
    datamap.add_system("library", name="", url=library, by=by, at=NOON, schema="public")
    free = (
        "ALTER TABLE fines DROP CONSTRAINT fines_loan_id_fkey",
        "ALTER TABLE fines ADD FOREIGN KEY (loan_id) REFERENCES loans",
    )
    away = altered(library, "DROP INDEX loans_reader_id_idx", "CREATE INDEX ON loans (reader_id)")
    with altered(library, *free), away, pytest.raises(datamap.MapNotSound) as refusal:
        datamap.load(MAP, system_key="library", by=by, at=NOON)
    assert all(each.line > 1 and each.code in CODES for each in refusal.value.findings)
    errors = [each for each in refusal.value.findings if each.level == "error"]
    assert {(each.code, placed(each, MAP)) for each in errors} == {
        ("no-index", "- name: reader_id")
    }
    with altered(library, *free):
        assert datamap.load(MAP, system_key="library", by=by, at=NOON).number == 1


def test_who_else_may_share_what_a_mask_changes_is_named(library):
    to = "references: [{dataset: library, field: shelves.id, direction: to}]"
    text = (
        MAP
        + f"""\
          - {{name: shelf_id, fides_meta: {{{to}}}, ccpa_meta: {{on_delete: keep}}}}
      - name: shelves
        ccpa_meta: {{on_delete: mask}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: room, ccpa_meta: {{on_delete: null}}}}
"""
    )
    with altered(
        library, "ALTER TABLE readers ADD shelf_id bigint REFERENCES shelves",
        "ALTER TABLE readers DROP shelf_id",
        "ALTER TABLE letters ADD shelf_id bigint REFERENCES shelves",
        "ALTER TABLE letters DROP shelf_id",
    ):  # fmt: skip
        said = [each.message for each in seen(library, text) if each.code == "others-refer"]
    assert said == ["shelves: letters.shelf_id refers to it and is not in the map"]


def test_a_partition_is_not_a_table_of_its_own(library):
    with altered(
        library,
        "CREATE TABLE seen (id int, reader_id bigint REFERENCES readers, on_ date, PRIMARY KEY (id, on_))"
        " PARTITION BY RANGE (on_)", "DROP TABLE seen",
        "CREATE TABLE seen_1 PARTITION OF seen FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')", "SELECT 1",
    ):  # fmt: skip
        assert {"seen", "seen_1"} & surveying.survey(library, "public").tables.keys() == {"seen"}


def test_a_survey_of_a_store_that_is_not_there_says_nothing_of_its_address():
    with pytest.raises(StoreUnreachable) as refusal:
        surveying.survey("postgresql://root:hunter2@127.0.0.1:9/x", "public")
    assert "hunter2" not in str(refusal.value)
    for url in ("", "gopher://x", "file:///etc/passwd", "x"):
        with pytest.raises(MapDoesNotFit):
            surveying.survey(url, "public")


def test_nothing_is_sampled_of_what_the_survey_does_not_know(library):
    found = surveying.survey(library, "public")
    with pytest.raises(KeyError):
        surveying.sample(library, found, "nothing", ["id"])
    with pytest.raises(KeyError):
        surveying.sample(library, found, "loans", ["id; DROP TABLE loans"])


CHECKS = [
    ("other > 0", Change("a", "zero"), True),
    ("(a >= 0)", Change("a", "zero"), True),
    ("(a > 0)", Change("a", "zero"), False),
    ("((a >= 1) AND (a <= 9))", Change("a", "constant", "5"), True),
    ("((a >= 1) AND (a <= 9))", Change("a", "constant", "12"), False),
    ("((a >= 1) OR (b <= 9))", Change("a", "constant", "0"), None),
    ("(a = ANY (ARRAY['x'::text, 'y'::text]))", Change("a", "constant", "x"), True),
    ("(a = ANY (ARRAY['x'::text, 'y'::text]))", Change("a", "constant", "z"), False),
    ("a IN ('x', 'it''s')", Change("a", "constant", "it's"), True),
    ("a IN ('x')", Change("a", "pseudonym"), False),
    ("(a ~ '^[a-z]+$'::text)", Change("a", "pseudonym"), None),
    ("(length(a) > 3)", Change("a", "null"), True),
    ("(a IS NOT NULL)", Change("a", "null"), False),
]


@pytest.mark.parametrize(("check", "change", "said"), CHECKS)
def test_a_condition_is_read_as_far_as_it_can_be_read(check, change, said):
    assert permits(check, "a", change) is said


def test_a_store_in_a_file_is_surveyed_alike(tmp_path):
    """SQLite has no schema, and keeps one file; its checks and keys are read all the same."""
    path = tmp_path / "library.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE readers (id integer PRIMARY KEY, mail varchar(40) NOT NULL UNIQUE,"
            " grade integer CHECK (grade > 0));"
            "CREATE TABLE loans (id integer PRIMARY KEY, house int, nr int,"
            " reader_id integer REFERENCES readers (id) ON DELETE CASCADE);"
            "CREATE VIEW lent AS SELECT * FROM loans;"
        )
    connection.close()
    found = surveying.survey(f"sqlite:///{path}", "public")
    assert found.tables.keys() == {"readers", "loans"}
    assert found.views == {"lent"}
    readers = found.tables["readers"]
    assert (readers.key, readers.columns["mail"].facts.length) == (("id",), 40)
    assert readers.columns["mail"].facts.unique
    assert permits(readers.checks[0], "grade", Change("grade", "zero")) is False
    (key,) = found.references_to("readers")
    assert (key.table, key.columns, key.targets) == ("loans", ("reader_id",), ("id",))
    text = MAP.replace("public", "main").partition("    collections:")[0] + SMALL
    map_, findings = examine(text)
    assert map_ is not None, findings
    errors = [each.code for each in live.lint(map_, found) if each.level == "error"]
    assert errors == ["key-not-unique"]
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE UNIQUE INDEX wide ON readers (id, mail)")
    connection.close()
    found = surveying.survey(f"sqlite:///{path}", "public")
    errors = [each.code for each in live.lint(map_, found) if each.level == "error"]
    assert errors == ["join-type"]  # a number against an address


SMALL = """\
    collections:
      - name: readers
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: mail, fides_meta: {identity: email, primary_key: true}}
      - name: loans
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: house, fides_meta: {references: [{dataset: library, field: readers.id, direction: from}]}}
          - {name: nr, fides_meta: {references: [{dataset: library, field: readers.mail, direction: from}]}}
"""
