"""The contract, second part: planned rows of the planned person change, and nothing else does."""
# ruff: noqa: S608 (names of tables, quoted as each engine quotes them)

import json
from datetime import date

import pytest

from ccpa_office.connectors.base import (
    Applied,
    Change,
    ChangeBlocked,
    Deed,
    Identity,
    KeysRefused,
    Rows,
)
from tests.connectors.contract import count_statements, look
from tests.connectors.stores import SECRET, erase, split, undone
from tests.connectors.test_contract_finding import tables, with_table

ON = date(2026, 7, 1)
CLEAN = (0, 0, 0)


def gone(before, after):
    """The rows that are no longer there, and those that are new, table by table."""
    return {
        name: (set(rows) - set(after[name]), set(after[name]) - set(rows))
        for name, rows in before.items()
        if rows != after[name]
    }


def acted(shop, located):
    cut = split(shop, located)
    return sum(len(rows.keys) for what, rows in cut.items() if what != "keep")


def test_an_erasure_touches_the_persons_rows_and_no_others(shop):
    before = shop.rows()
    erasure = erase(shop, [shop.kind.one], on=ON)
    changed = gone(before, shop.rows())
    counts = {each.table: acted(shop, each) for each in erasure.located}
    assert {name: len(lost) for name, (lost, _) in changed.items()} == {
        name: count for name, count in counts.items() if count
    }
    masked = {table.name for table in shop.program.tables if table.action == "mask"}
    assert {name for name, (_, new) in changed.items() if new} == masked
    assert all(foreign == [] for _, _, foreign in erasure.applied.values())


def test_the_second_and_the_third_run_change_nothing(shop):
    first = erase(shop, [shop.kind.one], on=ON)
    after = shop.rows()
    for _ in range(2):
        again = erase(shop, first.people, on=ON, located=first.located)
        assert {done for done, _, _ in again.applied.values()} == {0}
        assert {tuple(foreign) for _, _, foreign in again.applied.values()} == {()}
        assert shop.rows() == after


def test_a_chunk_of_all_people_leaves_only_what_is_kept(shop):
    people = shop.everybody()
    erasure = erase(shop, people, on=ON)
    assert look(shop, erasure) == {each.name: CLEAN for each in shop.program.tables}
    assert (len(people), shop.everybody()) == (shop.kind.people, [])


def test_the_number_of_statements_does_not_depend_on_rows(school, monkeypatch):
    counted = count_statements(school, monkeypatch)
    erase(school, [4], on=ON)
    few = len(counted)
    school.grow("activity_log", 3_000, person=5)
    counted.clear()
    erasure = erase(school, [5], on=ON)
    assert erasure.applied["activity_log delete"][0] >= 3_000
    assert len(counted) == few


def test_table_after_table_can_be_sent_together(school):
    located = school.connector.locate([4], on=ON)
    changes = [
        (each.table, rows, Deed(action, SECRET, school.connector.marks([4])))
        for each in located
        for action, rows in split(school, each).items()
        if action in {"delete", "mask"}
    ]
    with school.connector.transaction():
        done = school.connector.apply_all(changes, [4])
    assert [each.done for each in done] == [len(rows.keys) for _, rows, _ in changes]


def test_the_members_of_a_household_keep_their_address_until_both_are_gone(school):
    erase(school, [2], on=ON)
    assert school.run("SELECT postal_code FROM addresses WHERE id = 2") == [("94607",)]
    erase(school, [3], on=ON)
    assert school.run("SELECT postal_code FROM addresses WHERE id = 2") == []


def test_a_shared_ticket_loses_only_what_was_this_persons(school):
    writer = school.one("SELECT email FROM accounts WHERE id = 9")
    erasure = erase(school, [10], on=ON)
    assert school.run(
        "SELECT account_id, requester_email, body FROM support_tickets WHERE id = 10"
    ) == [(None, writer, "Hello, this is [removed]. Please answer to [removed]")]
    assert look(school, erasure)["support_tickets"] == CLEAN


def test_both_people_of_a_shared_ticket_can_be_erased_in_one_chunk(school):
    erasure = erase(school, [9, 10], on=ON)
    ((account, writer),) = school.run(
        "SELECT account_id, requester_email FROM support_tickets WHERE id = 10"
    )
    assert (account, writer.endswith("@erased.invalid")) == (None, True)
    assert erasure.applied["support_tickets strip"] == (1, 0, [])
    assert look(school, erasure)["support_tickets"] == CLEAN


def test_a_forum_post_stays_without_its_author(school):
    erase(school, [1], on=ON)
    ((author, name, body, posted),) = school.run(
        "SELECT author_id, author_name, body, posted_at FROM forum_posts WHERE id = 1"
    )
    assert (author, name, str(posted)[8:10]) == (None, "former learner", "01")
    assert body == (
        "Could somebody explain the second exercise? You may write to [removed]"
        " or call [removed]. Thank you, [removed]"
    )


