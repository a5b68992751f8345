"""G7: a stream of points, 300 a second, alone, beside a batch, and beside one transaction."""

import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psycopg

from bench import lists, places, reference
from bench.measure import SERVER, Line
from bench.shop import FEW, Shops
from ccpa_office.engines.binaries import installed

RATE, CLIENTS = 300, 4
SCRIPT = """\\set n random(1, {customers})
BEGIN;
UPDATE client SET joined = now() WHERE id = :n;
UPDATE purchase_line SET quantity = quantity + 1 WHERE purchase_id = 'p' || :n || '-1' AND line = 1;
SELECT name FROM client WHERE id = :n;
SELECT count(*) FROM purchase WHERE client_id = :n;
COMMIT;
"""
"""What an erasure leaves alone, in rows that it changes: nothing erased comes back."""
SHARE = 0.99


class Stream:
    """Updates and reads by key on one shop, at a fixed rate, each timed from when it was due."""

    def __init__(self, url: str, customers: int) -> None:
        self.conninfo = psycopg.conninfo.make_conninfo(
            SERVER, dbname=psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        )
        self.script = SCRIPT.format(customers=customers)

    def beside(self, act: Callable[[], object]) -> list[float]:
        """Let the stream run while ``act`` does; the times in ms, in order."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ccpa-stream-")))
            (folder / "points.sql").write_text(self.script)
            command = [
                str(installed().tool("pgbench")), "--no-vacuum", "--protocol=prepared",
                f"--rate={RATE}", f"--client={CLIENTS}", "--jobs=1", "--time=3600", "--log",
                "--log-prefix=times", "--file=points.sql", self.conninfo,
            ]  # fmt: skip
            process = subprocess.Popen(  # noqa: S603
                command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                time.sleep(1)
                act()
            finally:
                process.terminate()
                process.wait(20)
            return sorted(
                int(line.split()[2]) / 1000
                for file in folder.glob("times*")
                for line in file.read_text().splitlines()[:-1]  # the last may be cut off
            )


def percentile(times: list[float]) -> float:
    """The time that 99 of 100 stayed under."""
    assert len(times) > 100, "the stream did not run"
    return times[int(len(times) * SHARE)]


def live(customers: int, people: int, seconds: int) -> Line:
    """G7: the 99th percentile of the stream in each of three surroundings."""
    line = Line("G7-shop", f"{RATE} points a second beside a list of {people:,} of {customers:,}",
                "share of gate", 1.0)  # fmt: skip
    everybody = reference.emails(customers, people + FEW, seed=4)
    shops = Shops(customers, processes=2)
    try:
        shops.warm(everybody[people:])
        ours = Stream(shops.url, customers)
        alone = percentile(ours.beside(lambda: time.sleep(seconds)))
        places.settle()
        batch = percentile(ours.beside(lambda: lists.erase_list(everybody[:people], shops.workers)))
        places.settle()
        theirs = Stream(shops.hand, customers)
        once = percentile(
            theirs.beside(lambda: reference.erase_set(shops.connection, everybody[:people]))
        )
    finally:
        shops.end()
    line.facts |= {
        "99 of 100 under, ms": f"alone {alone:.1f}, beside the office's batch {batch:.1f},"
        f" beside one transaction by hand {once:.1f}",
        "gates": "at most 1.5 of alone, and at most a third of one transaction",
        "measure": min(1.5 * alone / batch, once / 3 / batch),
    }
    return line
