"""What is peculiar to MariaDB and SQLite: collations, engines, charsets, types, locks, limits."""

import json
import sqlite3
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from ccpa_office.connectors import grants
from ccpa_office.connectors.base import (
    Applied,
    Change,
    ChangeBlocked,
    Deed,
    Hold,
    Identity,
    KeysRefused,
    Look,
    Program,
    Rows,
    StoreUnreachable,
    Table,
)
from ccpa_office.connectors.sql import SQLStore, keys
from ccpa_office.connectors.ways import Hop, Named
from tests.connectors import contract, contract_engines, stores
from tests.connectors.contract import count_statements
from tests.connectors.contract_engines import Engine
from tests.connectors.stores import SECRET
from tests.connectors.test_contract_finding import email, tables, with_table

ON = date(2026, 7, 1)


@pytest.fixture
def ours(maria):
    """The learners on MariaDB."""
    with contract.shop(Engine("mariadb", "`", maria.fresh), stores.LEARNERS) as made:
        yield made


@pytest.fixture
def file():
    """The learners in a file of SQLite."""
    engine = Engine("sqlite", '"', contract_engines.sqlite_file)
    with contract.shop(engine, stores.LEARNERS) as made:
        yield made


def codes(shop):
    return {(each.level, each.code) for each in shop.reconnect().check()}


# --- MariaDB --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["MyISAM", "Aria"])
def test_an_engine_without_transactions_is_refused(ours, kind):
    ours.run(f"ALTER TABLE activity_log DROP FOREIGN KEY {ours.foreign('activity_log')}")
    ours.run(f"ALTER TABLE activity_log ENGINE = {kind}")
    assert ("error", "no-transactions") in codes(ours)
    with pytest.raises(ChangeBlocked):
        ours.reconnect().apply("profiles", Rows([1], [0]), [1], Deed("delete"))


def test_a_charset_without_a_letter_never_makes_two_values_one(ours):
    ours.run("ALTER TABLE newsletter CONVERT TO CHARACTER SET latin1 COLLATE latin1_swedish_ci")
    ours.run("INSERT INTO newsletter VALUES ('?@example.org', '2026-01-01', 'x')")
    connector = ours.reconnect()
    seen = Look([999], [Identity({"email": ["森@example.org", "花@example.org"]})], "delete")
    assert connector.recount("newsletter", Rows([], []), seen).by_identifier == 0
    known = Look([999], [Identity({"email": ["?@EXAMPLE.org"]})], "delete")
    assert connector.recount("newsletter", Rows([], []), known).by_identifier == 1


def test_texts_of_two_collations_join_to_the_letter_with_a_warning(ours):
    ours.run("ALTER TABLE support_tickets MODIFY requester_email VARCHAR(190)"
             " CHARACTER SET latin1 COLLATE latin1_german1_ci NOT NULL")  # fmt: skip
    assert ("warning", "collation") in codes(ours)
    mail = ours.one("SELECT email FROM accounts WHERE id = 7")
    ours.run("UPDATE support_tickets SET account_id = NULL, requester_email = :m WHERE id = 3",
             m=mail.upper())  # fmt: skip
    found = tables(ours.reconnect().locate([7], on=ON))["support_tickets"]
    assert 3 in found.keys


def test_keys_that_differ_by_an_accent_or_a_case_are_two_keys(ours):
    ours.run("ALTER TABLE invoices MODIFY number VARCHAR(190) COLLATE utf8mb4_unicode_ci NOT NULL")
    connector = ours.reconnect()
    for near in ("inv-1", "INV-1 ", "ÍNV-1", "ＩNV-1"):
        assert connector.apply("invoices", Rows([near], [0]), [1], Deed("delete")) == Applied(
            0, 1, []
        )
    assert ours.one("SELECT count(*) FROM invoices WHERE number = 'INV-1'") == 1


def test_a_text_that_begins_with_a_number_is_not_that_number(ours):
    ours.run("CREATE TABLE gifts (id bigint PRIMARY KEY, account VARCHAR(40), INDEX (account))")
    ours.run("INSERT INTO gifts VALUES (1, '7'), (2, '7abc'), (3, '07'), (4, ' 7'), (5, '7.0')")
    hop = Hop("account", "accounts", "id", forward=True, unique=True)
    mine = ours.refitted(_with(ours.program, Table("gifts", ("id",), ((hop,),), "delete")))
    assert tables(mine.connector.locate([7], on=ON))["gifts"].keys == [1]


def _with(program: Program, table: Table) -> Program:
    return Program(**{**vars(program), "tables": (table, *program.tables), "digest": table.name})


