"""Changes touch the planned rows of the planned person and nothing else, however often they run."""

from datetime import date

import pytest

from ccpa_office.connectors.base import (
    Applied,
    ChangeBlocked,
    Deed,
    Identity,
    Key,
    KeysRefused,
    Rows,
)
from tests.connectors import stores
from tests.connectors.stores import SECRET, erase, look, split

ON = date(2026, 7, 1)
CLEAN = (0, 0, 0)


def gone(before, after):
    """The rows that are no longer there, and those that are new, table by table."""
    return {
        name: (set(rows) - set(after[name]), set(after[name]) - set(rows))
        for name, rows in before.items()
        if rows != after[name]
    }


def acted(store, located):
    """How many of the located rows were to be changed."""
    cut = split(store, located)
    return sum(len(rows.keys) for what, rows in cut.items() if what != "keep")


def test_an_erasure_touches_the_persons_rows_and_no_others(fresh):
    before = fresh.rows()
    erasure = erase(fresh, [fresh.kind.one], on=ON)
    changed = gone(before, fresh.rows())
    counts = {each.table: acted(fresh, each) for each in erasure.located}
    assert {name: len(lost) for name, (lost, _) in changed.items()} == {
        name: count for name, count in counts.items() if count
    }
    assert all(foreign == [] for _, _, foreign in erasure.applied.values())


def test_new_values_appear_only_in_masked_tables(fresh):
    before = fresh.rows()
    erase(fresh, [fresh.kind.one], on=ON)
    masked = {table.name for table in fresh.program.tables if table.action == "mask"}
    assert {name for name, (_, new) in gone(before, fresh.rows()).items() if new} == masked


def test_the_second_and_the_third_run_change_nothing(fresh):
    first = erase(fresh, [fresh.kind.one], on=ON)
    after = fresh.rows()
    for _ in range(2):
        again = erase(fresh, first.people, on=ON, located=first.located)
        assert {done for done, _, _ in again.applied.values()} == {0}
        assert {tuple(foreign) for _, _, foreign in again.applied.values()} == {()}
        assert fresh.rows() == after


def test_nothing_is_left_for_the_second_look(fresh):
    before_any = erase_nothing(fresh)
    assert any(found != CLEAN for found in before_any.values())
    erasure = erase(fresh, [fresh.kind.one, fresh.kind.other], on=ON)
    assert look(fresh, erasure) == {table.name: CLEAN for table in fresh.program.tables}


def erase_nothing(store):
    """Look again before anything was done."""
    people = [store.kind.one]
    found = store.connector.locate(people, on=ON)
    return look(store, stores.Erasure(people, store.connector.marks(people), found, {}))


def test_a_chunk_of_all_people_leaves_only_what_is_kept(fresh):
    people = stores.everybody(fresh)
    erasure = erase(fresh, people, on=ON)
    assert look(fresh, erasure) == {each.name: CLEAN for each in fresh.program.tables}
    assert (len(people), stores.everybody(fresh)) == (fresh.kind.people, [])


def test_one_statement_a_table_whatever_the_number_of_rows(fresh_learners, monkeypatch):
    fresh_learners.execute(
        "INSERT INTO activity_log SELECT 1000000 + g, 4, now(), '198.51.100.1', '/x', '{}'"
        " FROM generate_series(1, 20000) g"
    )
    located = fresh_learners.connector.locate([4], on=ON)
    counted = stores.count_statements(fresh_learners.connector, monkeypatch)
    erasure = erase(fresh_learners, [4], on=ON, located=located)
    assert erasure.applied["activity_log delete"] == (20_010, 0, [])
    assert len(counted) == len(erasure.applied) + 1


def test_the_members_of_a_household_keep_their_address_until_both_are_gone(fresh_learners):
    erase(fresh_learners, [2], on=ON)
    assert fresh_learners.execute("SELECT postal_code FROM addresses WHERE id = 2") == [("94607",)]
    erase(fresh_learners, [3], on=ON)
    assert fresh_learners.execute("SELECT postal_code FROM addresses WHERE id = 2") == []


