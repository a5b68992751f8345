"""What the map's check finds in a live catalogue before anything runs."""

from dataclasses import replace

import pytest

from ccpa_office import connectors
from ccpa_office.connectors.base import (
    Change,
    ChangeBlocked,
    KeysRefused,
    MapDoesNotFit,
    StoreUnreachable,
)
from ccpa_office.connectors.postgresql.connector import conninfo


def errors(store, program=None):
    connector = store.reconnect(program or store.program)
    try:
        return [each.code for each in connector.check() if each.level == "error"]
    finally:
        connector.close()


def test_the_three_maps_fit_their_stores(store):
    assert store.connector.check() == []


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DROP INDEX orders_account", "no-index"),
        ("DROP INDEX accounts_email", "no-index"),
        ("DROP INDEX invoices_email", "no-index"),
        ("DROP INDEX accounts_address", "no-index"),
        ("DROP INDEX posts_author", "no-index"),
        ("CREATE TABLE devices (id int PRIMARY KEY, a bigint REFERENCES accounts)", "must-break"),
        ("CREATE TABLE devices (a bigint REFERENCES accounts ON DELETE CASCADE)",
         "cascade-not-declared"),
        ("CREATE TABLE devices (a bigint REFERENCES accounts ON DELETE SET NULL)",
         "cascade-not-declared"),
        (
            "CREATE SCHEMA far; CREATE TABLE far.devices (a bigint REFERENCES accounts)",
            "other-schema",
        ),
        ("ALTER TABLE invoices ADD FOREIGN KEY (account_no) REFERENCES accounts", "must-break"),
        ("ALTER TABLE invoices ADD FOREIGN KEY (account_no) REFERENCES accounts ON DELETE CASCADE",
         "must-break"),
        ("ALTER TABLE forum_posts ALTER author_id SET NOT NULL", "not-null"),
        ("CREATE UNIQUE INDEX ON forum_posts (author_name) ; ", "not-unique"),
    ],
)  # fmt: skip
def test_a_store_that_would_not_bear_the_change_is_reported(fresh_learners, statement, code):
    if "author_name" in statement:
        fresh_learners.execute("UPDATE forum_posts SET author_name = id::text")
    for part in statement.split(";"):
        if part.strip():
            fresh_learners.execute(part)
    assert set(errors(fresh_learners)) == {code}


def test_a_missing_index_comes_with_the_statement_that_makes_it(fresh_learners):
    fresh_learners.execute("DROP INDEX accounts_email; DROP INDEX orders_account")
    connector = fresh_learners.reconnect(fresh_learners.program)
    said = [each.message.partition("index: ")[2] for each in connector.check()]
    connector.close()
    for statement in said:
        fresh_learners.execute(statement)
    assert errors(fresh_learners) == []
    assert len(said) == 2


def test_a_cascade_and_a_trigger_are_warnings(fresh_learners):
    fresh_learners.execute(
        "ALTER TABLE grades DROP CONSTRAINT grades_enrolment_id_fkey,"
        " ADD FOREIGN KEY (enrolment_id) REFERENCES enrolments ON DELETE CASCADE"
    )
    fresh_learners.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'"
    )
    fresh_learners.execute(
        "CREATE TRIGGER t BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION f()"
    )
    connector = fresh_learners.reconnect(fresh_learners.program)
    found = [(each.level, each.code) for each in connector.check()]
    connector.close()
    assert found == [("warning", "cascade"), ("warning", "trigger")]


def test_what_a_trigger_copies_into_a_mapped_table_is_named(fresh_learners):
    fresh_learners.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN INSERT INTO grades SELECT 1; RETURN OLD; END'"
    )
    fresh_learners.execute(
        "CREATE TRIGGER t AFTER UPDATE ON forum_posts FOR EACH ROW EXECUTE FUNCTION f()"
    )
    connector = fresh_learners.reconnect(fresh_learners.program)
    said = [each.message for each in connector.check()]
    connector.close()
    assert said == [
        "forum_posts: trigger t runs with every change",
        "forum_posts: what a trigger writes into grades while we erase is left over there",
    ]


def test_a_computed_field_and_a_value_of_another_kind_are_not_put_right(fresh_learners):
    fresh_learners.execute(
        "ALTER TABLE orders ADD loud text GENERATED ALWAYS AS (upper(id::text)) STORED"
    )
    ((row, person),) = fresh_learners.execute("SELECT id, account_id FROM orders LIMIT 1")
    connector = fresh_learners.reconnect(fresh_learners.program)
    with pytest.raises(ChangeBlocked, match="computes this column"):
        connector.correct("orders", row, [person], ("loud", "x", "y"))
    with pytest.raises(KeysRefused, match="not what the column holds"):
        connector.correct("orders", row, [person], ("account_id", "1", "never"))
    connector.close()


CHANGES = [
    (Change("id", "null"), {"key-changed", "not-null"}),
    (Change("posted_at", "strip_text"), {"change-type"}),
    (Change("body", "truncate_date", "year"), {"change-type"}),
    (Change("thread_id", "pseudonym"), {"foreign-key"}),
    (Change("posted_at", "pseudonym"), {"change-type"}),
    (Change("body", "zero"), {"change-type"}),
    (Change("body", "keep_last", "9"), {"change-argument"}),
    (Change("body", "shred"), {"change-unknown"}),
    (Change("body", "null"), {"not-null"}),
]


@pytest.mark.parametrize(("change", "codes"), CHANGES)
def test_a_mask_that_a_column_cannot_take_is_reported(learners, change, codes):
    tables = tuple(
        replace(table, changes=(*table.changes, change)) if table.name == "forum_posts" else table
        for table in learners.program.tables
    )
    assert set(errors(learners, replace(learners.program, tables=tables))) == codes


def test_a_table_or_column_that_is_not_there_ends_the_matter(fresh_learners):
    fresh_learners.execute("ALTER TABLE orders RENAME COLUMN total TO sum")
    with pytest.raises(MapDoesNotFit):
        fresh_learners.reconnect(fresh_learners.program)


def test_a_key_that_is_no_key_any_more_ends_the_matter(fresh_learners):
    fresh_learners.execute("ALTER TABLE refunds DROP CONSTRAINT refunds_pkey")
    with pytest.raises(MapDoesNotFit):
        fresh_learners.reconnect(fresh_learners.program)


# --- connections ----------------------------------------------------------------------------------


def test_a_lost_connection_is_opened_again(fresh_learners):
    first = connectors.connect(fresh_learners.url, fresh_learners.program)
    fresh_learners.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with pytest.raises(StoreUnreachable):
        first.sizes()
    second = connectors.connect(fresh_learners.url, fresh_learners.program)
    assert second.sizes()["accounts"] == 60
    connectors.close_all()


def test_the_driver_in_a_url_is_left_out():
    assert conninfo("postgresql+psycopg://a@b/c?d=e") == "postgresql://a@b/c?d=e"
    assert conninfo("postgresql://a@b/c") == "postgresql://a@b/c"


def test_statements_can_be_shown_and_hold_no_value(learners):
    shown = learners.connector.statements("forum_posts", "mask")
    assert shown.startswith("WITH plan AS (SELECT * FROM unnest(%(k0)s::bigint[]")
    assert 'UPDATE "public"."forum_posts" AS t SET "author_id" = NULL::bigint' in shown
