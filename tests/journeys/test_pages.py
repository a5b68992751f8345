"""Desks, notices and a request's page of a running office: reachable, quiet, at home anywhere."""

import re
from dataclasses import dataclass, field
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.journeys.running import RunningOffice
from tests.journeys.walk import somebody

pytestmark = pytest.mark.browser

DESKS = [
    *("/admin/", "/admin/requests/", "/admin/plans/", "/admin/plans/?all=1", "/admin/batches/"),
    *("/admin/letters/", "/admin/ledger/", "/admin/staff/", "/admin/clock/", "/admin/intake/"),
    *("/admin/letters/?view=failed", "/admin/notices/", "/admin/maps/"),
    *("/accounts/password/change/", "/accounts/2fa/", "/admin/nowhere/"),
]
NOTICES = ["/notices/", "/notices/main/", "/notices/main/versions/1/", "/notices/main/versions/2/"]
CASES = """
SELECT DISTINCT ON (status) '/admin/requests/' || number || '/' FROM requests_app_consumerrequest
 ORDER BY status, id
"""
PLANS = """
SELECT DISTINCT ON (state, undecided > 0, above_ceiling) '/admin/plans/' || id || '/'
  FROM requests_app_plan ORDER BY state, undecided > 0, above_ceiling, id
"""
BATCHES = "SELECT DISTINCT ON (state) '/admin/batches/' || id || '/' FROM requests_app_batch"
MEMBERS = "SELECT '/admin/staff/' || min(id) || '/' FROM ccpa_office_staffmember"
LETTERS = "SELECT '/admin/letters/' || min(id) || '/' FROM requests_app_message"
SCREENS: list[tuple[int, Literal["light", "dark"]]] = [(1280, "light"), (360, "dark")]
NARROWEST = 320
DATE_OF_DIGITS = re.compile(r"\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b\d{4}-\d{2}-\d{2}\b")


@dataclass
class Found:
    """What is wrong, page by page."""

    by_page: dict[str, list[str]] = field(default_factory=dict)

    def look(self, page: Page, name: str, width: int) -> None:
        """Look at the page that stands open."""
        wrong = [
            f"axe {each['id']}: {each['nodes'][0]['target']}"
            for each in Axe().run(page).response["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
        page.set_viewport_size({"width": NARROWEST if width < 500 else width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append("scrolls sideways")
        page.set_viewport_size({"width": width, "height": 900})
        if page.locator("h1").count() != 1:
            wrong.append("has not one heading of the first level")
        if wrong:
            self.by_page[name] = wrong


def desks(office: RunningOffice) -> list[str]:
    """Every desk, and one page of each sort behind it."""
    queries = (CASES, PLANS, BATCHES, MEMBERS, LETTERS)
    return DESKS + [str(path) for query in queries for (path,) in office.rows(query)]


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_desk_is_sound(
    office: RunningOffice, chromium: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    found = Found()
    screen = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with somebody(chromium, office, "chief", [], **screen) as chief:
        chief.expected = ("/nowhere/",)
        found.look(sign_in_page(chief.page, office), "sign in", width)
        chief.sign_in()
        for path in desks(office):
            chief.go(path)
            found.look(chief.page, path, width)
    assert found.by_page == {}


def sign_in_page(page: Page, office: RunningOffice) -> Page:
    """The page before any name is typed."""
    page.goto(f"{office.site}/accounts/login/")
    return page


@pytest.mark.parametrize("prefix", ["", "/ja", "/es"])
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_notice_is_sound(
    office: RunningOffice,
    chromium: Browser,
    prefix: str,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    found = Found()
    screen = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with somebody(chromium, office, "consumer", [], **screen) as consumer:
        for path in NOTICES:
            consumer.go(f"{prefix}{path}")
            found.look(consumer.page, path, width)
            digits = DATE_OF_DIGITS.findall(consumer.page.inner_text("main"))
            assert digits == [], "days are said in words"
    assert found.by_page == {}
