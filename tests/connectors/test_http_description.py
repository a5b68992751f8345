"""The description file: read strictly, held against itself, nothing loaded in part."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from notices_app.datamap.describing import describe, is_description, json_schema
from notices_app.datamap.reading import Report
from tests.vendor.description import (
    BASE,
    BY_PHONE_TOO,
    TOKENS,
    WITHOUT_CORRECT,
    WITHOUT_ECHO,
    by_address,
    of_effect,
)


def codes(text):
    report = Report("vendor.yml")
    found = describe(text, report)
    assert (found is None) == any(each.level == "error" for each in report.findings)
    assert all(each.line and each.column and each.file for each in report.findings)
    return [each.code for each in report.findings]


@pytest.mark.parametrize(
    "text",
    [BASE, TOKENS, WITHOUT_ECHO, BY_PHONE_TOO, by_address(BASE),
     *map(of_effect, ("harmless", "askable", "blind"))],
)  # fmt: skip
def test_a_sound_description_has_no_finding(text):
    assert codes(text) == []


FAULTS = [
    ("  effect: keyed\n", "", ["missing"]),
    ("  effect: keyed\n", "  effect: sometimes\n", ["choice"]),
    ("  idempotency_header: Idempotency-Key\n", "", ["key-header-missing"]),
    ("  party: service_provider\n", "  party: friend\n", ["choice"]),
    ("  identifiers: [email]\n", "  identifiers: []\n", ["length"]),
    ("  categories: [PI_A, PI_B]\n", "  categories: [PI_Z]\n", ["choice"]),
    ("    path: /people\n", "    path: people\n", ["form"]),
    ("    path: /people\n", "    path: //evil.example/people\n", ["form"]),
    ("    path: /people\n", "    path: /../admin\n", ["form"]),
    ("    path: /people\n", "    path: https://evil.example/\n", ["form"]),
    ("    path: /people\n", "    path: /people?all=1\n", ["form"]),
    ('    query: {email: "{email}"}\n    answers:\n      - {status: 200, means: done}\n      - {s',
     '    query: {email: "{id}"}\n    answers:\n      - {status: 200, means: done}\n      - {s',
     ["place-unknown", "owner-missing"]),
    ('query: {email: "{email}"}\n    answers:\n      - {status: 200, means: done}\n      - {status',
     ('query: {email: "{secret:api_token}"}\n    answers:\n      - {status: 200, means: done}\n'
      "      - {status"), ["place-unknown"]),
    ("      owner: {email: $.email}\n", "      owner: {}\n", ["owner-missing"]),
    ("      owner: {email: $.email}\n", "", ["missing"]),
    ("    path: /people/{id}\n", "    path: /people/{email}/{name}\n", ["place-unknown"]),
    ("method: DELETE", "method: GET", ["choice"]),
    ("at: $.status, equals: deleted, means: done}\n      - {status: 202",
     "means: done}\n      - {status: 202", ["bare-answer"]),
    ("{status: 409, means: refused}", "{status: 301, means: done}", ["redirect"]),
    ("{status: 409, means: refused}", "{status: 409, equals: x, means: refused}", ["at-missing"]),
    ("{status: 409, means: refused}", "{status: 409, means: perhaps}", ["choice"]),
    ("{status: 409, means: refused}", "{status: 4090, means: refused}", ["number"]),
    ("{status: 409, means: refused}", "{status: 409, means: refused, at: status}", ["form"]),
    ('"Bearer {secret:api_token}"', '"Bearer abcdef"', ["secret-in-file"]),
    ('"Bearer {secret:api_token}"', '"Bearer {token}"', ["token-missing"]),
    ("  kind: http\n", "  kind: manual\n", ["misplaced"] * 5),
    ("  name: Hazel Mail\n", "  name: Hazel Mail\n  name: Other\n", ["duplicate"]),
    ("  name: Hazel Mail\n", "  name: Hazel Mail\n  color: red\n", ["unknown"]),
    ("  name: Hazel Mail\n", "  name: &a Hazel Mail\n", ["anchor"]),
    ("  name: Hazel Mail\n", "  name: !!python/name:os.system x\n", ["tag"]),
    ("answer_bytes: 100000", "answer_bytes: 999999999999", ["number"]),
    ("per_second: 100", "per_second: 0", ["number"]),
    ("    fields: {email: $.email, name: $.name}\n", "", ["fields-missing"]),
    ("fields: {email: $.email,", "fields: {email: '$.mails[0]',", ["form"]),
    ('body: {"{field}": "{value}"}', 'body: {name: "{value}"}', ["place-missing"]),
    ('body: {"{field}": "{value}"}', 'body: {"{field}": right}', ["place-missing"]),
    ('body: {"{field}": "{value}"}', 'body: {"{field}": "{value}", was: "{email}"}',
     ["place-unknown"]),
    ("at: $.status, equals: corrected, means: done}\n      - {status: 202",
     "means: done}\n      - {status: 202", ["bare-answer"]),
    ("    path: /people/{id}\n", "    path: /people/all\n", ["place-missing"]),
    ('query: {email: "{email}"}', "query: {every: one}", ["place-missing"]),
    ("    path: /jobs/{ticket}\n", "    path: /jobs\n", ["place-missing"]),
    ("    path: /people/{id}\n", '    path: /people/{id}\n    query: {email: "{email}"}\n',
     ["place-unknown"]),
    ("identifiers: [email]", "identifiers: [email, phone_number]", ["place-missing"] * 2),
    ('query: {email: "{email}"}', 'query: {email: "{email}", api_key: abcdef}',
     ["secret-in-file"]),
    ("{status: 404, means: nothing}", "{status: [404, 500], means: nothing}", ["bare-answer"]),
    ("{status: 404, means: nothing}", "{status: [], means: nothing}", ["length"]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), FAULTS, ids=range(len(FAULTS)))
def test_each_fault_is_found_by_its_own_code(before, after, expected):
    assert BASE.count(before) >= 1
    assert codes(BASE.replace(before, after, 1)) == expected


def test_without_a_way_to_look_again_a_person_confirms():
    text = WITHOUT_CORRECT
    cut = text[: text.index("  find:")] + text[text.index("  delete:") :]
    by_address = cut.replace("/people/{id}", "/people/{email}").replace("    echo: $.id\n", "")
    assert codes(by_address) == ["cannot-look"]
    assert codes(cut) == ["cannot-look", "find-missing"]
    assert codes(by_address + BASE[BASE.index("  correct:") :].replace("    echo: $.id\n", "")) == [
        "cannot-look", "find-missing",
    ]  # fmt: skip


def test_an_askable_system_can_be_asked():
    cut = BASE[: BASE.index("  find:")] + BASE[BASE.index("  delete:") : BASE.index("  status:")]
    text = cut.replace("/people/{id}", "/people/{email}").replace("    echo: $.id\n", "")
    text = text.replace("effect: keyed", "effect: askable").replace(
        "      - {status: 202, at: $.status, equals: accepted, means: pending, ticket: $.ticket}\n",
        "",
    )
    assert codes(text) == ["cannot-ask", "cannot-look"]


def test_a_description_is_told_from_a_map():
    assert is_description(BASE)
    assert is_description('{"outside_system": {}}')
    assert not is_description("dataset:\n  - fides_key: a\n    description: outside_system: x\n")


def test_the_schema_names_every_key():
    keys = json_schema()["properties"]["outside_system"]["properties"]
    assert {"effect", "find", "delete", "status", "export", "auth", "limits"} <= set(keys)


def test_a_manual_system_needs_little():
    text = (
        "outside_system:\n  name: Paper archive\n  kind: manual\n  party: contractor\n"
        "  effect: askable\n  identifiers: [email, name]\n  categories: [PI_B]\n  answer_days: 8\n"
    )
    assert codes(text) == []


def test_the_examples_of_the_manual_load():
    page = (Path(settings.BASE_DIR) / "docs" / "how-to" / "outside-systems.md").read_text("utf-8")
    examples = re.findall(r"```yaml\n(outside_system:.*?)```", page, re.DOTALL)
    assert [codes(text) for text in examples] == [[], []]
