"""After a restore: what came back, erase it again, then open."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ccpa_office import clock, sealing
from ccpa_office.connectors.base import ConnectorError
from ccpa_office.roles import NotAllowed
from notices_app import datamap
from requests_app.fulfillment import erasure_ledger, restoring
from requests_app.fulfillment.loading import NotNow, NotWhatWasApproved
from requests_app.management.commands.batch import staff

REFUSALS = (
    NotAllowed,
    NotNow,
    NotWhatWasApproved,
    ConnectorError,
    datamap.NoActiveMap,
    datamap.NoSuchSystem,
    restoring.MapForgotten,
    erasure_ledger.LedgerBroken,
    sealing.Unreadable,
)
WORDS = {
    "absent": "nobody came back",
    "back": "came back",
    "erased": "erased again",
    "residual": "erased again, but something is left: look at these people's rows",
    "strangers": "NOT touched: a key belongs to somebody else by now; plan these people anew",
    "unsure": "an erased person's key and name are there with another address: see who that is",
    "cut": "LOST from the erasure ledger: bring its file back, and look again",
    "more": "NOT touched: more rows came back than were approved; plan these people anew",
}


class Command(BaseCommand):
    help = (
        "Run after a backup of a served database, or of the office, was restored and before it is "
        "opened: whoever was erased since then is erased again, under the approval of then. "
        "--look only says who came back. Exit 1 when something is left for a person. Running it "
        "again does nothing more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who acts, and whether to look only."""
        parser.add_argument("--as", dest="by", metavar="USERNAME", help="in whose name")
        parser.add_argument("--look", action="store_true", help="only say what came back")
        parser.add_argument("--json", action="store_true", help="print facts as JSON, one a line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through the erasure ledger; print what each line met, then the sum."""
        lines = people = 0
        sound = True
        try:
            for again in restoring.drill(
                by=staff(options["by"]), at=clock.now(), look_only=options["look"]
            ):
                lines, people = lines + 1, people + again.came_back
                sound = sound and again.is_sound
                self._say(again, as_json=options["json"])
        except REFUSALS as refusal:
            words = str(refusal) or type(refusal).__doc__ or ""
            raise CommandError(f"After {lines} lines: {words}") from None
        if not options["json"]:
            self.stdout.write(f"{lines} erasures looked at; {people} people had come back.")
        if not sound:
            raise SystemExit(1)

    def _say(self, again: restoring.Again, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(asdict(again)))
        elif again.outcome == "cut":
            self.stdout.write(f"Line {again.number}: {WORDS[again.outcome]}.")
        elif again.outcome != "absent":
            self.stdout.write(
                f"Line {again.number}, {again.system}: {again.came_back} of {again.people} people, "
                f"{again.rows} rows: {WORDS[again.outcome]}."
            )
