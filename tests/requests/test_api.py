"""The interface for other programs: tokens, batches, spellings; nothing asked is kept."""

import io
import json
import logging

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from ccpa_office import clock, throttle
from ccpa_office.models import LedgerLine
from ccpa_office.roles import Role
from requests_app import api, suppression
from requests_app.models import ApiClient
from tests import builders

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/suppression/check"
GONE = {"email": ["Orla.D@example.org"], "phone_number": ["+1 707 555 0101"]}


def command(*words):
    out = io.StringIO()
    call_command("api_client", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def token():
    """A client's token; Orla is on the list."""
    builders.actor(Role.CHIEF, name="mia")
    suppression.remember([("7K3M92QX4TD", GONE)], at=clock.now())
    return json.loads(command("add", "crm-import", "--as", "mia", "--json"))["token"]


def ask(token, document, **more):
    body = document if isinstance(document, str) else json.dumps(document)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Client(enforce_csrf_checks=True).post(
        ADDRESS, body, content_type=more.pop("content_type", "application/json"), headers=headers
    )


def test_each_entry_of_a_batch_is_answered_in_every_spelling(token):
    entries = [
        {"email": " ORLA.D@EXAMPLE.ORG "}, {"email": "orla@example.org"},
        {"phone": "(707) 555-0101"}, {"phone": ["510 555 0000", "707.555.0101"]},
        {"email": "kofi@example.org", "phone": "+17075550101"}, {"email": ""}, {"email": "n/a"},
    ]  # fmt: skip
    answer = ask(token, {"entries": entries})
    assert answer.status_code == 200
    assert answer.json() == {"suppressed": [True, False, True, True, True, False, False]}
    assert answer["Cache-Control"] == "no-store"
    client = ApiClient.objects.get()
    assert (client.entries, client.used_at is not None) == (len(entries), True)
    assert token.encode() not in bytes(client.token)


def test_nothing_of_what_is_asked_is_kept_or_logged(token):
    heard, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(heard), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        ask(token, {"entries": [{"email": "orla.d@example.org"}]})
        ask(token, {"entries": [{"mail": "orla.d@example.org"}]})
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    kept = "".join(LedgerLine.objects.values_list("body", flat=True)) + heard.getvalue()
    assert "orla" not in kept.lower()
    assert token not in kept


@pytest.mark.parametrize(
    "document",
    ["", "[", "[]", "{}", '{"entries": []}', '{"entries": [{}]}', '{"entries": [1], "x": 1}',
     '{"entries": [{"email": 1}]}', '{"entries": [{"name": "Orla"}]}', "[" * 100_000,
     json.dumps({"entries": [{"email": "a"}] * 1001}),
     json.dumps({"entries": [{"email": "a" * 401}]}),
     '{"entries": [{"email": "\\ud800@example.org"}]}', '{"entries": [{"phone": ["\\u0000"]}]}'],
    ids=range(14),
)  # fmt: skip
def test_what_is_no_question_is_refused_in_words(token, document):
    answer = ask(token, document)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert ApiClient.objects.get().entries == 0


def test_no_token_a_wrong_one_and_a_revoked_one_get_one_answer_and_then_none(token):
    command("revoke", "crm-import", "--as", "mia")
    question = {"entries": [{"email": "orla.d@example.org"}]}
    answers = [ask(each, question) for each in ("", "ccpa_wrong", token)]
    assert {(each.status_code, each.content) for each in answers} == {(401, answers[0].content)}
    for _try in range(throttle.ADDRESS.tries - len(answers)):
        assert ask("ccpa_wrong", question).status_code == 401
    assert ask("ccpa_wrong", question).status_code == 429
    assert Client().get(ADDRESS).status_code == 405


def test_a_client_has_so_many_calls_a_minute(token, monkeypatch):
    monkeypatch.setattr(api, "CALLS", throttle.Limit("api-client", 2, api.CALLS.window))
    question = {"entries": [{"email": "kofi@example.org"}]}
    assert [ask(token, question).status_code for _call in range(3)] == [200, 200, 429]


def test_the_description_names_the_address_and_the_limits(token):
    told = Client().get("/api/v1/openapi.json").json()
    body = told["paths"][ADDRESS]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert told["openapi"].startswith("3.")
    assert body["properties"]["entries"]["maxItems"] == api.ENTRIES


def test_only_a_chief_makes_clients(token):
    builders.actor(Role.OFFICER, name="olive")
    for words in (("add", "other", "--as", "olive"), ("add", "crm-import", "--as", "mia"),
                  ("add", "A b", "--as", "mia"), ("revoke", "nobody", "--as", "mia")):  # fmt: skip
        with pytest.raises(CommandError):
            command(*words)
    assert command("list") == "crm-import: living, 0 entries asked\n"


def test_what_no_database_can_keep_is_refused_and_not_looked_up(token):
    headers = {"Authorization": f"Bearer {token}"}
    for field in ("learners.accounts\x00.email", "learners.accounts.\ud800"):
        entry = {"field": field, "value": "x", "key": "1"}
        answer = Client().post(
            "/api/v1/corrections/check", json.dumps({"entries": [entry]}), "application/json",
            headers=headers,
        )  # fmt: skip
        assert answer.status_code == 400


def test_a_program_that_forgot_https_is_refused_and_never_led_on(token, settings):
    settings.SECURE_SSL_REDIRECT = True
    answer = ask(token, {"entries": [{"email": "kofi@example.org"}]})
    assert (answer.status_code, "Location" in answer.headers) == (403, False)
    assert ApiClient.objects.get().entries == 0
