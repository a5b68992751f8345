"""A worker process that kills itself the n-th time it passes a seam.

python -m tests.office.chore_worker FOLDER [SEAM N]
"""

import os
import signal
import sys
from datetime import timedelta
from itertools import count
from pathlib import Path

import django

django.setup()

from ccpa_office import work  # noqa: E402 - after set-up
from tests.office.chores import Chore, do  # noqa: E402


def main(folder: str, seam: str = "", at: str = "1") -> None:
    passed = count(1)

    def die(name: str) -> None:
        if name == seam and next(passed) == int(at):
            os.kill(os.getpid(), signal.SIGKILL)

    work.seam = die
    work.drain(
        "house",
        handlers=[(Chore, lambda rows: do(rows, Path(folder)))],
        owner=f"worker-{os.getpid()}",
        hold=work.Hold(lease=timedelta(minutes=5)),
    )


main(*sys.argv[1:])
