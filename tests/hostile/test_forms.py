"""Public forms against lengths, types, extra fields, nonces, order, forgery, addresses (S1)."""

import itertools
import random
import string
from functools import partial
from urllib.parse import urlencode

from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ccpa_office.law.kinds import RequestKind
from requests_app.forms import FORMS, NONCE_LIFE, NONCE_SALT, new_nonce
from requests_app.models import ConsumerRequest, LinkAsked
from requests_app.numbers import ALPHABET, new_number
from tests.hostile.stage import opened, stranger
from tests.hostile.typed import LANGUAGES, blank, form_of, kept_once, send, way

URLENCODED = "application/x-www-form-urlencoded"
DELETE, CORRECT, OPT_OUT = RequestKind.DELETE, RequestKind.CORRECT, RequestKind.OPT_OUT
KNOW = RequestKind.KNOW_SPECIFIC
MEGABYTE = "x" * (1024 * 1024)


def ask(judge, client, name, kind, body, *, must="", language="en", more=1, typed=None):
    """Send one body and see that it was kept as typed, so many times, or not at all."""
    judge.item(
        name,
        partial(send, client, kind, body, language),
        stored=kept_once(kind, language, typed or body, more),
        must=must,
    )


def test_lengths(judge):
    client = stranger()
    limits = {"name": (DELETE, 200), "words": (CORRECT, 2000)}
    for (field, (kind, most)), sign in itertools.product(limits.items(), ("x", "花", "\U00020bb7")):
        for length, must in ((1, "accept"), (most, "accept"), (most + 1, "refuse")):
            body = blank(kind, **{field: sign * length})
            ask(judge, client, f"{field}/{ord(sign):x}/{length}", kind, body, must=must)
        for length in (0, most * 10, 100_000):
            body = blank(kind, **{field: sign * length})
            ask(judge, client, f"{field}/{ord(sign):x}/{length}", kind, body, must="refuse")
    for field in ("name", "email", "words", "nonce", "step", "since", "surplus"):
        body = blank(KNOW, **{field: MEGABYTE})
        ask(judge, client, f"{field}/megabyte", KNOW, body, must="refuse")
    grows = {"name": "\U0001d15e" * 150}
    ask(judge, client, "grows-when-composed", DELETE, blank(DELETE, **grows), must="refuse")
    shrinks = {"name": "a\u0301" * 100}
    ask(judge, client, "shrinks-when-composed", DELETE, blank(DELETE, **shrinks), must="accept")


MISSING = ("name", "email", "nonce")
ODD = ("", "[]", "{}", "null", "true", "0", "-1", "1e400", "NaN", "[object Object]", "None")


def test_types_and_doubles(judge):
    client = stranger()
    for field in MISSING:
        body = blank(DELETE)
        del body[field]
        ask(judge, client, f"without-{field}", DELETE, body, must="refuse")
    for field, odd in itertools.product(("email", "nonce", "since"), ODD):
        kind = KNOW if field == "since" else DELETE
        ask(judge, client, f"{field}={odd}", kind, blank(kind, **{field: odd}), must="refuse")
    for odd in ODD:
        body = blank(OPT_OUT, step=odd)
        ask(judge, client, f"step={odd}", OPT_OUT, body, must="")
    for field in ("name", "email", "nonce"):
        for shape in (
            f"{field}[]",
            f"{field}[0]",
            f"{field}.value",
            f"{field}\u200b",
            field.upper(),
        ):
            body = blank(DELETE)
            body[shape] = body.pop(field)
            ask(judge, client, f"as-{shape}", DELETE, body, must="refuse")


def test_the_last_of_doubled_fields_counts(judge):
    client = stranger()
    for field, other in (("name", "Other"), ("email", "other@example.org"), ("step", "check")):
        for language in LANGUAGES:
            body = blank(DELETE)
            pairs = [(field, other), *body.items()]
            judge.item(
                f"{field}/{language}",
                partial(
                    client.post,
                    form_of(DELETE, language),
                    urlencode(pairs),
                    content_type=URLENCODED,
                ),
                stored=kept_once(DELETE, language, body),
                must="accept",
            )
    for number in (100, 990):
        body = blank(DELETE)
        pairs = [("name", "Other")] * number + list(body.items())
        judge.item(
            f"doubled-{number}",
            partial(client.post, form_of(DELETE), urlencode(pairs), content_type=URLENCODED),
            stored=kept_once(DELETE, "en", body),
            must="accept",
        )


