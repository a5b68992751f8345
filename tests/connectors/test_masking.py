"""What masks leave: stable, never the value itself, as the column wants it, twice like once."""

import json
import string
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ccpa_office.connectors.base import HOWS, Change, ColumnFacts, Identity
from ccpa_office.connectors.inside import Part, changed, named_by, parts_of, spelled
from ccpa_office.connectors.masking import CannotMask, is_masked, masked, row_of, serves
from ccpa_office.connectors.stripping import NOBODY, shows, strip_json, strip_text, traces

SECRET = b"a secret of the tests, 32 bytes!!"
TEXT = ColumnFacts("text")
PARTS = spelled([Part(("a",), "null"), Part(("b", "[]", "c"), "remove", kind="person"),
                 Part(("d", "e"), "constant", "x"), Part(("f",), "strip")])  # fmt: skip
ARGUMENTS = {"constant": "gone", "truncate_date": "month", "bucket": "10", "inside": PARTS}
VALUES = {
    "text": st.text(max_size=60),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "decimal": st.decimals(-(10**9), 10**9, places=2),
    "date": st.dates(),
    "moment": st.datetimes(),
    "json": st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
        lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=8), below,
                                                                    max_size=4),
        max_leaves=12,
    ).map(lambda value: json.dumps(value, ensure_ascii=False)),
}  # fmt: skip
COLUMNS = [
    ColumnFacts("text"), ColumnFacts("text", length=40), ColumnFacts("text", length=31),
    ColumnFacts("text", length=24, unique=True), ColumnFacts("integer", low=-(2**63),
                                                            high=2**63 - 1),
    ColumnFacts("decimal"), ColumnFacts("date"), ColumnFacts("moment"), ColumnFacts("json"),
]  # fmt: skip
SERVED = [
    (Change("c", how, ARGUMENTS.get(how, "")), column)
    for how in HOWS
    for column in COLUMNS
    if not serves(Change("c", how, ARGUMENTS.get(how, "")), column)
]
ANN = Identity({
    "email": ["ann@x.org"],
    "name": ["Ann", "Hana Morikawa", "森川 花", "モリカワ ハナ", "José Núñez", "Eva García López"],
    "phone_number": ["+1 (415) 555-0142"],
})  # fmt: skip
FOUND = traces(ANN)


def mask(value, change, column=TEXT, *, secret=SECRET, row='["t", 1]', found=NOBODY):
    return masked(value, change, column=column, secret=secret, row=row, traces=found)


@pytest.mark.parametrize(
    ("change", "column"), SERVED, ids=[f"{change.how}-{column}" for change, column in SERVED]
)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_twice_is_once_and_what_is_made_fits_its_column(change, column, data):
    value = data.draw(VALUES[column.kind])
    assume("\x00" not in str(value))
    if column.length and isinstance(value, str):
        value = value[: column.length]
    once = mask(value, change, column, found=FOUND)
    assert mask(once, change, column, found=FOUND) == once
    assert is_masked(once, change, column=column, secret=SECRET, row='["t", 1]', traces=FOUND)
    if isinstance(once, str) and column.length:
        assert len(once) <= column.length


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_empty_stays_empty(how, value):
    column = {"truncate_date": "date", "zero": "integer", "bucket": "integer"}.get(how, "text")
    change = Change("c", how, ARGUMENTS.get(how, ""))
    assert mask(value, change, ColumnFacts(column)) == (None if how == "null" else value)


@pytest.mark.parametrize("how", ["pseudonym", "hash", "hmac", "encrypt", "random", "keep_last"])
@settings(deadline=None, max_examples=60)
@given(value=st.text(alphabet=string.printable, min_size=9, max_size=80))
def test_the_value_itself_is_never_left(how, value):
    assume(set(value) != {"*"})
    made = mask(value, Change("c", how))
    assert value not in made
    assert how == "keep_last" or value[:8] not in made


