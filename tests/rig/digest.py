"""Everything that is left of a run, without what two equal runs differ in.

Left out: moments (kept as "there is one"), owners, attempts, leases, fences, random numbers, tokens
and keys. Sealed values are opened. A row is named by what stands in it, so that references keep
their meaning.
"""

import hashlib
import json
import re
from collections import Counter
from typing import Any

import psycopg
from django.apps import apps
from django.db import models
from psycopg import sql

from ccpa_office import sealing
from ccpa_office.models import LedgerLine
from requests_app.models import ConsumerRequest, Identifier, Message

APPS = ("ccpa_office", "notices_app", "requests_app")
NOT_TABLES = {
    "LedgerSeal", "UnsealedLine", "ScheduleRun", "ClockGuard", "DataKey", "Throttle",
    "Sweep", "SweptChunk", "Trace",
}  # fmt: skip
"""The seals and the guard are asked by ``ledger verify``; the rest counts attempts and periods.

What a sweep reads and finds depends on who of the others was erased before it came by; that every
sweep ended, and that every plan is proved in the end, is compared."""
NOT_FIELDS = {
    "id", "owner", "attempts", "fence", "repeats", "number", "nonce", "message_id", "data_key",
    "url", "password",
}  # fmt: skip
OPENED = {
    ("Identifier", "value"): "identifier.value",
    ("Kept", "person"): "kept.person",
    ("Message", "recipient"): "message.recipient",
    ("Message", "facts"): "message.facts",
    ("Message", "text"): "message.text",
    ("Message", "html"): "message.html",
    ("Note", "text"): "note.text",
    ("Plan", "subjects"): "plan.people",
    ("PlanTable", "keys"): "plan.keys",
    ("PlanTable", "persons"): "plan.persons",
}
RANDOM = {("Link", "digest"), ("Receipt", "digest")}
"""A token's digest; and that of keys in the order in which the plans of a chunk were built."""
EXTRA_VERBS = {
    "letter.unknown", "letter.refused", "letter.released",
    "proof.swept", "proof.told-of", "proof.settled", "trace.kept",
}  # fmt: skip
"""Lines that tell of a fault, and are counted apart; and those of sweeps."""
MASKS = (
    (re.compile(r"/requests/l/[^/\s\"<]+/"), "/LINK/"),
    (re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{3}\b"), "NUMBER"),
    (re.compile(r"\b\d{1,2}:\d{2}(:\d{2})?( ?(?:[ap]\.m\.|[AP]M))?"), "TIME"),
)

Digest = dict[str, Counter[str]]


class Reader:
    """Reads the office's tables once."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, Any], str] = {}
        self._boxes: dict[int, sealing.Box] = {}
        self._people = {each.number: _who(each) for each in ConsumerRequest.objects.all()}
        self._letters = {each.pk: each for each in Message.objects.all()}

    def office(self) -> Digest:
        """Each table as the multiset of its rows."""
        found: Digest = {}
        for app in APPS:
            for model in apps.get_app_config(app).get_models():
                if model.__name__ not in NOT_TABLES:
                    rows = [self.told(row) for row in model._base_manager.all()]
                    found[model.__name__] = Counter(row for row in rows if row)
        return found

    def told(self, row: models.Model) -> str:
        """One row in words; empty for a line that tells of a fault."""
        if isinstance(row, LedgerLine):
            return self._line(row)
        facts = {
            field.name: self._value(row, field)
            for field in row._meta.concrete_fields
            if field.name not in NOT_FIELDS and (type(row).__name__, field.name) not in RANDOM
        }
        if isinstance(row, ConsumerRequest):
            facts["who"] = self._people[row.number]
        return _masked(json.dumps(facts, sort_keys=True, default=str, ensure_ascii=False))

    def _value(self, row: models.Model, field: "models.Field[Any, Any]") -> Any:
        value = getattr(row, field.attname)
        if value is not None and isinstance(field, models.ForeignKey):
            return self._name(row, field)
        if value is not None and isinstance(field, models.DateField | models.TimeField):
            return "a moment"
        if isinstance(value, bytes | memoryview):
            return self._bytes(row, field.name, bytes(value))
        return self._people.get(value, value) if isinstance(value, str) else value

    def _bytes(self, row: Any, name: str, value: bytes) -> str:
        context = OPENED.get((type(row).__name__, name))
        if context is None or not value:
            return value.hex()
        return self._box(row).open(value, context=context)

    def _box(self, row: Any) -> sealing.Box:
        owner = row
        while not hasattr(owner, "data_key"):
            owner = getattr(owner, "consumer_request", None) or owner.plan
        if owner.data_key.pk not in self._boxes:
            self._boxes[owner.data_key.pk] = sealing.Box(owner.data_key)
        return self._boxes[owner.data_key.pk]

    def _name(self, row: models.Model, field: "models.Field[Any, Any]") -> str:
        """The row that another refers to, by what stands in it."""
        target = getattr(row, field.name)
        key = (type(target).__name__, target.pk)
        if key not in self._names:
            self._names[key] = f"{key[0]} {short_of(self.told(target))}"
        return self._names[key]

    def _line(self, line: LedgerLine) -> str:
        if line.verb in EXTRA_VERBS:
            return ""
        body = json.loads(line.body)
        facts = {name: self._fact(name, value) for name, value in body["facts"].items()}
        subject = self._subject(line.subject)
        return json.dumps([subject, line.verb, line.actor, facts], sort_keys=True, default=str)

    def _subject(self, subject: str) -> str:
        kind, _, key = subject.partition(":")
        if kind == "batch" and key.isdigit():
            return f"batch {self._batch(int(key))}"
        return self._people.get(subject, subject)

    def _fact(self, name: str, value: Any) -> Any:
        if name == "batch":
            return self._batch(value)
        if name == "message":
            letter = self._letters[value]
            return short_of(self.told(letter))
        if name == "root":
            return "the root of the receipts"
        return "a moment" if name.endswith(("_at", "_on")) else value

    def _batch(self, key: int) -> str:
        found = apps.get_model("requests_app", "Batch")._base_manager.get(pk=key)
        return str(found.hash)


def _who(consumer_request: ConsumerRequest) -> str:
    typed = Identifier.objects.filter(
        consumer_request=consumer_request, source="typed", kind="email"
    ).first()
    assert typed is not None
    assert consumer_request.data_key is not None
    value = bytes(typed.value)
    return sealing.Box(consumer_request.data_key).open(value, context="identifier.value")


def _masked(text: str) -> str:
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return text


def short_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def of_store(url: str) -> Digest:
    """Each table of the business's database as the multiset of its rows."""
    found: Digest = {}
    with psycopg.connect(url, autocommit=True) as there:
        names = there.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (name,) in names.fetchall():
            statement = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))
            found[f"learners.{name}"] = Counter(row for (row,) in there.execute(statement))
    return found


def short(digest: Digest) -> str:
    """One digest of the whole."""
    rows = [[name, sorted(table.items())] for name, table in sorted(digest.items())]
    return short_of(json.dumps(rows))


def differences(left: Digest, right: Digest, *, most: int = 6) -> list[str]:
    """In words what one has and the other has not; empty where both are equal."""
    found = []
    for name in sorted({*left, *right}):
        a, b = left.get(name, Counter()), right.get(name, Counter())
        found += [f"{name}: gone x{n}: {row[:600]}" for row, n in (a - b).items()]
        found += [f"{name}: more x{n}: {row[:600]}" for row, n in (b - a).items()]
    return found[:most]