EXTRA = (
    "id", "pk", "number", "kind", "status", "outcome", "channel", "language", "received_at",
    "received_on", "due_on", "response_due_on", "extended_due_on", "level_required",
    "level_reached", "evaluations", "looked_up_at", "on_file", "opened_by_id", "assigned_to_id",
    "verified_by_id", "verified_at", "denial_drafted_by_id", "ground", "answered_at", "closed_at",
    "stopped_at", "previous_status", "hold", "data_key", "data_key_id", "by", "at", "actor",
    "is_staff", "user", "csrfmiddlewaretoken", "phone_number", "identifiers", "choices",
    "_state", "__class__", "form", "self", "cleaned_data", "next", "_method",
)  # fmt: skip
WORTH = {"status": "completed", "channel": "post", "kind": "opt-out", "language": "es"}


def test_fields_that_the_form_does_not_have(judge):
    client = stranger()
    for extra, kind in zip(EXTRA, itertools.cycle(FORMS), strict=False):
        body = blank(kind)
        more = {**body, extra: WORTH.get(extra, "1")}
        ask(judge, client, f"{kind.value}+{extra}", kind, more, must="accept", typed=body)
    body = blank(DELETE)
    everything = {**dict.fromkeys(EXTRA, "1"), **body}
    ask(judge, client, "all-of-them", DELETE, everything, must="accept", typed=body)
    known = dict(body, nonce=new_nonce(DELETE))
    many = {**{f"f{place}": "1" for place in range(900)}, **known}
    ask(judge, client, "nine-hundred", DELETE, many, must="accept", typed=known)
    many |= {f"g{place}": "1" for place in range(1000)}
    ask(judge, client, "too-many", DELETE, many, must="refuse")


def _changed(nonce, dice):
    place = dice.randrange(len(nonce))
    other = dice.choice([each for each in string.ascii_letters if each != nonce[place]])
    return nonce[:place] + other + nonce[place + 1 :]


def test_nonces_that_are_not_ours(judge):
    client, dice = stranger(), random.Random(11)  # noqa: S311
    good = new_nonce(DELETE)
    parts = good.split(":")
    forged = {
        "cut": good[:-1],
        "longer": good + "A",
        "blank-inside": good.replace(":", " :"),
        "no-signature": ":".join(parts[:-1]),
        "no-time": ":".join((parts[0], parts[-1])),
        "two": f"{good}{good}",
        "swapped": ":".join(reversed(parts)),
        "other-key": signing.dumps([DELETE, "x"], salt=NONCE_SALT, key="another"),
        "other-salt": signing.dumps([DELETE, "x"], salt="something else"),
        "unsigned": "delete:x",
        "text": signing.dumps("delete", salt=NONCE_SALT),
        "number": signing.dumps(7, salt=NONCE_SALT),
        "mapping": signing.dumps({"kind": DELETE, "b": "c"}, salt=NONCE_SALT),
        "three": signing.dumps([DELETE, "x", "y"], salt=NONCE_SALT),
        "empty-list": signing.dumps([], salt=NONCE_SALT),
        "null": signing.dumps(None, salt=NONCE_SALT),
        "desk": new_nonce("desk"),
        "full-width": good.replace(":", "："),
        "percent": good.replace(":", "%3A"),
        "very-long": signing.dumps([DELETE, "x" * 300], salt=NONCE_SALT),
    }
    forged |= {f"letter-{number}": _changed(good, dice) for number in range(40)}
    for name, nonce in forged.items():
        body = blank(DELETE, nonce=nonce)
        ask(judge, client, name, DELETE, body, must="refuse", language=dice.choice(LANGUAGES))
    for kind, other in itertools.permutations(FORMS, 2):
        body = blank(kind, nonce=new_nonce(other))
        ask(judge, client, f"{other.value} for {kind.value}", kind, body, must="refuse")
    ask(judge, client, "the-good-one", DELETE, blank(DELETE, nonce=good), must="accept")


