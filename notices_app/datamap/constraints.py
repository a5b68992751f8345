"""May a CHECK of the store be met by what a mask writes? Read as far as it can be read."""

import re

from ccpa_office.connectors.base import Change

QUOTED = re.compile(r"'((?:[^']|'')*)'")
COMPARED = re.compile(r"(>=|<=|<>|!=|>|<|=)\s*\(?'?(-?\d+(?:\.\d+)?)'?")
WRITES_A_NUMBER = frozenset({"zero", "constant", "bucket"})


def permits(check: str, column: str, change: Change) -> bool | None:
    """Say whether the new value meets the condition; ``None`` when that cannot be read.

    A condition that does not name the column, or that nothing can be said against, permits.
    """
    if not re.search(rf"(?<![\w]){re.escape(column)}(?![\w])", check, re.IGNORECASE):
        return True
    text = check.replace('"', "").replace("`", "")
    if change.how == "null":
        return not re.search(rf"{re.escape(column)}\)?\s+IS NOT NULL", text, re.IGNORECASE)
    listed = _listed(text)
    if listed is not None:
        return change.how == "constant" and change.argument in listed
    return _read(text, change)


def _read(text: str, change: Change) -> bool | None:
    if change.how in WRITES_A_NUMBER:
        return _compared(text, "0" if change.how == "zero" else change.argument, change)
    return None


def _listed(text: str) -> set[str] | None:
    """Return the words of a condition that is nothing but a list of them."""
    if not re.search(r"\bIN\s*\(|=\s*ANY\s*\(", text, re.IGNORECASE):
        return None
    return {each.replace("''", "'") for each in QUOTED.findall(text)} or None


def _compared(text: str, value: str, change: Change) -> bool | None:
    """Hold a number against every comparison of a condition that has only such."""
    found = COMPARED.findall(text)
    if not found or " OR " in text.upper() or change.how == "bucket":
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return all(_holds(number, sign, float(bound)) for sign, bound in found)


def _holds(number: float, sign: str, bound: float) -> bool:
    return {
        ">=": number >= bound, "<=": number <= bound, ">": number > bound, "<": number < bound,
        "=": number == bound, "<>": number != bound, "!=": number != bound,
    }[sign]  # fmt: skip
