"""Packages, systems outside, corrections, ended terms, maps: in a browser, in each language."""

from typing import Literal

import pytest
from django.conf import settings as office
from django.core.signals import request_finished

from ccpa_office import clock, connectors
from notices_app.models import DataMapVersion
from requests_app import tasks
from requests_app.fulfillment import access, correction, terms
from requests_app.fulfillment.correctable import Claim
from requests_app.models import Batch, Kept, OutsideTask
from tests.builders import HANA, KOFI, ORLA, tokens
from tests.fixtures import at_once, learner_template, learners, mailbox, team
from tests.fulfillment import outsiders
from tests.fulfillment.knowing import CORRECT, built, released, verified_to_know
from tests.journeys.test_pages_look import PREFIXES, press, problems, screen
from tests.requests.desks import at_desk
from tests.steps import query

__all__ = ["at_once", "learner_template", "learners", "mailbox", "team"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SCREENS: dict[str, tuple[int, Literal["light", "dark"]]] = {
    "en": (1280, "light"),
    "ja": (320, "dark"),
    "es": (360, "light"),
}


@pytest.fixture(autouse=True)
def shelf(settings, tmp_path, at_once):
    settings.PACKAGE_DIR, settings.DEMO = tmp_path / "packages", True


@pytest.fixture(autouse=True)
def hung_up():
    """The server's threads let go of the business's database after each page."""

    def hang_up(**_more):
        connectors.close_all()

    request_finished.connect(hang_up)
    yield
    request_finished.disconnect(hang_up)


@pytest.fixture
def archive(team, learners, mailbox):
    """A deletion of which a paper archive was asked by letter; the token of its link."""
    outsiders.register(team, "paper", f"mailto:{outsiders.ARCHIVE}", outsiders.MANUAL, "manual")
    outsiders.carried_out(mailbox, team, KOFI)
    return tokens(mailbox.last(outsiders.ARCHIVE))[0]


def test_a_package_is_fetched_on_sound_pages(live_server, chromium, learners, mailbox, team):
    package = released(mailbox, team, learners, email=ORLA)
    token, found = tokens(mailbox.last(ORLA))[0], {}
    for language, (width, scheme) in SCREENS.items():
        site = f"{live_server.url}{PREFIXES[language]}"
        with screen(chromium, width, scheme) as (page, watch):
            page.goto(f"{site}/requests/l/{token}/")
            press(page, "main form button")
            page.goto(f"{site}/requests/{package.consumer_request.public_number}/package/")
            found["locked", language] = problems(page, language, width)
            press(page, "form[action$='/code/'] button")
            found["code asked", language] = problems(page, language, width)
            press(page, "form[action$='/package/'] button")
            found["no code", language] = problems(page, language, width)
            tasks.drain_mail()
            page.fill("#id_code", code_in(mailbox.last(ORLA)))
            press(page, "form[action$='/package/'] button")
            found["open", language] = problems(page, language, width)
            assert page.locator("#file").count() == 1
        assert (watch.complaints, watch.hosts) == ([], {"localhost"})
    assert {where: each for where, each in found.items() if each} == {}


def code_in(text):
    """The code that a letter tells."""
    (line,) = [each for each in text.splitlines() if "code is" in each]
    return line.split()[-1].rstrip(".")


def test_somebody_outside_answers_on_sound_pages(live_server, chromium, archive):
    found = {}
    for language, (width, scheme) in reversed(SCREENS.items()):
        with screen(chromium, width, scheme) as (page, watch):
            page.goto(f"{live_server.url}{PREFIXES[language]}/requests/l/{archive}/")
            found["asked", language] = problems(page, language, width)
            press(page, "main form button")
            found["no answer", language] = problems(page, language, width)
            if language == "en":
                page.check("[name=said][value=deleted]")
                press(page, "main form button")
                found["answered", language] = problems(page, language, width)
                page.goto(f"{live_server.url}/requests/l/{archive}/")
                found["gone", language] = problems(page, language, width)
        assert (watch.complaints, watch.hosts) == ([], {"localhost"})
    assert {where: each for where, each in found.items() if each} == {}


@pytest.fixture
def desks(archive, learners, mailbox, team):
    """One page of each sort that the other rooms have, and what stands on it."""
    ready = built(mailbox, team, learners, email=ORLA)
    proposed = built(mailbox, team, learners, email=HANA)
    access.propose(proposed, hash=proposed.hash, by=team.officer, at=clock.now())
    wrong = verified_to_know(mailbox, team, learners, kind=CORRECT, email=ORLA)
    claim = Claim(("learners", "accounts", "full_name"), "Orla Vale")
    correction.propose(wrong, claim, reason="a passport", by=team.officer, at=clock.now())
    query(learners, "UPDATE invoices SET issued_on = '2001-01-01', legal_hold = false")
    Kept.objects.update(due_on=clock.today())
    assert terms.gather(at=clock.now()) == 1
    return [
        "/admin/", "/admin/packages/", "/admin/packages/?all=1",
        f"/admin/packages/{ready.pk}/", f"/admin/packages/{proposed.pk}/",
        "/admin/outside/", "/admin/outside/?all=1",
        *(f"/admin/outside/{each.pk}/" for each in OutsideTask.objects.all()),
        f"/admin/requests/{wrong.number}/", "/admin/batches/",
        *(f"/admin/batches/{each.pk}/" for each in Batch.objects.filter(kind=Batch.Kind.TERM)),
        "/admin/maps/", *(f"/admin/maps/{each.pk}/" for each in DataMapVersion.objects.all()),
    ]  # fmt: skip


@pytest.mark.parametrize("language", SCREENS)
def test_the_desks_of_the_other_rooms_are_sound(live_server, chromium, desks, team, language):
    width, scheme = SCREENS[language]
    name, found = office.SESSION_COOKIE_NAME, {}
    value = at_desk(team.chief).cookies[name].value
    with screen(chromium, width, scheme) as (page, watch):
        page.context.add_cookies([{"name": name, "value": value, "url": live_server.url}])
        for path in desks:
            page.goto(f"{live_server.url}{PREFIXES[language]}{path}")
            assert page.locator("h1").count() == 1
            assert page.evaluate("document.documentElement.lang") == language
            found[path] = problems(page, "", width)
    assert (watch.complaints, watch.hosts) == ([], {"localhost"})
    assert {path: each for path, each in found.items() if each} == {}
