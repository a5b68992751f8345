"""Every line, one after the other, and the report."""

import sys
from collections.abc import Callable

from bench import desks, doors, lists, places, report, single
from bench.measure import Line

LINES: dict[str, Callable[[bool], list[Line]]] = {
    "G4": lambda _quick: [single.counts()],
    "G1": lambda quick: [
        single.line(learners, processes, people=20 if quick else 30, rounds=2 if quick else 4)
        for learners in ([10_000] if quick else [1_000, 10_000])
        for processes in (1, 2)
    ],
    "G2": lambda quick: [
        *lists.lines(1_000, 10_000, 2 if quick else 6),
        *([] if quick else lists.lines(10_000, 20_000, 4, processes=2)),
    ],
    "G12": lambda quick: doors.lines(2 if quick else 4),
    "G11": lambda quick: desks.lines(50_000 if quick else 1_000_000, 3 if quick else 6),
}


def main(words: list[str]) -> int:
    """Run the lines named, or all; print each as it ends; write the report of a whole run."""
    quick = "--quick" in words
    wanted = [word for word in words if not word.startswith("-")] or list(LINES)
    places.office()
    found: list[Line] = []
    for name in wanted:
        for line in LINES[name](quick):
            print(report.text_of(line), flush=True)
            found.append(line)
    if not quick:
        report.write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
