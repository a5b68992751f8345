"""Addresses, parameters, methods, headers and cookies that no honest browser sends (S6)."""

import itertools
import random
from functools import partial
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from requests_app.numbers import new_number
from tests.hostile.oracle import text_of
from tests.hostile.stage import opened, stranger
from tests.hostile.typed import LANGUAGES, way

FINE = {200, 206, 301, 302, 303, 304, 400, 403, 404, 405, 410, 411, 413, 414, 415, 416, 429, 431}
SESSIONS = ("signed-out", "no-role", "every-role")


def patterns(node=None, before=""):
    """Every address of the office, with its places for values."""
    for each in (node or get_resolver()).url_patterns:
        whole = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from patterns(each, whole)
        elif isinstance(each, URLPattern):
            yield whole


def session(stage, name):
    if name == "signed-out":
        return opened(stage.numbers["know"])
    return stage.desk(stage.everybody if name == "every-role" else stage.nobody)


def filled(pattern, value):
    """An address with a value in the place of every parameter."""
    parts = pattern.replace("^", "").replace("$", "").split("<")
    return parts[0] + "".join(value + part.partition(">")[2] for part in parts[1:])


PLACES = [each for each in patterns() if "<" in each and "(?P" not in each]
WHOLE = [each for each in patterns() if "<" not in each]
VALUES = {
    "zero": "0",
    "minus": "-1",
    "huge": "9" * 40,
    "digits-5000": "9" * 5000,
    "bigint": "9223372036854775808",
    "float": "1.0",
    "plus": "+1",
    "hex": "0x1",
    "arabic": "١٢",
    "full-width": "１",
    "superscript": "²",
    "blank": "%20",
    "empty-quote": "%22%22",
    "quote": "'",
    "statement": "1' OR '1'='1",
    "percent": "%",
    "percent-zz": "%zz",
    "nul": "%00",
    "nul-inside": "1%001",
    "newline": "1%0a",
    "return": "1%0d%0aSet-Cookie:%20zq=1",
    "escape": "%1b[31m",
    "delete": "%7f",
    "bad-utf-8": "%ff%fe",
    "overlong": "%c0%ae%c0%ae",
    "surrogate": "%ed%a0%80",
    "parent": "..",
    "parent-encoded": "%2e%2e",
    "parent-twice": "%252e%252e",
    "slash-encoded": "a%2fb",
    "slash-twice": "a%252fb",
    "backslash": "a\\b",
    "backslash-encoded": "%5c%5c",
    "semicolon": "1;id=2",
    "query-encoded": "1%3fx=1",
    "hash-encoded": "1%23x",
    "override": "%e2%80%ae1",
    "markup": "<script>zq()</script>",
    "template": "{{7*7}}",
    "long": "a" * 3000,
    "megabyte": "a" * 1_000_000,
    "null": "null",
    "true": "True",
    "list": "1,2,3",
    "array": "[1]",
    "star": "*",
    "dash": "-",
}


@pytest.mark.parametrize("who", SESSIONS)
def test_values_in_addresses(judge, stage, who):
    client = session(stage, who)
    dice = random.Random(3)  # noqa: S311
    values = list(VALUES.items())
    for place, pattern in enumerate(PLACES):
        mine = dice.sample(values, 2 if "admin" in pattern else 6)
        method = "GET" if place % 3 else "POST"
        for name, value in mine:
            address = "/" + filled(pattern, value)
            throw = partial(client.generic, method, address, b"", "text/plain")
            judge.item(f"{method} {pattern} {name}", throw, only=FINE)


PUBLIC = (
    "requests/<n>/",
    "requests/new/<k>/",
    "requests/l/<t>/",
    "notices/<s>/",
    "notices/<s>.json",
    "notices/main/versions/<v>/",
    "notices/main/versions/<v>.json",
    "<l>/requests/new/",
)


@pytest.mark.parametrize("pattern", PUBLIC)
def test_every_value_in_a_public_address(judge, pattern):
    client = stranger()
    for name, value in VALUES.items():
        judge.item(name, partial(client.get, "/" + filled(pattern, value)), only=FINE)


