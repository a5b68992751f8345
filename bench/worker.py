"""A worker of the benchmark: waits for a word, then carries out what is due until none is left."""

import sys

from bench import ready, single
from ccpa_office import clock, work
from requests_app import targets
from requests_app.fulfillment import batches
from requests_app.models import Chunk

__all__ = ["ready"]


def main() -> None:
    """Stand ready with open connections; answer each word with how much was done.

    ``requests``: one due request after the other, to its end. ``chunks``: chunks of a list.
    """
    work.claim(Chunk, lane="erase", n=1, owner="bench")
    targets.of("learners")
    print("ready", flush=True)
    for word in sys.stdin:
        print(single.carry_out() if word.strip() == "requests" else chunks(), flush=True)


def chunks() -> int:
    """Erase and prove chunk after chunk, as the lane's task does."""
    done = 0
    while held := work.claim(Chunk, lane="erase", n=1, owner="bench"):
        for chunk in held:
            batches.work_chunk(chunk, at=clock.now())
            done += chunk.people
    return done


if __name__ == "__main__":
    main()
