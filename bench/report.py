"""The report: a sentence for each line, a table for people, raw figures for machines."""

import json
import statistics
from pathlib import Path

from bench.measure import Line, Run

FOLDER = Path(__file__).resolve().parent


def text_of(line: Line) -> str:
    """One line as it is printed when it ends."""
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
    return f"{statistics.median(run.speed for run in runs):,.0f}"


def _cpu(runs: list[Run]) -> str:
    return f"{statistics.median(run.cpu / run.count for run in runs):.5f}"


def write(lines: list[Line]) -> None:
    """Write ``report.md`` and ``raw.json`` beside this file."""
    raw = json.dumps([line.raw() for line in lines], indent=1, default=str)
    (FOLDER / "raw.json").write_text(raw + "\n")
    parts = "\n\n".join(f"```\n{text_of(line)}\n```" for line in lines)
    (FOLDER / "report.md").write_text(f"# Benchmark\n\n{parts}\n")
