"""Desks against junk in lists, keys, buttons, forms and sessions (S8)."""

import itertools
import random
from functools import partial
from typing import Any

import pytest
from django.urls import reverse

from ccpa_office.admin import site
from ccpa_office.roles import may
from requests_app.forms import new_nonce
from tests.hostile import strings
from tests.hostile.stage import stranger
from tests.hostile.test_addresses import VALUES, WHOLE

SESSIONS = ("signed-out", "no-role", "chief", "every-role")
LISTS = (
    "requests",
    "intake",
    "plans",
    "batches",
    "letters",
    "notices",
    "maps",
    "ledger",
    "staff",
    "clock",
    "",
)
ASKED = (
    "q",
    "after",
    "view",
    "day",
    "all",
    "subject",
    "line",
    "text",
    "language",
    "next",
    "o",
    "p",
)
FOREIGN = (
    "e",
    "_popup",
    "_to_field",
    "_changelist_filters",
    "id__exact",
    "status__exact",
    "id__in",
    "all-p",
    "received_at__gte",
    "number__regex",
    "data_key__wrapped__startswith",
    "ot",
    "_saveasnew",
    "password__startswith",
    "action",
    "select_across",
    "_selected_action",
    "form-TOTAL_FORMS",
)
ODD = (
    *("", "0", "-1", "1", "9" * 40, "9" * 5000, "1.5", "NaN", "١", "２０２６-01-01", "2026-13-01"),
    *("0000-00-00", "9999-12-31", "9999-12-31.999999999999999999", "2026-W01-1", "20260101", "all"),
    *(
        "late",
        "LATE",
        "second",
        "parked",
        "' OR '1'='1",
        "%",
        "_",
        "\\",
        "<script>zq()</script>",
        "=1",
    ),
    *(
        "\u202eabc",
        "\u200b",
        "花" * 300,
        "a" * 5000,
        "é",
        "../..",
        "//example.org",
        "a@b",
        "@",
        "+1",
    ),
    *("0001-01-01.0", ".5", "5.", "2026-01-01.-1", "2026-01-01.9223372036854775808", "x.y", "null"),
)


def session(stage, who):
    if who == "signed-out":
        return stranger()
    actors = {"no-role": stage.nobody, "chief": stage.team.chief, "every-role": stage.everybody}
    actors |= {"clerk": stage.team.clerk, "editor": stage.team.editor}
    return stage.desk(actors[who])


@pytest.mark.parametrize("word", LISTS)
def test_lists(judge, stage, word):
    desk = session(stage, "every-role")
    dice = random.Random(word)  # noqa: S311
    address = f"/admin/{word}/" if word else "/admin/"
    for name in ASKED:
        for value in dice.sample(ODD, 2):
            throw = partial(desk.get, address, {name: value})
            judge.item(f"{name}={value[:20]!r}", throw, only={200})
    for name in dice.sample(FOREIGN, 6):
        throw = partial(desk.get, address, {name: dice.choice(ODD)})
        judge.item(name, throw, only={200})


def test_every_way_of_asking_the_queue(judge, stage):
    desk = session(stage, "every-role")
    for name, value in itertools.product(("q", "after", "day"), ODD[::2]):
        throw = partial(desk.get, "/admin/requests/", {name: value})
        judge.item(f"{name}={value[:20]!r}", throw, only={200})
    dice = random.Random(29)  # noqa: S311
    for name, page in itertools.product(
        ("line", "text", "language", "next"),
        (f"requests/{stage.numbers['checking']}", f"notices/{stage.keys['draft']}"),
    ):
        for value in dice.sample(ODD, 5):
            throw = partial(desk.get, f"/admin/{page}/", {name: value})
            judge.item(f"{page} {name}={value[:20]}", throw, only={200})


def test_the_search_box(judge, stage):
    desk = session(stage, "every-role")
    texts = [(name, text) for family in strings.FAMILIES.values() for name, text in family.items()]
    for name, text in [*texts, *((value[:20], value) for value in ODD)]:
        throw = partial(desk.post, "/admin/requests/search/", {"q": text})
        judge.item(name, throw, stored=lambda _answer: "", only={200, 302, 400})
    for actor in (stage.nobody, stage.team.clerk, stage.team.editor):
        client = stage.desk(actor)
        for text in ("a@example.org", "4155550142", "x", "'"):
            throw = partial(client.post, "/admin/requests/search/", {"q": text})
            judge.item(f"{actor.id} {text}", throw, only={302, 403})


