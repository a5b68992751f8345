# ruff: noqa: E501  a hostile map is one line, however long
"""Hostile map files by family: each with the codes that may refuse it, or none if it is right."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import yaml

GOOD = """\
dataset:
  - fides_key: shop
    name: A shop
    ccpa_meta: {person: people, source: consumer}
    collections:
      - name: people
        ccpa_meta: {on_delete: delete, category: PI_A}
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - name: mail
            data_categories: [user.contact.email]
            fides_meta: {identity: email}
            ccpa_meta:
              contact: {kind: email, since: changed_at}
              verification: {point: mail, group: mail, normalise: casefold, label: {en: Mail}}
          - {name: changed_at, ccpa_meta: {category: none}}
      - name: orders
        ccpa_meta:
          on_delete: mask
          exception: {code: DX_8, starts: bought_on, years: 7}
          hold: {field: held, equals: true}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: person_id
            fides_meta: {references: [{dataset: shop, field: people.id, direction: from}]}
            ccpa_meta: {on_delete: null}
          - name: note
            description: What was written
            ccpa_meta: {category: PI_D, on_delete: {constant: nothing}, search_text: true}
          - {name: bought_on, ccpa_meta: {category: none}}
          - {name: held, ccpa_meta: {category: none}}
"""


@dataclass(frozen=True)
class Item:
    """One file; with no codes it is a good map and must be taken as it is written."""

    name: str
    raw: str | bytes
    codes: frozenset[str] = frozenset()
    text: str | None = None  # what must stand in the program's constant if the map is taken


def item(name: str, raw: str | bytes, *codes: str, text: str | None = None) -> Item:
    return Item(name, raw, frozenset(codes), text)


def changed(old: str, new: str, text: str = GOOD) -> str:
    """The good map with one thing different."""
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


# --- tags, anchors, merge keys --------------------------------------------------------------------

SPOTS = {
    "key": ("fides_key: shop", "fides_key: {} shop"),
    "name": ("name: A shop", "name: {} A shop"),
    "person": ("{person: people", "{{person: {} people"),
    "list": ("data_categories: [user", "data_categories: [{} user"),
    "collections": ("    collections:\n", "    collections: {}\n"),
    "flag": ("primary_key: true, data", "primary_key: {} true, data"),
    "number": ("years: 7", "years: {} 7"),
}
TAGS = (
    "!!python/object:os.system", "!!python/object/apply:os.system", "!!python/name:os.system",
    "!!python/module:os", "!!python/object/new:os.system", "!!binary", "!!str", "!!set", "!!omap",
    "!!float", "!env", "!include", "!vault", "!Ref", "!<tag:yaml.org,2002:str>", "!",
)  # fmt: skip


def tags() -> Iterator[Item]:
    for (spot, (old, new)), tag in itertools.product(SPOTS.items(), TAGS):
        yield item(f"{spot}/{tag}", changed(old, new.format(tag)), "tag", "syntax")


def anchors() -> Iterator[Item]:
    for spot, (old, new) in SPOTS.items():
        yield item(f"anchor/{spot}", changed(old, new.format("&a")), "anchor")
    for width, depth in itertools.product((2, 5, 9), (3, 9, 30, 90)):
        lines = ["a0: &a0 [" + ",".join(["x"] * width) + "]"]
        lines += [
            f"a{n}: &a{n} [" + ",".join([f"*a{n - 1}"] * width) + "]" for n in range(1, depth)
        ]
        yield item(f"bomb/{width}x{depth}", "\n".join(lines) + "\n", "anchor")
        block = "\n".join(f"a{n}: &b{n}\n  <<: *b{n - 1}\n  k{n}: x" for n in range(1, depth))
        yield item(f"merge-bomb/{width}x{depth}", f"a0: &b0 {{x: y}}\n{block}\n", "anchor", "merge")
    for text in ("dataset: &a [*a]\n", "&a dataset: *a\n", "dataset: *nobody\n", "? &a b\n: *a\n",
                 "dataset: [&a x, *a]\n", "- &a [*a, *a]\n", "dataset: &a {b: *a}\n"):  # fmt: skip
        yield item(f"alias/{text.strip()}", text, "anchor", "alias", "syntax")
    for merge in ("<<: {name: x}", "<<: [{name: x}]", '"<<": {name: x}', "<<: x"):
        bad = changed("fides_key: shop\n", f"fides_key: shop\n    {merge}\n")
        yield item(f"merge/{merge}", bad, "merge", "unknown")


# --- twice ----------------------------------------------------------------------------------------

LINES = (
    "    fides_key: shop2\n", "    name: B\n", "    ccpa_meta: {}\n", "    collections: []\n",
)  # fmt: skip
IN_FLOW = (
    ("{name: id, fides_meta: {primary_key: true, data_type: integer}}", "name", "id"),
    ("{primary_key: true, data_type: integer}", "primary_key", "true"),
    ("{on_delete: delete, category: PI_A}", "category", "PI_A"),
    ("{identity: email}", "identity", "email"),
    ("{code: DX_8, starts: bought_on, years: 7}", "years", "7"),
    ("{field: held, equals: true}", "equals", "true"),
    ("{dataset: shop, field: people.id, direction: from}", "field", "people.id"),
    ("{kind: email, since: changed_at}", "kind", "email"),
    ("{point: mail, group: mail, normalise: casefold, label: {en: Mail}}", "point", "mail"),
    ("{en: Mail}", "en", "Mail"),
    ("{constant: nothing}", "constant", "nothing"),
)


def twice() -> Iterator[Item]:
    for line in LINES:
        yield item(
            f"line/{line.strip()}",
            changed("    name: A shop\n", f"    name: A shop\n    fides_key: shop\n{line}"),
            "duplicate",
        )
    for flow, key, value in IN_FLOW:
        escaped = "".join(f"\\u{ord(each):04x}" for each in key)
        for spelled in (
            key,
            f'"{key}"',
            f"'{key}'",
            f'"{escaped}"',
            f'"\\x{ord(key[0]):02x}{key[1:]}"',
        ):
            again = flow[:-1] + f", {spelled}: {value}}}"
            yield item(f"flow/{key}/{spelled}", changed(flow, again), "duplicate")
    for old, new in (("fides_meta", "fidesops_meta"), ("fidesops_meta", "fides_meta")):
        flow = "{name: id, fides_meta: {primary_key: true, data_type: integer}}"
        both = f"{{name: id, {old}: {{primary_key: true}}, {new}: {{primary_key: true}}}}"
        yield item(f"old and new/{old}", changed(flow, both), "duplicate")
    for old, new in (("name: orders", "name: people"), ("name: note", "name: held"),
                     ("name: bought_on", "name: note"), ("name: person_id", "name: id")):  # fmt: skip
        yield item(f"named twice/{new}", changed(old, new), "twice", "no-field", "no-target")
    point = "verification: {point: mail, group: x, normalise: exact, label: {en: X}}"
    bad = changed("category: PI_D, ", f"category: PI_D, {point}, ")
    yield item("the same point", bad, "twice")


# --- types that change silently -------------------------------------------------------------------

CHANGING = (
    "no", "No", "NO", "yes", "Yes", "on", "On", "off", "OFF", "true", "True", "TRUE", "false",
    "False", "null", "Null", "NULL", "~", "", "1_000", "60:30", "1:2:3", "0x1f", "0b11", "017",
    "1.5", "1.0e+3", ".5", "-1", "+1", "007", "12", ".inf", "-.Inf", ".nan", ".NaN", "2026-01-01",
    "2026-01-01T10:00:00Z", "2026-01-01 10:00:00", "=", "<<",
)  # fmt: skip
TEXT_SPOTS = {
    "collection": ("name: orders", "name: {}"),
    "field": ("name: held, ccpa", "name: {}, ccpa"),
    "key": ("fides_key: shop", "fides_key: {}"),
    "name": ("name: A shop", "name: {}"),
    "category": ("[user.contact.email]", "[{}]"),
    "person": ("{person: people,", "{{person: {},"),
    "label": ("{en: Mail}", "{{en: {}}}"),
}


def types() -> Iterator[Item]:
    """In a place for text nothing is taken that YAML takes for something else."""
    codes = ("not-text", "form", "shape", "merge", "no-person", "no-field", "syntax")
    for (spot, (old, new)), said in itertools.product(TEXT_SPOTS.items(), CHANGING):
        if (spot, said) in {("name", "null"), ("name", ""), ("category", "")}:
            continue  # fideslang writes a key that says nothing so
        yield item(f"{spot}/{said!r}", changed(old, new.format(said)), *codes)
    for said in ("yes", "on", "1", "0", "tRuE", "no", "~", '"true"', "[true]", "t"):
        bad = changed("primary_key: true, data", f"primary_key: {said}, data")
        yield item(f"flag/{said}", bad, "flag")
    for said in ("7.0", "0x7", "07", "1_0", "+7", "7e0", '"7"', "seven", "-7", "0", "101", "null",
                 "[7]", "7 years", "٧", "７", "1:0", ".7"):  # fmt: skip
        yield item(f"number/{said}", changed("years: 7", f"years: {said}"), "number")


def constants() -> Iterator[Item]:
    """A constant is what was written, or it is refused."""
    for said in (*CHANGING, "1e3", "0o17", "y", "n", "NaN", "Infinity", "None", "undefined", "nil"):
        taken = yaml.compose(said, Loader=yaml.SafeLoader) if said else None
        is_text = taken is not None and taken.tag == "tag:yaml.org,2002:str"
        plain = is_text or said in {"true", "false", "12", "-1"}
        bad = changed("{constant: nothing}", f"{{constant: {said}}}")
        refused = () if plain else ("value", "one-of", "merge")
        yield item(f"bare/{said!r}", bad, *refused, text=said)
        quoted = changed("{constant: nothing}", f"{{constant: {json.dumps(said)}}}")
        yield item(f"quoted/{said!r}", quoted, text=said)


# --- depth and size -------------------------------------------------------------------------------


def sizes() -> Iterator[Item]:
    deep = ("too-deep", "syntax", "too-many", "too-big")
    for count in (25, 100, 1_000, 20_000, 200_000):
        yield item(f"lists/{count}", "dataset: " + "[" * count, *deep)
        yield item(f"closed lists/{count}", "dataset: " + "[" * count + "]" * count, *deep)
        yield item(f"maps/{count}", "dataset: " + "{a: " * count, *deep)
        yield item(f"json/{count}", '{"dataset":' * count, *deep)
        yield item(f"dashes/{count}", "dataset:\n" + "- " * count + "x\n", *deep)
        yield item(f"questions/{count}", "? " * count + "x\n", *deep, "key")
    for count in (25, 100, 300):
        yield item(f"block/{count}", "\n".join("  " * n + "a:" for n in range(count)), *deep)
        yield item(f"block lists/{count}", "\n".join(" " * n + "-" for n in range(count)), *deep)
    for count in (60_000, 150_000):
        yield item(f"entries/{count}", "dataset:\n" + "- x\n" * count, *deep)
        yield item(f"flow entries/{count}", "dataset: [" + "x," * count + "]", *deep)
        keys = "".join(f"k{n}: x\n" for n in range(count // 2))
        yield item(f"keys/{count}", keys, *deep, "unknown", "too-big")
    for size in (1_000_001, 5_000_000, 20_000_000):
        yield item(f"bytes/{size}", b"a" * size, "too-big")
        yield item(f"comment/{size}", GOOD + "#" + "x" * size, "too-big")
        yield item(f"blanks/{size}", GOOD + " " * size, "too-big")
        yield item(f"wide/{size}", ("\u3042" * (size // 3 + 1)), "too-big")
    yield item("indent", GOOD + " " * 500 + "x: y\n", "too-deep")
    for most, least in ((401, "fields"), (2001, "collections")):
        many = "[" + ", ".join(["{name: x}"] * most) + "]"
        yield item(f"{least}/{most}", f"dataset: [{{fides_key: x, {least}: {many}}}]",
                   "length", "misplaced", "unknown", "missing")  # fmt: skip
    for long in (201, 2_001, 100_000):
        yield item(
            f"text/{long}", changed("A shop", "x" * long), *(("form",) if long > 2_000 else ())
        )
        yield item(
            f"constant/{long}", changed("constant: nothing", "constant: " + "x" * long), "value"
        )


# --- identifiers ----------------------------------------------------------------------------------

REFUSED = (
    "a b", "a-b", "a.b", "a;b", "a'b", "a\"b", "a`b", "[a]", "a,b", "a/b", "a\\\\b", "a--", "a/*b*/",
    "a) --", "1a", "9", "$a", "a$b", "@a", "#a", "%s", "%(a)s", "{a}", "*", "a*", "?", ":a", "a:b",
    "a|b", "a&b", "a=b", "a<b", "a>b", "(a)", "a()", "", " ", "a ", " a", "a\\n", "\\na", "a\\tb",
    "public.orders", "pg_catalog.pg_class", "information_schema.tables", "mysql.user", "dbo.a",
    "orders; DROP TABLE people; --", "orders' OR '1'='1", "orders UNION SELECT 1", "x\\u0027 or 1=1",
    "оrders", "ｏrders", "oгders", "ordеrs", "ｏｒｄｅｒｓ", "øre", "ordersß", "ordérs", "orders\u0301",
    "表", "注文", "o" * 64, "o" * 200, "o" * 5_000, "あ" * 22, "..", "../x", "/etc/passwd",
    "file:///etc/passwd", "COUNT(*)", "now()", "current_user", "select 1", "null::text",
)  # fmt: skip
RESERVED = (
    "order", "select", "from", "where", "user", "table", "group", "drop", "grant", "all", "end",
    "current_user", "default", "primary", "check", "column", "zq_nobody", "Zq_Mixed", "ZQ", "_zq",
    "o" * 63, "delete", "union", "into", "analyze", "limit", "offset", "references", "trigger",
)  # fmt: skip
NAME_SPOTS = {
    "collection": "name: orders",
    "field": "name: held, ccpa",
    "since": "since: changed_at",
    "starts": "starts: bought_on",
    "hold": "{field: held,",
    "reference": "field: people.id",
    "person": "person: people,",
}


def named(spot: str, text: str) -> str:
    """The good map with another name at a spot, in quotes."""
    old = NAME_SPOTS[spot]
    was = {"reference": "people.id"}.get(spot, old.partition(": ")[2].rstrip(",").partition(",")[0])
    new = f"people.{text}" if spot == "reference" else text
    return changed(old, old.replace(was, f'"{new}"'.replace('""', '"'), 1) if '"' not in text
                   else old.replace(was, "'" + new.replace("'", "''") + "'", 1))  # fmt: skip


def identifiers() -> Iterator[Item]:
    codes = ("form", "control", "hidden", "filled-in", "no-field", "no-target", "no-person", "syntax",
             "not-text")  # fmt: skip
    for spot, text in itertools.product(NAME_SPOTS, REFUSED):
        if text == "current_user" or (spot == "reference" and text == "a.b"):
            continue
        yield item(f"{spot}/{text[:20]!r}", named(spot, text), *codes)
    for text in (
        "pg_class",
        "pg_authid",
        "sqlite_master",
        "information_schema",
        "PG_x",
        "sys",
        "mysql",
    ):
        yield item(f"system/{text}", named("collection", text), "system-table")


def reserved() -> Iterator[Item]:
    """Words that SQL reserves are names like any other: quoted, after a match with the catalogue."""
    for text in RESERVED:
        yield item(f"collection/{text[:20]}", named("collection", text))
        both = named("field", text).replace("{field: held,", f'{{field: "{text}",')
        yield item(f"field/{text[:20]}", both)


# --- the sense ------------------------------------------------------------------------------------

SENSE = {
    "no person": ("person: people", "person: nobody", "no-person"),
    "no identity": ("{identity: email}", "{data_type: string}", "no-identity"),
    "nothing to point to": ("people.id", "people.number", "no-target"),
    "no such collection": ("people.id", "nobody.id", "no-target"),
    "within a word": ("people.id", "people.id.inner", "no-target"),
    "another dataset": ("dataset: shop", "dataset: other", "other-dataset"),
    "no way": ("direction: from", "direction: to", "unreached"),
    "unknown category": ("PI_A", "PI_Z", "unknown-category"),
    "fideslang's category": ("category: PI_A", "category: user.name", "unknown-category"),
    "the old category": ("category: PI_D", "category: ND_1", "unknown-category"),
    "unknown action": ("on_delete: mask", "on_delete: anonymise", "action"),
    "unknown word": ("{constant: nothing}", "redact", "action"),
    "kept for nothing": ("on_delete: delete", "on_delete: keep", "no-exception"),
    "mask of nothing": ("on_delete: delete", "on_delete: mask", "no-change"),
    "repealed": ("DX_8", "DX_9", "exception"),
    "another law": ("DX_8", "GDPR_17", "exception"),
    "no date": ("starts: bought_on, ", "", "missing"),
    "no length": (", years: 7", "", "missing"),
    "two lengths": ("years: 7", "years: 7, length: P7Y", "one-of"),
    "length in words": ("years: 7", "length: 7 years", "form"),
    "empty length": ("years: 7", "length: P", "form"),
    "length of time": ("years: 7", "length: PT5H", "form"),
    "no length at all": ("years: 7", "length: P0Y", "form"),
    "hold on nothing": ("{field: held, equals: true}", "{field: nobody, equals: true}", "no-field"),
    "hold without a condition": ("{field: held, equals: true}", "{field: held}", "one-of"),
    "hold with two": ("equals: true}", "equals: true, empty: true}", "one-of"),
    "hold on a condition": ("equals: true}", "where: 1=1}", "unknown"),
    "hold on no list": ("{field: held, equals: true}", "[]", "length"),
    "contact of nothing": ("since: changed_at", "since: nobody", "no-field"),
    "contact of a kind": ("kind: email", "kind: pigeon", "choice"),
    "normal form": ("normalise: casefold", "normalise: soundex", "choice"),
    "two ways": ("{constant: nothing}", "{constant: x, truncate_date: year}", "one-of"),
    "no way at all": ("{constant: nothing}", "{}", "one-of"),
    "bucket of one": ("{constant: nothing}", "{bucket: 1}", "number"),
    "bucket of words": ("{constant: nothing}", "{bucket: ten}", "number"),
    "keeps all": ("{constant: nothing}", "{keep_last: 99}", "number"),
    "weak digest": ("{constant: nothing}", "{hash: MD5}", "choice"),
    "endless random": ("{constant: nothing}", "{random: 99999}", "number"),
    "random of nothing": ("{constant: nothing}", "{random: {suffix: x}}", "missing"),
    "key changed": ("{primary_key: true}}", "{primary_key: true}, ccpa_meta: {on_delete: null}}",
                    "key-changed"),
    "nothing said": ("on_delete: {constant: nothing}, ", "", "no-on-delete"),
    "row deleted, field too": ("- {name: changed_at, ccpa_meta: {category: none}}",
                               "- {name: changed_at, ccpa_meta: {on_delete: null}}", "misplaced"),
    "shared in a mask": ("search_text: true}", "search_text: true, on_shared: null}", "misplaced"),
    "kept in a deletion": ("- {name: changed_at, ccpa_meta: {category: none}}",
                           "- {name: changed_at, ccpa_meta: {on_kept: null}}", "misplaced"),
    "term's own field": ("- {name: bought_on, ccpa_meta: {category: none}}",
                         "- {name: bought_on, ccpa_meta: {on_delete: keep, on_kept: null}}", "needed"),
    "read only": ("- name: note\n", "- name: note\n            fides_meta: {read_only: true}\n",
                  "read-only"),
    "array of a word": ("{identity: email}", "{identity: email, return_all_elements: true}",
                        "not-array"),
    "key in an array": ("data_type: integer", "data_type: 'integer[]'", "not-served"),
    "unknown type": ("data_type: integer", "data_type: uuid", "form"),
    "skipped": ("- name: orders\n", "- name: orders\n        fides_meta: {skip_processing: true}\n",
                "skipped-data"),
    "after nobody": ("- name: orders\n", "- name: orders\n        fides_meta: {after: [shop.x]}\n",
                     "no-target"),
    "after elsewhere": ("- name: orders\n", "- name: orders\n        fides_meta: {after: [x.y]}\n",
                        "other-dataset"),
    "after itself": ("- name: orders\n",
                     "- name: orders\n        fides_meta: {erase_after: [shop.people]}\n", "circle"),
    "strategy": ("- name: note\n", "- name: note\n            fides_meta: {masking_strategy_override: {strategy: shred}}\n", "strategy"),
    "strategy of rows": ("- name: note\n", "- name: note\n            fides_meta: {masking_strategy_override: {strategy: delete}}\n", "strategy"),
    "two strategies": ("- name: note\n", "- name: note\n            fides_meta: {masking_strategy_override: {strategy: null_rewrite}}\n", "contradiction"),
    "strategy without a value": ("- name: note\n", "- name: note\n            fides_meta: {masking_strategy_override: {strategy: string_rewrite}}\n", "strategy-config"),
    "strategy with another's": ("- name: note\n", "- name: note\n            fides_meta: {masking_strategy_override: {strategy: null_rewrite, configuration: {length: 4}}}\n", "strategy-config"),
    "rows deleted and masked": ("- name: orders\n", "- name: orders\n        fides_meta: {masking_strategy_override: {strategy: delete}}\n", "contradiction"),
    "rows by a strategy": ("- name: orders\n", "- name: orders\n        fides_meta: {masking_strategy_override: {strategy: hash}}\n", "strategy"),
    "left out for nothing": ("source: consumer}", "source: consumer, leaves_out: [{table: x, because: ''}]}", "form"),
    "left out without": ("source: consumer}", "source: consumer, leaves_out: [{table: x}]}", "missing"),
}  # fmt: skip
LEVELS = {
    "dataset": "    name: A shop\n",
    "collection": "      - name: orders\n",
    "field": "          - name: note\n",
}
FOREIGN_KEYS = ("personal", "pii", "owner", "select", "__class__", "__proto__", "constructor", "$ref",
                "on_erase", "retention_days", "Name", "NAME", "nаme", "fides_metа", "ccpa-meta")  # fmt: skip
MISPLACED = {"dataset": ("person", "recipient"), "collection": ("exception", "hold", "after"),
             "field": ("on_delete", "identity", "primary_key", "references", "category")}  # fmt: skip


def sense() -> Iterator[Item]:
    for name, (old, new, code) in SENSE.items():
        yield item(name, changed(old, new), code)
    indents = {"dataset": 4, "collection": 8, "field": 12}
    for level, line in LEVELS.items():
        for key in FOREIGN_KEYS:
            more = f"{line}{' ' * indents[level]}{key}: x\n"
            yield item(f"{level}/{key}", changed(line, more), "unknown")
        for key in MISPLACED[level]:
            more = f"{line}{' ' * indents[level]}{key}: x\n"
            yield item(f"{level}/misplaced {key}", changed(line, more), "misplaced")
    for shape in ("x", "7", "[]", "[x]", "[[]]", "{}", "null", "true", "[{}]", "{x: y}"):
        yield item(
            f"dataset is {shape}", f"dataset: {shape}\n", "shape", "length", "missing", "unknown"
        )
        yield item(f"root is {shape}", f"{shape}\n", "shape", "missing", "unknown")
        old = (
            "fields:\n          - {name: id, fides_meta: {primary_key: true, data_type: integer}}\n"
        )
        bad = changed(old, f"fields: {shape}\n        x:\n")
        yield item(f"fields are {shape}", bad, "shape", "length", "missing", "unknown")


# --- secrets and place holders --------------------------------------------------------------------

SECRETS = (
    "postgresql://root:hunter2@db/x", "mysql://a:hunter2@h", "https://u:hunter2@x.test/",
    "amqp://u:hunter2@h:5672//", "-----BEGIN PRIVATE KEY----- hunter2", "-----BEGIN RSA PRIVATE KEY-----",
    "AKIAABCDEFGHIJKLMNOP", "ghp_" + "a" * 36, "xoxb-1234567890-abc",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
)  # fmt: skip
HOLDERS = (
    "${SECRET_KEY}", "$(cat /etc/passwd)", "{{ secrets.db }}", "{% include x %}", "<%= ENV %>",
    "%(password)s", "env:SECRET_KEY", "vault:kv/db", "file:/etc/passwd", "secret:db", "ssm:/db",
    "op://vault/item".replace("op:", "op:"),
)  # fmt: skip
SECRET_SPOTS = ("name: A shop", "description: What was written", "{constant: nothing}", "{en: Mail}",
                "fides_key: shop")  # fmt: skip


def secrets() -> Iterator[Item]:
    for spot, text in itertools.product(SECRET_SPOTS, (*SECRETS, *HOLDERS)):
        head, sign, _ = spot.partition(": ")
        end = "}" if spot.endswith("}") else ""
        bad = changed(spot, f"{head}{sign}{json.dumps(text)}{end}")
        yield item(f"{head.strip('{')}/{text[:16]}", bad, "secret", "filled-in")


# --- encodings ------------------------------------------------------------------------------------

CODECS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig",
          "cp037", "cp500")  # fmt: skip
LOCAL = ("latin-1", "cp1252", "shift_jis", "euc-jp", "iso2022_jp", "gb18030", "big5", "koi8-r")
BROKEN = (b"\xff", b"\xfe\xff", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xf0\x80\x80\x80",
          b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xc3",
          b"\xe3\x81", b"\x80", b"\xbf", b"\xf5\x80\x80\x80", b"\xe3\x81A")  # fmt: skip
UNSEEN = (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0), 0xAD, 0x061C,
          0x180E, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2065),
          *range(0x2066, 0x2070), 0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB, 0xFFFE, 0xFFFF, 0xE000, 0xE0001,
          0xE0020, 0x1D173, 0x10FFFF)  # fmt: skip


LOCAL_TEXT = {"latin-1": "ö", "cp1252": "ö", "koi8-r": "Ж"}


def encodings() -> Iterator[Item]:
    odd = ("encoding", "syntax", "control", "hidden", "shape", "empty", "unknown", "too-many", "tag",
           "form", "not-text")  # fmt: skip
    for codec in CODECS:
        yield item(f"codec/{codec}", GOOD.encode(codec), *odd)
    for codec in LOCAL:
        text = changed("A shop", LOCAL_TEXT.get(codec, "注文"))
        yield item(f"local/{codec}", text.encode(codec), *odd)
    yield from _broken()
    yield from _unseen()


def _broken() -> Iterator[Item]:
    for raw in BROKEN:
        for where in (b"A shop", b"shop", b"dataset"):
            yield item(
                f"broken/{raw!r}/{where!r}", GOOD.encode().replace(where, raw, 1), "encoding"
            )
    for text in (
        '"\\ud800"',
        '"\\udfff"',
        '"\\ud800\\ud800"',
        '"\\q"',
        '"\\UFFFFFFFF"',
        '"\\x4"',
        "'a",
        '"a',
    ):
        yield item(f"escape/{text}", changed("A shop", text), "control", "syntax")
    for text in (
        "\t- x",
        "%YAML 1.2\n---\n",
        "%TAG ! tag:x,2000:\n---\n",
        "--- x\n--- y\n",
        "...\n---\nx",
    ):
        yield item(f"stream/{text!r}", text + GOOD, "syntax", "directive", "documents", "shape")


def _unseen() -> Iterator[Item]:
    for code in UNSEEN:
        sign = chr(code)
        yield item(
            f"raw/{code:04x}", changed("A shop", f"A{sign}shop"), "control", "hidden", "syntax"
        )
        escape = f"\\U{code:08x}"
        yield item(
            f"escaped/{code:04x}", changed("A shop", f'"A{escape}shop"'), "control", "hidden"
        )
    for sign in ("\u202e", "\u2066", "\u200b"):
        yield item(f"comment/{ord(sign):04x}", GOOD + f"# {sign}\n", "hidden")


# --- JSON -----------------------------------------------------------------------------------------


def as_json(text: str = GOOD) -> str:
    """A map as JSON."""
    return json.dumps(yaml.safe_load(text), indent=1)


def broken_json() -> Iterator[Item]:
    good = as_json()
    for number in (
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "7.5",
        "1E400",
        "-0",
        "9" * 400,
        "0x7",
        "+7",
    ):
        bad = good.replace('"years": 7', f'"years": {number}')
        yield item(f"number/{number[:10]}", bad, "number", "not-text")
    for cut in range(1, 24):
        yield item(
            f"cut/{cut}", good[: len(good) * cut // 24], "syntax", "missing", "shape", "length"
        )
    for old, new in (('"shop"', "shop\x00"), ('"people"', '"people\\u0000"'), ('"id"', '"\\ud800"'),
                     ('"orders"', "'orders"), (": [", ": ]"), ("{", "{{"), ('"name"', '"name" "name"')):  # fmt: skip
        yield item(f"bent/{new!r}", good.replace(old, new, 1),
                   "syntax", "control", "key", "unknown", "shape", "missing")  # fmt: skip
    twice = good.replace('"fides_key": "shop",', '"fides_key": "shop", "fides_key": "shop",', 1)
    yield item("twice", twice, "duplicate")
    yield item("after it", good + "{}", "syntax", "documents")


def right() -> Iterator[Item]:
    """Files that look odd and are maps all the same."""
    yield item("as it is", GOOD)
    yield item("json", as_json())
    yield item("json in one line", json.dumps(yaml.safe_load(GOOD)))
    yield item("json with tabs", json.dumps(yaml.safe_load(GOOD), indent="\t"))
    yield item("line ends", GOOD.replace("\n", "\r\n"))
    yield item("bytes", GOOD.encode())
    yield item("markers", "---\n" + GOOD + "...\n")
    yield item("comments", GOOD.replace("\n", "  # yes: no\n"))
    yield item("old name", GOOD.replace("fides_meta", "fidesops_meta"))
    yield item("far letters", changed("A shop", '"\\ud83d\\udcd6 本"'))
    yield item("letters", changed("A shop", "店 Ж é ł"))
    yield item("nothing said", changed("name: A shop", "name: null\n    tags:\n    meta: null"))
    for key in ("data_uses", "data_purposes", "data_subjects"):
        yield item(f"3.x/{key}", changed("description: What was written", f"{key}: [essential]"))
    for key in ("data_qualifier: aggregated", "retention: 7 years"):
        yield item(f"2.x/{key}", changed("description: What was written", key))
    yield item("custom category", changed("user.contact.email", "acme.secret_sauce"))
    for strategy in (
        "null_rewrite",
        "preserve",
        "hash",
        "hmac",
        "aes_encrypt",
        "random_string_rewrite",
    ):
        said = f"masking_strategy_override: {{strategy: {strategy}}}"
        with_it = changed("on_delete: {constant: nothing}, ", "").replace(
            "description: What was written", f"fides_meta: {{{said}}}", 1
        )
        yield item(f"strategy/{strategy}", with_it)


# --- within columns -------------------------------------------------------------------------------

PART = """\
          - name: payload
            fides_meta: {data_type: object}
            fields:
              - {name: ip, ccpa_meta: {category: PI_F, on_delete: null}}
              - name: buyers
                fides_meta: {data_type: "object[]"}
                fields:
                  - name: nr
                    fides_meta: {references: [{dataset: shop, field: people.id, direction: from}]}
                    ccpa_meta: {on_delete: remove}
                  - {name: nick}
