# ruff: noqa: E501
"""What a map says becomes what a connector is given: actions, strategies, terms, holds, order."""

import pytest

from ccpa_office.connectors import masking
from ccpa_office.connectors.base import HOWS, OPS, Change, ColumnFacts, Hold, Term
from notices_app.datamap import check, compile_map
from notices_app.datamap.form_own import BARE_WORDS, HOLDING, MASKS, WAYS
from tests.hostile.maps import GOOD, changed


def program(text):
    assert [each for each in check(text) if each.level == "error"] == []
    return compile_map(text, system="s", schema="p")


def note(said):
    """The change of the orders' note, as ``on_delete`` says it."""
    table = program(changed("{constant: nothing}", said)).table("orders")
    return next((each for each in table.changes if each.column == "note"), None)


SAID = [
    ("null", Change("note", "null")),
    ("zero", Change("note", "zero")),
    ("pseudonym", Change("note", "pseudonym")),
    ("{pseudonym: plain}", Change("note", "pseudonym")),
    ("{pseudonym: email}", Change("note", "pseudonym", "email")),
    ("{constant: gone}", Change("note", "constant", "gone")),
    ("{constant: 0}", Change("note", "constant", "0")),
    ("{constant: ''}", Change("note", "constant", "")),
    ("{truncate_date: day}", Change("note", "truncate_date", "day")),
    ("{truncate_date: decade}", Change("note", "truncate_date", "decade")),
    ("{bucket: 10}", Change("note", "bucket", "10")),
    ("keep_last", Change("note", "keep_last")),
    ("{keep_last: 2}", Change("note", "keep_last", "2")),
    ("hash", Change("note", "hash")),
    ("{hash: SHA-512}", Change("note", "hash", '{"algorithm": "SHA-512"}')),
    ("hmac", Change("note", "hmac")),
    ("{hmac: SHA-256}", Change("note", "hmac", '{"algorithm": "SHA-256"}')),
    ("encrypt", Change("note", "encrypt")),
    ("{random: 20}", Change("note", "random", '{"length": 20}')),
    ("{random: {length: 9, suffix: '@x.test'}}", Change("note", "random", '{"length": 9, "suffix": "@x.test"}')),
    ("strip_text", Change("note", "strip_text")),
    ("strip_json", Change("note", "strip_json")),
    ("keep", None),
]  # fmt: skip


@pytest.mark.parametrize(("said", "change"), SAID, ids=[said for said, _ in SAID])
def test_a_word_of_on_delete_is_what_the_connector_is_given(said, change):
    assert note(said) == change


@pytest.mark.parametrize(("said", "change"), SAID, ids=[said for said, _ in SAID])
def test_what_the_connector_is_given_is_an_argument_that_it_takes(said, change):
    kinds = {"zero": "integer", "bucket": "integer", "truncate_date": "date", "strip_json": "json"}
    if change is not None:
        column = ColumnFacts(kinds.get(change.how, "text"))
        assert masking.serves(change, column) == ""


def test_every_action_of_a_connector_can_be_said_and_is_explained():
    spoken = {change.how for _, change in SAID if change}
    assert spoken == set(HOWS) - {"inside"}
    assert {*BARE_WORDS, *WAYS} - {"keep", "remove"} == set(HOWS) - {"inside"}
    explained = " ".join(MASKS)
    assert [word for word in (*BARE_WORDS, *WAYS) if word not in explained] == []


STRATEGIES = [
    ("{strategy: null_rewrite}", Change("note", "null")),
    ("{strategy: string_rewrite, configuration: {rewrite_value: gone}}", Change("note", "constant", "gone")),
    ("{strategy: string_rewrite, configuration: {rewrite_value: x, format_preservation: {suffix: '@y.test'}}}",
     Change("note", "constant", "x@y.test")),
    ("{strategy: random_string_rewrite}", Change("note", "random", "{}")),
    ("{strategy: random_string_rewrite, configuration: {length: 20, format_preservation: {suffix: '@y.test'}}}",
     Change("note", "random", '{"length": 20, "suffix": "@y.test"}')),
    ("{strategy: hash, configuration: {algorithm: SHA-512}}", Change("note", "hash", '{"algorithm": "SHA-512"}')),
    ("{strategy: hmac, configuration: null}", Change("note", "hmac", "{}")),
    ("{strategy: aes_encrypt, configuration: {mode: GCM}}", Change("note", "encrypt", "{}")),
    ("{strategy: preserve}", None),
]  # fmt: skip


@pytest.mark.parametrize(("said", "change"), STRATEGIES, ids=[said for said, _ in STRATEGIES])
def test_a_strategy_of_fideslang_is_what_the_connector_is_given(said, change):
    text = changed("on_delete: {constant: nothing}, ", "").replace(
        "description: What was written", f"fides_meta: {{masking_strategy_override: {said}}}"
    )
    table = program(text).table("orders")
    found = next((each for each in table.changes if each.column == "note"), None)
    assert found == change
    assert found is None or masking.serves(found, ColumnFacts("text")) == ""


