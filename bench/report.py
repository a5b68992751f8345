"""The report: a sentence for each line, a table for people, raw figures for machines."""

import json
import statistics
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench.measure import Line, Run

ORDER = (
    "G4", "G1", "G2", "G4-shop", "G1-shop", "G2-shop", "G3-shop", "G5-shop", "G6-shop", "G7-shop",
    "G8", "G10-shop", "growth", "G12", "G11",
)  # fmt: skip
FOLDER = Path(__file__).resolve().parent


def text_of(line: Line) -> str:
    """One line as it is printed when it ends."""
    if not line.office:
        verdict = "met" if line.met else "MISSED"
        facts = "".join(f"\n    {name}: {value}" for name, value in line.facts.items())
        return f"{line.goal} {line.what}: {verdict}{facts}"
    ratios = " ".join(f"{ratio:.2f}" for ratio in line.ratios)
    facts = "".join(f"\n    {name}: {value}" for name, value in line.facts.items())
    notes = "".join(f"\n    {note}" for note in line.notes)
    return (
        f"{line.goal} {line.what}\n"
        f"    office {_speed(line.office)} {line.unit}, reference {_speed(line.reference)}\n"
        f"    ratio {ratios}; least {min(line.ratios):.2f}, median {line.median:.2f},"
        f" gate {line.gate:.2f}: {'met' if line.met else 'MISSED'}\n"
        f"    CPU-seconds each: office {_cpu(line.office)}, reference {_cpu(line.reference)};"
        f" load {min(line.load):.1f} to {max(line.load):.1f}{facts}{notes}"
    )


def _speed(runs: list[Run]) -> str:
    speed = statistics.median(run.speed for run in runs)
    return f"{speed:,.0f}" if speed >= 10 else f"{speed:.2f}"


def _cpu(runs: list[Run]) -> str:
    return f"{statistics.median(run.cpu / run.count for run in runs):.5f}"


HEAD = """# Benchmark

Made by `make bench`: engines of its own with fsync on, every line side by side with its reference
in one run, rounds by turns. Trust ratios and counts, not wall times. The reference of G1 and G2 is
SQL written by hand for the demo's schema (`bench/by_hand.py`): a statement a table, a transaction
for each person or thousand people, no evidence, no second look. Lines whose goal ends in `-shop`
stand on the reference shop (`bench/data/reference.sql`: eleven collections, 20.5 rows a customer of
which 11.5 change) beside `bench/reference.py`: one statement for one person, set SQL for a list.
`SCALE` says how many customers it has. G11 stands beside Django's own change list, G12 beside a
bare Django project. The open-source peer stands in `report-peer.md`. Raw figures: `bench/raw.json`.

| goal | what | office | reference | ratio: least, median | gate | |
|---|---|---|---|---|---|---|
"""


def write(found: list[Line]) -> None:
    """Write ``report.md`` and ``raw.json`` beside this file.

    Lines of other goals stay as their last run left them. ``why.md`` is written by hand.
    """
    goals = {line.goal for line in found}
    lines = [*found, *(line for line in _before() if line.goal not in goals)]
    lines.sort(key=lambda line: ORDER.index(line.goal))
    raw = json.dumps([line.raw() for line in lines], indent=1, default=str)
    (FOLDER / "raw.json").write_text(raw + "\n")
    rows = "\n".join(map(_row, lines))
    details = "\n".join(map(text_of, lines))
    why = (FOLDER / "why.md").read_text()
    (FOLDER / "report.md").write_text(f"{HEAD}{rows}\n\n{why}\n```\n{details}\n```\n")


PEER_HEAD = """# Beside the open-source peer

Made by `make bench-peer`: {version} installed from PyPI and run whole (its server, its worker with
two processes, a broker, its own PostgreSQL database with all migrations, its own sample store and
dataset with 20.5 rows a customer, every join column indexed, approval and identity check off), and
the office with two workers, by turns on the same machine and the same PostgreSQL (fsync on). The
office erases as many rows of a shop of the same shape (`bench/data/reference.sql`), with frozen
keys, receipts, the second look and the book inside its figures. A request of the peer begins with
its POST, one of the office with the approval.

Fairness: the peer also drives SaaS APIs, document stores and manual tasks, and keeps resumable
state for each collection. These ratios hold for one SQL database with a map that both serve, on
loopback. Over a network a single erasure of the office pays for its round trips too, and its lead
shrinks; that of a list does not.

| goal | what | office | peer | ratio: least, median | gate | |
|---|---|---|---|---|---|---|
"""


def write_peer(found: list[Line], version: str, *, note: str = "") -> None:
    """Write ``report-peer.md`` beside this file: the lines beside the peer."""
    rows = "\n".join(map(_row, found))
    details = "\n".join(map(text_of, found))
    text = f"{PEER_HEAD.format(version=version)}{rows}\n\n{note}\n```\n{details}\n```\n"
    (FOLDER / "report-peer.md").write_text(text)


def _before() -> list[Line]:
    """The lines as they were written last."""
    known = json.loads((FOLDER / "raw.json").read_text())
    return [_line(each) for each in known]


def _line(raw: dict[str, Any]) -> Line:
    plain = {each.name: raw[each.name] for each in fields(Line)}
    runs = {way: [Run(**run) for run in raw[way]] for way in ("office", "reference")}
    return Line(**{**plain, **runs})


def _row(line: Line) -> str:
    verdict = "met" if line.met else "**missed**"
    if not line.office:
        facts = "; ".join(f"{name}: {value}" for name, value in line.facts.items())
        return f"| {line.goal} | {line.what} | {facts} | | | | {verdict} |"
    return (
        f"| {line.goal} | {line.what} | {_speed(line.office)} {line.unit} |"
        f" {_speed(line.reference)} | {min(line.ratios):.2f}, {line.median:.2f} |"
        f" {line.gate:.2f} | {verdict} |"
    )
