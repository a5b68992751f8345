"""One line of JSON in, one out: what an identifier is standardized to, and its hash."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ccpa_office.connectors.standardizing import FIELDS, LISTS, hashed, is_sure

NAMES: Mapping[str, str] = {
    **{name: name for name in FIELDS}, "name": "first", "firstname": "first", "lastname": "last",
    "dateofbirth": "dob", "birthdate": "dob", "zipcode": "zip", "postalcode": "zip",
    "phonenumber": "phone",
}  # fmt: skip
"""Other names of a field, without signs and capitals."""
_LISTS = {kind.lower(): kind for kind in LISTS}
_SIGNS = re.compile("[^a-z]")


class LineRefused(Exception):
    """A line that asks nothing that can be answered; the text says why, never what stood in it."""


def answer(line: str) -> dict[str, Any]:
    """Answer one line. Raises ``LineRefused``."""
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):
        raise LineRefused("not JSON") from None
    if not isinstance(asked, dict):
        raise LineRefused("not an object")
    if "list" in asked:
        return _of_list(asked)
    field = NAMES.get(_SIGNS.sub("", str(asked.get("field", "")).lower()), "")
    if not field:
        raise LineRefused(f"the field must be one of {', '.join(FIELDS)}")
    return _told(_standard(field, asked.get("input")), [(field, asked["input"])])


def _of_list(asked: dict[str, Any]) -> dict[str, Any]:
    kind = _LISTS.get(str(asked["list"]).lower(), "")
    if not kind:
        raise LineRefused(f"the list must be one of {', '.join(LISTS)}")
    parts = {field: _standard(field, asked.get(field)) for field in LISTS[kind]}
    held = [(field, asked[field]) for field in parts]
    if len(parts) == 1:
        return _told(next(iter(parts.values())), held)
    return {**_told("".join(map(hashed, parts.values())), held), "parts": parts}


def _standard(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise LineRefused(f"no text for {field}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise LineRefused(f"half a character in {field}") from None
    if not (text := FIELDS[field](value)):
        raise LineRefused(f"what stands there is no {field}")
    return text


def _told(text: str, held: list[tuple[str, str]]) -> dict[str, Any]:
    """The text that is hashed, and its hash; and a word where a rule is not public."""
    told: dict[str, Any] = {"standardized": text, "hash": hashed(text)}
    if not all(is_sure(field, value) for field, value in held):
        told["unsure"] = True
    return told
