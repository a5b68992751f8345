"""What must never be, as SQL: every question must find no row, at any moment of any run."""

import json
import re
from collections import Counter
from pathlib import Path

from django.db import connection, transaction

from ccpa_office import clock, ledger
from ccpa_office.models import LedgerLine
from requests_app.models import ConsumerRequest, Message, Receipt
from tests.rig.post import Post

FILE = Path(__file__).with_suffix(".sql")
QUESTION = re.compile(r"^-- (.+)\n((?:(?!--).+\n)+)", re.MULTILINE)


def broken() -> list[str]:
    """The invariants that do not hold now, with how many rows break each."""
    found = []
    with transaction.atomic(), connection.cursor() as cursor:
        for name, question in QUESTION.findall(FILE.read_text()):
            cursor.execute(question.rstrip(";\n"))
            if rows := cursor.fetchall():
                found.append(f"{name}: {len(rows)}")
    return found


def book() -> list[str]:
    """Seal and anchor what is there, and ask whether the book is what it was."""
    while ledger.seal():
        pass
    ledger.anchor(clock.now())
    findings = ledger.verify()
    if findings.sound and not findings.unsealed:
        return []
    return [f"the book: {findings.reason or 'unsealed lines'} ({findings.first_bad_name})"]


def roots() -> list[str]:
    """Chunks whose line in the book does not bind the receipts that stand there."""
    found = []
    for line in LedgerLine.objects.filter(verb="erasure.carried-out"):
        facts = json.loads(line.body)["facts"]
        batch = line.subject.partition(":")[2]
        receipts = Receipt.objects.filter(chunk__batch=int(batch), chunk__ordinal=facts["chunk"])
        leaves = [bytes.fromhex(each.digest) for each in receipts.order_by("ordinal")]
        if not leaves or ledger.merkle_root(leaves).hex() != facts["root"]:
            found.append(f"batch {batch}: the root is not that of its receipts")
    return found


def mail(post: Post) -> tuple[list[str], int, int]:
    """Letters that went more often than their recorded unknowns allow, and both sums."""
    unknown: Counter[int] = Counter()
    for body in LedgerLine.objects.filter(verb="letter.unknown").values_list("body", flat=True):
        unknown[json.loads(body)["facts"]["message"]] += 1
    copies = post.copies()
    bad, doubles = [], 0
    for key, message_id, delivery, letter in Message.objects.values_list(
        "pk", "message_id", "delivery", "letter"
    ):
        taken = copies.pop(message_id, 0)
        doubles += max(taken - 1, 0)
        if taken - 1 > unknown[key]:
            bad.append(f"letter {letter} went {taken} times, unknown {unknown[key]}")
        if delivery == "handed" and not taken:
            bad.append(f"letter {letter} is handed but nobody has it")
    bad += [f"a letter that is in no row, {count} times" for count in copies.values()]
    return bad, doubles, unknown.total()


def told(numbers: list[str]) -> list[str]:
    """Numbers that somebody was given and that are not there (PR-01)."""
    here = set(ConsumerRequest.objects.values_list("number", flat=True))
    return (
        [f"{len(missing)} numbers were told and lost"] if (missing := set(numbers) - here) else []
    )
