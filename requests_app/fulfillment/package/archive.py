"""A ZIP file written as a stream: each entry is digested as it goes, the last names them all."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import IO, Any

from ccpa_office.sealed_files import Writer

LEVEL = 4
MANIFEST = "manifest.json"
SMALL_WINDOW, SMALL_MEMORY = -12, 5
"""For a text of a few pages: a usual compressor takes longer to be made than to compress it."""
FIRST_YEAR, LAST_YEAR = 1980, 2107
"""A ZIP file knows no other years."""


def spelled(text: str) -> bytes:
    """A text as bytes; half a sign, which a store has cut in two, becomes a question mark."""
    return text.encode("utf-8", "replace")


@dataclass
class Entry:
    """A file of the package that is being written."""

    file: IO[bytes]
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> None:
        """More of it."""
        self.digest.update(data)
        self.size += len(data)
        self.file.write(data)


class Archive:
    """The ZIP file; entries one after the other, their times the day of the package."""

    def __init__(self, sink: Writer, *, day: date) -> None:
        self._zip = zipfile.ZipFile(
            sink, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL, allowZip64=True
        )  # fmt: skip
        year = min(max(day.year, FIRST_YEAR), LAST_YEAR)
        self._day = (year, day.month, day.day, 0, 0, 0)
        self.files: list[dict[str, Any]] = []

    @contextmanager
    def entry(self, name: str, *, small: bool = False) -> Iterator[Entry]:
        """One file, told in the manifest with its size and SHA-256."""
        info = zipfile.ZipInfo(name, self._day)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as file:
            if small and "_compressor" in vars(file):
                vars(file)["_compressor"] = zlib.compressobj(
                    LEVEL, zlib.DEFLATED, SMALL_WINDOW, SMALL_MEMORY
                )
            entry = Entry(file)
            yield entry
        self.files.append({"name": name, "bytes": entry.size, "sha256": entry.digest.hexdigest()})

    def put(self, name: str, text: str | bytes) -> None:
        """One small file at once."""
        with self.entry(name, small=True) as entry:
            entry.write(spelled(text) if isinstance(text, str) else text)

    def close(self, facts: Mapping[str, Any]) -> str:
        """Write the manifest and the directory; the SHA-256 of the manifest."""
        files = ",\n ".join(json.dumps(each) for each in self.files)
        told = json.dumps(dict(facts), ensure_ascii=False)
        text = f'{told[:-1]}, "files": [\n {files}]}}\n'
        self.put(MANIFEST, text)
        self._zip.close()
        return str(self.files[-1]["sha256"])
