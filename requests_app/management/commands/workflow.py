"""The drawing of the life of a request."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app.workflow import drawing

PAGE: Path = settings.BASE_DIR / "docs" / "reference" / "workflow.md"


class Command(BaseCommand):
    help = (
        "Print which state of a request follows which, by whom and with which letter, as Markdown "
        "with Mermaid drawings. --write keeps it as the manual's page; --check says whether that "
        "page is current."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Print, write, or compare."""
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--write", action="store_true")
        choice.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. Raises CommandError when the page is not current."""
        if options["write"]:
            PAGE.write_text(drawing(), encoding="utf-8")
        elif options["check"]:
            if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != drawing():
                raise CommandError("The page is not current: run manage.py workflow --write.")
        else:
            self.stdout.write(drawing(), ending="")
