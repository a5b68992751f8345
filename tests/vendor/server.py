"""The fake vendor: a real server on loopback, seeded, in one mode at a time."""

import gzip
import json
import random
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from tests.vendor.modes import HANGS, Mode

TOKEN = "opens-the-vendor"
PAGE = 2


Deed = dict[str, str] | None
"""What is asked for a record: other values for it, or, with none, that it be deleted."""


class Vendor:
    """People by id, a mode, and a log on disk of everything that was asked and done."""

    running: ClassVar[set["Vendor"]] = set()

    def __init__(self, folder: Path, *, seed: int = 1, context: ssl.SSLContext | None = None):
        self.random = random.Random(seed)  # noqa: S311  a test's seed
        self.log_file = folder / f"vendor-{seed}-{self.random.randrange(10**9)}.jsonl"
        self.log_file.touch()
        self.people: dict[str, dict[str, str]] = {}
        self.mode, self.on = Mode.HONEST, {"delete", "correct"}
        self.polls = 2
        self.honors_keys = True
        self.now = datetime(2026, 11, 25, tzinfo=UTC)
        self.jobs: dict[str, tuple[str, Deed, int]] = {}
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {}
        self.later: list[tuple[datetime, Callable[[], None]]] = []
        self.asked = 0
        self.token = TOKEN
        self.released = threading.Event()
        self.hung = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.running.add(self)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop, and let every handler that hangs go."""
        self.released.set()
        self.running.discard(self)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def hang(self) -> None:
        """Say nothing more until the end; whoever asked has given up by then."""
        self.hung.set()
        self.released.wait(600)

    @classmethod
    def keeps_waiting(cls) -> bool:
        """Whether some vendor who runs now lets callers wait in vain."""
        return any(each.mode in HANGS for each in cls.running)

    # --- what it holds --------------------------------------------------------------------------

    def add(self, email: str, *, count: int = 1, name: str = "somebody") -> list[str]:
        """Records of one person; their ids."""
        made = []
        for _each in range(count):
            found = f"p{self.random.randrange(10**8):08d}"
            self.people[found] = {"id": found, "email": email, "name": name}
            made.append(found)
        return made

    def of(self, email: str) -> list[str]:
        """The ids that are held of an address now."""
        same = email.casefold()
        return sorted(k for k, v in self.people.items() if v["email"].casefold() == same)

    def pass_time(self, delta: timedelta) -> None:
        """The vendor's own clock goes on, and what it had put off happens."""
        self.now += delta
        for due in [each for each in self.later if each[0] <= self.now]:
            self.later.remove(due)
            due[1]()

    # --- the oracle -----------------------------------------------------------------------------

    def note(self, deed: str, **facts: Any) -> None:
        """One line in the vendor's own log."""
        with self._lock, self.log_file.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"deed": deed, **facts}) + "\n")

    def log(self, deed: str = "") -> list[dict[str, Any]]:
        """The lines of the log, of one deed or of all."""
        lines = map(json.loads, self.log_file.read_text("utf-8").splitlines())
        return [line for line in lines if not deed or line["deed"] == deed]

    # --- what it does ---------------------------------------------------------------------------

    def execute(self, found: str, deed: Deed) -> None:
        """Really delete one record, or put other values into it."""
        if deed is None and self.people.pop(found, {}):
            self.note("deleted", id=found)
        elif deed is not None and found in self.people:
            self.people[found] = {**self.people[found], **deed}
            self.note("corrected", id=found)

    def ask(self, found: str, deed: Deed, key: str) -> tuple[int, dict[str, Any]]:
        """Do it honestly, or as the mode will have it; the same key gives the same answer."""
        if self.honors_keys and key in self.answers:
            return self.answers[key]
        answer = self._ask(found, deed)
        if key:
            self.answers[key] = answer
        return answer

    def _ask(self, found: str, deed: Deed) -> tuple[int, dict[str, Any]]:
        if found not in self.people:
            return 404, {"status": "absent"}
        word = "deleted" if deed is None else "corrected"
        match self.mode:
            case Mode.LIES:
                self.note("lied", id=found)
            case Mode.DELETES_ANOTHER:
                self.execute(next((k for k in sorted(self.people) if k != found), found), deed)
            case Mode.DELETES_LATE:
                late = self.now + timedelta(hours=6)
                self.later.append((late, lambda: self.execute(found, deed)))
            case Mode.RESTORES_AFTER_A_DAY:
                kept = self.people[found]
                self.execute(found, deed)
                self.later.append((self.now + timedelta(days=1), lambda: self._bring_back(kept)))
            case Mode.ANSWERS_FOR_ANOTHER:
                return 200, {"status": word, "id": "p99999999"}
            case Mode.ACCEPTED_THEN_NEVER | Mode.ACCEPTED_THEN_DONE:
                ticket = f"t{len(self.jobs) + 1}"
                self.jobs[ticket] = (found, deed, 0)
                return 202, {"status": "accepted", "id": found, "ticket": ticket}
            case _:
                self.execute(found, deed)
        return 200, {"status": word, "id": found}

    def _bring_back(self, kept: dict[str, str]) -> None:
        self.people[kept["id"]] = kept
        self.note("restored", id=kept["id"])

    def poll(self, ticket: str) -> tuple[int, dict[str, Any]]:
        """How far a deletion or a correction is."""
        if ticket not in self.jobs:
            return 404, {"status": "unknown"}
        found, deed, polls = self.jobs[ticket]
        self.jobs[ticket] = (found, deed, polls + 1)
        if self.mode == Mode.ACCEPTED_THEN_NEVER or polls + 1 < self.polls:
            return 200, {"status": "pending"}
        self.execute(found, deed)
        return 200, {"status": "deleted" if deed is None else "corrected"}

    def find(self, email: str, cursor: str) -> tuple[int, dict[str, Any]]:
        """A page of what is held of an address."""
        ids = self.of(email)
        if self.mode == Mode.ANSWERS_FOR_ANOTHER and "find" in self.on:
            ids = sorted(self.people)
        first = int(cursor or 0)
        more = first + PAGE < len(ids)
        return 200, {
            "people": [self.people[each] for each in ids[first : first + PAGE]],
            "next": str(first + PAGE) if more else None,
        }