@pytest.mark.parametrize("word", ["requests", "plans", "letters", "notices", "staff"])
def test_every_value_as_a_key(judge, stage, word):
    desk = session(stage, "every-role")
    for name, value in VALUES.items():
        address = f"/admin/{word}/{value}/"
        judge.item(name, partial(desk.get, address), only={200, 301, 302, 400, 404, 405})


PARAMETERS = (
    "",
    "q",
    "after",
    "view",
    "day",
    "all",
    "subject",
    "version",
    "next",
    "language",
    "line",
    "text",
    "o",
    "p",
    "e",
    "_popup",
    "_to_field",
    "_changelist_filters",
    "status__exact",
    "id__in",
    "received_at__year",
    "page",
    "format",
    "callback",
    "step",
    "nonce",
    "kind",
    "consumer_request__data_key__wrapped__contains",
)
READ = (
    "/",
    "/ja/",
    "/requests/new/",
    "/requests/new/delete/",
    "/requests/received/",
    "/requests/status/",
    "/requests/l/",
    "/opt-out/",
    "/opt-out/status.json",
    "/notices/",
    "/notices/main/",
    "/notices/main.json",
    "/healthz",
    "/readyz",
    "/accounts/login/",
)


def test_values_in_queries(judge, stage):
    client = session(stage, "signed-out")
    dice = random.Random(17)  # noqa: S311
    values = [(name, value) for name, value in VALUES.items() if name != "megabyte"]
    for parameter, _round in itertools.product(PARAMETERS, range(6)):
        name, value = dice.choice(values)
        address = dice.choice(READ)
        query = f"{parameter}={quote(value, safe='%+&=')}"
        judge.item(f"{address} {name}", partial(client.get, f"{address}?{query}"), only=FINE)


DOUBLED = (
    "version=1&version=2",
    "version=2&version=x",
    "version[]=1",
    "version[0]=1",
    "version=1;version=2",
    "version=1%26version=2",
    "&&&version=1",
    "=1&version=",
    "version",
    "VERSION=1",
    "version=1&" * 500,
    "a=" + "b" * 8000,
    "%00=1",
    "a[b][c]=1",
    "__proto__=1",
    "a=1#version=2",
)


def test_parameters_that_come_twice(judge):
    client = stranger()
    for address, query in itertools.product(
        ("/notices/main.json", "/opt-out/", "/healthz"), DOUBLED
    ):
        judge.item(f"{address} {query[:30]}", partial(client.get, f"{address}?{query}"), only=FINE)


METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "MKCOL",
    "COPY",
    "LOCK",
    "PURGE",
    "DEBUG",
    "get",
    "GeT",
    "X" * 300,
    "M-SEARCH",
    "QUERY",
)


@pytest.mark.parametrize("who", SESSIONS)
def test_every_method_at_every_address(judge, stage, who):
    client = session(stage, who)
    dice = random.Random(who)  # noqa: S311
    numbers = {"<str:number>": new_number(), "<str:key>": "1", "<int:number>": "1"}
    for pattern in [*WHOLE, *PLACES]:
        address = "/" + pattern
        for hole, value in {**numbers, "<slug:slug>": "main", "<slug:kind>": "delete"}.items():
            address = address.replace(hole, value)
        for method in dice.sample(METHODS[3:], 1):
            throw = partial(client.generic, method, filled(address, "1"), b"a=b", "text/plain")
            judge.item(f"{method[:9]} {pattern}", throw, only=FINE)
    for method in METHODS:
        judge.item(f"{method[:9]} /", partial(client.generic, method, "/"), only=FINE)


@pytest.mark.parametrize("who", ["signed-out", "every-role"])
def test_looking_changes_nothing(judge, stage, who):
    """Every address by GET, HEAD and OPTIONS, with keys that exist."""
    client = session(stage, who)
    keys = {
        "admin/requests/<str:key>": stage.numbers["checking"],
        "admin/plans/<str:key>": stage.keys["planned"],
        "admin/letters/<str:key>": stage.keys["letter"],
        "admin/notices/<str:key>": stage.keys["draft"],
        "admin/maps/<str:key>": stage.keys["map"],
        "admin/staff/<str:key>": stage.keys["member"],
        "requests/<str:number>": stage.numbers["know"],
        "requests/new/<slug:kind>": "delete",
        "notices/<slug:slug>": "main",
    }
    for pattern in [*WHOLE, *PLACES]:
        address = pattern
        for place, key in keys.items():
            if address.startswith(place):
                address = address.replace(place, f"{place.partition('<')[0]}{key}", 1)
        for method in ("GET", "HEAD", "OPTIONS"):
            throw = partial(client.generic, method, "/" + filled(address, "1"))
            judge.item(f"{method} {pattern}", throw, only=FINE)


