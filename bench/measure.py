"""Rounds side by side: both ways by turns, a ratio for each round, the least and the median."""

import os
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
        return statistics.median(self.ratios)

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
            runs.append(timed(lambda way=way: way(number)))  # type: ignore[misc]
        line.load.append(os.getloadavg()[0])
    return line


def timed(act: Callable[[], int]) -> Run:
    """Run once; ``act`` says how many it did."""
    used = cpu_seconds()
    begun = SECONDS()
    count = act()
    seconds = SECONDS() - begun
    return Run(seconds, cpu_seconds() - used, count)


def cpu_seconds() -> float:
    """Processor time of this process, its ended children, and PostgreSQL with all its sessions."""
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system + _server_seconds()


def _server_seconds() -> float:
    server = _server()
    if server is None:
        return 0.0
    used = server.cpu_times()
    total = float(used.user + used.system + used.children_user + used.children_system)
    for session in server.children():
        try:
            times = session.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _server() -> psutil.Process | None:
    own = psutil.Process(os.getppid())
    names = [child for child in own.children(recursive=True) if child.name() == "postgres"]
    return min(names, key=lambda each: each.pid) if names else None


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
