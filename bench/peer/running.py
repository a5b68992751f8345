"""The peer as its compose file runs it: server, worker with two processes, broker, PostgreSQL."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml

from bench.measure import SERVER
from bench.peer import installing
from bench.peer.calling import ROOT, SECRET, Interface, PeerRefused, wait_until_up
from ccpa_office.engines.binaries import installed
from tests.ports import free_port

OWN, SHOP = "peer_own", "peer_shop"
WORKERS = 2
CUSTOMERS = 10_000
START_SECONDS = 400
PATIENCE = 600
"""Seconds after which a run of requests is given up."""
ROWS = Path(__file__).parent.parent / "data" / "peer_rows.sql"
CONFIG = """
[database]
server = "{host}"
port = "{port}"
user = "{username}"
password = "{password}"
db = "{own}"
[redis]
host = "127.0.0.1"
port = {redis}
password = "{secret}"
[security]
app_encryption_key = "{key}"
oauth_root_client_id = "{root}"
oauth_root_client_secret = "{secret}"
drp_jwt_secret = "{secret}"
env = "prod"
request_rate_limit = "1000000/minute"
auth_rate_limit = "100000/minute"
[execution]
require_manual_request_approval = false
subject_identity_verification_required = false
[celery]
task_always_eager = false
[admin_ui]
enabled = false
"""


@dataclass
class Peer:
    """The peer while it runs."""

    interface: Interface
    own: psycopg.Connection[Any]
    shop: psycopg.Connection[Any]
    version: str

    def carry_out(self, right: str, addresses: Sequence[str]) -> int:
        """Requests of these people, from the form to complete; how many became complete."""
        ids = self.interface.ask(right, list(addresses))
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            states = self.own.execute(
                "SELECT status::text, count(*) FROM privacyrequest WHERE id = ANY(%s) GROUP BY 1",
                [ids],
            ).fetchall()
            ended = {state: count for state, count in states if state in {"complete", "error"}}
            if sum(ended.values()) == len(ids):
                return int(ended.get("complete", 0))
            time.sleep(0.2)
        raise PeerRefused(f"not done after {PATIENCE} seconds: {states}")

    def size(self) -> int:
        """Bytes of its own database."""
        row = self.own.execute("SELECT pg_database_size(%s)", [OWN]).fetchone()
        return int(row[0]) if row else 0

    def is_erased(self, number: int) -> bool:
        """Whether nothing of what the policy names is left of a customer."""
        row = self.shop.execute(ANYTHING, [number] * 4).fetchone()
        return row == (0,)


ANYTHING = """
SELECT (SELECT count(*) FROM customer WHERE id = %s AND (email IS NOT NULL OR name IS NOT NULL))
     + (SELECT count(*) FROM address WHERE id = %s AND street IS NOT NULL)
     + (SELECT count(*) FROM login WHERE customer_id = %s AND time IS NOT NULL)
     + (SELECT count(*) FROM payment_card WHERE customer_id = %s AND ccn IS NOT NULL)"""


def email(number: int) -> str:
    """The address of a customer of the peer's own sample shop."""
    return f"customer-{number}@example.com"


@contextmanager
def running(programs: Path, log: Path) -> Iterator[Peer]:
    """Run the whole product beside its sample shop until the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ccpa-peer-")))
        for each in ("config", "dataset", "icon"):
            (folder / "data" / "saas" / each).mkdir(parents=True)
        sample = _sample(programs)
        at = _databases()
        _fill(psycopg.conninfo.make_conninfo(SERVER, dbname=SHOP), sample)
        config = CONFIG.format(
            **at, own=OWN, redis=_redis(stack, folder), key="k" * 32, root=ROOT, secret=SECRET
        )
        (folder / "fides.toml").write_text(config)
        interface = _start(stack, _Programs(programs, folder, log))
        interface.set_up({**at, "dbname": SHOP}, _dataset(sample))
        _Programs(programs, folder, log).start(stack, "worker", "fides", "worker")
        own, shop = (
            stack.enter_context(psycopg.connect(SERVER, dbname=name, autocommit=True))
            for name in (OWN, SHOP)
        )
        yield Peer(interface, own, shop, installing.version(programs))


def _databases() -> dict[str, Any]:
    """Make both of the peer's databases, empty; where the server is, in the peer's words."""
    given = psycopg.conninfo.conninfo_to_dict(SERVER)
    with psycopg.connect(SERVER, autocommit=True) as server:
        row = server.execute("SHOW listen_addresses").fetchone()
        for name in (OWN, SHOP):
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {name}")
    return {
        "host": row[0] if row else "", "port": 5432, "username": str(given["user"]),
        "password": str(given["password"]),
    }  # fmt: skip


def _start(stack: ExitStack, programs: "_Programs") -> Interface:
    """Start the server, wait until it answers, sign in."""
    port = free_port()
    interface = Interface(f"http://127.0.0.1:{port}")
    process = programs.start(
        stack, "server", "uvicorn", "--host", "127.0.0.1", "--port", str(port),
        "--log-level", "warning", "fides.api.main:app",
    )  # fmt: skip
    try:
        wait_until_up(interface, lambda: process.poll() is None, START_SECONDS)
    except PeerRefused as refused:
        said = (programs.log / "peer-server.log").read_text(errors="replace")[-1500:]
        raise PeerRefused(f"{refused}: {said}") from None
    interface.sign_in()
    return interface


@dataclass(frozen=True)
class _Programs:
    """The peer's programs, in a working folder, with a plain environment."""

    programs: Path
    folder: Path
    log: Path

    def start(self, stack: ExitStack, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start one; it ends with the stack."""
        environment = {
            **{each: os.environ[each] for each in ("PATH", "HOME", "LANG") if each in os.environ},
            "FIDES__CONFIG_PATH": str(self.folder / "fides.toml"),
            "FIDES__USER__ANALYTICS_OPT_OUT": "true",
            "FIDES__CELERY__WORKER_CONCURRENCY": str(WORKERS),
        }
        self.log.mkdir(parents=True, exist_ok=True)
        output = stack.enter_context((self.log / f"peer-{name}.log").open("wb"))
        process = subprocess.Popen(  # noqa: S603
            [str(self.programs / command[0]), *command[1:]],
            cwd=self.folder, env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        stack.callback(_end, process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def _redis(stack: ExitStack, folder: Path) -> int:
    """A broker on loopback with a password, as the peer asks for; its port."""
    port = free_port()
    flags = {
        "--port": str(port), "--bind": "127.0.0.1", "--requirepass": SECRET, "--save": "",
        "--appendonly": "no", "--dir": str(folder), "--daemonize": "no",
    }  # fmt: skip
    command = [str(installed().valkey), *(part for pair in flags.items() for part in pair)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    stack.callback(_end, process)
    return port


def _sample(programs: Path) -> Path:
    """The sample project inside the installed package."""
    found = list(programs.parent.glob("lib/python3*/site-packages/fides/data/sample_project"))
    if not found:
        raise PeerRefused("the package has no sample project")
    return found[0]


def _dataset(sample: Path) -> dict[str, Any]:
    path = sample / "sample_resources" / "postgres_example_test_dataset.yml"
    dataset: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["dataset"][0]
    return dataset


def _fill(conninfo: str, sample: Path) -> None:
    """The sample's own tables, with our rows: 20.5 a customer, every join column indexed."""
    tables = (sample / "postgres_sample.sql").read_text("utf-8").partition("INSERT INTO")[0]
    rows = ROWS.read_text("utf-8").replace(":people", str(CUSTOMERS))
    with psycopg.connect(conninfo) as connection:
        connection.execute(tables)
        connection.execute(rows)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
