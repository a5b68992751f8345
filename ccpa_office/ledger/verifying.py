"""Is the book what it was? Names the first bad line, and from which line on it cannot tell."""

import json
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection, transaction

from ccpa_office.ledger import anchors
from ccpa_office.ledger.anchors import NO_RECORD, Anchor
from ccpa_office.ledger.chain import GENESIS, seal_hash
from ccpa_office.ledger.lines import line_hash, microseconds

CHUNK = 2000


@dataclass(frozen=True)
class Findings:
    """What ``verify`` found. Positions count the lines of the office from 1.

    ``first_bad_name`` names the line as subject#seq where it still stands. From
    ``cannot_tell_from`` on no anchor speaks: who computed that tail anew is not found.
    """

    sound: bool
    checked: int
    anchored_upto: int
    cannot_tell_from: int
    unsealed: int = 0
    first_bad_line: int | None = None
    first_bad_name: str = ""
    reason: str = ""


class Bad(Exception):
    """A fault, at a position if the line has one."""

    def __init__(self, reason: str, position: int | None = None, name: str = "") -> None:
        super().__init__(reason)
        self.reason, self.position, self.name = reason, position, name


class Row(NamedTuple):
    """A place in the chain and the line that stands there, if it does."""

    position: int | None
    seal: bytes | None
    subject: str | None
    seq: int
    verb: str
    actor: str
    at: Any
    body: str
    prev: bytes
    hash: bytes

    @property
    def name(self) -> str:
        """The line as subject#seq."""
        return f"{self.subject}#{self.seq}" if self.subject is not None else ""


@dataclass
class _Walk:
    """How far the chain was followed."""

    position: int = 0
    head: bytes = GENESIS
    anchored_upto: int = 0
    digest: str = NO_RECORD
    leaves: list[bytes] = field(default_factory=list)


@transaction.atomic
def verify() -> Findings:
    """Check every line, every seal and every anchor, in bounded memory. Writes nothing.

    Raises BadSigningKey: without the key no anchor can be believed.
    """
    walk = _Walk()
    faults = [
        fault
        for check in (lambda: _follow_the_chain(walk), _check_subjects, _check_unsealed)
        if (fault := _fault_of(check)) is not None
    ]
    first = min(faults, key=_place, default=None)
    return Findings(
        sound=first is None,
        checked=walk.position,
        anchored_upto=walk.anchored_upto,
        cannot_tell_from=walk.anchored_upto + 1,
        unsealed=_count_unsealed(),
        first_bad_line=first.position if first else None,
        first_bad_name=first.name if first else "",
        reason=first.reason if first else "",
    )


def _fault_of(check: Any) -> Bad | None:
    try:
        check()
    except Bad as bad:
        return bad
    return None


def _place(bad: Bad) -> float:
    return float("inf") if bad.position is None else bad.position


# --- the chain over the office, and its anchors -------------------------------------------------
def _follow_the_chain(walk: _Walk) -> None:
    file = anchors.path()
    upto = file.stat().st_size if file.exists() else 0
    records = anchors.read_anchors(anchors.public_keys(), upto)
    with closing(stream_places()) as rows, closing(records):
        for record in records:
            _check_anchor(record, walk)
            for leaf in record.leaves:
                _step(next(rows, None), walk, leaf)
            if walk.head != record.head:
                raise Bad("the anchor has another head", walk.anchored_upto + 1)
            walk.anchored_upto, walk.digest = record.size, record.digest
        for row in rows:
            _step(row, walk, None)


def _check_anchor(record: Anchor, walk: _Walk) -> None:
    fits = (
        record.is_signed
        and record.prev == walk.digest
        and record.size - walk.anchored_upto == len(record.leaves)
    )
    if not fits:
        raise Bad("the anchor does not verify", walk.anchored_upto + 1)