def deeds():
    """Every button of every desk: where it is sent, and its fields."""
    for desk in site.desks():
        name = f"{desk.opts.app_label}_{desk.opts.model_name}"
        for deed in desk.chores:
            yield desk, deed, reverse(f"admin:{name}_do_{deed.word}")
        for deed in desk.deeds:
            yield desk, deed, reverse(f"admin:{name}_{deed.word}", args=["KEY"])


def key_of(stage, desk):
    """A key of the desk that exists."""
    return {
        "requests": stage.numbers["checking"],
        "plans": stage.keys["planned"],
        "letters": stage.keys["letter"],
        "notices": stage.keys["draft"],
        "maps": stage.keys["map"],
        "staff": stage.keys["member"],
    }.get(desk.word, 1)


@pytest.mark.parametrize("who", SESSIONS)
def test_keys_of_buttons(judge, stage, who):
    client = session(stage, who)
    keys = {**VALUES, "foreign": stage.numbers["know"], "ten-thousand": "1" * 10_000}
    keys |= {"plan": str(stage.keys["approved"]), "list": ",".join(map(str, range(2000)))}
    dice = random.Random(who)  # noqa: S311
    for desk, deed, address in deeds():
        if "KEY" not in address:
            continue
        for name, key in dice.sample(sorted(keys.items()), 2):
            if desk.word == "requests" and name == "foreign":
                continue
            throw = partial(client.post, address.replace("KEY", key), {"reason": ""})
            judge.item(
                f"{desk.word}/{deed.word} {name}", throw, only={302, 400, 403, 404, 405, 200, 301}
            )


JUNK: tuple[dict[str, Any], ...] = (
    {},
    {"reason": ""},
    {"hash": "0" * 64},
    {"hash": ""},
    {"hash": "x" * 65},
    {"digest": "0" * 64},
    {"reason[]": "x", "hash[]": "y"},
    {"role": "superuser"},
    {"role": ["chief", "zq"]},
    {"username": "a' OR '1'='1", "password": "x"},
    {"roles": "chief", "username": "\u202eadmin"},
    {"outcome": "erased", "words": "x"},
    {"ground": "because", "words": "x"},
    {"purpose": "curiosity"},
    {"table": "accounts; DROP TABLE x", "decision": "keep", "ground": "zq"},
    {"decision": "erase"},
    {"notice": "1e400", "effective_on": "2026-02-30"},
    {"notice": "9" * 400, "effective_on": "x"},
    {"system": "learners' --", "document": "a: &b [*b]"},
    {"system": "\u0661", "document": "x" * 600_000},
    {"category": "A;--", "language": "tlh", "examples": "x", "retention_months": "9" * 400},
    {"category": "A", "language": "en", "examples": "x", "retention_months": "-1"},
    {"category": "A", "language": "en", "examples": "x", "sources": ["zq"] * 900},
    {"section": "zq", "language": "en", "title": "x", "body": "y", "state": "zq"},
    {"code": "zq", "note": "x"},
    {"slug": "../..", "offers_education": "maybe"},
    {"form-TOTAL_FORMS": "1000000000", "form-INITIAL_FORMS": "-1", "form-MAX_NUM_FORMS": ""},
    {"_popup": "1", "_to_field": "password", "_save": "1", "_saveasnew": "1", "_continue": "1"},
    {"action": "delete_selected", "_selected_action": ["x"] * 900, "select_across": "1"},
    {"post": "yes", "delete": "1", "confirm": "yes", "_method": "DELETE"},
    {"pk": "1", "id": "1", "state": "approved", "status": "completed", "approved_by_id": "1"},
    {"nonce": "zq", "kind": "delete", "channel": "web", "language": "en", "name": "x"},
    {"words": "x" * 4001, "reason": "x" * 2001, "note": "x" * 2001},
    {"reason": "x" * 1_000_000},
)


@pytest.mark.parametrize("who", ["signed-out", "no-role", "clerk", "editor"])
def test_buttons_of_others(judge, stage, who):
    """Whoever lacks the role changes nothing, whatever is sent."""
    client, actor = session(stage, who), getattr(stage.team, who, stage.nobody)
    dice = random.Random(who)  # noqa: S311
    for desk, deed, address in deeds():
        if deed.verb is None or (who in {"clerk", "editor"} and may(actor, deed.verb)):
            continue
        for body in dice.sample(JUNK, 2):
            throw = partial(client.post, address.replace("KEY", str(key_of(stage, desk))), body)
            judge.item(
                f"{desk.word}/{deed.word} {str(body)[:40]}",
                throw,
                only={302, 400, 403, 404, 413, 200},
            )


