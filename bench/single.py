"""G1 and G4: one person at a time, from approved to completed, beside the same rows by hand."""

import subprocess
import sys
from contextlib import ExitStack

import psycopg

from bench import by_hand, places
from bench.measure import Line, largest_memory, play, statements, stopwatch
from ccpa_office import clock, work
from requests_app import casework, targets, tasks, verification
from requests_app.fulfillment import batches, closing, erasure, proof
from requests_app.models import Chunk, ConsumerRequest, Link, LinkPurpose, Plan, Status, Step
from tests import builders

PARTS = {
    "gathering": (batches, "open_due"),
    "apply and receipts": (erasure, "run_chunk"),
    "proof": (proof, "prove_chunk"),
    "closing and the letter": (closing, "close_told"),
}
Person = dict[str, str]


def approved(people: list[Person]) -> None:
    """Requests of these people on their way through every desk, up to the approval; not timed."""
    team = places.office()
    asked = [builders.ask(each["email"], name=each["name"]) for each in people]
    _steps(tasks.drain_verify)
    for consumer_request, person in zip(asked, people, strict=True):
        link = Link.objects.select_related("consumer_request", "contact").get(
            consumer_request=consumer_request, purpose=LinkPurpose.CONFIRM
        )
        claims = {name: person[name] for name in person.keys() - {"email", "name"}}
        verification.accept_evidence(link, claims, at=clock.now())
    _steps(tasks.drain_verify)
    for consumer_request in asked:
        fresh = builders.fresh(consumer_request)
        verification.decide(fresh, by=team.verifier, reason="agrees", at=clock.now())
    _steps(tasks.drain_plan)
    for plan in Plan.objects.filter(consumer_request__in=asked):
        casework.approve(plan, hash=plan.hash, by=team.approver, at=clock.now())
    ready = ConsumerRequest.objects.filter(status=Status.APPROVED)
    assert ready.count() == len(people)


def _steps(drain) -> None:
    while Step.objects.exclude(state="done").exists():
        drain()


def carry_out(most: int = 0) -> int:
    """One worker: gather one request, erase, prove, tell, close; until none is left."""
    done = 0
    while (not most or done < most) and batches.open_due(at=clock.now(), limit=1):
        for chunk in work.claim(Chunk, lane="erase", n=1, owner="bench"):
            batches.work_chunk(chunk, at=clock.now())
        done += closing.close_told(at=clock.now())
    return done


class Workers:
    """Worker processes that stand ready until they are let go, all at once."""

    def __init__(self, number: int) -> None:
        self.running = [_worker() for _ in range(number)]
        for each in self.running:
            _read(each)

    def work(self, word: str) -> int:
        """Let them work until nothing is left; return how much they did. See ``bench.worker``."""
        return self._tell(self.running, word)

    def one(self, word: str) -> int:
        """Let one of them work; return what it says."""
        return self._tell(self.running[:1], word)

    def _tell(self, workers: list[subprocess.Popen[str]], word: str) -> int:
        for each in workers:
            assert each.stdin
            each.stdin.write(f"{word}\n")
            each.stdin.flush()
        return sum(int(_read(each)) for each in workers)

    def end(self) -> None:
        for each in self.running:
            each.communicate()


def _worker() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.worker"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603


def _read(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout
    return worker.stdout.readline()


class Round:
    """What one round needs: people, requests that stand approved, connections, workers."""

    def __init__(self, learners: int, processes: int) -> None:
        self.stack = ExitStack()
        self.processes = processes
        places.office()
        self.url, hand = (self.stack.enter_context(places.copy(learners)) for _ in range(2))
        places.point_office_at(self.url)
        targets.of("learners")
        self.people = places.learners(self.url)
        self.connection = self.stack.enter_context(psycopg.connect(hand, autocommit=True))
        self.workers = Workers(processes) if processes > 1 else None

    def end(self) -> None:
        if self.workers:
            self.workers.end()
        self.stack.close()

    def prepare(self, number: int) -> None:
        """The next people of the list, their requests approved."""
        self.next, self.people = self.people[:number], self.people[number:]
        approved(self.next)
        places.settle()

    def office(self, _number: int) -> int:
        return self.workers.work("requests") if self.workers else carry_out()

    def reference(self, _number: int) -> int:
        """One transaction for each person, one client (performance.md, G1)."""
        for person in self.next:
            by_hand.erase(self.connection, [person["email"]])
        return len(self.next)


def line(learners: int, processes: int, *, people: int, rounds: int) -> Line:
    """G1 for one size of the learner database and one number of workers."""
    workers = "one worker" if processes == 1 else f"{processes} workers"
    found = Line("G1", f"one by one, {workers}, {learners:,} learners", "requests/s", gate=0.1)
    round_ = Round(learners, processes)
    try:
        round_.prepare(3)
        round_.office(0)
        with stopwatch(**PARTS) as spent:
            play(
                found, rounds, before=lambda _: round_.prepare(people),
                office=round_.office, reference=round_.reference,
            )  # fmt: skip
        if processes == 1:
            done = rounds * people
            found.facts["ms of each part"] = {
                name: round(seconds / done * 1000, 1) for name, seconds in spent.items()
            }
            round_.prepare(1)
            found.facts["statements"] = statements(lambda: carry_out(1))
    finally:
        round_.end()
    assert all(run.count == people for run in (*found.office, *found.reference))
    return found


# --- G4 -----------------------------------------------------------------------------------------

BUDGET, A_TABLE = 36, 2
MANY = """
INSERT INTO activity_log SELECT 10000000 + n, a.id, now(), '198.51.100.9', '/x', '{}'
  FROM accounts a, generate_series(1, 20000) n WHERE a.email = %s"""


def counts() -> Line:
    """G4: statements from approved to completed, for one person and for one with 20,000 rows."""
    found = Line("G4", "statements of one deletion, approved to completed", "share of budget", 1.0)
    round_ = Round(1_000, 1)
    try:
        round_.prepare(3)
        round_.office(0)
        few, many = places.learners(round_.url, places.ALIKE)[-2:]
        with psycopg.connect(round_.url) as connection:
            connection.execute(MANY, [many["email"]])
        used = {}
        tables = len(targets.of("learners").program.tables)
        budget = BUDGET + A_TABLE * tables
        for name, person in (("one person", few), ("a person with 20,000 rows", many)):
            building = statements(lambda person=person: approved([person]))  # type: ignore[misc]
            used[name] = statements(lambda: carry_out(1))
            found.facts[name] = (
                f"{used[name]} of at most {budget} ({BUDGET} and {A_TABLE} for each of {tables}"
                f" tables of the map); before that, from the form to the approval: {building}"
            )
        found.facts["measure"] = budget / max(used.values())
        found.facts["equal"] = len(set(used.values())) == 1
        found.facts["largest memory of this process, MB"] = largest_memory()
    finally:
        round_.end()
    return found
