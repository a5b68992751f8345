"""The contract, fourth part: people are found in texts of others' rows, all of them in one pass."""

import json

import pytest

from ccpa_office.connectors.base import Identity, Rows
from ccpa_office.connectors.sweeping import Crowd, told
from tests.connectors.test_contract_recounting import FOUND, SPARED

CROWD = [
    Identity({"email": ["hana.morikawa@example.org"], "name": ["森川 花"],
              "phone_number": ["415-555-0142"]}),
    Identity({"name": ["Ann Lee"], "email": ["ann@x.org"]}),
    Identity({"name": ["Ann Lee"], "display_name": ["José Ibáñez"]}),
    Identity({"email": [""], "name": [" "]}),
]  # fmt: skip
ANN = {
    "Ann  Lee": {1, 2}, "lee, ANN": {1, 2}, "joann lee": set(), "ann@x.org": {1},
    "jo.ann@x.org": set(), "Ａｎｎ Ｌｅｅ": {1, 2}, "JOSÉ IBÁÑEZ": {2}, "Annさん": set(),
    "jose\u0301 iba\u0301n\u0303ez": {2}, "josé ibáñez2": set(),
}  # fmt: skip


@pytest.fixture(scope="module")
def crowd():
    return Crowd(CROWD)


def test_each_text_shows_whom_the_exact_pattern_shows(crowd):
    for text in FOUND:
        assert (text, set(crowd.find(text))) == (text, {0})
    for text in SPARED:
        assert (text, crowd.find(text)) == (text, {})
    for text, people in ANN.items():
        assert (text, set(crowd.find(f"by {text}."))) == (text, people)
    met = crowd.find("森川花 415 555 0142")
    assert met == {0: {("name", "森川 花"), ("phone_number", "415-555-0142")}}


def swept(shop, table, crowd, **words):
    """Page after page of two rows."""
    found: dict[object, set[int]] = {}
    after, pages = None, 0
    while True:
        page = shop.connector.sweep(table, crowd, after=after, limit=2, **words)
        found |= {each.key: set(each.people) for each in page.seen}
        pages, after = pages + 1, page.last
        if after is None:
            return found, pages


def test_texts_of_strangers_are_swept_page_by_page_and_redacted_by_key(school, crowd):
    school.run("UPDATE forum_posts SET body = 'nobody'")
    keys = [key for (key,) in school.run("SELECT id FROM forum_posts ORDER BY id")]
    quoted = "森川 花さん and ann@x.org asked; joann too"
    for key in (keys[0], keys[-1]):
        school.run("UPDATE forum_posts SET body = :t WHERE id = :k", t=quoted, k=key)
    found, pages = swept(school, "forum_posts", crowd)
    assert found == {keys[0]: {0, 1}, keys[-1]: {0, 1}}
    assert pages >= len(keys) / 2
    assert swept(school, "forum_posts", crowd, only=[keys[0]])[0] == {keys[0]: {0, 1}}
    before = school.rows()
    rows = Rows([keys[0], keys[0], -7], [0, 1, 0])
    for _again in range(2):
        with school.connector.transaction():
            done = school.connector.redact("forum_posts", rows, CROWD)
        assert (done.done, done.gone, done.foreign) == (1, 1, [])
    one = school.one("SELECT body FROM forum_posts WHERE id = :k", k=keys[0])
    assert one == "[removed]さん and [removed] asked; joann too"
    assert swept(school, "forum_posts", crowd)[0] == {keys[-1]: {0, 1}}
    after = school.rows()
    assert [name for name in before if before[name] != after[name]] == ["forum_posts"]
    changed = set(before["forum_posts"]) ^ set(after["forum_posts"])
    assert len(changed) == 2


def test_who_bears_a_name_is_found_in_every_column_of_names(school):
    names = [name for (name,) in school.run("SELECT full_name FROM accounts ORDER BY id LIMIT 2")]
    found = school.connector.bearers(
        [("name", names[0].upper()), ("full_name", names[1]), ("name", "Nobody Here"), ("x", "")]
    )
    assert [len(each) for each in found] == [2, 1, 0, 0]  # the first shares hers with another


def test_json_is_read_in_every_column_and_at_every_depth(school, crowd):
    """In a column of texts too, letters spelled by numbers, deeper than any reader goes."""
    school.run("UPDATE forum_posts SET body = 'nobody'")
    (one,), (other,) = school.run("SELECT id FROM forum_posts ORDER BY id LIMIT 2")
    spelled = json.dumps({"to": "森川 花", "n": 415})
    deep = "[" * 5_000 + spelled + "]" * 5_000
    for key, text in ((one, spelled), (other, deep)):
        school.run("UPDATE forum_posts SET body = :t WHERE id = :k", t=text, k=key)
    assert swept(school, "forum_posts", crowd)[0] == {one: {0}, other: {0}}
    school.connector.redact("forum_posts", Rows([one, other], [0, 0]), CROWD)
    assert swept(school, "forum_posts", crowd)[0] == {}
    left = school.one("SELECT body FROM forum_posts WHERE id = :k", k=other)
    assert left == deep.replace(json.dumps("森川 花"), '"[removed]"')
    assert (told("[" * 5_000), told("[" * 5_000 + '"')) == ("", "[" * 5_000 + '"')
