"""The office beside the peer, both whole, by turns on the same machine and PostgreSQL."""

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from django.conf import settings

from bench import lists, packages, places, reference, shop, single
from bench.measure import Line, each_cost, play, statements, timed
from bench.peer import installing, running
from bench.peer.calling import PeerRefused
from bench.peer.running import Peer, email

ROUNDS = 4
HEAVY_ROWS = 20_000
HEAVY = running.CUSTOMERS
MANY = "INSERT INTO login SELECT 10000000 + n, %s, now() FROM generate_series(1, %s) n"


class Sizes:
    """How much is done in a round: by the peer and by the office."""

    def __init__(self, *, quick: bool) -> None:
        self.rounds = 2 if quick else ROUNDS
        self.erasures, self.accesses = (4, 4) if quick else (15, 12)
        self.requests, self.gathered = (20, 60) if quick else (125, 500)
        self.list = 2_000 if quick else 10_000
        self.customers = 10_000 if quick else 100_000


class Turns:
    """The peer's share of a round: always people who were never asked for before."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.next = count(1)
        self.erased: list[int] = []

    def erase(self, number: int) -> int:
        """So many erasures, to complete; afterwards nothing may be left of them."""
        people = [next(self.next) for _ in range(number)]
        done = self.peer.carry_out("erasure", list(map(email, people)))
        self.erased += people
        if done != number:
            raise PeerRefused(f"{number - done} erasures ended in an error")
        return done

    def access(self, number: int) -> int:
        """So many packages, to complete."""
        people = [next(self.next) for _ in range(number)]
        done = self.peer.carry_out("access", list(map(email, people)))
        if done != number:
            raise PeerRefused(f"{number - done} packages ended in an error")
        return done


def lines(*, quick: bool, only: list[str]) -> Iterator[Line]:
    """Every line, or those named, each as it ends.

    Raises ``installing.CannotInstall``, ``PeerRefused``.
    """
    programs = installing.environment()
    sizes = Sizes(quick=quick)
    places.office()
    with running.running(programs, Path(settings.DATA_DIR) / "logs") as peer:
        turns = Turns(peer)
        turns.access(2)
        turns.erase(2)
        yield _counted(turns, sizes)
        if not only or "G1" in only:
            line = _singles(turns, sizes, shop.OneByOne, sizes.requests)
            yield from (line, _cpu(line, "one by one", 200))
            line = _singles(turns, sizes, shop.Gathered, sizes.gathered)
            yield from (line, _cpu(line, "gathered by the schedule", 200))
        if not only or "G2" in only:
            line = _from_a_list(turns, sizes)
            yield from (line, _cpu(line, "from a list", 5_000))
        if not only or "G10" in only:
            yield _packages(turns, sizes)
        if not only or "G4" in only:
            yield _heavy(turns)
        left = [number for number in turns.erased if not peer.is_erased(number)]
        if left:
            raise PeerRefused(f"it left something of {len(left)} people")


def _singles(turns: Turns, sizes: Sizes, way: type[shop.OneByOne], number: int) -> Line:
    what = f"{sizes.rounds * number} single erasures, 2 workers each: {way.what}"
    line = Line("G1", what, "requests/s", 250)
    ways = way(sizes.customers, number, sizes.rounds)
    try:
        play(
            line, sizes.rounds, before=ways.prepare, office=ways.office,
            reference=lambda _: turns.erase(sizes.erasures),
        )  # fmt: skip
    finally:
        ways.shops.end()
    return line


def _from_a_list(turns: Turns, sizes: Sizes) -> Line:
    what = f"lists of {sizes.list:,} people out of {sizes.customers:,}, from the list to the proof"
    line = Line("G2", what, "people/s", 5_000)
    shops = shop.Shops(sizes.customers, processes=2)
    everybody = reference.emails(sizes.customers, sizes.rounds * sizes.list + shop.FEW, seed=5)
    try:
        shops.warm(everybody[-shop.FEW :])
        play(
            line, sizes.rounds, before=lambda _: places.settle(),
            office=lambda n: lists.erase_list(
                everybody[n * sizes.list : (n + 1) * sizes.list], shops.workers
            ),
            reference=lambda _: turns.erase(sizes.erasures),
        )  # fmt: skip
    finally:
        shops.end()
    return line


def _cpu(of: Line, what: str, gate: int) -> Line:
    """G5: processor time for each consumer, everything counted that the run started."""
    line = Line("G5", f"processor time for each erased consumer, {what}", "times less", gate)
    ours, theirs = (
        statistics.median(run.cpu / run.count for run in runs) for runs in (of.office, of.reference)
    )
    line.facts["processor time for each consumer"] = each_cost(of)
    line.facts["measure"] = theirs / ours
    return line


def _counted(turns: Turns, sizes: Sizes) -> Line:
    """What one erasure of the peer takes, in counts; the office's stand in report.md."""
    line = Line("G4, G6", "what one erasure of the peer takes", "", 0)
    log, size = shop.wal(), turns.peer.size()
    used = statements(lambda: turns.erase(sizes.erasures))
    line.facts["statements"] = round(used / sizes.erasures)
    line.facts["log, bytes"] = round((shop.wal() - log) / sizes.erasures)
    line.facts["kept in its own database, bytes"] = round(
        (turns.peer.size() - size) / sizes.erasures
    )
    line.facts["measure"] = 0.0
    return line


def _packages(turns: Turns, sizes: Sizes) -> Line:
    what = f"{sizes.rounds * sizes.requests} single packages, 2 workers each"
    line = Line("G10", what, "packages/s", 400)
    ways = packages.Ways(sizes.customers, sizes.requests, sizes.rounds)
    try:
        play(
            line, sizes.rounds, before=ways.prepare, office=ways.office,
            reference=lambda _: turns.access(sizes.accesses),
        )  # fmt: skip
    finally:
        ways.shops.end()
    return line


def _heavy(turns: Turns) -> Line:
    """G4 (c): one person with 20,000 rows in one collection; wall time."""
    line = Line("G4", f"one person with {HEAVY_ROWS:,} rows in one table", "requests/s", 150)
    turns.peer.shop.execute(MANY, [HEAVY, HEAVY_ROWS])
    with _heavy_at_the_office() as office:
        line.office.append(timed(lambda _: single.carry_out(1), 0))
        assert office.execute(LEFT).fetchone() == (0,)

        def peer(_number: int) -> int:
            return turns.peer.carry_out("erasure", [email(HEAVY)])

        line.reference.append(timed(peer, 0))
    line.load.append(os.getloadavg()[0])
    turns.erased.append(HEAVY)
    return line


LEFT = "SELECT count(*) FROM sign_in WHERE id > 100000000 AND at IS NOT NULL"


@contextmanager
def _heavy_at_the_office() -> Iterator[psycopg.Connection]:
    shops = shop.Shops(10_000)
    address, *warm = reference.emails(10_000, 1 + shop.FEW, seed=9)
    try:
        shops.warm(warm)
        with psycopg.connect(shops.url, autocommit=True) as connection:
            connection.execute(shop.MANY, [address])
            single.approved([shop.person(address)])
            places.settle()
            yield connection
    finally:
        shops.end()
