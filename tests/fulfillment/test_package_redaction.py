"""The seven kinds that never leave: what is found in texts, and what stays as it is."""

import csv
import io
import json
import random
import re
import zipfile
from datetime import date

import pytest

from ccpa_office import sealed_files, sealing
from ccpa_office.connectors.base import Table
from ccpa_office.connectors.collected import Piece, Record
from ccpa_office.law.vocabulary import NeverDisclosed
from requests_app.fulfillment.outside.exporting import _told
from requests_app.fulfillment.package import pages
from requests_app.fulfillment.package.archive import Archive
from requests_app.fulfillment.package.building import FILE
from requests_app.fulfillment.package.cells import Sieve
from requests_app.fulfillment.package.naming import hint_of
from requests_app.fulfillment.package.redaction import clean, find
from requests_app.fulfillment.package.tables import Sheet, TableWriter

RANDOM = random.Random(7024)  # noqa: S311


def _kinds(text, hint=""):
    return [kind for _from, _to, kind in find(text, hint=hint)]


FOUND = [
    ("my ssn is 123-45-6789, thanks", "ND_1"),
    ("SSN: 123456789", "ND_1"),
    ("社会保障番号は１２３－４５－６７８９です", "ND_1"),
    ("ITIN 912-70-1234", "ND_2"),
    ("driver's license D1234567", "ND_2"),
    ("運転免許証番号 123456789012", "ND_2"),
    ("passport no. 123456789", "ND_2"),
    ("mi pasaporte es XA1234567", "ND_2"),
    ("DNI 12345678Z", "ND_2"),
    ("マイナンバー 123456789018", "ND_2"),
    ("card 4111 1111 1111 1111", "ND_3"),
    ("4111111111111111", "ND_3"),
    ("Amex 3782-822463-10005", "ND_3"),
    ("カード番号は４１１１１１１１１１１１１１１１です", "ND_3"),
    ("4111\u200b1111\u200b1111\u200b1111", "ND_3"),
    ("iban DE89 3704 0044 0532 0130 00", "ND_3"),
    ("ES9121000418450200051332", "ND_3"),
    ("routing 021000021", "ND_3"),
    ("my bank account number is 000123456789", "ND_3"),
    ("口座番号 1234567", "ND_3"),
    ("Medicare 1EG4-TE5-MK73", "ND_4"),
    ("health plan member id ABC123456789", "ND_4"),
    ("健康保険 被保険者番号 12345678", "ND_4"),
    ("the password is hunter22", "ND_5"),
    ("pwd=Correct-Horse", "ND_5"),
    ("パスワードは「ひみつのあいことば」です", "ND_5"),
    ("mi contraseña es secreta123", "ND_5"),
    ("$2b$12$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV0123456789", "ND_5"),
    ("pbkdf2_sha256$870000$abcdefgh$ABCDEFGHIJKLMNOP", "ND_5"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4", "ND_5"),
    ("AKIAIOSFODNN7EXAMPLE", "ND_5"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "ND_5"),
    ("mother's maiden name: Quintana", "ND_6"),
    ("security question: first pet? answer: Biscuit", "ND_6"),
    ("秘密の質問の答えは ビスケット", "ND_6"),
    ("fingerprint template " + "QUJDREVG" * 8, "ND_7"),
    ("card 4111 1111 1111 1111 12/27 123", "ND_3"),
    ("2026-05-06 4111 1111 1111 1111 paid", "ND_3"),
    ("4111111111111111 12/27", "ND_3"),
    ("Visa4111111111111111", "ND_3"),
    ("4111&nbsp;1111&nbsp;1111&nbsp;1111", "ND_3"),
    ("4111  1111  1111  1111", "ND_3"),
    ("refund to DE89 3704 0044 0532 0130 00 thank you", "ND_3"),
    ("cuenta CLABE 032180000118359719", "ND_3"),
    ("SSN123456789", "ND_1"),
    ('{"customerSSN":"123456789"}', "ND_1"),
    ("123 - 45 - 6789", "ND_1"),
    ("123456789 is my SSN", "ND_1"),
    ("my social is 123456789", "ND_1"),
    ("123456789が社会保障番号です", "ND_1"),
    ("ITIN 912701234", "ND_2"),
    ("D1234567 (driver's license)", "ND_2"),
    ("CURP GOMC800101HDFRRL09", "ND_2"),
    ("my green card A123456789", "ND_2"),
    ("在留カード AB12345678CD", "ND_2"),
    ("health plan member id 123 456 789", "ND_4"),
    ('{"password": "hunter22"}', "ND_5"),
    ("user_password=hunter22", "ND_5"),
    ('s:8:"password";s:8:"hunter22";', "ND_5"),
    ("https://ann:hunter22@example.org/x", "ND_5"),
    ("security_answer: Biscuit", "ND_6"),
    ("2026-05-06 372419345949558", "ND_3"),
    ("普通預金 1234567", "ND_3"),
    ("soc. sec. no 123456789", "ND_1"),
    ("CDL: D1234567", "ND_2"),
    ("California ID N1234567", "ND_2"),
    ("password - hunter22", "ND_5"),
    ("pw: hunter22", "ND_5"),
    ("my PIN is 4711", "ND_5"),
]


@pytest.mark.parametrize(("text", "kind"), FOUND)
def test_what_must_not_leave_is_found_and_named(text, kind):
    assert _kinds(text) == [kind]
    cleaned, kinds = clean(text, word=lambda each: f"[{each}]")
    assert kinds == (kind,)
    assert f"[{kind}]" in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "Order 7654321 of 2024-05-06 at 10:20",
        "call me at (415) 555-0142 or +81 3-1234-5678",
        "ISBN 978-3-16-148410-0",
        "born on 1984-05-06, ZIP 94110-1234",
        "9c858901-8a57-4791-81fe-4c455b099bc9",
        "I forgot my password, please help",
        "Thank you for the lesson on licenses and passports",
        "4111111111111112",
        "version 10.0.19045.3930, build 20240115",
        "$ 1,234.50 paid",
        "https://learn.example.org/course/12345?lesson=67",
        "森川 花です。先週の講座はとてもよかったです。",
        "7654321 was the order for the street of banks",
        "https://example.org:8443/a@b",
        "call 4155550142 2026-05-06",
        "Your account was closed on 2024-05-06 10:20.",
        "our policy changed on 2024-05-06, the license is valid until 06.05.2027",
        "your SSN is not needed; ZIP 94110-1234",
        "ski pass: adult, two days; password changed 3 times",
        "the PIN code of that town is 560001",
        "2026-05-06 10:20:30.123456+00",
    ],
)
def test_what_is_none_of_the_kinds_stays(text):
    assert _kinds(text) == []


