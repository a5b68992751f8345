"""A worker of the benchmark: waits for a word, then carries out what is due until none is left."""

import sys

from bench import ready, single
from ccpa_office import work
from requests_app import targets
from requests_app.models import Chunk

__all__ = ["ready"]


def main() -> None:
    """Stand ready with open connections; answer each ``go`` with the number of requests done."""
    work.claim(Chunk, lane="erase", n=1, owner="bench")
    targets.of("learners")
    print("ready", flush=True)
    for _word in sys.stdin:
        print(single.carry_out(), flush=True)


if __name__ == "__main__":
    main()
