"""Every line, one after the other, and the report."""

import argparse
import signal
import sys
import time
from collections.abc import Callable

from bench import (
    desks,
    doors,
    droplists,
    growth,
    lists,
    packages,
    places,
    report,
    shop,
    single,
    traffic,
    whole,
)
from bench.measure import Line
from bench.peer import installing
from bench.peer import lines as peer_lines
from bench.peer.calling import PeerRefused
from bench.peer.installing import CannotInstall
from bench.scales import SCALES, Scale

Lines = dict[str, Callable[[], list[Line]]]


def on_the_learners(quick: bool) -> Lines:  # noqa: FBT001  two sizes
    """The lines on the demo's learner database."""
    return {
        "G4": lambda: [single.counts()],
        "G1": lambda: [
            single.line(learners, processes, people=20 if quick else 30, rounds=2 if quick else 4)
            for learners in ([10_000] if quick else [1_000, 10_000])
            for processes in (1, 2)
        ],
        "G2": lambda: [
            *lists.lines(1_000, 10_000, 2 if quick else 6),
            *([] if quick else lists.lines(10_000, 20_000, 4, processes=2)),
        ],
    }


def on_the_shop(size: Scale) -> Lines:
    """The lines on the reference shop."""
    customers = size.customers
    return {
        "G4-shop": lambda: [shop.counts(min(customers, 100_000))],
        "G1-shop": lambda: [
            shop.singles(shop.OneByOne, customers, people=size.requests, rounds=size.rounds),
            shop.singles(shop.Gathered, customers, people=size.gathered, rounds=size.rounds),
        ],
        "G2-shop": lambda: shop.from_a_list(customers, size.people, size.rounds, processes=2),
        "G3-shop": lambda: [whole.everybody(customers)] if size.all_of_them else [],
        "G7-shop": lambda: [traffic.live(customers, size.people, size.seconds)],
        "G10-shop": lambda: [
            packages.one_by_one(customers, people=size.requests, rounds=size.rounds),
            packages.as_a_set(customers, people=size.together, rounds=size.rounds),
            packages.one_large(size.large),
        ],
        "G8": lambda: droplists.lines(customers, size.rounds),
        "growth": lambda: [
            growth.without_an_index(),
            growth.of_people(customers, customers // 50, 3),
            growth.of_tables(customers // 10, customers // 100, 3),
        ],
    }


def of_the_office(quick: bool) -> Lines:  # noqa: FBT001  two sizes
    """The lines of the office's own pages."""
    return {
        "G12": lambda: doors.lines(2 if quick else 4),
        "G11": lambda: desks.lines(50_000 if quick else 1_000_000, 3 if quick else 6),
    }


def beside_the_peer(only: list[str], *, quick: bool) -> int:
    """Every line beside the peer; its own report, of as much as there is."""
    found: list[Line] = []
    said = ""
    try:
        for line in peer_lines.lines(quick=quick, only=only):
            print(report.text_of(line), flush=True)
            found.append(line)
    except (CannotInstall, PeerRefused) as refused:
        said = f"The peer could not be measured to the end: {refused}"
        print(said, file=sys.stderr)
    if found and not quick and not only:
        version = installing.version(installing.environment())
        report.write_peer(found, version, note=said)
    return 1 if said else 0


def _ended(*_signal: object) -> None:
    """Asked to end: leave every block on the way out, so that nothing stays behind."""
    sys.exit(143)


def main(words: list[str]) -> int:
    """Run the lines named, or all; print each as it ends; write the report of a whole run."""
    signal.signal(signal.SIGTERM, _ended)
    given = _arguments(words)
    if given.peer:
        return beside_the_peer(given.only, quick=given.quick)
    scale = "quick" if given.quick else given.scale
    lines = {
        **on_the_learners(given.quick),
        **on_the_shop(SCALES[scale]),
        **of_the_office(given.quick),
    }
    places.office()
    found: list[Line] = []
    for name in given.only or lines:
        begun = time.monotonic()
        for line in lines[name]():
            print(report.text_of(line), flush=True)
            found.append(line)
        print(f"    ({name}: {time.monotonic() - begun:.0f} seconds)", flush=True)
        if not given.quick:
            report.write(found)
    return 0


def _arguments(words: list[str]) -> argparse.Namespace:
    arguments = argparse.ArgumentParser(prog="python -m bench.run")
    arguments.add_argument("only", nargs="*")
    arguments.add_argument("--scale", choices=SCALES, default="100k")
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--peer", action="store_true")
    return arguments.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