def test_a_column_that_says_what_it_holds_needs_no_words_in_its_values():
    assert _kinds("123456789") == []
    assert _kinds("123456789", hint="tax_id") == ["ND_1"]
    assert _kinds("D1234567", hint="drivers_license") == ["ND_2"]
    assert _kinds("000123456789", hint="bank_account") == ["ND_3"]
    assert _kinds("123456789", hint="customerSSN") == ["ND_1"]
    assert _kinds("D1234567", hint="dlNumber") == ["ND_2"]
    assert _kinds("912701234", hint="itin") == ["ND_2"]


@pytest.mark.parametrize(
    "hint", ["account_id", "userAccountId", "account_balance", "privacy_policy_version"]
)
def test_a_number_of_the_business_itself_is_no_number_of_a_bank(hint):
    assert _kinds("12345678", hint=hint) == []
    assert _kinds("12345678", hint=f"bank {hint}") != []


def test_only_the_value_goes_and_the_words_around_it_stay():
    cleaned, _kinds_found = clean(
        "Card 4111111111111111 and SSN 123-45-6789, call me.", word=lambda kind: f"<{kind}>"
    )
    assert cleaned == "Card <ND_3> and SSN <ND_1>, call me."


WORDS = re.findall(
    r"\w+",
    "dear team the course on harbor history was moved to monday and I could not join please send"
    " the notes to me again with my certificate number the teacher said it is ready for pick up",
)


