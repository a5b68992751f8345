"""A list's CSV, strictly: ``ID,Hash``, one work item a line; a million lines in bounded memory.

Every line of a sound file is equally long, so that a block of lines is looked at column by column,
each by one call. Only a block that is not sound is read line by line, to say what is wrong where.
"""

import hashlib
import string
from binascii import a2b_base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

ID, HASH, WIDTH = 12, 44, 32
"""Characters of a work item and of a hash, and bytes of the hash."""
HEADER = b"ID,Hash"
BASE62 = (string.ascii_letters + string.digits).encode()
BASE64 = BASE62 + b"+/"
LAST = b"AEIMQUYcgkosw048"
"""What the last letter of 32 bytes can be: two of its bits are nobody's."""
MARK = b"\xef\xbb\xbf"
LINES = 65_536
"""Lines of one block."""
MOST_LINE = 4096
"""Bytes of a line beyond which nobody looks for its end."""
MOST_SAID = 100
EMPTY = ("empty", "an empty line")
NEVER = {
    "quotes": ("a quotation mark: the platform's lists have none", (b'"',)),
    "character": ("a character that no list has", (b"\x00", b"\r")),
}


@dataclass(frozen=True)
class Wrong:
    """One remark: the line of the file, a code, words."""

    line: int
    code: str
    message: str


class FileRefused(Exception):
    """The file is not a sound list: nothing of it is kept. Holds what is wrong, line by line."""

    def __init__(self, wrong: list[Wrong], count: int | None = None) -> None:
        self.wrong = wrong
        self.count = len(wrong) if count is None else count
        super().__init__(f"{self.count} lines are wrong, the first is line {wrong[0].line}")


@dataclass
class Items:
    """Some work items: identifiers of 12 bytes and hashes of 32, each one behind the other."""

    ids: bytearray = field(default_factory=bytearray)
    digests: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        return len(self.ids) // ID


