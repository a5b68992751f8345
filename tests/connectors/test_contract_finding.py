"""The contract, first part: whom identifiers name and which rows are theirs, on every engine."""
# ruff: noqa: S608 (names of tables, quoted as each engine quotes them)

from dataclasses import replace
from datetime import date

import pytest

from ccpa_office.connectors.base import Hold, Identity, KeysRefused, Look, Rows, Table, Term
from ccpa_office.connectors.ways import Hop, Named
from tests.connectors import contract, stores
from tests.connectors.contract import count_statements

ON = date(2026, 7, 1)


def email(*values):
    return Identity({"email": list(values)})


def tables(located):
    return {each.table: each for each in located}


def with_table(program, which, /, **changes):
    """The program with one table changed."""
    made = tuple(
        replace(each, **changes) if each.name == which else each for each in program.tables
    )
    return replace(program, tables=made, digest=program.digest + str(changes))


def test_a_verified_address_names_its_person(still):
    assert still.connector.people([email(still.kind.email)]) == [[still.kind.one]]


def test_people_come_back_in_the_order_of_their_identities(still):
    nobody = email("nobody@example.org")
    found = still.connector.people([nobody, email(still.kind.email), nobody])
    assert found == [[], [still.kind.one], []]


@pytest.mark.parametrize(
    "value",
    ["", "%", "_", "*", " ", "NULL", "' OR '1'='1", "a\x00b", "@", '"', "]]", "\\", ":asked", "%s"],
)
def test_a_value_that_is_no_address_names_nobody(still, value):
    assert still.connector.people([email(value)]) == [[]]


def test_an_identity_of_another_kind_names_nobody(still):
    assert still.connector.people([Identity({"name": [still.kind.email]})]) == [[]]


def test_accents_and_blanks_at_the_end_make_another_address(school):
    held = "rene@example.org"
    school.run("UPDATE accounts SET email = :v WHERE id = 7", v=held)
    for near in (
        "rené@example.org",
        "rene@example.org ",
        "rene@example.org\u00a0",
        "ｒene@example.org",
    ):
        assert school.connector.people([email(near)]) == [[]]
    assert school.connector.people([email("RENE@example.ORG")]) == [[7]]


def test_an_exact_identifier_is_exact_to_the_letter(still_club):
    assert still_club.connector.people([email("MEMBER5@example.org")]) == [[]]
    assert still_club.connector.people([email("member5@example.org ")]) == [[]]


NAMES = [
    ("森川 花", "森川　花"), ("ガイド タロウ", "ｶﾞｲﾄﾞ ﾀﾛｳ"), ("ガイド タロウ", "がいど たろう"),
    ("Ada Lovelace", "ＡＤＡ  lovelace "), ("José", "Jose\u0301"),
]  # fmt: skip


@pytest.mark.parametrize(("held", "said"), NAMES)
def test_a_name_is_found_in_every_width_and_kana(clubhouse, held, said):
    clubhouse.run(f'UPDATE {clubhouse.q("member")} SET {clubhouse.c("full")} = :v WHERE mail = :m',
             v=held, m=clubhouse.kind.email)  # fmt: skip
    person = clubhouse.program.table("member")
    named = (*person.identities, Named("full", "name", "name"))
    connector = clubhouse.reconnect(with_table(clubhouse.program, "member", identities=named))
    found = connector.people([Identity({"name": [said]}), Identity({"name": [f"{said}x"]})])
    assert found == [[clubhouse.kind.one], []]


@pytest.mark.parametrize("said", ["415 555 0199", "+1 (415) 555-0199", "４１５５５５０１９９"])
def test_a_phone_is_found_however_it_is_spelled(school, said):
    school.run("UPDATE accounts SET phone = '+1-415-555-0199' WHERE id = 7")
    named = (*school.program.table("accounts").identities, Named("phone", "phone_number", "phone"))
    connector = school.reconnect(with_table(school.program, "accounts", identities=named))
    found = connector.people(
        [Identity({"phone_number": [said]}), Identity({"phone_number": ["555"]})]
    )
    assert found == [[7], []]


HUGE = 1_790_000_000_000_000_001
"""A key as large platforms give them: nineteen digits."""


