"""What no client library would send, to the web server that the office really runs."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from ccpa_office import webserver
from tests.builders import url
from tests.hostile.oracle import SLEPT
from tests.ports import free_port

OPTIONS = (
    "--worker-class gthread --workers 2 --threads 4 --no-control-socket --log-level critical"
    " --config python:ccpa_office.webserver"
)
PATIENCE = 2.0 * SLEPT
"""Seconds: whoever never answers is found by the judge to have taken too long."""


@dataclass
class Said:
    """The first answer on a connection; nothing at all counts as refused."""

    status_code: int = 400
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    @classmethod
    def read(cls, raw: bytes) -> "Said":
        """Take the bytes of an answer apart."""
        head, _blank, content = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) < 2 or not words[1].isdigit():
            return cls()
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        return cls(int(words[1]), headers, content)


@pytest.fixture(scope="module")
def port(stage: object, django_db_blocker: Any) -> Iterator[int]:
    """The web server on the stage's database."""
    found = free_port()
    with django_db_blocker.unblock():
        target = url(str(connection.settings_dict["NAME"]))
        connection.close()
    environment = {**os.environ, "DATABASE_URL": target, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    where = ["--bind", f"127.0.0.1:{found}", "ccpa_office.wsgi"]
    command = [sys.executable, "-m", "gunicorn", *OPTIONS.split(), *where]
    server = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment)
    try:
        _until_it_answers(found)
        yield found
    finally:
        server.terminate()
        server.wait(60)


