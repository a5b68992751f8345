"""Forms ask for what a right needs and nothing more; what is typed is plain text."""

import time

import pytest
from django.core import signing
from django.utils import translation

from ccpa_office.connectors.ways import Point
from ccpa_office.law.kinds import UNVERIFIED, RequestKind
from requests_app.forms import (
    FORMS,
    NONCE_SALT,
    EvidenceForm,
    MessageForm,
    StatusForm,
    new_nonce,
    right_of,
)

DELETE = RequestKind.DELETE
POINTS = [
    Point("postal_code", "address", "postal", "postal_code", {"en": "ZIP", "ja": "郵便番号"}),
    Point("street", "address", "exact", "street", {"en": "Street"}),
    Point("phone", "phone", "phone", "phone", {}),
    Point("order", "purchases", "exact", "number", {"en": "Order"}),
]


def _form(kind=DELETE, **more):
    data = {"nonce": new_nonce(kind), "email": "a@example.org", "name": "Ana"} | more
    return FORMS[kind](kind, data)


def test_each_right_asks_for_its_own_fields_and_no_more():
    fields = {kind: set(form(kind).fields) - {"nonce"} for kind, form in FORMS.items()}
    named = {"email", "name", "words"}
    assert fields == {
        RequestKind.DELETE: named,
        RequestKind.KNOW_CATEGORIES: named | {"since"},
        RequestKind.KNOW_SPECIFIC: named | {"since"},
        RequestKind.CORRECT: named,
        RequestKind.OPT_OUT: {"email", "words"},
        RequestKind.LIMIT: {"email", "words"},
    }
    assert all("name" not in fields[kind] for kind in FORMS if kind in UNVERIFIED)


@pytest.mark.parametrize(
    "word",
    ["passport", "license", "licence", "social", "ssn", "birth", "selfie", "upload", "document"],
)
def test_no_form_asks_for_documents_or_numbers_of_the_state(word):
    for kind, form in FORMS.items():
        shown = form(kind)
        asked = " ".join(f"{field.label} {field.name}" for field in shown).lower()
        assert word not in asked
        assert not shown.is_multipart()


@pytest.mark.parametrize("kind", list(FORMS))
def test_a_right_is_a_plain_sentence_with_its_term(kind):
    right = right_of(kind)
    assert ("15 business days" in str(right["how_long"])) == (kind in UNVERIFIED)
    assert ("45 days" in str(right["how_long"])) == (kind not in UNVERIFIED)


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@", "@example.org", "a@example", "a b@example.org", "a@example.org\nBcc: b@x.org",
     "a@exa\x00mple.org", '"a b"@example.org', "ä@example.org", "a@exämple.org",
     "a@example.org, b@example.org", "<a@example.org>", "a" * 255 + "@example.org"],
)  # fmt: skip
def test_an_address_is_one_plain_address(address):
    assert "email" in _form(email=address).errors


@pytest.mark.parametrize("name", ["森川 花", "Renée O’Hara", "नरेंद्र", "Đặng", "  Ana  "])
def test_names_of_every_script_pass(name):
    form = _form(name=name)
    assert form.is_valid(), form.errors
    assert form.identifiers()["name"] == name.strip()


@pytest.mark.parametrize(
    "name", ["", " ", "A\u202ena", "A\u200bna", "A\x00na", "A\x1bna", "A\ufeffna", "A\ue000na",
             "A\nna", "A" * 201]
)  # fmt: skip
def test_invisible_and_turning_characters_are_refused(name):
    assert "name" in _form(name=name).errors


def test_lines_are_allowed_where_there_are_lines():
    form = _form(words="one\r\ntwo\tthree")
    assert form.is_valid(), form.errors
    assert form.cleaned_data["words"] == "one\ntwo\tthree"
    assert "words" in _form(words="one\x07two").errors
    assert "words" in _form(words="x" * 2001).errors


def test_composed_and_decomposed_letters_are_one():
    form = _form(name="Rene\u0301e")
    assert form.is_valid()
    assert form.cleaned_data["name"] == "Ren\u00e9e"


@pytest.mark.parametrize(
    "nonce",
    ["", "x", signing.dumps(["delete", "x"]), signing.dumps("delete", salt=NONCE_SALT),
     signing.dumps(["correct", "x"], salt=NONCE_SALT), signing.dumps(None, salt=NONCE_SALT),
     signing.dumps(["delete", "x", "y"], salt=NONCE_SALT), "x" * 300],
    ids=["empty", "short", "no salt", "no list", "another right", "nothing", "three", "long"],
)  # fmt: skip
def test_only_a_blank_form_of_ours_and_of_this_right_is_taken(nonce):
    form = _form(nonce=nonce)
    assert "nonce" in form.errors
    form.renew_nonce()
    again = FORMS[DELETE](DELETE, form.data)
    assert again.is_valid(), again.errors
    assert again.cleaned_data["name"] == "Ana"


def test_a_form_is_good_for_a_day(monkeypatch):
    nonce = new_nonce("delete")
    moment = time.time()  # noqa: TID251 - signing's own clock
    for hours, good in ((23, True), (25, False)):
        monkeypatch.setattr(time, "time", lambda h=hours: moment + h * 3600)
        assert _form(nonce=nonce).is_valid() is good