def test_an_old_nonce(judge, monkeypatch):
    client = stranger()
    for age in (
        NONCE_LIFE + 2,
        10 * NONCE_LIFE,
        -1,
        0,
        60,
        3600,
        *(2**power for power in range(10)),
    ):
        body = blank(DELETE)
        with monkeypatch.context() as patched:
            late = partial(_at, signing.time.time(), age)
            patched.setattr(signing.time, "time", late)
            must = "refuse" if age > NONCE_LIFE else "accept"
            ask(judge, client, f"{age} s", DELETE, body, must=must)


def _at(moment, age):
    return moment + age


def test_a_form_pressed_again(judge):
    client = stranger()
    for kind in FORMS:
        body = blank(kind)
        ask(judge, client, f"{kind.value}/first", kind, body, must="accept")
        for press in range(3):
            presser = client if press < 2 else stranger()
            ask(judge, presser, f"{kind.value}/again-{press}", kind, body, more=0)
        other = {**body, "email": "somebody.else@example.org"}
        ask(judge, client, f"{kind.value}/again-with-another-address", kind, other, more=0)
    assert ConsumerRequest.objects.filter(nonce="").count() == 0


def test_steps_out_of_order(judge):
    client = stranger()
    for kind in FORMS:
        for step in ("check", "change", "", "SEND", "send ", "sent", "2", "[]"):
            body = blank(kind, step=step)
            judge.item(f"{kind.value}/{step}", partial(send, client, kind, body), only={200})
        empty = partial(client.post, form_of(kind), {})
        judge.item(f"{kind.value}/nothing", empty, only={200})
        alone = partial(client.post, form_of(kind), {"step": "send"})
        judge.item(f"{kind.value}/alone", alone, must="refuse")
        asked = partial(client.get, form_of(kind), blank(kind))
        judge.item(f"{kind.value}/asked-by-get", asked, only={200})
    for address in ("requests/received/", "requests/l/"):
        for language in LANGUAGES:
            judge.item(address + language, partial(stranger().get, way(language, address)))


FORGED = {
    "none": None,
    "empty": "",
    "short": "x" * 31,
    "long": "x" * 65,
    "right-length": "x" * 64,
    "secret-length": "y" * 32,
    "signs": "é" * 32,
    "megabyte": "x" * 900_000,
}


def test_forged_forms(judge, stage):
    posts = {form_of(kind, language): blank(kind) for kind in FORMS for language in LANGUAGES}
    posts["/requests/status/"] = {"number": new_number(), "email": "a@example.org"}
    posts["/requests/l/"] = {}
    posts["/i18n/setlang/"] = {"language": "ja"}
    posts["/accounts/login/"] = {"username": "chief", "password": "a long pass phrase"}
    for word in ("withdraw", "not-me", "message"):
        posts[f"/requests/{stage.numbers['waiting']}/{word}/"] = {"text": "Hello"}
    for (name, token), (address, body) in itertools.product(FORGED.items(), posts.items()):
        client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        client.get("/requests/status/")
        sent = body if token is None else {**body, "csrfmiddlewaretoken": token}
        judge.item(f"{name} {address}", partial(client.post, address, sent), only={403, 413})
    for origin in ("https://example.org", "null", "http://testserver.example.org", "//", "\\"):
        client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        client.get("/requests/status/")
        token = client.cookies["office-form"].value
        body = {**blank(DELETE), "csrfmiddlewaretoken": token}
        forged = partial(client.post, form_of(DELETE), body, headers={"origin": origin})
        judge.item(f"origin {origin}", forged, only={403})


# --- addresses and numbers ----------------------------------------------------------------------

