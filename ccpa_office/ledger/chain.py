"""The seal: every line gets its place in the one chain over the whole office."""

import hashlib

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

SEAL_DOMAIN = b"ccpa-office ledger seal v1\n"
SEAL_LOCK = 0x5EA1
MOST = 5000
GENESIS = bytes(32)


def seal_hash(prev: bytes, position: int, line_hash: bytes) -> bytes:
    """The hash of the office's chain at ``position``, where the line with ``line_hash`` stands."""
    return hashlib.sha256(SEAL_DOMAIN + prev + position.to_bytes(8, "big") + line_hash).digest()


@transaction.atomic
def seal(limit: int = MOST) -> int:
    """Give up to ``limit`` waiting lines their place; four statements, one sealer at a time.

    Returns how many it placed: 0 when nothing waits or another sealer is at work.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEAL_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(
            "SELECT line.id, line.hash FROM ccpa_office_unsealedline waiting"
            " JOIN ccpa_office_ledgerline line ON line.id = waiting.line_id"
            " ORDER BY waiting.line_id LIMIT %s",
            [min(limit, MOST)],
        )
        lines = cursor.fetchall()
        if lines:
            _place(cursor, lines)
        return len(lines)


def _place(cursor: CursorWrapper, lines: list[tuple[int, bytes]]) -> None:
    position, head = last_seal(cursor)
    hashes: list[bytes] = []
    for offset, (_, line_hash) in enumerate(lines, 1):
        head = seal_hash(head, position + offset, bytes(line_hash))
        hashes.append(head)
    ids = [line_id for line_id, _ in lines]
    cursor.execute(
        "INSERT INTO ccpa_office_ledgerseal (position, line_id, hash)"
        " SELECT %s + nr, line_id, hash FROM unnest(%s::bigint[], %s::bytea[])"
        " WITH ORDINALITY AS placed(line_id, hash, nr)",
        [position, ids, hashes],
    )
    cursor.execute("DELETE FROM ccpa_office_unsealedline WHERE line_id = ANY(%s)", [ids])


def last_seal(cursor: CursorWrapper) -> tuple[int, bytes]:
    """The last position and the head of the chain there."""
    cursor.execute(
        "SELECT position, hash FROM ccpa_office_ledgerseal ORDER BY position DESC LIMIT 1"
    )
    row = cursor.fetchone()
    return (row[0], bytes(row[1])) if row else (0, GENESIS)
