"""The contract, fourth part: what the check finds, what errors mean, what is given out."""

import threading
from dataclasses import replace
from datetime import date

import pytest

from ccpa_office import connectors
from ccpa_office.connectors.base import (
    Change,
    ChangeBlocked,
    Deed,
    HostNotAllowed,
    MapDoesNotFit,
    Program,
    Repeat,
    Rows,
    StoreUnreachable,
)
from ccpa_office.connectors.collected import PERIOD, SHARED, Asked, Corrected, TooMany, Window
from tests.connectors.contract import count_statements
from tests.connectors.stores import LEARNERS, undone
from tests.connectors.test_contract_finding import with_table

ON = date(2026, 7, 1)
EVER = Window(date(1900, 1, 1), date(2999, 1, 1))


def codes(shop, program=None):
    return {each.code for each in shop.reconnect(program).check() if each.level == "error"}


def test_the_three_maps_fit_their_stores(still):
    assert [each for each in still.connector.check() if each.level == "error"] == []


def test_a_join_or_an_identifier_without_an_index_is_found(school):
    for index in school.indexes("orders", "account_id"):
        school.drop_index("orders", index)
    assert codes(school) == {"no-index"}


def test_a_table_that_the_map_does_not_name_would_break_or_vanish(school):
    school.run(
        "CREATE TABLE devices (id int PRIMARY KEY, a bigint REFERENCES accounts (id))"
        if school.engine.name != "mariadb"
        else "CREATE TABLE devices (id int PRIMARY KEY, a bigint, FOREIGN KEY (a)"
        " REFERENCES accounts (id))"
    )
    assert codes(school) == {"must-break"}


def test_a_cascade_that_the_map_does_not_declare_is_found(school):
    school.run(
        "CREATE TABLE devices (id int PRIMARY KEY, a bigint,"
        " FOREIGN KEY (a) REFERENCES accounts (id) ON DELETE CASCADE)"
    )
    assert codes(school) == {"cascade-not-declared"}


def test_a_cascade_that_takes_what_nobody_looked_for_is_found(school):
    """Rows of others may point to a row that goes, and a row that the law keeps may too."""
    cascade = "REFERENCES orders (id) ON DELETE CASCADE"
    made = {"orders": cascade, "progress": cascade, "invoices": cascade,
            "payments": "REFERENCES payments (id)"}  # fmt: skip
    for table, refers in made.items():
        more = f", ADD FOREIGN KEY (follows) {refers}" if school.engine.name == "mariadb" else ""
        inline = "" if more else refers
        school.run(f"ALTER TABLE {school.q(table)} ADD COLUMN follows bigint {inline}{more}")
    found = {(each.code, each.message.partition(".")[0]) for each in school.reconnect().check()}
    assert found == {
        ("cascade-unseen", "orders"), ("cascade-unseen", "progress"),
        ("cascade-unseen", "invoices"), ("must-break", "invoices"),
        ("refers-to-itself", "payments"),
    }  # fmt: skip


def test_a_copy_of_a_table_that_the_map_does_not_name_is_found(school):
    school.run("CREATE TABLE profiles_history (id int PRIMARY KEY, display_name VARCHAR(40),"
               " biography VARCHAR(40), employer VARCHAR(40))")  # fmt: skip
    assert codes(school) == {"history"}
    left = replace(school.program, left_out=("profiles_history",), digest="left out")
    assert codes(school, left) == set()


def test_a_change_that_a_reference_cannot_bear_is_found(still_school):
    changes = (*still_school.program.table("forum_posts").changes, Change("author_id", "zero"))
    program = with_table(still_school.program, "forum_posts", changes=changes)
    assert "foreign-key" in codes(still_school, program)


CHANGES = [
    (Change("posted_at", "keep_last", "4"), "change-type"),
    (Change("body", "truncate_date", "year"), "change-type"),
    (Change("thread_id", "strip_text"), "change-type"),
    (Change("body", "null"), "not-null"),
    (Change("body", "shred"), "change-unknown"),
]


@pytest.mark.parametrize(("change", "code"), CHANGES)
def test_a_mask_that_a_column_cannot_take_is_found(still_school, change, code):
    changes = (*still_school.program.table("forum_posts").changes, change)
    assert code in codes(
        still_school, with_table(still_school.program, "forum_posts", changes=changes)
    )


def test_nothing_is_changed_while_the_check_has_errors(school):
    changes = (*school.program.table("forum_posts").changes, Change("body", "null"))
    mine = school.refitted(with_table(school.program, "forum_posts", changes=changes))
    before = school.rows()
    with pytest.raises(ChangeBlocked):
        mine.connector.apply("activity_log", Rows([1], [0]), [1], Deed("delete"))
    assert school.rows() == before


