"""Public forms against lengths, types, extra fields, nonces, order, forgery, addresses (S1)."""

import itertools
import random
import string
import time
from functools import partial
from urllib.parse import urlencode

from django.core import signing
from django.test import Client

from ccpa_office import clock
from ccpa_office.law.kinds import RequestKind
from requests_app.forms import FORMS, NONCE_LIFE, NONCE_SALT, new_nonce
from requests_app.models import ConsumerRequest
from requests_app.numbers import new_number
from tests.hostile.stage import stranger
from tests.hostile.typed import LANGUAGES, ask, blank, form_of, kept_once, send, way

URLENCODED = "application/x-www-form-urlencoded"
DELETE, CORRECT, OPT_OUT = RequestKind.DELETE, RequestKind.CORRECT, RequestKind.OPT_OUT
KNOW = RequestKind.KNOW_SPECIFIC
MEGABYTE = "x" * (1024 * 1024)


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
    "id",
    "pk",
    "number",
    "kind",
    "status",
    "outcome",
    "channel",
    "language",
    "received_at",
    "received_on",
    "due_on",
    "response_due_on",
    "extended_due_on",
    "level_required",
    "level_reached",
    "evaluations",
    "looked_up_at",
    "on_file",
    "opened_by_id",
    "assigned_to_id",
    "verified_by_id",
    "verified_at",
    "denial_drafted_by_id",
    "ground",
    "answered_at",
    "closed_at",
    "stopped_at",
    "previous_status",
    "hold",
    "data_key",
    "data_key_id",
    "by",
    "at",
    "actor",
    "is_staff",
    "user",
    "csrfmiddlewaretoken",
    "phone_number",
    "identifiers",
    "choices",
    "_state",
    "__class__",
    "form",
    "self",
    "cleaned_data",
    "next",
    "_method",
)
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
    client, now = stranger(), clock.now().timestamp()
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
            patched.setattr(time, "time", partial(_at, now, age))
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