@settings(deadline=None, max_examples=60)
@given(keys=st.sets(st.integers(0, 2**62) | st.text(min_size=1, max_size=20), min_size=2))
@pytest.mark.parametrize("column", [
    TEXT, ColumnFacts("text", length=16, unique=True), ColumnFacts("uuid", unique=True),
    ColumnFacts("integer", unique=True, low=-(2**63), high=2**63 - 1),
])  # fmt: skip
def test_pseudonyms_are_one_for_each_row_and_always_the_same(column, keys):
    made = [mask("x" * 9, Change("c", "pseudonym"), column, row=row_of("t", k)) for k in keys]
    again = [mask("other", Change("c", "pseudonym"), column, row=row_of("t", k)) for k in keys]
    assert made == again
    assert len(set(made)) == len(keys)


def test_a_pseudonym_differs_by_table_column_and_secret():
    made = {
        mask("x", Change(column, "pseudonym"), row=row_of(table, 1), secret=secret)
        for column in "cd" for table in "tu" for secret in (SECRET, b"another secret, 16 bytes")
    }  # fmt: skip
    assert len(made) == 8


@pytest.mark.parametrize("length", [None, 54, 53, 40, 31])
def test_a_pseudonym_of_the_form_of_an_address_stays_one(length):
    made = mask("ann@x.org", Change("c", "pseudonym", "email"), ColumnFacts("text", length=length))
    name, _, domain = made.partition("@")
    assert (domain, len(made) <= (length or 54), len(name) >= 16) == ("erased.invalid", True, True)


@pytest.mark.parametrize(
    ("argument", "day", "moment"),
    [
        ("day", date(2024, 2, 29), datetime(2024, 2, 29, tzinfo=UTC)),
        ("month", date(2024, 2, 1), datetime(2024, 2, 1, tzinfo=UTC)),
        ("year", date(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)),
        ("decade", date(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC)),
    ],
)
def test_dates_are_cut(argument, day, moment):
    change = Change("c", "truncate_date", argument)
    assert mask(date(2024, 2, 29), change, ColumnFacts("date")) == day
    assert mask(datetime(2024, 2, 29, 13, 5, tzinfo=UTC), change, ColumnFacts("moment")) == moment
    assert mask("2024-02-29", change, ColumnFacts("date")) == day.isoformat()
    assert mask("2024-02-29 13:05:00", change, ColumnFacts("moment")) == f"{day} 00:00:00"


@pytest.mark.parametrize(
    ("value", "kept"),
    [("4111111111111234", "************1234"), ("12345678", "****5678"), ("1234567", "*******"),
     ("1234", "****"), ("1", "*")],
)  # fmt: skip
def test_the_last_four_are_kept_where_they_are_not_the_whole(value, kept):
    assert mask(value, Change("c", "keep_last")) == kept


@pytest.mark.parametrize(
    ("value", "width", "bucket"),
    [(37, "10", 30), (-1, "10", -10), (30, "10", 30), (Decimal("37.5"), "5", Decimal(35)),
     (37.5, "5", 35.0)],
)  # fmt: skip
def test_numbers_fall_into_buckets(value, width, bucket):
    kind = "integer" if isinstance(value, int) else "decimal"
    assert mask(value, Change("c", "bucket", width), ColumnFacts(kind)) == bucket


def test_a_suffix_keeps_the_form_and_the_algorithm_is_asked_for():
    change = Change("c", "hash", '{"algorithm": "SHA-512", "suffix": "@x.invalid"}')
    made = mask("ann@x.org", change)
    assert (made.endswith("@x.invalid"), len(made)) == (True, 128 + 10)
    assert mask("ann@x.org", Change("c", "hmac", "SHA-256")) != mask("bob", Change("c", "hmac"))
    assert len(mask("ann", Change("c", "random", "40"))) == 40


def test_a_cipher_is_never_the_same_and_never_read():
    assert mask("ann", Change("c", "encrypt")) != mask("ann", Change("c", "encrypt"))


def test_a_uuid_and_a_big_number_can_be_pseudonyms():
    made = mask(UUID(int=5), Change("c", "pseudonym"), ColumnFacts("uuid"))
    assert (made.version, made.variant) == (8, "specified in RFC 4122")
    big = ColumnFacts("integer", low=-(2**63), high=2**63 - 1)
    assert 2**62 <= mask(5, Change("c", "pseudonym"), big) < 2**63


