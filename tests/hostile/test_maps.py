"""Map files that mean harm, or are only wrong: refused with file, line and reason (S5)."""

import json
import math
import time

import psycopg
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from ccpa_office.models import LedgerLine
from notices_app import datamap
from notices_app.datamap.codes import CODES
from notices_app.datamap.compiling import examine
from notices_app.datamap.form import MAP, json_schema
from notices_app.datamap.reading import Leaf, Many, Report, decode, kind_of, read
from notices_app.models import DataMapVersion
from tests.connectors import stores
from tests.counting import THROWN
from tests.hostile import maps
from tests.notices.conftest import NOON, staff

LONGEST = 20.0
"""Seconds of work that one file may cost; a tenth of it on an idle machine."""
ENOUGH = 600
ITEMS = {family: list(make()) for family, make in maps.FAMILIES.items()}


def verdict(each):
    """What is wrong with the answer to an item; nothing if it is as it must be."""
    started = time.thread_time()  # of this thread alone: other programs may be busy
    map_, findings = examine(each.raw, "shop.yml")
    took = time.thread_time() - started
    errors = [finding for finding in findings if finding.level == "error"]
    placed = all(f.file == "shop.yml" and f.line and f.column and f.message for f in findings)
    wrong = {
        f"took {took:.0f} s": took > LONGEST,
        "a finding without its place": not placed,
        "a code without a cure": not {finding.code for finding in findings} <= CODES.keys(),
        "a message repeats a secret": any("hunter2" in finding.message for finding in findings),
    }
    told = [words for words, is_so in wrong.items() if is_so]
    return "; ".join(told) or (_refused if each.codes else _taken)(each, map_, errors)


def _refused(each, map_, errors):
    if map_ is not None or not errors:
        return "taken"
    found = {finding.code for finding in errors}
    return "" if found & each.codes else f"refused for another reason: {sorted(found)}"


def _taken(each, map_, errors):
    if map_ is None:
        return f"refused: {[(error.line, error.column, error.code) for error in errors]}"
    raw = each.raw.decode() if isinstance(each.raw, bytes) else each.raw
    program = datamap.compile_map(raw, system="s", schema="p")
    if each.text is not None:
        (said,) = [c.argument for t in program.tables for c in t.changes if c.how == "constant"]
        return "" if said == each.text else f"changed to {said!r}"
    return ""


@pytest.mark.parametrize("family", ITEMS)
def test_every_file_of_a_family_is_answered_as_it_must_be(family):
    THROWN[f"maps[{family}]"] += len(ITEMS[family])
    wrong = {each.name: said for each in ITEMS[family] if (said := verdict(each))}
    assert wrong == {}


def as_value(tree):
    """A tree as a JSON document would carry it."""
    if isinstance(tree, Many):
        return [as_value(each) for each in tree.items]
    if not isinstance(tree, Leaf):
        return {key: as_value(below) for key, below in tree.entries.items()}
    if not tree.bare:
        return tree.text
    try:
        value = json.loads(tree.text.lower() if tree.text.lower() in BARE else tree.text)
    except ValueError:
        value = None if kind_of(tree.text).endswith(":null") else tree.text
    return tree.text if isinstance(value, str | list | dict) else value


BARE = {"true", "false", "null"}


def test_the_reader_takes_exactly_what_the_schema_takes():
    """Every file of the corpus that can be read at all, written again as JSON."""
    schema = Draft202012Validator(json_schema())
    compared, differ = 0, []
    for family, items in ITEMS.items():
        for each in items:
            value = _value(each.raw)
            if value is None:
                continue
            text = json.dumps(value)
            report = Report("")
            tree = read(text, report)
            if tree is None:
                continue
            MAP.read(tree, report)
            compared += 1
            if report.is_sound != schema.is_valid(value):
                differ.append((family, each.name, report.is_sound, report.findings[:1]))
    assert differ == []
    assert compared > 700


def _value(raw):
    report = Report("")
    text = decode(raw, report) if isinstance(raw, bytes) else raw
    tree = read(text, report) if text is not None and len(text) < 60_000 else None
    value = as_value(tree) if tree is not None else None
    return None if isinstance(value, float) or _has_odd_number(value) else value


def _has_odd_number(value):
    """NaN is no JSON, and 7.0 is an integer to a schema but not to us."""
    if isinstance(value, list):
        return any(map(_has_odd_number, value))
    if isinstance(value, dict):
        return any(map(_has_odd_number, value.values()))
    return isinstance(value, float) and (not math.isfinite(value) or value.is_integer())


# --- nothing in part, and no statement of a name that the catalogue does not know -----------------


@pytest.fixture(scope="module")
def learners():
    with stores.store(stores.LEARNERS) as made:
        yield made


@pytest.fixture
def loader(db, learners):
    by = staff("lena", "editor")
    datamap.add_system("shop", name="", url=learners.url, by=by, at=NOON, schema="public")
    return by


@pytest.fixture
def statements(monkeypatch):
    """Every statement that any driver sends."""
    seen = []
    execute = psycopg.Cursor.execute

    def watch(cursor, query, *args, **kwargs):
        seen.append(query.as_string(cursor) if hasattr(query, "as_string") else str(query))
        return execute(cursor, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", watch)
    return seen


@pytest.mark.django_db
@pytest.mark.parametrize(
    "family", sorted(ITEMS.keys() - {"right", "sizes", "constants", "reserved"})
)
def test_nothing_of_a_refused_file_is_loaded(family, loader, statements):
    lines = LedgerLine.objects.count()
    for each in ITEMS[family][::7]:
        if each.codes and isinstance(each.raw, str):
            with pytest.raises(datamap.MapNotSound):
                datamap.load(each.raw, system_key="shop", by=loader, at=NOON)
    assert (DataMapVersion.objects.count(), LedgerLine.objects.count()) == (0, lines)
    assert [text for text in statements if "pg_catalog" in text] == []


@pytest.mark.django_db
def test_no_statement_is_built_of_a_name_that_the_catalogue_does_not_know(loader, statements):
    """Good words, reserved or not, that the store does not have: found out by a look at names."""
    for each in (item for item in ITEMS["reserved"] if "collection/" in item.name):
        text = str(each.raw).replace("people", "zq_people").replace('"', "")
        with pytest.raises(datamap.MapNotSound) as refusal:
            datamap.load(text, system_key="shop", by=loader, at=NOON)
        codes = {finding.code for finding in refusal.value.findings if finding.level == "error"}
        assert codes <= {"unknown-table", "unknown-column"}
        assert all(finding.line > 1 for finding in refusal.value.findings)
    assert [text for text in statements if "zq_" in text.lower()] == []
    assert DataMapVersion.objects.count() == 0


def test_there_are_enough_of_them():
    assert sum(len(items) for items in ITEMS.values()) >= ENOUGH
    names = [(family, each.name) for family, items in ITEMS.items() for each in items]
    assert len(names) - len(set(names)) < 40
