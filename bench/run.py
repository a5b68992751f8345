"""Every line, one after the other, and the report."""

import sys
from collections.abc import Callable

from bench import lists, places, report
from bench.measure import Line

LINES: dict[str, Callable[[bool], list[Line]]] = {
    "G2": lambda quick: [
        lists.line(1_000, 10_000, 2 if quick else 6),
        *([] if quick else [lists.line(10_000, 20_000, 4)]),
    ],
}


def main(words: list[str]) -> int:
    """Run the lines named, or all; print each as it ends; write the report."""
    quick = "--quick" in words
    wanted = [word for word in words if not word.startswith("-")] or list(LINES)
    places.office()
    found: list[Line] = []
    for name in wanted:
        for line in LINES[name](quick):
            print(report.text_of(line), flush=True)
            found.append(line)
    report.write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
