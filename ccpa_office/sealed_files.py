"""Files at rest: sealed piece by piece with a key of their own, so that any length fits in memory.

A file is a mark, a salt, and pieces of 64 KiB, each under AES-256-GCM. The nonce of a piece is its
place, and whether it is the last: a piece that is missing, doubled or moved, or an end that was cut
off, are found when it is read.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ccpa_office.sealing import Box, Unreadable

MARK = b"CCPAF\x01"
SALT = 16
PIECE = 64 * 1024
TAG = 16


def _nonce(place: int, *, last: bool) -> bytes:
    return b"\x00" * 7 + struct.pack(">IB", place, last)


class Writer:
    """A file that is written once, from its beginning to its end; only ``close`` makes it whole.

    What need not outlive a loss of power is not waited for (``durable``).
    """

    def __init__(self, path: Path, box: Box, *, context: str, durable: bool = True) -> None:
        self._durable = durable
        salt = os.urandom(SALT)
        self._cipher = AESGCM(box.derive(salt, context=context))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb")
        self._file.write(MARK + salt)
        self._waiting = bytearray()
        self._place = 0
        self.size = 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Take more of the text."""
        self._waiting += data
        self.size += len(data)
        while len(self._waiting) > PIECE:
            piece = bytes(self._waiting[:PIECE])
            del self._waiting[:PIECE]
            self._seal(piece, last=False)
        return len(data)

    def flush(self) -> None:
        """Nothing: a piece is written when it is full."""

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._place, last=last), piece, MARK))
        self._place += 1

    def close(self) -> None:
        """Write the last piece and bring everything to the disk."""
        self._seal(bytes(self._waiting), last=True)
        self._file.flush()
        if self._durable:
            os.fsync(self._file.fileno())
        self._file.close()

    def give_up(self) -> None:
        """Leave the file as it is: it can never be read."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.give_up()


def read(path: Path, box: Box, *, context: str) -> Iterator[bytes]:
    """The pieces of a file's text, in order. Raises Unreadable at the first that is not right."""
    try:
        file = path.open("rb")
    except OSError:
        raise Unreadable from None
    with file:
        head = file.read(len(MARK) + SALT)
        if head[: len(MARK)] != MARK:
            raise Unreadable
        cipher = AESGCM(box.derive(head[len(MARK) :], context=context))
        place, piece = 0, file.read(PIECE + TAG)
        while piece:
            following = file.read(PIECE + TAG)
            try:
                yield cipher.decrypt(_nonce(place, last=not following), piece, MARK)
            except InvalidTag:
                raise Unreadable from None
            place, piece = place + 1, following
        if not place:
            raise Unreadable
