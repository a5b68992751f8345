"""Keep deleted people out: ask for one, filter a file, or let a host's own database refuse."""

import csv
import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from ccpa_office import clock, ledger, sealing
from ccpa_office.roles import Actor, NotAllowed
from notices_app.datamap import NoSuchSystem
from requests_app import suppression
from requests_app.fulfillment import erasure_ledger
from requests_app.keeping_out import hosts, trigger
from requests_app.management.commands.batch import staff
from requests_app.models import HostKey

SYSTEM = Actor.system("suppression")
REFUSALS = (NotAllowed, NoSuchSystem, hosts.NoDatabase, trigger.NameNotFit,
            erasure_ledger.LedgerBroken, sealing.Unreadable)  # fmt: skip
A_DAY = timedelta(days=1)
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
        "from `check` when the person is on the list. `trigger` prints the SQL by which a host's "
        "PostgreSQL keeps them out of a table itself, `digests` writes whom it must know."
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
        for one in (check, copy, *_host_verbs(verbs)):
            one.add_argument("--json", action="store_true", help="print facts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. Raises CommandError for a file that cannot be read as it should."""
        if options["verb"] in {"check", "filter"} and suppression.keys_missing():
            words = "DIGEST_KEYS lacks a key by which people are remembered; see `doctor`."
            raise CommandError(words, returncode=2)
        try:
            getattr(self, f"_{options['verb']}")(options)
        except REFUSALS as refusal:
            words = str(refusal) or type(refusal).__doc__ or ""
            raise CommandError(words, returncode=2) from None

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

    def _trigger(self, options: dict[str, Any]) -> None:
        guarded, key = _guarded(options), options["system"]
        by, at = staff(options["by"]), clock.now()
        with transaction.atomic():
            host, is_new = hosts.key_of(key, by=by, at=at)
            people = covered(host, at=at) if is_new else 0
            shown = is_new or options["key_again"]
            text = trigger.script(guarded, key=hosts.opened(host) if shown else None)
            ledger.record("suppression.trigger", subject=f"system:{key}", by=by, at=at,
                          facts={"with_key": shown})  # fmt: skip
        facts = {"sql": text, "with_key": shown, "covered_since": f"{host.made_at:%Y-%m-%d}",
                 "people_of_the_erasure_ledger": people}  # fmt: skip
        self.stdout.write(json.dumps(facts) if options["json"] else f"{_heading(facts)}{text}")

    def _digests(self, options: dict[str, Any]) -> None:
        key, since, at = options["system"], options["since"], clock.now()
        after = datetime.combine(since, time(), clock.OFFICE_ZONE) - A_DAY if since else None
        if not hosts.has_key(key):
            raise CommandError("This system has no key: print its trigger first.", returncode=2)
        found = hosts.handed(key, since=after)
        out = Path(options["out"])
        part = out.with_name(f"{out.name}.part")
        rows = 0
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write("kind,digest\n")
            for kind, digest in found.digests():
                file.write(f"{kind},\\x{digest.hex()}\n")
                rows += 1
        part.replace(out)
        hosts.keep_handed(found, at=at)
        ledger.record("suppression.digests", subject=f"system:{key}", by=SYSTEM, at=at,
                      facts={"rows": rows})  # fmt: skip
        self.stdout.write(json.dumps({"rows": rows}) if options["json"] else f"{rows} digests.")


def _host_verbs(verbs: Any) -> tuple[ArgumentParser, ...]:
    """What a host's own database needs."""
    printed = verbs.add_parser("trigger", help="print SQL for the administrator of a host")
    printed.add_argument("--system", required=True, metavar="KEY")
    printed.add_argument("--schema", metavar="NAME", help="the table's, if not the system's own")
    printed.add_argument("--table", required=True, metavar="NAME")
    printed.add_argument(
        "--column", action="append", required=True, metavar="email=NAME",
        help="a column with addresses, or phone=NAME with numbers; repeatable",
    )  # fmt: skip
    printed.add_argument("--mode", default="refuse", metavar="refuse|flag:COLUMN")
    printed.add_argument("--key-again", action="store_true", help="with the key, once more")
    printed.add_argument("--as", dest="by", metavar="USERNAME", help="in whose name")
    digests = verbs.add_parser("digests", help="write whom a host's database must know")
    digests.add_argument("--system", required=True, metavar="KEY")
    digests.add_argument("--out", required=True, metavar="FILE", help="a CSV for \\copy")
    digests.add_argument(
        "--since", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the day of the last file"
    )
    return printed, digests


def covered(host: HostKey, *, at: datetime) -> int:
    """Keep digests of those whom the erasure ledger still names. Returns how many people.

    Raises ``erasure_ledger.LedgerBroken``, ``sealing.Unreadable``.
    """
    people = 0
    for erasure in erasure_ledger.erasures():
        found = [each.identifiers for each in erasure.subjects]
        hosts.remember(zip(erasure.names, found, strict=True), [host], at=at)
        people += len(found)
    return people


def _guarded(options: dict[str, Any]) -> trigger.Guarded:
    """The table as it was named. Raises CommandError, ``trigger.NameNotFit``, ``NoSuchSystem``."""
    columns = []
    for word in options["column"]:
        kind, is_sign, name = word.partition("=")
        if not is_sign or kind not in {"email", "phone"}:
            raise CommandError("Say --column email=NAME or --column phone=NAME.", returncode=2)
        columns.append((COLUMNS[kind], name))
    mode, _, flag = options["mode"].partition(":")
    if mode not in {"refuse", "flag"} or (mode == "flag") != bool(flag):
        raise CommandError("Say --mode refuse or --mode flag:COLUMN.", returncode=2)
    schema = options["schema"] or hosts.schema_of(options["system"])
    return trigger.Guarded(schema, options["table"], columns, flag)


def _heading(facts: dict[str, Any]) -> str:
    secret = (
        "-- Below stands a key: whoever has it can try out addresses. Keep this file to yourself.\n"
        if facts["with_key"] else ""
    )  # fmt: skip
    return (
        f"{secret}-- Known are people deleted since {facts['covered_since']}, and "
        f"{facts['people_of_the_erasure_ledger']} of the erasure ledger before.\n"
        "-- Whoever was deleted earlier is on no list that this database could compare with: the\n"
        "-- office has only digests by its own key. Filter imports or ask the interface for them.\n"
        "-- Run it as an owner of the table; then load `suppression digests`, and again each day.\n"
    )


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
