"""A superuser with the triggers off, and what ``verify`` says: the exact first bad line."""

import base64
import json
import random
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings

from ccpa_office import ledger
from ccpa_office.ledger import anchors
from ccpa_office.roles import Actor
from tests.office import books

SIZE = 42
ANCHORED = 36
OTHER_KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def book(db, settings, tmp_path):
    """42 lines, anchored at 12, 24 and 36, one anchor in which nothing had happened."""
    settings.LEDGER_ANCHOR_DIR = tmp_path
    for part in range(3):
        books.write(12, part * 12)
        ledger.anchor(books.NOON + timedelta(hours=part))
    ledger.anchor(books.NOON + timedelta(hours=4))
    books.write(SIZE - ANCHORED, ANCHORED)
    return tmp_path / "anchors.jsonl"


def run(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def line_at(position):
    with connection.cursor() as cursor:
        cursor.execute("SELECT line_id FROM ccpa_office_ledgerseal WHERE position = %s", [position])
        return cursor.fetchone()[0]


# Each changes the book and returns the position of the first line that is not what it was.
def edit_the_body(dice, file):
    position = dice.randint(1, ANCHORED)
    run(
        "UPDATE ccpa_office_ledgerline SET body = replace(body, '\"number\":', '\"number\":1')"
        " WHERE id = %s",
        line_at(position),
    )
    return position


def edit_a_column(dice, file):
    position = dice.randint(1, ANCHORED)
    change = dice.choice(
        ["actor = 'staff:1'", "at = at + interval '1 us'", "verb = 'x'", "subject = 'x', seq = 1"]
    )
    sql = f"UPDATE ccpa_office_ledgerline SET {change} WHERE id = %s"  # noqa: S608 - our own
    run(sql, line_at(position))
    return position


def delete_a_line(dice, file):
    position = dice.randint(1, ANCHORED)
    run("DELETE FROM ccpa_office_ledgerline WHERE id = %s", line_at(position))
    return position


def delete_line_and_seal(dice, file):
    position = dice.randint(1, ANCHORED)
    run("DELETE FROM ccpa_office_ledgerline WHERE id = %s", line_at(position))
    run("DELETE FROM ccpa_office_ledgerseal WHERE position = %s", position)
    return position


def edit_a_seal(dice, file):
    position = dice.randint(1, ANCHORED)
    run("UPDATE ccpa_office_ledgerseal SET hash = sha256(hash) WHERE position = %s", position)
    return position


def swap_two(dice, file):
    one, other = sorted(dice.sample(range(1, ANCHORED + 1), 2))
    first, second = line_at(one), line_at(other)
    run("DELETE FROM ccpa_office_ledgerseal WHERE position = %s", other)
    run("UPDATE ccpa_office_ledgerseal SET line_id = %s WHERE position = %s", second, one)
    run(
        "INSERT INTO ccpa_office_ledgerseal SELECT %s, %s, hash FROM ccpa_office_ledgerseal"
        " WHERE position = %s",
        other, first, one,
    )  # fmt: skip
    return one


def cut_the_middle(dice, file):
    one, other = sorted(dice.sample(range(1, ANCHORED), 2))
    lines = books.read()
    books.rewrite(lines[: one - 1] + lines[other:])
    return one


def cut_the_tail(dice, file):
    position = dice.randint(1, ANCHORED)
    run(
        "DELETE FROM ccpa_office_ledgerline WHERE id IN"
        " (SELECT line_id FROM ccpa_office_ledgerseal WHERE position >= %s)",
        position,
    )
    run("DELETE FROM ccpa_office_ledgerseal WHERE position >= %s", position)
    return position


def recompute_the_tail(dice, file):
    position = dice.randint(1, ANCHORED)
    lines = books.read()
    subject, verb, _, at, facts = lines[position - 1]
    lines[position - 1] = (subject, verb, "staff:99", at, facts)
    books.rewrite(lines)
    return position


def slip_one_in(dice, file):
    position = dice.randint(1, ANCHORED)
    lines = books.read()
    forged: Any = ("7K3M92QX4TA", "request.approved", "staff:99", books.NOON, {})
    books.rewrite([*lines[: position - 1], forged, *lines[position - 1 :]])
    return position


def replace_everything(dice, file):
    books.rewrite([(s, v, "staff:99", at, facts) for s, v, _, at, facts in books.read()])
    return 1


def forge_an_anchor(dice, file):
    """Recompute the book from some line on, and write the anchors anew with another key."""
    position = recompute_the_tail(dice, file)
    whole = file.read_bytes().splitlines(keepends=True)
    kept = dice.randint(0, (position - 1) // 12)
    file.write_bytes(b"".join(whole[:kept]))
    with override_settings(LEDGER_SIGNING_KEY=OTHER_KEY):
        ledger.anchor(books.NOON)
    return kept * 12 + 1


def edit_an_anchor(dice, file):
    """Change one field of one record; the first line that it spoke for is the first bad one."""
    records = [json.loads(line) for line in file.read_bytes().splitlines()]
    number = dice.randrange(3)
    field = dice.choice(["size", "at", "prev", "head", "leaves"])
    record = records[number]
    record[field] = {
        "size": record["size"] + 1,
        "at": record["at"] + 1,
        "prev": "1" * 64,
        "head": "2" * 64,
        "leaves": ["3" * 64, *record["leaves"][1:]],
    }[field]
    texts = [json.dumps(r, sort_keys=True, separators=(",", ":")) for r in records]
    file.write_text("\n".join([*texts, ""]))
    return number * 12 + 1


def drop_an_anchor(dice, file):
    whole = file.read_bytes().splitlines(keepends=True)
    number = dice.randrange(3)
    file.write_bytes(b"".join(whole[:number] + whole[number + 1 :]))
    return number * 12 + 1


KINDS = [
    edit_the_body, edit_a_column, delete_a_line, delete_line_and_seal, edit_a_seal, swap_two,
    cut_the_middle, cut_the_tail, recompute_the_tail, slip_one_in, replace_everything,
    forge_an_anchor, edit_an_anchor, drop_an_anchor,
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_first_bad_line_is_named(book, kind):
    whole = book.read_bytes()
    sound = ledger.verify()
    assert (sound.sound, sound.checked, sound.anchored_upto, sound.cannot_tell_from) == (
        True, SIZE, ANCHORED, ANCHORED + 1,
    )  # fmt: skip
    for seed in range(20):
        dice = random.Random(f"{kind.__name__} {seed}")  # noqa: S311 - to be repeated
        with transaction.atomic():
            run("SET LOCAL session_replication_role = replica")
            expected = kind(dice, book)
            findings = ledger.verify()
            assert (seed, findings.sound, findings.first_bad_line) == (seed, False, expected)
            assert findings.cannot_tell_from <= ANCHORED + 1
            transaction.set_rollback(True)
        book.write_bytes(whole)
    assert ledger.verify() == sound


def test_a_tail_computed_anew_after_the_last_anchor_is_not_found_and_it_says_so(book):
    with transaction.atomic():
        run("SET LOCAL session_replication_role = replica")
        lines = books.read()
        books.rewrite(lines[:ANCHORED] + lines[ANCHORED + 2 :])
        findings = ledger.verify()
        transaction.set_rollback(True)
    assert (findings.sound, findings.cannot_tell_from) == (True, ANCHORED + 1)


FORGED = """UPDATE ccpa_office_ledgerline SET body = '{body}', hash = sha256(
    convert_to(E'ccpa-office ledger line v1\n', 'UTF8') || prev || '{body}') WHERE id = {{id}}"""


@pytest.mark.parametrize(
    ("sql", "name", "reason"),
    [
        (
            "UPDATE ccpa_office_ledgerline SET body = '{{}}' WHERE id = {id}",
            "{name}", "the line was edited",
        ),
        (
            FORGED.format(body="no"), "{name}", "the line was edited",
        ),
        (
            FORGED.format(body="[]"), "{name}", "the line was edited",
        ),
        (
            "UPDATE ccpa_office_ledgerline SET seq = 9 WHERE id = {id}",
            "late#9", "the line does not follow the one before it",
        ),
        (
            "DELETE FROM ccpa_office_ledgerline WHERE id = {id}",
            "", "a line is gone before it was sealed",
        ),
        (
            "DELETE FROM ccpa_office_unsealedline WHERE line_id = {id}",
            "{name}", "the line stands outside the chain",
        ),
    ],
)  # fmt: skip
def test_what_is_not_sealed_yet_is_looked_at_too(book, sql, name, reason):
    ledger.record(
        "request.moved",
        subject="late",
        by=Actor.system("tests"),
        at=books.NOON,
        facts={"number": 1},
    )
    assert ledger.verify().unsealed == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT line_id FROM ccpa_office_unsealedline")
        (line,) = cursor.fetchone()
    with transaction.atomic():
        run("SET LOCAL session_replication_role = replica")
        run(sql.format(id=line))
        findings = ledger.verify()
        transaction.set_rollback(True)
    assert (findings.sound, findings.first_bad_line) == (False, None)
    assert (findings.first_bad_name, findings.reason) == (name.format(name="late#1"), reason)


def test_an_anchor_torn_in_mid_write_is_no_record(book):
    whole = book.read_bytes()
    book.write_bytes(whole + whole.splitlines()[0][:50])
    assert ledger.verify().sound is True
    ledger.anchor(books.NOON)
    findings = ledger.verify()
    assert (findings.sound, findings.anchored_upto) == (True, SIZE)


def test_a_record_that_is_json_but_no_anchor_is_no_record(book):
    empty = {"at": "x", "size": 1, "head": "", "leaves": [], "signature": "", "prev": ""}
    for text in ["[]", "{}", json.dumps(empty)]:
        book.write_text(book.read_text() + text + "\n")
    assert ledger.verify().sound is True


def test_without_anchors_the_chain_alone_speaks(book):
    book.unlink()
    findings = ledger.verify()
    assert (findings.sound, findings.anchored_upto, findings.cannot_tell_from) == (True, 0, 1)


def test_an_anchor_by_an_older_key_still_verifies_while_the_key_is_listed(book, settings):
    old = settings.LEDGER_SIGNING_KEY
    settings.LEDGER_SIGNING_KEY = f"{OTHER_KEY},{old}"
    ledger.anchor(books.NOON)
    assert ledger.verify().anchored_upto == SIZE
    settings.LEDGER_SIGNING_KEY = OTHER_KEY
    assert (ledger.verify().sound, ledger.verify().first_bad_line) == (False, 1)


def test_a_large_step_is_anchored_in_several_records(book, monkeypatch):
    monkeypatch.setattr(anchors, "LEAVES", 2)
    monkeypatch.setattr(anchors, "BLOCK", 64)
    ledger.anchor(books.NOON)
    records = [json.loads(line) for line in book.read_text().splitlines()]
    assert [record["size"] for record in records] == [12, 24, 36, 36, 38, 40, 42]
    assert (ledger.verify().sound, ledger.verify().anchored_upto) == (True, SIZE)


def test_an_anchor_over_a_book_that_was_cut_below_it_finds_the_cut(book):
    with transaction.atomic():
        run("SET LOCAL session_replication_role = replica")
        run("DELETE FROM ccpa_office_ledgerseal")
        ledger.anchor(books.NOON)
        run("DELETE FROM ccpa_office_ledgerline")
        findings = ledger.verify()
        transaction.set_rollback(True)
    assert (findings.sound, findings.first_bad_line) == (False, 1)


def test_an_anchor_over_a_seal_that_was_wrong_for_a_while_stays_wrong(book):
    with transaction.atomic():
        run("SET LOCAL session_replication_role = replica")
        run("CREATE TEMP TABLE kept AS SELECT * FROM ccpa_office_ledgerseal WHERE position = 42")
        run("UPDATE ccpa_office_ledgerseal SET hash = sha256(hash) WHERE position = 42")
        ledger.anchor(books.NOON)
        run(
            "UPDATE ccpa_office_ledgerseal SET hash = kept.hash FROM kept"
            " WHERE ccpa_office_ledgerseal.position = 42"
        )
        findings = ledger.verify()
        transaction.set_rollback(True)
    assert (findings.first_bad_line, findings.reason) == (
        ANCHORED + 1, "the anchor has another head",
    )  # fmt: skip


@pytest.mark.parametrize("key", ["", "nonsense", "AAAA"])
def test_without_a_signing_key_nothing_is_anchored_or_believed(book, settings, key):
    settings.LEDGER_SIGNING_KEY = key
    with pytest.raises(ledger.BadSigningKey):
        ledger.anchor(books.NOON)
    with pytest.raises(ledger.BadSigningKey):
        ledger.verify()