def _until_it_answers(port: int) -> None:
    for _try in range(1200):
        if wire(port, [b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"]).status_code == 200:
            return
        time.sleep(0.1)
    raise AssertionError("the web server did not start")


def wire(port: int, pieces: list[bytes], *, pause: float = 0.0, then_end: bool = True) -> Said:
    """Send pieces of bytes with pauses, and read until the end or for as long as is allowed."""
    raw = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(pause)
            if then_end:
                line.shutdown(socket.SHUT_WR)
            while part := line.recv(65536):
                raw += part
    except OSError:
        pass
    return Said.read(raw)


def ask(line: str = "GET /healthz HTTP/1.1", *headers: str, body: bytes = b"") -> bytes:
    """A request as bytes."""
    usual = [line, "Host: localhost", "Connection: close", *headers]
    return "\r\n".join(usual).encode("latin-1") + b"\r\n\r\n" + body


FORM = "POST /requests/new/delete/ HTTP/1.1"
TYPE = "Content-Type: application/x-www-form-urlencoded"
MULTIPART = "Content-Type: multipart/form-data; boundary=x"
CHUNKED = "Transfer-Encoding: chunked"
REQUESTS: dict[str, list[bytes]] = {
    "nothing": [b""],
    "only-lines": [b"\r\n" * 100],
    "noise": [bytes(range(256)) * 4],
    "tls-hello": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200],
    "http2": [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    "no-version": [b"GET /\r\n\r\n"],
    "old-version": [b"GET / HTTP/0.9\r\n\r\n"],
    "odd-version": [ask("GET / HTTP/9.9")],
    "no-method": [ask(" / HTTP/1.1")],
    "lower-method": [ask("get / HTTP/1.1")],
    "odd-method": [ask("G\x00T / HTTP/1.1")],
    "blanks": [ask("GET   /   HTTP/1.1")],
    "tabs": [ask("GET\t/\tHTTP/1.1")],
    "absolute": [ask("GET http://example.org/ HTTP/1.1")],
    "authority": [ask("CONNECT example.org:80 HTTP/1.1")],
    "asterisk": [ask("OPTIONS * HTTP/1.1")],
    "long-line": [ask("GET /" + "a" * 100_000 + " HTTP/1.1")],
    "raw-bytes": [ask("GET /\xff\xfe HTTP/1.1")],
    "raw-nul": [ask("GET /\x00 HTTP/1.1")],
    "dots": [ask("GET /../../../../etc/hosts HTTP/1.1")],
    "fragment": [ask("GET /#/admin/ HTTP/1.1")],
    "no-host": [b"GET / HTTP/1.1\r\n\r\n"],
    "two-hosts": [ask("GET / HTTP/1.1", "Host: example.org")],
    "no-colon": [ask("GET / HTTP/1.1", "Zq")],
    "blank-name": [ask("GET / HTTP/1.1", "Zq : 1")],
    "folded": [ask("GET / HTTP/1.1", "Zq: 1\r\n folded")],
    "nul-header": [ask("GET / HTTP/1.1", "Zq: \x00")],
    "underscore": [ask("GET / HTTP/1.1", "X_Forwarded_Proto: https", "Content_Length: 9")],
    "thousand-headers": [ask("GET / HTTP/1.1", *(f"Zq{place}: 1" for place in range(1000)))],
    "long-header": [ask("GET / HTTP/1.1", "Zq: " + "a" * 100_000)],
    "bare-lf": [b"GET /healthz HTTP/1.1\nHost: localhost\n\n"],
    "bare-cr": [ask("GET / HTTP/1.1", "Zq: a\rSet-Cookie: b")],
    "length-junk": [ask(FORM, TYPE, "Content-Length: zz", body=b"a=b")],
    "length-minus": [ask(FORM, TYPE, "Content-Length: -1", body=b"a=b")],
    "length-plus": [ask(FORM, TYPE, "Content-Length: +3", body=b"a=b")],
    "length-huge": [ask(FORM, TYPE, "Content-Length: " + "9" * 40, body=b"a=b")],
    "length-zeros": [ask(FORM, MULTIPART, "Content-Length: " + "0" * 30 + "9" * 8, body=b"a=b")],
    "length-list": [ask(FORM, TYPE, "Content-Length: 3, 3", body=b"a=b")],
    "two-lengths": [ask(FORM, TYPE, "Content-Length: 3", "Content-Length: 9", body=b"a=b")],
    "length-too-long": [ask(FORM, TYPE, "Content-Length: 500", body=b"a=b")],
    "multipart-cut": [ask(FORM, MULTIPART, "Content-Length: 500", body=b"--x\r\nContent-Dispo")],
    "both": [ask(FORM, TYPE, "Content-Length: 3", CHUNKED, body=b"0\r\n\r\n")],
    "both-smuggled": [
        ask(
            FORM, TYPE, "Content-Length: 60", CHUNKED, body=b"0\r\n\r\nGET /admin/ HTTP/1.1\r\n\r\n"
        )
    ],
    "encoding-odd": [ask(FORM, TYPE, "Transfer-Encoding: xchunked", body=b"0\r\n\r\n")],
    "encoding-twice": [ask(FORM, TYPE, CHUNKED, "Transfer-Encoding: identity", body=b"0\r\n\r\n")],
    "encoding-tab": [ask(FORM, TYPE, "Transfer-Encoding:\tchunked", body=b"0\r\n\r\n")],
    "chunk-junk": [ask(FORM, TYPE, CHUNKED, body=b"zz\r\na=b\r\n0\r\n\r\n")],
    "chunk-huge": [ask(FORM, TYPE, CHUNKED, body=b"ffffffffffffffff\r\na=b")],
    "chunk-minus": [ask(FORM, TYPE, CHUNKED, body=b"-1\r\na=b\r\n0\r\n\r\n")],
    "chunk-cut": [ask(FORM, TYPE, CHUNKED, body=b"5\r\na=b")],
    "chunk-cut-multipart": [ask(FORM, MULTIPART, CHUNKED, body=b"f\r\n--x\r\nConte")],
    "chunk-extension": [
        ask(FORM, TYPE, CHUNKED, body=b"3;" + b"a" * 9000 + b"\r\na=b\r\n0\r\n\r\n")
    ],
    "get-with-body": [ask("GET / HTTP/1.1", "Content-Length: 3", body=b"a=b")],
    "expect": [ask(FORM, TYPE, "Expect: 100-continue", "Content-Length: 3", body=b"a=b")],
    "expect-odd": [ask(FORM, TYPE, "Expect: zq", "Content-Length: 3", body=b"a=b")],
    "upgrade": [ask("GET / HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade")],
    "cookie-100-kb": [ask("GET / HTTP/1.1", "Cookie: office-session=" + "a" * 100_000)],
    "proxy-line": [b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + ask()],
    "pipelined": [ask() + ask("GET /admin/ HTTP/1.1")],
}
NEVER_THERE = {"cookie-100-kb", "long-line", "long-header", "thousand-headers"}


def _seen(judge: Any, throw: partial[Said]) -> Said:
    judge.touched = True  # another process writes: look at the tables after every item
    return throw()


@pytest.mark.parametrize("half", [0, 1])
def test_bytes_that_are_no_request(judge, port, half):
    for place, (name, pieces) in enumerate(REQUESTS.items()):
        if place % 2 == half:
            only = {501} if name == "encoding-odd" else None  # the web server's, by RFC 9112
            answer = judge.item(name, partial(_seen, judge, partial(wire, port, pieces)), only=only)
            if name in NEVER_THERE and answer.status_code < 400:
                judge.failures.append(f"{name}: {answer.status_code}")
    good = judge.item("the-next-good-one", partial(_seen, judge, partial(wire, port, [ask()])))
    assert good.status_code == 200


def test_slow_senders_give_their_place_to_the_next(judge, port):
    """Bodies and heads that begin and never end: each is told, or cut off, after a while."""
    slow = []
    for place in range(4):
        line = socket.create_connection(("127.0.0.1", port), timeout=webserver.PATIENCE + PATIENCE)
        kind = MULTIPART if place % 2 else TYPE
        whole = ask(FORM, kind, "Content-Length: 900", body=b"--x\r\n"[: 1 + place])
        line.sendall(whole if place else whole[:60])
        slow.append(line)
    time.sleep(webserver.PATIENCE)
    for place, line in enumerate(slow):
        told = Said.read(line.recv(65536))  # with a time limit of its own
        judge.item(f"slow {place}", partial(_seen, judge, partial(Said, told.status_code)))
        line.close()
    for page in ("/healthz", "/", "/requests/status/", "/opt-out/status.json", "/notices/") * 2:
        asked = partial(wire, port, [ask(f"GET {page} HTTP/1.1")])
        judge.item(page, partial(_seen, judge, asked), only={200})