REFUSED = [
    (Change("c", "shred"), TEXT, "change-unknown"),
    (Change("c", "null"), ColumnFacts("text", nullable=False), "not-null"),
    (Change("c", "null"), ColumnFacts("text", generated=True), "generated"),
    (Change("c", "zero"), TEXT, "change-type"),
    (Change("c", "truncate_date", "week"), ColumnFacts("date"), "change-argument"),
    (Change("c", "truncate_date", "year"), TEXT, "change-type"),
    (Change("c", "bucket", "1"), ColumnFacts("integer"), "change-argument"),
    (Change("c", "bucket", "ten"), ColumnFacts("integer"), "change-argument"),
    (Change("c", "constant", "x"), ColumnFacts("integer"), "change-argument"),
    (Change("c", "constant", "40000"), ColumnFacts("integer", high=2**15 - 1), "change-argument"),
    (Change("c", "constant", "yes"), ColumnFacts("boolean"), "change-argument"),
    (Change("c", "constant", "2026-02-30"), ColumnFacts("date"), "change-argument"),
    (Change("c", "constant", "long"), ColumnFacts("text", length=3), "too-short"),
    (Change("c", "constant", "x"), ColumnFacts("text", unique=True), "not-unique"),
    (Change("c", "keep_last"), ColumnFacts("text", unique=True), "not-unique"),
    (Change("c", "keep_last", "9"), TEXT, "change-argument"),
    (Change("c", "pseudonym"), ColumnFacts("integer", high=2**31 - 1), "change-type"),
    (Change("c", "pseudonym"), ColumnFacts("text", length=7), "too-short"),
    (Change("c", "pseudonym"), ColumnFacts("text", length=15, unique=True), "too-short"),
    (Change("c", "pseudonym", "email"), ColumnFacts("text", length=22), "too-short"),
    (Change("c", "pseudonym", "phone"), TEXT, "change-argument"),
    (Change("c", "pseudonym"), ColumnFacts("date"), "change-type"),
    (Change("c", "hash", "MD5"), TEXT, "change-argument"),
    (Change("c", "hash", '{"salt": "x"}'), TEXT, "change-argument"),
    (Change("c", "hash", "[]"), TEXT, "change-argument"),
    (Change("c", "hash"), ColumnFacts("text", length=15), "too-short"),
    (Change("c", "random", '{"length": true}'), TEXT, "change-argument"),
    (Change("c", "random", '{"length": 9999}'), TEXT, "change-argument"),
    (Change("c", "random", '{"suffix": 7}'), TEXT, "change-argument"),
    (Change("c", "strip_json"), ColumnFacts("integer"), "change-type"),
    (Change("c", "strip_text"), ColumnFacts("text", unique=True), "not-unique"),
    (Change("c", "hash"), ColumnFacts("text", array=True), "change-type"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "column", "code"), REFUSED)
def test_what_an_action_cannot_serve_is_said_and_never_skipped(change, column, code):
    assert serves(change, column) == code
    with pytest.raises(CannotMask) as refused:
        mask("x", change, column)
    assert refused.value.code == code


def test_a_value_that_is_not_what_its_column_says_is_not_skipped():
    with pytest.raises(CannotMask):
        mask("soon", Change("c", "truncate_date", "year"), ColumnFacts("date"))


# --- texts ----------------------------------------------------------------------------------------

