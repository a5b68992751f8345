"""Frozen keys, packed: how a plan's tables are canonical, hashed, sealed and opened again."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from ccpa_office import sealing
from ccpa_office.connectors.base import Identity, Key
from requests_app.models import Plan, PlanTable

ENGINE = "1"
"""Version of the engine's meaning of a plan; part of every hash."""


_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str
)


@dataclass(frozen=True)
class Part:
    """One table and action of a plan: the keys and, for each, the person's place in the plan."""

    table: str
    action: str
    keys: list[Key]
    persons: list[int]
    reason: str = ""
    until: date | None = None
    shared: bool = False
    decision: str = ""
    first_until: date | None = None

    @cached_property
    def texts(self) -> tuple[str, str]:
        """Keys and persons as canonical JSON: a thousand people's are spelled once, not each time.

        Nobody adds to the lists of a part after that.
        """
        return _CANONICAL.encode(self.keys), _CANONICAL.encode(self.persons)

    @property
    def canonical(self) -> str:
        """The part as canonical JSON, its names in their order."""
        keys, persons = self.texts
        before = {
            "action": self.action, "decision": self.decision, "first_until": self.first_until,
        }  # fmt: skip
        after = {
            "reason": self.reason, "shared": self.shared, "table": self.table, "until": self.until,
        }  # fmt: skip
        return (
            f'{_CANONICAL.encode(before)[:-1]},"keys":{keys},"persons":{persons},'
            f"{_CANONICAL.encode(after)[1:]}"
        )


def is_redaction(parts: Sequence[Part]) -> bool:
    """Whether a chunk takes people out of others' texts, and does nothing else."""
    return bool(parts) and all(part.action == "redact" for part in parts)


@dataclass(frozen=True)
class Subject:
    """One person of a plan: the key in the system, and what the second look searches for."""

    key: Key
    identifiers: dict[str, list[str]]

    @cached_property
    def identity(self) -> Identity:
        return Identity(self.identifiers)


def as_key(value: Any) -> Key:
    """A key as it was before JSON: a list is a key of several columns."""
    return tuple(value) if isinstance(value, list) else value


def as_keys(values: list[Any]) -> list[Key]:
    """The keys of one table as they were before JSON; all are of one shape."""
    return values if not values or not isinstance(values[0], list) else list(map(tuple, values))


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: the same bytes for the same facts, always."""
    return _CANONICAL.encode(value).encode()


def plan_hash(
    system_key: str, map_digest: str, subjects: Sequence[Subject], parts: Sequence[Part]
) -> str:
    """SHA-256 of everything that the plan will do, and to whom."""
    facts = {
        "engine": ENGINE,
        "system": system_key,
        "map": map_digest,
        "people": [each.key for each in subjects],
    }
    return hashlib.sha256(with_parts(facts, parts)).hexdigest()


def with_parts(facts: Mapping[str, Any], parts: Iterable[Part]) -> bytes:
    """Facts named before and after ``parts``, and the parts in their place, as canonical JSON."""
    before = {name: value for name, value in facts.items() if name < "parts"}
    after = {name: value for name, value in facts.items() if name > "parts"}
    listed = ",".join(part.canonical for part in parts)
    text = f'{_CANONICAL.encode(before)[:-1]},"parts":[{listed}],{_CANONICAL.encode(after)[1:]}'
    return text.encode()


def is_whole(plan: Plan, subjects: Sequence[Subject], parts: Sequence[Part]) -> bool:
    """Whether people and parts, as they stand in the database, are what the plan's hash says."""
    return plan.hash == plan_hash(plan.system_key, plan.map_digest, subjects, parts)


def batch_hash(plans: Iterable[Plan]) -> str:
    """SHA-256 over the hashes of the plans: what the people of a batch are approved by."""
    return hashlib.sha256("".join(sorted(plan.hash for plan in plans)).encode()).hexdigest()


LISTED = "list.people"


def seal_listed(box: sealing.Box, subjects: Iterable[Subject]) -> bytes:
    """People of a list who wait for their plan, sealed."""
    pairs = [[each.key, each.identifiers] for each in subjects]
    return box.seal(canonical(pairs).decode(), context=LISTED)


def seal_subjects(box: sealing.Box, subjects: Sequence[Subject]) -> bytes:
    """The people of a plan, sealed."""
    people = [{"key": each.key, "identifiers": each.identifiers} for each in subjects]
    return box.seal(canonical(people).decode(), context="plan.people")


def open_subjects(box: sealing.Box, plan: Plan) -> list[Subject]:
    """The people of a plan, opened."""
    rows = json.loads(box.open(bytes(plan.subjects), context="plan.people"))
    return [Subject(as_key(row["key"]), row["identifiers"]) for row in rows]


def seal_part(box: sealing.Box, plan: Plan, ordinal: int, part: Part) -> PlanTable:
    """One row of a plan: counts open, keys sealed."""
    keys, persons = part.texts
    return PlanTable(
        plan=plan,
        ordinal=ordinal,
        table=part.table,
        action=part.action,
        reason=part.reason,
        until=part.until,
        first_until=part.first_until,
        rows=len(part.keys),
        keys=box.seal(keys, context="plan.keys"),
        persons=box.seal(persons, context="plan.persons"),
        shared=part.shared,
        decision=part.decision,
    )


def open_part(box: sealing.Box, row: PlanTable) -> Part:
    """One row of a plan with its keys opened."""
    keys = box.open(bytes(row.keys), context="plan.keys")
    persons = box.open(bytes(row.persons), context="plan.persons")
    part = Part(
        table=row.table,
        action=row.action,
        keys=as_keys(json.loads(keys)),
        persons=json.loads(persons),
        reason=row.reason,
        until=row.until,
        shared=row.shared,
        decision=row.decision,
        first_until=row.first_until,
    )
    vars(part)["texts"] = keys, persons  # what was sealed is what is hashed
    return part
