"""The public pages in a real browser: readable, reachable, quiet, at home on any screen."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.utils import translation
from playwright.sync_api import Browser, Page, expect

from requests_app import correspondence
from requests_app.models import Message
from tests.conftest import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PREFIXES = {"en": "", "ja": "/ja", "es": "/es"}
PLAIN = [
    *("/", "/requests/new/", "/requests/new/delete/", "/requests/new/know-specific/"),
    *("/requests/new/correct/", "/requests/new/opt-out/", "/requests/status/", "/opt-out/"),
    *("/requests/l/", "/nowhere/"),
]
MEASURE = {"en": 66, "ja": 40, "es": 66}
LONGEST_LINE = """() => {
  const widest = [0, ''];
  for (const block of document.querySelectorAll('main p, main li, main dd, main .why')) {
    const style = getComputedStyle(block);
    const probe = document.createElement('span');
    probe.textContent = document.documentElement.lang === 'ja'
      ? '\\u3042'.repeat(20) : 'the quick brown fox jumps over a lazy dog ';
    probe.style.cssText = 'position:absolute;visibility:hidden;white-space:pre';
    block.append(probe);
    const one = probe.getBoundingClientRect().width / probe.textContent.length;
    probe.remove();
    const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
    const signs = Math.floor((block.clientWidth - padding) / one);
    if (signs > widest[0]) { widest[0] = signs; widest[1] = block.textContent.trim().slice(0, 40); }
  }
  return widest;
}"""


@dataclass
class Watch:
    """What the browser complained about and whom it asked."""

    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


@contextmanager
def screen(
    browser: Browser, width: int, scheme: Literal["light", "dark"] = "light"
) -> Iterator[tuple[Page, Watch]]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE)
    page, watch = context.new_page(), Watch()
    page.on("console", lambda m: watch.complaints.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: watch.hosts.add(re.sub(r"^\w+://([^/:]+).*", r"\1", r.url)))
    yield page, watch
    context.close()


def press(page: Page, button: str) -> None:
    """Press what sends a form, and wait until its answer stands whole."""
    with page.expect_navigation():
        page.click(button)


def problems(page: Page, language: str, width: int) -> list[str]:
    """What is wrong with the page that stands open, in words; lines are measured in a language."""
    found = [
        f"axe: {each['id']} {each['nodes'][0]['target']}"
        for each in Axe().run(page).response["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
    if page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("scrolls sideways")
    signs, where = page.evaluate(LONGEST_LINE) if language else (0, "")
    if language and signs > MEASURE[language] * 1.02:
        found.append(f"{signs} signs a line: {where}")
    return found


@pytest.mark.parametrize("language", PREFIXES)
@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "dark"), (320, "light")]
)
def test_every_plain_page_is_sound(live_server, chromium, language, width, scheme):
    found = {}
    with screen(chromium, width, scheme) as (page, watch):
        for path in PLAIN:
            page.goto(f"{live_server.url}{PREFIXES[language]}{path}")
            found[path] = problems(page, language, width)
    assert {path: each for path, each in found.items() if each} == {}
    assert [each for each in watch.complaints if "404" not in each] == []
    assert watch.hosts == {"localhost"}


@pytest.mark.parametrize("language", PREFIXES)
@pytest.mark.parametrize("width", [1280, 320])
def test_asking_and_following_is_sound_at_every_step(live_server, chromium, language, width):
    found = {}
    with screen(chromium, width) as (page, watch):
        page.goto(f"{live_server.url}{PREFIXES[language]}/requests/new/delete/")
        press(page, "button[value=check]")
        found["errors"] = problems(page, language, width)
        page.fill("#id_name", "Mika Tanaka")
        page.fill("#id_email", "mika@example.org")
        press(page, "button[value=check]")
        found["check"] = problems(page, language, width)
        press(page, "button[value=send]")
        found["received"] = problems(page, language, width)
        page.goto(link_of("receipt", live_server.url))
        found["link"] = problems(page, language, width)
        press(page, "main button")
        found["case"] = problems(page, language, width)
        page.click("summary >> nth=0")
        press(page, "details[open] button")
        found["done"] = problems(page, language, width)
    assert {step: each for step, each in found.items() if each} == {}
    assert (watch.complaints, watch.hosts) == ([], {"localhost"})


def link_of(letter: str, site: str) -> str:
    """The first link in the newest letter of a sort, on the server under test."""
    message = Message.objects.filter(letter=letter).latest("pk")
    text = correspondence.words_of(message).text
    (path,) = re.findall(r"^https?://[^/]+(/\S*requests/l/\S+)$", text, re.MULTILINE)[:1]
    return f"{site}{path}"


def test_the_keyboard_reaches_the_content_first_and_the_errors_take_the_focus(
    live_server, chromium
):
    with screen(chromium, 1280) as (page, _watch):
        page.goto(f"{live_server.url}/requests/new/delete/")
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.goto(f"{live_server.url}/requests/new/delete/?")
        press(page, "button[value=check]")
        expect(page.locator("#errors")).to_be_focused()
        page.click("#errors a >> nth=0")
        expect(page.locator("#id_name")).to_be_focused()


def test_every_link_and_button_is_large_enough_to_touch(live_server, chromium):
    small = """() => [...document.querySelectorAll('a, button, summary, input:not([type=hidden])')]
      .filter(each => !each.closest('p, address, li:not(.languages li)') && !each.matches('.skip'))
      .map(each => [each.textContent.trim(), each.getBoundingClientRect().height])
      .filter(([, height]) => height < 24)"""
    with screen(chromium, 360) as (page, _watch):
        for path in PLAIN:
            page.goto(f"{live_server.url}{path}")
            assert page.evaluate(small) == []


def test_the_pages_speak_their_language():
    client = Client()
    with translation.override("en"):
        shown = {
            language: re.findall(r'<html lang="(\w+)"', client.get(f"{prefix}/").text)
            for language, prefix in PREFIXES.items()
        }
    assert shown == {language: [language] for language in PREFIXES}
