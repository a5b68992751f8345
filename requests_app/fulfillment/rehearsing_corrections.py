"""A correction on a copy: which fields could be put right, and one of them put right and seen."""

from collections.abc import Sequence
from typing import Any

from ccpa_office.connectors.base import Finding, Key
from requests_app.fulfillment.correctable import Claim, Place, chosen, followers, found, may_change
from requests_app.fulfillment.loading import Load
from requests_app.fulfillment.rehearsing import (
    Asked,
    MapDoesNotServe,
    SeveralPeople,
    require_a_copy,
)


def fields(loaded: Load) -> list[dict[str, Any]]:
    """Each field that the map lets a person correct, with how many rows of the person have it."""
    target = loaded.target
    if not loaded.people:
        return []
    return [
        {
            "table": table.name,
            "column": piece.column,
            "rows": sum(1 for _place in found(target, loaded.people, table, piece.column)),
        }
        for table in target.program.tables
        for piece in table.pieces
        if may_change(table, piece)
    ]


def correct(
    asked: Asked, loaded: Load, findings: Sequence[Finding], claim: Claim, *, execute: bool
) -> dict[str, Any]:
    """The places that a correction would change; with ``execute`` they are changed and seen again.

    No value is told: keys and columns alone, as in a plan. Raises ``SeveralPeople``,
    ``MapDoesNotServe``, ``CannotCorrect``, ``NotARehearsal``.
    """
    if len(loaded.people) > asked.people:
        raise SeveralPeople
    if any(finding.level == "error" for finding in findings):
        raise MapDoesNotServe
    sources = [(loaded.target, loaded.people)]
    first = chosen(sources, claim.field, claim.row)
    others = (each for each in followers(sources, first) if each.before != claim.value)
    places = [first, *others]
    told = [_told(place, follows=place is not first) for place in places]
    if not execute:
        return {"corrections": told}
    require_a_copy(asked)
    ended = [_put_right(place, claim.value) for place in places]
    right = all(each["stands"] for each in ended)
    seen = [fact | end for fact, end in zip(told, ended, strict=True)]
    return {"corrections": seen, "corrected": "right" if right else "changed"}


def _told(place: Place, *, follows: bool) -> dict[str, Any]:
    return {
        "table": place.table.name, "column": place.column, "key": place.key, "follows": follows,
    }  # fmt: skip


def _put_right(place: Place, value: str) -> dict[str, Any]:
    """One field, changed in one statement and looked at with another."""
    key: Key = place.key[0] if len(place.key) == 1 else tuple(place.key)
    change = (place.column, place.before, value)
    connector = place.target.connector
    answer = connector.correct(place.table.name, key, place.people, change)
    stands = connector.stands(place.table.name, key, place.people, (place.column, value))
    return {"done": answer.done, "stands": answer.stands and stands}