def test_big_and_unsigned_keys_stay_exact(ours):
    ours.run("CREATE TABLE big (id BIGINT UNSIGNED PRIMARY KEY, account BIGINT, INDEX (account))")
    most = 2**63 - 1
    ours.run("INSERT INTO big VALUES (:a, 7), (:b, 7)", a=most, b=most - 1)
    hop = Hop("account", "accounts", "id", forward=True, unique=True)
    mine = ours.refitted(_with(ours.program, Table("big", ("id",), ((hop,),), "delete")))
    assert tables(mine.connector.locate([7], on=ON))["big"].keys == [most - 1, most]
    done = mine.connector.apply("big", Rows([most - 1], [0]), [7], Deed("delete"))
    assert (done, mine.run("SELECT id FROM big")) == (Applied(1, 0, []), [(most,)])


def test_an_index_that_folds_case_serves_an_address(ours):
    assert ours.connector.people([email("HANA.Morikawa@example.org")]) == [[1]]
    ours.run("ALTER TABLE accounts MODIFY email VARCHAR(190) COLLATE utf8mb4_bin NOT NULL")
    assert ("error", "no-index") in codes(ours)


def test_a_row_that_somebody_else_locks_is_a_store_that_is_away(ours):
    connector = ours.reconnect()
    connector._all(sa.text("SELECT 1"), {})
    with connector._connection.begin():
        connector._connection.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 1")
    with ours.sql.begin() as other:
        other.exec_driver_sql("SELECT * FROM profiles WHERE account_id = 1 FOR UPDATE")
        with pytest.raises(StoreUnreachable):
            connector.apply("profiles", Rows([1], [0]), [1], Deed("delete"))
    assert connector.apply("profiles", Rows([1], [0]), [1], Deed("delete")).done == 1


def test_a_lost_connection_is_noticed(ours):
    ((number,),) = ours.peek("SELECT CONNECTION_ID()")
    ours.run(f"KILL {number}")
    with pytest.raises(StoreUnreachable):
        ours.connector.sizes()
    assert not ours.connector.is_open


def test_a_trigger_that_forbids_blocks_the_change(ours):
    ours.run("CREATE TRIGGER no_way BEFORE DELETE ON profiles FOR EACH ROW"
             " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'hana.morikawa@example.org'")  # fmt: skip
    assert ("warning", "trigger") in codes(ours)
    with pytest.raises(ChangeBlocked) as caught:
        ours.connector.apply("profiles", Rows([1], [0]), [1], Deed("delete"))
    assert "hana" not in str(caught.value)


def test_the_account_needs_no_more_than_the_printed_grants(ours, maria):
    name = f"office_{id(ours)}"[:30]
    account = f"'{name}'@'127.0.0.1'"
    maria.run(f"CREATE USER {account} IDENTIFIED BY 'x'")
    database = ours.url.rpartition("/")[2].partition("?")[0]
    lines = [
        line.rstrip(";")
        for line in grants(ours.url, ours.program, account)
        if line.startswith("GRANT")
    ]
    maria.run(*lines, database=database)
    url = ours.url.replace("root@", f"{name}:x@")
    connector = SQLStore(url, ours.program)
    ours.others.append(connector)
    mine = replace(ours, connector=connector)
    stores.erase(mine, [1], on=ON)
    with pytest.raises(ChangeBlocked):
        connector._all(sa.text("DELETE FROM courses"), {})
    maria.run(f"DROP USER {account}")


def test_rows_that_the_store_keeps_after_deletion_are_found(ours):
    ours.run("CREATE TABLE gifts (id bigint PRIMARY KEY, account bigint, INDEX (account))"
             " WITH SYSTEM VERSIONING")  # fmt: skip
    hop = Hop("account", "accounts", "id", forward=True, unique=True)
    mine = ours.refitted(_with(ours.program, Table("gifts", ("id",), ((hop,),), "delete")))
    found = [each for each in mine.connector.check() if each.level == "error"]
    assert [each.code for each in found] == ["history"]


LISTED = [
    (Change("feel", "constant", "It's over"), "Glad", set()),
    (Change("feel", "null"), "Glad", set()),
    (Change("feel", "constant", "gone"), "Glad", {"change-argument"}),
    (Change("feel", "pseudonym"), "Glad", {"change-type"}),
    (Change("feel", "null"), "glad", {"hold-value"}),
]


def test_a_column_of_listed_texts_takes_no_other(ours):
    ours.run("ALTER TABLE forum_posts ADD feel ENUM('Glad', 'It''s over')")
    posts = ours.program.table("forum_posts")
    for change, held, wanted in LISTED:
        said = {"changes": (*posts.changes, change), "holds": (Hold("feel", "eq", (held,)),)}
        connector = ours.reconnect(with_table(ours.program, "forum_posts", **said))
        found = {each.code for each in connector.check() if each.level == "error"}
        assert (change, held, found) == (change, held, wanted)


