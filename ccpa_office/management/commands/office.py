"""Run the whole office."""

import os
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ccpa_office import tour
from ccpa_office.engines.children import Refused
from ccpa_office.office import Office, installation
from ccpa_office.supervisor import Supervisor


class Command(BaseCommand):
    help = (
        "Run everything on this machine: engines, web, workers, timetable, keeper and mail "
        "catcher. Use it to try the office, or to run a small one; `make run` calls it."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the port and whether the demo company is wanted."""
        default = int(os.environ.get("PORT") or 8000)
        parser.add_argument("--port", type=int, default=default, help="the web's port on loopback")
        parser.add_argument("--no-demo", action="store_true", help="load no demo company")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C or SIGTERM. Raises CommandError when it cannot."""
        with_demo = not options["no_demo"]
        office = installation(options["port"], demo=with_demo)
        first_time = not (office.data_dir / "secrets.json").exists()

        def print_tour(office: Office, variables: Mapping[str, str]) -> None:
            for line in tour.lines(office, variables, first_time=first_time):
                self.say(line)

        try:
            Supervisor(office, self.say, with_demo).run(print_tour)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.say("Everything has ended; the data stay.")

    def say(self, words: str) -> None:
        """Print at once."""
        self.stdout.write(words)
        self.stdout.flush()
