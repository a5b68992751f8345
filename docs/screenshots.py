"""Walks the tour in a running demo office and takes the manual's pictures, light and dark.

``make run`` in one window, ``make screenshots`` in another (``DATA_DIR`` names another office). It
files and carries out the deletion of the learner Kofi Hartsgrove; ``make reset`` brings him back.
"""

import http.client
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
NUMBER = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{3}")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDE, PHONE = {"width": 1180, "height": 860}, {"width": 390, "height": 844}
KOFI = ("Kofi Hartsgrove", "kofi.hartsgrove@example.org", "95814", "(916) 555-0129")
DEADLINE = 240.0
T = TypeVar("T")


def until(found: Callable[[], T | None], what: str) -> T:
    """What ``found`` finds, asked again until a deadline. Ends the program when it is over."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.3)
    sys.exit(f"Waited in vain for {what}.")


@dataclass
class Tour:
    """The office, and somebody's browser."""

    facts: dict[str, Any]
    browser: Browser

    def page(self, size: dict[str, int], *, language: str = "en-US") -> Page:
        """A fresh browser."""
        context = self.browser.new_context(viewport=size, locale=language)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(30_000)
        return page

    def go(self, page: Page, path: str) -> None:
        """Open a page of the office."""
        page.goto(path if "://" in path else f"{self.facts['site']}{path}")

    def sign_in(self, name: str) -> Page:
        """Somebody of the staff at the desks."""
        page = self.page(WIDE)
        self.go(page, "/admin/")
        password = next(
            each["password"] for each in self.facts["users"] if each["username"] == name
        )
        page.fill("[name=username]", name)
        page.fill("[name=password]", password)
        press(page, "main form button")
        return page

    def links(self, number: str, count: int) -> list[str]:
        """The mailed links of the newest letter about a request that holds so many."""

        def found() -> list[str] | None:
            for letter in self._letters():
                mailed = [link for link in letter["links"] if "/requests/l/" in link]
                if number in letter["subject"] and len(mailed) == count:
                    return mailed
            return None

        return until(found, f"a letter about {number}")

    def _letters(self) -> list[dict[str, Any]]:
        address = urlsplit(self.facts["mail_api"])
        connection = http.client.HTTPConnection(address.netloc, timeout=10)
        connection.request("GET", address.path)
        letters: list[dict[str, Any]] = json.load(connection.getresponse())
        connection.close()
        return letters


def shoot(page: Page, name: str, *, whole: bool = False) -> None:
    """One picture in each scheme."""
    page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); }")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.screenshot(
            path=IMAGES / f"{name}-{scheme}.png", full_page=whole, animations="disabled"
        )
    page.emulate_media(color_scheme="light")


def press(page: Page, button: str) -> None:
    """Press a button and wait for the answer."""
    with page.expect_navigation():
        page.click(button)


def deed(page: Page, word: str, reason: str = "") -> None:
    """Do one deed on the desk's page that stands open."""
    form = page.locator(f"form[action$='/{word}/']")
    if form.locator("summary").count():
        form.locator("summary").click()
    if reason:
        form.locator("[name=reason]").fill(reason)
    with page.expect_navigation():
        form.locator("button").click()


# --- scenes -------------------------------------------------------------------------------------


def pages(tour: Tour) -> None:
    """What anybody can open."""
    page = tour.page(WIDE)
    for name, path in {"home": "/", "choose": "/requests/new/", "notice": "/notices/main/"}.items():
        tour.go(page, path)
        shoot(page, name)
    phone = tour.page(PHONE, language="ja")
    for name, path in {
        "phone-form": "/ja/requests/new/delete/",
        "phone-notice": "/ja/notices/main/",
    }.items():
        tour.go(phone, path)
        shoot(phone, name)


def asking(tour: Tour) -> tuple[Page, str, str]:
    """From the form to the answers; returns the browser, the number and the follow link."""
    name, email, postal_code, phone = KOFI
    page = tour.page(WIDE)
    tour.go(page, "/requests/new/delete/")
    press(page, "button[value=check]")
    shoot(page, "form-errors")
    page.fill("#id_name", name)
    page.fill("#id_email", email)
    press(page, "button[value=check]")
    shoot(page, "check")
    press(page, "button[value=send]")
    shoot(page, "received")
    found = NUMBER.search(page.inner_text(".ticket .number"))
    number = found.group() if found else sys.exit("The page shows no number.")
    follow = tour.links(number, 1)[0]
    confirm = tour.links(number, 2)[0]
    tour.go(page, tour.facts["mail"])
    page.click("a >> nth=0")
    shoot(page, "letter")
    tour.go(page, confirm)
    page.fill("#id_postal_code", postal_code)
    page.fill("#id_phone", phone)
    shoot(page, "confirm")
    press(page, "main form button")
    return page, number, follow


def desks(tour: Tour, number: str) -> None:
    """Verified by one person, approved by another."""
    case = f"/admin/requests/{number.replace('-', '')}/"
    verifier = tour.sign_in("verifier")
    tour.go(verifier, "/admin/")
    shoot(verifier, "desk-home")
    until(lambda: stands(tour, verifier, case, "form[action$='/decide/']"), "the answers")
    shoot(verifier, "desk-case")
    deed(verifier, "decide", "Both answers match, and they came from the contact on file.")
    approver = tour.sign_in("approver")
    plan = "aside a[href*='/admin/plans/']"
    until(lambda: stands(tour, approver, case, plan), "the plan")
    press(approver, plan)
    shoot(approver, "desk-plan")
    deed(approver, "approve")
    chief = tour.sign_in("chief")
    for name, path in {
        "desk-queue": "/admin/requests/",
        "desk-batches": "/admin/batches/",
        "desk-ledger": "/admin/ledger/",
        "desk-letters": "/admin/letters/",
    }.items():
        tour.go(chief, path)
        shoot(chief, name)


def stands(tour: Tour, page: Page, path: str, what: str) -> bool:
    """Whether a page shows something by now."""
    tour.go(page, path)
    return page.locator(what).count() > 0


def answer(tour: Tour, page: Page, number: str, follow: str) -> None:
    """Where the request stands, before and after the batch."""
    tour.go(page, follow)
    press(page, "main form button")
    shoot(page, "follow")
    case = f"/requests/{number}/"
    until(lambda: stands(tour, page, case, "h1:has-text('We did part of it.')"), "the batch")
    shoot(page, "done")


def main() -> None:
    """Take every picture."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    folder = Path(os.environ.get("DATA_DIR") or ROOT / "var")
    if found is None or not (folder / "office.json").exists():
        sys.exit("This needs chromium and a running demo office: make run, in another window.")
    IMAGES.mkdir(exist_ok=True)
    facts = json.loads((folder / "office.json").read_text())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        tour = Tour(facts, browser)
        pages(tour)
        page, number, follow = asking(tour)
        desks(tour, number)
        answer(tour, page, number, follow)
        browser.close()


if __name__ == "__main__":
    main()