def test_a_day_of_zeros_is_empty_and_stays(ours):
    ours.run("UPDATE forum_posts SET posted_at = '0000-00-00 00:00:00' WHERE id = 1")
    erasure = stores.erase(ours, [1], on=ON)
    assert contract.look(ours, erasure)["forum_posts"] == (0, 0, 0)
    assert ours.run("SELECT author_id, CAST(posted_at AS CHAR) FROM forum_posts WHERE id = 1") == [
        (None, "0000-00-00 00:00:00.000000")
    ]


def test_a_uuid_is_found_however_it_is_written(ours):
    ours.run("ALTER TABLE accounts ADD ref UUID, ADD INDEX (ref)")
    ours.run("UPDATE accounts SET ref = '6f1c2b1e-0000-4000-8000-00000000abcd' WHERE id = 7")
    named = Named("ref", "member")
    connector = ours.reconnect(with_table(
        ours.program, "accounts", identities=(named,), identifiers=(named,),
    ))  # fmt: skip
    said = ["6F1C2B1E-0000-4000-8000-00000000ABCD", "6f1c2b1e00004000800000000000abcd", "6f1c2b1e"]
    asked = [Identity({"member": [each]}) for each in said]
    assert connector.people(asked) == [[7], [7], []]
    look = Look([999], [asked[0]], "delete")
    assert connector.recount("accounts", Rows([], []), look).by_identifier == 1


# --- SQLite ---------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_not_made(file, tmp_path):
    with pytest.raises(StoreUnreachable):
        SQLStore(f"sqlite:///{tmp_path}/none.db", file.program)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_unreachable(file, tmp_path):
    (tmp_path / "no.db").write_text("this is not a database, it is a text of some length" * 50)
    with pytest.raises(StoreUnreachable):
        SQLStore(f"sqlite:///{tmp_path}/no.db", file.program)


def test_foreign_keys_are_kept_whatever_the_file_says(file):
    with pytest.raises(ChangeBlocked):
        file.connector.apply("accounts", Rows([1], [0]), [1], Deed("delete"))
    assert file.one("SELECT count(*) FROM accounts WHERE id = 1") == 1


def test_a_column_that_folds_case_still_compares_to_the_letter(file):
    file.run("CREATE TABLE gifts (id INTEGER PRIMARY KEY, mail TEXT COLLATE NOCASE)")
    file.run("CREATE INDEX g ON gifts (mail)")
    mail = file.one("SELECT email FROM accounts WHERE id = 7")
    file.run("INSERT INTO gifts VALUES (1, :m), (2, upper(:m))", m=mail)
    file.run("CREATE INDEX plain_email ON accounts (email)")
    hop = Hop("mail", "accounts", "email", forward=True, unique=False)
    table = Table("gifts", ("id",), ((hop,),), "delete", shareable=True)
    mine = file.refitted(_with(file.program, table))
    assert tables(mine.connector.locate([7], on=ON))["gifts"].keys == [1]


def test_a_row_without_a_whole_key_is_refused_and_never_called_none(file):
    file.run("CREATE TABLE gifts (account INTEGER, slot TEXT, PRIMARY KEY (account, slot))")
    file.run("INSERT INTO gifts VALUES (7, 'None'), (7, NULL)")
    hop = Hop("account", "accounts", "id", forward=True, unique=True)
    table = Table("gifts", ("account", "slot"), ((hop,),), "delete")
    mine = file.refitted(_with(file.program, table))
    with pytest.raises(KeysRefused):
        mine.connector.locate([7], on=ON)


def test_a_file_that_somebody_else_writes_is_a_store_that_is_away(file):
    path = file.url.removeprefix("sqlite:///")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    file.connector._connection.exec_driver_sql("PRAGMA busy_timeout = 100")
    file.connector._connection.rollback()
    with pytest.raises(StoreUnreachable):
        file.connector.apply("profiles", Rows([1], [0]), [1], Deed("delete"))
    assert file.connector.people([email(file.kind.email)]) == [[1]]
    writer.close()


def test_no_statement_reads_a_whole_table(file, monkeypatch):
    seen: list[str] = []
    statements = {
        "people": lambda: file.connector.people([email(file.kind.email)]),
        "marks": lambda: file.connector.marks([1]),
        "locate": lambda: file.connector.locate([1], on=ON),
        "erase": lambda: stores.erase(file, [1], on=ON),
    }
    run = SQLStore._send

    def explained(self, query, values):
        text = str(query.compile(dialect=self._connection.dialect))
        order = query.compile(dialect=self._connection.dialect).construct_params(values)
        plan = self._connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {text}",
            tuple(order[n] for n in query.compile(dialect=self._connection.dialect).positiontup),
        )
        seen.extend(row[3] for row in plan if row[3].startswith("SCAN"))
        return run(self, query, values)

    monkeypatch.setattr(SQLStore, "_send", explained)
    for each in statements.values():
        each()
    assert [step for step in seen if "VIRTUAL TABLE" not in step and "SUBQUERY" not in step] == []