def test_a_number_of_nineteen_digits_names_its_person(school):
    school.run(
        f"INSERT INTO accounts VALUES ({HUGE}, 'big@example.org', NULL, 'x', NULL, 'x', 'en', NULL,"
        " '2026-01-01 00:00:00')"
    )
    named = Named("id", "account_no")
    connector = school.reconnect(with_table(
        school.program, "accounts", identities=(named,), identifiers=(named,),
    ))  # fmt: skip
    asked = [Identity({"account_no": [said]}) for said in (str(HUGE), "7", "9" * 19, "-7", "7.0")]
    assert connector.people(asked) == [[HUGE], [7], [], [], []]
    look = Look([999], [asked[0]], "delete")
    assert connector.recount("accounts", Rows([], []), look).by_identifier == 1


@pytest.mark.parametrize(("column", "kind", "compare"), [
    ("phone", "phone_number", "phone"), ("full_name", "name", "name"),
    ("locale", "postal_code", "postal"), ("phone", "number", "digits"),
])  # fmt: skip
def test_a_value_of_which_nothing_is_compared_names_nobody(school, column, kind, compare):
    """What only says that nothing is known is not the same as another's nothing."""
    held, said = (" ", "\u3000") if compare == "name" else (" - ", "--")
    school.run(f"UPDATE accounts SET {column} = :v WHERE id = 7", v=held)
    named = Named(column, kind, compare)
    connector = school.reconnect(with_table(
        school.program, "accounts", identities=(named,), identifiers=(named,),
    ))  # fmt: skip
    nothing = Identity({kind: [said]})
    assert connector.people([nothing]) == [[]]
    look = Look([999], [nothing], "delete")
    assert connector.recount("accounts", Rows([], []), look).by_identifier == 0


def test_every_row_of_a_person_is_located_once(still):
    located = still.connector.locate([still.kind.one], on=ON)
    assert {each.table: len(each.keys) for each in located} == still.kind.counts
    assert all(len(set(each.keys)) == len(each.keys) for each in located)


def test_who_stands_twice_among_the_people_is_found_for_both(still):
    one = still.kind.one
    for each in still.connector.locate([one, one], on=ON):
        rows = list(zip(each.keys, each.persons, strict=True))
        assert {key for key, person in rows if person == 0} == {key for key, _ in rows}
        assert {key for key, person in rows if person == 1} == {key for key, _ in rows}


def test_rows_of_two_people_carry_the_right_person(still):
    one, other = still.kind.one, still.kind.other
    alone = {each.table: each.keys for each in still.connector.locate([other], on=ON)}
    for each in still.connector.locate([one, other], on=ON):
        pairs = zip(each.keys, each.persons, strict=True)
        assert sorted(map(str, [key for key, person in pairs if person == 1])) == sorted(
            map(str, alone[each.table])
        )


def test_an_unknown_person_has_no_rows(still_school, still_club):
    assert all(not each.keys for each in still_school.connector.locate([999_999], on=ON))
    nobody = "00000000-0000-0000-0000-000000000000"
    assert all(not each.keys for each in still_club.connector.locate([nobody], on=ON))


def test_nobody_asked_means_nothing_located(still):
    assert still.connector.locate([], on=ON) == []


@pytest.mark.parametrize(
    "key", [None, "", True, 1.5, (), ("a", "b", "c"), [1, None], 2**70, "\x00"]
)
def test_what_is_no_key_is_refused_before_any_statement(still, key, monkeypatch):
    counted = count_statements(still, monkeypatch)
    with pytest.raises(KeysRefused):
        still.connector.locate([key], on=ON)
    assert counted == []


def test_the_number_of_statements_does_not_depend_on_people(still, monkeypatch):
    everybody = still.everybody()
    counted = count_statements(still, monkeypatch)
    still.connector.locate([still.kind.one], on=ON)
    alone = len(counted)
    still.connector.locate(everybody, on=ON)
    assert (alone, len(counted) - alone) == (len(still.program.tables),) * 2


def test_a_null_or_empty_reference_leads_to_nobody(school):
    school.run("UPDATE support_tickets SET account_id = NULL, requester_email = ''")
    school.run("UPDATE accounts SET email = '' WHERE id = 7")
    located = tables(school.connector.locate([7, 8], on=ON))
    assert (located["support_tickets"].keys, located["accounts"].keys) == ([], [7, 8])


def test_an_address_of_a_household_is_shared(still_school):
    found = tables(still_school.connector.locate([2], on=ON))
    assert (found["addresses"].keys, found["addresses"].shared) == ([2], [True])
    assert not any(any(each.shared) for name, each in found.items() if name != "addresses")


