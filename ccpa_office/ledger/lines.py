"""Lines: one per change, chained per subject as they are written."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from ccpa_office.prepared import planned_cursor
from ccpa_office.roles import Actor

LINE_DOMAIN = b"ccpa-office ledger line v1\n"
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,63}")
LOOKS_LIKE_EMAIL = re.compile(r"\S@\S")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GENESIS = bytes(32)


class NotALedgerFact(ValueError):
    """The ledger holds codes, counts and digests; this is none of them."""


def record(
    verb: str, *, subject: str, by: Actor, at: datetime, facts: dict[str, Any] | None = None
) -> None:
    """Write one line about ``subject`` into the surrounding transaction. Raises NotALedgerFact."""
    record_many(verb, [(subject, facts or {})], by=by, at=at)


WRITE = """
INSERT INTO ccpa_office_ledgerline (subject, seq, verb, actor, at, body, prev, hash)
SELECT entry.subject, next.seq, %(verb)s, %(actor)s, %(at)s, line.body, next.prev,
    sha256(%(domain)s || next.prev || convert_to(line.body, 'UTF8'))
FROM json_to_recordset(%(entries)s::json) AS entry(subject text, facts text)
LEFT JOIN LATERAL (
    SELECT seq, hash FROM ccpa_office_ledgerline WHERE subject = entry.subject
    ORDER BY seq DESC LIMIT 1) AS last ON true
CROSS JOIN LATERAL (SELECT coalesce(last.seq, 0) + 1 AS seq,
    coalesce(last.hash, %(genesis)s) AS prev) AS next
CROSS JOIN LATERAL (SELECT '{"actor":"' || %(actor)s || '","at":' || %(at_us)s::bigint
    || ',"facts":' || entry.facts || ',"seq":' || next.seq || ',"subject":"' || entry.subject
    || '","verb":"' || %(verb)s || '"}' AS body) AS line
ORDER BY entry.subject
ON CONFLICT (subject, seq) DO NOTHING RETURNING subject
"""
"""Entries come as one text: of lists the server would count the values and plan anew each time."""


def record_many(
    verb: str, entries: Iterable[tuple[str, dict[str, Any]]], *, by: Actor, at: datetime
) -> None:
    """Write one line for each ``(subject, facts)``: one statement for any number of subjects.

    A subject that stands twice takes one more statement; so does one whose place in its chain
    another transaction took meanwhile.
    """
    waiting: dict[str, list[str]] = defaultdict(list)
    for subject, facts in entries:
        _check_word(subject)
        waiting[subject].append(canonical_facts(facts))
    values = _common_values(verb, by, at)
    with planned_cursor() as cursor:
        while waiting:
            round_ = [{"subject": each, "facts": texts[0]} for each, texts in waiting.items()]
            cursor.execute(WRITE, {**values, "entries": json.dumps(round_)})
            for (subject,) in cursor.fetchall():
                del waiting[subject][0]
                if not waiting[subject]:
                    del waiting[subject]


def _common_values(verb: str, by: Actor, at: datetime) -> dict[str, Any]:
    _check_word(verb)
    _check_word(by.label)
    return {
        "verb": verb,
        "actor": by.label,
        "at": at,
        "at_us": microseconds(at),
        "domain": LINE_DOMAIN,
        "genesis": GENESIS,
    }


def microseconds(at: datetime) -> int:
    """``at`` as whole microseconds since 1970, as the lines hold it."""
    return (at - EPOCH) // timedelta(microseconds=1)


def canonical_facts(facts: dict[str, Any]) -> str:
    """``facts`` as canonical JSON: sorted keys, no spaces. Raises NotALedgerFact."""
    _check_fact(facts)
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _check_word(word: str) -> None:
    if not WORD.fullmatch(word):
        raise NotALedgerFact


def _check_fact(fact: Any) -> None:
    if isinstance(fact, dict):
        for name, value in fact.items():
            _check_fact(name)
            _check_fact(value)
    elif isinstance(fact, list | tuple):
        for value in fact:
            _check_fact(value)
    elif isinstance(fact, str):
        if LOOKS_LIKE_EMAIL.search(fact):
            raise NotALedgerFact
    elif not isinstance(fact, bool | int | None):
        raise NotALedgerFact


def line_hash(prev: bytes, body: str) -> bytes:
    """The hash of a line with this ``body`` after a line with the hash ``prev``."""
    return hashlib.sha256(LINE_DOMAIN + prev + body.encode()).digest()
