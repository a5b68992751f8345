"""What PostgreSQL promises beyond the contract: one statement a table, storage order, patterns."""

import uuid
from dataclasses import replace
from datetime import date
from urllib.parse import urlsplit, urlunsplit

import pytest

from ccpa_office.connectors import grants
from ccpa_office.connectors.base import ConnectorError, Identity
from ccpa_office.connectors.postgresql import texts
from tests.connectors import stores
from tests.connectors.stores import erase, look

ON = date(2026, 7, 1)


def test_an_erasure_and_its_second_look_are_one_statement_a_table(fresh_learners, monkeypatch):
    fresh_learners.execute(
        "INSERT INTO activity_log SELECT 1000000 + g, 4, now(), '198.51.100.1', '/x', '{}'"
        " FROM generate_series(1, 20000) g"
    )
    located = fresh_learners.connector.locate([4], on=ON)
    counted = stores.count_statements(fresh_learners.connector, monkeypatch)
    erasure = erase(fresh_learners, [4], on=ON, located=located)
    assert erasure.applied["activity_log delete"] == (20_010, 0, [])
    assert len(counted) == len(erasure.applied) + 1
    counted.clear()
    look(fresh_learners, erasure)
    looked_for = [
        table for table in fresh_learners.program.tables
        if table.identifiers or any(name.split()[0] == table.name for name in erasure.applied)
    ]  # fmt: skip
    assert len(counted) == len(looked_for) == len(fresh_learners.program.tables) - 1


def test_rows_that_changed_but_are_still_the_persons_are_changed(fresh_learners):
    located = fresh_learners.connector.locate([1], on=ON)
    fresh_learners.execute("UPDATE orders SET total = 1 WHERE account_id = 1")
    erasure = erase(fresh_learners, [1], on=ON, located=located)
    assert erasure.applied["orders delete"] == (2, 0, [])


def test_rows_come_in_storage_order(learners):
    each = learners.connector.locate([1, 4, 5], on=ON)[2]
    assert each.table == "grades"
    places = learners.execute("SELECT id FROM grades ORDER BY ctid")
    assert each.keys == [key for (key,) in places if key in set(each.keys)]


@pytest.fixture
def granted(fresh_learners):
    """The learners, seen by an account that has what `system grants` prints, and all its lines."""
    account = f"office_{uuid.uuid4().hex[:12]}"
    fresh_learners.execute(f"CREATE ROLE {account} LOGIN PASSWORD 'x'")
    lines = grants(fresh_learners.url, fresh_learners.program, account)
    for line in lines:
        fresh_learners.execute(line)
    parts = urlsplit(fresh_learners.url)
    host = parts.netloc.rpartition("@")[2]
    url = urlunsplit(parts._replace(netloc=f"{account}:x@{host}"))
    connector = replace(fresh_learners, url=url).reconnect(fresh_learners.program)
    yield replace(fresh_learners, connector=connector), lines
    connector.close()
    fresh_learners.execute(f"DROP OWNED BY {account}")
    fresh_learners.execute(f"DROP ROLE {account}")


def test_the_account_needs_no_more_than_the_printed_grants(granted):
    store, _lines = granted
    erasure = erase(store, [4], on=ON)
    assert erasure.applied["accounts delete"] == (1, 0, [])
    assert store.execute("SELECT count(*) FROM accounts WHERE id = 4") == [(0,)]


def test_corrections_need_what_is_printed_as_a_comment(granted):
    store, lines = granted
    change = ("full_name", store.execute("SELECT full_name FROM accounts WHERE id = 5")[0][0], "R")
    with pytest.raises(ConnectorError):
        store.connector.correct("accounts", 5, [5], change)
    for line in lines:
        if line.startswith("-- GRANT UPDATE"):
            store.execute(line.removeprefix("-- "))
    assert store.connector.correct("accounts", 5, [5], change).done


# --- patterns -------------------------------------------------------------------------------------


def test_short_and_empty_values_make_no_pattern():
    assert texts.pattern(Identity({"name": ["", " ", "Al", "…", "--"]})) == texts.NOTHING
    assert texts.pattern(Identity({"name": ["花"]})) == texts.NOTHING
    assert texts.pattern(Identity({"name": ["森花"]})) == "(?:森花)"


HOSTILE = ["a(b", "a[b", "a{9}b", "a\\b", "a|b", "^a$", "a.b", "a*b+c?", "(?i)abc", "***=abc",
           "a'b",
           "100%",
           "a\nb", "Zoë", "ß ſ", "İstanbul", "a" * 300, "!!x!!", "$1 \\1"]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_met_as_it_is_whatever_signs_it_holds(learners, value):
    pattern = texts.pattern(Identity({"name": [value]}))
    text = f"before {value} after"
    met = "SELECT %(text)s ~* %(pattern)s, regexp_replace(%(text)s, %(pattern)s, '-', 'gi')"
    row = learners.connector._all(met, {"text": text, "pattern": pattern})[0]
    assert row == (True, "before - after")


def test_an_accent_in_two_spellings_is_met(learners):
    composed, apart = "José", "Jose\u0301"
    for value in (composed, apart):
        pattern = texts.pattern(Identity({"name": [value]}))
        row = learners.connector._all(
            "SELECT %(a)s ~* %(p)s, %(b)s ~* %(p)s", {"a": composed, "b": apart, "p": pattern}
        )[0]
        assert row == (True, True)


def test_a_phone_number_that_sticks_to_a_word_is_met(learners):
    pattern = texts.pattern(Identity({"phone_number": ["+1 415-555-0142"]}))
    values = {"text": "tel4155550142", "pattern": pattern}
    assert learners.connector._all("SELECT %(text)s ~* %(pattern)s", values) == [(True,)]
