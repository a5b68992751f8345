"""Pages and letters, drawn from samples: their words, their landmarks, their languages."""

import html
import re
from datetime import UTC, date, datetime
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation

from ccpa_office.templatetags import office
from tests.requests import samples

TEMPLATES = Path(settings.BASE_DIR) / "templates"
LANGUAGES = ["en", "ja", "es"]
PREFIX = {"en": "", "ja": "/ja", "es": "/es"}
STYLES = (Path(settings.BASE_DIR) / "ccpa_office" / "static" / "office.css").read_text()


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.fixture(params=LANGUAGES)
def language(request, english):
    with translation.override(request.param):
        yield request.param


@pytest.fixture(autouse=True)
def business(settings):
    settings.BUSINESS_NAME = "Hazelwood Courses"
    settings.BUSINESS_EMAIL = "privacy@hazelwood.example"
    settings.BUSINESS_PHONE = "+1 800 555 0142"
    settings.BUSINESS_ADDRESS = "410 Alder Street, Sacramento"
    settings.SITE_URL = "http://office.test"


def page(name, language="en", **more):
    request = RequestFactory().get(f"{PREFIX[language]}/")
    return render_to_string(name, {**samples.pages()[name], **more}, request)


def letter(name, part, **more):
    return render_to_string(
        f"emails/{name}/{part}", {**samples.COMMON, **samples.LETTERS[name], **more}
    )


def words(text):
    """The bare words: no tags, no marks of lists, one space between."""
    bare = re.sub(r"<[^>]+>", " ", re.sub(r"<(head|title)>.*</\1>", " ", text, flags=re.DOTALL))
    return " ".join(re.sub(r"(?m)^(- |--$)", "", html.unescape(bare)).split())


# --- days, numbers, addresses -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", "Friday 8 January 2027"),
        ("ja", "2027年1月8日（金）"),
        ("es", "viernes 8 de enero de 2027"),
    ],
)
def test_a_day_is_written_in_the_words_of_the_language(language, shown):
    with translation.override(language):
        assert office.day(date(2027, 1, 8)) == f'<time datetime="2027-01-08">{shown}</time>'
        assert office.in_words(date(2027, 1, 8)) == shown


def test_a_moment_shows_the_day_in_california():
    late = datetime(2027, 1, 8, 3, 5, tzinfo=UTC)
    with translation.override("en"):
        assert office.in_words(late) == "Thursday 7 January 2027"
        assert office.moment_in_words(late) == "Thursday 7 January 2027, 7:05 PM"
    with translation.override("ja"):
        assert office.moment_in_words(late) == "2027年1月7日（木）19時05分"


@pytest.mark.parametrize(("language", "said"), [("en", "a, b"), ("ja", "a、b"), ("es", "a, b")])
def test_a_list_is_parted_as_its_language_parts_it(language, said):
    with translation.override(language):
        assert office.listed(["a", "b"]) == said


def test_a_missing_day_is_no_word():
    assert (office.day(None), office.in_words(None), office.moment(None)) == ("", "", "")


@pytest.mark.parametrize("written", ["7K3M92QX4TD", "7k3m-92qx-4td", " 7K3M 92QX 4TD"])
def test_a_number_is_shown_in_its_groups(written):
    assert office.request_number(written) == "7K3M-92QX-4TD"


@pytest.mark.parametrize(
    ("value", "shown"), [("mika@example.com", "m•••@e•••.com"), ("Mika", "M•••"), ("", "")]
)
def test_an_address_is_masked_to_its_first_letter(value, shown):
    assert office.masked(value) == shown


def test_the_language_switch_leads_to_the_same_page():
    context = {"request": RequestFactory().get("/ja/requests/status/")}
    with translation.override("ja"):
        links = {link["code"]: link["url"] for link in office.language_links(context)}
    assert links == {
        "en": "/requests/status/",
        "ja": "/ja/requests/status/",
        "es": "/es/requests/status/",
    }