STRIPPED = [
    ("ann stays in joann, Ann. ANN's", "[removed] stays in joann, [removed]. [removed]'s"),
    ("annさん、Annと", "[removed]さん、[removed]と"),
    ("앤 ann은 annual", "앤 [removed]은 annual"),
    ("ann_b ann-marie 2ann ann2", "[removed]_b [removed]-marie 2ann ann2"),
    ("jo.ann@x.org", "jo.[removed]@x.org"),
    ("ann@x.org.uk", "[removed]@x.org.uk"),
    ("ann@x.org. ann@x.org, <ANN@X.ORG>", "[removed]. [removed], <[removed]>"),
    ("mailto:ann@x.org?ann%40x.org", "mailto:[removed]?[removed]"),
    ("ann@x.orgまで", "[removed]まで"),
    ("森川花さん 森川　花 大森川花子", "[removed]さん [removed] 大[removed]子"),
    ("モリカワ・ハナ ﾓﾘｶﾜ ﾊﾅ様", "[removed] [removed]様"),
    ("モリカワハナコ コモリカワハナ", "モリカワハナコ コモリカワハナ"),
    ("ＡＮＮ ｈａｎａ　ｍｏｒｉｋａｗａ", "[removed] [removed]"),
    ("Morikawa, Hana; hana\nmorikawa", "[removed]; [removed]"),
    ("García López, Eva; LÓPEZ, EVA GARCÍA; López Eva", "[removed]; [removed]; López Eva"),
    ("Jose\u0301 Nu\u0301n\u0303ez JOSÉ NÚÑEZ", "[removed] [removed]"),
    ("415-555-0142 (415) 555 0142 4155550142", "[removed] ([removed] [removed]"),
    ("４１５－５５５－０１４２", "[removed]"),
    ("order 41555501421 and 415-555-0143", "order 41555501421 and 415-555-0143"),
    ("nothing here", "nothing here"),
    ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "left"), STRIPPED)
def test_every_spelling_goes_and_no_other_word(text, left):
    assert strip_text(text, FOUND) == left
    assert not shows(left, FOUND) or left == text


def test_the_word_for_what_was_removed_betrays_nobody():
    found = traces(Identity({"name": ["removed", "[Removed]"]}))
    assert strip_text("it was [removed]", found) == "it was [removed]"


@settings(deadline=None, max_examples=60)
@given(st.text(), st.lists(st.text(min_size=3, max_size=12), max_size=4))
def test_nobody_shows_in_a_text_after_stripping(text, names):
    found = traces(Identity({"name": names}))
    stripped = strip_text(text, found)
    assert not shows(stripped, found)
    assert strip_text(stripped, found) == stripped


def test_all_the_people_of_a_row_go_at_once():
    found = traces([ANN, Identity({"name": ["Bob Lee"]})])
    assert strip_text("Ann met Bob Lee", found) == "[removed] met [removed]"


# --- JSON -----------------------------------------------------------------------------------------

DOCUMENTS = [
    ('{"a": 1.50, "b": [true, null, "x"]}', '{"a": 1.50, "b": [true, null, "x"]}'),
    ('{"ann": {"Ann": ["joann", "to ann"]}}',
     '{"[removed]": {"[removed]": ["joann", "to [removed]"]}}'),
    ('{"ann": 1, "ANN": 2}', '{"[removed]": 1, "[removed] 2": 2}'),
    ('["hello\\nann", "\\u0061nn"]', '["hello\\n[removed]", "[removed]"]'),
    ('[4155550142, 14155550142, -4155550142, 41555501421, 4155550142.5]',
     '[null, null, null, 41555501421, 4155550142.5]'),
    ('["{\\"k\\": \\"a\\\\nann\\"}"]', '["{\\"k\\": \\"a\\\\n[removed]\\"}"]'),
    ('"ann"', '"[removed]"'),
]  # fmt: skip


@pytest.mark.parametrize(("document", "left"), DOCUMENTS)
def test_a_person_goes_out_of_json_in_keys_texts_and_numbers(document, left):
    assert strip_json(document, FOUND) == left


def test_what_is_no_json_is_stripped_as_a_text():
    column = ColumnFacts("text")
    assert mask("dear ann {", Change("c", "strip_json"), column, found=FOUND) == "dear [removed] {"


def test_json_of_any_depth_is_walked():
    deep = '{"a": [' * 20_000 + '"ann"' + "]}" * 20_000
    assert strip_json(deep, FOUND) == deep.replace('"ann"', '"[removed]"')


def test_half_a_character_stays_the_number_that_it_was():
    """As JSON of a text that was cut within an emoji has it: no store takes it as a letter."""
    document = '{"bio": "Ann \\ud83d", "b": "\\ud83d", "c": "ann \\ud83d\\ude00"}'
    left = strip_json(document, FOUND)
    assert left == '{"bio": "[removed] \\ud83d", "b": "\\ud83d", "c": "[removed] \U0001f600"}'
    assert left.encode()


