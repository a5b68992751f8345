"""Books for the tests of the ledger, and one who knows how to forge them.

Everything is computed here a second time, from the description alone.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from itertools import count

from django.db import connection

from ccpa_office import ledger
from ccpa_office.roles import Actor

NOON = datetime(2026, 3, 2, 20, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZERO = bytes(32)
SUBJECTS = [f"7K3M92QX4T{letter}" for letter in "ABCDE"]


def write(lines, start=0):
    """``lines`` lines on five subjects, sealed."""
    for number in range(start, start + lines):
        ledger.record(
            "request.moved",
            subject=SUBJECTS[number * 7 % 5],
            by=Actor.system("tests"),
            at=NOON + timedelta(minutes=number),
            facts={"number": number},
        )
    ledger.seal()


def read():
    """The book in the order of the chain: a list of (subject, verb, actor, at, facts)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.subject, l.verb, l.actor, l.at, (l.body::jsonb->'facts')::text"
            " FROM ccpa_office_ledgerseal s JOIN ccpa_office_ledgerline l ON l.id = s.line_id"
            " ORDER BY s.position"
        )
        return [
            (subject, verb, actor, at, json.loads(facts))
            for subject, verb, actor, at, facts in cursor.fetchall()
        ]


def rewrite(book):
    """Replace the whole book by ``book``, every hash computed anew. Triggers must be off."""
    heads: dict[str, tuple[int, bytes]] = {}
    seal = ZERO
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ccpa_office_ledgerseal")
        cursor.execute("DELETE FROM ccpa_office_ledgerline")
        for position, (subject, verb, actor, at, facts) in zip(count(1), book, strict=False):
            seq, prev = heads.get(subject, (0, ZERO))
            seq += 1
            body = json.dumps(
                {
                    "subject": subject,
                    "seq": seq,
                    "verb": verb,
                    "actor": actor,
                    "at": (at - EPOCH) // timedelta(microseconds=1),
                    "facts": facts,
                },
                sort_keys=True,
                separators=(",", ":"),
            )
            line = hashlib.sha256(b"ccpa-office ledger line v1\n" + prev + body.encode()).digest()
            seal = hashlib.sha256(
                b"ccpa-office ledger seal v1\n" + seal + position.to_bytes(8, "big") + line
            ).digest()
            heads[subject] = (seq, line)
            cursor.execute(
                "INSERT INTO ccpa_office_ledgerline"
                " (id, subject, seq, verb, actor, at, body, prev, hash)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [10**6 + position, subject, seq, verb, actor, at, body, prev, line],
            )
            cursor.execute(
                "INSERT INTO ccpa_office_ledgerseal (position, line_id, hash) VALUES (%s, %s, %s)",
                [position, 10**6 + position, seal],
            )
