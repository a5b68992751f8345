"""G1, G2, G4, G5 and G6 on the reference shop: one by one, from a list, and what it costs."""

import statistics
from contextlib import ExitStack

import psycopg
from django.conf import settings

from bench import lists, places, reference, single
from bench.measure import (
    SERVER,
    Line,
    Run,
    each_cost,
    largest_memory,
    play,
    stopwatch,
)
from ccpa_office import clock
from requests_app import targets
from requests_app.fulfillment import batches
from tests import builders
from tests.statements import Statements

KEPT = """
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'"""
FEW = 5
"""So many are erased before the clock runs: connections and plans of statements are warm."""


class Shops:
    """Two fresh shops, one for each way, the office pointed at the first."""

    def __init__(self, customers: int, processes: int = 1) -> None:
        self.stack = ExitStack()
        places.office()
        self.customers = customers
        self.url, self.hand = (
            self.stack.enter_context(reference.copy(customers)) for _ in range(2)
        )
        reference.serve(self.url)
        targets.of("learners")
        self.connection = self.stack.enter_context(psycopg.connect(self.hand, autocommit=True))
        self.workers: single.Workers | None = None
        if processes > 1:
            self.workers = single.Workers(processes)
            self.stack.callback(self.workers.end)

    def end(self) -> None:
        self.stack.close()

    def warm(self, addresses: list[str]) -> None:
        """Erase some both ways, then write out what is dirty."""
        lists.erase_list(addresses, self.workers)
        reference.erase_list(self.connection, addresses)
        places.settle()


def person(address: str) -> dict[str, str]:
    """What a customer would answer."""
    number = int(address.partition("-")[2].partition("@")[0])
    name = f"Client {number}"
    return {
        "email": address, "name": name, "account_name": name, "postal_code": f"{number % 90000:05}",
        "street": f"Street {number}",
    }  # fmt: skip


# --- G1 -----------------------------------------------------------------------------------------


class OneByOne:
    """Customers one by one, by two of the office's workers, and by one statement each."""

    what = "each request gathered and carried out alone"

    def __init__(self, customers: int, people: int, rounds: int) -> None:
        self.shops = Shops(customers, processes=2)
        everybody = reference.emails(customers, people * (rounds + 1), seed=7)
        self.rounds = [everybody[n * people : (n + 1) * people] for n in range(rounds + 1)]
        self.prepare(rounds)
        self.office(rounds)

    def prepare(self, number: int) -> None:
        single.approved(list(map(person, self.rounds[number])))
        places.settle()

    def office(self, _number: int) -> int:
        assert self.shops.workers
        return self.shops.workers.work("requests")

    def reference(self, number: int) -> int:
        for address in self.rounds[number]:
            reference.erase_one(self.shops.connection, address)
        return len(self.rounds[number])


class Gathered(OneByOne):
    """The same requests, each with its plan and approval, gathered as the schedule gathers them."""

    what = "single requests gathered by the schedule"

    def office(self, _number: int) -> int:
        assert self.shops.workers
        while batches.open_due(at=clock.now()):
            pass
        return self.shops.workers.work("gathered")


def singles(way: type[OneByOne], customers: int, *, people: int, rounds: int) -> Line:
    """G1: approved to completed by two workers, beside one statement for each by one client."""
    what = f"{people} requests a round, 2 workers, {customers:,} customers: {way.what}"
    line = Line("G1-shop", what, "requests/s", 0.15)
    ways = way(customers, people, rounds)
    try:
        play(line, rounds, before=ways.prepare, office=ways.office, reference=ways.reference)
    finally:
        ways.shops.end()
    assert all(run.count == people for run in (*line.office, *line.reference))
    line.facts["processor time for each consumer"] = each_cost(line)
    return line


# --- G2, G5, G6 ---------------------------------------------------------------------------------


def wal() -> int:
    """How many bytes the server has written to its log so far."""
    with psycopg.connect(SERVER, autocommit=True) as server:
        row = server.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    return int(row[0]) if row else 0


def kept() -> int:
    """The size of the office's tables with their indexes."""
    name = settings.DATABASES["default"]["NAME"]
    with psycopg.connect(builders.url(name)) as connection:
        row = connection.execute(KEPT).fetchone()
    return int(row[0]) if row else 0


class _List:
    """A list of people in two fresh shops a round, with the bytes of each way."""

    def __init__(self, customers: int, people: int, processes: int) -> None:
        self.customers, self.people, self.processes = customers, people, processes
        self.shops: Shops | None = None
        self.spent: list[dict[str, float]] = []
        self.bytes: dict[str, list[int]] = {"office": [], "reference": [], "kept": []}

    def end(self) -> None:
        if self.shops:
            self.shops.end()
            self.shops = None

    def prepare(self, number: int) -> None:
        self.end()
        self.shops = Shops(self.customers, self.processes)
        everybody = reference.emails(self.customers, self.people + FEW, seed=number)
        self.addresses = everybody[: self.people]
        self.shops.warm(everybody[self.people :])

    def office(self, _number: int) -> int:
        assert self.shops
        log, size = wal(), kept()
        with stopwatch(**lists.PARTS) as parts:
            done = lists.erase_list(self.addresses, self.shops.workers)
        self.spent.append(parts)
        self.bytes["office"].append(wal() - log)
        self.bytes["kept"].append(kept() - size)
        return done

    def reference(self, _number: int) -> int:
        assert self.shops
        log = wal()
        reference.erase_list(self.shops.connection, self.addresses)
        self.bytes["reference"].append(wal() - log)
        return len(self.addresses)


