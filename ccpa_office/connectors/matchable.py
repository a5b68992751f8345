"""What a store does with a deletion list; its answer is ``matching.Matched``."""

from typing import Any, Protocol


class Matchable(Protocol):
    """The part of a connector that is asked by digests, not by values."""

    def matched(self, kind: str, sought: bytes) -> Any:
        """Whom a list of a kind (``Email``, ``NDZ``, ...) means: every digest is 32 bytes of it.

        Nothing is written, not even a table of its own. Every row is looked at, or an error is
        raised: there is no half answer. Raises ``matching.NotHeld`` where the map names no column.
        """