def test_of_ten_thousand_harmless_notes_hardly_one_is_touched():
    touched = 0
    for _note in range(10_000):
        words = RANDOM.choices(WORDS, k=20)
        words.insert(5, str(RANDOM.randrange(10 ** RANDOM.randrange(1, 11))))
        words.insert(9, f"2026-{RANDOM.randrange(1, 13):02d}-{RANDOM.randrange(1, 29):02d}")
        words.insert(15, f"({RANDOM.randrange(200, 999)}) 555-01{RANDOM.randrange(100):02d}")
        touched += bool(find(" ".join(words)))
    assert touched <= 50


def test_of_ten_thousand_hidden_values_none_leaves():
    left = 0
    for _note in range(10_000):
        secret = RANDOM.choice([_card, _ssn])()
        words = RANDOM.choices(WORDS, k=12)
        words.insert(RANDOM.randrange(12), secret)
        cleaned, _found = clean(" ".join(words), word=lambda kind: f"[{kind}]")
        left += secret in cleaned
    assert left == 0


def _ssn():
    first = RANDOM.choice([n for n in range(1, 900) if n != 666])
    return f"{first:03d}-{RANDOM.randrange(1, 100):02d}-{RANDOM.randrange(1, 10_000):04d}"


def _card():
    body = "4" + "".join(RANDOM.choices("0123456789", k=14))
    for digit in "0123456789":
        number = body + digit
        doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(number))]
        if sum(n - 9 * (n > 9) for n in doubled) % 10 == 0:
            gap = RANDOM.choice(["", " ", "-"])
            return gap.join(number[at : at + 4] for at in range(0, 16, 4))
    raise AssertionError


def test_inside_json_every_value_is_looked_at_and_stays_what_it_was():
    sieve = Sieve({each.value: each.value for each in NeverDisclosed})
    held = {"list": [1, None, True, "call me"], "ssn": "123-45-6789", "n": 1.5}
    cell = sieve.cell(Piece("doc"), held)
    assert cell.value == {"list": [1, None, True, "call me"], "ssn": "[ND_1]", "n": 1.5}
    assert dict(sieve.counted) == {("doc", "ND_1"): 1}


HOSTILE = [
    "password" + "  :" * 60 + " ;", "eyJ-" * 100_000, "123-45-6789 " * 20_000,
    "password is " * 20_000 + "x", "-----BEGIN private key" * 5_000, "$" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:8])
def test_no_text_of_anybody_keeps_a_worker_for_ever(text):
    """Each of these took minutes or years while it was tried in every way, or each with each."""
    places = find(text)
    assert places == sorted(places)
    assert len(places) == text.count("123-45-6789") or "password is" in text


def test_a_word_that_begins_like_a_verb_goes_whole():
    assert clean("my password is isolde22", word=str) == ("my password is ND_5", ("ND_5",))


# --- by the names of fields -----------------------------------------------------------------------

WORDS_OF = {each.value: each.value for each in NeverDisclosed}


@pytest.mark.parametrize(
    ("held", "left"),
    [
        ({"login": {"user": "ann", "password": "hunter"}},
         {"login": {"user": "ann", "password": "[ND_5]"}}),
        ({"securityAnswer": "Biscuit", "old_password": ["a", "b"], "pin": 4711},
         {"securityAnswer": "[ND_6]", "old_password": ["[ND_5]", "[ND_5]"], "pin": "[ND_5]"}),
        ({"password_changed_at": "2026-01-01", "has_password": "yes", "pin": "blue", "x": None},
         {"password_changed_at": "2026-01-01", "has_password": "yes", "pin": "blue", "x": None}),
        ([{"key": "ssn", "value": "123456789"}, {"key": "shoe", "value": "123456789"}],
         [{"key": "ssn", "value": "[ND_1]"}, {"key": "shoe", "value": "123456789"}]),
        ({"question": "What is your mother's maiden name?", "answer": "Quintana"},
         {"question": "What is your mother's maiden name?", "answer": "[ND_6]"}),
        ('{"password": "hunter", "n": "call me"}', '{"password": "[ND_5]", "n": "call me"}'),
        ({"raw": '{"pwd": "hunter"}', "n": float("inf")}, {"raw": '{"pwd": "[ND_5]"}', "n": "inf"}),
    ],
)  # fmt: skip
def test_what_a_name_says_is_withheld_whatever_the_value_looks_like(held, left):
    assert Sieve(WORDS_OF).cell(Piece("doc"), held).value == left