def test_a_quote_that_nothing_closes_is_looked_for_once():
    """Looked for from each other quote too, a text of a megabyte took half an hour."""
    text = '["' + r"\"" * 40_000 + "ann"
    assert strip_json(text, FOUND) == text[:-3] + "[removed]"
    inside = json.dumps([text], ensure_ascii=False)
    assert json.loads(strip_json(inside, FOUND)) == [text[:-3] + "[removed]"]


@settings(deadline=None, max_examples=60)
@given(VALUES["json"], st.lists(st.text(min_size=3, max_size=8), max_size=3))
def test_json_stays_json_and_nobody_shows_in_it(document, names):
    found = traces(Identity({"name": names}))
    stripped = json.loads(strip_json(document, found))

    def texts(value):
        if isinstance(value, dict):
            return [text for pair in value.items() for each in pair for text in texts(each)]
        if isinstance(value, list):
            return [text for each in value for text in texts(each)]
        return [value] if isinstance(value, str) else []

    assert not any(shows(text, found) for text in texts(stripped))


def test_parsed_json_and_lists_are_served_too():
    assert mask({"ann": ["x"]}, Change("c", "strip_json"), ColumnFacts("json"), found=FOUND) == {
        "[removed]": ["x"]
    }
    tags = ColumnFacts("text", array=True)
    assert mask(["ann", None, "b"], Change("c", "strip_text"), tags, found=FOUND) == [
        "[removed]", None, "b",
    ]  # fmt: skip


NAMED = named_by([42], [Identity({"username": ["ann"]})])
WITHIN = [
    ('{"a": 1.10, "z": 0.1234567890123456789, "s": "~1.5~"}',
     '{"a": null, "z": 0.1234567890123456789, "s": "~1.5~"}'),
    ('{"b": [{"c": 42}, {"c": "42"}, {"c": "042"}, {"c": true}, {"c": 7}, 42, null]}',
     '{"b": [{"c": "042"}, {"c": true}, {"c": 7}, 42, null]}'),
    ('{"d":  {"e": [1]}}', '{"d": {"e": "x"}}'), ('{"d":  {"e": null}}', None), ('{"d": 5}', None),
    ('{"a":null, "b":[{"c":7}]}', None), ("[1,  2]", None), ("42", None), ('"a"', None),
    ('{"b": {"c": 42}}', None), ("{}", None),
    ('{"u": "\\ud800", "a": 1}', '{"u": "\\ud800", "a": null}'),
    ('{"f": "seen ann"}', '{"f": "[removed]"}'), ("no JSON of ann", "[removed]"),
    ("[" * 5_000, "[removed]"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "new"), WITHIN, ids=range(len(WITHIN)))
def test_a_document_changes_where_it_must_and_stays_to_the_letter_elsewhere(document, new):
    def strip(text):
        return "[removed]"

    made = changed(document, parts_of(PARTS), NAMED, strip)
    assert made == (document if new is None else new)
    if new != "[removed]":
        assert changed(made, parts_of(PARTS), NAMED, strip) == made


@pytest.mark.parametrize(("compare", "kind", "held", "known"), [
    ("phone", "phone_number", "415 555 0142", "+1 (415) 555-0142"),
    ("name", "name", "ガイド　タロウ", "がいど たろう"),
    ("casefold", "email", "Ann@X.org", "ann@x.org"),
    ("digits", "number", "12-34", "1234"), ("postal", "postal_code", "94107-1234", "94107"),
])  # fmt: skip
def test_a_value_in_json_names_the_person_as_the_map_compares_it(compare, kind, held, known):
    """By what a row was found, by that its value is changed: else it would never be proved."""
    part = Part(("who",), "null", "", kind, compare)
    named = {kind: frozenset([known])}
    assert changed(json.dumps({"who": held}), [part], named, str) == '{"who": null}'
    for other in ("--", "", f"9{held}9"):
        document = json.dumps({"who": other})
        assert changed(document, [part], {kind: frozenset([known, "-"])}, str) == document