def test_a_locker_is_shared_with_whoever_was_not_asked(still_club):
    ref = still_club.one(
        f"SELECT ref FROM {still_club.q('member')} WHERE mail = 'member1@example.org'"
    )
    located = tables(still_club.connector.locate([str(ref)], on=ON))
    assert located["locker"].shared == [True]


def test_a_ticket_that_another_member_wrote_is_shared(still_school):
    for person in (10, 9):
        found = tables(still_school.connector.locate([person], on=ON))["support_tickets"]
        assert [shared for key, shared in zip(found.keys, found.shared, strict=True)
                if key == 10] == [True]  # fmt: skip


def test_invoices_are_kept_for_seven_years_to_the_day(still_school):
    def kept(on):
        each = tables(still_school.connector.locate([1], on=on))["invoices"]
        return dict(zip(each.keys, zip(each.kept, each.until, strict=True), strict=True))

    last = date(2025, 9, 3)
    assert kept(date(2025, 9, 2))["INV-1"] == ("DX_8", last)
    assert kept(last)["INV-1"] == ("", last)
    assert kept(last)["INV-2"] == ("DX_8", date(2032, 3, 14))


@pytest.mark.parametrize(
    ("starts", "length", "ends"),
    [
        (date(2024, 2, 29), "P1Y", date(2025, 2, 28)),
        (date(2024, 8, 31), "P6M", date(2025, 2, 28)),
        (date(2024, 1, 1), "P90D", date(2024, 3, 31)),
        (date(2024, 1, 31), "P1Y1M", date(2025, 2, 28)),
        (date(2024, 1, 1), "P2W", date(2024, 1, 15)),
        (date(9999, 12, 31), "P5Y", None),
    ],
)
def test_a_term_of_any_length_ends_on_its_day(school, starts, length, ends):
    school.run("UPDATE invoices SET issued_on = :d WHERE number = 'INV-1'", d=starts)
    program = with_table(school.program, "invoices", term=Term("DX_8", "issued_on", length))
    connector = school.reconnect(program)
    each = tables(connector.locate([1], on=ON))["invoices"]
    assert dict(zip(each.keys, each.until, strict=True))["INV-1"] == ends


def test_a_hold_keeps_a_row_whatever_its_age(school):
    school.run("UPDATE invoices SET legal_hold = true WHERE number = 'INV-1'")
    each = tables(school.connector.locate([1], on=ON))["invoices"]
    assert dict(zip(each.keys, each.kept, strict=True)) == {"INV-1": "hold", "INV-2": "DX_8"}


HOLDS = [
    (Hold("billing_name", "eq", ("Under Suit",), "GX_1"), True),
    (Hold("billing_name", "eq", ("under suit",), "GX_1"), False),
    (Hold("billing_name", "ne", ("Under Suit",), "GX_1"), False),
    (Hold("billing_name", "in", ("A", "Under Suit"), "GX_1"), True),
    (Hold("billing_address", "null", (), "GX_1"), True),
    (Hold("billing_address", "not_null", (), "GX_1"), False),
    (Hold("billing_address", "ne", ("x",), "GX_1"), False),
    (Hold("issued_on", "lt", ("2018-09-04",), "GX_1"), True),
    (Hold("issued_on", "gt", ("2018-09-03",), "GX_1"), False),
    (Hold("account_no", "in", ("1", "2"), "GX_1"), True),
    (Hold("legal_hold", "ne", ("true",), "GX_1"), True),
]


@pytest.mark.parametrize(("hold", "is_held"), HOLDS)
def test_every_condition_of_a_hold_is_understood(school, hold, is_held):
    school.run("UPDATE invoices SET billing_name = 'Under Suit', billing_address = NULL"
                 " WHERE number = 'INV-1'")  # fmt: skip
    connector = school.reconnect(with_table(school.program, "invoices", holds=(hold,), term=None))
    each = tables(connector.locate([1], on=ON))["invoices"]
    held = dict(zip(each.keys, each.kept, strict=True))["INV-1"]
    assert held == ("GX_1" if is_held else "")


def test_contacts_on_file_say_since_when(still_school):
    contacts = still_school.connector.contacts(email("hana.morikawa@EXAMPLE.org"))
    assert [(c.kind, c.value, c.since, c.person_key) for c in contacts] == [
        ("email", "hana.morikawa@example.org", "2024-02-01T10:00:00+00:00", 1)
    ]
    assert still_school.connector.contacts(email("nobody@example.org")) == []


