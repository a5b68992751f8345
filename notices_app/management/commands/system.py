"""The databases that are served: add one, see whether it answers, list them."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ccpa_office import clock, connectors
from ccpa_office.connectors.base import ConnectorError
from ccpa_office.roles import NotAllowed
from notices_app import datamap
from notices_app.management.commands.datamap import staff
from notices_app.models import DataSystem


class Command(BaseCommand):
    help = "Register a database from which requests are answered, or test one that is registered."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="register a database")
        add.add_argument("key", metavar="KEY")
        add.add_argument("--url", required=True, help="SQLAlchemy URL, or env:NAME")
        add.add_argument("--name", default="")
        add.add_argument("--schema", default="public")
        add.add_argument("--rehearsal", action="store_true", help="a copy to try plans on")
        add.add_argument("--as", dest="by", required=True, metavar="USERNAME")
        test = verbs.add_parser("test", help="connect, and hold the active map against it")
        test.add_argument("key", metavar="KEY")
        test.add_argument("--json", action="store_true")
        verbs.add_parser("list", help="the registered systems")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs = {"add": self.add, "test": self.test, "list": self.list}
        try:
            verbs[options["verb"]](options)
        except (ConnectorError, NotAllowed, datamap.NoAddress, datamap.NoSuchSystem) as refusal:
            raise CommandError(str(refusal) or type(refusal).__doc__ or "") from None
        except datamap.NoActiveMap:
            raise CommandError("no map of this system has been approved") from None

    def add(self, options: dict[str, Any]) -> None:
        system = datamap.add_system(
            options["key"],
            name=options["name"],
            url=options["url"],
            by=staff(options["by"]),
            at=clock.now(),
            schema=options["schema"],
            rehearsal=options["rehearsal"],
        )
        self.stdout.write(f"{system.key} is registered")

    def test(self, options: dict[str, Any]) -> None:
        found = datamap.target(options["key"])
        findings = connectors.connect(found.url, found.program).check()
        if options["json"]:
            rows = [{"level": f.level, "code": f.code, "message": f.message} for f in findings]
            self.stdout.write(json.dumps(rows, indent=2))
        else:
            for finding in findings:
                self.stdout.write(f"{finding.level} {finding.code}: {finding.message}")
            self.stdout.write(f"{found.key} answers")
        if any(finding.level == "error" for finding in findings):
            raise CommandError("the map does not fit the store")

    def list(self, _options: dict[str, Any]) -> None:
        for system in DataSystem.objects.all():
            kind = "rehearsal" if system.rehearsal else "served" if system.served else "not served"
            self.stdout.write(f"{system.key}\t{system.schema}\t{kind}")