def from_a_list(customers: int, people: int, rounds: int, *, processes: int) -> list[Line]:
    """G2 and G6 for one list: speed beside set SQL in thousands, and bytes for each consumer."""
    staff = "one worker" if processes == 1 else f"{processes} workers"
    what = f"a list of {people:,} out of {customers:,}, {staff}"
    line = Line("G2-shop", f"{what}, from the list to the proof", "people/s", 0.5)
    ways = _List(customers, people, processes)
    try:
        play(line, rounds, before=ways.prepare, office=ways.office, reference=ways.reference)
    finally:
        ways.end()
    assert all(run.count == people for run in (*line.office, *line.reference))
    line.facts["seconds of each part, median"] = {
        name: round(statistics.median(each[name] for each in ways.spent), 3)
        for name in lists.PARTS
        if any(each[name] for each in ways.spent)
    }
    line.facts["processor time for each consumer"] = each_cost(line)
    line.facts["largest memory of this process, MB"] = largest_memory()
    after = Line("G2-shop", f"{what}, from approved to proved", "people/s", 0.5)
    after.reference, after.load = line.reference, line.load
    after.office = [
        Run(run.seconds - each["building"], run.cpu, run.count, run.server)
        for run, each in zip(line.office, ways.spent, strict=True)
    ]
    return [line, after, _bytes(what, people, ways.bytes)]


MOST_WAL, MOST_KEPT = 1.6, 1500


def _bytes(what: str, people: int, found: dict[str, list[int]]) -> Line:
    line = Line("G6-shop", f"bytes for each of {what}", "share of gate", 1.0)
    each = {way: statistics.median(found[way]) / people for way in found}
    share = statistics.median(
        office / hand for office, hand in zip(found["office"], found["reference"], strict=True)
    )
    line.facts["log, bytes a consumer"] = {way: round(each[way]) for way in ("office", "reference")}
    line.facts["log beside the reference"] = f"{share:.2f} of at most {MOST_WAL}"
    line.facts["kept by the office, bytes a consumer"] = (
        f"{each['kept']:.0f} of at most {MOST_KEPT}"
    )
    line.facts["measure"] = min(MOST_WAL / share, MOST_KEPT / max(each["kept"], 1))
    return line


# --- G4 -----------------------------------------------------------------------------------------

MOST_ONE, MOST_THOUSAND = 60, 80
MANY = """
INSERT INTO sign_in SELECT 100000000 + n, c.id, now() FROM client c, generate_series(1, 20000) n
 WHERE c.email = %s"""


def counts(customers: int) -> Line:
    """G4: statements for one person, for a thousand, and for one with 20,000 rows."""
    line = Line("G4-shop", "statements, approved to proved, 11 collections", "share of gate", 1.0)
    shops = Shops(customers)
    try:
        everybody = reference.emails(customers, 1000 + 2 * FEW, seed=3, alike=True)
        few, many, *warm = everybody[: 2 * FEW]
        shops.warm(warm)
        single.approved([person(warm_one) for warm_one in everybody[-2:]])
        single.carry_out()
        with psycopg.connect(shops.url) as connection:
            connection.execute(MANY, [many])
        found, opened = _counted(shops, few, many, everybody[2 * FEW - 2 : -2])
    finally:
        shops.end()
    line.facts |= {**found, "new connections (gate 0)": opened}
    line.facts["equal for one and for 20,000 rows"] = (
        found["one person"] == found["a person with 20,000 rows"]
    )
    line.facts["measure"] = min(
        MOST_ONE / max(found["one person"], found["a person with 20,000 rows"]),
        MOST_THOUSAND / found["a chunk of 1,000"],
        0.0 if opened else 1.0,
    )
    return line


def _counted(shops: Shops, few: str, many: str, thousand: list[str]) -> tuple[dict[str, int], int]:
    """Statements of each, and new connections of all; freezing and approving are counted apart."""
    counter = Statements(settings.DATABASES["default"]["NAME"], builders.name_of(shops.url))
    found, opened = {}, 0
    for name, address in (("one person", few), ("a person with 20,000 rows", many)):
        single.approved([person(address)])
        with counter.counting():
            single.carry_out(1)
        found[name], opened = counter.calls, opened + counter.connections
    batch = lists.approved(thousand)
    assert batch.chunks.count() == 1
    with counter.counting():
        lists.carry_out(batch)
    found["a chunk of 1,000"] = counter.calls
    return found, opened + counter.connections
