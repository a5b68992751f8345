"""Wrap all data keys with the newest key."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ccpa_office import sealing


class Command(BaseCommand):
    help = (
        "Run after putting a new key first in ENCRYPTION_KEYS: wraps every data key with it, so "
        "that the older keys can then be removed. May be stopped and run again."
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
        except (sealing.Unreadable, sealing.KeysMissing) as refusal:
            raise CommandError(f"{total} keys wrapped, then: {refusal.__doc__}") from None
        facts = {"rotated": total}
        self.stdout.write(json.dumps(facts) if options["json"] else f"{total} keys wrapped.")