def test_a_table_column_or_key_that_is_not_there_ends_the_matter(still_school):
    for bent in (
        with_table(still_school.program, "orders", name="ordres"),
        with_table(still_school.program, "orders", columns=("id", "nothing")),
        with_table(still_school.program, "orders", key=("total",)),
        with_table(still_school.program, "orders", paths=()),
    ):
        with pytest.raises(MapDoesNotFit):
            still_school.reconnect(bent)


# --- transactions and connections -----------------------------------------------------------------


def test_a_transaction_that_fails_leaves_nothing_behind(school):
    before = school.rows()
    with undone(school.connector):
        done = school.connector.apply("profiles", Rows([1], [0]), [1], Deed("delete"))
        assert done.done == 1
    assert school.rows() == before


def test_a_statement_alone_is_a_transaction(school):
    school.connector.apply("profiles", Rows([1], [0]), [1], Deed("delete"))
    assert school.run("SELECT * FROM profiles WHERE account_id = 1") == []


def test_one_connection_for_each_thread_store_and_program(school):
    first = connectors.connect(school.url, school.program)
    assert connectors.connect(school.url, school.program) is first
    others = []

    def connect():
        others.append(connectors.connect(school.url, school.program))
        connectors.close_all()

    thread = threading.Thread(target=connect)
    thread.start()
    thread.join()
    assert others[0] is not first
    assert (first.is_open, others[0].is_open) == (True, False)
    connectors.close_all()
    assert not first.is_open


def test_a_repetition_is_harmless(still_school):
    assert still_school.connector.repeat == Repeat.HARMLESS


def test_statements_can_be_shown_and_hold_no_value(still_school):
    shown = still_school.connector.statements("forum_posts", "mask")
    assert "UPDATE" in shown
    assert "former learner" not in shown or still_school.engine.name == "postgresql"


GONE = [
    "postgresql://nobody@127.0.0.1:9/nothing",
    "mariadb+pymysql://nobody@127.0.0.1:9/nothing",
    "mysql+pymysql://nobody@127.0.0.1:9/nothing",
    "sqlite:////nowhere/at/all.db",
]


@pytest.mark.parametrize("url", GONE)
def test_a_store_that_is_not_there_is_unreachable(still_school, url):
    with pytest.raises(StoreUnreachable):
        connectors.connect(url, still_school.program)


@pytest.mark.parametrize(
    "url", ["", "x", "http://x", "file:///etc/passwd", "redis://x", "sqlite://", "sqlite:///:memory:",
            "sqlite:///file:x?mode=memory&uri=true"],
)  # fmt: skip
def test_a_url_that_names_no_store_is_refused(still_school, url):
    with pytest.raises(MapDoesNotFit):
        connectors.connect(url, still_school.program)


FAR = [
    "mysql+pymysql://u:p@db.example.net/x",
    "postgresql://db.example.net/x",
    "postgresql://127.0.0.1:1,db.example.net:2/x",
    "postgresql:///x?host=db.example.net",
    "postgresql://127.0.0.1/x?hostaddr=192.0.2.1",
    "mysql+pymysql://127.0.0.1/x?host=db.example.net",
    "mysql+pymysql://127.0.0.1/x?read_default_file=/etc/passwd",
    "postgresql://127.0.0.1/x?service=far",
    "postgresql://%64b.example.net/x",
    "postgresql://[2001:db8::1]:5432/x",
]


@pytest.mark.parametrize("url", FAR)
def test_a_host_that_is_not_on_the_list_is_not_called(url):
    program = Program("x", "public", "x", "x", ())
    with pytest.raises(HostNotAllowed):
        connectors.connect(url, program, allowed=lambda host: host == "other.example.net")


@pytest.mark.parametrize("here", ["127.0.0.1", "[::1]", "localhost", "other.example.net"])
def test_this_machine_and_listed_hosts_may_be_called(here, monkeypatch):
    program = Program("x", "public", "x", "x", ())
    monkeypatch.setitem(connectors.ENGINES, "mysql", lambda url, _program: url)
    url = f"mysql+pymysql://u@{here}:9/x"
    try:
        found = connectors.connect(url, program, allowed=lambda host: host == "other.example.net")
    finally:
        connectors._pool.__dict__.pop("held", None)
    assert str(found) == url


# --- giving out -----------------------------------------------------------------------------------


def given(shop, person, window=EVER):
    """What is collected of one person: for each table its records."""
    found = {}
    with shop.connector.snapshot():
        for table in shop.program.tables:
            found[table.name] = list(shop.connector.collect(table.name, [person], window))
    return found


def test_what_is_given_out_is_what_is_located(still):
    counts = {name: len(records) for name, records in given(still, still.kind.one).items()}
    assert counts == still.kind.counts


