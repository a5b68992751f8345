"""Is this installation sound?"""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ccpa_office.doctor.round import examine, is_sound


class Command(BaseCommand):
    help = (
        "Say what is unsound in this installation, each finding with its cure. Run it after "
        "installing, after every change of the machine, and from monitoring. Exit 1 if unsound."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the form of the answer."""
        parser.add_argument("--json", action="store_true", help="print a JSON list of findings")

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine and print; end with 1 when something is unsound."""
        findings = examine()
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=1))
        else:
            for finding in findings:
                self.stdout.write(f"{finding.level}: {finding.code}\n  {finding.what}")
                self.stdout.write(f"  Cure: {finding.cure}")
            words = "Everything is sound." if is_sound(findings) else "This office is not sound."
            self.stdout.write(words)
        if not is_sound(findings):
            sys.exit(1)