def test_masked_values_are_what_the_map_says(clubhouse):
    erase(clubhouse, [clubhouse.kind.one], on=ON)
    rows = clubhouse.run(
        f"SELECT {clubhouse.c('select')}, note, nick, priced FROM {clubhouse.q('order')}"
        " WHERE card_no IS NULL"
    )
    assert {(row[0], row[1], row[3]) for row in rows} == {
        ("100% gone", "bring it to [removed] ([removed]), not to Ada Number", 5)
    }
    names = {row[2] for row in rows}
    assert (len(names), {name[:7] for name in names}) == (4, {"erased-"})


EVERY = [
    ("priced", "zero", "", lambda value: value == 0),
    ("priced", "bucket", "4", lambda value: value == 4),
    ("priced", "null", "", lambda value: value is None),
    ("priced", "constant", "7", lambda value: value == 7),
    ("nick", "keep_last", "2", lambda value: value.startswith("***") and value.endswith("r5")),
    ("nick", "hash", "SHA-256", lambda value: len(value) == 60 and "Ada" not in value),
    ("nick", "hmac", "SHA-512", lambda value: len(value) == 60 and "Ada" not in value),
    ("nick", "encrypt", "", lambda value: len(value) == 60 and "Ada" not in value),
    ("nick", "random", "40", lambda value: len(value) == 40),
    ("nick", "pseudonym", "email", lambda value: value.endswith("@erased.invalid")),
]


@pytest.mark.parametrize(("column", "how", "argument", "met"), EVERY)
def test_every_way_of_masking_is_served_and_seen_again(clubhouse, column, how, argument, met):
    changes = tuple(
        Change(column, how, argument) if each.column == column else each
        for each in clubhouse.program.table("order").changes
    )
    if column not in {each.column for each in changes}:
        changes = (*changes, Change(column, how, argument))
    mine = clubhouse.refitted(with_table(clubhouse.program, "order", changes=changes))
    erasure = erase(mine, [mine.kind.one], on=ON)
    values = [value for (value,) in mine.run(
        f"SELECT {column} FROM {mine.q('order')} WHERE card_no IS NULL")]  # fmt: skip
    assert (len(values), [value for value in values if not met(value)]) == (4, [])
    assert look(mine, erasure)["order"] == CLEAN
    spoiled = "'Ada again'" if column == "nick" else "6"
    mine.run(f"UPDATE {mine.q('order')} SET {column} = {spoiled} WHERE card_no IS NULL")
    assert look(mine, erasure)["order"] == (4, 0, 0)


def test_json_loses_the_person_and_nothing_else(clubhouse):
    held = '{"to": "MEMBER5@example.org", "n": 5, "list": ["tea", "member5@example.org"]}'
    clubhouse.run(f"UPDATE {clubhouse.q('order')} SET note = :d", d=held)
    changes = tuple(Change(each.column, "strip_json") if each.column == "note" else each
                    for each in clubhouse.program.table("order").changes)  # fmt: skip
    mine = clubhouse.refitted(with_table(clubhouse.program, "order", changes=changes))
    erasure = erase(mine, [mine.kind.one], on=ON)
    left = mine.run(f"SELECT note FROM {mine.q('order')} WHERE card_no IS NULL")
    assert {json.loads(note) == STRIPPED for (note,) in left} == {True}
    assert look(mine, erasure)["order"] == CLEAN


STRIPPED = {"to": "[removed]", "n": 5, "list": ["tea", "[removed]"]}


def test_an_empty_value_stays_empty(clubhouse):
    clubhouse.run(
        f"UPDATE {clubhouse.q('order')} SET nick = NULL, note = '', {clubhouse.c('select')} = NULL"
    )
    erase(clubhouse, [clubhouse.kind.one], on=ON)
    table, column = clubhouse.q("order"), clubhouse.c("select")
    rows = clubhouse.run(f"SELECT nick, note, {column} FROM {table} WHERE card_no IS NULL")
    assert rows == [(None, "", None)] * 4


def test_a_kept_row_loses_what_need_not_stay(school):
    trims = (Change("billing_address", "null"), Change("billing_name", "constant", "kept by law"))
    mine = school.refitted(with_table(school.program, "invoices", trims=trims))
    rows = Rows(["INV-2"], [0])
    done = mine.connector.apply("invoices", rows, [1], Deed("trim", SECRET))
    assert done == Applied(1, 0, [])
    assert mine.run(
        "SELECT billing_address, billing_name FROM invoices WHERE number = 'INV-2'"
    ) == [(None, "kept by law")]


