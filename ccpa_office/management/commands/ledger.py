"""The book: seal, anchor, verify, export."""

import dataclasses
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ccpa_office import clock, ledger


class Command(BaseCommand):
    help = (
        "Work with the book. `verify` when anybody asks whether it is what it was (exit 1 if it is "
        "not); `anchor` before a backup; `seal` and `export` for a reader outside. Exit 2: no key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """One word says what to do."""
        parser.add_argument("action", choices=["verify", "anchor", "seal", "export"])
        parser.add_argument("--json", action="store_true", help="print facts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and print one line of result."""
        try:
            getattr(self, f"_{options['action']}")(as_json=options["json"])
        except ledger.BadSigningKey as refusal:
            raise CommandError(str(refusal.__doc__), returncode=2) from None

    def _verify(self, *, as_json: bool) -> None:
        findings = ledger.verify()
        facts = dataclasses.asdict(findings)
        self.stdout.write(json.dumps(facts) if as_json else _sentence(findings))
        if not findings.sound:
            sys.exit(1)

    def _anchor(self, *, as_json: bool) -> None:
        sealed = self._place_all()
        path = ledger.anchor(clock.now())
        self._say({"sealed": sealed, "anchors": str(path)}, f"Anchored in {path}.", as_json)

    def _seal(self, *, as_json: bool) -> None:
        sealed = self._place_all()
        self._say({"sealed": sealed}, f"{sealed} lines sealed.", as_json)

    def _export(self, *, as_json: bool) -> None:
        ledger.export(self.stdout)

    def _place_all(self) -> int:
        total = 0
        while placed := ledger.seal():
            total += placed
        return total

    def _say(self, facts: dict[str, Any], sentence: str, as_json: bool) -> None:  # noqa: FBT001
        self.stdout.write(json.dumps(facts) if as_json else sentence)


def _sentence(findings: ledger.Findings) -> str:
    tail = (
        f"{findings.checked} lines checked, anchored up to {findings.anchored_upto}, "
        f"{findings.unsealed} not sealed yet. Who computed the book anew from line "
        f"{findings.cannot_tell_from} on could not be found."
    )
    if findings.sound:
        return f"The book is sound. {tail}"
    place = findings.first_bad_line if findings.first_bad_line is not None else "not sealed"
    return f"First bad line: {place} {findings.first_bad_name} ({findings.reason}). {tail}"
