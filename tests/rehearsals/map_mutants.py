"""Maps with one mistake, made from a sound one: a wrong reference, a lost rule, a wild constant."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import yaml

Doc = dict[str, Any]
Made = Iterator[tuple[str, Doc]]
WILD = ("%", "", "*", "_", "%' OR '1'='1")
COMPARE = ("exact", "casefold", "phone", "name")


MOST = 45
"""So many of each family are taken, spread evenly over the map."""


def mutants(text: str) -> Iterator[tuple[str, str]]:
    """What is wrong, and the map with it; every map once."""
    sound = yaml.safe_load(text)
    seen = {_text(sound)}
    for make in (_persons, _tables, _exceptions, _fields, _references, _swaps, _changes):
        made = []
        for kind, doc in make(sound):
            changed = _text(doc)
            if changed not in seen:
                seen.add(changed)
                made.append((kind, changed))
        yield from made[:: -(-len(made) // MOST) or 1]


def sound(text: str) -> str:
    """The map itself, spelled as its mutants are."""
    return _text(yaml.safe_load(text))


def _text(doc: Doc) -> str:
    return json.dumps(doc, ensure_ascii=False, default=str, indent=0)


def _copy(doc: Doc, *way: Any) -> tuple[Doc, Any]:
    """A copy of a map, and what stands in it at the end of a way."""
    made = copy.deepcopy(doc)
    at: Any = made["dataset"][0]
    for step in way:
        at = at.setdefault(step, {}) if isinstance(at, dict) else at[step]
    return made, at


def _collections(doc: Doc) -> list[Doc]:
    found: list[Doc] = doc["dataset"][0]["collections"]
    return found


def _each_field(doc: Doc) -> Iterator[tuple[str, tuple[Any, ...], Doc]]:
    for place, collection in enumerate(_collections(doc)):
        yield from _within(collection["name"], ("collections", place), collection)


def _within(
    where: str, way: tuple[Any, ...], above: Doc
) -> Iterator[tuple[str, tuple[Any, ...], Doc]]:
    """The fields of a collection or of a field, and those within them."""
    for number, field in enumerate(above.get("fields", ())):
        name, here = f"{where}.{field['name']}", (*way, "fields", number)
        yield name, here, field
        yield from _within(name, here, field)


# --- the person, tables, exceptions -------------------------------------------------------------


def _persons(doc: Doc) -> Made:
    for collection in _collections(doc):
        made, meta = _copy(doc, "ccpa_meta")
        meta["person"] = collection["name"]
        yield f"person is {collection['name']}", made


def _tables(doc: Doc) -> Made:
    for place, collection in enumerate(_collections(doc)):
        name = collection["name"]
        made, listed = _copy(doc, "collections")
        del listed[place]
        yield f"{name} left out", made
        made, listed = _copy(doc, "collections")
        del listed[place]
        for each in listed:
            for field in each["fields"]:
                named = field.get("fides_meta", {}).get("references", [])
                named[:] = [one for one in named if one["field"].partition(".")[0] != name]
        yield f"{name} left out with its references", made
        for action in ("delete", "mask", "keep"):
            made, meta = _copy(doc, "collections", place, "ccpa_meta")
            meta["on_delete"] = action
            yield f"{name} {action}", made
        for other in _collections(doc):
            if other is not collection:
                made, one = _copy(doc, "collections", place)
                one["name"] = other["name"]
                yield f"{name} named {other['name']}", made


def _exceptions(doc: Doc) -> Made:
    for place, collection in enumerate(_collections(doc)):
        name, meta = collection["name"], collection["ccpa_meta"]
        for word in {"exception", "hold"} & meta.keys():
            made, at = _copy(doc, "collections", place, "ccpa_meta")
            del at[word]
            yield f"{name} without its {word}", made
            for value in (*WILD, "closed"):
                made, at = _copy(doc, "collections", place, "ccpa_meta", word)
                at["equals" if word == "hold" else "starts"] = value
                yield f"{name} {word} {value!r}", made
            for field in collection["fields"]:
                made, at = _copy(doc, "collections", place, "ccpa_meta", word)
                at["field" if word == "hold" else "starts"] = field["name"]
                yield f"{name} {word} of {field['name']}", made
        if "years" in meta.get("exception", {}):
            for years in (1, 6, 8, 100):
                made, at = _copy(doc, "collections", place, "ccpa_meta", "exception")
                at["years"] = years
                yield f"{name} for {years} years", made


# --- fields -------------------------------------------------------------------------------------


def _fields(doc: Doc) -> Made:
    for where, way, field in _each_field(doc):
        fides = field.get("fides_meta", {})
        made, at = _copy(doc, *way, "fides_meta")
        if fides.get("primary_key"):
            del at["primary_key"]
            yield f"{where} is no key", made
        else:
            at["primary_key"] = True
            yield f"{where} is a key", made
        if "identity" in fides:
            made, at = _copy(doc, *way, "fides_meta")
            del at["identity"]
            yield f"{where} is no identity", made
        elif "references" not in fides:
            made, at = _copy(doc, *way, "fides_meta")
            at["identity"] = "email"
            yield f"{where} is an identity", made
        if "references" in fides or "identity" in fides:
            yield from _compared(doc, where, way)


def _compared(doc: Doc, where: str, way: tuple[Any, ...]) -> Made:
    made, at = _copy(doc, *way, "ccpa_meta")
    at.pop("compare", None)
    yield f"{where} without compare", made
    for word in COMPARE:
        made, at = _copy(doc, *way, "ccpa_meta")
        at["compare"] = word
        yield f"{where} compared as {word}", made


def _references(doc: Doc) -> Made:
    targets = [where for where, _way, _field in _each_field(doc)]
    for where, way, field in _each_field(doc):
        for number, reference in enumerate(field.get("fides_meta", {}).get("references", [])):
            made, at = _copy(doc, *way, "fides_meta")
            del at["references"]
            yield f"{where} refers to nothing", made
            for direction in ("from", "to", None):
                made, at = _copy(doc, *way, "fides_meta", "references", number)
                at["direction"] = direction
                yield f"{where} {direction}", made
            for target in targets:
                made, at = _copy(doc, *way, "fides_meta", "references", number)
                at["field"] = target
                yield f"{where} refers to {target} for {reference['field']}", made


def _swaps(doc: Doc) -> Made:
    for place, collection in enumerate(_collections(doc)):
        names = [field["name"] for field in collection["fields"]]
        for one in range(len(names)):
            for other in range(one + 1, len(names)):
                made, fields = _copy(doc, "collections", place, "fields")
                fields[one]["name"], fields[other]["name"] = names[other], names[one]
                yield f"{collection['name']}: {names[one]} and {names[other]} swapped", made


def _changes(doc: Doc) -> Made:
    for where, way, field in _each_field(doc):
        if "on_delete" in field.get("ccpa_meta", {}):
            for value in ({"constant": "%"}, {"constant": ""}, "keep", "pseudonym", "zero", None):
                made, at = _copy(doc, *way, "ccpa_meta")
                at["on_delete"] = value
                yield f"{where} becomes {value}", made