def test_the_language_switch_of_an_unknown_page_leads_to_the_start():
    context = {"request": RequestFactory().get("/nowhere/")}
    with translation.override("en"):
        links = {link["code"]: link["url"] for link in office.language_links(context)}
    assert links == {"en": "/nowhere/", "ja": "/ja/", "es": "/es/"}


# --- pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", samples.pages())
def test_a_page_has_its_language_its_landmarks_and_one_heading(name, language):
    drawn = page(name, language)
    counts = {
        mark: drawn.count(mark)
        for mark in (f'<html lang="{language}">', "<h1", "<main ", "<header", "<footer", "<title>")
    }
    assert set(counts.values()) == {1}, counts
    assert '<a class="skip" href="#main">' in drawn
    assert "Hazelwood Courses" in drawn


@pytest.mark.parametrize("name", samples.pages())
def test_an_identifier_stands_once_in_a_page_and_every_reference_has_its_target(name):
    drawn = page(name)
    identifiers = re.findall(r'\sid="([^"]+)"', drawn)
    assert sorted(identifiers) == sorted(set(identifiers))
    targets = re.findall(r'(?:href="#|\sfor="|aria-labelledby=")([^"]+)"', drawn)
    described = " ".join(re.findall(r'aria-describedby="([^"]+)"', drawn)).split()
    assert {*targets, *described} - set(identifiers) == set()


def test_errors_stand_on_top_and_link_to_their_fields():
    drawn = page("requests/new.html")
    summary = re.search(r'<div class="errors".*?</div>', drawn, re.DOTALL)
    assert summary is not None
    links = re.findall(r'href="#([^"]+)"', summary.group())
    assert links == ["id_email", "id_who_0", "id_signed_name", "id_declared"]
    assert drawn.index("errors-title") < drawn.index("<h1")
    assert 'value="Mika"' in drawn
    assert "<title>Error:" in drawn


def test_the_declaration_asks_each_field_once():
    drawn = page("requests/link.html")
    asked = {name: drawn.count(f'name="{name}"') for name in samples.AskForm.base_fields}
    assert asked == dict.fromkeys(samples.AskForm.base_fields, 1) | {"who": 2}


def test_the_present_step_is_marked_in_words():
    drawn = page("requests/status.html")
    (now,) = re.findall(r'<li class="now" aria-current="step">(.*?)</li>', drawn, re.DOTALL)
    assert words(now) == "Checking This is where we are now"


def test_what_a_consumer_wrote_is_text():
    assert "&lt;b&gt;Bees&lt;/b&gt;" in page("requests/status.html")


def test_no_page_carries_script_or_style_of_its_own():
    own = re.compile(r"<script(?![^>]*(\ssrc=|/json))|<style|\sstyle=|\son[a-z]+=")
    found = [
        file.name
        for file in TEMPLATES.rglob("*.html")
        if not {"emails", "package"} & set(file.parts) and own.search(file.read_text())
    ]
    assert found == []


def test_the_page_for_our_own_fault_stands_alone(language):
    drawn = render_to_string("500.html")
    assert (drawn.count("<h1"), drawn.count(f'lang="{language}"')) == (1, 1)


# --- letters ------------------------------------------------------------------------------------


def test_every_letter_has_its_three_files_and_its_sample():
    folders = {each.name: each for each in (TEMPLATES / "emails").iterdir() if each.is_dir()}
    assert set(folders) == set(samples.LETTERS)
    for folder in folders.values():
        assert sorted(each.name for each in folder.iterdir()) == [
            "body.html", "body.txt", "subject.txt"
        ]  # fmt: skip


@pytest.mark.parametrize("name", samples.LETTERS)
def test_a_subject_is_one_line_with_the_number_and_the_matter(name, language):
    subject = letter(name, "subject.txt").strip()
    assert subject.startswith(samples.SHOWN)
    assert "\n" not in subject
    assert len(subject) < 78


