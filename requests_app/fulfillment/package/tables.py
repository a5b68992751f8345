"""One table of one system: read once, written as JSON, CSV and pages, a few rows at a time."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ccpa_office import sealed_files
from ccpa_office.connectors.base import Table
from ccpa_office.connectors.collected import Piece, Record
from ccpa_office.sealing import Box
from requests_app.fulfillment.package import pages
from requests_app.fulfillment.package.archive import Archive, spelled
from requests_app.fulfillment.package.cells import Cell, Sieve, for_csv
from requests_app.fulfillment.package.naming import hint_of, labeled, told_by

SPOOL = "package.spool"
SHORT = 256 * 1024
"""So many bytes of a table's text wait in memory."""
SAMPLES = 3


@dataclass
class Counts:
    """What was met in one table."""

    rows: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    filled: list[int] = field(default_factory=list)
    samples: list[list[str]] = field(default_factory=list)


class Spool:
    """A text that waits until its turn comes: in memory while it is short, then beside the package.

    On disk it is sealed like the package itself.
    """

    def __init__(self, path: Path, box: Box) -> None:
        self._path, self._box = path, box
        self._short = bytearray()
        self._file: sealed_files.Writer | None = None

    def write(self, text: str) -> None:
        """More of it."""
        if self._file:
            self._file.write(spelled(text))
            return
        self._short += spelled(text)
        if len(self._short) > SHORT:
            self._file = sealed_files.Writer(self._path, self._box, context=SPOOL, durable=False)
            self._file.write(self._short)
            self._short.clear()

    def move_to(self, archive: Archive, name: str) -> None:
        """Write all of it as an entry; nothing stays here."""
        if not self._file:
            archive.put(name, bytes(self._short))
            return
        with archive.entry(name) as entry:
            self._file.close()
            for piece in sealed_files.read(self._path, self._box, context=SPOOL):
                entry.write(piece)
        self._path.unlink()

    def drop(self) -> None:
        """Nothing of it is wanted."""
        if self._file:
            self._file.give_up()
            self._path.unlink(missing_ok=True)


class Sheet:
    """What is the same in every package that has rows of one table."""

    def __init__(self, system: str, table: Table) -> None:
        self.system, self.table = system, table
        self.name = f"{system}/{table.name}"
        self.place = f"{system}.{table.name}:"
        self.pieces = table.pieces
        self.columns = [piece.column for piece in table.pieces]
        never = {piece.column: piece.never for piece in table.pieces}
        self.hidden = tuple(never.get(column, "") for column in table.key)
        self.hints = tuple(hint_of(table.name, column) for column in self.columns)
        self.key_hints = tuple(hint_of(table.name, column) for column in table.key)
        label, values = labeled(tuple(self.columns))
        self._label = self.columns.index(label) if label else -1
        self._values = {self.columns.index(each) for each in values}
        self.fields = [_told(piece) for piece in table.pieces]
        head = {"system": system, "table": table.name, "fields": self.fields}
        self.json_head = f'{json.dumps(head, ensure_ascii=False)[:-1]}, "rows": ['

    def hints_of(self, values: Sequence[Any]) -> Sequence[str]:
        """What is known of each column of a row: its name, and what another column says of it."""
        if self._label < 0:
            return self.hints
        told = told_by(values[self._label])
        return [
            f"{hint}{told}" if place in self._values else hint
            for place, hint in enumerate(self.hints)
        ]


def _told(piece: Piece) -> dict[str, Any]:
    """What the map says of a column; unsaid facts are left out."""
    return {
        "field": piece.column,
        **({"category": piece.category} if piece.category else {}),
        **({"source": piece.source} if piece.source else {}),
        **({"sensitive": piece.sensitive} if piece.sensitive else {}),
        **({"never_disclosed": piece.never} if piece.never else {}),
    }


