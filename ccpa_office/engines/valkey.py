"""Valkey as a child process: the broker's hints, kept by an append-only file."""

import signal
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis

from ccpa_office.engines.binaries import Binaries
from ccpa_office.engines.children import Child, Refused, plain_environment
from ccpa_office.engines.home import Home

START_SECONDS = 60.0


@dataclass(frozen=True)
class Valkey:
    """One broker in one home."""

    home: Home
    binaries: Binaries

    @property
    def socket(self) -> Path:
        """Return the socket that it listens on."""
        return self.home.run_folder() / "valkey.sock"

    @property
    def url(self) -> str:
        """Return the broker's address in Celery's words."""
        return f"redis+socket://{quote(str(self.socket))}?virtual_host=0"

    def child(self, *, log: Path, durable: bool) -> Child:
        """Return the server as a child that is not started yet."""
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.home.room("valkey")),
            "appendonly": "yes" if durable else "no",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return Child(
            name="Valkey",
            command=[self.binaries.valkey, *flags],
            log=log,
            env=plain_environment(),
            account=self.home.account,
            stop_steps=((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)),
        )

    def wait(self, child: Child) -> None:
        """Wait for an answer to PING. Raises Refused when the server ends or stays silent."""
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2.0) as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError as refusal:
                    if child.pid is None or time.monotonic() > deadline:
                        said = child.log.read_text(errors="replace")[-800:]
                        raise Refused(f"Valkey did not start: {said}") from refusal
                    time.sleep(0.05)
                else:
                    return
