"""Try a map on a copy, before anybody's request depends on it."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.loader import render_to_string

from ccpa_office import clock
from ccpa_office.connectors.base import ConnectorError, Finding
from ccpa_office.law.grounds import DeletionException, GeneralException
from notices_app import datamap
from requests_app.fulfillment import rehearsing, rehearsing_corrections, rehearsing_report
from requests_app.fulfillment.correctable import CannotCorrect, Claim
from requests_app.fulfillment.erasure import KeyOfAnother
from requests_app.fulfillment.loading import Load

REFUSALS = (
    rehearsing.NotARehearsal,
    rehearsing.NotInTheMap,
    rehearsing.Undecided,
    rehearsing.SeveralPeople,
    rehearsing.MapDoesNotServe,
    CannotCorrect,
    KeyOfAnother,
    ConnectorError,
    datamap.NoActiveMap,
    datamap.NoAddress,
    datamap.NoSuchSystem,
)


STYLE = """\
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
  border-bottom: 1px solid #8a9a94 }
caption { text-align: left; font-weight: 700 }
.n { text-align: right }
.bad { color: light-dark(#9b1010, #ff9d94); font-weight: 700 }
div { overflow-x: auto }
@media (max-width: 40rem) { th, td { padding: .3rem } }
"""


class Command(BaseCommand):
    help = (
        "Run the whole engine on a rehearsal copy (`system add KEY --rehearsal`): it prints the "
        "plan and changes nothing; with --execute it erases on the copy and looks again. "
        "`know` writes the package to --out; `correct` puts --field right with --value. No "
        "request, no approval, no letter; refused on any other system. Exit 1 when something is "
        "refused or left over."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which copy, which right, of whom."""
        parser.add_argument("--system", required=True, metavar="KEY")
        parser.add_argument("--kind", required=True, choices=["delete", "know", "correct"])
        parser.add_argument(
            "--identifier", action="append", required=True, metavar="KIND=VALUE",
            help="such as email=someone@example.org; repeatable",
        )  # fmt: skip
        parser.add_argument("--as-of", metavar="DATE", help="terms are counted as of this day")
        parser.add_argument("--execute", action="store_true", help="really erase, on the copy")
        parser.add_argument(
            "--shared", action="append", default=[], metavar="TABLE=keep|strip",
            help="what becomes of rows that other people reach too; repeatable",
        )  # fmt: skip
        parser.add_argument(
            "--field", metavar="TABLE.COLUMN",
            help="what `correct` puts right; without it the fields that can be are listed",
        )  # fmt: skip
        parser.add_argument("--value", metavar="TEXT", help="the right value of --field")
        parser.add_argument("--row", default="", metavar="KEY", help="of which row, if of several")
        parser.add_argument("--people", type=int, default=1, help="so many people may be met")
        parser.add_argument("--language", default="en", choices=["en", "ja", "es"])
        parser.add_argument("--out", metavar="DIR", help="write report.html, and the package")
        parser.add_argument("--json", action="store_true", help="print facts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. Raises CommandError when the house refuses; exit 1 when something is left."""
        asked, out = _asked(options), _folder(options)
        try:
            began = perf_counter()
            loaded, findings = rehearsing.plan(asked)
            facts = {
                "system": asked.system,
                "kind": options["kind"],
                "as_of": asked.on.isoformat(),
                "people": len(loaded.people),
                "findings": [asdict(each) for each in findings],
                "plan": rehearsing.told(loaded),
                "plan_hash": rehearsing.plan_hash(loaded),
                "shared": _rows(loaded, "shared"),
                "kept": _rows(loaded, "kept"),
                "seconds": {"locate": perf_counter() - began},
                "each": rehearsing_report.people(loaded),
                "ignored": rehearsing.ignored(asked, loaded.target.program),
                "coverage": rehearsing_report.coverage(loaded),
            }
            if options["kind"] == "know" and out:
                facts |= rehearsing.collect(asked, loaded, out, language=options["language"])
                facts["seconds"]["collect"] = perf_counter() - began - facts["seconds"]["locate"]
            if options["kind"] == "delete" and options["execute"]:
                erased = rehearsing.erase(asked, loaded, findings)
                erased["seconds"] = facts["seconds"] | erased["seconds"]
                facts |= erased
            if options["kind"] == "correct":
                facts |= _corrected(asked, loaded, findings, options)
        except REFUSALS as refusal:
            raise CommandError(str(refusal) or type(refusal).__doc__ or "") from None
        if out:
            page = render_to_string("requests/rehearsal.html", facts | {"grounds": _grounds(facts)})
            (out / "report.html").write_text(page, encoding="utf-8")
            (out / "report.css").write_text(STYLE, encoding="utf-8")
        self.stdout.write(json.dumps(facts, default=str) if options["json"] else _words(facts))
        if facts.get("finding") == "residual" or facts.get("corrected") == "changed":
            raise SystemExit(1)


def _corrected(
    asked: rehearsing.Asked, loaded: Load, findings: list[Finding], options: dict[str, Any]
) -> dict[str, Any]:
    """What `correct` adds to the facts: the fields, or the places of one and how they ended."""
    if options["field"] is None:
        return {"fields": rehearsing_corrections.fields(loaded)}
    table, sign, column = options["field"].rpartition(".")
    if not sign or not options["value"]:
        raise CommandError("Write --field TABLE.COLUMN and --value TEXT.", returncode=2)
    claim = Claim((asked.system, table, column), options["value"], options["row"])
    return rehearsing_corrections.correct(
        asked, loaded, findings, claim, execute=options["execute"]
    )


def _asked(options: dict[str, Any]) -> rehearsing.Asked:
    identifiers: dict[str, list[str]] = {}
    for kind, value in _pairs(options["identifier"], "--identifier KIND=VALUE"):
        identifiers.setdefault(kind, []).append(value)
    shared = dict(_pairs(options["shared"], "--shared TABLE=keep or TABLE=strip"))
    if wrong := {*shared.values()} - {"keep", "strip"}:
        raise CommandError(f"Shared rows are kept or stripped, not {wrong.pop()!r}.", returncode=2)
    if options["people"] < 1:
        raise CommandError("--people is 1 or more.", returncode=2)
    if options["kind"] != "correct" and (options["field"] or options["value"] or options["row"]):
        raise CommandError("--field, --value and --row go with --kind correct.", returncode=2)
    try:
        on = date.fromisoformat(options["as_of"]) if options["as_of"] else clock.today()
    except ValueError:
        raise CommandError("--as-of needs a date such as 2026-12-31.", returncode=2) from None
    return rehearsing.Asked(options["system"], identifiers, on, shared, options["people"])


def _pairs(given: list[str], form: str) -> list[tuple[str, str]]:
    pairs = [(name, value) for name, sign, value in (each.partition("=") for each in given) if sign]
    if len(pairs) < len(given) or not all(name and value for name, value in pairs):
        raise CommandError(f"Write it as {form}.", returncode=2)
    return pairs


def _folder(options: dict[str, Any]) -> Path | None:
    if options["out"] is None:
        if options["kind"] == "know" and options["execute"]:
            raise CommandError("The package needs a folder: --out DIR.", returncode=2)
        return None
    folder = Path(options["out"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"--out cannot be made ({type(error).__name__}).", returncode=2
        ) from None
    return folder


def _rows(loaded: Load, which: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in loaded.parts:
        if part.shared if which == "shared" else part.action == "keep":
            found[part.table] = found.get(part.table, 0) + len(part.keys)
    return found


def _how(changes: list[dict[str, str]]) -> str:
    """Each column with what becomes of its value."""
    return ", ".join(
        f"{each['column']}: {each['how']}{' ' + each['argument'] if each['argument'] else ''}"
        for each in changes
    )


def _corrections(facts: dict[str, Any]) -> list[str]:
    """The fields that could be put right, or the places that are, as lines."""
    lines = [
        f"  field  {each['table']}.{each['column']}: {each['rows']} rows"
        for each in facts.get("fields", [])
    ]
    for each in facts.get("corrections", []):
        ended = {None: "would be put right", True: "put right"}.get(each.get("stands"), "NOT right")
        key = "/".join(str(value) for value in each["key"])
        lines.append(f"  {ended}: {each['table']}.{each['column']} of row {key}")
    return lines


def _grounds(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Each ground of the plan, in words."""
    words = {each.value: str(each.label) for each in (*DeletionException, *GeneralException)}
    codes = {part["reason"] for part in facts["plan"] if part["reason"]}
    return [(code, words.get(code, "a hold of the map")) for code in sorted(codes)]


def _planned(facts: dict[str, Any]) -> list[str]:
    """What a deletion would do; and for the other kinds, what is there."""
    if facts["kind"] != "delete":
        found: dict[str, int] = {}
        for part in facts["plan"]:
            if part["action"] != "trim":
                found[part["table"]] = found.get(part["table"], 0) + part["rows"]
        return [f"  found  {table:24} {rows:>9} rows" for table, rows in found.items()]
    lines = []
    for part in facts["plan"]:
        why = f" ({part['reason']}{' until ' + part['until'] if part['until'] else ''})"
        shared = "" if not part["shared"] else f" shared: {part['decision'] or 'undecided'}"
        columns = f" [{_how(part['changes'])}]" if part["changes"] else ""
        why = why if part["reason"] else ""
        lines.append(
            f"  {part['action']:6} {part['table']:24} {part['rows']:>9} rows{columns}{why}{shared}"
        )
    return lines


def _covered(facts: dict[str, Any]) -> list[str]:
    """What of the store the map names, in one line."""
    seen = facts["coverage"]
    if seen is None:
        return []
    unknown = [each["table"] for each in seen["tables"] if each["state"] == "not in the map"]
    rest = f": {', '.join(unknown)}" if unknown else ""
    said = (
        f"The map names {seen['mapped']} tables ({seen['named']} of {seen['columns']} columns), "
        f"leaves {seen['left_out']} out, and is silent on {len(unknown)}{rest}."
    )
    return [said]


def _words(facts: dict[str, Any]) -> str:
    """The plan, the receipts and the proof as lines."""
    lines = [f"People: {facts['people']}, in {facts['system']}, as of {facts['as_of']}."]
    lines += [f"{each['level']} {each['code']}: {each['message']}" for each in facts["findings"]]
    lines += [f"The map knows no {kind}: it was not looked for." for kind in facts["ignored"]]
    lines += [*_covered(facts), *_planned(facts)]
    lines += [f"  {code} is: {words}" for code, words in _grounds(facts)
              if facts["kind"] == "delete"]  # fmt: skip
    lines += _corrections(facts)
    if "package" in facts:
        lines.append(f"Package: {facts['package']}, {facts['size']:,} bytes.")
    if "corrected" in facts:
        return "\n".join([*lines, f"Looked again: {facts['corrected']}."])
    if "finding" not in facts:
        return "\n".join([*lines, "Nothing was changed."])
    lines += [
        f"  done   {each['table']:24} {each['done']:>9} of {each['planned']} ({each['action']})"
        for each in facts["receipts"]
    ]
    lines += [
        f"  LEFT   {each['table']}: by key {each['by_key']}, by identifier {each['by_identifier']},"
        f" in text {each['in_text']}"
        for each in facts["proof"]
        if each["finding"] == "residual"
    ]
    return "\n".join([*lines, f"Looked again: {facts['finding']}."])
