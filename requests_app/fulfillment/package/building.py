"""Builds a package: every system in one view of it, every table as a stream, then the answer."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.utils import translation

from ccpa_office import sealed_files, work
from ccpa_office.connectors.base import Key, Table
from ccpa_office.connectors.collected import PERIOD, SHARED, Piece, Record, Tally, Window
from ccpa_office.sealing import Box
from requests_app.fulfillment import categories
from requests_app.fulfillment.categories import Held
from requests_app.fulfillment.outside.exporting import FromOutside
from requests_app.fulfillment.outside.parts import Handed
from requests_app.fulfillment.package import pages, schema
from requests_app.fulfillment.package.archive import Archive
from requests_app.fulfillment.package.cells import Sieve
from requests_app.fulfillment.package.pages import ground, kind_words
from requests_app.fulfillment.package.tables import Counts, Sheet, TableWriter
from requests_app.targets import Target

FILE = "package.file"
BREATH = 5_000
"""Rows after which the work shows that it is alive."""


class Common:
    """What is the same in many packages, and is put together once for all of them."""

    def __init__(self) -> None:
        self._answers: dict[Any, tuple[dict[str, Any], str]] = {}
        self._sheets: dict[tuple[str, str], Sheet] = {}

    def answer(
        self, codes: set[str], sensitive: set[str], *, language: str, on: date
    ) -> tuple[dict[str, Any], str]:
        """The answer of categories, and its part of a page; empty while no notice is in force."""
        key = frozenset(codes), frozenset(sensitive), language, on
        if key not in self._answers:
            try:
                found = categories.answer(codes, sensitive, language=language, on=on)
            except categories.NoNotice:
                self._answers[key] = {}, ""
            else:
                self._answers[key] = found, pages.answer_part(found, language=language)
        return self._answers[key]

    def sheet(self, system: str, table: Table) -> Sheet:
        """The sheet of a table."""
        known = self._sheets.get((system, table.name))
        if known is None or known.table is not table:
            known = self._sheets[system, table.name] = Sheet(system, table)
        return known


@dataclass(frozen=True)
class Wanted:
    """What a package is to hold: of whom, of which days, in which language."""

    number: str
    language: str
    day: date
    window: Window
    given: Mapping[str, frozenset[str]]
    """Tables, by system, whose shared rows a person decided to give."""
    outside: Sequence[FromOutside] = ()
    """What systems outside answered, and which of them have not."""
    common: Common = field(default_factory=Common, compare=False)

    def window_of(self, system: str) -> Window:
        """The days, with the tables of one system whose shared rows are given.

        Nobody asks for an end: what is held today is given, also where its day is still to come, or
        is tomorrow already where the system stands.
        """
        return Window(self.window.first, date.max, self.given.get(system, frozenset()))


@dataclass
class Built:
    """What came of it."""

    hash: str = ""
    size: int = 0
    tables: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)
    answer_page: str = ""
    awaited: list[dict[str, str]] = field(default_factory=list)
    """Systems outside whose answer is not here, each with why."""
    parts: list[dict[str, Any]] = field(default_factory=list)
    """What people gave of systems outside: what they said, the files, what was taken out."""

    @property
    def withheld(self) -> dict[str, int]:
        """How many values of each kind were taken out, over all tables."""
        total: Counter[str] = Counter()
        for each in self.tables:
            for kinds in each["withheld"].values():
                total.update(kinds)
        for each in self.parts:
            total.update(each["withheld"])
        return dict(sorted(total.items()))

    @property
    def summary(self) -> dict[str, Any]:
        """What stands of it beside the package, and is shown at its desk and on its page."""
        return {
            "tables": self.tables, "withheld": self.withheld, "awaited": self.awaited,
            "parts": self.parts,
        }  # fmt: skip


Sources = list[tuple[Target, list[Key]]]
Rows = dict[str, dict[str, list[Record]]]
"""What was collected already, by system and table."""
Breathe = Callable[[], None]


def count(sources: Sources, wanted: Wanted, rows: Rows | None = None) -> Built:
    """For an answer of categories: what is held, in numbers; one statement a table."""
    built = Built()
    for target, people in sources:
        tallies = (
            {name: tally(table, rows[target.key][name]) for name, table in _tables(target)}
            if rows is not None
            else _counted(target, people, wanted.window_of(target.key))
        )
        for table in target.program.tables:
            _note(built, target.key, table, tallies[table.name], {})
        built.held += categories.held_in(target.key, target.program, tallies)
    for each in wanted.outside:
        _note(built, each.system, each.table, Tally(len(each.records), 0, 0, ()), {})
    return _answered(built, sources, wanted)


def _tables(target: Target) -> list[tuple[str, Table]]:
    return [(table.name, table) for table in target.program.tables]


def _counted(target: Target, people: list[Key], window: Window) -> dict[str, Tally]:
    with target.connector.snapshot():
        return {
            name: target.connector.tally(name, people, window) for name, _table in _tables(target)
        }


def tally(table: Table, records: Iterable[Record]) -> Tally:
    """What a connector's ``tally`` counts, of rows that are here."""
    counts = Counter[str]()
    filled = [0] * len(table.pieces)
    for record in records:
        counts[record.why] += 1
        for place, value in enumerate(record.values):
            filled[place] += value is not None
    return Tally(counts[""], counts[SHARED], counts[PERIOD], tuple(filled))