LOCAL = (
    "a", "A.B", "ana.mora", "ana+course", "ana_mora", "ana-mora", "o'neil", "1", "0x0", "a" * 64,
    "!#$%&*+/=?^_`{|}~-", "x.y.z.w", "MiXeD.CaSe", "-ana", "ana-", "_", "ana..mora"[:4] + "mora",
    "postmaster", "no-reply", "admin",
)  # fmt: skip
DOMAIN = (
    "example.org", "EXAMPLE.ORG", "mail.example.co.uk", "xn--bcher-kva.example", "1.example",
    "a-b.example.org", "x.y.z.example.net",
)  # fmt: skip
NOT_LOCAL = (
    "", ".", ".ana", "ana.", "ana..mora", "ana mora", " ana@x", "ana@mora", "ana,mora", "ana;mora",
    "ana:mora", "ana<mora", "ana>mora", "(ana)", "ana\\mora", "[ana]", '"ana"', '"ana mora"',
    '"ana@mora"', '"a\\"b"', "アナ", "àna", "аna", "ana\u00a0", "an\u0131", "\u017fam",
    "\u212aim", "ａna", "ana\u200b", "\u202eana", "a" * 65, "ana\u0301", "ana\r\nBcc: zq", "an\ta",
    "ana\n", "ana%", "ana@", "@ana", "mailto:ana", "Ana Mora <ana",
)  # fmt: skip
NOT_DOMAIN = (
    "", ".", "org", "localhost", ".example.org", "example.org.", "example..org", "-a.example",
    "a-.example", "a_b.example", "exa mple.org", "example,org", "example.org,b@example.org",
    "example.org; b@example.org", "example.org b@example.org", "[127.0.0.1]", "[::1]",
    "[IPv6:::1]", "127.0.0.1", "0x7f.1", "例え.example", "bücher.example", "ехаmple.org",
    "example。org", "example.org\u200b", "example.o", "example.123", "example.org:25",
    "example.org/x", "example.org?x", "example.org#x", "example.org>", "example.org\\",
    "example.org\n.example", "a" * 64 + ".example.org", "a." * 130 + "example.org", "*.example.org",
    "example.org@example.net", "exam%70le.org", "example.org%00",
)  # fmt: skip


def test_addresses_that_are_right(judge):
    client = stranger()
    odd = {local for local in LOCAL if local != "anamora"}
    for local, domain in itertools.product(sorted(odd), DOMAIN):
        body = blank(OPT_OUT, email=f"{local}@{domain}")
        ask(judge, client, body["email"], OPT_OUT, body, must="accept")
    around = blank(OPT_OUT, email="  ana@example.org\t")
    ask(judge, client, "blanks around", OPT_OUT, around, must="accept")


def test_addresses_that_are_wrong(judge):
    client = stranger()
    wrong = [f"{local}@example.org" for local in NOT_LOCAL if local != "ana%"]
    wrong += [f"ana@{domain}" for domain in NOT_DOMAIN]
    wrong += [f"{local}@{domain}" for local, domain in zip(NOT_LOCAL, NOT_DOMAIN, strict=False)]
    wrong += ["ana", "@", "@@", "ana@@example.org", "ana@example.org@", "example.org", "ana@"]
    wrong += [f"ana@example.org{sign}ana@example.net" for sign in ",; |\n&"]
    wrong += [f"ana{sign}@example.org" for sign in '"(),:;<>[\\] ']
    wrong += [f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 63}.org", "a" * 320, MEGABYTE[:5000]]
    for address, kind in zip(wrong, itertools.cycle(FORMS), strict=False):
        body = blank(kind, email=address)
        ask(judge, client, repr(address)[:50], kind, body, must="refuse")


def _asked(before):
    def stored(answer):
        return "" if LinkAsked.objects.count() == before + 1 else "not asked once"

    return stored