"""
REFERS = "fides_meta: {references: [{dataset: shop, field: people.id, direction: from}]}"
PARTS = {
    "null where it names": ("on_delete: remove", "on_delete: null"),
    "a constant where it is no list": ("PI_F, on_delete: null", "PI_F, on_delete: {constant: x}"),
    "an identifier": ("on_delete: remove", "on_delete: remove, identifier: email"),
    "a list of keys": ("- {name: nick}", '- name: ids\n                    fides_meta: {data_type: "integer[]", references: [{dataset: shop, field: people.id}]}\n                    ccpa_meta: {on_delete: remove}'),
    "an identity in a list": ("- {name: nick}", '- {name: mails, fides_meta: {data_type: "string[]", identity: email}, ccpa_meta: {compare: casefold}}'),
    "a contact": ("- {name: ip,", "- {name: tel, ccpa_meta: {category: PI_B, on_delete: null, contact: {kind: phone, since: bought_on}}}\n              - {name: ip,"),
}  # fmt: skip
WRONG_PARTS = {
    "a pseudonym": ("on_delete: remove", "on_delete: pseudonym", "nested-action"),
    "a constant for a key": ("on_delete: remove", "on_delete: {constant: x}", "nested-action"),
    "another's nick": ("{name: nick}", "{name: nick, ccpa_meta: {on_delete: null}}", "nested-action"),
    "text in a list": ("{name: nick}", "{name: nick, ccpa_meta: {on_delete: strip_text}}", "nested-action"),
    "removed from no list": ("PI_F, on_delete: null", "PI_F, on_delete: remove", "nested-action"),
    "hashed within": ("PI_F, on_delete: null", "PI_F, on_delete: hash", "nested-action"),
    "zero within": ("PI_F, on_delete: null", "PI_F, on_delete: zero", "nested-action"),
    "last four within": ("PI_F, on_delete: null", "PI_F, on_delete: {keep_last: 4}", "nested-action"),
    "column and part": ("            fides_meta: {data_type: object}\n", "            fides_meta: {data_type: object}\n            ccpa_meta: {on_delete: null}\n", "nested-action"),
    "list and part": ("                fides_meta: {data_type: \"object[]\"}\n", "                fides_meta: {data_type: \"object[]\"}\n                ccpa_meta: {on_delete: null}\n", "nested-action"),
    "by phone": ("on_delete: remove", "on_delete: remove, compare: phone", "nested-action"),
    "of no kind": (f"{REFERS}\n                    ccpa_meta: {{", "ccpa_meta: {", "nested-action"),
    "unmarked": (f"{REFERS}\n                    ccpa_meta: {{", "ccpa_meta: {identifier: ghost, ", "nested-action"),
    "a plain column": ("PI_D, on_delete: {constant: nothing}", "PI_D, on_delete: remove", "nested-action"),
    "a key within": ("{name: nick}", "{name: nick, fides_meta: {primary_key: true}}", "not-served"),
    "a search within": ("{name: nick}", "{name: nick, ccpa_meta: {search_text: true}}", "not-served"),
    "an object refers": ('{data_type: "object[]"}', '{data_type: "object[]", references: [{dataset: shop, field: people.id}]}', "not-served"),
    "an object is known": ('{data_type: "object[]"}', '{data_type: "object[]", identity: email}', "not-served"),
    "refers to nothing": ("people.id, direction: from}]}\n                    ccpa", "people.nr, direction: from}]}\n                    ccpa", "no-target"),
    "refers below a number": ("people.id, direction: from}]}\n                    ccpa", "people.id.x, direction: from}]}\n                    ccpa", "no-target"),
    "no object": ("fides_meta: {data_type: object}\n", "fides_meta: {data_type: string}\n", "not-object"),
    "a list of lists": ('"object[]"', '"object[][]"', "form"),
    "twice": ("{name: nick}", "{name: nr}", "twice"),
    "stripped in a mask": ("on_delete: remove", "on_shared: remove", "misplaced"),
    "since within": ("- {name: ip,", "- {name: tel, ccpa_meta: {contact: {kind: phone, since: ip}}}\n              - {name: ip,", "no-field"),
}  # fmt: skip
ODD_STEPS = ("[]", "*", "$", "a.b", "a b", 'a"b', "a'b", "..", "a->b", "0", "-1", "a]", "{a", "",
             "a,b", "'; DROP TABLE people; --", "a\\b", "%s", ":x", "ａ", "a" * 64)  # fmt: skip


def within() -> Iterator[Item]:
    """Keys and actions within columns: what is served, and what never is."""
    good = changed("          - {name: bought_on", f"{PART}          - {{name: bought_on")
    yield item("good", good)
    for name, (old, new) in PARTS.items():
        yield item(f"good/{name}", changed(old, new, good))
    for name, (old, new, code) in WRONG_PARTS.items():
        yield item(name, changed(old, new, good), code)
    for step in ODD_STEPS:
        yield item(
            f"step/{step[:8]}", changed("name: nick", f"name: {json.dumps(step)}", good), "form"
        )


FAMILIES: dict[str, Callable[[], Iterator[Item]]] = {
    each.__name__: each
    for each in (tags, anchors, twice, types, constants, sizes, identifiers, reserved, sense, secrets,
                 encodings, broken_json, right, within)
}  # fmt: skip
