"""One consumer with two million rows: memory, time, and whether the file is what it says.

``python -m bench.package [ROWS]`` makes a learner with so many rows, writes the package as the
office does, and reads it again with other code: every digest of the manifest, every row of every
table. ``DATABASE_URL`` names a database that does not exist yet, on a server that makes it.
"""

import hashlib
import json
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench import places
from ccpa_office import sealed_files, sealing
from ccpa_office.connectors.collected import Window
from requests_app import targets
from requests_app.fulfillment.package import building
from requests_app.fulfillment.package.building import Built, Wanted

ROWS = 2_000_000
MOST = 128 * 1024 * 1024
LEARNER = 11
MIB = 1024 * 1024

FILL = """
INSERT INTO activity_log (id, account_id, seen_at, ip, path, detail)
SELECT 1000000 + g, %s, timestamptz '2023-01-01' + g * interval '11 s', '203.0.113.7',
       '/courses/harbors-and-their-history/lessons/' || g,
       jsonb_build_object('seconds', g %% 600, 'device', 'tablet', 'note', 'lesson ' || g)
  FROM generate_series(1, %s) AS g"""


class Peak:
    """The most memory that this process held while something ran, looked at 50 times a second."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._over = threading.Event()
        self.idle = self.most = self._held()

    def _held(self) -> int:
        return int(self._process.memory_info().rss)

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.most = max(self.most, self._held())

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look until the block ends."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        yield
        self._over.set()
        thread.join()


def write(path: Path, box: sealing.Box) -> Built:
    """The package of the one learner."""
    target = targets.of("learners")
    today = date(2026, 11, 25)
    wanted = Wanted("BENC-HMRK-000", "en", today, Window(date(2022, 1, 1), today), {})
    return building.write(path, box, [(target, [LEARNER])], wanted, breathe=lambda: None)


def check(path: Path, box: sealing.Box, built: Built) -> dict[str, Any]:
    """Read the file as a consumer would, and count."""
    with tempfile.TemporaryFile() as plain:
        for piece in sealed_files.read(path, box, context=building.FILE):
            plain.write(piece)
        size = plain.tell()
        with zipfile.ZipFile(plain) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            digest = hashlib.sha256(archive.read("manifest.json")).hexdigest()
            wrong = [told["name"] for told in manifest["files"] if not _is_right(archive, told)]
            rows = sum(
                sum(line.lstrip(b",").startswith(b'{"row"') for line in archive.open(name))
                for name in archive.namelist()
                if name.startswith("json/")
            )
    told = sum(each["rows"] for each in built.tables)
    return {
        "valid": not wrong and digest == built.hash and size == built.size and rows == told,
        "files": len(manifest["files"]),
        "rows": rows,
        "bytes": size,
        "wrong": wrong[:3],
    }


def _is_right(archive: zipfile.ZipFile, told: dict[str, Any]) -> bool:
    digest, size = hashlib.sha256(), 0
    with archive.open(told["name"]) as file:
        while piece := file.read(1024 * 1024):
            digest.update(piece)
            size += len(piece)
    return (digest.hexdigest(), size) == (told["sha256"], told["bytes"])


def main(rows: int) -> int:
    """Make the learner, write, read again, print."""
    places.office()
    with places.copy(60) as url, tempfile.TemporaryDirectory() as folder:
        places.point_office_at(url)
        with psycopg.connect(url, autocommit=True) as there:
            there.execute(FILL, [LEARNER, rows])
            there.execute("ANALYZE")
        box = sealing.Box(sealing.new_key())
        path = Path(folder) / "package.sealed"
        targets.of("learners").connector.sizes()
        peak = Peak()
        began = time.perf_counter()
        with peak.watching():
            built = write(path, box)
        seconds = time.perf_counter() - began
        facts = {
            "rows_wanted": rows,
            "seconds": round(seconds, 1),
            "rows_a_second": round(rows / seconds),
            "idle_mib": round(peak.idle / MIB, 1),
            "above_idle_mib": round((peak.most - peak.idle) / MIB, 1),
            "sealed_mib": round(path.stat().st_size / MIB, 1),
            **check(path, box, built),
        }
    print(json.dumps(facts, indent=1))
    return 0 if facts["valid"] and peak.most - peak.idle <= MOST else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))
