"""Ports on loopback for servers that start a little later."""

import secrets
import socket
from contextlib import suppress

_given: set[int] = set()


def free_port() -> int:
    """A port on loopback that nobody listens on, and that no connection is given as its own end.

    Above 32767 the system gives ports to whoever connects; a server that starts some seconds later
    could find its port taken.
    """
    while True:
        port = 12_000 + secrets.randbelow(19_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
