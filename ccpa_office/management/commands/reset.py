"""Remove the demo's data."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ccpa_office.engines.children import Refused
from ccpa_office.engines.home import open_home
from ccpa_office.office import installation


class Command(BaseCommand):
    help = "Remove the demo office's data folder, after asking. Use it to begin again from nothing."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the leave to go ahead without asking."""
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, then remove. Raises CommandError while an office runs on the folder."""
        office = installation(0, demo=True)
        if not office.data_dir.exists():
            self.stdout.write("There is nothing to remove.")
            return
        if not options["yes"] and not self._agreed(f"Remove {office.data_dir} and all in it?"):
            self.stdout.write("Nothing was removed.")
            return
        try:
            with open_home(office.data_dir).locked():
                office.forget()
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write("Removed.")

    def _agreed(self, question: str) -> bool:
        try:
            return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
        except EOFError:
            return False
