"""Data maps on the command line: check, load, approve, gaps, suggest, and their reference."""

import json
from argparse import ArgumentParser
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ccpa_office import clock
from ccpa_office.connectors.base import ConnectorError, Finding
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, NotAllowed
from notices_app import datamap
from notices_app.datamap import codes, describing, reference, suggesting
from notices_app.datamap.differences import understood
from notices_app.datamap.form import json_schema
from notices_app.models import DataMapVersion

REFUSALS = (
    ConnectorError,
    NotAllowed,
    datamap.AlreadyApproved,
    datamap.AnotherDigest,
    datamap.NoAddress,
    datamap.NoSuchSystem,
    datamap.NotTold,
    datamap.SecondPersonNeeded,
    suggesting.NothingToSuggest,
)
SHOWN = ("file", "line", "column", "level", "code", "message")


def bringing(name: str | None, *, to_a_copy: bool) -> Actor:
    """In whose name something is brought: to a copy nobody need be named; the demo's editor."""
    if name is None and to_a_copy:
        return datamap.COMMAND_LINE
    if name is None and not settings.DEMO:
        raise CommandError(
            "Say in whose name: --as USERNAME. Only a copy (--rehearsal) takes it from nobody.",
            returncode=2,
        )
    return staff(name or "editor")


def staff(name: str) -> Actor:
    """The member of staff in whose name a command acts."""
    user = StaffMember.objects.filter(username=name).first()
    if user is None:
        raise CommandError("no member of staff has that name", returncode=2)
    return Actor.of(user)


