"""A mail server with moods: it takes, refuses, puts off, or takes and says nothing."""

import asyncio
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

TAKE, LATER, REFUSE, SILENT, CUT = "take", "later", "refuse", "silent", "cut"
"""Moods: 250; 451; 550; taken, and the line cut before the 250; cut in the middle of the text."""
ANSWERS = {TAKE: "250 taken", LATER: "451 later", REFUSE: "550 refused"}


class Post:
    """One server on loopback. ``mood`` is asked for each message, by its ordinal from 1."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mood: Callable[[int], str] = lambda _ordinal: TAKE
        self.letters: list[EmailMessage] = []
        self.answers: Counter[str] = Counter()
        self.controller: Controller | None = None

    def begin(self) -> None:
        """Forget everything and be kind."""
        self.letters.clear()
        self.answers.clear()
        self.mood = lambda _ordinal: TAKE
        self.open()

    def open(self) -> None:
        """Listen."""
        if self.controller is None:
            self.controller = Controller(
                self, hostname="127.0.0.1", port=self.port, ready_timeout=120.0
            )
            self.controller.start()

    def close(self) -> None:
        """Be down: connections are refused."""
        if self.controller is not None:
            self.controller.stop()
            self.controller = None

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        mood = self.mood(1 + self.answers.total())
        self.answers[mood] += 1
        if mood in {TAKE, SILENT}:
            message = message_from_bytes(envelope.original_content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.letters.append(message)
        if mood in {SILENT, CUT}:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return ANSWERS.get(mood, "421 gone")

    def copies(self) -> Counter[str]:
        """How often each Message-ID was taken."""
        return Counter(str(letter["Message-ID"]) for letter in self.letters)

    def recipient_of(self, message_id: str) -> str:
        """To whom a letter went that was taken."""
        found = [str(each["To"]) for each in self.letters if each["Message-ID"] == message_id]
        return found[0] if found else ""

    def text_of(self, message_id: str) -> str:
        """The plain text of a letter that was taken; empty if it was not."""
        for letter in self.letters:
            if letter["Message-ID"] == message_id:
                part = letter.get_body(("plain",))
                return str(part.get_content()) if part else ""
        return ""
