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
from requests_app.models import Batch, ConsumerRequest, Identifier, Message, Plan, PlanTable

APPS = ("ccpa_office", "notices_app", "requests_app")
NOT_TABLES = {
    "LedgerSeal", "UnsealedLine", "ScheduleRun", "ClockGuard", "DataKey", "Throttle",
    "Download", "PackageCode", "OutsideState", "Sweep", "SweptChunk", "Trace",
}  # fmt: skip
"""The seals and the guard are asked by ``ledger verify``; the rest counts attempts and periods.
Downloads and codes are the consumer's own attempts; how many files came is asked apart.
What a sweep reads and finds depends on who of the others was erased before it came by; that every
sweep ended, and that every plan is proved in the end, is compared."""
NOT_FIELDS = {
    "id", "owner", "attempts", "fence", "repeats", "number", "nonce", "message_id", "data_key",
    "url", "password", "tries", "read",
}  # fmt: skip
OPENED = {
    ("Identifier", "value"): "identifier.value",
    ("Correction", "after"): "correction.after",
    ("Correction", "before"): "correction.before",
    ("Correction", "row"): "correction.row",
    ("Declaration", "typed_name"): "declaration.name",
    ("Kept", "person"): "kept.person",
    ("Message", "recipient"): "message.recipient",
    ("Message", "facts"): "message.facts",
    ("Message", "text"): "message.text",
    ("Message", "html"): "message.html",
    ("Note", "text"): "note.text",
    ("Plan", "subjects"): "plan.people",
    ("OutsideTask", "note"): "outside.note",
    ("OutsideTask", "records"): "outside.records",
    ("Correction", "records"): "correction.records",
    ("PlanTable", "keys"): "plan.keys",
    ("PlanTable", "persons"): "plan.persons",
}
RANDOM = {
    ("Link", "digest"), ("OutsideLink", "digest"), ("Receipt", "digest"),
    ("Package", "hash"), ("Package", "size"),
    ("OutsideCall", "key"), ("OutsideCall", "ticket"), ("OutsideCall", "answer"),
    ("OutsideCall", "step"), ("OutsideCall", "question"),
}  # fmt: skip
"""Digests of tokens; of keys in the order in which the plans of a chunk were built; what names the
request's own number, a step's row, or a vendor's ticket."""
EXTRA_VERBS = {
    "letter.unknown", "letter.refused", "letter.released",
    "package.code-asked", "package.opened", "package.wrong-code", "package.download-begun",
    "proof.swept", "proof.told-of", "proof.settled", "trace.kept",
}  # fmt: skip
"""Lines that tell of a fault, or of another try of a consumer, and are counted apart; and those of
sweeps."""
TRIED = "package_code"
"""The letter that a consumer asks for as often as it takes."""
HIDDEN_FACTS = {
    "root": "the root of the receipts", "calls": "the calls", "hash": "the package",
    "line": "a line outside", "mark": "its mark", "package": "the package", "sent": "its bytes",
    "size": "its bytes", "read": "the texts that stood there then",
}  # fmt: skip
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
        self._known = {**self._people, **_drawn_hashes(self._people)}

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
        if isinstance(row, Message) and row.letter == TRIED:
            return ""
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
        return self._said(value)

    def _said(self, value: Any) -> Any:
        """A value, or each of a list, without what is drawn anew in each run."""
        if isinstance(value, list):
            return [self._said(each) for each in value]
        return self._known.get(value, value) if isinstance(value, str) else value

    def _bytes(self, row: Any, name: str, value: bytes) -> str:
        context = OPENED.get((type(row).__name__, name))
        if context is None or not value:
            return value.hex()
        text = self._box(row).open(value, context=context)
        if isinstance(row, Plan | PlanTable) and self._ends_terms(row):
            text = _in_no_order(text)
        for number, who in self._people.items():
            text = text.replace(number, who)
        return text

    def _ends_terms(self, row: Plan | PlanTable) -> bool:
        """Whether it is of a plan whose people stand in the order in which they were proved."""
        plan = row.plan if isinstance(row, PlanTable) else row
        return plan.consumer_request_id is None and plan.system_key == "learners"

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
        if TRIED in body["facts"].values() or self._is_cut_short(line.verb, body["facts"]):
            return ""
        facts = {name: self._fact(name, value) for name, value in body["facts"].items()}
        subject = self._subject(line.subject)
        return json.dumps([subject, line.verb, line.actor, facts], sort_keys=True, default=str)

    def _is_cut_short(self, verb: str, facts: dict[str, Any]) -> bool:
        """Whether it tells of a download that did not come whole."""
        return verb == "package.download-ended" and not facts["complete"]

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
        if name in HIDDEN_FACTS:
            return HIDDEN_FACTS[name]
        return "a moment" if name.endswith(("_at", "_on")) else self._said(value)

    def _batch(self, key: int) -> str:
        return str(self._said(Batch.objects.get(pk=key).hash))


def _in_no_order(text: str) -> str:
    """Of people and keys who they are; of their numbers nothing."""
    found = json.loads(text)
    if all(isinstance(each, int) for each in found):
        return f"{len(found)} numbers"
    return json.dumps(sorted(found, key=str), sort_keys=True, ensure_ascii=False)


def _drawn_hashes(people: dict[str, str]) -> dict[str, str]:
    """Hashes of plans and batches in which a number stands, or an order that is nobody's."""
    plans = Plan.objects.exclude(system_key="learners").select_related("consumer_request")
    found = {}
    for plan in plans:
        who = people[plan.consumer_request.number] if plan.consumer_request else "nobody"
        found[plan.hash] = f"the plan for {plan.system_key} of {who}"
    ended = Plan.objects.filter(consumer_request=None, parent=None, system_key="learners")
    found |= dict.fromkeys(ended.values_list("hash", flat=True), "the plan of ended terms")
    terms = Batch.objects.filter(kind=Batch.Kind.TERM)
    found |= dict.fromkeys(terms.values_list("hash", flat=True), "the batch of ended terms")
    for batch in Batch.objects.exclude(system_key="learners"):
        found[batch.hash] = f"the batch for {batch.system_key} of {batch.people}"
    return found


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
