"""Programs that may ask the office's interface: make one, list them, revoke one."""

import json
import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ccpa_office import clock
from ccpa_office.roles import NotAllowed
from requests_app import clients
from requests_app.management.commands.batch import staff
from requests_app.models import ApiClient

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
REFUSALS = (NotAllowed, clients.NameTaken, clients.NoSuchClient)


class Command(BaseCommand):
    help = (
        "Run when another program is to ask `/api/v1/suppression/check`: `add` prints its token, "
        "once; `revoke` ends it; `list` says who has one and how much was asked. A chief acts."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, and with which client."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        for verb, words in (("add", "make a client"), ("revoke", "end a client")):
            one = verbs.add_parser(verb, help=words)
            one.add_argument("name", metavar="NAME", help="a program's name, never a person's")
            one.add_argument("--as", dest="by", metavar="USERNAME", help="in whose name")
            one.add_argument("--json", action="store_true", help="print facts as JSON")
        every = verbs.add_parser("list", help="who has a token")
        every.add_argument("--json", action="store_true", help="print facts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. Raises CommandError when the house refuses."""
        if options["verb"] == "list":
            self._list(as_json=options["json"])
            return
        name, by = options["name"], staff(options["by"])
        if not NAME.fullmatch(name):
            raise CommandError("A name is small letters, digits and hyphens.", returncode=2)
        try:
            if options["verb"] == "add":
                token = clients.make(name, by=by, at=clock.now())
                facts, words = {"name": name, "token": token}, f"{token}\nIt is shown this once."
            else:
                clients.revoke(name, by=by, at=clock.now())
                facts, words = {"name": name, "revoked": "yes"}, f"{name} is revoked."
        except REFUSALS as refusal:
            raise CommandError(str(refusal) or type(refusal).__doc__ or "") from None
        self.stdout.write(json.dumps(facts) if options["json"] else words)

    def _list(self, *, as_json: bool) -> None:
        for each in ApiClient.objects.order_by("name"):
            facts = {
                "name": each.name, "living": each.revoked_at is None, "entries": each.entries,
            }  # fmt: skip
            words = f"{each.name}: {'living' if facts['living'] else 'revoked'}, {each.entries}"
            self.stdout.write(json.dumps(facts) if as_json else f"{words} entries asked")
