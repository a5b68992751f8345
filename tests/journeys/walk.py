"""People in browsers: the consumer, and staff at their desks. Every form they send is recorded."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect

from tests.conftest import PATIENCE
from tests.journeys.running import PASSWORD, RunningOffice

NUMBER = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{3}")


@dataclass(frozen=True)
class Sent:
    """One form that was sent: by whom, where to, and its fields without the form's own secret."""

    who: str
    path: str
    fields: dict[str, str]


@dataclass
class Person:
    """Somebody with a browser of their own."""

    who: str
    page: Page
    site: str
    sent: list[Sent]
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Pages that may answer with a refusal."""

    def go(self, path: str) -> None:
        """Open a page of the office."""
        self.page.goto(path if "://" in path else f"{self.site}{path}")

    def press(self, button: str) -> None:
        """Press the button of a form and wait for the answer."""
        with self.page.expect_navigation():
            self.page.click(button)

    def do(self, deed: str, **fields: str) -> None:
        """Fill and send the form of a deed on the desk's page that stands open."""
        form = self.page.locator(f"form[action$='/{deed}/']")
        if form.locator("summary").count() and not form.locator("details[open]").count():
            form.locator("summary").click()
        for name, value in fields.items():
            control = form.locator(f"[name={name}]")
            if control.first.get_attribute("type") == "radio":
                form.locator(f"[name={name}][value={value}]").check()
            elif control.first.evaluate("each => each.tagName") == "SELECT":
                control.select_option(value)
            else:
                control.fill(value)
        with self.page.expect_navigation():
            form.locator("button").click()
        assert self.page.locator(".messages .error").count() == 0, self.page.inner_text("main")

    def sign_in(self) -> None:
        """At the desks, by name and password."""
        self.go("/admin/")
        self.page.fill("[name=username]", self.who)
        self.page.fill("[name=password]", PASSWORD)
        self.press("main form button")
        expect(self.page.locator("main")).to_be_visible()


@contextmanager
def somebody(
    browser: Browser, office: RunningOffice, who: str, sent: list[Sent], **context: Any
) -> Iterator[Person]:
    """A person with a fresh browser, in which nothing may go wrong unseen."""
    inside = browser.new_context(**context)
    person = Person(who, inside.new_page(), office.site, sent)
    person.page.set_default_timeout(PATIENCE)
    person.page.on("request", lambda request: _keep(person, request))
    person.page.on("console", lambda said: _hear(person, said))
    person.page.on("response", lambda answer: _answered(person, answer))
    yield person
    inside.close()
    assert person.complaints == []


def _hear(person: Person, said: ConsoleMessage) -> None:
    if said.type == "error" and "Failed to load resource" not in said.text:
        person.complaints.append(said.text)


def _answered(person: Person, answer: Response) -> None:
    if answer.status >= 400 and not answer.url.endswith(person.expected or ("\0",)):
        person.complaints.append(f"{answer.status} {answer.url}")


def _keep(person: Person, request: Request) -> None:
    parts = urlsplit(request.url)
    assert parts.hostname == "127.0.0.1", "a page asked another host"
    if request.method == "POST" and not parts.path.startswith("/accounts/"):
        fields = dict(parse_qsl(request.post_data or "", keep_blank_values=True))
        fields.pop("csrfmiddlewaretoken", None)
        person.sent.append(Sent(person.who, parts.path, fields))


# --- the consumer's stretches -------------------------------------------------------------------


def ask_for_deletion(consumer: Person, *, prefix: str, name: str, email: str) -> str:
    """From the form to the number."""
    consumer.go(f"{prefix}/requests/new/delete/")
    consumer.page.fill("#id_name", name)
    consumer.page.fill("#id_email", email)
    consumer.press("button[value=check]")
    consumer.press("button[value=send]")
    found = NUMBER.search(consumer.page.inner_text(".ticket .number"))
    assert found
    return found.group()


def confirm(consumer: Person, link: str, answers: dict[str, str]) -> None:
    """Open the link in the letter to the contact on file, and answer."""
    consumer.go(link)
    for point, answer in answers.items():
        consumer.page.fill(f"#id_{point}", answer)
    consumer.press("main form button")


def follow(consumer: Person, link: str) -> None:
    """Open the request's own page by the link in the receipt."""
    consumer.go(link)
    consumer.press("main form button")
