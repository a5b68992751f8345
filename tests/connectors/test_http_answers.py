"""Hostile answers: a thousand bodies, none of them taken for a deletion, none an exception."""

import itertools
import json
import time
from datetime import UTC, datetime

import pytest

from ccpa_office.connectors.http import AnswerOfAnother, Means, same
from ccpa_office.connectors.http.answers import records_of, understood
from ccpa_office.connectors.http.paths import NotJson, read_json
from ccpa_office.connectors.http.wire import Raw
from tests.vendor.making import described

AT = datetime(2026, 11, 25, tzinfo=UTC)
SYSTEM = described()
DELETE, FIND = SYSTEM.endpoints["delete"], SYSTEM.endpoints["find"]
assert FIND.records is not None
PLACES = FIND.records
JSON = {"content-type": "application/json"}

BROKEN = [
    b"", b" ", b"{", b"}", b"[", b"]", b"{]", b"[}", b'{"status"', b'{"status":', b'{"status":}',
    b"{'status': 'deleted'}", b'{status: "deleted"}', b'{"status": "deleted",}', b'["deleted",]',
    b'{"status": deleted}', b'{"status": "deleted"', b'{"status": "deleted"}}', b"nul", b"tru",
    b"True", b"None", b"undefined", b"NaN", b"Infinity", b"-Infinity", b'{"status": NaN}', b"01",
    b"-01", b"+1", b".5", b"1.", b"1e", b"0x10", b"1_000", b'"', b'"\\"', b'"\\x"', b'"\\u12"',
    b'"\x00"', b'"\n"', b'"\t"', b"\xff", b'"\xff"', b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00",
    b"\x00{\x00}", '{"status": "deleted"}'.encode("utf-16"), b"{} {}", b"{}x", b"// c\n{}",
    b"/* c */{}", b"<html>deleted</html>", b"deleted", b"OK", b"<?xml version='1.0'?><deleted/>",
    b'{"status": "deleted", "status": "error"}', b'{"status": "error", "status": "deleted"}',
    b"9" * 5000, b"[" * 30 + b"]" * 30, b'{"a":' * 30 + b"1" + b"}" * 30, b"[" * 90_000,
    b'{"a":' * 20_000, b'"' + b'\\"' * 40_000, b'\\"' * 40_000 + b"[" * 40_000,
    b"[" + b"[],[" * 999,
]  # fmt: skip
VALUES = [
    None, True, False, 0, 1, -1, 1.5, 10**18, 1e300, "", " ", "deleted ", " deleted", "DELETED",
    "Deleted", "deleted\u0000", "delet\u0435d", "deleted\u200b", "deleted\n", "not deleted",
    "error",
    "undeleted", [], ["deleted"], {}, {"deleted": True}, "<script>deleted",
    "' OR 1=1 --", "{{7*7}}", "${jndi:ldap://x}", "../../etc/passwd", "\ud800", "x" * 100_000,
    "pending", "accepted", "200", "ok", "true", "null",
]  # fmt: skip
SHAPES = [
    lambda value: {"status": value},
    lambda value: {"status": {"status": value}},
    lambda value: {"Status": "deleted", "status": value},
    lambda value: [value],
    lambda value: {"data": {"status": "deleted"}, "status": value},
    lambda value: value,
    lambda value: {"status": [value, "deleted"]},
    lambda value: {"$.status": "deleted", "status": value},
    lambda value: {"status\u0000": "deleted", "x": value},
    lambda value: {"status": value, "errors": [value]},
    lambda value: {"": value},
]
TYPES = ["application/json", "text/html", "text/json", "", "application/json; charset=utf-7",
         "APPLICATION/JSON", "application/problem+json", "application/octet-stream"]  # fmt: skip
CASES = [
    *itertools.product(BROKEN, TYPES),
    *((json.dumps(shape(value)).encode(), "application/json")
      for shape, value in itertools.product(SHAPES, VALUES)),
]  # fmt: skip


def test_there_are_enough_of_them():
    assert len(CASES) >= 900


def test_no_hostile_body_is_taken_for_a_deletion():
    taken = []
    for body, kind in CASES:
        for status in (200, 202):
            raw = Raw(status, {"content-type": kind}, body)
            answer = understood(raw, DELETE, depth=20, at=AT)
            if answer.means != Means.UNKNOWN:
                taken.append((status, kind, body[:60], answer.means))
    assert taken == []