@pytest.mark.parametrize("name", samples.LETTERS)
def test_both_parts_of_a_letter_say_the_same(name, language):
    assert words(letter(name, "body.html")) == words(
        letter(name, "body.txt").replace("<it>", "&lt;it&gt;").replace("<rows>", "&lt;rows&gt;")
    )


@pytest.mark.parametrize("name", samples.LETTERS)
def test_a_letter_is_plain_text_and_ends_with_whom_to_ask_and_the_law(name):
    text = letter(name, "body.txt")
    before, small = text.split("\n--\n")
    assert "\n\n\n" not in text
    assert not re.search(r"&(lt|amp|quot|#\d+);", text)
    assert before.splitlines()[0]
    assert "privacy@hazelwood.example" in small
    assert small.strip().splitlines()[-1].startswith("Legal basis: ")


def test_the_html_part_escapes_what_people_wrote():
    assert "Two more systems &amp; more &lt;rows&gt;." in letter("extension", "body.html")


def test_a_letter_without_a_follow_link_points_to_the_status_page_in_its_language(language):
    expected = f"http://office.test{PREFIX[language]}/requests/status/"
    assert expected in letter("extension", "body.txt").splitlines()


def test_a_partial_deletion_says_what_is_kept_why_and_until_when():
    text = letter("done_delete_part", "body.txt")
    expected = "- Commercial: 4 entries (A legal obligation), until Sunday 7 February 2027"
    assert expected in text.splitlines()


# --- translations -------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["ja", "es"])
def test_every_string_is_translated_with_the_same_placeholders(code):
    folder = Path(settings.BASE_DIR) / "ccpa_office" / "locale" / code / "LC_MESSAGES"
    catalogue = polib.pofile(str(folder / "django.po"))
    assert [entry.msgid for entry in catalogue.untranslated_entries()] == []
    assert [entry.msgid for entry in catalogue.fuzzy_entries()] == []
    assert [entry.msgid for entry in catalogue if _slots(entry)] == []


def _slots(entry):
    named = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
    wanted = sorted(set(named.findall(entry.msgid)))
    texts = [entry.msgstr, *entry.msgstr_plural.values()]
    return [text for text in texts if text and sorted(set(named.findall(text))) != wanted]


@pytest.mark.parametrize("code", ["ja", "es"])
def test_the_compiled_catalogue_is_the_written_one(code):
    folder = Path(settings.BASE_DIR) / "ccpa_office" / "locale" / code / "LC_MESSAGES"
    written = {
        (each.msgctxt, each.msgid): (each.msgstr, each.msgstr_plural)
        for each in polib.pofile(str(folder / "django.po"))
        if each.translated()
    }
    compiled = {
        (each.msgctxt, each.msgid): (each.msgstr, each.msgstr_plural)
        for each in polib.mofile(str(folder / "django.mo"))
    }
    assert compiled == written


# --- colors -------------------------------------------------------------------------------------


def _colors(block):
    return {
        name: tuple(int(value[place : place + 2], 16) / 255 for place in (0, 2, 4))
        for name, value in re.findall(r"--([a-z-]+): #([0-9a-f]{6})", block)
    }


def _brightness(color):
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _contrast(one, other):
    darker, lighter = sorted([_brightness(one), _brightness(other)])
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_accent_have_a_contrast_of_seven_and_edges_of_three(scheme):
    light, dark = STYLES.split("prefers-color-scheme: dark")[:2]
    colors = _colors(light if scheme == "light" else dark.split("*, *::before")[0])
    pairs = [
        *((ink, paper) for ink in ("ink", "quiet", "accent") for paper in ("paper", "wash")),
        *(("wrong", paper) for paper in ("paper", "wrong-wash")),
        ("on-accent", "accent"),
    ]
    low = [pair for pair in pairs if _contrast(colors[pair[0]], colors[pair[1]]) < 7]
    assert low == []
    assert min(_contrast(colors["edge"], colors[paper]) for paper in ("paper", "wash")) >= 3
