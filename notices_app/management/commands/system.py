"""The databases that are served: add one, see whether it answers, list them."""

import getpass
import json
import re
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ccpa_office import clock, connectors, outbound
from ccpa_office.connectors.base import ConnectorError, Finding
from ccpa_office.roles import NotAllowed
from notices_app import datamap
from notices_app.datamap import codes
from notices_app.management.commands.datamap import bringing, staff
from notices_app.models import DataSystem, SystemKind


class Command(BaseCommand):
    help = "Register a database from which requests are answered, or test one that is registered."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="register a database")
        add.add_argument("key", metavar="KEY")
        add.add_argument("--url", required=True, help="SQLAlchemy URL, or env:NAME")
        add.add_argument("--name", default="")
        add.add_argument("--schema", default="public")
        add.add_argument("--kind", default="sql", choices=SystemKind.values)
        add.add_argument("--rehearsal", action="store_true", help="a copy to try plans on")
        add.add_argument("--as", dest="by", metavar="USERNAME", help="in whose name")
        test = verbs.add_parser("test", help="connect, and hold the active map against it")
        test.add_argument("key", metavar="KEY")
        test.add_argument("--json", action="store_true")
        grants = verbs.add_parser("grants", help="what the database's administrator must grant")
        grants.add_argument("key", metavar="KEY")
        grants.add_argument("--account", default="ccpa_office", help="the office's account there")
        secret = verbs.add_parser("secret", help="give a secret that a description names")
        secret.add_argument("key", metavar="KEY")
        secret.add_argument("name", metavar="NAME")
        secret.add_argument("--as", dest="by", required=True, metavar="USERNAME")
        _pace(verbs)
        verbs.add_parser("list", help="the registered systems")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs = {"add": self.add, "test": self.test, "grants": self.grants,
                 "secret": self.secret, "pace": self.pace, "list": self.list}  # fmt: skip
        try:
            verbs[options["verb"]](options)
        except (
            ConnectorError, NotAllowed, datamap.NoAddress, datamap.NoSuchSystem, datamap.NotFit
        ) as refusal:  # fmt: skip
            raise CommandError(str(refusal) or type(refusal).__doc__ or "") from None
        except datamap.NoActiveMap:
            words = "no map of this system counts: load one, have a second person approve it"
            raise CommandError(f"{words} (`datamap load`, `datamap approve`)") from None

    def add(self, options: dict[str, Any]) -> None:
        _require_form(options)
        known = DataSystem.objects.filter(key=options["key"]).exists()
        system = datamap.add_system(
            options["key"],
            name=options["name"],
            url=options["url"],
            by=bringing(options["by"], to_a_copy=options["rehearsal"]),
            at=clock.now(),
            schema=options["schema"],
            rehearsal=options["rehearsal"],
            kind=options["kind"],
        )
        verb = "has a new address" if known and not system.rehearsal else "is registered"
        self.stdout.write(f"{system.key} {verb}{_seen(system)}")
        if verb != "is registered":
            self.stdout.write(
                "its map counts no more, its secrets are gone: load and give them again"
            )

    def test(self, options: dict[str, Any]) -> None:
        system = datamap.system(options["key"])
        try:
            findings = _held_against(system)
        except datamap.NoActiveMap:
            self._answers_without_map(system, as_json=options["json"])
            return
        if options["json"]:
            rows = [
                {"level": f.level, "code": f.code, "message": f.message, "cure": codes.cure(f.code)}
                for f in findings
            ]
            self.stdout.write(json.dumps(rows, indent=2))
        else:
            for finding in findings:
                self.stdout.write(f"{finding.level} {finding.code}: {finding.message}")
                self.stdout.write(f"    {codes.cure(finding.code)}")
            is_called = system.kind == SystemKind.SQL
            said = " answers" if is_called else ": it fits its description; nothing was called"
            self.stdout.write(f"{system.key}{said}")
        if any(finding.level == "error" for finding in findings):
            raise CommandError("the map does not fit the store")

    def _answers_without_map(self, system: DataSystem, *, as_json: bool) -> None:
        """A database can be tried before anybody has made a map of it."""
        if system.kind != SystemKind.SQL:
            words = (
                "no description of this system counts: load one, have a second person approve it"
            )
            raise CommandError(f"{words} (`datamap load`, `datamap approve`), then test it")
        tables = len(datamap.look_at(system).tables)
        said = f"{system.key} answers: {tables} tables, and no map counts yet"
        self.stdout.write("[]" if as_json else said)

    def secret(self, options: dict[str, Any]) -> None:
        """Read one line from standard input, so that no secret stands on a command line."""
        value = getpass.getpass("secret: ") if sys.stdin.isatty() else sys.stdin.readline()
        datamap.give_secret(
            options["key"],
            name=options["name"],
            value=value.rstrip("\r\n"),
            by=staff(options["by"]),
            at=clock.now(),
        )
        self.stdout.write("it is kept, and never shown again")

    def pace(self, options: dict[str, Any]) -> None:
        if not 1 <= options["share"] <= 100 or options["sessions"] < 0:
            raise CommandError("a share is 1 to 100 percent, and sessions are 0 or more")
        _require_database(options["key"], "its own description says how fast: `limits`")
        system = datamap.set_pace(
            options["key"], share=options["share"], most_sessions=options["sessions"],
            by=staff(options["by"]), at=clock.now(),
        )  # fmt: skip
        self.stdout.write(f"{system.key}: {system.share} % of its time")

    def grants(self, options: dict[str, Any]) -> None:
        _require_database(options["key"], "it is asked through its own interface, or by hand")
        found = datamap.target(options["key"])
        for line in connectors.grants(found.url, found.program, options["account"]):
            self.stdout.write(line)

    def list(self, _options: dict[str, Any]) -> None:
        for system in DataSystem.objects.all():
            kind = "rehearsal" if system.rehearsal else "served" if system.served else "not served"
            self.stdout.write(f"{system.key}\t{system.schema}\t{kind}")


KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def _require_form(options: dict[str, Any]) -> None:
    """Refuse a key that no name can be, and a database that nobody here can talk to."""
    if not KEY.fullmatch(options["key"]):
        raise CommandError("a key is letters, digits, - and _, at most 40", returncode=2)
    url, scheme = options["url"], options["url"].partition("://")[0].partition("+")[0]
    if options["kind"] != SystemKind.SQL and not url.startswith("env:"):
        if finding := datamap.check_address(options["kind"], url):
            raise CommandError(f"--url: {finding}", returncode=2)
        return
    is_address = options["kind"] == SystemKind.SQL and not url.startswith("env:")
    if is_address and ("://" not in url or scheme not in connectors.ENGINES):
        known = ", ".join(connectors.ENGINES)
        raise CommandError(f"--url begins with one of {known}, and then ://", returncode=2)


def _require_database(key: str, words: str) -> None:
    if datamap.system(key).kind != SystemKind.SQL:
        raise CommandError(f"{key} is no database: {words}")


def _seen(system: DataSystem) -> str:
    """What a copy that was just registered holds, in a few words; it need not answer yet."""
    if not system.rehearsal or system.kind != SystemKind.SQL:
        return ""
    try:
        tables = len(datamap.look_at(system).tables)
    except (ConnectorError, datamap.NoAddress) as refusal:
        return f", but cannot be looked at yet: {str(refusal) or type(refusal).__doc__}"
    return f": {tables} tables"


def _held_against(system: DataSystem) -> list[Finding]:
    """Where the map that counts and the system differ."""
    found = datamap.rehearsed(system.key) if system.rehearsal else datamap.target(system.key)
    if found.program.outside:
        return datamap.check_outside(system, found.url, found.program.outside)
    findings = connectors.connect(found.url, found.program, allowed=outbound.stores()).check()
    return datamap.on_a_copy(findings) if system.rehearsal else findings


def _pace(verbs: Any) -> None:
    """Add the words of ``pace``."""
    pace = verbs.add_parser("pace", help="how much of its time work on it may take")
    pace.add_argument("key", metavar="KEY")
    pace.add_argument("--share", type=int, default=100, metavar="PERCENT")
    rest = "stand back while more than N other sessions work; 0: never"
    pace.add_argument("--sessions", type=int, default=0, metavar="N", help=rest)
    pace.add_argument("--as", dest="by", required=True, metavar="USERNAME")
