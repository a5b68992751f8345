"""A person who opens every page and presses every button, with bodies that the forms accept."""

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client


@dataclass
class Form:
    """One form of a page: where it goes and what a person would type in."""

    action: str
    method: str
    values: dict[str, list[str]] = field(default_factory=dict)


class Page(HTMLParser):
    """The links and forms of a page."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and given.get("href", "").startswith("/"):
            self.links.append(given["href"])
        elif tag == "form":
            self.forms.append(Form(given.get("action") or self.address, given.get("method", "get")))
        elif self.forms and "name" in given:
            self._field(tag, given)
        elif tag == "option" and self.forms and self._select and given.get("value"):
            self.forms[-1].values[self._select].append(given["value"])

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form, name = self.forms[-1], given["name"]
        values = form.values.setdefault(name, [])
        if tag == "select":
            self._select = name
        elif tag == "textarea":
            values.append("because it is needed")
        elif given.get("type") in {"radio", "checkbox"} or tag == "button":
            values.append(given.get("value", "on"))
        else:
            values.append(given.get("value") or _typed(name, given.get("type", "text")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None


def _typed(name: str, kind: str) -> str:
    if kind == "email" or "email" in name:
        return "somebody@example.org"
    if kind == "date":
        return "2026-12-24"
    if "password" in name:
        return "a long pass phrase of mine"
    return "because it is needed"


def parse(address: str, response: Any) -> Page:
    """The page of an answer."""
    page = Page(address)
    if "html" in response.headers.get("Content-Type", ""):
        page.feed(response.content.decode())
    return page


@dataclass
class Opponent:
    """One session that tries everything it is shown, in an order of its own."""

    client: Client
    seed: int
    answers: Counter[int] = field(default_factory=Counter)
    bodies: dict[str, dict[str, str]] = field(default_factory=dict)
    pressed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311  an order, no secret

    def get(self, address: str) -> Page:
        response = self.client.get(address, follow=True)
        self.answers[response.status_code] += 1
        return parse(response.request["PATH_INFO"], response)

    def press(self, form: Form) -> None:
        body = {name: self.dice.choice(values) for name, values in form.values.items() if values}
        self.bodies[shape(form.action)] = body
        self.pressed[shape(form.action)] += 1
        self.post(form.action, body)

    def post(self, address: str, body: dict[str, str], method: str = "post") -> int:
        if method == "post":
            response = self.client.post(address, body)
        else:
            response = self.client.generic(method.upper(), address, b"")
        self.answers[response.status_code] += 1
        return int(response.status_code)

    def crawl(self, start: str, *, stay: str, rounds: int, spare: tuple[str, ...]) -> None:
        """Open every page below ``stay`` and press every button but those named in ``spare``."""
        for _round in range(rounds):
            seen: set[str] = set()
            waiting = [start]
            while waiting:
                address = waiting.pop()
                if address in seen or len(seen) > 400:
                    continue
                seen.add(address)
                page = self.get(address)
                waiting += [link for link in page.links if link.startswith(stay)]
                forms = [form for form in page.forms if form.method.lower() == "post"]
                self.dice.shuffle(forms)
                for form in forms:
                    if not any(word in form.action for word in spare):
                        self.press(form)


def shape(address: str) -> str:
    """An address without the keys in it."""
    return re.sub(r"/([0-9]+|[0-9A-Z]{11})(?=/)", "/KEY", address.partition("?")[0])
