"""Whom identifiers name, and which rows are theirs, in schemas that have nothing in common."""

from datetime import date

import pytest

from ccpa_office.connectors.base import Identity, KeysRefused
from tests.connectors import stores

ON = date(2026, 7, 1)


def email(*values):
    return Identity({"email": list(values)})


def test_a_verified_address_names_its_person(store):
    assert store.connector.people([email(store.kind.email)]) == [[store.kind.one]]


def test_people_come_back_in_the_order_of_their_identities(store):
    nobody = email("nobody@example.org")
    found = store.connector.people([nobody, email(store.kind.email), nobody])
    assert found == [[], [store.kind.one], []]


@pytest.mark.parametrize("value", ["", "%", "_", "*", " ", "NULL", "' OR '1'='1", "a\x00b", "@"])
def test_a_value_that_is_no_address_names_nobody(store, value):
    assert store.connector.people([email(value)]) == [[]]


def test_an_identity_of_another_kind_names_nobody(store):
    assert store.connector.people([Identity({"name": [store.kind.email]})]) == [[]]


def test_every_row_of_a_person_is_located_once(store):
    located = store.connector.locate([store.kind.one], on=ON)
    assert {each.table: len(each.keys) for each in located} == store.kind.counts
    assert all(len(set(each.keys)) == len(each.keys) for each in located)


def test_who_stands_twice_among_the_people_is_found_for_both(store):
    one = store.kind.one
    for each in store.connector.locate([one, one], on=ON):
        rows = list(zip(each.keys, each.persons, strict=True))
        assert {key for key, person in rows if person == 0} == {key for key, _ in rows}
        assert {key for key, person in rows if person == 1} == {key for key, _ in rows}


def test_rows_of_two_people_carry_the_right_person(store):
    one, other = store.kind.one, store.kind.other
    alone = {each.table: each.keys for each in store.connector.locate([other], on=ON)}
    for each in store.connector.locate([one, other], on=ON):
        pairs = list(zip(each.keys, each.persons, strict=True))
        assert sorted(map(str, [key for key, person in pairs if person == 1])) == sorted(
            map(str, alone[each.table])
        )


def test_an_unknown_person_has_no_rows(learners, club):
    assert all(not each.keys for each in learners.connector.locate([999_999], on=ON))
    nobody = "00000000-0000-0000-0000-000000000000"
    assert all(not each.keys for each in club.connector.locate([nobody], on=ON))


def test_nobody_asked_means_nothing_located(store):
    assert store.connector.locate([], on=ON) == []


@pytest.mark.parametrize(
    "key", [None, "", True, 1.5, (), ("a", "b", "c"), [1, None], 2**70, "\x00"]
)
def test_what_is_no_key_is_refused_before_any_statement(store, key):
    with pytest.raises(KeysRefused):
        store.connector.locate([key], on=ON)


def test_the_number_of_statements_does_not_depend_on_people(store, monkeypatch):
    counted = stores.count_statements(store.connector, monkeypatch)
    store.connector.locate([store.kind.one], on=ON)
    alone = len(counted)
    store.connector.locate([store.kind.one, store.kind.other], on=ON)
    assert (alone, len(counted) - alone) == (len(store.program.tables),) * 2


def test_an_address_of_a_household_is_shared(learners):
    found = {each.table: each for each in learners.connector.locate([2], on=ON)}
    assert (found["addresses"].keys, found["addresses"].shared) == ([2], [True])
    assert not any(any(each.shared) for name, each in found.items() if name != "addresses")


def test_a_locker_is_shared_with_whoever_was_not_asked(club):
    first = club.execute("SELECT ref::text FROM club.member WHERE mail = 'member1@example.org'")
    located = {each.table: each for each in club.connector.locate([first[0][0]], on=ON)}
    assert located["locker"].shared == [True]


def test_a_ticket_that_another_member_wrote_is_shared(learners):
    located = {each.table: each for each in learners.connector.locate([10], on=ON)}
    assert (located["support_tickets"].keys, located["support_tickets"].shared) == ([10], [True])
    writer = {each.table: each for each in learners.connector.locate([9], on=ON)}
    assert writer["support_tickets"].shared == [True]


