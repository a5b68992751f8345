"""Who was deleted is kept out of what is imported: exactly they, by whatever spelling."""

import csv
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from ccpa_office import clock, sealing
from requests_app import suppression
from requests_app.checks import doctor_findings
from tests.steps import lines

GONE = {
    "email": ["Ines.Tallowmere@Example.org", "i.t@münchen.example"],
    "phone_number": ["+1 (707) 555-0163", "0", "123-456", "000-000-0000"],
}
SPELLINGS = [
    ("email", "ines.tallowmere@example.org"),
    ("email", "  INES.TALLOWMERE@EXAMPLE.ORG "),
    ("email", "ines.tallowmere@example.org."),
    ("email", "ｉｎｅｓ.tallowmere@example.org"),
    ("email", "I.T@xn--mnchen-3ya.example"),
    ("phone_number", "7075550163"),
    ("phone_number", "707.555.0163"),
    ("phone_number", "1-707-555-0163"),
    ("phone_number", "+17075550163"),
    ("phone_number", "（707）555-0163"),
]
OTHERS = [
    ("email", "ines.tallowmere+news@example.org"),
    ("email", "inestallowmere@example.org"),
    ("email", "ines.tallowmere@example.com"),
    ("email", "tallowmere@example.org"),
    ("email", ""),
    ("email", "n/a"),
    ("phone_number", "707 555 0164"),
    ("phone_number", "+44 7075 550163"),
    ("phone_number", ""),
    ("phone_number", "unknown"),
    ("phone_number", "0"),
    ("phone_number", "123456"),
    ("phone_number", "+1 (000) 000-0000"),
]


@pytest.fixture
def gone(db):
    """One person who was deleted."""
    suppression.remember([("x", GONE)], at=clock.now())


@pytest.mark.parametrize(("kind", "value"), SPELLINGS)
def test_every_spelling_is_known(gone, kind, value):
    assert suppression.is_suppressed(kind, value)


@pytest.mark.parametrize(("kind", "value"), OTHERS)
def test_nobody_else_is(gone, kind, value):
    assert not suppression.is_suppressed(kind, value)


@given(
    st.from_regex(
        r"[A-Za-z0-9._%+-]{1,20}@[A-Za-z0-9-]{1,12}(\.[A-Za-z0-9-]{1,6}){0,3}", fullmatch=True
    )
    | st.emails()
)
def test_a_plain_address_is_read_as_the_whole_rule_reads_it(value):
    assert suppression._normal("email", value) == sealing.normal_email(value)


@given(
    st.from_regex(r"\+?1?[ .-]?\(?[0-9]{3}\)?[ .-]?[0-9]{3}[ .-]?[0-9]{3,5}", fullmatch=True)
    | st.text("0123456789+-() .", max_size=18)
)
def test_a_plain_number_is_read_as_the_whole_rule_reads_it(value):
    assert suppression._normal("phone_number", value) == sealing.normal_phone(value)


def test_any_number_of_people_are_looked_up_by_one_statement(gone, django_assert_num_queries):
    people = [{"email": [f"p{number}@example.org"]} for number in range(999)]
    with django_assert_num_queries(1):
        found = suppression.suppressed([*people, GONE])
    assert found == [False] * 999 + [True]


# --- files --------------------------------------------------------------------------------------


def _run(*words):
    out = StringIO()
    call_command("suppression", *words, stdout=out)
    return out.getvalue()


def _written(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def test_a_file_is_copied_without_them(gone, tmp_path):
    source = _written(
        tmp_path / "in.csv",
        [
            ["id", "E-mail", "phone", "note"],
            ["1", "someone@example.org", "", 'a "quoted", word'],
            ["2", "INES.TALLOWMERE@example.org", "", "x"],
            ["3", "another@example.org", "(707) 555-0163", "x"],
            ["4", "", "", "two\nlines"],
        ],
    )
    out, blocked = tmp_path / "out.csv", tmp_path / "blocked.txt"
    said = json.loads(
        _run("filter", source, "--out", str(out), "--blocked", str(blocked), "--json")
    )
    assert said == {"rows": 4, "blocked": 2, "kept": 2}
    with out.open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["id", "1", "4"]
    assert blocked.read_text() == "3\n4\n"
    assert lines("office")[-1] == "suppression.filtered"


def test_many_spellings_in_a_long_file(gone, tmp_path):
    people = [["email"], *([f"p{number}@example.org"] for number in range(12_000))]
    places = [7, 4_999, 5_000, 5_001, 11_999]
    for place, spelling in zip(places, ["%s", "%s ", " %s", "%s", "%s"], strict=True):
        people[place] = [spelling % "INES.tallowmere@example.ORG"]
    source = _written(tmp_path / "in.csv", people)
    said = _run("filter", source, "--out", str(tmp_path / "out.csv"))
    assert said == "12000 rows read, 5 left out, 11995 kept.\n"


def test_columns_are_named_where_they_do_not_speak_for_themselves(gone, tmp_path):
    source = _written(tmp_path / "in.csv", [["kontakt"], [GONE["email"][0]], ["x@example.org"]])
    with pytest.raises(CommandError, match="No column says"):
        _run("filter", source, "--out", str(tmp_path / "out.csv"))
    with pytest.raises(CommandError, match="names no column"):
        _run("filter", source, "--email", "mail", "--out", str(tmp_path / "out.csv"))
    said = _run("filter", source, "--email", "kontakt", "--out", str(tmp_path / "out.csv"))
    assert said == "2 rows read, 1 left out, 1 kept.\n"


@pytest.mark.parametrize(
    "content",
    [b"", b"email\n\xff\xfe\n", b'email\n"never closed\n', b"email,id\nx@example.org\n", b"\n"],
)
def test_a_file_that_cannot_be_read_leaves_nothing_behind(gone, tmp_path, content):
    source = tmp_path / "in.csv"
    source.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        _run("filter", str(source), "--out", str(tmp_path / "out.csv"))
    assert refused.value.returncode == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv"]


def test_nobody_is_let_in_because_a_key_is_gone(gone, settings, tmp_path):
    settings.ERASURE_LEDGER_DIR = tmp_path / "ledger"
    newest, old = "7:" + "A" * 43 + "=", list(settings.DIGEST_KEYS)
    settings.DIGEST_KEYS = [newest, *old]
    suppression.remember([("y", {"email": ["later@example.org"]})], at=clock.now())
    assert suppression.keys_missing() == []
    settings.DIGEST_KEYS = [newest]
    source = _written(tmp_path / "in.csv", [["email"], [GONE["email"][0]]])
    for words in (
        ("filter", source, "--out", str(tmp_path / "out.csv")),
        ("check", "--email", "x"),
    ):
        with pytest.raises(CommandError, match="lacks a key"):
            _run(*words)
    assert [each.code for each in doctor_findings()] == ["digest-key-missing"]
    settings.DIGEST_KEYS = [newest, *old]
    assert [*doctor_findings(), *suppression.keys_missing()] == []


def test_one_person_is_asked_for(gone):
    assert _run("check", "--email", "nobody@example.org") == "Not on the list.\n"
    with pytest.raises(SystemExit) as said:
        _run("check", "--phone", "707-555-0163")
    assert said.value.code == 1
    with pytest.raises(CommandError):
        _run("check")