def test_numbers_of_requests(judge, stage):
    client, dice = stranger(), random.Random(5)  # noqa: S311
    number = stage.numbers["know"]
    shown = f"{number[:4]}-{number[4:8]}-{number[8:]}"
    good = [number, number.lower(), shown, f" {shown} ", shown.replace("-", " "), new_number()]
    wrong = [
        "", "-", "0", number[:-1], number + "0", number * 2, number[::-1], f"{number}\n{number}x",
        number.replace(number[0], "é"), "U" * 11, "\u0660" * 11, "⁰" * 11, f"{number};", f"#{number}",
        "".join(chr(ord(each) + 0xFEE0) for each in number), "\u017f" + number[1:], "-" * 20 + number,
        f"{number}\u200b", f"\u202e{number}", "%" * 11, "' OR 1=1 --", "../../..", "null", "NaN",
        "1e10", "0x" + number[:9], "9" * 5000, number.replace("-", "–") + "–", "İ" * 11, "ß" * 6,
    ]  # fmt: skip
    wrong += [_mistyped(number, place, dice) for place in range(10)]
    for language, typed in zip(itertools.cycle(LANGUAGES), good, strict=False):
        body = {"number": typed, "email": "hostile@example.org"}
        send_it = partial(client.post, way(language, "requests/status/"), body)
        judge.item(typed, send_it, stored=_asked(LinkAsked.objects.count()), must="accept")
    for language, typed in zip(itertools.cycle(LANGUAGES), wrong, strict=False):
        body = {"number": typed, "email": "hostile@example.org"}
        judge.item(
            repr(typed)[:40], partial(client.post, way(language, "requests/status/"), body),
            must="refuse",
        )  # fmt: skip


def _mistyped(number, place, dice):
    """One sign of a number changed; the check character tells all but 0 from Z."""
    sign = dice.choice([each for each in ALPHABET if each not in {number[place], "0", "Z"}])
    return number[:place] + sign + number[place + 1 :]


def test_answers_and_declarations(judge, stage):
    client = stranger()
    odd = {
        "nothing": {},
        "one-point": {"postal_code": "94110"},
        "blank-points": {"postal_code": " ", "phone": "\u3000"},
        "unknown-points": {"iban": "1", "password_hash": "2", "email": "a@example.org"},
        "same-group": {"phone": "1", "phone_number": "2"},
        "declared-alone": {"declared": "on", "signed_name": "Hana"},
        "array": {"postal_code[]": "94110", "phone[0]": "1"},
        "level": {"level_reached": "high", "matched": "true", "evaluations": "-1"},
        "long": {"postal_code": "9" * 201, "phone": "1"},
        "megabyte": {"postal_code": "9" * 1_000_000, "phone": "1"},
        "control": {"postal_code": "9\x00", "phone": "1"},
        "hidden": {"postal_code": "9\u200b", "phone": "\u202e1"},
    }
    for (name, body), language in itertools.product(odd.items(), LANGUAGES):
        client.get(f"/requests/l/{stage.tokens['confirm']}/")
        spend = partial(client.post, way(language, "requests/l/"), body)
        must = "refuse" if body else ""  # an empty body is a page that is only looked at
        judge.item(f"{name}/{language}", spend, must=must)
    words = (
        "9'; DROP TABLE x; --",
        "９４１１０",
        "花" * 200,
        "\U0001f600",
        "%s%n",
        "İ",
        "ſ",
        "=1+1",
    )
    for token, word in zip(stage.spare, words, strict=False):
        client.get(f"/requests/l/{token}/")
        body = {"postal_code": word, "phone": word, "number": "1", "status": "completed"}
        accept = partial(client.post, "/requests/l/", body)
        judge.item(f"taken/{word[:20]}", accept, stored=lambda _answer: "", must="accept")
        client.get(f"/requests/l/{token}/")
        again = partial(client.post, "/requests/l/", body)
        judge.item(f"again/{word[:20]}", again, only={200})


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
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--x--",
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
}  # fmt: skip


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
    "a.txt", "", "..", "../../a", "a\x00b", "a" * 300, "\u202etxt.exe", "con", "a/b", "a\\b", "花",
    "-rf", "a\r\nb", ".htaccess", "a;b", "a%00b", '";name="email"',
)  # fmt: skip


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
            client.generic, "POST", form_of(DELETE), _with_file(sent, field, name),
            "multipart/form-data; boundary=zq",
        )  # fmt: skip
        if field == "name":  # a part with an empty file name is a field like any other
            body = {**body, "name": "" if name else "zq"}
        stored = kept_once(DELETE, "en", body) if body["name"] else None
        judge.item(f"{field}/{name[:20]!r}", throw, stored=stored)
    many = {f"f{place}": SimpleUploadedFile("x", b"zq") for place in range(11)}
    ask(judge, client, "eleven", DELETE, blank(DELETE, **many), must="refuse")
