"""Rounds side by side: both ways by turns, a ratio for each round, the least and the median."""

import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil
import psycopg

SERVER = os.environ.get("BENCH_SERVER_URL", "")
SECONDS = time.perf_counter


@dataclass(frozen=True)
class Run:
    """One way in one round."""

    seconds: float
    cpu: float
    count: int = 1
    server: float = 0.0
    """Of the processor time, what PostgreSQL used."""

    @property
    def speed(self) -> float:
        return self.count / self.seconds


@dataclass
class Line:
    """One line of the report: the office and its reference, round by round."""

    goal: str
    what: str
    unit: str
    gate: float
    office: list[Run] = field(default_factory=list)
    reference: list[Run] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """How fast the office is as a share of the reference, round by round."""
        pairs = zip(self.office, self.reference, strict=True)
        return [ours.speed / theirs.speed for ours, theirs in pairs]

    @property
    def median(self) -> float:
        return statistics.median(self.ratios) if self.office else self.facts["measure"]

    @property
    def met(self) -> bool:
        return self.median >= self.gate

    def raw(self) -> dict[str, Any]:
        return {**asdict(self), "ratios": self.ratios, "median": self.median, "met": self.met}


def play(
    line: Line,
    rounds: int,
    *,
    office: Callable[[int], int],
    reference: Callable[[int], int],
    before: Callable[[int], object] = lambda _: None,
) -> Line:
    """Run both ways by turns; each in turn goes first. ``before`` is not timed."""
    for number in range(rounds):
        before(number)
        ways = [(line.office, office), (line.reference, reference)]
        for runs, way in ways if number % 2 == 0 else reversed(ways):
            runs.append(timed(way, number))
        line.load.append(os.getloadavg()[0])
    return line


def timed(act: Callable[[int], int], number: int) -> Run:
    """Run once; ``act`` says how many it did."""
    used, of_server = cpu_seconds()
    begun = SECONDS()
    count = act(number)
    seconds = SECONDS() - begun
    whole, server = cpu_seconds()
    return Run(seconds, whole - used, count, server - of_server)


def cpu_seconds() -> tuple[float, float]:
    """Processor time of everything that the run started, and PostgreSQL's part of it."""
    running = psutil.Process(os.getppid()).children(recursive=True)
    used = [(_used(each), _is_server(each)) for each in running]
    return sum(time for time, _ in used), sum(time for time, is_server in used if is_server)


def _is_server(process: psutil.Process) -> bool:
    try:
        return bool(process.name() == "postgres")
    except psutil.NoSuchProcess:
        return False


def each_cost(line: Line) -> dict[str, str]:
    """G5: processor time for each of both ways, in milliseconds, and PostgreSQL's part of it."""
    return {
        way: f"{_median(runs, 'cpu'):.2f} ms, of it PostgreSQL {_median(runs, 'server'):.2f} ms"
        for way, runs in (("office", line.office), ("reference", line.reference))
    }


def _median(runs: list[Run], name: str) -> float:
    return 1000 * float(statistics.median(getattr(run, name) / run.count for run in runs))


def _used(process: psutil.Process) -> float:
    """What a living process and its ended children used."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def largest_memory() -> int:
    """The most memory that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


# --- statements ---------------------------------------------------------------------------------

COUNT = """
SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
 WHERE d.datname <> 'postgres' AND query NOT LIKE '%pg_stat_statements%'"""


def statements(act: Callable[[], object]) -> int:
    """How many statements reach the server while ``act`` runs, transaction control included."""
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        server.execute("SELECT pg_stat_statements_reset()")
        act()
        row = server.execute(COUNT).fetchone()
    return int(row[0]) if row else 0


# --- parts --------------------------------------------------------------------------------------


@contextmanager
def stopwatch(**places: tuple[Any, str]) -> Iterator[dict[str, float]]:
    """Time functions where they are called from: ``name=(module or class, attribute)``."""
    spent = dict.fromkeys(places, 0.0)
    kept = {name: getattr(*place) for name, place in places.items()}
    for name, (owner, attribute) in places.items():
        setattr(owner, attribute, _watched(kept[name], spent, name))
    try:
        yield spent
    finally:
        for name, (owner, attribute) in places.items():
            setattr(owner, attribute, kept[name])


def _watched(function: Any, spent: dict[str, float], name: str) -> Any:
    def watched(*args: Any, **kwargs: Any) -> Any:
        begun = SECONDS()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] += SECONDS() - begun

    return watched