def _handler(vendor: Vendor) -> type[BaseHTTPRequestHandler]:  # noqa: C901  one method a verb
    class Handler(BaseHTTPRequestHandler):
        """Speaks HTTP, and breaks it where the mode says so."""

        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: Any) -> None:
            """Nothing on the terminal."""

        def do_GET(self) -> None:
            self._serve()

        do_POST = do_DELETE = do_PATCH = do_GET  # noqa: N815

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            what = _what(self.command, parts.path)
            key = self.headers.get("Idempotency-Key", "")
            vendor.asked += 1
            vendor.note("asked", what=what, path=parts.path, key=key,
                        auth=self.headers.get("Authorization", ""))  # fmt: skip
            if what == "token":
                self._json(200, {"access_token": vendor.token, "was": body.get("secret", "")})
                return
            deed = body if what == "correct" else None
            if what in vendor.on and _misbehave(vendor, self, (_last(parts.path), deed, key)):
                return
            self._json(*self._answer(what, parts, deed, key))

        def _answer(
            self, what: str, parts: Any, deed: Deed, key: str
        ) -> tuple[int, dict[str, Any]]:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if what in {"find", "export"}:
                return vendor.find(query.get("email", ""), query.get("cursor", ""))
            last = _last(parts.path)
            return vendor.poll(last) if what == "status" else vendor.ask(last, deed, key)

        def _json(self, status: int, document: Any) -> None:
            self.send(status, json.dumps(document).encode())

        def send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            kind = headers.pop("kind", "application/json")
            for name, value in {"content-type": kind, **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            if status != 204:
                self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def start(self, length: int) -> None:
            """Headers alone; the body is another matter."""
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(length))
            self.end_headers()
            self.close_connection = True

    return Handler