@pytest.mark.parametrize(
    ("said", "length"),
    [("years: 7", "P7Y"), ("length: P18M", "P18M"), ("length: P90D", "P90D"), ("length: P1Y6M", "P1Y6M")],
)  # fmt: skip
def test_a_term_has_its_length(said, length):
    table = program(changed("years: 7", said)).table("orders")
    assert table.term == Term("DX_8", "bought_on", length)


HOLDS = [
    ("{field: held, equals: true}", (Hold("held", "eq", ("true",)),)),
    ("{field: held, not_equals: free}", (Hold("held", "ne", ("free",)),)),
    ("{field: held, one_of: [a, b]}", (Hold("held", "in", ("a", "b")),)),
    ("{field: held, less_than: 5}", (Hold("held", "lt", ("5",)),)),
    ("{field: held, more_than: '2026-01-01'}", (Hold("held", "gt", ("2026-01-01",)),)),
    ("{field: held, empty: true}", (Hold("held", "null"),)),
    ("{field: held, empty: false}", (Hold("held", "not_null"),)),
    ("[{field: held, equals: 1}, {field: note, equals: x, code: GX_a2}]",
     (Hold("held", "eq", ("1",)), Hold("note", "eq", ("x",), "GX_a2"))),
]  # fmt: skip


@pytest.mark.parametrize(("said", "holds"), HOLDS, ids=[said for said, _ in HOLDS])
def test_a_hold_is_a_condition_on_a_row(said, holds):
    assert program(changed("{field: held, equals: true}", said)).table("orders").holds == holds


def test_every_condition_of_a_connector_can_be_said():
    assert {hold.op for _, holds in HOLDS for hold in holds} == set(OPS)
    assert len(HOLDING) == len(OPS) - 1  # empty says two


def test_what_a_ground_does_not_need_is_trimmed():
    text = changed("on_delete: mask", "on_delete: delete").replace(
        "ccpa_meta: {on_delete: null}", ""
    )
    text = text.replace("on_delete: {constant: nothing}", "on_kept: strip_text")
    table = program(text.replace("\n            \n", "\n")).table("orders")
    assert (table.action, table.trims) == ("delete", (Change("note", "strip_text"),))


def test_a_column_is_told_by_its_strictest_part():
    inner = "fields: [{name: a, ccpa_meta: {category: PI_K}}, {name: b, fields: [{name: c, ccpa_meta: {category: PI_A, never_disclosed: ND_1, sensitive: SPI_1A}}]}]"
    text = changed("description: What was written", inner)
    found = {finding.code for finding in check(text)}
    assert found == {"lifted", "one-group"}
    made = program(text)
    piece = next(p for p in made.table("orders").pieces if p.column == "note")
    assert (piece.category, piece.never, piece.sensitive) == ("PI_D", "ND_1", "SPI_1A")
    assert made.table("orders").categories == ("PI_A", "PI_D", "PI_K")
    assert made.sensitivity == "sensitive"


def test_the_day_of_a_row_is_passed_on():
    text = changed("on_delete: mask\n", "on_delete: mask\n          dated: bought_on\n")
    assert program(text).table("orders").dated == "bought_on"


def test_erase_after_makes_the_order():
    order = [table.name for table in program(GOOD).tables]
    assert order == ["orders", "people"]
    loose = changed("direction: from", "direction: from").replace(
        "      - name: orders\n",
        "      - name: orders\n        fides_meta: {after: [shop.people]}\n",
    )
    assert [table.name for table in program(loose).tables] == order


CIRCLE = """\
dataset:
  - fides_key: rental
    ccpa_meta: {person: customers, category: PI_A, source: consumer}
    collections:
      - name: customers
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: mail, fides_meta: {identity: email}}
          - name: first_rental
            fides_meta: {references: [{dataset: rental, field: rentals.id, direction: from}]}
      - name: rentals
        ccpa_meta: {on_delete: REPLACED}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: customer
            fides_meta: {references: [{dataset: rental, field: customers.id, direction: from}]}
            ccpa_meta: {FIELD}
"""


def test_a_circle_that_binds_is_an_error_and_one_that_gives_way_is_ordered():
    bound = CIRCLE.replace("REPLACED", "delete").replace("            ccpa_meta: {FIELD}\n", "")
    assert {each.code for each in check(bound)} >= {"circle"}
    free = CIRCLE.replace("REPLACED", "mask").replace("{FIELD}", "{on_delete: null}")
    assert [table.name for table in program(free).tables] == ["rentals", "customers"]


def test_what_a_data_category_forbids_to_give_is_withheld_whatever_its_category():
    """Whoever says the category of a password for the notice did not say that it may be given."""
    text = changed(
        "description: What was written", "data_categories: [user.authorization.password]"
    )
    piece = next(p for p in program(text).table("orders").pieces if p.column == "note")
    assert (piece.category, piece.never) == ("PI_D", "ND_5")
    assert "kind-taken" in {each.code for each in check(text)}
    said = text.replace("{category: PI_D,", "{category: PI_D, never_disclosed: none,")
    assert next(p for p in program(said).table("orders").pieces if p.column == "note").never == ""
    exact = text.replace("authorization.password", "location.precise")
    assert (program(exact).sensitivity, program(GOOD).sensitivity) == ("sensitive", "ordinary")