HOSTS = (
    "example.org",
    "127.0.0.1.example.org",
    "127.0.0.1@example.org",
    "localhost:99999",
    "localhost:x",
    "localhost:",
    "[::1",
    "[::1]:80",
    "",
    " ",
    "LOCALHOST",
    "localhost.",
    "a" * 300,
    "127.0.0.1\t",
    "127.0.0.1, example.org",
    "127.0.0.1/x",
    "127.0.0.1?x",
    "127.0.0.1#",
    "例え.org",
    "xn--a",
    "::1",
    "127.1",
    "0x7f000001",
    "localhost:80:80",
    "-",
    "..",
    "*",
    "%00",
    "' OR 1",
    "<script>zq()</script>",
)
FORWARDED = (
    ("X-Forwarded-Host", "example.org"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-For", "::1"),
    ("X-Forwarded-For", "1.2.3.4, 5.6.7.8"),
    ("X-Forwarded-For", "' OR 1"),
    ("X-Forwarded-Port", "x"),
    ("X-Forwarded-Prefix", "/x"),
    ("X-Original-URL", "/admin/"),
    ("X-Rewrite-URL", "/admin/"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("Forwarded", "for=1;host=example.org"),
    ("X-Real-IP", "nonsense"),
    ("X-Script-Name", "/zq"),
    ("Client-IP", "a" * 900),
    ("X-Requested-With", "XMLHttpRequest"),
    ("X-CSRFToken", "a" * 64),
    ("X-Remote-User", "chief"),
    ("Remote-User", "chief"),
    ("Authorization", "Basic Y2hpZWY6Y2hpZWY="),
    ("Authorization", "zq"),
    ("Sec-GPC", "1"),
    ("Sec-GPC", "true"),
    ("Sec-GPC", "1" * 900),
    ("Referer", "https://example.org"),
    ("Referer", "a" * 5000),
    ("Origin", "null"),
    ("User-Agent", ""),
    ("User-Agent", "ü" * 2000),
    ("Upgrade", "h2c"),
    ("Connection", "Upgrade, Cookie"),
    ("TE", "trailers"),
    ("Max-Forwards", "0"),
    ("X-Request-ID", "a\tb"),
    ("Via", "zq"),
    ("Proxy", "http://example.org"),
    ("Expect", "zq"),
)


def test_hosts(judge):
    client = stranger()
    for host, address in itertools.product(HOSTS, ("/", "/accounts/login/", "/notices/main.json")):
        answer = judge.item(
            f"{host[:30]!r} {address}", partial(client.get, address, HTTP_HOST=host), only=FINE
        )
        if "example.org" in text_of(answer):
            judge.failures.append(f"{host!r} {address}: is said back")


def test_forwarded_headers(judge, stage):
    client = stranger()
    pages = {address: client.get(address) for address in ("/", "/admin/", "/requests/status/")}
    for (header, value), (address, usual) in itertools.product(FORWARDED, pages.items()):
        name = f"{header}: {value[:20]} {address}"
        answer = judge.item(name, partial(client.get, address, headers={header: value}), only=FINE)
        if answer.status_code != usual.status_code:
            judge.failures.append(f"{name}: {answer.status_code}, not {usual.status_code}")


TONGUES = (
    "",
    "ja",
    "es-MX",
    "en-US,en;q=0.9",
    "tlh",
    "*",
    "*;q=0",
    "ja;q=2",
    "ja;q=-1",
    "ja;q=x",
    "ja;q=",
    "ja;;q=1",
    ",,,,",
    "ja" * 200,
    "-".join(["en"] * 500),
    "en;q=0." + "1" * 5000,
    "a" * 10_000,
    ",".join(f"x{place};q=0.{place}" for place in range(999)),
    "zh-Hant-TW",
    "sr@latin",
    "i-default",
    "x-zq",
    "ja\x7f",
    "日本語",
    "../../ja",
    "ja%00",
    "en_US",
    "EN",
    "ja;q=1;q=0",
    "\ttab",
    "ja-" * 2000,
    "en-us-x-" + "a" * 600,
    "'",
    "<script>zq()</script>",
    "ja, en;q=NaN",
    "ja;q=1e400",
    "sgn-JP",
    "de-1996",
    "a-DE",
    "zz-ZZ",
    "en;level=1",
    "q=1",
    ";q=1",
)


def test_languages(judge):
    for tongue, address in itertools.product(TONGUES, ("/", "/requests/new/delete/")):
        client = stranger()
        throw = partial(client.get, address, headers={"accept-language": tongue})
        judge.item(f"{tongue[:24]!r} {address}", throw, only={200, 400})
    client = stranger()
    for tongue in TONGUES:
        body = {"language": tongue, "next": "//example.org/"}
        judge.item(f"set {tongue[:24]!r}", partial(client.post, "/i18n/setlang/", body), only=FINE)


RANGES = (
    "bytes=0-",
    "bytes=0-0",
    "bytes=-1",
    "bytes=5-1",
    "bytes=a-b",
    "bytes=",
    "bytes=0-0,2-2",
    "bytes=" + ",".join(f"{place}-" for place in range(1000)),
    "bytes=-" + "9" * 5000,
    "zq=0-1",
    "bytes=0-18446744073709551616",
    "bytes = 0-1",
    "=",
    "bytes=--1",
    "bytes=١-٢",
)
CONDITIONS = (
    ("If-None-Match", "*"),
    ("If-None-Match", '"' * 500),
    ("If-Match", "*"),
    ("If-Match", "zq"),
    ("If-Modified-Since", "zq"),
    ("If-Modified-Since", "Fri, 31 Feb 9999 99:99:99 GMT"),
    ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("If-Range", "zq"),
    ("If-Modified-Since", "Thu, 01 Jan 99999999999 00:00:00 GMT"),
    ("If-None-Match", 'W/"a", ' * 900),
    ("Accept", "a/b;" * 900),
    ("Accept", "application/json" + ",*/*" * 900),
    ("Accept", ""),
    ("Accept-Encoding", "gzip;q=x, zq, *;q=9"),
    ("Accept-Charset", "zq"),
    ("Content-Encoding", "gzip"),
)


def test_parts_and_conditions(judge):
    client = stranger()
    addresses = ("/", "/notices/main.json", "/opt-out/status", "/static/office.css", "/healthz")
    headers = [*(("Range", each) for each in RANGES), *CONDITIONS]
    for (header, value), address in itertools.product(headers, addresses):
        throw = partial(client.get, address, headers={header: value})
        judge.item(f"{header}: {value[:20]} {address}", throw, only=FINE)


COOKIES = (
    "",
    "a",
    "a" * 32,
    "a" * 5000,
    "a" * 100_000,
    "\x00",
    "é",
    "%00",
    "'",
    '"',
    '"\\0"',
    "' OR 1=1 --",
    "../../x",
    "{}",
    "[]",
    "null",
    "1",
    "-1",
    "<script>zq()</script>",
    ";",
    ",",
    "a=b",
    "\u202e",
    "花",
    "\\",
    "\\x00",
    "\ud800",
    "=" * 50,
    "b64:AAAA",
    "gAAAAA==",
    "deadbeef:1:2",
)
NAMES = (
    "office-session",
    "office-form",
    "office-language",
    "messages",
    "sessionid",
    "csrftoken",
    "__Host-office-session",
    "zq",
)


def test_cookies(judge, stage):
    for name, value in list(itertools.product(NAMES, COOKIES))[::3]:
        client = Client(raise_request_exception=False)
        raw = f"{name}={value}".encode("utf-8", "surrogatepass").decode("latin-1")
        for address in ("/requests/status/", "/admin/requests/")[: 1 + (len(value) < 40)]:
            throw = partial(client.get, address, HTTP_COOKIE=raw)
            judge.item(f"{name}={value[:20]!r} {address}", throw, only={200, 302, 400})


def test_cookies_of_others(judge, stage):
    """A session is worth what it was made for: not another request, not a desk."""
    other, number = stage.numbers["know"], stage.numbers["waiting"]
    desk = stage.desk(stage.everybody).cookies["office-session"].value
    visitor = opened(other).cookies["office-session"].value
    mixes = {
        "cut": desk[:-1],
        "longer": desk + "a",
        "capitals": desk.upper(),
        "turned": desk[::-1],
        "quoted": f'"{desk}x"',
        "visitor": visitor,
        "two": f"{visitor}; office-session={visitor}",
        "first-junk": f"{visitor}; office-session=",
        "padded": f"{desk}%20",
        "comma": f"{visitor},{desk}",
    }
    for name, value in mixes.items():
        client = Client(raise_request_exception=False)
        for address in ("/admin/requests/", f"/requests/{number}/"):
            throw = partial(client.get, address, HTTP_COOKIE=f"office-session={value}")
            judge.item(f"{name} {address}", throw, only={302, 400})


PIECES = (
    "/%2e%2e/%2e%2e/etc/hosts",
    "/..%2f..%2fetc/hosts",
    "/%252e%252e%252fetc",
    "/static/../manage.py",
    "/static/%2e%2e/%2e%2e/manage.py",
    "/static/..%5c..%5cmanage.py",
    "/static//etc/hosts",
    "/static/office.css/",
    "/static/office.css%00",
    "/static/office.css;x",
    "/static/",
    "/static",
    "/.git/config",
    "/.env",
    "/manage.py",
    "/admin/../healthz",
    "/admin/..;/healthz",
    "/admin;/",
    "/admin%2f",
    "/admin%252f",
    "/ADMIN/",
    "/admin//",
    "//admin/",
    "///example.org",
    "//example.org/..",
    "/\\example.org",
    "/%5cexample.org/",
    "/%2f%2fexample.org",
    "/ja//example.org/",
    "/ja/ja/",
    "/en/",
    "/en/requests/new/",
    "/fr/",
    "/ja",
    "/jA/",
    "/JA/",
    "/ja%2f",
    "/%6aa/",
    "/%EF%BC%8Fadmin/",
    "/admin%c0%af",
    "/a%0d%0aSet-Cookie:zq=1",
    "/%e5%8f",
    "/" + "a/" * 2000,
    "/" + "%2e/" * 500,
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/email/",
    "/accounts/login/code/",
    "/accounts/confirm-email/a:b/",
    "/accounts/password/reset/key/1-a/",
    "/accounts/social/",
    "/admin/auth/group/",
    "/admin/jsi18n/",
    "/admin/r/1/1/",
    "/admin/autocomplete/",
    "/admin/requests_app/consumerrequest/",
    "/admin/password_change/",
    "/admin/doc/",
    "/media/x",
    "/healthz/",
    "/readyz/x",
    "/favicon.ico",
    "/robots.txt",
    "/.well-known/security.txt",
    "/*",
    "/?",
    "/index.php",
    "/wp-login.php",
    "/%",
    "/%%%",
    "/+",
    "/~root",
    "/;",
    "/:",
    "/@",
    "/&",
    "/'",
    '/"',
)


@pytest.mark.parametrize("who", SESSIONS)
def test_ways_around(judge, stage, who):
    client = session(stage, who)
    for address in PIECES:
        judge.item(address[:60], partial(client.generic, "GET", address), only=FINE)


def shape(answer):
    """What somebody outside can tell two answers apart by."""
    names = {name: value for name, value in answer.headers.items() if name != "Set-Cookie"}
    return answer.status_code, sorted(names.items()), len(text_of(answer))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_foreign_number_and_an_absent_one_are_alike(judge, stage, language):
    client = opened(stage.numbers["know"])
    foreign = [number for name, number in stage.numbers.items() if name != "know"]
    absent = [new_number() for _each in foreign]
    for word, method in (
        ("", "get"),
        ("withdraw/", "post"),
        ("not-me/", "post"),
        ("message/", "post"),
    ):
        seen = set()
        for number in (*foreign, *absent):
            address = way(language, f"requests/{number}/{word}")
            answer = judge.item(
                f"{number} {word}", partial(getattr(client, method), address, {"text": "x"})
            )
            seen.add(repr(shape(answer)))
        if len(seen) != 1:
            judge.failures.append(f"{word}: {len(seen)} answers: {seen}")