class Reader:
    """Reads one list; ``digest`` is that of the file when it was read to its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sum = hashlib.sha256()
        self._rest = b""
        self._line = 1
        self._wrong: list[Wrong] = []
        self._count = 0

    @property
    def digest(self) -> bytes:
        return self._sum.digest()

    def items(self, most: int) -> Iterator[Items]:
        """Yield the items of a sound list, at most so many together.

        Raises ``FileRefused`` with up to 100 remarks. What was yielded before is then void too.
        """
        end = self._header()
        some = Items()
        for block in self._blocks(ID + 1 + HASH + len(end)):
            self._take(block, end, some)
            while len(some) >= most and not self._count:
                yield Items(some.ids[: most * ID], some.digests[: most * WIDTH])
                some = Items(some.ids[most * ID :], some.digests[most * WIDTH :])
            if self._count:
                some = Items()
        if self._count:
            raise FileRefused(self._wrong, self._count)
        if some:
            yield some

    def _read(self, size: int) -> bytes:
        found = self._file.read(size)
        self._sum.update(found)
        return found

    def _header(self) -> bytes:
        """Read the first line; return how lines end."""
        start = self._rest + self._read(MOST_LINE)
        line, newline, self._rest = start.partition(b"\n")
        end = b"\r\n" if line.endswith(b"\r") else b"\n"
        line = line.removeprefix(MARK).removesuffix(b"\r")
        if line != HEADER:
            raise FileRefused([_header_wrong(line)])
        if not newline and start.endswith(b"\r"):
            raise FileRefused([Wrong(1, "line-end", "a line that ends with CR alone")])
        self._line = 2
        return end

    def _blocks(self, width: int) -> Iterator[bytes]:
        """Yield whole lines, many together; the last may lack its end."""
        while more := self._read(width * LINES):
            whole, newline, rest = (self._rest + more).rpartition(b"\n")
            self._rest = rest
            if newline:
                yield whole + newline
            if len(self._rest) > MOST_LINE:
                self._say(self._line, "long", "a line that is no work item's")
                raise FileRefused(self._wrong, self._count)
        if self._rest:
            whole, newline, rest = self._rest.rpartition(b"\n")
            if newline:
                yield whole + newline
            if rest:
                yield rest

    def _take(self, block: bytes, end: bytes, some: Items) -> None:
        if not block.endswith(b"\n"):
            block += end
        width = ID + 1 + HASH + len(end)
        count = len(block) // width
        if _is_sound(block, width, end):
            ids = bytearray(count * ID)
            for place in range(ID):
                ids[place::ID] = block[place::width]
            some.ids += ids
            some.digests += _digests(block, width)
        else:
            count = self._slowly(block, end, some)
        self._line += count

    def _slowly(self, block: bytes, end: bytes, some: Items) -> int:
        """Line by line: what is right is taken, what is wrong is said."""
        lines = block.removesuffix(b"\n").split(b"\n")
        for number, raw in enumerate(lines, start=self._line):
            line = raw.removesuffix(end[:-1]) if len(end) > 1 else raw
            if said := wrong_with(line):
                self._say(number, *said)
            elif len(raw) - len(line) != len(end) - 1:
                self._say(number, "line-end", "a line that ends otherwise than the first")
            else:
                some.ids += line[:ID]
                some.digests += a2b_base64(line[ID + 1 :])
        return len(lines)

    def _say(self, line: int, code: str, message: str) -> None:
        self._count += 1
        if len(self._wrong) < MOST_SAID:
            self._wrong.append(Wrong(line, code, message))


def _is_sound(block: bytes, width: int, end: bytes) -> bool:
    """Whether every line is a work item, seen column by column."""
    count, last = len(block) // width, ID + HASH - 1
    fixed = {
        ID: b",",
        last + 1: b"=",
        **{last + 2 + at: end[at : at + 1] for at in range(len(end))},
    }
    free = [(range(ID), BASE62), (range(ID + 1, last), BASE64), (range(last, last + 1), LAST)]
    return (
        len(block) == count * width
        and all(block[place::width] == sign * count for place, sign in fixed.items())
        and not any(
            block[place::width].translate(None, signs) for places, signs in free for place in places
        )
    )


def _digests(block: bytes, width: int) -> bytes:
    first, last = ID + 1, ID + 1 + HASH
    return b"".join(
        [a2b_base64(block[at + first : at + last]) for at in range(0, len(block), width)]
    )


def _header_wrong(line: bytes) -> Wrong:
    if not line:
        return Wrong(1, "no-header", "the file is empty; the first line must be ID,Hash")
    if line == b"Id,Status":
        return Wrong(1, "header", "these are statuses to report, not a list")
    if line == b"ID,Hash,ListType":
        return Wrong(1, "header", "these are identifiers taken back, not a list")
    return Wrong(1, "header", "the first line must be ID,Hash, to the letter")


def wrong_with(line: bytes) -> tuple[str, str] | None:
    """What is wrong with a line, or nothing; what stands in it is never repeated."""
    for code, (message, signs) in NEVER.items():
        if any(sign in line for sign in signs):
            return code, message
    parts = line.split(b",")
    if len(parts) != 2:
        return ("columns", f"{len(parts)} columns instead of 2") if line else EMPTY
    return _id_wrong(parts[0]) or _hash_wrong(parts[1])


def _id_wrong(text: bytes) -> tuple[str, str] | None:
    if len(text) != ID:
        return "id", f"a work item of {len(text)} characters instead of 12"
    if text.translate(None, BASE62):
        return "id", "a work item has letters and digits only"
    return None


def _hash_wrong(text: bytes) -> tuple[str, str] | None:
    if len(text) != HASH:
        return "hash", f"a hash of {len(text)} characters instead of 44"
    if text[:-2].translate(None, BASE64) or text[-2:-1].translate(None, LAST) or text[-1:] != b"=":
        return "hash", "not Base64 of 32 bytes"
    return None