def test_a_shared_ticket_loses_only_what_was_this_persons(fresh_learners):
    marks = fresh_learners.connector.marks([10])[0].identifiers
    (mail,), (name,) = marks["email"], marks["name"]
    writer = fresh_learners.execute("SELECT email FROM accounts WHERE id = 9")[0][0]
    erasure = erase(fresh_learners, [10], on=ON)
    assert fresh_learners.execute(
        "SELECT account_id, requester_email, body FROM support_tickets WHERE id = 10"
    ) == [(None, writer, "Hello, this is [removed]. Please answer to [removed]")]
    assert look(fresh_learners, erasure)["support_tickets"] == CLEAN
    assert mail not in str(fresh_learners.rows()["support_tickets"])
    assert name not in str(fresh_learners.rows()["support_tickets"])


def test_both_people_of_a_shared_ticket_can_be_erased_in_one_chunk(fresh_learners):
    erasure = erase(fresh_learners, [9, 10], on=ON)
    account, writer = fresh_learners.execute(
        "SELECT account_id, requester_email FROM support_tickets WHERE id = 10"
    )[0]
    assert (account, writer.endswith("@erased.invalid")) == (None, True)
    assert erasure.applied["support_tickets strip"] == (1, 0, [])
    assert look(fresh_learners, erasure)["support_tickets"] == CLEAN


def test_a_forum_post_stays_without_its_author(fresh_learners):
    erase(fresh_learners, [1], on=ON)
    author, name, body, posted = fresh_learners.execute(
        "SELECT author_id, author_name, body, posted_at FROM forum_posts WHERE id = 1"
    )[0]
    assert (author, name, posted.day) == (None, "former learner", 1)
    assert body == (
        "Could somebody explain the second exercise? You may write to [removed]"
        " or call [removed]. Thank you, [removed]"
    )


def test_masked_values_are_what_the_map_says(fresh_club):
    erase(fresh_club, [fresh_club.kind.one], on=ON)
    rows = fresh_club.execute(
        'SELECT "select", note, nick, priced FROM club."order" WHERE card_no IS NULL'
    )
    assert {(row[0], row[1], row[3]) for row in rows} == {
        ("100% gone", "bring it to [removed] ([removed]), not to Ada Number", 5)
    }
    names = {row[2] for row in rows}
    assert (len(names), {name[:7] for name in names}) == (4, {"erased-"})


def test_a_pseudonym_depends_on_its_secret_alone(fresh_club):
    located = {
        each.table: each for each in fresh_club.connector.locate([fresh_club.kind.one], on=ON)
    }

    def names(secret):
        people = [fresh_club.kind.one]
        deed = Deed("mask", secret, fresh_club.connector.marks(people))
        with stores.undone(fresh_club.connector):
            fresh_club.connector.apply("order", located["order"].rows, people, deed)
            query = 'SELECT nick FROM club."order" WHERE card_no IS NULL ORDER BY id'
            return fresh_club.connector._all(query, {})

    assert names(SECRET) == names(SECRET) != names(b"another secret of the tests")


def test_a_pseudonym_needs_a_secret(fresh_club):
    located = {
        each.table: each for each in fresh_club.connector.locate([fresh_club.kind.one], on=ON)
    }
    deed = Deed("mask", b"short", [Identity({})])
    with pytest.raises(KeysRefused):
        fresh_club.connector.apply("order", located["order"].rows, [fresh_club.kind.one], deed)


# --- keys of somebody else ------------------------------------------------------------------------


def test_a_swapped_person_is_foreign_and_nothing_is_changed(fresh):
    connector, before = fresh.connector, fresh.rows()
    one, other = fresh.kind.one, fresh.kind.other
    for each in connector.locate([one], on=ON):
        table = fresh.program.table(each.table)
        identities = [Identity({})]
        deed = Deed("mask" if table.action == "mask" else "delete", SECRET, identities)
        with connector.transaction():
            applied = connector.apply(
                each.table, Rows(each.keys, [0] * len(each.keys)), [other], deed
            )
        assert applied.done == 0
        assert len(applied.foreign) == len(each.keys)
    assert fresh.rows() == before