def test_invoices_are_kept_for_seven_years_to_the_day(learners):
    issued = learners.execute("SELECT number, issued_on FROM invoices WHERE account_no = 1")
    assert sorted(issued) == [("INV-1", date(2018, 9, 3)), ("INV-2", date(2025, 3, 14))]

    def kept(on):
        located = {each.table: each for each in learners.connector.locate([1], on=on)}
        each = located["invoices"]
        return dict(zip(each.keys, zip(each.kept, each.until, strict=True), strict=True))

    last = date(2025, 9, 3)
    assert kept(date(2025, 9, 2))["INV-1"] == ("DX_8", last)
    assert kept(last)["INV-1"] == ("", last)
    assert kept(last)["INV-2"] == ("DX_8", date(2032, 3, 14))


def test_a_hold_keeps_a_row_whatever_its_age(fresh_learners):
    fresh_learners.execute("UPDATE invoices SET legal_hold = true WHERE number = 'INV-1'")
    located = {each.table: each for each in fresh_learners.connector.locate([1], on=ON)}
    each = located["invoices"]
    assert dict(zip(each.keys, each.kept, strict=True)) == {"INV-1": "hold", "INV-2": "DX_8"}


def test_rows_come_in_storage_order(learners):
    each = learners.connector.locate([1, 4, 5], on=ON)[2]
    assert each.table == "grades"
    places = learners.execute("SELECT id FROM grades ORDER BY ctid")
    wanted = [key for (key,) in places if key in set(each.keys)]
    assert each.keys == wanted


def test_contacts_on_file_say_since_when(learners):
    contacts = learners.connector.contacts(email("hana.morikawa@EXAMPLE.org"))
    assert [(c.kind, c.value, c.since, c.person_key) for c in contacts] == [
        ("email", "hana.morikawa@example.org", "2024-02-01T10:00:00+00:00", 1)
    ]
    assert learners.connector.contacts(email("nobody@example.org")) == []


def test_claims_are_compared_in_their_published_form(learners):
    claims = {"postal_code": "94110-2233", "phone": "(415) 555 0142", "order_number": "ql-100001"}
    assert learners.connector.compare(1, claims) == dict.fromkeys(claims, True)
    assert learners.connector.compare(4, claims) == dict.fromkeys(claims, False)
    assert learners.connector.compare(None, claims) == dict.fromkeys(claims, False)


@pytest.mark.parametrize("value", ["", " ", "%", "0", "-", "a\x00b", "null", "555", "'"])
def test_an_empty_or_wild_claim_never_agrees(learners, value):
    claims = dict.fromkeys(["postal_code", "phone", "order_number"], value)
    assert learners.connector.compare(1, claims) == dict.fromkeys(claims, False)


def test_a_point_that_the_map_does_not_name_never_agrees(learners):
    assert learners.connector.compare(1, {"email": "hana.morikawa@example.org"}) == {"email": False}


def test_a_comparison_is_one_statement_whoever_it_is(learners, monkeypatch):
    counted = stores.count_statements(learners.connector, monkeypatch)
    learners.connector.compare(1, {"phone": "1"})
    learners.connector.compare(None, {"postal_code": "1", "phone": "2"})
    assert (len(counted), len(set(counted))) == (2, 1)


def test_names_agree_whatever_their_case_and_blanks(club):
    assert club.connector.compare(club.kind.one, {"name": "  ada   NUMBER5 "}) == {"name": True}


def test_sizes_are_estimated(learners):
    assert learners.connector.sizes()["accounts"] == 60


def test_a_sample_shows_shapes_and_no_values(learners):
    located = learners.connector.locate([1], on=ON)
    accounts = next(each for each in located if each.table == "accounts")
    (row,) = learners.connector.sample("accounts", accounts.rows)
    assert (row["email"], row["phone"]) == ("xxxx.xxxxxxxx@xxxxxxx.xx", "·9 ·999· 999-9999")
