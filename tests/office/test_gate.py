"""What stands before every view."""

import io
import logging

import pytest
from csp.exceptions import CSPNonceError
from django.core.files.uploadedfile import InMemoryUploadedFile, SimpleUploadedFile
from django.http import HttpResponse

from ccpa_office import gate

pytestmark = pytest.mark.django_db

UNREADABLE = ["\x00", "a\x00b", "\x1b[2J", "\x07", "\x7f"]


@pytest.mark.parametrize("value", UNREADABLE)
def test_control_characters_in_a_query_are_refused(client, value):
    assert client.get("/healthz", {"q": value}).status_code == 400


@pytest.mark.parametrize("path", ["/%00", "/healthz%00", "/a%1Bb/", "/%7f"])
def test_control_characters_in_a_path_are_refused(client, path):
    assert client.get(path).status_code == 400


@pytest.mark.parametrize("value", UNREADABLE)
def test_control_characters_in_a_form_are_refused_in_names_and_values(client, value):
    assert client.post("/healthz", {"q": value}).status_code == 400
    assert client.post("/healthz", {value: "q"}).status_code == 400


def test_lines_and_tabs_in_a_form_are_let_through_to_the_page(client):
    assert client.post("/healthz", {"q": "one\r\n\ttwo"}).status_code == 405


def test_a_control_character_in_a_cookie_is_refused(client):
    client.cookies["office-language"] = "en\x01"
    assert client.get("/healthz").status_code == 400


def test_a_body_over_the_limit_is_refused_before_it_is_read(client, settings):
    settings.BODY_LIMIT = 10
    answer = client.post("/healthz", {"q": "more than ten bytes"})
    assert answer.status_code == 413


def test_a_form_over_djangos_own_limit_is_refused_too(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    answer = client.post(
        "/healthz", b"q=" + b"x" * 100, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 413


def test_too_many_fields_are_refused(client):
    answer = client.post("/healthz", {f"f{n}": "1" for n in range(1001)})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\ncut"),
        ("application/x-www-form-urlencoded", b"\xff\xfe=%ff"),
        ("application/x-www-form-urlencoded; charset=nonsense", b"a=b"),
    ],
)
def test_a_broken_body_never_breaks_us(client, content_type, body):
    answer = client.generic("POST", "/healthz", body, content_type)
    assert answer.status_code in {400, 405}


@pytest.mark.parametrize("length", ["zz", "-1", "", "9" * 30, "１２"])
def test_a_senseless_length_never_breaks_us(client, length):
    assert client.get("/healthz", CONTENT_LENGTH=length).status_code in {200, 400, 413}


def test_a_method_that_a_page_does_not_take_gets_a_page_that_says_so(client):
    answer = client.post("/healthz")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert b"<h1>" in answer.content


def test_a_page_that_asks_for_a_nonce_has_it_in_its_policy_and_no_other_page_has(rf):
    nonced = gate.AnswerHeaders(lambda request: HttpResponse(str(request.csp_nonce)))
    plain = gate.AnswerHeaders(lambda _request: HttpResponse())
    policies = set()
    for _each in range(2):
        answer = nonced(rf.get("/"))
        nonce, policy = answer.content.decode(), answer.headers["Content-Security-Policy"]
        assert policy.count(f"'nonce-{nonce}'") == 2
        policies.add(policy)
        late = rf.get("/")
        assert "nonce" not in plain(late).headers["Content-Security-Policy"]
        with pytest.raises(CSPNonceError):
            str(late.csp_nonce)
    assert len(policies) == 2


def test_every_answer_carries_the_headers(client):
    headers = client.get("/healthz").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert set(headers["Content-Security-Policy"].split("; ")) == {
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    }


def test_a_line_of_the_log_says_nothing_of_what_somebody_sent(client, settings):
    line = dict(settings.LOGGING["formatters"]["line"])
    heard, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(heard)
    handler.setFormatter(line.pop("()")(**line))
    root.addHandler(handler)
    try:
        assert client.get("/", headers={"host": "orla-dunmarrow.example"}).status_code == 400
    finally:
        root.removeHandler(handler)
    assert ("orla" in heard.getvalue(), "DisallowedHost" in heard.getvalue()) == (False, True)


def test_no_file_that_somebody_sends_waits_in_clear_on_the_disk(rf, settings):
    largest = settings.BODY_LIMIT - 1024
    sent = rf.post("/", {"file": SimpleUploadedFile("x.pdf", bytes(largest))})
    assert isinstance(sent.FILES["file"], InMemoryUploadedFile)
