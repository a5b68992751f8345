"""Builds a package: every system in one view of it, every table as a stream, then the answer."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from ccpa_office import sealed_files, work
from ccpa_office.connectors.base import Key, Table
from ccpa_office.connectors.collected import PERIOD, SHARED, Record, Tally, Window
from ccpa_office.law.vocabulary import Category, NeverDisclosed
from ccpa_office.sealing import Box
from requests_app.fulfillment import categories
from requests_app.fulfillment.categories import Held
from requests_app.fulfillment.outside.exporting import FromOutside
from requests_app.fulfillment.package import pages, schema
from requests_app.fulfillment.package.archive import Archive
from requests_app.fulfillment.package.cells import BINARY, Sieve
from requests_app.fulfillment.package.tables import Counts, TableWriter
from requests_app.targets import Target

FILE = "package.file"
BREATH = 5_000
"""Rows after which the work shows that it is alive."""


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

    def window_of(self, system: str) -> Window:
        """The days, with the tables of one system whose shared rows are given."""
        return Window(self.window.first, self.window.last, self.given.get(system, frozenset()))


@dataclass
class Built:
    """What came of it."""

    hash: str = ""
    size: int = 0
    tables: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)
    awaited: list[dict[str, str]] = field(default_factory=list)
    """Systems outside whose answer is not here, each with why."""

    @property
    def withheld(self) -> dict[str, int]:
        """How many values of each kind were taken out, over all tables."""
        total: Counter[str] = Counter()
        for each in self.tables:
            for kinds in each["withheld"].values():
                total.update(kinds)
        return dict(sorted(total.items()))

    def left_out(self, why: str) -> int:
        """How many rows were left out for a reason."""
        return sum(each[why] for each in self.tables)


Sources = list[tuple[Target, list[Key]]]
Breathe = Callable[[], None]


def count(sources: Sources, wanted: Wanted) -> Built:
    """For an answer of categories: what is held, in numbers; one statement a table."""
    built = Built()
    for target, people in sources:
        window = wanted.window_of(target.key)
        with target.connector.snapshot():
            tallies = {
                table.name: target.connector.tally(table.name, people, window)
                for table in target.program.tables
            }
        for table in target.program.tables:
            _note(built, target.key, table, tallies[table.name], {})
        built.held += categories.held_in(target.key, target.program, tallies)
    for each in wanted.outside:
        _note(built, each.system, each.table, Tally(len(each.records), 0, 0, ()), {})
    return _answered(built, sources, wanted)


def write(path: Path, box: Box, sources: Sources, wanted: Wanted, *, breathe: Breathe) -> Built:
    """Write the package to ``path``, sealed; rows go through a few at a time."""
    with sealed_files.Writer(path, box, context=FILE) as sink:
        bench = _Bench(Archive(sink, day=wanted.day), (path, box), wanted, breathe)
        for target, people in sources:
            with target.connector.snapshot():
                for table in target.program.tables:
                    bench.write_table(target, table, people)
                    work.seam("package.half-written")
        for each in wanted.outside:
            bench.write_rows(each.system, each.table, each.rows())
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
        told = self.write_rows(target.key, table, rows)
        self.built.held += categories.held_in(target.key, target.program, {table.name: told})

    def write_rows(self, system: str, table: Table, rows: Iterable[Record]) -> Tally:
        """All of one table, wherever its rows come from; how many there were."""
        sieve = Sieve(kind_words(self.wanted.language))
        writer = TableWriter(
            self.archive, sieve, place=(system, table), language=self.wanted.language,
            spools=self.spools,
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
    codes |= {code for each in wanted.outside if each.records for code in each.categories}
    built.awaited = [
        {"system": each.system, "name": each.name, "why": each.awaited}
        for each in wanted.outside
        if each.awaited
    ]
    try:
        built.answer = categories.answer(codes, sensitive, language=wanted.language, on=wanted.day)
    except categories.NoNotice:
        built.answer = {}
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
        "awaited": [each["name"] for each in built.awaited],
    }


def _front(built: Built, wanted: Wanted) -> dict[str, Any]:
    """What the first page shows."""
    words = kind_words(wanted.language)
    with translation.override(wanted.language):
        return {
            "number": wanted.number,
            "day": wanted.day,
            "first": wanted.window.first,
            "last": wanted.window.last,
            "tables": [_shown(each) for each in built.tables],
            "withheld": [
                (words[kind], times) for kind, times in built.withheld.items() if kind != BINARY
            ],
            "unread": built.withheld.get(BINARY, 0),
            "shared": built.left_out(SHARED),
            "period": built.left_out(PERIOD),
            "answer": built.answer,
            "awaited": [each["name"] for each in built.awaited],
        }


def _shown(told: Mapping[str, Any]) -> dict[str, Any]:
    place = f"{told['system']}/{told['table']}"
    return {
        "system": told["system"],
        "table": told["table"],
        "rows": told["rows"],
        "categories": ", ".join(str(Category(code).label) for code in told["categories"]),
        "page": pages.page_name(told["system"], told["table"], 1) if told["rows"] else "",
        "csv": f"csv/{place}.csv",
        "json": f"json/{place}.json",
    }


def kind_words(language: str) -> dict[str, str]:
    """What stands in the place of a value that may not leave, in a language."""
    with translation.override(language):
        held = {each.value: _("%s: held, not shown") % each.label for each in NeverDisclosed}
        return {**held, BINARY: _("A file or picture: held, not shown")}


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