def test_a_pseudonym_depends_on_its_secret_alone(clubhouse):
    located = tables(clubhouse.connector.locate([clubhouse.kind.one], on=ON))
    before, found = clubhouse.rows(), []

    def names(secret):
        people = [clubhouse.kind.one]
        deed = Deed("mask", secret, clubhouse.connector.marks(people))
        with undone(clubhouse.connector):
            clubhouse.connector.apply("order", located["order"].rows, people, deed)
            query = f"SELECT nick FROM {clubhouse.q('order')} WHERE card_no IS NULL ORDER BY id"
            found.append(clubhouse.peek(query))
        return found[-1]

    assert names(SECRET) == names(SECRET) != names(b"another secret of the tests")
    assert clubhouse.rows() == before


@pytest.mark.parametrize("deed", [Deed("mask", b"short", [Identity({})]), Deed("mask", SECRET, [])])
def test_a_mask_needs_its_secret_and_the_identities(clubhouse, deed):
    rows = tables(clubhouse.connector.locate([clubhouse.kind.one], on=ON))["order"].rows
    with pytest.raises(KeysRefused):
        clubhouse.connector.apply("order", rows, [clubhouse.kind.one], deed)


# --- keys of somebody else ------------------------------------------------------------------------


def test_a_swapped_person_is_foreign_and_nothing_is_changed(shop):
    before = shop.rows()
    for each in shop.connector.locate([shop.kind.one], on=ON):
        table = shop.program.table(each.table)
        deed = Deed("mask" if table.action == "mask" else "delete", SECRET, [Identity({})])
        rows = Rows(each.keys, [0] * len(each.keys))
        with shop.connector.transaction():
            applied = shop.connector.apply(each.table, rows, [shop.kind.other], deed)
        assert (applied.done, applied.gone, len(applied.foreign)) == (0, 0, len(each.keys))
    assert shop.rows() == before


def test_a_key_that_is_somebody_elses_by_now_stops_the_chunk(school):
    located = school.connector.locate([4], on=ON)
    orders = tables(located)["orders"]
    school.run("UPDATE orders SET account_id = 5 WHERE id = :id", id=orders.keys[0])
    before, foreign = school.rows(), {}
    with undone(school.connector):
        for each in located[: located.index(orders)]:
            deed = Deed(school.program.table(each.table).action, SECRET, [Identity({})])
            applied = school.connector.apply(each.table, each.rows, [4], deed)
            foreign[each.table] = len(applied.foreign)
    assert {name for name, count in foreign.items() if count} == {"payments"}
    assert school.rows() == before


def test_an_address_that_somebody_moved_into_is_foreign(school):
    located = school.connector.locate([4], on=ON)
    school.run("UPDATE accounts SET address_id = 4 WHERE id = 5")
    erasure = erase(school, [4], on=ON, located=located)
    assert erasure.applied["addresses delete"] == (0, 0, [4])


def test_a_row_put_under_a_hold_since_the_plan_comes_back(school):
    on = date(2027, 1, 1)
    each = tables(school.connector.locate([1], on=on))["invoices"]
    school.run("UPDATE invoices SET legal_hold = true WHERE number = 'INV-1'")
    rows = split(school, each)["delete"]
    applied = school.connector.apply("invoices", rows, [1], Deed("delete"))
    assert applied == Applied(0, 0, ["INV-1"])


def test_rows_that_are_gone_already_are_counted(school):
    located = school.connector.locate([1], on=ON)
    school.run("DELETE FROM activity_log WHERE account_id = 1 AND id % 2 = 0")
    erasure = erase(school, [1], on=ON, located=located)
    assert erasure.applied["activity_log delete"] == (5, 5, [])


def test_rows_born_after_the_freeze_are_found_and_block_their_parent(school):
    located = school.connector.locate([1], on=ON)
    known = {each.table: each.keys for each in located}
    assert school.connector.newborn([1], known, on=ON) == []
    school.grow("activity_log", 1, person=1)
    (born,) = school.connector.newborn([1], known, on=ON)
    assert (born.table, len(born.keys), born.persons, born.kept) == ("activity_log", 1, [0], [""])
    before = school.rows()
    with pytest.raises(ChangeBlocked):
        erase(school, [1], on=ON, located=located)
    assert school.rows() == before


def test_newborn_rows_with_every_kind_of_key_are_found(clubhouse):
    people = [clubhouse.kind.one]
    located = clubhouse.connector.locate(people, on=ON)
    born = clubhouse.connector.newborn(people, {each.table: [] for each in located}, on=ON)
    assert [(each.table, each.keys) for each in born] == [
        (each.table, each.keys) for each in located
    ]


def test_a_constraint_that_forbids_the_change_undoes_the_whole_chunk(school):
    before = school.rows()
    with pytest.raises(ChangeBlocked):
        _delete_out_of_order(school.connector)
    assert school.rows() == before


def _delete_out_of_order(connector):
    with connector.transaction():
        connector.apply("profiles", Rows([1], [0]), [1], Deed("delete"))
        connector.apply("accounts", Rows([1], [0]), [1], Deed("delete"))
