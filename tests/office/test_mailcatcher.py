"""The demo's mail catcher: every letter is kept, newest first, and can be clicked through."""

import contextlib
import json
import smtplib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from email.message import EmailMessage
from pathlib import Path

import pytest

from ccpa_office.mailcatcher import Letters, linked, read
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


def letter(subject, text, page=""):
    message = EmailMessage()
    message["From"] = "Office <privacy@example.com>"
    message["To"] = "mina@example.org"
    message["Subject"] = subject
    message["Date"] = "Tue, 05 Jan 2027 09:00:00 -0800"
    message["Message-ID"] = f"<{len(subject)}@example.com>"
    message.set_content(text)
    if page:
        message.add_alternative(page, subtype="html")
    return message


@pytest.fixture
def catcher(tmp_path):
    """A running catcher: its two ports, and a way to start it again."""
    smtp, web = free_port(), free_port()

    def start():
        command = [sys.executable, "-m", "ccpa_office.mailcatcher", "--folder", str(tmp_path)]
        process = subprocess.Popen(
            [*command, "--smtp-port", str(smtp), "--web-port", str(web)], cwd=ROOT
        )
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError):
                get(web, "/")
                return process
            assert process.poll() is None, "it ended at once"
            assert time.monotonic() < deadline, "it never answered"
            time.sleep(0.05)

    process = start()
    yield smtp, web, start, process
    process.kill()
    process.wait()


def get(port, path, host=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if host:
        request.add_header("Host", host)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return answer.read().decode(), answer.headers


def send(port, *messages):
    with smtplib.SMTP("127.0.0.1", port) as client:
        for message in messages:
            client.send_message(message, to_addrs=["mina@example.org"])


def test_letters_are_listed_newest_first_and_outlive_a_restart(catcher):
    smtp, web, start, process = catcher
    send(smtp, letter("First", "one"), letter("Zweite 二通目", "see https://a.example/x?y=1."))
    process.terminate()
    process.wait()
    again = start()
    try:
        messages = json.loads(get(web, "/api/messages")[0])
        assert [one["subject"] for one in messages] == ["Zweite 二通目", "First"]
        assert messages[0]["links"] == ["https://a.example/x?y=1"]
        assert messages[0]["to"] == ["mina@example.org"]
        assert messages[0]["text"] == "see https://a.example/x?y=1.\n"
        send(smtp, letter("Third", "three"))
        messages = json.loads(get(web, "/api/messages")[0])
        assert [one["subject"] for one in messages] == ["Third", "Zweite 二通目", "First"]
    finally:
        again.terminate()
        again.wait()


def test_pages_show_text_with_links_and_never_run_what_a_letter_brings(catcher):
    smtp, web, *_ = catcher
    text = "Open https://a.example/l/t0ken/ now <script>alert(1)</script>"
    send(smtp, letter("<b>Bold</b>", text, "<script>alert(2)</script>"))
    number = json.loads(get(web, "/api/messages")[0])[0]["id"]
    listing, _ = get(web, "/")
    shown, headers = get(web, f"/messages/{number}")
    assert "&lt;b&gt;Bold&lt;/b&gt;" in listing
    assert '<a href="https://a.example/l/t0ken/">https://a.example/l/t0ken/</a>' in shown
    assert "<script" not in listing + shown
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    raw, headers = get(web, f"/messages/{number}/html")
    assert raw == "<script>alert(2)</script>\n"
    assert "sandbox allow-popups" in headers.get_all("Content-Security-Policy")


@pytest.mark.parametrize(
    "path", ["/messages/99", "/messages/../secrets.json", "/messages/x", "/no"]
)
def test_what_is_not_there_is_not_found(catcher, path):
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        get(catcher[1], path)
    refused.value.close()


def test_a_page_elsewhere_cannot_read_it_through_a_name_of_its_own(catcher):
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        get(catcher[1], "/api/messages", host="evil.example:80")
    refused.value.close()


def test_links_end_before_the_full_stop():
    assert (
        linked("(https://a.example/x).")
        == '(<a href="https://a.example/x">https://a.example/x</a>).'
    )
    assert linked("a & b") == "a &amp; b"


def test_an_odd_letter_is_still_a_letter(tmp_path):
    letters = Letters(tmp_path)
    letters.keep(b"Message-ID: <<b>@x>\r\nDate: never\r\n\r\nx", ["c@example.org"])
    assert letters.newest(1)[0].text == "x"
    letters.keep(b"no header at all", ["a@example.org", "b@example.org"])
    found = letters.newest(10)[0]
    assert (found.subject, found.date, found.to) == ("", "", ["a@example.org", "b@example.org"])
    assert read(tmp_path / "00000002.eml") == found
