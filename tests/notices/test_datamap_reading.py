# ruff: noqa: E501  a hostile map is one line, however long
"""Map files that are not plainly a map are refused, each with a line and a column (S5)."""

import json
import time
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from notices_app.datamap import MapNotSound, check, compile_map, examine

GOOD = """\
dataset:
  - fides_key: shop
    ccpa_meta: {person: people}
    collections:
      - name: people
        ccpa_meta: {on_delete: delete, category: PI_A}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: mail, fides_meta: {identity: email}}
      - name: orders
        ccpa_meta: {on_delete: mask}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: person_id
            fides_meta: {references: [{dataset: shop, field: people.id, direction: from}]}
            ccpa_meta: {on_delete: null}
          - {name: note, ccpa_meta: {category: PI_D, on_delete: strip_text, search_text: true}}
          - {name: bought_on, ccpa_meta: {category: none}}
"""


def changed(old, new):
    assert GOOD.count(old) >= 1
    return GOOD.replace(old, new, 1)


def name(text):
    """The map with another spelling of a table's name."""
    return changed("name: orders", f"name: {text}")


HOSTILE = {
    # tags, anchors, aliases, merge keys, directives
    "tag: python": (changed("fides_key: shop", "fides_key: !!python/object:os.system shop"), "tag"),
    "tag: apply": (changed("fides_key: shop", 'fides_key: !!python/object/apply:os.system ["id"]'), "tag"),
    "tag: str": (changed("fides_key: shop", "fides_key: !!str shop"), "tag"),
    "tag: own": (changed("fides_key: shop", "fides_key: !env SECRET_KEY"), "tag"),
    "tag: bare": (changed("fides_key: shop", "fides_key: ! shop"), "tag"),
    "tag: on a list": (changed("collections:", "collections: !!set"), "tag"),
    "tag: undeclared": (changed("shop", "!x!y shop"), "syntax"),
    "anchor": (changed("fides_key: shop", "fides_key: &a shop"), "anchor"),
    "alias": (changed("fides_key: shop", "fides_key: &a shop\n    name: *a"), "alias"),
    "alias bomb": ("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n", "alias"),
    "alias to itself": ("dataset: &a [*a]\n", "alias"),
    "merge": (changed("fides_key: shop", "fides_key: shop\n    <<: {name: x}"), "merge"),
    "directive": ("%YAML 1.1\n---\n" + GOOD, "directive"),
    "tag directive": ("%TAG ! tag:x,2000:\n---\n" + GOOD, "directive"),
    "two documents": (GOOD + "---\n" + GOOD, "documents"),
    # duplicates
    "key twice": (changed("fides_key: shop", "fides_key: shop\n    fides_key: other"), "duplicate"),
    "key twice in a flow": (changed("{person: people}", "{person: people, person: orders}"), "duplicate"),
    "key twice, quoted": (changed("{person: people}", '{person: people, "person": people}'), "duplicate"),
    "old and new name": (changed("{primary_key: true}}", "{primary_key: true}, fidesops_meta: {}}"), "duplicate"),
    "collection twice": (name("people"), "twice"),
    "field twice": (changed("name: note", "name: person_id"), "twice"),
    # words that YAML takes for something else
    "no": (name("no"), "not-text"), "yes": (name("yes"), "not-text"), "on": (name("on"), "not-text"),
    "off": (name("Off"), "not-text"), "tilde": (name("~"), "not-text"), "null": (name("null"), "not-text"),
    "nothing": (name(""), "not-text"), "number": (name("12"), "not-text"), "octal": (name("0o7"), "form"),
    "old octal": (name("017"), "not-text"), "hex": (name("0x1f"), "not-text"),
    "underscore number": (name("1_000"), "not-text"), "sexagesimal": (name("60:30"), "not-text"),
    "date": (name("2026-01-01"), "not-text"), "float": (name("1.5"), "not-text"),
    "exponent": (name("1e3"), "form"), "nan": (name(".nan"), "not-text"), "inf": (name("-.inf"), "not-text"),
    "equals": (name("="), "not-text"),
    "flag as a word": (changed("primary_key: true", "primary_key: yes"), "flag"),
    "flag in quotes": (changed("primary_key: true", 'primary_key: "true"'), "flag"),
    "flag as a number": (changed("primary_key: true", "primary_key: 1"), "flag"),
    "flag in mixed letters": (changed("primary_key: true", "primary_key: tRUE"), "flag"),
    "key that is no text": (changed("{person: people}", "{no: people}"), "not-text"),
    "key that is a list": (changed("{person: people}", "{[a]: people}"), "key"),
    "key that is a mapping": (changed("{person: people}", "{? {a: b} : people}"), "key"),
    "key that is null": (changed("{person: people}", "{~: people}"), "not-text"),
    # shape
    "empty": ("", "empty"), "only a comment": ("# nothing\n", "empty"), "a scalar": ("dataset", "shape"),
    "a list": ("[]", "shape"), "no dataset": ("{}", "missing"), "dataset is a word": ("dataset: x", "shape"),
    "no collections": ("dataset: [{fides_key: x}]", "missing"), "no dataset in the list": ("dataset: []", "length"),
    "two datasets": ("dataset: [{fides_key: x, collections: []}, {fides_key: y, collections: []}]", "length"),
    "no fields": (changed("fields:\n          - {name: id, fides_meta: {primary_key: true}}\n          - name: person_id", "fields: []\n        x:\n          - name: person_id"), "length"),
    "name is a list": (name("[a]"), "shape"), "name is a mapping": (name("{a: b}"), "shape"),
    "unknown at the top": ("system: []\n" + GOOD, "unknown"),
    "unknown in a field": (changed("{name: note,", "{name: note, personal: true,"), "unknown"),
    "misplaced": (changed("{name: note,", "{name: note, on_delete: null,"), "misplaced"),
    "misplaced upwards": (changed("{on_delete: mask}", "{on_delete: mask, contact: {kind: email}}"), "misplaced"),
    "key within an object": (changed("{name: note,", "{name: note, fields: [{name: x, fides_meta: {primary_key: true}}],"), "not-served"),
    "search within an object": (changed("{name: note,", "{name: note, fields: [{name: x, ccpa_meta: {search_text: true}}],"), "not-served"),
    "fields in a word": (changed("{name: note,", "{name: note, fides_meta: {data_type: string}, fields: [{name: x}],"), "not-object"),
    # identifiers
    "quote": (name("'or\"ders'"), "form"), "blank": (name("'or ders'"), "form"),
    "semicolon": (name("'orders; drop table people'"), "form"), "comment": (name("orders--"), "form"),
    "schema": (name("public.orders"), "form"), "catalogue": (name("pg_catalog.pg_class"), "form"),
    "look-alike": (name("оrders"), "form"), "full width": (name("ｏrders"), "form"), "long": (name("o" * 64), "form"),
    "percent": (name('"%s"'), "form"), "star": (name('"*"'), "form"), "digit first": (name("1orders"), "form"),
    "trailing line": (name('"orders\\n"'), "form"), "zero width": (name("or\u200bders"), "hidden"),
    # controls, encodings, syntax
    "control": (name('"a\\x01b"'), "control"), "nul": (name('"a\\0b"'), "control"), "raw nul": (name("a\0b"), "control"),
    "surrogate": (name('"\\ud800"'), "control"), "tabs": ("dataset:\n\t- x", "syntax"), "unclosed": ("dataset: [", "syntax"),
    "bad indent": ("dataset:\n  - a: b\n - c", "syntax"), "bad escape": ('dataset: "\\q"', "syntax"),
    "too big a sign": ('dataset: "\\UFFFFFFFF"', "syntax"), "colon in a word": ("a: b: c", "syntax"),
    # depth and size
    "deep flow": ("dataset: " + "[" * 5_000, "too-deep"), "deep block": ("\n".join("  " * n + "a:" for n in range(200)), "too-deep"),
    "many": ("dataset:\n" + "- x\n" * 60_000, "too-deep"), "big": ("dataset: " + "x" * 1_000_001, "too-big"),
    # sense
    "no person": (changed("{person: people}", "{person: nobody}"), "no-person"),
    "no identity": (changed("{identity: email}", "{data_type: string}"), "no-identity"),
    "dangling reference": (changed("people.id", "people.number"), "no-target"),
    "reference to nothing": (changed("people.id", "nobody.id"), "no-target"),
    "another dataset": (changed("dataset: shop", "dataset: other"), "other-dataset"),
    "no way": (changed("direction: from", "direction: to"), "unreached"),
    "unknown direction": (changed("direction: from", "direction: both"), "choice"),
    "unknown category": (changed("PI_A", "PI_Z"), "unknown-category"), "unknown action": (changed("on_delete: delete", "on_delete: destroy"), "action"),
    "kept for good and for a term": (changed("{on_delete: mask}", "{on_delete: keep, exception: {code: DX_8, starts: bought_on, years: 7}}"), "kept-for-good"),
    "a hold like the exception": (changed("{on_delete: mask}", "{on_delete: mask, exception: {code: DX_8, starts: bought_on, years: 7}, hold: {field: bought_on, empty: true, code: DX_8}}").replace("on_delete: strip_text,", "on_delete: strip_text, on_kept: null,"), "one-ground"),
    "kept without a ground": (changed("on_delete: delete", "on_delete: keep"), "no-exception"),
    "two things at once": (changed("on_delete: strip_text", "on_delete: {constant: x, truncate_date: year}"), "one-of"),
    "nothing at all": (changed("on_delete: strip_text", "on_delete: {}"), "one-of"),
    "no word on a field": (changed("category: PI_D, on_delete: strip_text,", "category: PI_D,"), "no-on-delete"),
    "mask without a change": (changed("{on_delete: mask}", "{on_delete: mask, category: none}").replace("ccpa_meta: {on_delete: null}", "ccpa_meta: {on_delete: keep}").replace("on_delete: strip_text, ", ""), "no-change"),
    "change of a key": (changed("- {name: id, fides_meta: {primary_key: true}}\n          - name: person", "- {name: id, fides_meta: {primary_key: true}, ccpa_meta: {on_delete: null}}\n          - name: person"), "key-changed"),
    "field of a deleted row": (changed("{identity: email}}", "{identity: email}, ccpa_meta: {on_delete: null}}"), "misplaced"),
    "hold on nothing": (changed("{on_delete: mask}", "{on_delete: mask, hold: {field: x, equals: true}}"), "no-field"),
    "term from nothing": (changed("{on_delete: mask}", "{on_delete: mask, exception: {code: DX_8, starts: x, years: 7}}"), "no-field"),
    "term without years": (changed("{on_delete: mask}", "{on_delete: mask, exception: {code: DX_8, starts: note}}"), "missing"),
    "exception without a term": (changed("{on_delete: mask}", "{on_delete: mask, exception: {code: DX_8}}"), "no-term"),
    "repealed exception": (changed("{on_delete: mask}", "{on_delete: mask, exception: {code: DX_9, starts: bought_on, years: 7}}"), "exception"),
    "endless term": (changed("{on_delete: mask}", "{on_delete: mask, exception: {code: DX_8, starts: bought_on, years: 101}}"), "number"),
    "term in words": (changed("{on_delete: mask}", "{on_delete: mask, exception: {code: DX_8, starts: bought_on, years: seven}}"), "number"),
    "negative term": (changed("{on_delete: mask}", "{on_delete: mask, exception: {code: DX_8, starts: bought_on, years: -1}}"), "number"),
    "circle": (changed("{on_delete: mask}", "{on_delete: delete}").replace("            ccpa_meta: {on_delete: null}\n", "").replace("on_delete: strip_text, ", "").replace("{identity: email}}", "{identity: email, references: [{dataset: shop, field: orders.note, direction: to}]}}"), "circle"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_map_is_refused_with_its_place(text, code):
    started = time.thread_time()  # of this thread alone: other programs may be busy
    map_, findings = examine(text, "shop.yml")
    assert time.thread_time() - started < 20
    errors = [each for each in findings if each.level == "error"]
    assert (map_, errors[0].code if code not in {e.code for e in errors} else code) == (None, code)
    assert all(each.file == "shop.yml" and each.line >= 1 and each.column >= 1 for each in errors)
    with pytest.raises(MapNotSound):
        compile_map(text, system="shop", schema="public")


def test_there_are_more_than_a_hundred_hostile_maps():
    assert len(HOSTILE) > 100


def test_the_good_map_is_sound():
    assert check(GOOD, "shop.yml") == []


def test_a_finding_stands_where_the_trouble_is():
    (finding,) = check(changed("PI_D", "PI_X"), "shop.yml")
    line = GOOD.splitlines().index(next(x for x in GOOD.splitlines() if "PI_D" in x))
    column = GOOD.splitlines()[line].index("PI_D")
    assert (finding.file, finding.line, finding.column) == ("shop.yml", line + 1, column + 1)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"\xff\xfe" + GOOD.encode("utf-16-le"), (1, 1)),
        (GOOD.encode().replace(b"shop", b"sh\xf6p", 1), (2, 18)),
        (b"a: b\nc: \xed\xa0\x80\n", (2, 4)),
        (b"\xc0\x80", (1, 1)),
    ],
)
def test_what_is_not_utf8_is_refused_at_its_first_byte(raw, place):
    (finding,) = check(raw)
    assert (finding.code, (finding.line, finding.column)) == ("encoding", place)