def write(
    path: Path, box: Box, sources: Sources, wanted: Wanted, *,
    rows: Rows | None = None, breathe: Breathe,
) -> Built:  # fmt: skip
    """Write the package to ``path``, sealed; rows that are not here go through a few at a time.

    Whoever wants it to outlive a loss of power brings it to the disk.
    """
    with sealed_files.Writer(path, box, context=FILE, durable=False) as sink:
        bench = _Bench(Archive(sink, day=wanted.day), (path, box), wanted, breathe)
        for target, people in sources:
            if rows is not None:
                bench.write_all(target, rows[target.key])
                continue
            with target.connector.snapshot():
                for table in target.program.tables:
                    bench.write_table(target, table, people)
        for each in wanted.outside:
            if each.handed is None:
                bench.write_rows(each.system, each.table, each.rows())
            else:
                bench.write_part(each, each.handed)
        built = _answered(bench.built, sources, wanted)
        bench.archive.put("schema.json", schema.text())
        front = pages.index_page(_front(built, wanted), language=wanted.language)
        bench.archive.put("index.html", front)
        built.hash = bench.archive.close(_facts(built, wanted))
        built.size = sink.size
    return built


@dataclass
class _Bench:
    """Where a package is put together."""

    archive: Archive
    spools: tuple[Path, Box]
    wanted: Wanted
    breathe: Breathe
    built: Built = field(default_factory=Built)

    def write_table(self, target: Target, table: Table, people: list[Key]) -> None:
        """All of one table of a database."""
        window = self.wanted.window_of(target.key)
        rows = target.connector.collect(table.name, people, window)
        self._write_of(target, table, rows)

    def write_all(self, target: Target, rows: Mapping[str, Sequence[Record]]) -> None:
        """All tables of a database, whose rows are here."""
        for table in target.program.tables:
            if rows[table.name]:
                self._write_of(target, table, rows[table.name])

    def _write_of(self, target: Target, table: Table, rows: Iterable[Record]) -> None:
        told = self.write_rows(target.key, table, rows)
        self.built.held += categories.held_in(target.key, target.program, {table.name: told})
        work.seam("package.half-written")

    def write_part(self, system: FromOutside, handed: Handed) -> None:
        """What people gave: their words and their file, cleaned where a machine can read it."""
        sieve = Sieve(kind_words(self.wanted.language))
        place, files = f"given/{system.system}", []
        texts = {"note.txt": handed.note}
        if handed.ending == "txt":
            texts["file.txt"] = handed.content.decode("utf-8-sig")
        for name, text in texts.items():
            if text:
                cell = sieve.cell(Piece(name), text)
                self.archive.put(f"{place}/{name}", cell.text)
                files.append(f"{place}/{name}")
        if handed.content and handed.ending != "txt":
            files.append(f"{place}/file.{handed.ending}")
            self.archive.put(files[-1], handed.content)
        withheld: Counter[str] = Counter()
        for (_name, kind), times in sieve.counted.items():
            withheld[kind] += times
        self.built.parts.append(
            {
                "system": system.system, "name": system.name, "said": handed.said,
                "exception": handed.exception, "files": files, "withheld": dict(withheld),
            }
        )  # fmt: skip

    def write_rows(self, system: str, table: Table, rows: Iterable[Record]) -> Tally:
        """All of one table, wherever its rows come from; how many there were."""
        sieve = Sieve(kind_words(self.wanted.language))
        writer = TableWriter(
            self.archive, sieve, self.wanted.common.sheet(system, table),
            language=self.wanted.language, spools=self.spools,
        )  # fmt: skip
        try:
            for number, record in enumerate(rows, 1):
                writer.add(record)
                if number % BREATH == 0:
                    self.breathe()
            counts = writer.close()
        except BaseException:
            writer.give_up()
            raise
        withheld: dict[str, dict[str, int]] = {}
        for (column, kind), times in sorted(sieve.counted.items()):
            withheld.setdefault(column, {})[kind] = times
        told = _tally(counts)
        _note(self.built, system, table, told, withheld)
        if counts.samples:
            samples = [[veil(text) for text in row] for row in counts.samples]
            names = [piece.column for piece in table.pieces]
            self.built.samples.append(
                {"system": system, "table": table.name, "fields": names, "rows": samples}
            )
        return told


