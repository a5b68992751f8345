"""Cutting: no statement takes more keys than a store bears, and no chunk more rows than a night."""

from collections.abc import Iterable, Iterator, Sequence

from ccpa_office.connectors.base import MOST_KEYS, Applied, Key, Rows
from requests_app.models import Plan

MOST_ROWS = 200_000
"""Rows of one chunk, unless one person alone has more: one transaction in the target."""
FEW, PIECES = 25, 4
"""What was gathered becomes so many chunks of at least so many plans: several workers share it."""


def cut_rows(rows: Rows, most: int = MOST_KEYS) -> list[Rows]:
    """Cut rows into pieces of at most ``most`` keys; one piece where that is enough, or none is.

    A row that several people reach stands in one piece with all of them.
    """
    if len(rows.keys) <= most:
        return [rows]
    if len(set(rows.keys)) == len(rows.keys):
        return [
            Rows(rows.keys[start : start + most], rows.persons[start : start + most])
            for start in range(0, len(rows.keys), most)
        ]
    places: dict[Key, list[int]] = {}
    for place, key in enumerate(rows.keys):
        places.setdefault(key, []).append(place)
    return [
        Rows([rows.keys[place] for place in piece], [rows.persons[place] for place in piece])
        for piece in _pieces(places.values(), most)
    ]


def _pieces(groups: Iterable[list[int]], most: int) -> Iterator[list[int]]:
    piece: list[int] = []
    for group in groups:
        if piece and len(piece) + len(group) > most:
            yield piece
            piece = []
        piece.extend(group)
    yield piece


def together(applied: Sequence[Applied]) -> Applied:
    """What the pieces of one change met, as if they had been one."""
    return Applied(
        sum(each.done for each in applied),
        sum(each.gone for each in applied),
        [key for each in applied for key in each.foreign],
    )


def cut_plans(plans: Iterable[Plan], most: int = MOST_ROWS) -> list[list[Plan]]:
    """Cut plans into chunks of at most ``most`` rows, in order; a heavy one stands alone.

    Many plans become a few chunks of one size, so that more than one worker has something to do.
    """
    chunks: list[list[Plan]] = []
    gathered = list(plans)
    share = max(FEW, -(-len(gathered) // PIECES))
    rows = 0
    for plan in gathered:
        if not chunks or len(chunks[-1]) >= share or rows + plan.rows > most:
            chunks.append([])
            rows = 0
        chunks[-1].append(plan)
        rows += plan.rows
    return chunks
