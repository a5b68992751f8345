"""Words that have broken programs before, in every text field of every public form (S1)."""

import itertools

import pytest

from ccpa_office.law.kinds import RequestKind
from requests_app.forms import FORMS
from tests.hostile import strings
from tests.hostile.stage import stranger
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
            lambda: send(client, kind, body, language),
            stored=kept_once(kind, language, body),
            must=must(family, text),
        )
    honest(judge, client)


def honest(judge, client):
    """The next good request works."""
    body = blank(RequestKind.DELETE)
    judge.item(
        "the-next-good-one",
        lambda: send(client, RequestKind.DELETE, body),
        stored=kept_once(RequestKind.DELETE, "en", body),
        must="accept",
    )