def test_a_key_that_is_somebody_elses_by_now_stops_the_chunk(fresh_learners):
    located = fresh_learners.connector.locate([4], on=ON)
    orders = next(each for each in located if each.table == "orders")
    fresh_learners.execute("UPDATE orders SET account_id = 5 WHERE id = %s", orders.keys[0])
    before, foreign = fresh_learners.rows(), {}
    with stores.undone(fresh_learners.connector):
        for each in located[: located.index(orders)]:
            deed = Deed(fresh_learners.program.table(each.table).action, SECRET, [Identity({})])
            applied = fresh_learners.connector.apply(each.table, each.rows, [4], deed)
            foreign[each.table] = len(applied.foreign)
    assert {name for name, count in foreign.items() if count} == {"payments"}
    assert fresh_learners.rows() == before


def test_an_address_that_somebody_moved_into_is_foreign(fresh_learners):
    located = fresh_learners.connector.locate([4], on=ON)
    fresh_learners.execute("UPDATE accounts SET address_id = 4 WHERE id = 5")
    erasure = erase(fresh_learners, [4], on=ON, located=located)
    assert erasure.applied["addresses delete"] == (0, 0, [4])


def test_a_row_put_under_a_hold_since_the_plan_comes_back(fresh_learners):
    on = date(2027, 1, 1)
    each = next(e for e in fresh_learners.connector.locate([1], on=on) if e.table == "invoices")
    fresh_learners.execute("UPDATE invoices SET legal_hold = true WHERE number = 'INV-1'")
    rows = split(fresh_learners, each)["delete"]
    applied = fresh_learners.connector.apply("invoices", rows, [1], Deed("delete"))
    assert applied == Applied(0, 0, ["INV-1"])


def test_rows_that_changed_but_are_still_the_persons_are_changed(fresh_learners):
    located = fresh_learners.connector.locate([1], on=ON)
    fresh_learners.execute("UPDATE orders SET total = 1 WHERE account_id = 1")
    erasure = erase(fresh_learners, [1], on=ON, located=located)
    assert erasure.applied["orders delete"] == (2, 0, [])


def test_rows_that_are_gone_already_are_counted(fresh_learners):
    located = fresh_learners.connector.locate([1], on=ON)
    fresh_learners.execute("DELETE FROM activity_log WHERE account_id = 1 AND id % 2 = 0")
    erasure = erase(fresh_learners, [1], on=ON, located=located)
    assert erasure.applied["activity_log delete"] == (5, 5, [])


def test_rows_born_after_the_freeze_are_found_and_block_their_parent(fresh_learners):
    located = fresh_learners.connector.locate([1], on=ON)
    known = {each.table: each.keys for each in located}
    assert fresh_learners.connector.newborn([1], known, on=ON) == []
    fresh_learners.execute(
        "INSERT INTO activity_log VALUES (999999, 1, now(), '198.51.100.9', '/x', '{}')"
    )
    (born,) = fresh_learners.connector.newborn([1], known, on=ON)
    assert (born.table, born.keys, born.persons, born.kept) == (
        "activity_log",
        [999_999],
        [0],
        [""],
    )
    before = fresh_learners.rows()
    with pytest.raises(ChangeBlocked):
        erase(fresh_learners, [1], on=ON, located=located)
    assert fresh_learners.rows() == before


def test_newborn_rows_with_every_kind_of_key_are_found(fresh_club):
    people = [fresh_club.kind.one]
    known: dict[str, list[Key]] = {
        each.table: [] for each in fresh_club.connector.locate(people, on=ON)
    }
    born = fresh_club.connector.newborn(people, known, on=ON)
    assert [(each.table, each.rows) for each in born] == [
        (each.table, each.rows) for each in fresh_club.connector.locate(people, on=ON)
    ]


def test_a_constraint_that_forbids_the_change_undoes_the_whole_chunk(fresh_learners):
    before = fresh_learners.rows()
    with pytest.raises(ChangeBlocked):
        _delete_out_of_order(fresh_learners.connector)
    assert fresh_learners.rows() == before


def _delete_out_of_order(connector):
    with connector.transaction():
        connector.apply("profiles", Rows([1], [0]), [1], Deed("delete"))
        connector.apply("accounts", Rows([1], [0]), [1], Deed("delete"))
