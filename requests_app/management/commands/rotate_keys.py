"""Wrap all data keys with the newest key, and seal the erasure ledger anew."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ccpa_office import sealing
from requests_app.fulfillment import erasure_ledger


class Command(BaseCommand):
    help = (
        "Run after putting a new key first in ENCRYPTION_KEYS: wraps every data key with it, and "
        "seals the erasure ledger anew, so that the older keys can then be removed. "
        "May be stopped and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """How many rows a transaction takes."""
        parser.add_argument("--chunk", type=int, default=1000, help="data keys per transaction")
        parser.add_argument("--json", action="store_true", help="print facts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate and print one line of result."""
        total = 0
        try:
            for wrapped in sealing.rotate(chunk=options["chunk"]):
                total += wrapped
            lines = erasure_ledger.rotate()
        except (sealing.Unreadable, sealing.KeysMissing, erasure_ledger.LedgerBroken) as refusal:
            raise CommandError(f"{total} keys wrapped, then: {refusal.__doc__}") from None
        facts = {"rotated": total, "erasures": lines}
        said = f"{total} keys wrapped, {lines} erasures sealed anew."
        self.stdout.write(json.dumps(facts) if options["json"] else said)
