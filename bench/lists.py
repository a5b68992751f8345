"""G2: a list of people is frozen, approved, erased and proved, beside the same rows by hand."""

from contextlib import ExitStack

import psycopg

from bench import by_hand, places
from bench.measure import Line, play, statements, stopwatch
from ccpa_office import clock
from requests_app import targets, tasks
from requests_app.fulfillment import batches, erasure, lists, proof
from requests_app.models import Batch, BatchState, Plan, PlanState

CHUNK = 1000
PARTS = {
    "locating": (lists, "locate"),
    "frozen keys": (lists, "freeze"),
    "apply and receipts": (erasure, "run_chunk"),
    "apply alone": (erasure, "_apply"),
    "proof": (proof, "prove_chunk"),
    "second look alone": (proof, "look"),
}


def erase_list(emails: list[str]) -> int:
    """The office's way, from the list to the proof; returns the number of people proved."""
    team, at = places.office(), clock.now()
    batch = lists.open_list("learners", ["email", *emails], by=team.officer, at=at).batch
    for approver in (team.approver, team.second):
        batch.refresh_from_db()
        if batch.state == BatchState.WAITING:
            batches.approve(batch, hash=batch.hash, by=approver, at=at)
    while not batches.finish_done(at=clock.now()):
        tasks.drain_erase()
    assert Batch.objects.get(pk=batch.pk).state == BatchState.DONE
    proved = Plan.objects.filter(chunk__batch=batch, state=PlanState.PROVED)
    return sum(proved.values_list("people", flat=True))


def erase_by_hand(connection: psycopg.Connection, emails: list[str]) -> int:
    """The reference: a transaction for each thousand people, a statement for each table."""
    for first in range(0, len(emails), CHUNK):
        by_hand.erase(connection, emails[first : first + CHUNK])
    return len(emails)


def line(people: int, learners: int, rounds: int) -> Line:
    """G2 for one size of list; each round erases the same list from two fresh copies."""
    found = Line("G2", f"a list of {people:,} out of {learners:,}", "people/s", gate=1 / 3)
    spent: dict[str, float] = dict.fromkeys(PARTS, 0.0)
    with ExitStack() as round_:

        def before(number: int) -> None:
            round_.close()
            places.office()
            url, hand.url = (round_.enter_context(places.copy(learners)) for _ in range(2))
            places.point_office_at(url)
            targets.of("learners")
            hand.emails = [each["email"] for each in places.learners(url)][:people]
            hand.connection = round_.enter_context(psycopg.connect(hand.url, autocommit=True))
            places.settle()

        def office(_number: int) -> int:
            with stopwatch(**PARTS) as parts:
                done = erase_list(hand.emails)
            for name, seconds in parts.items():
                spent[name] += seconds / rounds
            return done

        hand = _Hand()
        play(
            found, rounds, before=before, office=office,
            reference=lambda _: erase_by_hand(hand.connection, hand.emails),
        )  # fmt: skip
        assert all(run.count == people for run in (*found.office, *found.reference))
        before(rounds)
        found.facts["statements"] = statements(lambda: erase_list(hand.emails))
    found.facts["seconds of each part, mean"] = {k: round(v, 3) for k, v in spent.items()}
    return found


class _Hand:
    url: str
    emails: list[str]
    connection: psycopg.Connection