def test_json_is_read_as_the_same_map():
    as_json = json.dumps(yaml.safe_load(GOOD), indent=1)
    assert check(as_json) == []
    assert (
        compile_map(as_json, system="s", schema="p").tables
        == compile_map(GOOD, system="s", schema="p").tables
    )


def test_the_old_names_of_fideslang_are_read():
    assert check(GOOD.replace("fides_meta", "fidesops_meta")) == []


def test_a_plain_fideslang_dataset_loads_with_warnings():
    text = GOOD.replace("    ccpa_meta: {person: people}\n", "")
    text = "\n".join(
        line for line in text.splitlines() if not line.strip().startswith("ccpa_meta")
    ).replace(", ccpa_meta: {category: PI_D, on_delete: strip_text, search_text: true}", "")
    text = text.replace(", ccpa_meta: {category: none}", "")
    findings = check(text)
    assert {(each.level, each.code) for each in findings} == {
        ("warning", "default"), ("warning", "unclassified"),
    }  # fmt: skip
    assert [t.action for t in compile_map(text, system="s", schema="p").tables] == ["delete"] * 2


@pytest.mark.parametrize("said", ["null", '"null"'])
def test_null_may_be_written_bare_or_quoted(said):
    text = changed("{on_delete: null}", f"{{on_delete: {said}}}")
    orders = compile_map(text, system="s", schema="p").table("orders")
    assert [(change.column, change.how) for change in orders.changes] == [
        ("person_id", "null"), ("note", "strip_text"),
    ]  # fmt: skip