def test_forms_of_buttons(judge, stage):
    """A person with every right sends what the form does not take: a field says so."""
    desk_of_all, dice = session(stage, "every-role"), random.Random(31)  # noqa: S311
    for desk, deed, address in deeds():
        if not deed.form.base_fields:
            continue
        for body in dice.sample(JUNK, 2):
            throw = partial(
                desk_of_all.post, address.replace("KEY", str(key_of(stage, desk))), body
            )
            judge.item(
                f"{desk.word}/{deed.word} {str(body)[:40]}",
                throw,
                stored=lambda _answer: "",
                only={200, 302, 400, 404, 413},
            )


def test_buttons_that_ask_nothing(judge, stage):
    client = session(stage, "every-role")
    for desk, deed, address in deeds():
        if deed.form.base_fields:
            continue
        for body in JUNK[::9]:
            throw = partial(client.post, address.replace("KEY", str(key_of(stage, desk))), body)
            judge.item(
                f"{desk.word}/{deed.word} {str(body)[:40]}",
                throw,
                stored=lambda _answer: "",
                only={200, 302, 400, 404, 413},
                shows=("SELECT",),
            )


@pytest.mark.parametrize("family", strings.FAMILIES)
def test_words_typed_at_desks(judge, stage, family):
    client = session(stage, "every-role")
    number, plan, draft = stage.numbers["checking"], stage.keys["planned"], stage.keys["draft"]
    told = {"kind": "delete", "channel": "phone", "language": "ja"}
    intro = {"section": "summary", "language": "en", "state": "checked"}
    posts = {
        f"/admin/requests/{number}/write/": lambda text: {"words": text},
        f"/admin/requests/{number}/extend/": lambda text: {"reason": text},
        f"/admin/plans/{plan}/approve/": lambda text: {"hash": text, "reason": text},
        f"/admin/notices/{draft}/text/": lambda text: {**intro, "title": text, "body": text},
        f"/admin/notices/{draft}/answer/": lambda text: {"code": "too-old", "note": text},
        "/admin/intake/do/take-in/": lambda text: {
            **told,
            "nonce": new_nonce("desk"),
            "name": text,
            "words": text,
        },
        "/admin/batches/do/stop/": lambda text: {"reason": text},
    }
    turns = itertools.cycle(posts.items())
    for name, text in strings.FAMILIES[family].items():
        for address, body in itertools.islice(turns, 1):
            throw = partial(client.post, address, body(text))
            judge.item(
                f"{address} {name}",
                throw,
                stored=lambda _answer: "",
                must="refuse" if family == "controls" else "",
                only={200, 302, 400},
            )
        phone = {**told, "nonce": new_nonce("desk"), "phone_number": text}
        judge.item(
            f"phone {name}",
            partial(client.post, "/admin/intake/do/take-in/", phone),
            stored=lambda _answer: "",
            only={200, 302, 400},
        )
    for address in (
        "/admin/",
        "/admin/requests/",
        f"/admin/requests/{number}/",
        f"/admin/notices/{draft}/",
        "/admin/intake/",
        "/admin/batches/",
        "/admin/ledger/",
    ):
        judge.item(f"then {address}", partial(client.get, address), only={200})


DAYS = (
    "0001-01-01",
    "0001-01-02",
    "9999-12-31",
    "9999-12-30",
    "2026-02-29",
    "2024-02-29",
    "2026-02-30",
    "10000-01-01",
    "-1-01-01",
    "2026-1-1",
    "01/02/2026",
    "1.2.2026",
    "2026-01-01T00:00:00Z",
    "today",
    "2026年1月1日",
    "２０２６-01-01",
    "1970-01-01",
    "1900-01-01",
    "1582-10-10",
    "2038-01-20",
    "0",
    "253402300799",
    "NaN",
    "2026-12-32",
    "2026-00-10",
    "31/12/99",
    "Jan 1, 2026",
    "2026-W01-1",
    " 2026-01-01 ",
)


def test_days(judge, stage):
    client = session(stage, "every-role")
    draft = f"/admin/notices/{stage.keys['draft']}/"
    for day in DAYS:
        judge.item(
            day,
            partial(client.post, f"{draft}day/", {"effective_on": day}),
            stored=lambda _answer: "",
            only={200, 302},
        )
        for address in (draft,):
            judge.item(f"{day} then {address}", partial(client.get, address), only={200})
        judge.item(
            f"{day} submit", partial(client.post, f"{draft}submit/"), stored=lambda _answer: ""
        )
        judge.item(
            f"{day} back",
            partial(client.post, f"{draft}send-back/", {"note": "x"}),
            stored=lambda _answer: "",
        )