def _tally(counts: Counts) -> Tally:
    out = counts.left_out
    return Tally(counts.rows, out.get(SHARED, 0), out.get(PERIOD, 0), tuple(counts.filled))


def _note(
    built: Built, system: str, table: Table, told: Tally, withheld: dict[str, dict[str, int]]
) -> None:
    if not (told.rows or told.shared or told.period):
        return
    built.tables.append(
        {
            "system": system,
            "table": table.name,
            "rows": told.rows,
            SHARED: told.shared,
            PERIOD: told.period,
            "withheld": withheld,
            "categories": list(table.categories),
        }
    )


def _answered(built: Built, sources: Sources, wanted: Wanted) -> Built:
    programs = {target.key: target.program for target, _people in sources}
    codes, sensitive = categories.codes_of(programs, built.held)
    codes |= {code for each in wanted.outside if each.holds for code in each.categories}
    built.awaited = [
        {"system": each.system, "name": each.name, "why": each.awaited}
        for each in wanted.outside
        if each.awaited
    ]
    built.answer, built.answer_page = wanted.common.answer(
        codes, sensitive, language=wanted.language, on=wanted.day
    )
    return built


def _facts(built: Built, wanted: Wanted) -> dict[str, Any]:
    """What the manifest says beside the files."""
    return {
        "schema": schema.VERSION,
        "request": wanted.number,
        "language": wanted.language,
        "made_on": wanted.day.isoformat(),
        "from": wanted.window.first.isoformat(),
        "to": wanted.window.last.isoformat(),
        "tables": built.tables,
        "withheld": built.withheld,
        "given": [{**each, "withheld": dict(each["withheld"])} for each in built.parts],
        "awaited": [each["name"] for each in built.awaited],
    }


def _front(built: Built, wanted: Wanted) -> dict[str, Any]:
    """What the first page shows."""
    with translation.override(wanted.language):
        return {
            **pages.left_out(built.summary, wanted.language),
            "number": wanted.number,
            "day": wanted.day,
            "first": wanted.window.first,
            "last": wanted.window.last,
            "tables": [
                pages.line_of(
                    (each["system"], each["table"]),
                    each["rows"],
                    tuple(each["categories"]),
                    wanted.language,
                )
                for each in built.tables
            ],
            "answer": built.answer_page,
            "parts": [{**each, "why": ground(each["exception"])} for each in built.parts],
        }


def veil(text: str) -> str:
    """A value's shape without the value, for a desk."""
    return "".join(
        "9" if c.isdigit() else "x" if c.isalnum() else c if c in " @.-:/[]" else "·"
        for c in text[:24]
    )


def sealed_samples(built: Built, box: Box) -> bytes:
    """The masked samples, sealed."""
    return box.seal(json.dumps(built.samples, ensure_ascii=False), context="package.samples")


def sealed_answer(built: Built, box: Box) -> bytes:
    """The answer of categories, sealed."""
    return box.seal(json.dumps(built.answer, ensure_ascii=False), context="package.answer")


def opened(box: Box, blob: Iterable[int], *, context: str) -> Any:
    """What ``sealed_samples`` or ``sealed_answer`` sealed."""
    return json.loads(box.open(bytes(blob), context=context))
