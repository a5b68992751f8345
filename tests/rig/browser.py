"""A consumer's browser, as far as these pages need one: cookies, forms, no scripts."""

import html
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urljoin, urlsplit

HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*>')
NAME, VALUE = re.compile(r'name="([^"]*)"'), re.compile(r'value="([^"]*)"')
TIMEOUT = 20


class NoAnswer(Exception):
    """The server went away, or answered that it cannot now: the person does not know."""


class Browser:
    """One person's browser; it follows redirects."""

    def __init__(self, site: str) -> None:
        self.site = site
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self._cookies)
        )

    def get(self, path: str) -> str:
        """The page at ``path``. Raises NoAnswer."""
        return self._ask(urllib.request.Request(urljoin(self.site, path)))  # noqa: S310

    def post(self, path: str, fields: Mapping[str, str]) -> str:
        """The page that follows a press of a button. Raises NoAnswer."""
        body = urlencode(fields).encode()
        return self._ask(urllib.request.Request(urljoin(self.site, path), data=body))  # noqa: S310

    def abandon(self, path: str, fields: Mapping[str, str]) -> None:
        """Press a button and go away before the answer comes."""
        at = urlsplit(self.site)
        line = HTTPConnection(str(at.hostname), at.port, timeout=TIMEOUT)
        headers = {
            "Cookie": "; ".join(f"{each.name}={each.value}" for each in self._cookies),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        line.request("POST", path, urlencode(fields), headers)
        line.close()

    def take(self, path: str, fields: Mapping[str, str]) -> bytes:
        """The file that a button gives. Raises NoAnswer, also where only a part came."""
        body = urlencode(fields).encode()
        return self._read(urllib.request.Request(urljoin(self.site, path), data=body))  # noqa: S310

    def _ask(self, request: urllib.request.Request) -> str:
        return self._read(request).decode()

    def _read(self, request: urllib.request.Request) -> bytes:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                content: bytes = answer.read()
                return content
        except (urllib.error.URLError, OSError, HTTPException) as error:
            raise NoAnswer(str(error)) from None


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    found = {}
    for tag in HIDDEN.findall(page):
        name, value = NAME.search(tag), VALUE.search(tag)
        if name:
            found[name[1]] = html.unescape(value[1]) if value else ""
    return found
