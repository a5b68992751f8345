"""The notice desk and the map desk: four eyes with buttons, refusals as messages."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ccpa_office import clock
from ccpa_office.connectors.base import Finding
from ccpa_office.law.deadlines import received_date
from ccpa_office.roles import Role
from notices_app import datamap, loading
from notices_app.admin import maps
from notices_app.datamap import book
from notices_app.datamap.codes import GROUPS
from notices_app.management.commands.load_notices import SEED
from notices_app.models import DataMapVersion, NoticeVersion, Recipient, Status
from tests.fixtures import learner_template, learners, team
from tests.requests.desks import at_desk, said, somebody

__all__ = ["learner_template", "learners", "team"]

pytestmark = pytest.mark.django_db
DESK = "/admin/notices/"


@pytest.fixture(autouse=True)
def _in_the_demo(settings: Any) -> None:
    settings.DEMO = True


@pytest.fixture
def published(team: Any) -> NoticeVersion:
    at = clock.now()
    people = loading.People(editor=team.editor, reviewer=team.counsel)
    loading.load(SEED, people=people, on=received_date(at), at=at)
    return NoticeVersion.objects.get(number=2)


def draft(team: Any, published: NoticeVersion) -> NoticeVersion:
    at_desk(team.editor).post(
        f"{DESK}do/draft/", {"notice": published.notice_id, "effective_on": "2030-01-01"}
    )
    return NoticeVersion.objects.get(number=3)


def page_of(version: NoticeVersion, deed: str = "") -> str:
    return f"{DESK}{version.pk}/{deed + '/' if deed else ''}"


def test_a_published_version_offers_nothing_that_changes_it(team, published):
    page = at_desk(team.chief).get(page_of(published))
    assert [offer.deed.word for offer in page.context["offers"]] == ["answer"]


def test_a_version_goes_from_draft_to_published_by_two_people(team, published):
    version = draft(team, published)
    editor, counsel = at_desk(team.editor), at_desk(team.counsel)
    editor.post(page_of(version, "submit"))
    version.refresh_from_db()
    counsel.post(page_of(version, "approve"), {"digest": version.digest})
    page = editor.post(page_of(version, "publish"), follow=True)
    assert said(page)[-1] == "Published. Nothing of it changes any more."
    version.refresh_from_db()
    assert version.status == Status.PUBLISHED


def test_whoever_wrote_a_version_reads_why_another_person_reviews_it(team, published):
    chief, client = somebody(Role.CHIEF)
    team.editor = chief
    version = draft(team, published)
    client.post(page_of(version, "submit"))
    version.refresh_from_db()
    why = {o.deed.word: o.why_not for o in client.get(page_of(version)).context["offers"]}
    assert why["approve"] == "You wrote at this version; another person reviews it."
    page = client.post(page_of(version, "approve"), {"digest": version.digest}, follow=True)
    assert said(page) == ["Whoever wrote or submitted a version does not review it."]


def test_a_line_is_written_with_its_other_languages_kept(team, published):
    version = draft(team, published)
    client = at_desk(team.editor)
    form = client.get(page_of(version), {"line": "PI_A", "language": "en"}).context["line_form"]
    typed = {name: value for name, value in form.initial.items() if value is not None}
    client.post(page_of(version, "line"), {**typed, "examples": "Name and address"})
    line = version.lines.get(category="PI_A")
    assert line.words.get(language="en").examples == "Name and address"
    before = published.lines.get(category="PI_A")
    assert line.words.get(language="ja").examples == before.words.get(language="ja").examples
    assert line.recipients.count() == before.recipients.count()


def test_a_text_is_written(team, published):
    version = draft(team, published)
    client = at_desk(team.editor)
    form = client.get(page_of(version), {"text": "about", "language": "es"}).context["text_form"]
    page = client.post(
        page_of(version, "text"), {**form.initial, "title": "Sobre este aviso"}, follow=True
    )
    assert said(page)[-1] == "The text is written."
    assert version.texts.get(section="about", language="es").title == "Sobre este aviso"


def test_a_note_that_answers_no_finding_is_refused_in_words(team, published):
    page = at_desk(team.editor).post(
        page_of(published, "answer"), {"code": "too-old", "note": "It is not."}, follow=True
    )
    assert (page.status_code, len(said(page))) == (200, 1)


@pytest.mark.parametrize("address", [DESK, "/admin/maps/"])
def test_each_list_asks_the_database_as_often_for_more_rows_as_for_one(address, team, published):
    client = at_desk(team.chief)
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    draft(team, published)
    with CaptureQueriesContext(connection) as more:
        client.get(address)
    assert len(few) == len(more)


@pytest.mark.parametrize(
    "query", ["?line=%27&language=xx", "?text=nothing", "?line=PI_Z", "?text=about&language=ja"]
)
def test_junk_in_the_address_of_a_draft_is_no_fault(query, team, published):
    version = draft(team, published)
    assert at_desk(team.editor).get(page_of(version) + query).status_code == 200


def test_a_map_that_is_not_sound_is_refused_and_nothing_is_kept(team, learners):
    page = at_desk(team.editor).post(
        "/admin/maps/do/load/", {"system": "learners", "document": "dataset: ["}, follow=True
    )
    assert (len(said(page)), len(page.context["versions"])) == (1, 1)


def test_gaps_are_said_in_words_with_the_names_of_whom_they_are_about(team, published):
    assert set(maps.GAPS) == set(GROUPS["The notice"]) - {"unknown-recipient"}
    known = Recipient.objects.order_by("code").first()
    assert known is not None
    names = dict(known.names.values_list("language", "name"))
    gap = datamap.Gap("recipient-not-covered", "PI_B", known.code)
    told = [maps._gaps([gap], language)[0]["detail"] for language in ("ja", "fr")]
    assert told == [names["ja"], names["en"]]


def test_a_served_system_of_which_no_map_counts_is_marked(team, learners):
    client = at_desk(team.chief)
    assert "no map counts" not in client.get("/admin/maps/").content.decode()
    datamap.add_system("till", name="Till", url=learners, by=team.editor, at=clock.now())
    assert client.get("/admin/maps/").content.decode().count("no map counts") == 1


def test_remarks_of_a_loading_are_not_called_sound(team, learners, monkeypatch):
    monkeypatch.setattr(
        book,
        "check_live",
        lambda _text, *, system_key: [Finding("warning", "no-index", system_key)],
    )
    version = datamap.load(
        DataMapVersion.objects.get().document, system_key="learners", by=team.editor, at=clock.now()
    )
    page = at_desk(team.chief).get(f"/admin/maps/{version.pk}/").content.decode()
    assert "there was 1 remark on how it fits" in page
    assert "datamap check FILE --system learners" in page
    assert "The map is sound." not in page


def test_a_map_opens_with_its_findings_and_digest(team, learners):
    client = at_desk(team.chief)
    version = client.get("/admin/maps/").context["versions"][0]
    page = client.get(f"/admin/maps/{version.pk}/")
    assert (page.status_code, page.context["offers"]) == (200, [])
    answer = client.post(
        f"/admin/maps/{version.pk}/approve/", {"digest": version.digest}, follow=True
    )
    assert said(answer) == ["The version has been approved before."]
