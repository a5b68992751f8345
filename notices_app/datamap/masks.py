"""What deletion does to a field, in our words or fideslang's, as what a connector is given."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from notices_app.datamap.reading import Report
from notices_app.datamap.shapes import place, plain

Values = Mapping[str, Any]
LEAVES = frozenset({"keep"})


@dataclass(frozen=True)
class Said:
    """One thing that is done to a field: the word, and the argument as a connector takes it."""

    how: str
    argument: str = ""

    @property
    def changes(self) -> bool:
        """Whether the field is changed at all."""
        return self.how not in LEAVES


def said(value: Any) -> Said | None:
    """Return what ``on_delete``, ``on_shared`` or ``on_kept`` says; nothing when it is absent."""
    if value is None:
        return None
    if not isinstance(value, dict):
        return Said(str(value))
    ways = plain(value)
    way = next((key for key, found in ways.items() if found is not None), None)
    return Said(way, _argument(way, ways[way])) if way else None


def _argument(way: str, value: Any) -> str:
    if way == "pseudonym":
        return "" if value == "plain" else str(value)
    if way in {"hash", "hmac"}:
        return _options(algorithm=value)
    if way == "random":
        given = plain(value) if isinstance(value, dict) else {"length": value}
        return _options(**given)
    return str(value)


def _options(**given: Any) -> str:
    return json.dumps({key: value for key, value in sorted(given.items()) if value is not None})


# --- fideslang's strategies -----------------------------------------------------------------------

TAKES: dict[str, frozenset[str]] = {
    "null_rewrite": frozenset(),
    "preserve": frozenset(),
    "string_rewrite": frozenset({"rewrite_value", "format_preservation"}),
    "random_string_rewrite": frozenset({"length", "format_preservation"}),
    "hash": frozenset({"algorithm", "format_preservation"}),
    "hmac": frozenset({"algorithm", "format_preservation"}),
    "aes_encrypt": frozenset({"mode", "format_preservation"}),
}
"""What of the configuration each strategy reads."""


def _suffix(given: Values) -> str | None:
    found = given.get("format_preservation")
    return str(found["suffix"]) if found else None


BECOMES: dict[str, Callable[[Values], Said]] = {
    "null_rewrite": lambda _: Said("null"),
    "preserve": lambda _: Said("keep"),
    "string_rewrite": lambda given: Said(
        "constant", str(given["rewrite_value"]) + (_suffix(given) or "")
    ),
    "random_string_rewrite": lambda given: Said(
        "random", _options(length=given.get("length"), suffix=_suffix(given))
    ),
    "hash": lambda given: Said(
        "hash", _options(algorithm=given.get("algorithm"), suffix=_suffix(given))
    ),
    "hmac": lambda given: Said(
        "hmac", _options(algorithm=given.get("algorithm"), suffix=_suffix(given))
    ),
    "aes_encrypt": lambda given: Said("encrypt", _options(suffix=_suffix(given))),
}
"""What each strategy becomes (the reference's table is made of it)."""


def strategy(override: Values, report: Report) -> Said | None:
    """Return what a field's ``masking_strategy_override`` becomes; nothing, and a finding."""
    name = str(override["strategy"])
    configuration = override.get("configuration") or {}
    given = {key: value for key, value in plain(configuration).items() if value is not None}
    foreign = sorted(given.keys() - TAKES[name])
    where = place(override, "configuration")
    if foreign:
        report.error(where, "strategy-config", f"{name} takes no {', '.join(foreign)}")
    elif name == "string_rewrite" and "rewrite_value" not in given:
        report.error(where, "strategy-config", "string_rewrite needs a rewrite_value")
    else:
        return BECOMES[name](given)
    return None
