"""What must never be, as SQL: every question must find no row, at any moment of any run."""

import io
import json
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from django.db import connection, transaction

from ccpa_office import clock, ledger
from ccpa_office.models import LedgerLine
from requests_app.fulfillment import erasure_ledger, finishing, handing
from requests_app.fulfillment.residue import subject_of
from requests_app.models import ConsumerRequest, Message, Package, Plan, Receipt
from tests.rig.cast import Consumer
from tests.rig.company import Learner
from tests.rig.post import Post
from tests.vendor.server import Vendor

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


def erasures() -> list[str]:
    """Chunks that the office says were carried out, and the ledger outside does not know."""
    try:
        known = {name for each in erasure_ledger.erasures() for name in each.names}
    except erasure_ledger.LedgerBroken:
        return ["the erasure ledger is broken"]
    if lost := erasure_ledger.missing(at=clock.now()):
        return [f"the erasure ledger has lost its lines {lost}"]
    carried = Plan.objects.filter(
        chunk__erased_at__isnull=False, chunk__batch__system_key="learners", parent=None
    ).select_related("consumer_request", "chunk")
    return [
        f"the erasure ledger does not know {plan}"
        for plan in carried
        if plan.consumer_request_id and subject_of(plan) not in known
    ]


def vendor(asked: Vendor) -> list[str]:
    """What the vendor's own log says: a deletion without a key, with two, or done twice (PR-14)."""
    bad, keys, done = [], defaultdict(set), Counter(each["id"] for each in asked.log("deleted"))
    for each in asked.log("asked"):
        if each["what"] == "delete":
            keys[each["path"]].add(each["key"])
    for path, given in keys.items():
        if len(given) != 1 or "" in given:
            bad.append(f"vendor: {path} was asked with {len(given)} keys")
    bad += [f"vendor: {key} was deleted {count} times" for key, count in done.items() if count > 1]
    if not done:
        bad.append("vendor: nothing was deleted")
    return bad


def packages(consumers: Sequence[Consumer], everybody: Sequence[Learner]) -> list[str]:
    """Files handed over more often than was counted, of another person, or left behind (VR-30)."""
    bad = []
    for consumer in consumers:
        if consumer.kind != "know-specific":
            continue
        package = Package.objects.get(consumer_request__number=consumer.number)
        unended = package.fetched.filter(ended_at=None).count()
        whole = len(consumer.packages)
        if not handing.DOWNLOADS == package.downloads <= whole <= package.downloads + unended:
            bad.append(f"package: {whole} files came, {package.downloads} counted, {unended} not")
        texts = {unzipped(each).casefold() for each in consumer.packages}
        mine = consumer.learner.email
        others = [each for each in everybody if each.email != mine]
        bad += ["package: not the person's own" for text in texts if mine.casefold() not in text]
        bad += ["package: somebody else's address" for text in texts for each in others
                if each.email.casefold() in text]  # fmt: skip
        bad += _left_of(package, consumer)
    handing.expire(at=clock.now() + 2 * handing.STRAY)
    bad += [f"package: {each.suffix} was left" for each in finishing.folder().iterdir()]
    return bad


def _left_of(package: Package, consumer: Consumer) -> list[str]:
    """What can still be read of a destroyed package, in its row or in what dead workers left."""
    email = consumer.learner.email.encode()
    bad = [] if package.data_key.destroyed_at else ["package: its key still stands"]
    return bad + [
        "package: a file in clear was left"
        for each in finishing.folder().iterdir()
        if email in (data := each.read_bytes()) or data.startswith(b"PK")
    ]


def unzipped(data: bytes) -> str:
    """All that stands in a package, which is whole. Raises BadZipFile."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.testzip() is not None:
            raise zipfile.BadZipFile
        return "".join(archive.read(name).decode() for name in archive.namelist())


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
