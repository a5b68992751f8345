"""Find every row of the people, cut it into parts, weigh it against the ceilings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.conf import settings

from ccpa_office.connectors.base import Located, Program, Table
from requests_app import targets
from requests_app.fulfillment.packing import (
    Part,
    Subject,
)
from requests_app.targets import System, Target

LARGE_TABLE = 10_000
"""The share of a table counts only where the table has more rows than this."""


@dataclass(frozen=True)
class Found:
    """What one system holds of the people: subjects, parts, and sizes of its tables."""

    target: System
    subjects: list[Subject]
    parts: list[Part]
    sizes: Mapping[str, int]


def locate(system_key: str, subjects: Sequence[Subject], *, on: date) -> Found:
    """Find every row of the people in one system; one statement a table, however many people."""
    return locate_in(targets.of(system_key), subjects, on=on)


def locate_in(target: Target, subjects: Sequence[Subject], *, on: date) -> Found:
    """The same in a system that is at hand."""
    people = [each.key for each in subjects]
    marks = target.connector.marks(people)
    full = [
        Subject(each.key, merged(each.identifiers, mark.identifiers))
        for each, mark in zip(subjects, marks, strict=True)
    ]
    parts = parts_of(target.program, target.connector.locate(people, on=on))
    return Found(target, full, parts, target.connector.sizes())


def merged(first: Mapping[str, list[str]], second: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Identifiers of a person from two places, each value once."""
    return {
        kind: list(dict.fromkeys([*first.get(kind, []), *second.get(kind, [])]))
        for kind in sorted({*first, *second})
    }


def parts_of(program: Program, located: Sequence[Located]) -> list[Part]:
    """Cut what was located into parts: by action, by ground of keeping, shared rows apart."""
    parts: list[Part] = []
    for each in located:
        table = program.table(each.table)
        if _is_alike(table, each):
            reason = table.keep_code if table.action == "keep" else ""
            whole = Part(each.table, table.action, each.keys, each.persons, reason=reason)
            parts += [whole] if each.keys else []
            continue
        groups: dict[tuple[str, str, bool], Part] = {}
        for key, person, shared, kept, until in zip(
            each.keys, each.persons, each.shared, each.kept, each.until, strict=True
        ):
            reason = kept or (table.keep_code if table.action == "keep" else "")
            action = "keep" if kept or table.action == "keep" else table.action
            undecided = shared and action != "keep"
            group = groups.setdefault(
                (action, reason, undecided),
                Part(each.table, action, [], [], reason=reason, shared=undecided),
            )
            group.keys.append(key)
            group.persons.append(person)
            groups[action, reason, undecided] = _dated(group, until)
        parts += groups.values()
        parts += _trims(table, each)
    return parts


def _dated(part: Part, until: date | None) -> Part:
    """The part with the first and the last day on which one of its rows may be kept no longer."""
    if part.action != "keep" or until is None:
        return part
    first = min(part.first_until or until, until)
    last = max(part.until or until, until)
    if (first, last) == (part.first_until, part.until):
        return part
    return replace(part, first_until=first, until=last)


def _trims(table: Table, located: Located) -> list[Part]:
    """What need not stay of rows that are kept; nobody touches a row under a hold, or a shared one.

    The same rows stand in a part that keeps them, with its ground and its end.
    """
    grounds = {table.term.code if table.term else table.keep_code} - {
        hold.code for hold in table.holds
    }
    rows = [
        (key, person)
        for key, person, shared, kept in zip(
            located.keys, located.persons, located.shared, located.kept, strict=True
        )
        if kept in grounds and kept and not shared and table.trims
    ]
    if not rows:
        return []
    return [Part(table.name, "trim", [key for key, _ in rows], [person for _, person in rows])]


def _is_alike(table: Table, located: Located) -> bool:
    """Whether the map does one and the same to all rows: none stands out by others or by a term."""
    stays = table.action == "keep"
    usual = {table.keep_code if stays else ""}
    shared = not stays and any(located.shared)
    trimmed = stays and bool(table.trims)
    return not (shared or trimmed or set(located.kept) - usual or any(located.until))


@dataclass(frozen=True)
class Weight:
    """How heavy a plan is, held against the ceilings (PR-15)."""

    rows: int
    rows_per_person: int
    share: float
    sensitive: bool
    undecided: int

    @property
    def above_ceiling(self) -> bool:
        return (
            self.rows_per_person > settings.CEILING_ROWS
            or self.share > settings.CEILING_SHARE
            or self.sensitive
        )


def weigh(found: Found) -> Weight:
    """Count what the plan touches; the share of a table counts above 10,000 rows only."""
    touched = [part for part in found.parts if part.action != "keep"]
    per_person: Counter[int] = Counter()
    per_table: Counter[str] = Counter()
    for part in touched:
        per_person.update(part.persons)
        per_table[part.table] += len(part.keys)
    shares = [
        count / found.sizes[table]
        for table, count in per_table.items()
        if found.sizes.get(table, 0) > LARGE_TABLE
    ]
    return Weight(
        rows=sum(per_table.values()),
        rows_per_person=max(per_person.values(), default=0),
        share=max(shares, default=0.0),
        sensitive=found.target.program.sensitivity == "sensitive",
        undecided=sum(len(part.keys) for part in touched if part.shared and not part.decision),
    )


def summarize(parts: Sequence[Part], program: Program) -> list[dict[str, Any]]:
    """What people read of a plan: per part counts, grounds and categories, never a key."""
    return [
        {
            "table": part.table,
            "action": part.action,
            "rows": len(part.keys),
            "reason": part.reason,
            "until": part.until.isoformat() if part.until else None,
            "shared": part.shared,
            "decision": part.decision,
            "categories": list(program.table(part.table).categories),
        }
        for part in parts
    ]
