"""Changes within a column: a value in JSON set, or the element that names the person taken out.

``inside`` takes a list of parts as its argument, in JSON: where the value stands, what is done
there (``null``, ``constant``, ``strip``, ``remove``), its argument, the kind by which a value
names a person (nothing: every value there is changed), and how it is compared.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ccpa_office.connectors.base import Identity, Key
from ccpa_office.connectors.comparing import normal
from ccpa_office.connectors.stripping import Traces, strip_json
from ccpa_office.connectors.ways import EACH, Inside

PERSON = "person"
"""The kind of the person's own key."""

Named = Mapping[str, frozenset[str]]
"""By kind, the values by which people are named."""


@dataclass(frozen=True)
class Part:
    """One change of values within a column."""

    path: Inside
    how: str
    argument: str = ""
    kind: str = ""
    compare: str = "exact"


def spelled(parts: Sequence[Part]) -> str:
    """Return parts as the argument of a change."""
    return json.dumps([[list(p.path), p.how, p.argument, p.kind, p.compare] for p in parts])


def parts_of(argument: str) -> list[Part]:
    """Read the argument of a change; nothing when it is none."""
    try:
        return [Part(tuple(path), *rest) for path, *rest in json.loads(argument)]
    except (TypeError, ValueError):
        return []


def named_by(people: Sequence[Key], identities: Sequence[Identity]) -> Named:
    """Return by what the people of a row are named: their keys, and what they are known by."""
    found: dict[str, set[str]] = {PERSON: {str(key) for key in people}}
    for identity in identities:
        for kind, values in identity.identifiers.items():
            found.setdefault(kind, set()).update(values)
    return {kind: frozenset(values) for kind, values in found.items()}


# --- doing it -----------------------------------------------------------------------------------

Strip = Callable[[str], str]
NUMBER = re.compile(r'"(~+)([^"~]*)~"')


def within(value: Any, argument: str, traces: Traces) -> Any:
    """Return a column after the change: JSON as a text or read, or a list of the store's own."""
    parts = parts_of(argument)
    if isinstance(value, list) and all(part.path == (EACH,) for part in parts):
        return without(value, parts, traces.named)
    document = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    made = changed(document, parts, traces.named, lambda text: strip_json(text, traces))
    return made if isinstance(value, str) else json.loads(made)


def changed(document: str, parts: Sequence[Part], named: Named, strip: Strip) -> str:
    """Return a JSON text with its parts changed; to the letter the same where none is met.

    What is no JSON is a text: it is stripped.
    """
    mark = "~" * (1 + max(map(len, re.findall("~+", document)), default=0))
    try:
        found = json.loads(document, parse_float=lambda number: f"{mark}{number}~")
    except (ValueError, RecursionError):
        return strip(document)
    met = [_change(found, part.path, _Deed(part, named, strip)) for part in parts]
    if not any(met):
        return document
    made = json.dumps(found, ensure_ascii=False)
    try:
        made.encode()
    except UnicodeEncodeError:
        made = json.dumps(found)
    return NUMBER.sub(lambda each: each[2] if each[1] == mark else each[0], made)


def without(elements: Sequence[Any], parts: Sequence[Part], named: Named) -> list[Any]:
    """Return a list of the store's own kind without the elements that name a person."""
    deeds = [_Deed(part, named, str) for part in parts]
    return [each for each in elements if not any(deed.is_meant(each) for deed in deeds)]


@dataclass(frozen=True)
class _Deed:
    """One part, and whom it means."""

    part: Part
    named: Named
    strip: Strip

    def is_meant(self, value: Any) -> bool:
        """Say whether a value is to be changed: all are, or those that name the person."""
        if not self.part.kind:
            return value is not None
        if isinstance(value, bool) or not isinstance(value, int | str):
            return False
        wanted = self.named.get(self.part.kind, frozenset())
        if self.part.compare != "exact":
            said = normal(self.part.compare, str(value))
            return said != "" and said in {normal(self.part.compare, each) for each in wanted}
        is_key = self.part.kind == PERSON and str(value).lower() in wanted and _is_uuid(str(value))
        return str(value) in wanted or is_key

    def new(self, value: Any) -> Any:
        """Return what stands there afterwards."""
        if self.part.how == "constant":
            return self.part.argument
        if self.part.how != "strip":
            return None
        if isinstance(value, str):
            return self.strip(value)
        return json.loads(self.strip(json.dumps(value, ensure_ascii=False)))


def _is_uuid(text: str) -> bool:
    return re.fullmatch(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None


def _change(at: Any, path: Inside, deed: _Deed) -> bool:
    """Change what stands at a path; say whether anything was."""
    step, *rest = path
    if step == EACH:
        return isinstance(at, list) and _each(at, tuple(rest), deed)
    if not isinstance(at, dict) or step not in at:
        return False
    if rest:
        return _change(at[step], tuple(rest), deed)
    return _put(at, step, deed)


def _each(at: list[Any], rest: Inside, deed: _Deed) -> bool:
    if deed.part.how == "remove" and EACH not in rest:
        stay = [each for each in at if not deed.is_meant(_reached(each, rest))]
        is_changed = len(stay) < len(at)
        at[:] = stay
        return is_changed
    if not rest:
        met = [_put(at, place, deed) for place in range(len(at))]
    else:
        met = [_change(each, rest, deed) for each in at]
    return any(met)


def _reached(at: Any, path: Inside) -> Any:
    for step in path:
        at = at.get(step) if isinstance(at, dict) else None
    return at


def _put(at: Any, place: Any, deed: _Deed) -> bool:
    if not deed.is_meant(at[place]) or (new := deed.new(at[place])) == at[place]:
        return False
    at[place] = new
    return True