def test_no_hostile_body_holds_records_of_anybody():
    made = []
    for body, kind in CASES:
        answer = understood(Raw(200, {"content-type": kind}, body), FIND, depth=20, at=AT)
        assert answer.means == Means.DONE  # the rule names the status alone: the records decide
        found = records_of(answer, PLACES, {"email": "orla@example.org"})
        if found.means != Means.UNKNOWN:
            made.append(body[:60])
    assert made == []


RECORDS = [
    {"id": "p1"},
    {"id": "p1", "email": None},
    {"id": "p1", "email": ""},
    {"id": "p1", "email": "kofi@example.org"},
    {"id": "p1", "email": ["kofi@example.org"]},
    {"id": "p1", "email": {"a": "orla@example.org"}},
    {"id": "p1", "email": "orla@example.org.evil.example"},
    {"id": "p1", "email": "orla@example.org\n"},
    {"id": "p1", "email": "%"},
    {"id": "p1", "email": "*"},
    {"id": "p1", "email": True},
]


@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_a_record_of_another_or_of_nobody_stops(record):
    mine = {"id": "p0", "email": "Orla@example.org"}
    body = json.dumps({"people": [mine, record]}).encode()
    answer = understood(Raw(200, JSON, body), FIND, depth=20, at=AT)
    with pytest.raises(AnswerOfAnother):
        records_of(answer, PLACES, {"email": "orla@example.org"})


@pytest.mark.parametrize("found", [None, "", " \n", "..", ".", [], {}, 1.5, "a\u0000b", "x" * 400])
def test_a_record_without_a_usable_id_is_unknown(found):
    body = json.dumps({"people": [{"id": found, "email": "orla@example.org"}]}).encode()
    answer = understood(Raw(200, JSON, body), FIND, depth=20, at=AT)
    found = records_of(answer, PLACES, {"email": "orla@example.org"})
    assert (found.means, found.code) == (Means.UNKNOWN, "no-id")


def test_a_page_that_the_system_did_not_write_does_not_say_that_nothing_is_held():
    """A gateway's own 404 would prove a deletion that never was."""
    told = [
        understood(Raw(404, {"content-type": kind}, body), FIND, depth=20, at=AT).means
        for kind, body in (("text/html", b"<h1>404</h1>"), ("application/json", b"{"), ("", b""),
                           ("application/json", b'{"status": "absent"}'))
    ]  # fmt: skip
    assert told == [Means.UNKNOWN, Means.UNKNOWN, Means.NOTHING, Means.NOTHING]


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("+1 415-555-0142", "(415) 555-0142", True),
        ("+1 415-555-0142", "+14155550142", True),
        ("+81 90 1234 5678", "+1 901 234 5678", False),
        ("n/a", "-", False),
        ("n/a", "n/a", False),
    ],
)
def test_two_numbers_are_one_only_where_they_say_so(first, second, is_same):
    assert same("phone_number", first, second) is is_same


@pytest.mark.parametrize("status", [201, 203, 205, 206, 299, 400, 402, 405, 418, 422, 451, 499])
def test_a_status_that_no_rule_names_is_unknown(status):
    assert understood(Raw(status, JSON, b"{}"), DELETE, depth=20, at=AT).means == Means.UNKNOWN


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_no_redirect_is_followed(status):
    raw = Raw(status, {**JSON, "location": "http://169.254.169.254/"}, b'{"status": "deleted"}')
    answer = understood(raw, DELETE, depth=20, at=AT)
    assert (answer.means, answer.code) == (Means.REFUSED, "redirect")


@pytest.mark.parametrize(
    ("text", "pause"),
    [("5", 5.0), ("999999999999", None), ("9999999", 86400.0), ("-5", None), ("1.5", None),
     ("Wed, 25 Nov 2026 00:01:00 GMT", 60.0), ("Wed, 25 Nov 2020 00:01:00 GMT", 0.0),
     ("soon", None), ("", None), ("٣", None)],
)  # fmt: skip
def test_when_to_come_again_is_read_or_left(text, pause):
    raw = Raw(429, {**JSON, "retry-after": text}, b"{}")
    assert understood(raw, DELETE, depth=20, at=AT).pause == pause


def test_a_deep_or_quoted_body_costs_no_time():
    began = time.thread_time()  # of this thread alone: other programs may be busy
    for body in (b"[" * 10**6, b'"' + b'\\"' * 500_000, b'{"a":' * 200_000, b'"' * 10**6):
        with pytest.raises(NotJson):
            read_json(body, depth=20)
    assert time.thread_time() - began < 3
