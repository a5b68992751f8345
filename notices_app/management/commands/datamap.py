"""Data maps on the command line: check, load, approve, gaps."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ccpa_office import clock
from ccpa_office.connectors.base import ConnectorError, Finding
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, NotAllowed
from notices_app import datamap
from notices_app.datamap.form import json_schema
from notices_app.models import DataMapVersion

REFUSALS = (
    ConnectorError,
    NotAllowed,
    datamap.AlreadyApproved,
    datamap.AnotherDigest,
    datamap.NoAddress,
    datamap.NoSuchSystem,
    datamap.SecondPersonNeeded,
)


def staff(name: str) -> Actor:
    """The member of staff in whose name a command acts."""
    user = StaffMember.objects.filter(username=name).first()
    if user is None:
        raise CommandError("no member of staff has that name", returncode=2)
    return Actor.of(user)


class Command(BaseCommand):
    help = (
        "Check a data map before it is loaded, load it, approve it, or compare it with the notice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser("check", help="lint files; nothing is loaded")
        check.add_argument("files", nargs="+", metavar="FILE")
        check.add_argument("--json", action="store_true")
        load = verbs.add_parser("load", help="keep a map as a system's next version")
        load.add_argument("file", metavar="FILE")
        load.add_argument("--system", required=True, metavar="KEY")
        load.add_argument("--as", dest="by", required=True, metavar="USERNAME")
        approve = verbs.add_parser("approve", help="approve a loaded map, as a second person")
        approve.add_argument("--system", required=True, metavar="KEY")
        approve.add_argument("--digest", required=True)
        approve.add_argument("--as", dest="by", required=True, metavar="USERNAME")
        verbs.add_parser("schema", help="print the JSON Schema of a map file")
        gaps = verbs.add_parser("gaps", help="where practice and notice differ")
        gaps.add_argument("--notice", default="main", metavar="SLUG")
        gaps.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs = {"check": self.check_files, "load": self.load, "approve": self.approve,
                 "gaps": self.gaps, "schema": self.schema}  # fmt: skip
        try:
            verbs[options["verb"]](options)
        except REFUSALS as refusal:
            words = str(refusal) or type(refusal).__doc__ or ""
            raise CommandError(words) from None

    def check_files(self, options: dict[str, Any]) -> None:
        findings = [
            finding for name in options["files"] for finding in datamap.check(_raw(name), name)
        ]
        self.show(findings, as_json=options["json"])
        if any(finding.level == "error" for finding in findings):
            raise CommandError("the map is not sound")
        if not options["json"]:
            self.stdout.write("sound")

    def show(self, findings: list[Finding], *, as_json: bool) -> None:
        if as_json:
            keys = ("file", "line", "column", "level", "code", "message")
            rows = [{key: getattr(finding, key) for key in keys} for finding in findings]
            self.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False))
            return
        for each in findings:
            place = f"{each.file}:{each.line}:{each.column}: " if each.file else ""
            self.stdout.write(f"{place}{each.level} {each.code}: {each.message}")

    def load(self, options: dict[str, Any]) -> None:
        name = options["file"]
        try:
            version = datamap.load(
                _raw(name).decode("utf-8", "replace"),
                system_key=options["system"],
                by=staff(options["by"]),
                at=clock.now(),
            )
        except datamap.MapNotSound as refusal:
            self.show(refusal.findings, as_json=False)
            raise CommandError("the map is not loaded") from None
        self.stdout.write(f"version {version.number} waits for approval: {version.digest}")

    def approve(self, options: dict[str, Any]) -> None:
        version = DataMapVersion.objects.filter(
            system__key=options["system"], digest=options["digest"]
        ).last()
        if version is None:
            raise CommandError("no loaded map of that system has that digest")
        by = staff(options["by"])
        version = datamap.approve(version, digest=options["digest"], by=by, at=clock.now())
        self.stdout.write(f"version {version.number} is active")

    def schema(self, _options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(json_schema(), indent=2))

    def gaps(self, options: dict[str, Any]) -> None:
        gaps = datamap.gaps(options["notice"], on=clock.today())
        if options["json"]:
            self.stdout.write(json.dumps([asdict(gap) for gap in gaps], indent=2))
            return
        for gap in gaps:
            self.stdout.write(" ".join([gap.code, gap.category, gap.detail, *gap.tables]))
        self.stdout.write(f"{len(gaps)} gaps")


def _raw(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read the file: {error.strerror}", returncode=2) from None
