"""The format of a package's data as JSON Schema: in every package, and in the manual."""

import json
from functools import cache
from typing import Any

VERSION = "1"

_TEXT = {"type": "string"}
_FIELD = {
    "type": "object",
    "description": "A field of the table and what it is.",
    "properties": {
        "field": {**_TEXT, "description": "Its name in the system."},
        "category": {**_TEXT, "description": "The category of Civ. 1798.140(v)(1): PI_A to PI_L."},
        "source": {**_TEXT, "description": "Where it comes from."},
        "sensitive": {**_TEXT, "description": "The kind of sensitive personal information."},
        "never_disclosed": {**_TEXT, "description": "The kind of 11 CCR 7024(d) that it holds."},
    },
    "required": ["field"],
    "additionalProperties": False,
}
_ROW = {
    "type": "object",
    "properties": {
        "row": {**_TEXT, "description": "Where it stands: system.table:key."},
        "values": {
            "type": "object",
            "description": "A value for each field: nothing, a truth, a whole number, a text as the"
            " system spells it (days, moments, other numbers), or what JSON can hold.",
        },
        "withheld": {
            "type": "object",
            "description": "By field, the kinds of which a value is held but not shown: ND_1 to"
            " ND_7 of 11 CCR 7024(d), or 'binary'.",
            "additionalProperties": {"type": "array", "items": _TEXT},
        },
    },
    "required": ["row", "values"],
    "additionalProperties": False,
}


def schema() -> dict[str, Any]:
    """The JSON Schema of every file under ``json/``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Personal information of one consumer, one table a file, version {VERSION}",
        "type": "object",
        "properties": {
            "system": _TEXT,
            "table": _TEXT,
            "fields": {"type": "array", "items": _FIELD},
            "rows": {"type": "array", "items": _ROW},
        },
        "required": ["system", "table", "fields", "rows"],
        "additionalProperties": False,
    }


@cache
def text() -> str:
    """The schema as it stands in a package."""
    return json.dumps(schema(), indent=1) + "\n"