class TableWriter:
    """Writes one table. ``add`` for each row, ``close`` at the end."""

    def __init__(
        self, archive: Archive, sieve: Sieve, sheet: Sheet, *, language: str,
        spools: tuple[Path, Box],
    ) -> None:  # fmt: skip
        self._archive, self._sieve, self._language = archive, sieve, language
        self._sheet = sheet
        path, box = spools
        self._json = Spool(path.with_suffix(".json-part"), box)
        self._csv = Spool(path.with_suffix(".csv-part"), box)
        self._line = io.StringIO(newline="")
        self._lines = csv.writer(self._line)
        self._page: list[str] = []
        self._signs, self._number, self._first = 0, 1, 1
        self.counts = Counts(filled=[0] * len(sheet.pieces))
        self._json.write(sheet.json_head)
        self._csv.write("\ufeff")
        self._write_line(["row", *[for_csv(Cell(name, name)) for name in sheet.columns]])

    def _write_line(self, texts: Sequence[str]) -> None:
        self._lines.writerow(texts)
        self._csv.write(self._line.getvalue())
        self._line.seek(0)
        self._line.truncate()

    def add(self, record: Record) -> None:
        """One row, or the fact that one is left out."""
        if record.why:
            self.counts.left_out[record.why] = self.counts.left_out.get(record.why, 0) + 1
            return
        sheet, cell = self._sheet, self._sieve.cell
        row = f"{sheet.place}{self._sieve.key(record.key, sheet.hidden, sheet.key_hints)}"
        cells = [
            cell(piece, value, hint)
            for piece, value, hint in zip(
                sheet.pieces, record.values, sheet.hints_of(record.values), strict=True
            )
        ]
        self._count(cells, record)
        self._add_json(row, cells)
        self._write_line([for_csv(Cell(row, row)), *map(for_csv, cells)])
        if len(self._page) == pages.ROWS or self._signs > pages.SIGNS:
            self._turn(more=True)
        self._page.append(pages.row_of(row, [cell.text for cell in cells]))
        self._signs += len(self._page[-1])

    def _count(self, cells: Sequence[Cell], record: Record) -> None:
        counts = self.counts
        for place, value in enumerate(record.values):
            if value is not None:
                counts.filled[place] += 1
        if counts.rows < SAMPLES:
            counts.samples.append([cell.text for cell in cells])
        counts.rows += 1

    def _add_json(self, row: str, cells: Sequence[Cell]) -> None:
        names = self._sheet.columns
        told: dict[str, Any] = {
            "row": row,
            "values": {name: cell.value for name, cell in zip(names, cells, strict=True)},
        }
        withheld = {
            name: sorted(set(cell.withheld))
            for name, cell in zip(names, cells, strict=True)
            if cell.withheld
        }
        if withheld:
            told["withheld"] = withheld
        comma = "," if self.counts.rows > 1 else ""
        self._json.write(f"{comma}\n{json.dumps(told, ensure_ascii=False)}")

    def _turn(self, *, more: bool) -> None:
        page = pages.Page(
            self._sheet.system, self._sheet.table.name, self._number, more, self._first
        )
        text = pages.table_page(
            page, language=self._language, fields=self._sheet.columns, rows=self._page
        )
        self._archive.put(pages.page_name(page.system, page.table, self._number), text)
        self._number += 1
        self._first += len(self._page)
        self._page, self._signs = [], 0

    def close(self) -> Counts:
        """The last page, then the spools become files; a table without rows leaves none."""
        if not self.counts.rows:
            self.give_up()
            return self.counts
        self._json.write("\n]}\n")
        self._turn(more=False)
        self._json.move_to(self._archive, f"json/{self._sheet.name}.json")
        self._csv.move_to(self._archive, f"csv/{self._sheet.name}.csv")
        return self.counts

    def give_up(self) -> None:
        """Leave nothing behind."""
        self._json.drop()
        self._csv.drop()


def leftovers(path: Path) -> Iterator[Path]:
    """What a writer that died may have left beside its package."""
    for suffix in (".json-part", ".csv-part", ".part"):
        yield path.with_suffix(suffix)
