"""A worker of the benchmark: waits for a word, then carries out what is due until none is left."""

import sys
from collections.abc import Callable
from pathlib import Path

from bench import lists, ready, single
from ccpa_office import clock, work
from ccpa_office.celery import settle
from ccpa_office.roles import Actor, Role
from requests_app import targets
from requests_app.fulfillment import batches, closing, collecting
from requests_app.fulfillment import lists as requested
from requests_app.models import Chunk, Package

__all__ = ["ready"]


def main() -> None:
    """Stand ready with open connections; answer each word with how much was done.

    ``requests``: one due request after the other, to its end. ``gathered``: what the schedule
    gathered, erased, proved, told and closed. ``chunks``: chunks of a list.
    ``packages``: what is to be collected; ``alone``: one by one. ``freeze OFFICER FILE``: the list
    in a file, by a member of staff; answers with the number of its batch, which then waits for its
    approvals.
    """
    work.claim(Chunk, lane="erase", n=1, owner="bench")
    targets.of("learners")
    settle()
    print("ready", flush=True)
    for word in sys.stdin:
        name, _, rest = word.strip().partition(" ")
        print(freeze(rest) if name == "freeze" else WORDS[name](), flush=True)


def plans() -> int:
    """Build plan after plan of what was taken in, as the lane's task does."""
    done = 0
    while held := work.claim(Chunk, lane="plan", n=1, owner="bench"):
        requested.build_all(held)
        done += sum(chunk.people for chunk in held)
    return done


def chunks() -> int:
    """Erase and prove chunk after chunk, as the lane's task does."""
    done = 0
    while held := work.claim(Chunk, lane="erase", n=1, owner="bench"):
        for chunk in held:
            batches.work_chunk(chunk, at=clock.now())
            done += chunk.people
    return done


def gathered() -> int:
    """Erase, prove and close, as the lane's task does; how many requests this one closed."""
    chunks()
    done = 0
    while closed := closing.close_told(at=clock.now()):
        done += closed
    return done


def packages() -> int:
    """Collect what waits, as the lane's task does."""
    return _packages(collecting.TOGETHER)


def alone() -> int:
    """The same, but each package for itself, as where it is the only one that waits."""
    return _packages(1)


def _packages(most: int) -> int:
    done = 0
    while held := work.claim(Package, lane="collect", n=most, owner="bench"):
        collecting.build_all(held, at=clock.now())
        done += len(held)
    return done


def freeze(rest: str) -> int:
    """Read a list of addresses and write it down."""
    officer, _, path = rest.partition(" ")
    by = Actor(kind="staff", id=int(officer), roles=frozenset({Role.OFFICER}))
    with Path(path).open(encoding="utf-8") as lines:
        return int(lists.taken_in(lines, by=by).pk)


WORDS: dict[str, Callable[[], int]] = {
    "requests": single.carry_out,
    "gathered": gathered,
    "plans": plans,
    "chunks": chunks,
    "packages": packages,
    "alone": alone,
}

if __name__ == "__main__":
    main()