NEXTS = (
    "//example.org",
    "///example.org",
    "/\\example.org",
    "\\\\example.org",
    "https://example.org",
    "http:example.org",
    "http:///example.org",
    "javascript:zq()",
    "data:text/html,zq",
    " //example.org",
    "\t//example.org",
    "https:/example.org",
    "//example.org@testserver",
    "https://testserver@example.org",
    "https://testserver.example.org",
    "//testserver:80@example.org/",
    "/%09/example.org",
    "/%5cexample.org",
    "////example.org",
    "/admin/..//example.org",
    "?next=//example.org",
    "http://[::1",
    "a" * 5000,
    "https://例え.org",
    "/admin/\r\nLocation: //example.org",
    "\x00",
    "ftp://example.org",
    "/ /example.org",
)


def test_where_a_sign_in_leads(judge, stage):
    for place, to in enumerate(NEXTS):
        client = stranger()
        client.defaults["REMOTE_ADDR"] = f"10.8.{place}.1"
        for address in (
            "/admin/login/",
            "/accounts/login/",
            "/accounts/logout/",
            "/ja/admin/login/",
        ):
            judge.item(f"{address} {to[:30]!r}", partial(client.get, address, {"next": to}))
        body = {"username": stage.team.clerk.name or "x", "password": "x", "next": to}
        judge.item(
            f"post {to[:30]!r}", partial(client.post, "/accounts/login/", body), must="refuse"
        )
        desk = session(stage, "no-role")
        for address in (
            "/accounts/login/",
            "/accounts/reauthenticate/",
            "/accounts/2fa/reauthenticate/",
            "/admin/login/",
        ):
            judge.item(f"in {address} {to[:30]!r}", partial(desk.get, address, {"next": to}))
            judge.item(
                f"in post {address} {to[:30]!r}",
                partial(desk.post, address, {"next": to, "password": "x"}),
            )


def test_words_at_the_door(judge, stage):
    texts = [(name, text) for family in strings.FAMILIES.values() for name, text in family.items()]
    for place, (name, text) in enumerate(texts):
        client = stranger()
        client.defaults["REMOTE_ADDR"] = f"10.{place % 250}.7.1"
        body = {
            "username": text,
            "password": text,
            "remember": text,
            "login": "chief",
            "next": text,
        }
        judge.item(name, partial(client.post, "/accounts/login/", body), must="refuse")
    for place, length in enumerate((0, 1, 128, 129, 255, 4096, 100_000, 900_000)):
        client = stranger()
        client.defaults["REMOTE_ADDR"] = f"10.251.{place}.1"
        for field in ("username", "password"):
            body = {"username": "chief", "password": "chief", field: "x" * length}
            judge.item(
                f"{field} {length}", partial(client.post, "/accounts/login/", body), must="refuse"
            )


ADDRESSES = (
    "",
    "nonsense",
    "::1",
    "fe80::1%eth0",
    "1.2.3",
    "999.1.1.1",
    "127.0.0.1:80",
    "[::1]",
    "a" * 500,
    "::ffff:1.2.3.4",
    "unix:",
    "0x7f.1",
    "1.2.3.4, 5.6.7.8",
    "١.١.١.١",
)


def test_senders_that_have_no_address(judge, stage):
    for address in ADDRESSES:
        client = stranger()
        body = {"username": "chief", "password": "x"}
        throw = partial(client.post, "/accounts/login/", body, REMOTE_ADDR=address)
        judge.item(address, throw, must="refuse")


@pytest.mark.parametrize("who", ["signed-out", "no-role", "chief"])
def test_account_pages(judge, stage, who):
    client = session(stage, who)
    pages = [each for each in WHOLE if each.startswith("accounts/")]
    for page, body in itertools.product(pages, JUNK[::12]):
        if "logout" not in page and "recovery" not in page:
            judge.item(f"{page} {str(body)[:30]}", partial(client.post, f"/{page}", body))


def test_a_session_that_was_ended(judge, stage):
    """A closed or touched account, a session of yesterday: every page leads to the door."""
    for way_out in ("logout", "inactive", "old", "emptied"):
        client = session(stage, "every-role")
        kept = client.session
        if way_out == "logout":
            client.logout()
        elif way_out == "emptied":
            client.session.flush()
        else:
            kept["began_at"] = "2020-01-01T00:00:00+00:00" if way_out == "old" else "nonsense"
            kept.save()
        for address in ("/admin/", "/admin/requests/", f"/admin/plans/{stage.keys['planned']}/"):
            judge.item(f"{way_out} {address}", partial(client.get, address), only={200, 302})
