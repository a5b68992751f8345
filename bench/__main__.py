"""``python -m bench``: throw-away engines, then every line in one run against them."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ccpa_office.engines.pair import running
from ccpa_office.keys import demo_secrets

BASE_DIR = Path(__file__).resolve().parent.parent
OFFICE = {
    "DJANGO_SETTINGS_MODULE": "bench.settings",
    "DEMO": "1",
    "SITE_URL": "http://127.0.0.1:8000",
    "EMAIL_URL": "smtp://127.0.0.1:9",
    "BUSINESS_NAME": "Example",
    "COOL_OFF_HOURS": "0",
    "BATCH_AT": "*",
    "CEILING_ROWS": "1000000",
    "CEILING_SHARE": "1",
}
"""No cool-off and no hour of the night: the lines measure work, not waiting."""


def main() -> int:
    """Start engines that keep every write (fsync on), run the lines, end the engines."""
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("--only", nargs="+", default=[], help="some lines: G1 G2 G4 G11 G12")
    arguments.add_argument(
        "--quick", action="store_true", help="few rounds, small lists, no report"
    )
    arguments.add_argument("--peer", action="store_true", help="beside the open-source peer")
    given = arguments.parse_args()
    if given.peer:
        arguments.error("the lines beside the peer are not built yet")
    with (
        tempfile.TemporaryDirectory(prefix="ccpa-bench-") as folder,
        running(Path(folder), durable=True) as engines,
    ):
        (Path(folder) / "static").mkdir()
        addresses = engines.addresses()
        environment = {
            **os.environ, **demo_secrets(), **OFFICE,
            "DATA_DIR": folder,
            "DATABASE_URL": addresses.superuser.replace("/postgres?", "/office_bench?"),
            "BENCH_SERVER_URL": addresses.superuser,
            "REDIS_URL": addresses.redis,
        }  # fmt: skip
        environment.pop("DATABASE_OWNER_URL", None)
        command = [sys.executable, "-m", "bench.run", *given.only]
        if given.quick:
            command.append("--quick")
        return subprocess.run(command, cwd=BASE_DIR, env=environment, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