class Command(BaseCommand):
    help = (
        "Check a data map before it is loaded, load it, approve it, compare it with the notice, or "
        "have a first map proposed from a live database."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser("check", help="lint files; nothing is loaded")
        check.add_argument("files", nargs="+", metavar="FILE")
        check.add_argument("--system", metavar="KEY", help="hold them against this store as well")
        check.add_argument("--json", action="store_true")
        load = verbs.add_parser("load", help="keep a map as a system's next version")
        load.add_argument("file", metavar="FILE")
        load.add_argument("--system", required=True, metavar="KEY")
        load.add_argument("--as", dest="by", metavar="USERNAME", help="in whose name")
        approve = verbs.add_parser("approve", help="approve a loaded map, as a second person")
        approve.add_argument("--system", required=True, metavar="KEY")
        approve.add_argument("--digest", required=True)
        approve.add_argument("--as", dest="by", required=True, metavar="USERNAME")
        gaps = verbs.add_parser("gaps", help="where practice and notice differ")
        gaps.add_argument("file", nargs="?", metavar="FILE", help="as if this map counted alone")
        gaps.add_argument("--notice", default="main", metavar="SLUG")
        gaps.add_argument("--json", action="store_true")
        suggest = verbs.add_parser("suggest", help="propose a first map from a live catalogue")
        suggest.add_argument("--system", required=True, metavar="KEY")
        suggest.add_argument("--no-values", action="store_true", help="look at no values")
        schema = verbs.add_parser("schema", help="print the JSON Schema of a map file")
        schema.add_argument("--outside", action="store_true", help="of an outside system's file")
        verbs.add_parser("reference", help="print the page of every key of a map file")
        verbs.add_parser("codes", help="print the page of every finding")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs = {"check": self.check_files, "load": self.load, "approve": self.approve,
                 "gaps": self.gaps, "suggest": self.suggest, "schema": self.schema,
                 "reference": self.reference, "codes": self.codes}  # fmt: skip
        try:
            verbs[options["verb"]](options)
        except REFUSALS as refusal:
            words = str(refusal) or type(refusal).__doc__ or ""
            raise CommandError(words) from None

    def check_files(self, options: dict[str, Any]) -> None:
        findings = [each for name in options["files"] for each in _checked(name, options["system"])]
        self.show(findings, as_json=options["json"])
        if any(finding.level == "error" for finding in findings):
            raise CommandError("the map is not sound")
        if not options["json"]:
            remarks = f"; warnings: {len(findings)}" if findings else ""
            self.stdout.write(f"sound{remarks}")

    def show(self, findings: list[Finding], *, as_json: bool) -> None:
        if as_json:
            rows = [
                {key: getattr(finding, key) for key in SHOWN} | {"cure": codes.cure(finding.code)}
                for finding in findings
            ]
            self.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False))
            return
        for each in findings:
            spot = f":{each.line}:{each.column}" if each.line else ""
            place = f"{each.file}{spot}: " if each.file else ""
            self.stdout.write(f"{place}{each.level} {each.code}: {each.message}")
            self.stdout.write(f"    {codes.cure(each.code)}")

    def load(self, options: dict[str, Any]) -> None:
        name = options["file"]
        is_copy = datamap.system(options["system"]).rehearsal
        document = _text(name)
        if document is None:
            self.show(datamap.check(_raw(name), name), as_json=False)
            raise CommandError("the map is not loaded")
        try:
            version = datamap.load(
                document,
                system_key=options["system"],
                by=bringing(options["by"], to_a_copy=is_copy),
                at=clock.now(),
            )
        except datamap.MapNotSound as refusal:
            self.show([replace(each, file=name) for each in refusal.findings], as_json=False)
            raise CommandError("the map is not loaded") from None
        comes = "counts on this copy" if is_copy else "waits for approval"
        self.stdout.write(f"version {version.number} {comes}: {version.digest}")

    def approve(self, options: dict[str, Any]) -> None:
        datamap.system(options["system"])
        version = DataMapVersion.objects.filter(
            system__key=options["system"], digest=options["digest"]
        ).last()
        if version is None:
            raise CommandError("no loaded map of that system has that digest")
        by = staff(options["by"])
        version = datamap.approve(version, digest=options["digest"], by=by, at=clock.now())
        self.stdout.write(f"version {version.number} is active")

    def gaps(self, options: dict[str, Any]) -> None:
        gaps = _gaps(options["file"], options["notice"])
        if options["json"]:
            self.stdout.write(json.dumps([asdict(gap) for gap in gaps], indent=2))
            return
        for gap in gaps:
            self.stdout.write(" ".join([gap.code, gap.category, gap.detail, *gap.tables]))
        self.stdout.write(f"{len(gaps)} gaps")

    def suggest(self, options: dict[str, Any]) -> None:
        found = datamap.system(options["system"])
        address = datamap.url(options["system"])
        text = suggesting.suggest(
            address, datamap.look_at(found), key=found.key, with_values=not options["no_values"]
        )
        self.stdout.write(text, ending="")

    def schema(self, options: dict[str, Any]) -> None:
        schema = describing.json_schema() if options["outside"] else json_schema()
        self.stdout.write(json.dumps(schema, indent=2))

    def reference(self, _options: dict[str, Any]) -> None:
        self.stdout.write(reference.keys_page(), ending="")

    def codes(self, _options: dict[str, Any]) -> None:
        self.stdout.write(reference.codes_page(), ending="")


def _checked(name: str, system_key: str | None) -> list[Finding]:
    raw = _raw(name)
    found = datamap.check(raw, name)
    if system_key and all(finding.level != "error" for finding in found):
        live = datamap.check_live(raw.decode(), system_key=system_key)
        found += [replace(finding, file=name) for finding in live]
    return found


def _gaps(name: str | None, slug: str) -> list[datamap.Gap]:
    if name is None:
        return datamap.gaps(slug, on=clock.today())
    document = _text(name)
    said = understood(document) if document is not None else None
    if said is None:
        raise CommandError("the map is not sound: run `datamap check`")
    return datamap.gaps_of(said, slug, on=clock.today())


def _text(name: str) -> str | None:
    """Return a file as text; nothing where it is not UTF-8: no letter of a map is guessed."""
    try:
        return _raw(name).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _raw(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {name}: {error.strerror}", returncode=2) from None