def test_many_who_are_asked_together_get_what_each_gets_alone(still):
    one, other = still.kind.one, still.kind.other
    late = replace(EVER, first=date(2025, 1, 1))
    program = still.program
    if still.kind is LEARNERS:
        program = with_table(program, "invoices", dated="issued_on")
    shop = still.refitted(program)
    asked = [Asked([one], EVER), Asked([other], EVER), Asked([one], late),
             Asked([one, other], EVER), Asked([], EVER)]  # fmt: skip
    together = shop.connector.collect_few(asked, most=2_000)
    for each, found in zip(asked, together, strict=True):
        with shop.connector.snapshot():
            alone = {table.name: list(shop.connector.collect(table.name, each.people, each.window))
                     for table in program.tables}  # fmt: skip
        assert found == alone
    assert together[0] != together[1]
    assert together[4] == {table.name: [] for table in program.tables}


def test_too_many_rows_of_one_table_are_none_at_all(still):
    asked = [Asked([still.kind.one], EVER), Asked([still.kind.other], EVER)]
    together = still.connector.collect_few(asked, most=2_000)
    most = max(sum(len(each[table.name]) for each in together) for table in still.program.tables)
    assert still.connector.collect_few(asked, most=most) == together
    with pytest.raises(TooMany):
        still.connector.collect_few(asked, most=most - 1)


def test_a_shared_row_comes_without_its_values(still_school):
    (address,) = given(still_school, 2)["addresses"]
    assert (address.key, address.values, address.why) == ((2,), (), SHARED)
    window = replace(EVER, given=frozenset({"addresses"}))
    (address,) = given(still_school, 2, window)["addresses"]
    assert (address.why, "94607" in address.values) == ("", True)


def test_the_period_and_the_tally_agree_with_what_is_given(still_school):
    program = with_table(still_school.program, "invoices", dated="issued_on")
    mine = still_school.refitted(program)
    window = Window(date(2024, 1, 1), date(2026, 1, 1))
    records = given(mine, 1, window)["invoices"]
    assert [(record.key, record.why) for record in records] == [
        (("INV-1",), PERIOD),
        (("INV-2",), ""),
    ]
    with mine.connector.snapshot():
        tally = mine.connector.tally("invoices", [1], window)
    assert (tally.rows, tally.shared, tally.period) == (1, 0, 1)
    assert tally.filled == tuple(int(value is not None) for value in records[1].values)


def test_a_view_changes_nothing_and_sees_one_state(school, monkeypatch):
    if school.engine.name == "sqlite":
        school.run("PRAGMA journal_mode = WAL")  # without it a view keeps writers waiting
    with school.connector.snapshot():
        first = list(school.connector.collect("orders", [1], EVER))
        school.run("UPDATE orders SET total = 1 WHERE account_id = 1")
        assert list(school.connector.collect("orders", [1], EVER)) == first
    counted = count_statements(school, monkeypatch)
    assert school.connector.sizes()["orders"] >= 0
    assert len(counted) == 1


# --- putting right --------------------------------------------------------------------------------


def test_a_field_is_put_right_once_and_only_the_persons(school):
    correct = school.connector.correct
    before = school.one("SELECT full_name FROM accounts WHERE id = 1")
    change = ("full_name", before, "花 森川")
    assert correct("accounts", 1, [4], change) == Corrected(done=False, stands=False)
    assert correct("accounts", 1, [1], change) == Corrected(done=True, stands=True)
    assert correct("accounts", 1, [1], change) == Corrected(done=False, stands=True)
    assert school.connector.stands("accounts", 1, [1], ("full_name", "花 森川"))
    assert not school.connector.stands("accounts", 1, [4], ("full_name", "花 森川"))
    assert school.one("SELECT count(*) FROM accounts WHERE full_name = '花 森川'") == 1


def test_a_field_that_says_something_else_by_now_is_left(school):
    change = ("full_name", "somebody else", "x")
    assert school.connector.correct("accounts", 1, [1], change) == Corrected(False, False)
    assert not school.connector.stands("accounts", 1, [1], ("full_name", "x"))


HELD = "SELECT {} FROM invoices WHERE number = 'INV-1'"


def test_numbers_days_and_empty_fields_are_put_right(school):
    for change in (("total", None, "12.50"), ("issued_on", None, "2024-02-29")):
        held = str(school.one(HELD.format(change[0])))
        done = school.connector.correct("invoices", "INV-1", [1], (change[0], held, change[2]))
        assert (change[0], done) == (change[0], Corrected(True, True))
        assert school.connector.stands("invoices", "INV-1", [1], (change[0], change[2]))
    school.run("UPDATE invoices SET billing_address = NULL WHERE number = 'INV-1'")
    done = school.connector.correct(
        "invoices", "INV-1", [1], ("billing_address", None, "1 Main St")
    )
    assert done == Corrected(True, True)
