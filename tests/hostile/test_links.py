"""Mailed links that are none, and pages that answer as data (S10, and JSON of 5.1)."""

import base64
import itertools
import json
import random
import string
from functools import partial
from typing import Any
from urllib.parse import quote

from tests.hostile.oracle import text_of
from tests.hostile.stage import stranger
from tests.hostile.typed import LANGUAGES, way

GONE = {200}


def lookalikes(token, dice):
    """A token as somebody would guess, mistype, cut or dress it up."""
    twins = str.maketrans("aeopcxyAEOPCX", "аеорсхуАЕОРСХ")
    yield from ((f"cut-{length}", token[:length]) for length in (1, 10, 21, 32, 42))
    yield from (
        (f"without-{place}", token[:place] + token[place + 1 :]) for place in range(0, 43, 4)
    )
    yield from (
        ("padded", token + "="),
        ("padded-twice", token + "=="),
        ("dot", token + "."),
        ("blank", token + " "),
        ("blank-before", " " + token),
        ("no-break", token + "\u00a0"),
        ("zero-width", token + "\u200b"),
        ("doubled", token * 2),
        ("thrice", token * 3),
        ("turned", token[::-1]),
        ("capitals", token.upper()),
        ("small", token.lower()),
        ("swapped", token.swapcase()),
        ("twins", token.translate(twins)),
        ("wide", "".join(chr(ord(each) + 0xFEE0) for each in token)),
        ("quoted", f'"{token}"'),
        ("semicolon", token + ";x=1"),
        ("query", token + "?x=1"),
        ("hash", token + "#x"),
        ("comma", f"{token},{token}"),
        ("slash-dot", "./" + token),
        ("percent", "%" + token),
        ("hex", token.encode().hex()),
        ("statement", token + "' OR '1'='1"),
        ("like", "%"),
        ("star", "*"),
        ("null", "null"),
        ("zero", "0"),
        ("true", "true"),
        ("combining", token + "\u0301"),
        ("override", "\u202e" + token),
        ("hundred", token + "A" * 57),
        ("hundred-and-one", token + "A" * 58),
        ("long", "A" * 5000),
        ("megabyte", "A" * 1_000_000),
        ("long-after", token + "A" * 5000),
        ("emoji", "\U0001f600" * 43),
        ("combining-alone", "\u0301"),
    )
    for number in range(10):
        place = dice.randrange(len(token))
        sign = dice.choice([each for each in string.ascii_letters if each != token[place]])
        yield f"one-letter-{number}", token[:place] + sign + token[place + 1 :]
    for number in range(10):
        yield f"invented-{number}", "".join(dice.choices(string.ascii_letters + "-_", k=43))


def opened(client, token, language):
    """Follow a link as a browser does: to the page, then its button."""
    client.get(f"/requests/l/{quote(token, safe='')}/")
    return client.get(way(language, "requests/l/"))


def pressed(client, token, language):
    client.get(f"/requests/l/{quote(token, safe='')}/")
    return client.post(way(language, "requests/l/"), {"postal_code": "1", "phone": "2"})


def same(answer):
    headers = {name: value for name, value in answer.headers.items() if name != "Set-Cookie"}
    return answer.status_code, sorted(headers.items()), text_of(answer)


def test_every_link_that_opens_nothing_has_one_page(judge, stage):
    dice = random.Random(23)  # noqa: S311
    bad = [("used", stage.tokens["used"]), ("expired", stage.tokens["expired"])]
    for purpose in ("follow", "confirm", "stop"):
        made = lookalikes(stage.tokens[purpose], dice)
        bad += [(f"{purpose}/{name}", token) for name, token in made]
    pages: dict[str, Any] = {}
    languages = itertools.cycle(LANGUAGES)
    for name, token in bad:
        language, client = next(languages), stranger()
        way_in = opened if dice.random() < 0.7 else pressed
        answer = judge.item(name, partial(way_in, client, token, language), only=GONE)
        page = same(answer)
        if pages.setdefault(language, page) != page:
            judge.failures.append(f"{name}: another page than for the first")
        if stage.numbers["waiting"][:8] in page[2].replace("-", ""):
            judge.failures.append(f"{name}: names a request")


def test_a_token_at_the_door_of_another_purpose(judge, stage):
    """A token does what it was mailed for, wherever it is typed."""
    number = stage.numbers["waiting"]
    for (purpose, token), language in itertools.product(stage.tokens.items(), LANGUAGES):
        client = stranger()
        for address in (
            f"requests/{token}/",
            f"requests/{number}/?token={token}",
            f"requests/{number}/message/",
            f"opt-out/?token={token}",
            "requests/received/",
            f"accounts/login/?next={token}",
        ):
            method = client.post if "message" in address else client.get
            judge.item(f"{purpose} {address[:20]}", partial(method, way(language, address)))
        typed = {"number": token[:20], "email": "hostile@example.org"}
        judge.item(
            f"{purpose} typed",
            partial(client.post, way(language, "requests/status/"), typed),
            must="refuse",
        )


def test_looking_at_a_link_spends_nothing(judge, stage):
    for purpose, language in itertools.product(("follow", "confirm", "stop"), LANGUAGES):
        client = stranger()
        token = stage.tokens[purpose]
        for method in ("get", "head", "options"):
            throw = partial(getattr(client, method), way(language, f"requests/l/{token}/"))
            judge.item(f"{purpose} {method}", throw, only={200, 302, 405})
            throw = partial(getattr(client, method), way(language, "requests/l/"))
            judge.item(f"{purpose} page {method}", throw, only={200, 405})


