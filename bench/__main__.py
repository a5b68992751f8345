"""``python -m bench``: throw-away engines, then every line in one run against them."""

import argparse
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.peer.installing import CannotInstall, postgresql
from ccpa_office.engines.pair import running
from ccpa_office.engines.postgresql import SETTINGS
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
    "CEILING_PEOPLE": "1000000",
    "CEILING_ROWS": "1000000",
    "CEILING_SHARE": "1",
}
"""No cool-off and no hour of the night: the lines measure work, not waiting."""

LARGE = {"shared_buffers": "1GB", "work_mem": "64MB", "max_wal_size": "8GB"}
"""Both ways get a server that is not starved (performance.md, 2)."""
TCP = {"max_connections": "200"}
"""The peer reaches its databases by TCP and opens many connections."""


def _watched(command: list[str], environment: dict[str, str]) -> int:
    """Run the lines to their end; whoever ends us ends them first, with time to tidy up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    process = subprocess.Popen(command, cwd=BASE_DIR, env=environment)  # noqa: S603
    try:
        return process.wait()
    finally:
        process.terminate()
        process.wait(120)


def _loopback() -> str:
    """An address of loopback of this run's own, so that the usual port is free on it."""
    return ".".join(["127", *(str(2 + secrets.randbelow(250)) for _ in range(3))])


def main() -> int:
    """Start engines that keep every write (fsync on), run the lines, end the engines."""
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument(
        "--only", nargs="+", default=[], help="some lines, by their names in the report"
    )
    arguments.add_argument(
        "--quick", action="store_true", help="few rounds, small lists, no report"
    )
    arguments.add_argument(
        "--scale", choices=["10k", "100k", "1m"], default="100k",
        help="customers of the reference shop; 1m takes hours",
    )  # fmt: skip
    arguments.add_argument("--peer", action="store_true", help="beside the open-source peer")
    given = arguments.parse_args()
    SETTINGS.update(LARGE)
    if given.peer:
        try:
            os.environ["CCPA_PG_BIN"] = postgresql()
        except CannotInstall as refused:
            print(f"The peer cannot be measured here: {refused}", file=sys.stderr)
            return 1
        SETTINGS.update(TCP | {"listen_addresses": _loopback()})
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
        command = [sys.executable, "-m", "bench.run", *given.only, "--scale", given.scale]
        if given.peer:
            command.append("--peer")
        if given.quick:
            command.append("--quick")
        return _watched(command, environment)


if __name__ == "__main__":
    sys.exit(main())
