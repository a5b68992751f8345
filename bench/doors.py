"""G12: the form and the status page behind the office's own server, beside bare Django."""

import http.client
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from urllib.parse import urlencode

import psycopg
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.middleware.csrf import _get_new_csrf_string

from bench import bare, places
from bench.measure import SERVER, Line, play
from ccpa_office import clock
from ccpa_office.law.kinds import RequestKind
from requests_app.forms import new_nonce
from tests import builders
from tests.ports import free_port

CONNECTIONS = 16
SECONDS = 3.0
OPTIONS = "--worker-class gthread --workers 2 --threads 4 --preload --log-level warning"
FORM = "application/x-www-form-urlencoded"
Request = tuple[str, str, str, dict[str, str]]
numbers = itertools.count(1)
INSERTS = """
SELECT coalesce(sum(calls * regexp_count(query, 'INSERT INTO')), 0)::int FROM pg_stat_statements"""


@contextmanager
def server(application: str, **environment: str) -> Iterator[int]:
    """A server as the office runs it; yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", *OPTIONS.split(), "--no-control-socket"]
    process = subprocess.Popen(  # noqa: S603
        [*command, "--bind", f"127.0.0.1:{port}", application],
        env={**os.environ, **environment},
    )
    try:
        for _ in range(200):
            try:
                ask(http.client.HTTPConnection("127.0.0.1", port), ("GET", "/", "", {}))
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def ask(connection: http.client.HTTPConnection, request: Request) -> int:
    """One request; returns the status of the answer."""
    method, address, body, headers = request
    connection.request(method, address, body or None, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def load(port: int, make: Callable[[], Request], expected: int) -> int:
    """So many connections ask for some seconds; returns how many answers came."""
    ends = time.monotonic() + SECONDS

    def one(_number: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        done = 0
        while time.monotonic() < ends:
            status = ask(connection, make())
            assert status == expected, status
            done += 1
        return done

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return sum(pool.map(one, range(CONNECTIONS)))


# --- what is asked ------------------------------------------------------------------------------


def intake() -> Request:
    """The last step of the office's form, filled in by a new visitor each time."""
    token = _get_new_csrf_string()
    fields = {
        "csrfmiddlewaretoken": token, "step": "send", "nonce": new_nonce(RequestKind.DELETE),
        "name": "Somebody New", "email": f"visitor{next(numbers)}@example.net", "words": "",
    }  # fmt: skip
    cookie = f"{settings.CSRF_COOKIE_NAME}={token}"
    return "POST", "/requests/new/delete/", urlencode(fields), _headers(cookie)


def bare_intake() -> Request:
    token = _get_new_csrf_string()
    fields = {
        "csrfmiddlewaretoken": token, "name": "Somebody New", "words": "",
        "email": f"visitor{next(numbers)}@example.net",
    }  # fmt: skip
    return "POST", "/ask/", urlencode(fields), _headers(f"csrftoken={token}")


def _headers(cookie: str) -> dict[str, str]:
    return {"Content-Type": FORM, "Cookie": cookie}


def status() -> Callable[[], Request]:
    """The page of one request, as the browser that followed its link asks for it."""
    sessions = []
    for _ in range(CONNECTIONS):
        consumer_request = builders.ask(f"follower{next(numbers)}@example.net")
        moment = int(clock.now().timestamp())
        session = SessionStore()
        session["cases"] = {consumer_request.number: [moment, moment]}
        session.create()
        sessions.append((consumer_request.public_number, session.session_key))
    turns = itertools.cycle(sessions)

    def request() -> Request:
        number, key = next(turns)
        cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}"}
        return "GET", f"/requests/{number}/", "", cookie

    return request


# --- lines --------------------------------------------------------------------------------------


def lines(rounds: int) -> list[Line]:
    """G12: intake and status."""
    places.office()
    with ExitStack() as stack:
        office = stack.enter_context(server("ccpa_office.wsgi"))
        inserts = _inserts_of(office)
        variables = {
            "DJANGO_SETTINGS_MODULE": "bench.bare",
            "BARE_DATABASE_URL": _bare_database(),
            "BARE_INSERTS": str(inserts),
        }
        plain = stack.enter_context(server("bench.bare_wsgi", **variables))
        post = Line("G12", f"intake: a form with {inserts} inserts, 16 connections", "POST/s", 0.6)
        page = Line("G12", "status page, 16 connections", "GET/s", 0.6)
        play(
            post,
            rounds,
            office=lambda _: load(office, intake, 302),
            reference=lambda _: load(plain, bare_intake, 302),
        )
        read = status()
        play(
            page,
            rounds,
            office=lambda _: load(office, read, 200),
            reference=lambda _: load(plain, bare_row, 200),
        )
    return [post, page]


def bare_row() -> Request:
    return "GET", "/row/1/", "", {}


def _inserts_of(port: int) -> int:
    """How many rows' inserts one POST of the office holds, also several in one statement."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    ask(connection, intake())
    with psycopg.connect(SERVER, autocommit=True) as there:
        there.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        there.execute("SELECT pg_stat_statements_reset()")
        assert ask(connection, intake()) == 302
        row = there.execute(INSERTS).fetchone()
    return int(row[0]) if row else 0


def _bare_database() -> str:
    builders.administer("CREATE DATABASE {}", "bare_bench")
    url = builders.url("bare_bench")
    with psycopg.connect(url, autocommit=True) as there:
        there.execute(bare.TABLE)
        there.execute(bare.WRITE, ["Somebody", "somebody@example.net", "some words"])
    return url