def test_a_column_that_is_a_password_is_withheld_though_its_map_does_not_say_so():
    sieve = Sieve(WORDS_OF)
    assert sieve.cell(Piece("user_password"), "hunter").withheld == ("ND_5",)
    assert sieve.cell(Piece("password_hash"), "5f4dcc3b5aa765d6").withheld == ("ND_5",)
    assert sieve.cell(Piece("has_password"), "yes").withheld == ()
    assert sieve.cell(Piece("password"), True).value is True


def test_the_key_of_a_row_is_held_against_the_name_of_its_column():
    sieve = Sieve(WORDS_OF)
    assert sieve.key(("123456789", 7), ("", ""), ("ssn", "line")) == "[ND_1]/7"
    assert sieve.key((1234567,), ("",), ("account_id",)) == "1234567"


def test_a_number_is_held_against_the_name_of_its_table_and_a_value_against_its_label():
    assert _kinds("000123456789", hint=hint_of("bank_accounts", "number")) == ["ND_3"]
    assert hint_of("orders", "number") == "number"
    pieces = (Piece("id"), Piece("meta_key"), Piece("meta_value"))
    sheet = Sheet("blog", Table("usermeta", ("id",), (), "keep", pieces=pieces))
    assert sheet.hints_of((1, "ssn", "123456789")) == ["id", "meta_key", "meta_value ssn"]


def test_names_and_texts_from_outside_spoil_no_file(tmp_path):
    """A name is no formula and holds no number; half a sign is no reason to give nothing at all."""
    record = _told({"=1+1": "cut \ud83d", "of 123-45-6789": 1, "of 123-45-6780": 2, "n\ud83d": 3})
    names = ["=1+1", "of [ND_1]", "of [ND_1]+", "n?"]
    assert list(record) == names
    files = _written(tmp_path, names, [tuple(record.values())])
    (row,) = json.loads(files["json/s/export.json"])["rows"]
    assert row["values"]["=1+1"] == "cut ?"
    sheet = files["csv/s/export.csv"].decode("utf-8-sig")
    assert next(csv.reader([sheet.splitlines()[0]])) == ["row", "'=1+1", *names[1:]]


def test_long_texts_make_more_pages_and_none_is_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "SIGNS", 1_000)
    files = _written(tmp_path, ["text"], [("x" * 600,)] * 5)
    shown = [files[name].decode() for name in sorted(files) if name.startswith("pages/")]
    assert [page.count("<td>") for page in shown] == [2, 2, 1]
    assert [re.findall(r"rows \d+ to \d+", page)[0] for page in shown] == [
        "rows 1 to 2",
        "rows 3 to 4",
        "rows 5 to 5",
    ]


def _written(folder, names, rows):
    """The files of a package with these rows of one table, by name."""
    box, path = sealing.Box(sealing.made_key()), folder / "x.part"
    table = Table("export", ("id",), (), "keep", pieces=tuple(map(Piece, names)))
    with sealed_files.Writer(path, box, context=FILE, durable=False) as sink:
        archive = Archive(sink, day=date(1970, 1, 1))
        writer = TableWriter(
            archive, Sieve(WORDS_OF), Sheet("s", table), language="en", spools=(path, box)
        )
        for number, row in enumerate(rows):
            writer.add(Record((str(number),), row))
        writer.close()
        archive.close({})
    plain = b"".join(sealed_files.read(path, box, context=FILE))
    with zipfile.ZipFile(io.BytesIO(plain)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}
