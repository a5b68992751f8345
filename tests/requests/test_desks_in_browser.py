"""The desks in a real browser: no fault of access, no sideways scrolling, keys that work."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from ccpa_office.law.kinds import RequestKind
from tests import builders
from tests.builders import KOFI, ORLA
from tests.conftest import PATIENCE
from tests.requests.desks import at_desk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class Desk:
    """A page in a browser whose member of staff has signed in, and what it complained about."""

    def __init__(self, browser: Browser, site: str, team: Any) -> None:
        cookie = at_desk(team.chief).cookies[settings.SESSION_COOKIE_NAME].value
        self.context = browser.new_context(base_url=site)
        self.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": site}]
        )
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self._heard(said.type, said.text))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def problems(self, address: str, width: int, scheme: Any) -> list[str]:
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)
        answer = self.page.goto(address)
        assert answer is not None
        found = [] if answer.status == 200 else [f"{address}: {answer.status}"]
        if self.page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{address} at {width}: scrolls sideways")
        found += [
            f"{address} at {width}, {scheme}: {each['id']} {each['nodes'][0]['target']}"
            for each in Axe().run(self.page).response["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
        return found


@pytest.fixture
def desk(chromium: Browser, live_server: Any, team: Any, settings: Any) -> Iterator[Desk]:
    settings.DEMO = True
    opened = Desk(chromium, live_server.url, team)
    yield opened
    opened.context.close()


def test_every_desk_is_clean_wide_and_narrow_light_and_dark(desk, team, learners, mailbox):
    plan = builders.plan_of(builders.verified(mailbox, team, ORLA))
    case = builders.ask(KOFI, kind=RequestKind.OPT_OUT)
    addresses = [
        "/admin/", "/admin/requests/", f"/admin/requests/{case.number}/", "/admin/plans/",
        f"/admin/plans/{plan.pk}/", "/admin/batches/", "/admin/letters/", "/admin/ledger/",
        "/admin/intake/", "/admin/staff/", f"/admin/staff/{team.clerk.id}/", "/admin/notices/",
        "/admin/maps/", "/admin/clock/", "/accounts/2fa/", "/accounts/2fa/totp/activate/",
    ]  # fmt: skip
    found = [
        problem
        for width, scheme in ((1280, "light"), (1280, "dark"), (320, "light"), (320, "dark"))
        for address in addresses
        for problem in desk.problems(address, width, scheme)
    ]
    assert (found, desk.complaints) == ([], [])


def test_the_queue_is_walked_by_keys(desk, team):
    numbers = [builders.ask().public_number for _each in range(3)]
    page = desk.page
    page.goto("/admin/requests/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    expect(page.locator(":focus")).to_have_text(numbers[1])
    page.keyboard.press("?")
    expect(page.locator("dialog[open]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("/")
    expect(page.locator(":focus")).to_have_attribute("name", "q")
    page.keyboard.type(numbers[2])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{numbers[2].replace('-', '')}/")
    assert desk.complaints == []
