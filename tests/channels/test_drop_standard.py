"""An identifier is standardized and hashed as the platform says, to the letter (DROP 1.2.0)."""

import io
import json
import string
from contextlib import redirect_stdout
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from ccpa_office.connectors import standardizing as standard
from ccpa_office.connectors import vectors
from tests.channels.lists import hashed

VALUES = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
RULES = {
    "email": [
        (" A.b+c@X.Example\t", "a.b+c@x.example"), ("a\u00a0b\u2003@\u3000x\u0085", "ab@x"),
        ("ÄÖ@ẞ.DE", "äö@ß.de"), ("\u200ba@x", "\u200ba@x"), ("\x1ca@x", "\x1ca@x"), ("  ", ""),
    ],
    "phone": [
        ("+1 (707) 555-0101", "7075550101"), ("555-0101", "5550101"), ("ext.", ""),
        ("٣٣٣ 4155550142", "4155550142"), ("00 1 415 555 0142", "4155550142"),
    ],
    "dob": [
        ("1985-07-04", "19850704"), ("19850704", "19850704"), ("7/4/1985", "19850704"),
        ("July 4, 1985", "19850704"), ("Jul. 4 1985", "19850704"), ("1985-07-04T00:00:00Z",
        "19850704"), ("1985-02-30", ""), ("04.07.1985", ""), ("1985", ""), ("", ""),
        ("2000-02-29", "20000229"), ("Julember 4, 1985", "19850704"),
    ],
    "zip": [
        ("02139", "2139"), ("02139-4301", "2139"), ("94110", "94110"), ("SW1A 1AA", "sw1a1"),
        ("00000", ""), (" 00501 ", "501"), ("94110 - 1234", "94110"),
    ],
    "first": [
        ("José María", "josemaria"), ("O'Neil-Smith 3rd", "oneilsmith3rd"), ("Łukasz Ørsted",
        "lukaszorsted"), ("Straße", "strasse"), ("Иван", "ivan"), ("Ιωάννης", "ioannis"),
        ("森川 花", "森川花"), ("がく", "がく"), ("Ｊｏｓé", "jose"), ("İzmir", "izmir"),
        ("...", ""),
    ],
    "maid": [
        ("6D92078A-8246-4BA4-AE5B-76104861E7DC", "6d92078a82464ba4ae5b76104861e7dc"),
        ("6d92078a824641a4ae5b76104861e7d", ""), ("g" * 32, ""),
    ],
    "vin": [("1hgcm-82633 A004352", "1hgcm82633a004352"), ("1HGCM82633A00435", "")],
    "ctvid": [("ABCD-efgh", "abcdefgh"), ("abcdefg", ""), ("a" * 33, ""), ("a" * 32, "a" * 32)],
}  # fmt: skip


def test_the_published_hashes_come_out():
    vectors.require_sound()
    assert (len(vectors.PUBLISHED), len(vectors.COMPOSED)) == (15, 2)
    for field, value, text, hash_ in vectors.PUBLISHED:
        assert (standard.FIELDS[field](value), hashed(text)) == (text, hash_)


@pytest.mark.parametrize("field", sorted(RULES))
def test_each_field_is_standardized_by_its_own_rule(field):
    assert [standard.FIELDS[field](value) for value, _ in RULES[field]] == [
        text for _, text in RULES[field]
    ]


@given(VALUES)
def test_what_is_standardized_once_stays_so(value):
    for field, make in standard.FIELDS.items():
        once = make(value)
        assert (field, make(once)) == (field, once)
        assert not set(once) & set(string.ascii_uppercase + standard.WHITE)


@given(VALUES, st.lists(st.sampled_from(standard.WHITE), max_size=5))
def test_white_space_never_makes_another_address(value, blanks):
    spread = "".join(each + blanks[at % len(blanks)] if blanks else each
                     for at, each in enumerate(value))  # fmt: skip
    assert standard.email(spread) == standard.email(value).translate(standard._NO_WHITE)


@given(st.text("0123456789+-() .", max_size=30), st.text("+-() .x", max_size=5))
def test_signs_never_make_another_number(value, signs):
    assert standard.phone(signs.join(value)) == standard.phone(value)


def test_a_person_with_several_names_has_a_hash_of_each_combination():
    held = {
        "first": ["Ann", "ann ", "Anna"], "last": ["Lee"], "dob": ["1990-01-02", "nonsense"],
        "zip": ["94110", "02139"],
    }  # fmt: skip
    found, is_beyond = standard.digests("NDZ", held)
    wanted = {
        standard.digest("NDZ", [first, "lee", "19900102", code])
        for first in ("ann", "anna") for code in ("94110", "2139")
    }  # fmt: skip
    assert (found, is_beyond) == (wanted, False)
    assert standard.digests("NDZ", {**held, "dob": ["nonsense"]}) == (set(), False)
    many = {**held, "zip": [f"{number:05}" for number in range(10_000, 13_000)]}
    found, is_beyond = standard.digests("NDZ", many)
    assert (len(found), is_beyond) == (standard.MOST_COMBINATIONS, True)


def test_only_names_of_unpublished_tables_are_unsure():
    asked = [("first", "José"), ("first", "Иван"), ("last", "ΩMEGA"), ("email", "иван@x.example")]
    assert [standard.is_sure(*each) for each in asked] == [True, False, False, True]


LINES = [
    (b'{"field": "email", "input": " Anna.Smith@Domain.com"}', "anna.smith@domain.com"),
    (b'{"field": "ZIP code", "input": "00300-9999"}', "300"),
    (b'{"list": "phone", "phone": "+1(415)555-9317"}', "4155559317"),
    (b"", "not JSON"), (b"[" * 100_000, "not JSON"), (b"[1]", "not an object"),
    (b'{"field": "shoe", "input": "44"}', "the field must be one of " + ", ".join(standard.FIELDS)),
    (b'{"field": "email"}', "no text for email"),
    (b'{"field": "email", "input": 7}', "no text for email"),
    (b'{"field": "email", "input": " "}', "what stands there is no email"),
    (b'{"field": "email", "input": "\\ud800"}', "half a character in email"),
    (b'{"list": "NDZ", "first": "Ann", "last": "Lee", "dob": "1990-01-02"}', "no text for zip"),
    (b'{"list": "Shoes"}', "the list must be one of " + ", ".join(standard.LISTS)),
    (b"\xff", "not UTF-8"),
]  # fmt: skip


def test_the_filter_answers_each_line_and_never_breaks(monkeypatch):
    source = b"\n".join(line for line, _ in LINES)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(source)))
    with redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as ended:
        call_command("drop", "hash")
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [each.get("standardized", each.get("error")) for each in found] == [
        words for _, words in LINES
    ]
    assert ended.value.code == 1
    assert [each["line"] for each in found if "error" in each] == list(range(4, len(LINES) + 1))
    assert all(each["hash"] == hashed(each["standardized"]) for each in found if "hash" in each)


def test_the_filter_composes_what_a_list_hashes(monkeypatch):
    asked = {"list": "NameVIN", "first": "Eve", "last": "Genesis", "vin": "1HGCM82633A004352"}
    source = io.BytesIO(json.dumps(asked).encode() + b"\n")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=source))
    with redirect_stdout(io.StringIO()) as out:
        call_command("drop", "hash")
    found = json.loads(out.getvalue())
    assert found["hash"] == vectors.COMPOSED[1][2] == hashed(found["standardized"])
    assert list(found["parts"].values()) == ["eve", "genesis", "1hgcm82633a004352"]
