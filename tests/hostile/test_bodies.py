"""Bodies and files that no form of ours sends (S1, S6)."""

import itertools
from functools import partial

from django.core.files.uploadedfile import SimpleUploadedFile

from ccpa_office.law.kinds import RequestKind
from tests.hostile.stage import opened, stranger
from tests.hostile.typed import ask, blank, form_of, kept_once

URLENCODED = "application/x-www-form-urlencoded"
DELETE = RequestKind.DELETE

BODIES = {
    "bad-utf-8": (b"name=\xff\xfe&email=%ff%c0%80", URLENCODED),
    "overlong": (b"name=%c0%ae%c0%af", URLENCODED),
    "surrogate": (b"name=%ed%a0%80", URLENCODED),
    "surrogate-pair": (b"name=%ed%a0%bd%ed%b8%80", URLENCODED),
    "percent-cut": (b"name=%&email=%4&nonce=%zz", URLENCODED),
    "only-signs": (b"&&&===&=&", URLENCODED),
    "semicolons": (b"name=a;email=b;nonce=c", URLENCODED),
    "utf-16": ("name=Ana".encode("utf-16"), f"{URLENCODED}; charset=utf-16"),
    "utf-7": (b"name=+ADw-script+AD4-", f"{URLENCODED}; charset=utf-7"),
    "no-such-charset": (b"name=a", f"{URLENCODED}; charset=zq"),
    "codec": (b"name=a", f"{URLENCODED}; charset=zip"),
    "rot": (b"anzr=n", f"{URLENCODED}; charset=rot13"),
    "idna": (b"name=a", f"{URLENCODED}; charset=idna"),
    "unicode-escape": (b"name=\\x00", f"{URLENCODED}; charset=unicode_escape"),
    "raw-unicode": (b"name=\\ud800", f"{URLENCODED}; charset=raw_unicode_escape"),
    "undefined": (b"name=a", f"{URLENCODED}; charset=undefined"),
    "shift-jis": ("name=花".encode("shift_jis"), f"{URLENCODED}; charset=shift_jis"),
    "long-charset": (b"name=a", f"{URLENCODED}; charset=" + "a" * 5000),
    "json": (b'{"name": "a", "step": "send"}', "application/json"),
    "json-nul": (b'{"name": "\\u0000"}', "application/json"),
    "json-deep": (b"[" * 100_000, "application/json"),
    "json-number": (b"9" * 5000, "application/json"),
    "xml": (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///dev/null'>]><a>&b;</a>", "text/xml"),
    "text": (b"name=a", "text/plain"),
    "no-type": (b"name=a", ""),
    "odd-type": (b"name=a", "a/b; c=d; e"),
    "type-with-lines": (b"name=a", "application/x-www-form-urlencoded\t;;;"),
    "no-boundary": (b"--x\r\n", "multipart/form-data"),
    "empty-boundary": (b"--\r\n\r\n", "multipart/form-data; boundary="),
    "odd-boundary": (b"--\xff\r\n", "multipart/form-data; boundary=\xff"),
    "quoted-boundary": (b'--"\r\n', 'multipart/form-data; boundary="""'),
    "long-boundary": (b"--x", "multipart/form-data; boundary=" + "x" * 300),
    "cut": (b"--x\r\nContent-Disposition: form-data; na", "multipart/form-data; boundary=x"),
    "no-name": (
        b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--",
        "multipart/form-data; boundary=x",
    ),
    "name-nul": (
        b'--x\r\nContent-Disposition: form-data; name="a\x00b"\r\n\r\na\r\n--x--',
        "multipart/form-data; boundary=x",
    ),
    "base64": (
        (
            b'--x\r\nContent-Disposition: form-data; name="name"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--x--"
        ),
        "multipart/form-data; boundary=x",
    ),
    "base64-blanks": (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + b" " * 300_000 + b"\r\n--x--",
        "multipart/form-data; boundary=x",
    ),
    "many-headers": (
        b"--x\r\n" + b"A: b\r\n" * 2000 + b"\r\n\r\na\r\n--x--",
        "multipart/form-data; boundary=x",
    ),
    "long-header": (
        b"--x\r\nA: " + b"b" * 100_000 + b"\r\n\r\na\r\n--x--",
        "multipart/form-data; boundary=x",
    ),
    "rfc-2231": (
        b"--x\r\nContent-Disposition: form-data; name*=zq''%00\r\n\r\na\r\n--x--",
        "multipart/form-data; boundary=x",
    ),
    "nested": (
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\na\r\n--y--\r\n--x--",
        "multipart/form-data; boundary=x",
    ),
    "parts-without-end": (b"--x\r\n\r\n\r\n" * 5000, "multipart/form-data; boundary=x"),
    "two-megabytes": (b"name=" + b"a" * 2_000_000, URLENCODED),
    "six-megabytes": (b"name=" + b"a" * 6_000_000, URLENCODED),
    "fields": (b"&".join(b"f%d=1" % place for place in range(1001)), URLENCODED),
    "same-hash": (b"&".join(b"%d=" % (place * 2**61) for place in range(900)), URLENCODED),
}


def test_bodies_that_cannot_be_read(judge, stage):
    client = opened(stage.numbers["know"])
    message = f"/requests/{stage.numbers['know']}/message/"
    addresses = (form_of(DELETE, "ja"), message, "/requests/status/", "/accounts/login/")
    for (name, (body, content_type)), address in itertools.product(BODIES.items(), addresses):
        throw = partial(client.generic, "POST", address, body, content_type)
        judge.item(f"{name} {address}", throw, only={200, 400, 413})


LENGTHS = (
    "zz",
    "-1",
    "1.5",
    " 1",
    "+1",
    "1_0",
    "１",
    "0x10",
    "9" * 30,
    "0" * 25 + "9" * 9,
    "1e3",
    "1,1",
)


def test_lengths_that_lie(judge, stage):
    client = stranger()
    for length, address in itertools.product(LENGTHS, (form_of(DELETE), "/accounts/login/")):
        for content_type in (URLENCODED, "multipart/form-data; boundary=x"):
            throw = partial(
                client.generic, "POST", address, b"name=a", content_type, CONTENT_LENGTH=length
            )
            judge.item(f"{length} {address}", throw, only={400, 413})


FILES = (
    "a.txt",
    "",
    "..",
    "../../a",
    "a\x00b",
    "a" * 300,
    "\u202etxt.exe",
    "con",
    "a/b",
    "a\\b",
    "花",
    "-rf",
    "a\r\nb",
    ".htaccess",
    "a;b",
    "a%00b",
    '";name="email"',
)


def _with_file(body, field, name):
    """A multipart body with one file, its name as raw as it can be."""
    head = 'Content-Disposition: form-data; name="{}"'
    parts = [f"{head.format(key)}\r\n\r\n{value}" for key, value in body.items()]
    parts.append(f'{head.format(field)}; filename="{name}"\r\nContent-Type: text/plain\r\n\r\nzq')
    return ("--zq\r\n" + "\r\n--zq\r\n".join(parts) + "\r\n--zq--\r\n").encode()


def test_files_where_none_is_asked_for(judge):
    client = stranger()
    for name, field in itertools.product(FILES, ("surplus", "name")):
        body = blank(DELETE)
        sent = {key: value for key, value in body.items() if key != field}
        throw = partial(
            client.generic,
            "POST",
            form_of(DELETE),
            _with_file(sent, field, name),
            "multipart/form-data; boundary=zq",
        )
        if field == "name":  # a part with an empty file name is a field like any other
            body = {**body, "name": "" if name else "zq"}
        stored = kept_once(DELETE, "en", body) if body["name"] else None
        judge.item(f"{field}/{name[:20]!r}", throw, stored=stored)
    many = {f"f{place}": SimpleUploadedFile("x", b"zq") for place in range(11)}
    ask(judge, client, "eleven", DELETE, blank(DELETE, **many), must="refuse")
