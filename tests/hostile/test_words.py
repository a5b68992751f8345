"""Words that have broken programs before, in every text field of every public form (S1)."""

import itertools
from functools import partial

import pytest

from ccpa_office import sealing
from ccpa_office.law.kinds import RequestKind
from requests_app.forms import FORMS
from requests_app.models import Note
from tests.hostile import strings
from tests.hostile.stage import opened, stranger
from tests.hostile.typed import LANGUAGES, as_kept, blank, kept_once, send, way

KINDS = {
    "name": [kind for kind in FORMS if "name" in FORMS[kind].base_fields],
    "words": list(FORMS),
}


def must(family: str, text: str) -> str:
    """What may only be taken, and what may only be refused."""
    if family == "scripts":
        return "accept"
    return "refuse" if family == "controls" or text in strings.HIDING else ""


@pytest.mark.parametrize("family", strings.FAMILIES)
@pytest.mark.parametrize("field", ["name", "words"])
def test_words_of_a_request(judge, field, family):
    turns = itertools.cycle(itertools.product(LANGUAGES, KINDS[field]))
    client = stranger()
    for name, text in strings.FAMILIES[family].items():
        language, kind = next(turns)
        body = blank(kind, **{field: text})
        judge.item(
            f"{kind.value}/{language}/{name}",
            partial(send, client, kind, body, language),
            stored=kept_once(kind, language, body),
            must=must(family, text),
        )
    honest(judge, client)


def honest(judge, client):
    """The next good request works."""
    body = blank(RequestKind.DELETE)
    judge.item(
        "the-next-good-one",
        partial(send, client, RequestKind.DELETE, body),
        stored=kept_once(RequestKind.DELETE, "en", body),
        must="accept",
    )


def kept_message(number, text):
    before = Note.objects.count()

    def stored(answer):
        if Note.objects.count() != before + 1:
            return "not kept once"
        note = Note.objects.order_by("-pk")[0]
        assert note.consumer_request.data_key is not None
        box = sealing.Box(note.consumer_request.data_key)
        same = box.open(bytes(note.text), context="note.text") == as_kept(text)
        return "" if same and note.consumer_request.number == number else "not as typed"

    return stored


@pytest.mark.parametrize("family", strings.FAMILIES)
def test_words_of_a_message(judge, stage, family):
    number = stage.numbers["know"]
    client = opened(number)
    languages = itertools.cycle(LANGUAGES)
    for name, text in strings.FAMILIES[family].items():
        address = way(next(languages), f"requests/{number}/message/")
        judge.item(
            name,
            partial(client.post, address, {"text": text}),
            stored=kept_message(number, text),
            must=must(family, text),
        )


@pytest.mark.parametrize("family", strings.FAMILIES)
def test_words_where_a_number_and_an_address_belong(judge, stage, family):
    client = stranger()
    languages = itertools.cycle(LANGUAGES)
    for name, text in strings.FAMILIES[family].items():
        address = way(next(languages), "requests/status/")
        by_number = {"number": text, "email": "hostile@example.org"}
        judge.item(f"number/{name}", partial(client.post, address, by_number), must="refuse")
        by_address = {"number": stage.numbers["know"], "email": text}
        judge.item(f"email/{name}", partial(client.post, address, by_address), must="refuse")


@pytest.mark.parametrize("family", strings.FAMILIES)
def test_words_of_an_answer(judge, stage, family):
    client = stranger()
    languages = itertools.cycle(LANGUAGES)
    token = stage.tokens["confirm"]
    for name, text in strings.FAMILIES[family].items():
        client.get(f"/requests/l/{token}/")
        address = way(next(languages), "requests/l/")
        alone = {"postal_code": text, "signed_name": text, text[:20]: text}
        judge.item(name, partial(client.post, address, alone), must="refuse")