CLIENT_DATA = (
    base64.urlsafe_b64encode(b'{"type":"webauthn.get","challenge":"YQ","origin":"x"}')
    .rstrip(b"=")
    .decode()
)
SPELLED = {
    "nul": '"\\u0000"',
    "half": '"\\ud800"',
    "half-key": '{"\\udfff": 1}',
    "nan": "NaN",
    "infinity": "[Infinity]",
    "minus-infinity": "-Infinity",
    "exponent": "1e400",
    "digits": "9" * 5000,
    "digits-in": f'{{"id": {"9" * 5000}}}',
    "deep": "[" * 100_000,
    "deep-closed": "[" * 5000 + "]" * 5000,
    "deep-objects": '{"a":' * 5000 + "1" + "}" * 5000,
    "empty": "",
    "blank": " ",
    "text": "zq",
    "list": "[]",
    "object": "{}",
    "null": "null",
    "true": "true",
    "number": "1",
    "string": '"zq"',
    "doubled": '{"id": 1, "id": 2}',
    "comma": "[1,]",
    "single": "{'id': 1}",
    "comment": '{"id": 1} // zq',
    "tail": '{"id": 1} zq',
    "bom": "\ufeff{}",
    "unquoted": "{id: 1}",
    "control": '"\x01"',
    "tab": '"\t"',
    "hex": "0x10",
    "plus": "+1",
    "octal": "010",
    "float": ".5",
    "long": '"' + "a" * 500_000 + '"',
    "types": '{"id": [], "rawId": {}, "response": 1, "type": null}',
    "no-response": '{"id": "YQ", "rawId": "YQ", "type": "public-key"}',
    "empty-response": '{"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {}}',
    "not-base64": json.dumps(
        {
            "id": "é",
            "rawId": "é",
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": "é",
                "authenticatorData": "!",
                "signature": "?",
                "userHandle": "*",
                "attestationObject": "$",
            },
        }
    ),
    "not-cbor": json.dumps(
        {
            "id": "YQ",
            "rawId": "YQ",
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": "e30",
                "authenticatorData": "YQ",
                "signature": "YQ",
                "userHandle": "YQ",
                "attestationObject": "_w",
            },
        }
    ),
    "client-data-list": json.dumps(
        {
            "id": "YQ",
            "rawId": "YQ",
            "type": "public-key",
            "response": {
                "clientDataJSON": "W10",
                "authenticatorData": "A" * 60,
                "signature": "YQ",
                "userHandle": "MQ",
                "attestationObject": "oA",
            },
        }
    ),
    "handle-huge": json.dumps(
        {
            "id": "YQ",
            "rawId": "YQ",
            "type": "public-key",
            "response": {
                "clientDataJSON": CLIENT_DATA,
                "authenticatorData": "A" * 60,
                "signature": "YQ",
                "userHandle": "OTk5" * 2000,
            },
        }
    ),
    "handle-nul": json.dumps(
        {
            "id": "YQ",
            "rawId": "YQ",
            "type": "public-key",
            "response": {
                "clientDataJSON": CLIENT_DATA,
                "authenticatorData": "A" * 60,
                "signature": "YQ",
                "userHandle": "AAAA",
            },
        }
    ),
    "clean": json.dumps(
        {
            "id": "YQ",
            "rawId": "YQ",
            "type": "public-key",
            "clientExtensionResults": {"a": [1]},
            "authenticatorAttachment": "zq",
            "response": {
                "clientDataJSON": CLIENT_DATA,
                "authenticatorData": "A" * 60,
                "signature": "YQ",
                "userHandle": "MQ",
            },
        }
    ),
}
KEYS = "/accounts/2fa/webauthn/"


def test_keys_that_are_no_json(judge, stage):
    desk = stage.desk(stage.everybody)
    for place, (name, spelled) in enumerate(SPELLED.items()):
        client = stranger()
        client.defaults["REMOTE_ADDR"] = f"10.9.{place}.1"
        client.get(f"{KEYS}login/", headers={"x-requested-with": "XMLHttpRequest"})
        body = {"credential": spelled}
        judge.item(f"login {name}", partial(client.post, f"{KEYS}login/", body))
        judge.item(f"again {name}", partial(desk.post, f"{KEYS}reauthenticate/", body))
        desk.get(f"{KEYS}add/")
        judge.item(f"add {name}", partial(desk.post, f"{KEYS}add/", {**body, "name": "zq"}))


JSONS = ("/notices/main.json", "/notices/main/versions/1.json", "/opt-out/status.json")
ACCEPTS = (
    "",
    "*/*",
    "application/json;q=0",
    "text/html",
    "application/*",
    "zq",
    "a" * 5000,
    "json",
    "application/json, " * 300,
    "application/json\t",
)


def test_pages_of_data(judge, stage):
    client = stranger()
    for (name, spelled), address in itertools.product(SPELLED.items(), JSONS):
        for method in ("GET", "POST")[len(name) % 2 :]:
            throw = partial(client.generic, method, address, spelled.encode(), "application/json")
            judge.item(f"{method} {address} {name}", throw, only={200, 400, 405})
    for accept, address in itertools.product(ACCEPTS, (*JSONS, "/opt-out/status")):
        throw = partial(client.get, address, headers={"accept": accept})
        judge.item(f"{address} {accept[:20]}", throw, only={200, 302})
