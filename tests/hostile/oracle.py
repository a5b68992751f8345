"""What every answer to a hostile item has to be, whatever the item was.

Under 500; within two seconds of work; without a trace, a statement, a path or the name of an
exception; every redirect stays inside; nothing that was typed comes back as markup. What was
refused, or only read, left the office's tables as they were.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import psutil
from django.conf import settings
from django.contrib import messages
from django.db import connection

from tests.counting import THROWN
from tests.hostile import strings

LONGEST = 2.0
"""Seconds of work for an answer. A busy machine may make it wait, but not as long as a statement or
a shell that was told to sleep (``strings`` tells them to, for SLEEP seconds)."""
SLEPT = strings.SLEEP * 0.75
FEWEST = 10
NOT_OF_THE_OFFICE = ("django_session", "ccpa_office_throttle", "django_migrations")
"""Sessions and counted tries may change with every answer."""

LEAK = re.compile(
    r"Traceback|\bFile &quot;|\bFile \"|\bpsycopg|django\.|DoesNotExist"
    r"|\b[A-Z][a-z]\w+(?:Error|Exception|Warning)\b|\bSELECT\b.{0,400}\bFROM\b"
    r"|\bINSERT INTO\b|site-packages|/usr/|/home/|" + re.escape(str(settings.BASE_DIR)),
    re.DOTALL,
)
LIVE = re.compile(
    r"<script>zq|<img src=x|<svg/onload|<iframe srcdoc|<b zq|<!--zq|' autofocus onfocus"
    r"|(?:href|src|action)=.?(?:javascript|data:text)",
    re.IGNORECASE,
)
"""Markup that an item brought along: all of ours says ``zq``."""
WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|TRUNCATE|MERGE)\b", re.IGNORECASE)
OTHERS = re.compile("|".join(NOT_OF_THE_OFFICE))
BAD = re.compile(r'class="errors|class="errorlist|aria-invalid="true"')


def digest() -> dict[str, tuple[int, str]]:
    """Every table of the office as a count and a sum: one statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        names = [name for (name,) in cursor.fetchall() if name not in NOT_OF_THE_OFFICE]
        parts = [
            f"SELECT '{name}', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text"  # noqa: S608
            f' FROM "{name}" t'
            for name in names
        ]
        cursor.execute(" UNION ALL ".join(parts))
        return {name: (int(count), total) for name, count, total in cursor.fetchall()}


def work_so_far() -> float:
    """Seconds that this thread, and its line to the database, have worked; nobody else's."""
    with suppress(psutil.Error):  # where the database is on another machine
        line = psutil.Process(connection.connection.info.backend_pid).cpu_times()
        return time.thread_time() + line.user + line.system
    return time.thread_time()


def changes(before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]]) -> list[str]:
    """The tables that differ."""
    return sorted(name for name in after if before.get(name) != after[name])


def refused(answer: Any) -> bool:
    """Whether the office said no: by its status, at a field, or in a message at a desk."""
    if answer.status_code >= 400:
        return True
    queued = getattr(getattr(answer, "wsgi_request", None), "_messages", None)
    told = [each.level for each in getattr(queued, "_queued_messages", [])]
    if any(level >= messages.WARNING for level in told):
        return True
    return answer.status_code == 200 and bool(BAD.search(text_of(answer)))


def text_of(answer: Any) -> str:
    """What the answer says."""
    if getattr(answer, "streaming", False):
        return b"".join(answer.streaming_content).decode(errors="replace")
    return str(answer.content.decode(errors="replace"))


class Judge:
    """Holds every answer of one family against the oracle."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.failures: list[str] = []
        self.touched = False
        self.now: dict[str, tuple[int, str]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """See every statement that writes; the digest is taken anew only after one."""
        self.now = digest()

        def see(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
            if WRITES.search(str(sql)) and not OTHERS.search(str(sql)):
                self.touched = True
            return execute(sql, params, many, context)

        with connection.execute_wrapper(see):
            yield
            self._look_again()
        self.failures += [f"changed unseen: {changes(self.now, digest())}"] * (digest() != self.now)

    def item(
        self,
        name: str,
        throw: Callable[[], Any],
        *,
        stored: Callable[[Any], str] | None = None,
        only: frozenset[int] | set[int] | None = None,
        must: str = "",
        shows: tuple[str, ...] = (),
    ) -> Any:
        """Throw one item. ``stored`` says what is wrong with what was kept, or nothing.

        Without ``stored`` nothing may be kept. ``only`` are the statuses that are right; ``must``
        be "accept" or "refuse" where either answer alone is right.
        ``shows`` names what this page says on purpose though it looks like a leak.
        """
        THROWN[self.family] += 1
        self._look_again()  # at what was written between the items
        begun, worked = time.perf_counter(), work_so_far()
        answer = throw()
        spent, worked = time.perf_counter() - begun, work_so_far() - worked
        wrong = list(self._of_answer(answer, shows, only or set()))
        if worked > LONGEST or spent > SLEPT:
            wrong.append(f"took {spent:.1f} s, {worked:.1f} s of them work")
        if only and answer.status_code not in only:
            wrong.append(f"status {answer.status_code}, not one of {sorted(only)}")
        if must and (must == "refuse") != refused(answer):
            wrong.append(f"did not {must} it: {answer.status_code}")
        wrong += self._of_tables(answer, stored)
        self.failures += [f"{name}: {each}" for each in wrong]
        return answer

    def _look_again(self) -> None:
        if self.touched:
            self.now, self.touched = digest(), False

    def _of_answer(
        self, answer: Any, shows: tuple[str, ...], only: frozenset[int] | set[int]
    ) -> Iterator[str]:
        if answer.status_code >= 500 and answer.status_code not in only:
            raised = getattr(answer, "exc_info", None)
            yield f"status {answer.status_code} {raised[:2] if raised else ''}"
        text = text_of(answer)
        if (leak := LEAK.search(text)) and not leak.group().startswith(shows or ("\0",)):
            yield f"says {leak.group()[:60]!r}"
        if "html" in answer.headers.get("Content-Type", "") and (live := LIVE.search(text)):
            yield f"lives: {live.group()[:60]!r}"
        if not _is_inside(answer.headers.get("Location", "/")):
            yield f"leads outside: {answer.headers['Location'][:80]!r}"

    def _of_tables(self, answer: Any, stored: Callable[[Any], str] | None) -> Iterator[str]:
        before = self.now
        self._look_again()
        changed = changes(before, self.now)
        if changed and (stored is None or refused(answer)):
            yield f"changed {changed} though it was refused or only read"
        elif stored is not None and not refused(answer):
            yield from filter(None, [stored(answer)])

    def verdict(self) -> None:
        """Fail with everything that was wrong."""
        count = THROWN[self.family]
        assert count >= FEWEST, f"{self.family} has only {count} items"
        shown = "\n".join(each[:240] for each in self.failures[:60])
        assert not self.failures, f"{len(self.failures)} of {count} items:\n{shown}"


def _is_inside(location: str) -> bool:
    parts = urlsplit(location)
    return not parts.netloc and not parts.scheme and not location.startswith(("//", "/\\", "\\"))
