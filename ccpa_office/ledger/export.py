"""The book as a file, for a reader who has neither the database nor trust in us."""

import json
from contextlib import closing
from typing import Protocol

from django.db import transaction

from ccpa_office.ledger.verifying import Row, stream_places


class Writable(Protocol):
    """Whatever takes text: a file, a command's output."""

    def write(self, text: str, /) -> object:
        """Take ``text``."""


@transaction.atomic
def export(out: Writable) -> int:
    """Write every sealed line as one line of JSON, in the order of the chain. Returns how many.

    With ``anchors.jsonl`` this is all that a check needs: body, prev, hash of each line, the
    seal at its position, and the domain words of ``ledger``.
    """
    written = 0
    with closing(stream_places()) as rows:
        for row in rows:
            out.write(json.dumps(_fact(row), separators=(",", ":")) + "\n")
            written += 1
    return written


def _fact(row: Row) -> dict[str, int | str | None]:
    return {
        "position": row.position,
        "body": row.body,
        "prev": _hex(row.prev),
        "hash": _hex(row.hash),
        "seal": _hex(row.seal),
    }


def _hex(value: bytes | None) -> str | None:
    """A line that is gone leaves empty places in the export."""
    return None if value is None else value.hex()
