"""G2: a list of people is frozen, approved, erased and proved, beside the same rows by hand."""

import itertools
import statistics
import sys
from collections.abc import Iterable
from contextlib import ExitStack

import psycopg

from bench import by_hand, places
from bench.measure import Line, Run, largest_memory, play, statements, stopwatch
from bench.single import Workers
from ccpa_office import clock
from ccpa_office.roles import Actor
from requests_app import tasks
from requests_app.fulfillment import batches, erasure, lists, proof
from requests_app.models import Batch, BatchState, Plan, PlanState

CHUNK = 1000
FEW = 5
"""So many are erased before the clock runs: a worker's connection has been used before."""

PARTS = {
    "building": (sys.modules[__name__], "frozen"),
    "locating": (lists, "locate"),
    "frozen keys": (lists, "freeze"),
    "apply and receipts": (erasure, "run_chunk"),
    "apply alone": (erasure, "apply"),
    "proof": (proof, "prove_chunk"),
    "second look alone": (proof, "look"),
}


def erase_list(emails: Iterable[str], workers: Workers | None = None) -> int:
    """The office's way, from the list to the proof; returns the number of people proved."""
    return carry_out(approved(emails, workers), workers)


def approved(emails: Iterable[str], workers: Workers | None = None) -> Batch:
    """A list that is frozen, with its approvals."""
    return approve(frozen(emails, by=places.office().officer, workers=workers))


def frozen(emails: Iterable[str], *, by: Actor, workers: Workers | None = None) -> Batch:
    """A list that waits for its approvals; where there are workers, they build its plans."""
    if workers is None:
        lines = itertools.chain(["email"], emails)
        return lists.open_list("learners", lines, by=by, at=clock.now()).batch
    batch = taken_in(emails, by=by)
    workers.work("plans")
    return batch


def taken_in(emails: Iterable[str], *, by: Actor) -> Batch:
    """A list that was read; its plans are not built."""
    lines = itertools.chain(["email"], emails)
    return lists.take_in("learners", lines, by=by, at=clock.now()).batch


def approve(batch: Batch) -> Batch:
    """Let as many approve it as it needs."""
    team = places.office()
    for approver in (team.approver, team.second):
        batch.refresh_from_db()
        if batch.state == BatchState.WAITING:
            batches.approve(batch, hash=batch.hash, by=approver, at=clock.now())
    return batch


def carry_out(batch: Batch, workers: Workers | None = None) -> int:
    """An approved list, erased and proved; returns the number of people proved."""
    while Batch.objects.get(pk=batch.pk).state != BatchState.DONE:
        if workers:
            workers.work("chunks")
        else:
            tasks.drain_erase()
        batches.finish_done(at=clock.now())
        assert not batches.gave_up(batch), [row.error_code for row in batches.gave_up(batch)]
    proved = Plan.objects.filter(chunk__batch=batch, state=PlanState.PROVED)
    return sum(proved.values_list("people", flat=True))


def erase_by_hand(connection: psycopg.Connection, emails: list[str]) -> int:
    """The reference: a transaction for each thousand people, a statement for each table."""
    for first in range(0, len(emails), CHUNK):
        by_hand.erase(connection, emails[first : first + CHUNK])
    return len(emails)


def lines(people: int, learners: int, rounds: int, *, processes: int = 1) -> list[Line]:
    """G2 for one size of list; each round erases the same list from two fresh copies.

    The first line is the whole way, from the list to the proof; the second counts the plans'
    building apart, as G1 and G4 do.
    """
    staff = "one worker" if processes == 1 else f"{processes} workers"
    what = f"a list of {people:,} out of {learners:,}, {staff}"
    whole = Line("G2", f"{what}, from the list to the proof", "people/s", 1 / 3)
    after = Line("G2", f"{what}, from approved to proved", "people/s", 1 / 3)
    round_ = _Round(people, learners, processes)
    try:
        play(whole, rounds, before=round_.prepare, office=round_.office, reference=round_.reference)
        assert all(run.count == people for run in (*whole.office, *whole.reference))
        round_.prepare(rounds)
        whole.facts["statements"] = statements(lambda: erase_list(round_.emails))
    finally:
        round_.stack.close()
    spent = round_.spent
    whole.facts["seconds of each part, median"] = {
        name: round(statistics.median(each[name] for each in spent), 3)
        for name in PARTS
        if any(each[name] for each in spent)
    }
    whole.facts["largest memory of this process, MB"] = largest_memory()
    after.reference, after.load = whole.reference, whole.load
    after.office = [
        Run(run.seconds - each["building"], run.cpu, run.count, run.server)
        for run, each in zip(whole.office, spent, strict=True)
    ]
    after.notes.append("CPU-seconds of the office are those of the whole way.")
    return [whole, after]


class _Round:
    """Two fresh copies, one for each way, and the list."""

    def __init__(self, people: int, learners: int, processes: int) -> None:
        self.people, self.learners, self.processes = people, learners, processes
        self.stack = ExitStack()
        self.spent: list[dict[str, float]] = []
        self.emails: list[str] = []

    def prepare(self, _number: int) -> None:
        self.stack.close()
        places.office()
        url, hand = (self.stack.enter_context(places.copy(self.learners)) for _ in range(2))
        places.point_office_at(url)
        emails = [each["email"] for each in places.learners(url)]
        self.emails, few = emails[: self.people], emails[self.people : self.people + FEW]
        self.connection = self.stack.enter_context(psycopg.connect(hand, autocommit=True))
        erase_list(few)
        erase_by_hand(self.connection, few)
        self.workers = None
        if self.processes > 1:
            self.workers = Workers(self.processes)
            self.stack.callback(self.workers.end)
        places.settle()

    def office(self, _number: int) -> int:
        with stopwatch(**PARTS) as parts:
            done = erase_list(self.emails, self.workers)
        self.spent.append(parts)
        return done

    def reference(self, _number: int) -> int:
        return erase_by_hand(self.connection, self.emails)
