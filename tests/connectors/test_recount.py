"""The second look finds whatever a forgetful store left behind, and accuses nobody else."""

from datetime import date

import pytest

from ccpa_office.connectors.base import Identity, KeysRefused, Look, Recount, Rows
from ccpa_office.connectors.postgresql import texts
from tests.connectors import stores
from tests.connectors.stores import Erasure, erase, look

ON = date(2026, 7, 1)
CLEAN = (0, 0, 0)


def dirty(store, erasure):
    return {table: found for table, found in look(store, erasure).items() if found != CLEAN}


@pytest.fixture
def hana(fresh_learners):
    return erase(fresh_learners, [1], on=ON)


def test_a_row_that_came_back_is_found_by_its_key_and_its_person(fresh_learners, hana):
    fresh_learners.execute(
        "INSERT INTO accounts SELECT 1, 'x@example.org', NULL, 'x', NULL, 'x', 'en', NULL, now()"
    )
    assert dirty(fresh_learners, hana) == {"accounts": (1, 1, 0)}


def test_an_address_under_another_key_is_found_by_its_identifier(fresh_learners, hana):
    fresh_learners.execute(
        "INSERT INTO newsletter VALUES ('HANA.MORIKAWA@EXAMPLE.ORG', now(), 'x')"
    )
    assert dirty(fresh_learners, hana) == {"newsletter": (0, 1, 0)}


def test_a_new_account_with_the_old_address_is_found(fresh_learners, hana):
    fresh_learners.execute(
        "INSERT INTO accounts SELECT 777, 'hana.MORIKAWA@example.org', NULL, 'x', NULL, 'x', 'en',"
        " NULL, now()"
    )
    assert dirty(fresh_learners, hana) == {"accounts": (0, 1, 0)}


@pytest.mark.parametrize(
    "text",
    [
        "write to hana.morikawa@example.org", "HANA.MORIKAWA@EXAMPLE.ORG", "森川 花さん",
        "森川\n花",
        "call 415-555-0142", "call +1 (415) 555-0142 now", "tel4155550142", "(415)555 0142",
        "<hana.morikawa@example.org>", "森川　花",
    ],
)  # fmt: skip
def test_a_value_left_in_a_text_is_found(fresh_learners, hana, text):
    fresh_learners.execute("UPDATE forum_posts SET body = %s WHERE id = 1", text)
    assert dirty(fresh_learners, hana) == {"forum_posts": (0, 0, 1)}


@pytest.mark.parametrize(
    "text",
    [
        "hana", "森川", "write to johana.morikawa@example.org", "hana.morikawa@example.organic",
        "415-555-0143", "hana_morikawa@example.org", "",
    ],
)  # fmt: skip
def test_a_text_of_somebody_else_is_not_accused(fresh_learners, hana, text):
    fresh_learners.execute("UPDATE forum_posts SET body = %s WHERE id = 1", text)
    assert dirty(fresh_learners, hana) == {}


def test_a_mask_that_was_undone_is_found(fresh_learners, hana):
    fresh_learners.execute("UPDATE forum_posts SET author_name = 'Hana' WHERE id = 1")
    assert dirty(fresh_learners, hana) == {"forum_posts": (1, 0, 0)}
    fresh_learners.execute("UPDATE forum_posts SET posted_at = now() WHERE id = 2")
    assert dirty(fresh_learners, hana) == {"forum_posts": (2, 0, 0)}


@pytest.mark.parametrize(
    "undo",
    [
        'UPDATE club."order" SET "select" = \'tea\' WHERE id = %s',
        "UPDATE club.\"order\" SET nick = 'Ada' WHERE id = %s",
        "UPDATE club.\"order\" SET card_no = 'C-6-1' WHERE id = %s",
    ],
)
def test_every_way_of_masking_is_looked_at(fresh_club, undo):
    erasure = erase(fresh_club, [fresh_club.kind.one], on=ON)
    assert dirty(fresh_club, erasure) == {}
    order = next(each for each in erasure.located if each.table == "order")
    fresh_club.execute(undo, order.keys[0])
    assert dirty(fresh_club, erasure) == {"order": (1, 0, 0)}


def test_rows_that_stay_by_right_are_left_out_and_only_they(fresh_learners, hana):
    invoices = next(each for each in hana.located if each.table == "invoices")
    identities = hana.identities

    def again(kept):
        return fresh_learners.connector.recount(
            "invoices", invoices.rows, Look([1], identities, "delete", kept)
        )

    assert again(["INV-2"]) == Recount(0, 0, 0)
    assert again([]) == Recount(1, 1, 0)
    assert again(["INV-3"]) == Recount(1, 1, 0)
    assert (again(["INV-2"]).clean, again([]).clean) == (True, False)


def test_other_peoples_rows_are_never_counted(fresh):
    other = [fresh.kind.other]
    erasure = erase(fresh, [fresh.kind.one], on=ON)
    before = Erasure(other, fresh.connector.marks(other), fresh.connector.locate(other, on=ON), {})
    assert any(found != CLEAN for found in look(fresh, before).values())
    assert dirty(fresh, erasure) == {}


def test_an_identity_without_values_accuses_nobody(learners):
    empty = Look([999_999], [Identity({"email": ["", "%"], "name": [" "]})], "delete")
    for table in learners.program.tables:
        assert learners.connector.recount(table.name, Rows([], []), empty) == Recount(0, 0, 0)


def test_people_and_identities_must_match(learners):
    with pytest.raises(KeysRefused):
        learners.connector.recount("orders", Rows([], []), Look([1], [], "delete"))


def test_the_second_look_is_one_statement_a_table(fresh, monkeypatch):
    erasure = erase(fresh, [fresh.kind.one, fresh.kind.other], on=ON)
    ran = stores.count_statements(fresh.connector, monkeypatch)
    look(fresh, erasure)
    assert len(ran) == len(fresh.program.tables)


# --- patterns -----------------------------------------------------------------------------------


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
