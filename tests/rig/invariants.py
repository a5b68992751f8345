"""What must never be, as SQL: every question must find no row, at any moment of any run."""

import json
from collections import Counter

from django.db import connection, transaction

from ccpa_office import clock, ledger
from ccpa_office.models import LedgerLine
from requests_app.models import ConsumerRequest, Message, Receipt
from tests.rig.post import Post

REQUEST = "requests_app_consumerrequest"
QUESTIONS = {
    "a request without its clock": f"SELECT id FROM {REQUEST} WHERE due_on IS NULL",
    "a request without its first line": f"SELECT r.id FROM {REQUEST} r WHERE NOT EXISTS (SELECT"
    " FROM ccpa_office_ledgerline WHERE subject = r.number AND seq = 1"
    " AND verb = 'request.received')",
    "a request without its receipt letter": f"SELECT r.id FROM {REQUEST} r WHERE NOT EXISTS"
    " (SELECT FROM requests_app_message WHERE consumer_request_id = r.id AND letter = 'receipt')",
    "two requests of one form": f"SELECT nonce FROM {REQUEST} GROUP BY nonce HAVING count(*) > 1",
    "a letter twice": "SELECT consumer_request_id FROM requests_app_message GROUP BY"
    " consumer_request_id, letter, recipient_digest, ordinal HAVING count(*) > 1",
    "two receipts of a chunk with one ordinal": "SELECT chunk_id FROM requests_app_receipt"
    " GROUP BY chunk_id, ordinal HAVING count(*) > 1",
    "two receipts for one table and action": 'SELECT chunk_id FROM requests_app_receipt GROUP BY'
    ' chunk_id, "table", action HAVING count(*) > 1',
    "a chunk told twice in the book": "SELECT subject FROM ccpa_office_ledgerline"
    " WHERE verb = 'erasure.carried-out' GROUP BY subject, body::json -> 'facts' ->> 'chunk'"
    " HAVING count(*) > 1",
    "a proved chunk without receipts": "SELECT c.id FROM requests_app_chunk c WHERE stage = 'done'"
    " AND proved_at IS NOT NULL AND NOT EXISTS"
    " (SELECT FROM requests_app_receipt WHERE chunk_id = c.id)",
    "receipts before the erasure was told": "SELECT c.id FROM requests_app_chunk c"
    " JOIN requests_app_receipt r ON r.chunk_id = c.id WHERE c.erased_at IS NULL",
    "a plan carried out without its approval": "SELECT p.id FROM requests_app_plan p"
    " WHERE p.parent_id IS NULL AND p.state IN ('executing', 'proved', 'residual')"
    " AND (SELECT count(*) FROM requests_app_approval a WHERE a.plan_id = p.id"
    " AND a.hash = p.hash) < p.approvals_needed",
    "an approval by the verifier": "SELECT a.id FROM requests_app_approval a"
    f" JOIN requests_app_plan p ON p.id = a.plan_id JOIN {REQUEST} r"
    " ON r.id = p.consumer_request_id WHERE r.verified_by_id = a.by_id",
    "completed without proof": f"SELECT r.id FROM {REQUEST} r WHERE status = 'completed'"
    " AND kind = 'delete' AND on_file AND NOT EXISTS (SELECT FROM requests_app_plan"
    " WHERE consumer_request_id = r.id AND state = 'proved')",
    "completed before the providers were told": f"SELECT r.id FROM {REQUEST} r"
    " JOIN requests_app_message m ON m.consumer_request_id = r.id AND m.audience = 'provider'"
    " WHERE r.status = 'completed' AND m.delivery <> 'handed'",
    "a handed letter that is still due": "SELECT id FROM requests_app_message"
    " WHERE delivery = 'handed' AND state <> 'done'",
    "a letter that was never settled": "SELECT id FROM requests_app_message"
    " WHERE state = 'parked' AND delivery = 'sending'",
    "two choices of the same look": "SELECT chunk_id FROM requests_app_look GROUP BY chunk_id, day"
    " HAVING count(*) > 1",
    "a status that the book does not tell": f"SELECT r.id FROM {REQUEST} r WHERE r.status <> ("
    "SELECT coalesce(nullif(substr(verb, 9), 'received'), 'received')"
    " FROM ccpa_office_ledgerline WHERE subject = r.number AND verb LIKE 'request.%%'"
    " AND verb NOT IN ('request.assigned', 'request.extended') ORDER BY seq DESC LIMIT 1)",
    "a period twice": "SELECT name FROM ccpa_office_schedulerun GROUP BY name, period_start"
    " HAVING count(*) > 1",
}  # fmt: skip


def broken() -> list[str]:
    """The invariants that do not hold now, with how many rows break each."""
    found = []
    with transaction.atomic(), connection.cursor() as cursor:
        for name, question in QUESTIONS.items():
            cursor.execute(f"SELECT count(*) FROM ({question.replace('%%', '%')}) AS bad")
            (count,) = cursor.fetchone()
            if count:
                found.append(f"{name}: {count}")
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
        receipts = Receipt.objects.filter(chunk__batch=batch, chunk__ordinal=facts["chunk"])
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
