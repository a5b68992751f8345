"""The public pages of notices, in three languages and as data."""

import json
from datetime import date
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ccpa_office import clock
from notices_app import publishing, reading, wording
from notices_app.completeness import findings
from notices_app.models import Notice
from notices_app.reading import read_whole
from tests.notices.conftest import NOON, TODAY


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setattr(clock, "today", lambda: TODAY)
    reading.forget()


class Outline(HTMLParser):
    """Headings, languages and rows of a page."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.languages, self.rows, self.tags = [], [], 0, []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        if tag in {"html", "div"} and "lang" in facts:
            self.languages.append(facts["lang"])
        if tag in {"h1", "h2"}:
            self.headings.append("")
            self._in = tag
        if tag == "tr" and facts.get("id"):
            self.rows += 1
        if facts.get("class") == "tag":
            self.tags.append("")
            self._in = "tag"

    def handle_endtag(self, tag):
        if tag in {"h1", "h2", "span"}:
            self._in = ""

    def handle_data(self, data):
        if self._in in {"h1", "h2"}:
            self.headings[-1] += data.strip()
        elif self._in == "tag":
            self.tags[-1] += data


def outline(client, path):
    response = client.get(path)
    assert response.status_code == 200
    return Outline(response.content.decode())


def publish_third(editor, counsel, edit=None, effective_on=TODAY):
    notice = Notice.objects.get(slug="main")
    version = publishing.draft(notice, effective_on=effective_on, by=editor, at=NOON)
    if edit:
        edit(version)
    version = publishing.submit(version, by=editor, at=NOON)
    publishing.approve(version, digest=version.digest, by=counsel, at=NOON)
    return publishing.publish(version, on=TODAY, by=editor, at=NOON)


def test_the_notice_in_force_has_a_row_for_each_of_eleven_categories(client, loaded):
    page = outline(client, "/notices/main/")
    assert (page.rows, page.languages, page.tags) == (11, ["en", "en"], [])
    assert page.headings[:4] == ["Our notice", "In short", "About this notice", "What we collect"]


@pytest.mark.parametrize("language", ["ja", "es"])
def test_the_notice_is_read_in_the_language_of_the_address(client, loaded, language):
    page = outline(client, f"/{language}/notices/main/")
    title = read_whole(loaded[1].pk).texts["summary", language].title
    assert (page.languages, page.headings[1]) == ([language, language], title)


def test_a_version_without_the_language_is_read_in_its_original_and_says_so(client, loaded):
    response = client.get("/es/notices/main/versions/1/")
    page = Outline(response.content.decode())
    assert page.languages == ["es", "ja"]
    assert response.context["page"].language == "ja"
    assert 'class="notice"' in response.content.decode()


def test_version_one_shows_only_the_columns_that_it_fills(client, loaded):
    response = client.get("/notices/main/versions/1/")
    assert response.context["page"].tells == {
        "purposes": False,
        "recipients": False,
        "dealings": False,
        "retention": False,
    }


def test_what_is_new_and_what_changed_is_marked(client, loaded):
    page = outline(client, "/notices/main/versions/2/")
    assert (page.tags.count("New"), page.tags.count("Changed")) == (12, 16)
    assert "What changed since version 1" in page.headings


def test_findings_are_not_public(client, loaded):
    sentences = [str(finding.sentence) for finding in findings(loaded[0], on=TODAY)]
    paths = ["/notices/main/", "/notices/main/versions/1/", "/notices/main.json"]
    pages = [client.get(path).content.decode() for path in paths]
    assert [s for s in sentences for page in pages if s in page] == []
    assert "completeness" not in "".join(pages)


def test_all_notices_are_listed_with_their_versions(client, loaded):
    response = client.get("/notices/")
    shelves = response.context["shelves"]
    assert [(s["slug"], s["current"].number, len(s["versions"])) for s in shelves] == [
        ("main", 2, 2)
    ]


def test_without_a_notice_the_list_says_so(client, db):
    assert "No notice has been published yet." in client.get("/notices/").content.decode()


def test_a_draft_is_not_public(client, loaded, editor):
    publishing.draft(Notice.objects.get(), effective_on=TODAY, by=editor, at=NOON)
    assert client.get("/notices/main/versions/3/").status_code == 404


def test_a_version_to_come_is_announced_and_not_yet_in_force(client, loaded, editor, counsel):
    publish_third(editor, counsel, effective_on=date(2027, 1, 1))
    response = client.get("/notices/main/")
    assert (response.context["version"].number, response.context["coming"].number) == (2, 3)
    assert "It takes effect on" in client.get("/notices/main/versions/3/").content.decode()
    old = client.get("/notices/main/versions/1/").content.decode()
    assert "another took its place on Wednesday 1 July 2026" in old


def test_the_data_say_what_the_page_says(client, loaded):
    data = json.loads(client.get("/notices/main.json").content)
    said = reading.as_document(read_whole(loaded[1].pk))
    assert {name: data[name] for name in said} == said
    assert (data["version"], data["in_force"], data["languages"]) == (2, True, ["en", "ja", "es"])
    assert data["digest"] == reading.digest(read_whole(loaded[1].pk))


def test_each_version_has_its_data(client, loaded):
    one = client.get("/notices/main/versions/1.json").content
    assert one == client.get("/notices/main.json?version=1").content
    assert json.loads(one)["in_force"] is False


NOWHERE = [
    "/notices/other/",
    "/notices/other.json",
    "/notices/main/versions/0/",
    "/notices/main/versions/99999999999999999999/",
    f"/notices/main/versions/{'9' * 5000}/",
    "/notices/main/versions/9.json",
    "/notices/main.json?version=x",
    "/notices/main.json?version=-1",
    "/notices/main.json?version=%F0%9D%9F%99",
    "/notices/main.json?version=99999999999999999999",
]


def test_what_does_not_exist_is_not_found(client, loaded):
    found = {path: client.get(path).status_code for path in NOWHERE}
    assert found == dict.fromkeys(NOWHERE, 404)


def test_pages_are_only_read(client, loaded):
    paths = ["/notices/", "/notices/main/", "/notices/main.json"]
    assert [client.post(path).status_code for path in paths] == [405, 405, 405]


def queries(client, path):
    reading.forget()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_one_line_or_three_take_the_same_number_of_queries(
    client, loaded, editor, counsel, monkeypatch
):
    def keep(number):
        def edit(version):
            for category in sorted(read_whole(version.pk).lines)[number:]:
                publishing.drop_line(version, category=category, by=editor, at=NOON)

        return edit

    publish_third(editor, counsel, keep(3))
    three = [queries(client, path) for path in ("/notices/main/", "/notices/main/versions/3/")]
    publish_third(editor, counsel, keep(1), effective_on=date(2026, 11, 24))
    monkeypatch.setattr(clock, "today", lambda: date(2026, 11, 24))
    one = [queries(client, path) for path in ("/notices/main/", "/notices/main/versions/4/")]
    assert one == three


def test_a_published_version_is_read_once(client, loaded):
    client.get("/notices/main/")
    with CaptureQueriesContext(connection) as captured:
        client.get("/notices/main/")
    assert len(captured) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("one\ntwo\n\nthree", [(["one two"], False), (["three"], False)]),
        ("so:\n- a\n- b", [(["so:"], False), (["a", "b"], True)]),
        ("- a\n\n- b", [(["a"], True), (["b"], True)]),
        ("", []),
    ],
)
def test_a_text_is_cut_into_paragraphs_and_lists(body, expected):
    assert [(block.lines, block.is_list) for block in wording.blocks(body)] == expected


def test_what_a_notice_says_is_escaped(client, loaded, editor, counsel):
    def edit(version):
        text = reading.Text(title="<script>x</script>", body="<b>y</b> & z")
        for language in ("en", "ja", "es"):
            publishing.write_text(version, text, place=("contact", language), by=editor, at=NOON)

    publish_third(editor, counsel, edit)
    page = client.get("/notices/main/").content.decode()
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script>x" not in page