def _step(row: Row | None, walk: _Walk, leaf: bytes | None) -> None:
    """Go one line further. The order of the questions decides the reason, not the place."""
    expected = walk.position + 1
    if row is None or row.position != expected or row.subject is None:
        raise Bad("the line is gone", expected)
    if leaf is not None and leaf != row.hash:
        raise Bad("the line is not the anchored one", expected, row.name)
    _check_line(row, expected)
    head = seal_hash(walk.head, expected, row.hash)
    if head != row.seal:
        raise Bad("the seal does not fit", expected, row.name)
    walk.position, walk.head = expected, head


def _check_line(row: Row, position: int | None) -> None:
    if line_hash(row.prev, row.body) != row.hash or not _columns_fit(row):
        raise Bad("the line was edited", position, row.name)


def _columns_fit(row: Row) -> bool:
    try:
        body = json.loads(row.body)
    except ValueError:
        return False
    columns = (row.subject, row.seq, row.verb, row.actor, microseconds(row.at))
    return isinstance(body, dict) and columns == tuple(
        body.get(k) for k in ("subject", "seq", "verb", "actor", "at")
    )


PLACES = """
SELECT place.position, place.hash, line.subject, line.seq, line.verb, line.actor, line.at,
    line.body, line.prev, line.hash
FROM ccpa_office_ledgerseal place LEFT JOIN ccpa_office_ledgerline line ON line.id = place.line_id
ORDER BY place.position
"""
WAITING = """
SELECT NULL, NULL, line.subject, line.seq, line.verb, line.actor, line.at,
    line.body, line.prev, line.hash
FROM ccpa_office_unsealedline waiting
LEFT JOIN ccpa_office_ledgerline line ON line.id = waiting.line_id
ORDER BY waiting.line_id
"""


def stream_places() -> Generator[Row, None, None]:
    """Every place of the chain in order, with the line that stands there; to be closed."""
    return _stream(PLACES)


def _stream(sql: str) -> Generator[Row, None, None]:
    """The rows of ``sql``, a few at a time.

    Whoever stops early must close it: left to the garbage collector it would close its cursor in
    the middle of another statement of this connection, and wait for itself for ever.
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql)
        while rows := cursor.fetchmany(CHUNK):
            for row in rows:
                yield Row._make(bytes(v) if isinstance(v, memoryview) else v for v in row)


# --- the chains of the subjects, and what is not sealed -----------------------------------------
SUBJECTS = """
SELECT place.position, line.subject, line.seq FROM (
    SELECT id, subject, seq, prev, lag(seq) OVER chain AS seq_before, lag(hash) OVER chain AS before
    FROM ccpa_office_ledgerline WINDOW chain AS (PARTITION BY subject ORDER BY seq)) AS line
LEFT JOIN ccpa_office_ledgerseal place ON place.line_id = line.id
WHERE line.seq <> coalesce(line.seq_before, 0) + 1
    OR line.prev <> coalesce(line.before, decode(repeat('00', 32), 'hex'))
ORDER BY place.position NULLS LAST, line.id LIMIT 1
"""


def _check_subjects() -> None:
    with connection.cursor() as cursor:
        cursor.execute(SUBJECTS)
        row = cursor.fetchone()
    if row:
        raise Bad("the line does not follow the one before it", row[0], f"{row[1]}#{row[2]}")


def _check_unsealed() -> None:
    """Lines without a place wait for one; every one that waits is there and is whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT line.subject || '#' || line.seq FROM ccpa_office_ledgerline line"
            " LEFT JOIN ccpa_office_ledgerseal place ON place.line_id = line.id"
            " LEFT JOIN ccpa_office_unsealedline waiting ON waiting.line_id = line.id"
            " WHERE place.line_id IS NULL AND waiting.line_id IS NULL"
            " ORDER BY line.id LIMIT 1"
        )
        row = cursor.fetchone()
    if row:
        raise Bad("the line stands outside the chain", None, row[0])
    with closing(_stream(WAITING)) as waiting:
        for line in waiting:
            if line.subject is None:
                raise Bad("a line is gone before it was sealed")
            _check_line(line, None)


def _count_unsealed() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ccpa_office_unsealedline")
        return int(cursor.fetchone()[0])
