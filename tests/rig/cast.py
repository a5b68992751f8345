"""The consumers: each at a browser of their own, pressing again when no answer came."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.rig import settings
from tests.rig.browser import Browser, hidden
from tests.rig.company import Learner

FORM = "/requests/new/{}/"
NUMBER = re.compile(r"\b([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{3})\b")
PRESSES = 6
ZIP = b"PK"


@dataclass
class Consumer:
    """One person at a browser, who presses again when no answer came."""

    learner: Learner
    kind: str = "delete"
    browser: Browser = field(default_factory=lambda: Browser(settings.SITE))
    form: dict[str, str] = field(default_factory=dict)
    number: str = ""
    confirmed: bool = False
    presses: int = 0
    impatient: bool = False
    """Goes away without waiting for the answer, then presses several times at once."""
    seconds: list[float] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    packages: list[bytes] = field(default_factory=list)
    """Codes that were typed, and files that came whole."""

    def ask(self) -> None:
        """Fill in the form and send it; the same form again if no answer came (PR-02)."""
        address = FORM.format(self.kind)
        if not self.form:
            page = self._timed(lambda: self.browser.get(address))
            self.form = {
                **hidden(page), "name": self.learner.name, "email": self.learner.email,
                "words": "My name is wrong." if self.kind == "correct" else "",
                "since": "everything", "step": "send",
            }  # fmt: skip
        if self.impatient:
            self._press_wildly(address)
        self.presses += 1
        self.number = number_on(self._timed(lambda: self.browser.post(address, self.form)))

    def _press_wildly(self, address: str) -> None:
        """Each of many presses of one form gives the same number (PR-02)."""
        self.browser.abandon(address, self.form)
        self.presses += 1 + PRESSES
        with ThreadPoolExecutor(PRESSES) as pool:
            pages = list(pool.map(lambda _: self.browser.post(address, self.form), range(PRESSES)))
        if len({number_on(page) for page in pages}) != 1:
            raise AssertionError("one form gave two numbers")

    def confirm(self, token: str) -> None:
        """Open the link of the letter and answer. A link that is gone was pressed before."""
        page = self._timed(lambda: self.browser.get(f"/requests/l/{token}/"))
        fields = {**hidden(page), **self.learner.points}
        if 'name="declared"' in page:
            fields |= {"order_number": self.learner.order, "signed_name": self.learner.name}
            fields["declared"] = "on"
        self._timed(lambda: self.browser.post("/requests/l/", fields))
        self.confirmed = True

    def take(self, path: str, fields: dict[str, str]) -> None:
        """Fetch the file of a package; what came whole is kept, a page instead of it is not."""
        answer = self.browser.take(path, fields)
        if answer.startswith(ZIP):
            self.packages.append(answer)

    def _timed(self, do: Callable[[], str]) -> str:
        began = time.monotonic()
        page = do()
        self.seconds.append(time.monotonic() - began)
        return page


def number_on(page: str) -> str:
    """The number of the request that a page shows."""
    shown = NUMBER.search(page)
    assert shown, "no number on the page"
    return shown[1].replace("-", "")