def test_a_good_nonce_is_not_renewed():
    form = _form(name="")
    before = form.data["nonce"]
    assert not form.is_valid()
    form.renew_nonce()
    assert form.data["nonce"] == before


def test_two_blank_forms_differ():
    assert FORMS[DELETE](DELETE)["nonce"].value() != FORMS[DELETE](DELETE)["nonce"].value()


@pytest.mark.parametrize("since", ["everything", "12-months"])
def test_how_far_back_is_a_choice(since):
    kind = RequestKind.KNOW_SPECIFIC
    form = _form(kind, since=since)
    assert form.is_valid(), form.errors
    assert form.choices() == {"since": since}
    assert "since" in _form(kind, since="1970").errors
    assert _form().choices() == {}


# --- evidence -----------------------------------------------------------------------------------


def _evidence(declaration=False, **claims):
    return EvidenceForm(POINTS, "en", claims, declaration=declaration)


@pytest.mark.parametrize(
    ("claims", "enough"),
    [
        ({}, False), ({"phone": "1"}, False), ({"postal_code": "1", "street": "x"}, False),
        ({"postal_code": "1", "phone": "1"}, True), ({"phone": "1", "order": "x"}, True),
        ({"phone": "1", "order": "  "}, False),
    ],
)  # fmt: skip
def test_answers_of_two_independent_groups_are_needed(claims, enough):
    form = _evidence(**claims)
    assert form.is_valid() is enough
    if enough:
        assert form.claims() == claims


def test_a_declaration_needs_three_groups_a_name_and_a_tick():
    three = {"postal_code": "1", "phone": "1", "order": "x"}
    signed = {"signed_name": "Ana", "declared": "on"}
    assert _evidence(True, **three, **signed).is_valid()
    assert not _evidence(True, **three).is_valid()
    assert not _evidence(True, **three, signed_name="Ana").is_valid()
    assert not _evidence(True, **three, declared="on").is_valid()
    assert not _evidence(True, postal_code="1", phone="1", **signed).is_valid()


def test_a_point_is_named_in_the_language_or_in_english_or_by_its_key():
    labels = [
        [field.label for field in EvidenceForm(POINTS, language)] for language in ("ja", "es")
    ]
    assert labels == [["郵便番号", "Street", "phone", "Order"], ["ZIP", "Street", "phone", "Order"]]


def test_status_and_messages():
    good = {"number": "7k3m 92qx 4td", "email": "a@example.org"}
    form = StatusForm(good)
    assert form.is_valid() or "number" in form.errors
    assert "number" in StatusForm(good | {"number": "nonsense"}).errors
    assert not MessageForm({"text": " "}).is_valid()
    assert not MessageForm({"text": "x" * 4001}).is_valid()
    assert MessageForm({"text": "Hello\nyou"}).is_valid()


# --- joiners, and errors that say which field -----------------------------------------------------

PERSIAN_NAME, PERSIAN_WORD = (
    "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
)
SINHALA, FAMILY = "\u0dc1\u0dca\u200d\u0dbb\u0dd3", "\U0001f469\u200d\U0001f4bb"


def test_a_name_may_hold_the_non_joiner_that_its_script_is_written_with():
    form = _form(name=PERSIAN_NAME)
    assert form.is_valid(), form.errors
    assert form.identifiers()["name"] == PERSIAN_NAME


@pytest.mark.parametrize("words", [PERSIAN_WORD, SINHALA, FAMILY])
def test_prose_may_hold_joiners(words):
    assert _form(words=words).is_valid()
    assert MessageForm({"text": words}).is_valid()


@pytest.mark.parametrize("words", ["pass\u200cword", "\u200dAna", "a\u200d\u202eb", "Ana\u2066"])
def test_prose_may_hold_no_joiner_that_joins_nothing_and_nothing_that_turns(words):
    assert "words" in _form(words=words).errors


@pytest.mark.parametrize("value", [f"{PERSIAN_NAME}@example.org", "ana\u200d@example.org"])
def test_identifiers_hold_no_joiner(value):
    assert "email" in _form(email=value).errors
    assert "street" in _evidence(street=PERSIAN_NAME, phone="1").errors


WANTED = {
    "en": ["Enter your name.", "Enter your e-mail address."],
    "ja": ["お名前を入力してください。", "メールアドレスを入力してください。"],
    "es": ["Escriba su nombre.", "Escriba su dirección de correo electrónico."],
}


@pytest.mark.parametrize("language", WANTED)
def test_an_error_says_what_to_enter_in_the_language_of_the_page(language):
    with translation.override(language):
        errors = _form(name="", email="").errors
        assert [*errors["name"], *errors["email"]] == WANTED[language]


def test_an_error_without_words_of_its_own_names_the_field():
    errors = _form(name="x" * 201, words="a\u202eb").errors
    assert errors["name"] == ["“Your name” is too long: 201 characters, 200 at most."]
    assert errors["words"] == ["Type “Anything we should know” without invisible characters."]


@pytest.mark.parametrize("kind", list(FORMS))
def test_no_form_says_that_this_field_is_required(kind):
    said = (
        str(FORMS[kind](kind, {}).errors) + str(StatusForm({}).errors) + str(_evidence(True).errors)
    )
    assert "This field is required" not in said
