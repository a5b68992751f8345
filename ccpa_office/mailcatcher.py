"""A mail server for the demo that delivers nothing: every letter stands on a page.

``python -m ccpa_office.mailcatcher --folder F --smtp-port N --web-port M``. Letters are files in a
folder, so they outlive a restart. Listens on 127.0.0.1 only.
"""

import argparse
import email
import email.policy
import html
import json
import os
import re
import signal
from dataclasses import asdict, dataclass
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

LOOPBACK = "127.0.0.1"
LINK = re.compile(r"https?://[^\s<>\"']+")
LETTERS_ON_A_PAGE = 200
STARTS = 60.0
"""Seconds that the mail server may take to start on a machine that starts much else."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
STYLE = (
    ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;"
    "margin:2rem auto;padding:0 1rem}li{margin:.6rem 0}pre{white-space:pre-wrap;"
    "overflow-wrap:anywhere;font:inherit}dt{font-weight:600}dd{margin:0 0 .4rem}"
)


@dataclass(frozen=True)
class Letter:
    """One caught letter, as the JSON list shows it."""

    id: str
    date: str
    sender: str
    to: list[str]
    subject: str
    text: str
    html: str
    links: list[str]
    message_id: str


class Letters:
    """The folder of caught letters, newest first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = [int(path.stem) for path in folder.glob("*.eml") if path.stem.isdigit()]
        self.last = max(numbers, default=0)

    def keep(self, content: bytes, recipients: list[str]) -> None:
        """Write one letter; it is there in full or not at all."""
        self.last += 1
        half = self.folder / f"{self.last:08}.half"
        envelope = f"X-Caught-For: {', '.join(recipients)}\r\n".encode()
        half.write_bytes(envelope + content)
        half.chmod(0o600)
        half.rename(half.with_suffix(".eml"))

    def newest(self, limit: int) -> list[Letter]:
        """Return the newest letters."""
        paths = sorted(self.folder.glob("*.eml"), reverse=True)
        return [read(path) for path in paths[:limit]]

    def find(self, number: str) -> Letter | None:
        """Return one letter."""
        path = self.folder / f"{number}.eml"
        return read(path) if number.isdigit() and path.exists() else None


def read(path: Path) -> Letter:
    """Return the letter in a file."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    text, page = _body(message, "plain"), _body(message, "html")
    return Letter(
        id=path.stem,
        date=_date(_header(message, "Date")),
        sender=_header(message, "From"),
        to=[one.strip() for one in _header(message, "X-Caught-For").split(",")],
        subject=_header(message, "Subject"),
        text=text,
        html=page,
        links=list(dict.fromkeys(link.rstrip(".,;:)。、") for link in LINK.findall(text or page))),
        message_id=_header(message, "Message-ID"),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except (IndexError, ValueError, MessageError):  # the parser trips over some malformed headers
        return ""


def _date(header: str) -> str:
    try:
        return parsedate_to_datetime(header).isoformat()
    except ValueError:
        return ""


class Receiver:
    """What the mail server does with a letter."""

    def __init__(self, letters: Letters) -> None:
        self.letters = letters

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        """Keep it; the name is aiosmtpd's."""
        content = envelope.original_content or b""
        self.letters.keep(content, [str(one) for one in envelope.rcpt_tos])
        return "250 Kept"


def linked(text: str) -> str:
    """Return text as HTML whose addresses can be clicked."""
    pieces, end = [], 0
    for found in LINK.finditer(text):
        link = found.group().rstrip(".,;:)。、")
        pieces.append(html.escape(text[end : found.start()]))
        pieces.append(f'<a href="{html.escape(link)}">{html.escape(link)}</a>')
        end = found.start() + len(link)
    return "".join(pieces) + html.escape(text[end:])


def page(title: str, body: str) -> str:
    """Return a whole page."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style><main><h1>{html.escape(title)}</h1>{body}</main></html>"
    )


def list_page(letters: list[Letter]) -> str:
    """Return the page with all letters."""
    if not letters:
        return page("Caught mail", "<p>No letter yet. Reload the page after you sent a form.</p>")
    lines = (
        f'<li><a href="/messages/{one.id}">{html.escape(one.subject or "(no subject)")}</a>'
        f"<br>{html.escape(', '.join(one.to))} · {html.escape(one.date)}</li>"
        for one in letters
    )
    intro = (
        "<p>Every letter that this demo office sent, newest first. Nothing left the machine.</p>"
    )
    return page("Caught mail", f"{intro}<ul>{''.join(lines)}</ul>")


def letter_page(letter: Letter) -> str:
    """Return the page of one letter, as text with its links."""
    facts = (
        f"<dl><dt>To</dt><dd>{html.escape(', '.join(letter.to))}</dd>"
        f"<dt>From</dt><dd>{html.escape(letter.sender)}</dd>"
        f"<dt>Date</dt><dd>{html.escape(letter.date)}</dd></dl>"
    )
    other = f'<p><a href="/messages/{letter.id}/html">As HTML</a></p>' if letter.html else ""
    back = '<p><a href="/">All letters</a></p>'
    return page(letter.subject, f"{back}{facts}<pre>{linked(letter.text)}</pre>{other}")


class Pages(BaseHTTPRequestHandler):
    """The catcher's pages and its JSON list."""

    server_version = "mailcatcher"
    sys_version = ""

    def __init__(self, letters: Letters, *args: Any) -> None:
        self.letters = letters
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer one of four addresses."""
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        answer = self._answer(urlsplit(self.path).path) if host in {LOOPBACK, "localhost"} else None
        if answer is None:
            self.send_error(404)
            return
        body = answer[1].encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{answer[0]}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if self.path.endswith("/html"):  # what somebody else wrote
            self.send_header("Content-Security-Policy", "sandbox allow-popups")
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, path: str) -> tuple[str, str] | None:
        if path == "/":
            return "text/html", list_page(self.letters.newest(LETTERS_ON_A_PAGE))
        if path == "/api/messages":
            found = [asdict(one) for one in self.letters.newest(10_000)]
            return "application/json", json.dumps(found, ensure_ascii=False)
        place, _, form = path.removeprefix("/messages/").partition("/")
        letter = self.letters.find(place)
        if letter is None:
            return None
        return "text/html", letter.html if form == "html" else letter_page(letter)

    def log_message(self, *_args: Any) -> None:
        """Say nothing: addresses stand in the paths of letters."""


class QuietServer(ThreadingHTTPServer):
    """A server whose threads end with it."""

    daemon_threads = True
    allow_reuse_address = True


def serve(folder: Path, smtp_port: int, web_port: int) -> None:
    """Catch mail and show it until SIGTERM."""
    letters = Letters(folder)
    web = QuietServer((LOOPBACK, web_port), partial(Pages, letters))
    mail = Controller(
        Receiver(letters),
        hostname=LOOPBACK,
        port=smtp_port,
        data_size_limit=10**8,
        ready_timeout=STARTS,
    )
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # letters are whole files already
    mail.start()
    web.serve_forever()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--web-port", type=int, required=True)
    given = parser.parse_args()
    serve(given.folder, given.smtp_port, given.web_port)


if __name__ == "__main__":
    main()