# --- limits ---------------------------------------------------------------------------------------


@pytest.fixture(params=["ours", "file"])
def either(request):
    return request.getfixturevalue(request.param)


def test_fifty_thousand_rows_go_in_one_statement_each(either, monkeypatch):
    either.grow("activity_log", keys.MOST - 10, person=5)
    located = tables(either.connector.locate([5], on=ON))["activity_log"]
    counted = count_statements(either, monkeypatch)
    done = either.connector.apply("activity_log", located.rows, [5], Deed("delete"))
    assert (done, len(counted)) == (Applied(keys.MOST, 0, []), 2)


def test_a_thousand_people_are_found_in_one_statement_each(either, monkeypatch):
    mails = [mail for (mail,) in either.run("SELECT email FROM accounts ORDER BY id")]
    asked = [email(mail.upper()) for mail in mails] + [email(f"n{n}@x.org") for n in range(940)]
    counted = count_statements(either, monkeypatch)
    found = either.connector.people(asked)
    assert (found[:60], {tuple(each) for each in found[60:]}) == (
        [[number] for number in range(1, 61)], {()},
    )  # fmt: skip
    assert len(counted) == sum(len(table.identities) for table in either.program.tables)


def test_values_made_here_are_read_in_slices(either, monkeypatch):
    monkeypatch.setattr("ccpa_office.connectors.sql.changing.SLICE", 7)
    people = list(range(1, 41))
    located = tables(either.connector.locate(people, on=ON))["forum_posts"]
    identities = either.connector.marks(people)
    counted = count_statements(either, monkeypatch)
    done = either.connector.apply(
        "forum_posts", located.rows, people, Deed("mask", SECRET, identities)
    )
    assert (done.done, done.foreign) == (len(located.keys), [])
    assert len(counted) == 2 * -(-len(located.keys) // 7)


def test_a_plan_larger_than_a_chunk_is_refused(either):
    with pytest.raises(KeysRefused):
        either.connector.apply(
            "activity_log", Rows([1] * (keys.MOST + 1), [0] * (keys.MOST + 1)), [5], Deed("delete")
        )


def test_a_set_is_one_json_text():
    assert json.loads(keys.packed([(1, 'a"b'), (2, "森")])) == [[1, 'a"b'], [2, "森"]]
    assert keys.packed([(1, "森")]).isascii()


def test_composite_keys_of_people_are_told_apart(maria):
    engine = Engine("mariadb", "`", maria.fresh)
    with contract.shop(engine, stores.SHIP_KIND) as ship:
        found = ship.connector.people([email("SAILOR7@example.org")])
        assert found == [[("Lima", 3)]]
        assert all(not each.keys for each in ship.connector.locate([("Oslo", 99)], on=ON))


def test_a_map_may_name_another_schema_than_the_urls(ours):
    database = ours.url.rpartition("/")[2].partition("?")[0]
    program = Program(**{**vars(ours.program), "schema": database, "digest": "named"})
    mine = ours.refitted(program)
    assert mine.connector.people([email(ours.kind.email)]) == [[1]]
    done = mine.connector.apply("profiles", Rows([1], [0]), [1], Deed("delete"))
    assert done == Applied(1, 0, [])
    assert with_table(program, "orders").schema == database


@pytest.mark.parametrize("kind", ["maria", "sqlite"])
def test_a_reference_to_a_key_of_two_columns_needs_both(kind, request):
    if kind == "maria":
        engine = Engine("mariadb", "`", request.getfixturevalue("maria").fresh)
    else:
        engine = Engine("sqlite", '"', contract_engines.sqlite_file)
    with contract.shop(engine, stores.SHIP_KIND) as ship:
        ship.run("CREATE TABLE oath (id bigint PRIMARY KEY, harbor VARCHAR(40), no bigint)")
        ship.run("CREATE INDEX oath_i ON oath (harbor, no)")
        ship.run("INSERT INTO oath VALUES (1, 'Lima', 3), (2, 'Lima', 4), (3, 'Oslo', 3)")
        hop = Hop("harbor", "sailor", "port", forward=True, unique=True, also=(("no", "nr"),))
        mine = ship.refitted(_with(ship.program, Table("oath", ("id",), ((hop,),), "delete")))
        assert tables(mine.connector.locate([("Lima", 3)], on=ON))["oath"].keys == [1]
        done = mine.connector.apply("oath", Rows([1, 2], [0, 0]), [("Lima", 3)], Deed("delete"))
        assert done == Applied(0, 0, [2])
        done = mine.connector.apply("oath", Rows([1], [0]), [("Lima", 3)], Deed("delete"))
        assert (done, mine.run("SELECT id FROM oath ORDER BY id")) == (
            Applied(1, 0, []),
            [(2,), (3,)],
        )
