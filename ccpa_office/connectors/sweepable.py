"""What a store does with rows that are nobody's of the people: it reads them, and redacts them.

Keys, rows and answers are those of ``base`` and ``sweeping``, which stand on this room.
"""

from collections.abc import Sequence
from typing import Any, Protocol


class Sweepable(Protocol):
    """The part of a connector that walks no way to a person."""

    def sweep(
        self, table: str, crowd: Any, *, after: Any = None, limit: int = 2000,
        only: Sequence[Any] | None = None,
    ) -> Any:  # fmt: skip
        """Read one page of texts in the order of the key, or of some rows ``only``.

        Whom of a crowd (``sweeping.Crowd``) it shows comes back as ``sweeping.Swept``.
        """

    def bearers(self, values: Sequence[tuple[str, str]]) -> Any:
        """Keys of the people who bear each value (kind, value): names, addresses, telephones.

        One statement for each column that holds such values.
        """

    def redact(self, table: str, rows: Any, identities: Sequence[Any]) -> Any:
        """Take people out of the texts of rows that are not theirs, by the rows' keys alone.

        Comes back as ``base.Applied``; a repeat is harmless.
        """

    def probe(self) -> tuple[float, int]:
        """How long a small statement takes, in seconds, and how many other sessions are at work."""
