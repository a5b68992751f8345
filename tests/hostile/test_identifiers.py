"""Addresses and numbers as people never write them: refused, or kept as typed (S1)."""

import itertools
import random
from functools import partial

from ccpa_office import clock
from ccpa_office.law.kinds import RequestKind
from requests_app import suppression
from requests_app.forms import FORMS, new_nonce
from requests_app.models import LinkAsked
from requests_app.numbers import ALPHABET, new_number
from tests.hostile.stage import stranger
from tests.hostile.typed import LANGUAGES, ask, blank, way

OPT_OUT = RequestKind.OPT_OUT
MEGABYTE = "x" * (1024 * 1024)
LOCAL = (
    "a",
    "A.B",
    "ana.mora",
    "ana+course",
    "ana_mora",
    "ana-mora",
    "o'neil",
    "1",
    "0x0",
    "a" * 64,
    "!#$%&*+/=?^_`{|}~-",
    "x.y.z.w",
    "MiXeD.CaSe",
    "-ana",
    "ana-",
    "_",
    "ana..mora"[:4] + "mora",
    "postmaster",
    "no-reply",
    "admin",
)
DOMAIN = (
    "example.org",
    "EXAMPLE.ORG",
    "mail.example.co.uk",
    "xn--bcher-kva.example",
    "1.example",
    "a-b.example.org",
    "x.y.z.example.net",
)
NOT_LOCAL = (
    "",
    ".",
    ".ana",
    "ana.",
    "ana..mora",
    "ana mora",
    " ana@x",
    "ana@mora",
    "ana,mora",
    "ana;mora",
    "ana:mora",
    "ana<mora",
    "ana>mora",
    "(ana)",
    "ana\\mora",
    "[ana]",
    '"ana"',
    '"ana mora"',
    '"ana@mora"',
    '"a\\"b"',
    "アナ",
    "àna",
    "аna",
    "ana\u00a0",
    "an\u0131",
    "\u017fam",
    "\u212aim",
    "ａna",
    "ana\u200b",
    "\u202eana",
    "a" * 65,
    "ana\u0301",
    "ana\r\nBcc: zq",
    "an\ta",
    "ana\n",
    "ana%",
    "ana@",
    "@ana",
    "mailto:ana",
    "Ana Mora <ana",
)
NOT_DOMAIN = (
    "",
    ".",
    "org",
    "localhost",
    ".example.org",
    "example.org.",
    "example..org",
    "-a.example",
    "a-.example",
    "a_b.example",
    "exa mple.org",
    "example,org",
    "example.org,b@example.org",
    "example.org; b@example.org",
    "example.org b@example.org",
    "[127.0.0.1]",
    "[::1]",
    "[IPv6:::1]",
    "127.0.0.1",
    "0x7f.1",
    "例え.example",
    "bücher.example",
    "ехаmple.org",
    "example。org",
    "example.org\u200b",
    "example.o",
    "example.123",
    "example.org:25",
    "example.org/x",
    "example.org?x",
    "example.org#x",
    "example.org>",
    "example.org\\",
    "example.org\n.example",
    "a" * 64 + ".example.org",
    "a." * 130 + "example.org",
    "*.example.org",
    "example.org@example.net",
    "exam%70le.org",
    "example.org%00",
)


def test_addresses_that_are_right(judge):
    client = stranger()
    odd = {local for local in LOCAL if local != "anamora"}
    pairs = list(itertools.product(sorted(odd), DOMAIN))
    for local, domain in pairs[::2]:  # every local part with every other domain
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
        "",
        "-",
        "0",
        number[:-1],
        number + "0",
        number * 2,
        number[::-1] + "0",
        f"{number}\n{number}x",
        number.replace(number[0], "é"),
        "U" * 11,
        "\u0660" * 11,
        "⁰" * 11,
        f"{number};",
        f"#{number}",
        "".join(chr(ord(each) + 0xFEE0) for each in number),
        "\u017f" + number[1:],
        "-" * 20 + number,
        f"{number}\u200b",
        f"\u202e{number}",
        "%" * 11,
        "' OR 1=1 --",
        "../../..",
        "null",
        "NaN",
        "1e10",
        "0x" + number[:8],
        "9" * 5000,
        number.replace("-", "–") + "–",
        "İ" * 11,
        "ß" * 6,
    ]
    wrong += [_mistyped(number, place, dice) for place in range(10)]
    for language, typed in zip(itertools.cycle(LANGUAGES), good, strict=False):
        body = {"number": typed, "email": "hostile@example.org"}
        send_it = partial(client.post, way(language, "requests/status/"), body)
        judge.item(typed, send_it, stored=_asked(LinkAsked.objects.count()), must="accept")
    for language, typed in zip(itertools.cycle(LANGUAGES), wrong, strict=False):
        body = {"number": typed, "email": "hostile@example.org"}
        judge.item(
            repr(typed)[:40],
            partial(client.post, way(language, "requests/status/"), body),
            must="refuse",
        )


def _mistyped(number, place, dice):
    """One sign of a number changed."""
    sign = dice.choice([each for each in ALPHABET if each != number[place]])
    return number[:place] + sign + number[place + 1 :]


NOBODY = ("none", "n/a", "unknown", "-", "+", "()", "no phone", "ext.", "٪", "፩", "*", "#", "なし")


def test_what_names_nobody_is_nobodys(judge, stage):
    """A field that says “none” must never tie one person to all others who said it."""
    desk = stage.desk(stage.everybody)
    suppression.remember(
        [("deleted", {"phone_number": list(NOBODY), "email": [*NOBODY, "@"]})], at=clock.now()
    )
    told = {"kind": "delete", "channel": "phone", "language": "en", "name": "Hester Quill"}
    for word in NOBODY:
        assert not suppression.is_suppressed("phone_number", word)
        assert not suppression.is_suppressed("email", word)
        body = {**told, "nonce": new_nonce("desk"), "phone_number": word}
        take = partial(desk.post, "/admin/intake/do/take-in/", body)
        judge.item(f"intake {word}", take, must="refuse")
    public = {**told, "nonce": new_nonce("delete"), "phone_number": "415 555 0142"}
    take = partial(desk.post, "/admin/intake/do/take-in/", public)
    judge.item("a nonce of the public form", take, must="refuse")
