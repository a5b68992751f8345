"""Keep deleted people out: ask for one of them, or filter a file before it is imported."""

import csv
import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from ccpa_office import clock, ledger
from ccpa_office.roles import Actor
from requests_app import suppression

SYSTEM = Actor.system("suppression")
WIDEST = 1_000_000
"""Characters that one field of a file may have."""
COLUMNS = {
    "email": "email", "e-mail": "email", "email_address": "email", "mail": "email",
    "phone": "phone_number", "phone_number": "phone_number", "telephone": "phone_number",
    "mobile": "phone_number",
}  # fmt: skip
"""Headings that speak for themselves; any other is named with --email or --phone."""


class Command(BaseCommand):
    help = (
        "Run before a file of people is imported anywhere: `filter` copies a CSV without the "
        "people who had themselves deleted (Civ. 1798.105(c)(2)), `check` asks for one. Exit 1 "
        "from `check` when the person is on the list."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, and which columns say who a line is about."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser("check", help="is this person on the list?")
        copy = verbs.add_parser("filter", help="copy a CSV without the people on the list")
        copy.add_argument("file", metavar="FILE", help="UTF-8 CSV with headings; - reads the input")
        copy.add_argument("--out", required=True, metavar="FILE", help="where the rest goes")
        copy.add_argument(
            "--blocked", metavar="FILE", help="numbers of rows left out; headings are 1"
        )
        for one, words in ((check, "an address"), (copy, "a column with addresses")):
            one.add_argument("--email", action="append", default=[], help=f"{words}, repeatable")
        for one, words in ((check, "a number"), (copy, "a column with telephone numbers")):
            one.add_argument("--phone", action="append", default=[], help=f"{words}, repeatable")
        for one in (check, copy):
            one.add_argument("--json", action="store_true", help="print facts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. Raises CommandError for a file that cannot be read as it should."""
        getattr(self, f"_{options['verb']}")(options)

    def _check(self, options: dict[str, Any]) -> None:
        asked = {"email": options["email"], "phone_number": options["phone"]}
        if not any(asked.values()):
            raise CommandError("Name somebody with --email or --phone.", returncode=2)
        found = suppression.suppressed([asked])[0]
        words = "On the list: had themselves deleted." if found else "Not on the list."
        self.stdout.write(json.dumps({"suppressed": found}) if options["json"] else words)
        if found:
            raise SystemExit(1)

    def _filter(self, options: dict[str, Any]) -> None:
        out = Path(options["out"])
        part = out.with_name(f"{out.name}.part")
        try:
            with ExitStack() as files:
                source = _source(files, options["file"])
                rest = files.enter_context(part.open("w", encoding="utf-8", newline=""))
                left = options["blocked"]
                numbers = (
                    files.enter_context(Path(left).open("w", encoding="utf-8")) if left else None
                )
                facts = copied(source, rest, numbers, options)
            part.replace(out)
        except (OSError, UnicodeDecodeError, csv.Error) as refusal:
            part.unlink(missing_ok=True)
            words = f"The file cannot be read as UTF-8 CSV ({type(refusal).__name__})."
            raise CommandError(f"{words} Nothing was written.", returncode=2) from None
        except CommandError:
            part.unlink(missing_ok=True)
            raise
        ledger.record(
            "suppression.filtered", subject="office", by=SYSTEM, at=clock.now(), facts=facts
        )
        words = f"{facts['rows']} rows read, {facts['blocked']} left out, {facts['kept']} kept."
        self.stdout.write(json.dumps(facts) if options["json"] else words)


def _source(files: ExitStack, name: str) -> TextIO:
    if name == "-":
        return sys.stdin
    return files.enter_context(Path(name).open(encoding="utf-8-sig", newline=""))


def copied(
    source: TextIO, rest: TextIO, numbers: TextIO | None, options: dict[str, Any]
) -> dict[str, int]:
    """Copy line after line; count what was left out. A line is left out by any of its columns."""
    csv.field_size_limit(WIDEST)
    lines = csv.reader(source, strict=True)
    heading = next(lines, None)
    if not heading:
        raise CommandError("The file is empty; the first line must name columns.", returncode=2)
    columns = chosen(heading, options)
    out = csv.writer(rest, lineterminator="\n")
    out.writerow(heading)
    facts = {"rows": 0, "blocked": 0, "kept": 0}
    for (number, line), is_blocked in suppression.screened(_records(lines, heading, columns)):
        facts["rows"] += 1
        facts["blocked" if is_blocked else "kept"] += 1
        if not is_blocked:
            out.writerow(line)
        elif numbers:
            numbers.write(f"{number}\n")
    return facts


def _records(
    lines: Iterator[list[str]], heading: Sequence[str], columns: dict[int, str]
) -> Iterator[tuple[tuple[int, list[str]], dict[str, list[str]]]]:
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        if len(line) != len(heading):
            words = f"Row {number} has {len(line)} fields, the headings {len(heading)}."
            raise CommandError(f"{words} Nothing was written.", returncode=2)
        found: dict[str, list[str]] = {}
        for place, kind in columns.items():
            found.setdefault(kind, []).append(line[place])
        yield (number, line), found


def chosen(heading: Sequence[str], options: dict[str, Any]) -> dict[int, str]:
    """Which columns say who a line is about. Raises CommandError when none does."""
    named = {**dict.fromkeys(options["email"], "email"),
             **dict.fromkeys(options["phone"], "phone_number")}  # fmt: skip
    if unknown := sorted(set(named) - set(heading)):
        raise CommandError(f"The first line names no column {unknown[0]!r}.", returncode=2)
    columns = {
        place: kind
        for place, name in enumerate(heading)
        if (kind := named.get(name) or (None if named else COLUMNS.get(name.strip().lower())))
    }
    if not columns:
        raise CommandError(
            "No column says who a line is about; name one with --email or --phone.", returncode=2
        )
    return columns