@given(st.text(max_size=300))
def test_any_text_is_answered(text):
    assert_answered(text)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(raw):
    assert_answered(raw)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 40), st.text(max_size=6))
def test_a_good_map_with_any_damage_is_answered(start, length, graft):
    assert_answered(GOOD[:start] + graft + GOOD[start + length :])


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
TREES = st.recursive(
    SCALARS,
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "fields", "ccpa_meta", "fides_meta", "on_delete", "x"]),
            below,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(TREES, st.sampled_from(["dataset", "collections", "fields", "meta", "key"]))
def test_any_tree_in_any_place_is_answered(tree, where):
    document = yaml.safe_load(GOOD)
    dataset = document["dataset"][0]
    spots = {
        "dataset": (document, "dataset"),
        "collections": (dataset, "collections"),
        "fields": (dataset["collections"][0], "fields"),
        "meta": (dataset["collections"][1]["fields"][1], "ccpa_meta"),
        "key": (dataset["collections"][0]["fields"][0], "fides_meta"),
    }
    holder, key = spots[where]
    holder[key] = tree
    assert_answered(yaml.safe_dump(document))


def assert_answered(raw):
    """The loader never raises; it gives a map, or nothing and an error with its place."""
    map_, findings = examine(raw, "x.yml")
    errors = [each for each in findings if each.level == "error"]
    assert (map_ is None) == bool(errors)
    assert all(each.line >= 1 and each.column >= 1 for each in findings)