def _last(path: str) -> str:
    return unquote(path.rpartition("/")[2])


def _what(method: str, path: str) -> str:
    if path == "/token":
        return "token"
    if method in {"DELETE", "PATCH"}:
        return "delete" if method == "DELETE" else "correct"
    if path.startswith("/jobs/"):
        return "status"
    return "export" if path.startswith("/export") else "find"


PLAIN: dict[Mode, tuple[int, bytes, dict[str, str]]] = {
    Mode.OK_WITH_ERROR_BODY: (200, b'{"status": "error", "error": "no such tenant"}', {}),
    Mode.OK_EMPTY: (200, b"", {}),
    Mode.OK_HTML: (200, b"<html><script>alert(1)</script>deleted</html>", {"kind": "text/html"}),
    Mode.MOVED: (301, b"", {"location": "http://127.0.0.1:9/elsewhere"}),
    Mode.UNAUTHORIZED: (401, b"{}", {}),
    Mode.FORBIDDEN: (403, b"{}", {}),
    Mode.NOT_FOUND: (404, b"{}", {}),
    Mode.CONFLICT: (409, b'{"status": "locked"}', {}),
    Mode.TOO_BIG: (413, b"{}", {}),
    Mode.BUSY: (429, b"{}", {}),
    Mode.BUSY_SECONDS: (429, b"{}", {"retry_after": "90"}),
    Mode.PACKED: (200, gzip.compress(b'{"status": "deleted"}' + b" " * 10**6),
                  {"content_encoding": "gzip"}),
    Mode.DEEP: (200, b"[" * 5000 + b"]" * 5000, {}),
}  # fmt: skip


def _misbehave(  # noqa: C901, PLR0911, PLR0912, PLR0915  one case a mode
    vendor: Vendor, handler: Any, asked: tuple[str, Deed, str]
) -> bool:
    """Answer as the mode will have it; false where the honest way decides."""
    mode = vendor.mode
    if mode in PLAIN:
        status, body, headers = PLAIN[mode]
        handler.send(status, body, **headers)
        return True
    match mode:
        case Mode.BUSY_DATE:
            until = vendor.now + timedelta(seconds=90)
            handler.send(429, b"{}", retry_after=format_datetime(until, usegmt=True))
        case Mode.NO_CONTENT:
            vendor.ask(*asked)
            handler.send(204, b"")
        case Mode.FAILING:
            handler.send([500, 502, 503][vendor.asked % 3], b"{}")
        case Mode.UNAUTHORIZED_ONCE:
            if handler.headers.get("Authorization") == f"Bearer {TOKEN}":
                vendor.token = "a-new-token"
                handler.send(401, b"{}")
                return True
            return False
        case Mode.HANGS_BEFORE_HEADERS:
            vendor.hang()
            handler.close_connection = True
        case Mode.EXECUTES_AND_TIMES_OUT:
            vendor.ask(*asked)
            vendor.mode = Mode.HONEST
            vendor.hang()
            handler.close_connection = True
        case Mode.HANGS_IN_BODY:
            vendor.hung.set()
            handler.start(40)
            handler.wfile.write(b'{"status": ')
            handler.wfile.flush()
            vendor.hang()
        case Mode.DRIPS:
            vendor.hung.set()
            handler.start(4000)
            _drip(vendor, handler)
        case Mode.CLOSES_IN_BODY:
            handler.start(40)
            handler.wfile.write(b'{"status": "dele')
        case Mode.HUGE:
            handler.start(10**9)
            _pour(vendor, handler)
        case _:
            return False
    return True


def _drip(vendor: Vendor, handler: Any) -> None:
    """A byte now and then, always in time for the next byte."""
    try:
        while not vendor.released.is_set():
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        return


def _pour(vendor: Vendor, handler: Any) -> None:
    """A gigabyte, as far as anybody takes it."""
    block = b" " * 65_536
    try:
        for _each in range(10**9 // len(block)):
            handler.wfile.write(block)
    except OSError:
        vendor.note("broke-off")