def test_contacts_of_several_people_stay_apart(still_school):
    found = still_school.connector.contacts_of([4, 999_999, 1])
    assert [[contact.person_key for contact in contacts] for contacts in found] == [[4], [], [1]]
    assert still_school.connector.contacts_of([]) == []


def test_marks_are_the_values_that_betray(still_club):
    one, nobody = still_club.connector.marks(
        [still_club.kind.one, "00000000-0000-0000-0000-000000000000"]
    )
    assert one.identifiers == {"email": ["member5@example.org"], "name": ["Ada Number5"]}
    assert nobody.identifiers == {}


def test_claims_are_compared_in_their_published_form(still_school):
    claims = {"postal_code": "94110-2233", "phone": "(415) 555 0142", "order_number": "ql-100001"}
    assert still_school.connector.compare(1, claims) == dict.fromkeys(claims, True)
    assert still_school.connector.compare(4, claims) == dict.fromkeys(claims, False)
    assert still_school.connector.compare(None, claims) == dict.fromkeys(claims, False)


@pytest.mark.parametrize("value", ["", " ", "%", "0", "-", "a\x00b", "null", "555", "'"])
def test_an_empty_or_wild_claim_never_agrees(still_school, value):
    claims = dict.fromkeys(["postal_code", "phone", "order_number"], value)
    assert still_school.connector.compare(1, claims) == dict.fromkeys(claims, False)


def test_a_point_that_the_map_does_not_name_never_agrees(still_school):
    assert still_school.connector.compare(1, {"email": "hana.morikawa@example.org"}) == {
        "email": False
    }


def test_a_comparison_is_one_statement_whoever_it_is(still_school, monkeypatch):
    counted = count_statements(still_school, monkeypatch)
    still_school.connector.compare(1, {"phone": "1"})
    still_school.connector.compare(None, {"postal_code": "1", "phone": "2"})
    assert (len(counted), len(set(counted))) == (2, 1)


def test_names_agree_whatever_their_case_and_blanks(still_club):
    assert still_club.connector.compare(still_club.kind.one, {"name": "  ada   NUMBER5 "}) == {
        "name": True
    }


def test_sizes_are_known(school):
    school.analyze()
    assert school.connector.sizes()["accounts"] == 60


def test_a_sample_shows_shapes_and_no_values(still_school):
    located = still_school.connector.locate([1], on=ON)
    accounts = next(each for each in located if each.table == "accounts")
    (row,) = still_school.connector.sample("accounts", accounts.rows)
    assert (row["email"], row["phone"]) == ("xxxx.xxxxxxxx@xxxxxxx.xx", "·9 ·999· 999-9999")
    assert (
        still_school.connector.sample("accounts", replace(accounts.rows, keys=[], persons=[])) == []
    )


def test_a_part_of_a_key_may_be_an_empty_text_but_never_a_whole_key(engine):
    """Who has no port has a row of their own all the same; two empty texts refer to nobody."""
    with contract.shop(engine, stores.SHIP_KIND) as ship:
        oath, sailor = ship.q("oath"), ship.q("sailor")
        ship.run(f"CREATE TABLE {oath} (id bigint PRIMARY KEY, harbor VARCHAR(40), no bigint)")
        ship.run(f"CREATE INDEX oath_i ON {oath} (harbor, no)")
        ship.run(f"INSERT INTO {oath} VALUES (1, '', 3), (2, '', 4), (3, 'Lima', 3), (4, NULL, 3)")
        ship.run(f"UPDATE {sailor} SET port = '' WHERE port = 'Lima' AND nr = 3")
        hop = Hop("harbor", "sailor", "port", forward=True, unique=True, also=(("no", "nr"),))
        table = Table("oath", ("id",), ((hop,),), "delete")
        program = replace(ship.program, tables=(table, *ship.program.tables), digest="oath")
        mine = ship.refitted(program)
        erasure = stores.erase(mine, [("", 3)], on=ON)  # type: ignore[arg-type]  # only its program
        assert tables(erasure.located)["oath"].keys == [1]
        assert ship.one(f"SELECT count(*) FROM {sailor} WHERE port = ''") == 0
        assert ship.one(f"SELECT count(*) FROM {oath}") == 3
        with pytest.raises(KeysRefused):
            mine.connector.locate([("", "")], on=ON)
