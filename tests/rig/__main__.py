"""python -m tests.rig [--tier quick|full|mass] [--seed N] [--only NAME]... [--people N]"""

import argparse
import os
import sys

import django

from tests.rig import settings

settings.set_environment()
django.setup()

from tests.rig import conducting, mass  # noqa: E402 - after set-up


def main() -> int:
    """Run the rig. Exit status 0 when nothing was lost, doubled or left over."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description=__doc__)
    tier = os.environ.get("TIER") or "full"
    parser.add_argument("--tier", choices=["quick", "full", "mass"], default=tier)
    seed = int(os.environ.get("SEED") or int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--only", action="append", default=[], help="a run's name; again for more")
    most = int(os.environ.get("PEOPLE") or 100_000)
    parser.add_argument("--people", type=int, default=most, help="how long the mass tier's list is")
    given = parser.parse_args()
    if given.tier == "mass":
        return mass.conduct(given.people, given.seed)
    return conducting.conduct(given.tier, given.seed, given.only)


if __name__ == "__main__":
    sys.exit(main())
