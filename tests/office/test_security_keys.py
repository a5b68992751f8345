"""A security key in a real browser: made, asked for at sign-in; a heard answer is of no use."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Browser, CDPSession, Page

from ccpa_office.roles import Role
from tests.conftest import PATIENCE
from tests.office.test_signin import PASSWORD, member

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
KEY = {
    "protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


class Holder:
    """A member of staff at a browser into which a security key can be put."""

    def __init__(self, browser: Browser, site: str) -> None:
        self.context = browser.new_context(base_url=site)
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.line: CDPSession = self.context.new_cdp_session(self.page)
        self.line.send("WebAuthn.enable")
        self.complaints: list[str] = []
        self.page.on("console", self._heard)
        self.key = ""
        self.answers: list[str] = []
        self.page.on("request", self._sent)

    def _heard(self, said: Any) -> None:
        if said.type == "error":
            self.complaints.append(said.text)

    def _sent(self, request: Any) -> None:
        if request.method == "POST" and request.url.endswith("/2fa/authenticate/"):
            self.answers += parse_qs(request.post_data or "").get("credential", [])

    def put_in(self) -> None:
        """A key of the person's own, new from the shop."""
        made = self.line.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
        self.key = made["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        """What the key holds."""
        answer = self.line.send("WebAuthn.getCredentials", {"authenticatorId": self.key})
        found: list[dict[str, Any]] = answer["credentials"]
        return found

    def sign_in(self) -> None:
        """By name and password, in a browser that remembers nothing."""
        self.context.clear_cookies()
        self.page.goto("/accounts/login/")
        self.page.fill("[name=username]", "chief")
        self.page.fill("[name=password]", PASSWORD)
        with self.page.expect_navigation():
            self.page.click("main form button")


@pytest.fixture
def holder(chromium: Browser, live_server: Any, settings: Any) -> Iterator[Holder]:
    settings.DEMO = False
    member(Role.CHIEF, name="chief")
    made = Holder(chromium, live_server.url)
    made.put_in()
    yield made
    made.context.close()


def add_key(holder: Holder) -> None:
    """Through the page that offers it."""
    holder.page.goto("/accounts/2fa/webauthn/add/")
    with holder.page.expect_navigation():
        holder.page.click("#mfa_webauthn_add")


REPLAY = """answer => {
  const form = document.getElementById('webauthn_form');
  form.elements.credential.value = answer;
  form.submit();
}"""


def test_a_key_opens_the_desks_and_its_answer_opens_them_once(holder):
    holder.sign_in()
    add_key(holder)
    assert [each["rpId"] for each in holder.credentials()] == ["localhost"]
    assert Authenticator.objects.filter(type="webauthn").count() == 1
    holder.page.goto("/admin/")
    assert holder.page.url.endswith("/admin/")

    holder.sign_in()
    assert holder.page.url.endswith("/accounts/2fa/authenticate/")
    with holder.page.expect_navigation():
        holder.page.click("#mfa_webauthn_authenticate")
    assert holder.page.url.endswith("/admin/")
    assert [each["signCount"] for each in holder.credentials()] == [2]

    holder.sign_in()
    (heard,) = holder.answers
    with holder.page.expect_navigation():
        holder.page.evaluate(REPLAY, heard)
    assert holder.page.url.endswith("/accounts/2fa/authenticate/")
    holder.page.goto("/admin/")
    assert not holder.page.url.endswith("/admin/")
    assert holder.complaints == []
