"""One call over the wire: a listed host, a checked address, bounded time and size, no redirects."""

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2

from ccpa_office.connectors.base import ConnectorError
from ccpa_office.outbound import HostNotAllowed, Outbound

CHUNK = 65_536


class Lost(ConnectorError):
    """No whole answer came. ``sent`` says whether the question may have arrived."""

    def __init__(self, code: str, *, sent: bool) -> None:
        super().__init__(code)
        self.code, self.sent = code, sent


@dataclass(frozen=True)
class Patience:
    """Seconds for a connection, for the next bytes, and for everything."""

    connect: float = 3.0
    read: float = 20.0
    total: float = 40.0


@dataclass(frozen=True)
class Question:
    """What goes over the wire."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes = b""


@dataclass(frozen=True)
class Raw:
    """What came back, whole and within the limits."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Stream(httpcore2.NetworkStream):
    """A stream that looks at the line's own deadline with every read."""

    def __init__(self, stream: httpcore2.NetworkStream, line: "Line") -> None:
        self._stream, self._line = stream, line

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._line.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._line.has_spoken = True
        self._stream.write(buffer, self._line.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._line.left(timeout))
        return _Stream(secured, self._line)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Network(httpcore2.SyncBackend):
    """Looks a name up once, refuses private addresses, connects to what was looked up."""

    def __init__(self, line: "Line") -> None:
        self._line = line

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise httpcore2.ConnectError("name") from None
        addresses = [str(each[4][0]) for each in found]
        if not all(self._line.outbound.may_reach(address) for address in addresses):
            raise HostNotAllowed
        stream = super().connect_tcp(
            addresses[0], port, self._line.left(timeout), local_address, socket_options
        )
        return _Stream(stream, self._line)


class Line(httpx2.HTTPTransport):
    """The way to one outside system; no proxy, no cookie, no redirect, no second try."""

    def __init__(
        self, outbound: Outbound, patience: Patience, context: ssl.SSLContext | None = None
    ) -> None:
        trust = context or httpx2.create_ssl_context(trust_env=False)
        super().__init__(verify=trust, trust_env=False, retries=0)
        self._pool.close()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=trust, max_connections=2, network_backend=_Network(self)
        )
        self.outbound, self.patience = outbound, patience
        self.has_spoken = False
        self._ends = 0.0

    def left(self, timeout: float | None) -> float:
        """Seconds that may still be waited now. Raises httpcore's ReadTimeout when none is left."""
        seconds = self._ends - time.monotonic()
        if seconds <= 0:
            raise httpcore2.ReadTimeout("whole")
        return min(seconds, timeout) if timeout else seconds

    def ask(self, question: Question, *, most: int) -> Raw:
        """Send a question and return its whole answer. Raises ``Lost``, ``HostNotAllowed``."""
        self._ends, self.has_spoken = time.monotonic() + self.patience.total, False
        request = httpx2.Request(
            question.method,
            question.url,
            headers={"accept": "application/json", "accept-encoding": "identity",
                     "user-agent": "ccpa-office", **question.headers},
            content=question.content,
            extensions={"timeout": self._timeouts()},
        )  # fmt: skip
        if not self.outbound.names_host(request.url.host):
            raise HostNotAllowed
        try:
            response = self.handle_request(request)
            with closing(response):
                return Raw(response.status_code, _headers(response), _body(response, most))
        except httpx2.HTTPError as error:
            raise Lost(_code(error), sent=self.has_spoken) from None
        except httpcore2.TimeoutException:
            raise Lost("slow", sent=self.has_spoken) from None
        except (httpx2.InvalidURL, UnicodeError, ValueError):
            raise Lost("malformed", sent=self.has_spoken) from None

    def _timeouts(self) -> dict[str, float]:
        connect, read = self.patience.connect, self.patience.read
        return {"connect": connect, "read": read, "write": read, "pool": connect}


def _headers(response: httpx2.Response) -> dict[str, str]:
    return {name.casefold(): value for name, value in response.headers.items()}


def _body(response: httpx2.Response, most: int) -> bytes:
    """The body as it came over the wire, never unpacked."""
    if response.headers.get("content-encoding", "identity").casefold() != "identity":
        raise Lost("packed", sent=True)
    parts: list[bytes] = []
    length = 0
    assert isinstance(response.stream, httpx2.SyncByteStream)  # noqa: S101  of this transport
    for part in response.stream:
        length += len(part)
        if length > most:
            raise Lost("too-large", sent=True)
        parts.append(part)
    return b"".join(parts)


def _code(error: httpx2.HTTPError) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return "slow"
    if isinstance(error, httpx2.ConnectError):
        return "unreachable"
    return "cut"
