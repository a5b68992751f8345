"""How large a run is: the size of the reference shop and of what is asked of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Sizes of the lines on the reference shop."""

    customers: int
    people: int  # of a list (G2, G6, G7)
    rounds: int
    requests: int  # of each round, one by one (G1, G10)
    together: int  # of each round, packages that wait together (G10)
    gathered: int  # of each round, gathered by the schedule (G1)
    all_of_them: bool  # G3: the whole shop from one list
    large: int  # rows of the one large package
    seconds: int  # of the live stream alone (G7)


SCALES = {
    "quick": Scale(10_000, 1_000, 2, 15, 60, 60, all_of_them=True, large=20_000, seconds=4),
    "10k": Scale(10_000, 2_000, 4, 40, 500, 200, all_of_them=True, large=100_000, seconds=10),
    "100k": Scale(
        100_000, 10_000, 4, 60, 2_000, 500, all_of_them=False, large=1_000_000, seconds=20
    ),
    "1m": Scale(
        1_000_000, 100_000, 4, 125, 5_000, 500, all_of_them=True, large=1_000_000, seconds=60
    ),
}
