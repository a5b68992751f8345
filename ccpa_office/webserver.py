"""What the web server is told beside its options: how long it waits for the bytes of a sender."""

import socket
import struct
from typing import Any

PATIENCE = 4
"""Seconds without one byte, after which a sender gives its place to the next one.

A proxy in front takes whole requests in before it hands them on (see docs/operations.md); this
limit keeps a few senders who begin and never end from holding every thread where there is none.
"""


def when_ready(server: Any) -> None:
    """Set the limit on the listening sockets; every connection inherits it."""
    limit = struct.pack("ll", PATIENCE, 0)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
