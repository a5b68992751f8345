"""G3: everybody from one list, from the uploaded file to the closed batch, in flat memory."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from django.conf import settings

from bench import lists, places, reference
from bench.measure import Line, play
from bench.shop import FEW, Shops
from bench.single import Workers
from requests_app.models import Batch

MOST_MB = 256
STEP = 0.5
"""Seconds between two looks at the memory of the office's processes."""


class Watch:
    """The most memory that any of some processes held while a block ran."""

    def __init__(self, pids: list[int]) -> None:
        self.processes = [psutil.Process(pid) for pid in pids]
        self.most = 0
        self._over = threading.Event()

    def _look(self) -> None:
        while not self._over.wait(STEP):
            for process in self.processes:
                with suppress(psutil.NoSuchProcess):
                    self.most = max(self.most, process.memory_info().rss // 2**20)

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()


def _office(workers: Workers, path: Path) -> int:
    number = workers.one(f"freeze {places.office().officer.id} {path}")
    workers.work("plans")
    return lists.carry_out(lists.approve(Batch.objects.get(pk=number)), workers)


def everybody(customers: int) -> Line:
    """G3: one round; the list is read from a file by a process that does nothing else."""
    line = Line("G3-shop", f"a list of all {customers:,} customers, 2 workers, from the file to the"
                " closed batch", "people/s", 1 / 3)  # fmt: skip
    shops = Shops(customers, processes=2)
    assert shops.workers
    path = Path(settings.DATA_DIR) / "everybody.csv"
    addresses = reference.emails(customers, customers, seed=2)
    warm, asked = addresses[:FEW], addresses[FEW:]
    path.write_text("\n".join(asked) + "\n")
    workers = shops.workers
    watch = Watch([each.pid for each in workers.running])
    try:
        shops.warm(warm)
        with watch.watching():
            play(
                line, 1,
                office=lambda _: _office(workers, path),
                reference=lambda _: reference.erase_set(shops.connection, asked) and len(asked),
            )  # fmt: skip
    finally:
        shops.end()
    assert line.office[0].count == len(asked)
    line.facts["largest memory of a process, MB"] = f"{watch.most} of at most {MOST_MB}"
    line.facts["memory is flat"] = watch.most <= MOST_MB
    line.notes.append("The reference is one transaction.")
    return line