def test_a_message_never_repeats_a_value_of_the_file():
    secret = "postgresql://root:hunter2@db"
    for spot in ("shop", "people", "PI_A", "email", "delete", "true"):
        for finding in check(GOOD.replace(spot, f'"{secret}"', 1)):
            assert "hunter2" not in finding.message


def test_the_demos_map_is_sound():
    path = Path(settings.BASE_DIR) / "demo" / "learners.yml"
    assert check(path.read_bytes(), str(path)) == []


# --- keys of several fields -----------------------------------------------------------------------

WIDE = """\
dataset:
  - fides_key: chain
    ccpa_meta: {person: guests, category: PI_A, source: consumer}
    collections:
      - name: guests
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: house, fides_meta: {primary_key: true}}
          - {name: nr, fides_meta: {primary_key: true}}
          - {name: mail, fides_meta: {identity: email}}
      - name: stays
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: at_house
            fides_meta: {references: [{dataset: chain, field: guests.house, direction: from}]}
          - name: guest_nr
            fides_meta: {references: [{dataset: chain, field: guests.nr, direction: from}]}
"""


def test_a_reference_to_a_key_of_several_fields_is_one_step():
    assert check(WIDE) == []
    program = compile_map(WIDE, system="s", schema="p")
    ((hop,),) = program.table("stays").paths
    assert (hop.column, hop.target, hop.also) == ("at_house", "house", (("guest_nr", "nr"),))
    assert (hop.table, hop.forward, hop.unique) == ("guests", True, True)
    assert not program.table("stays").shareable


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("field: guests.nr", "field: guests.house", "not-served"),
        ("field: guests.nr, direction: from", "field: guests.nr, direction: to", "contradiction"),
        ("guests.nr, direction: from}]}", "guests.nr, direction: from}]}\n            ccpa_meta: {compare: name}", "not-served"),
        ("fides_meta: {references: [{dataset: chain, field: guests.nr, direction: from}]}", "ccpa_meta: {category: none}", "partial-key"),
    ],
)  # fmt: skip
def test_a_key_of_several_fields_is_referred_to_as_a_whole(old, new, code):
    assert WIDE.count(old) == 1
    assert {finding.code for finding in check(WIDE.replace(old, new))} == {code}
