"""The state's deletion platform on the command line: hash an identifier, match a list."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ccpa_office import clock
from ccpa_office.connectors import vectors
from ccpa_office.connectors.base import ConnectorError
from ccpa_office.roles import Actor, NotAllowed
from notices_app.datamap import NoActiveMap, NoAddress
from requests_app.channels.drop import deleting, facts, filtering, loading, matching, names, reading
from requests_app.management.commands.batch import staff
from requests_app.models import DropList

REFUSALS = (
    NotAllowed, NoAddress, NoActiveMap, ConnectorError, deleting.NotYet, names.NameRefused,
    vectors.RulesBroken,
)  # fmt: skip


class Command(BaseCommand):
    help = (
        "Lists of the deletion platform (DROP, Civ. 1798.99.86). `match` keeps a list and finds "
        "whom it means in every system: run it after each download; a run that was broken off "
        "goes on. `lists` shows what came of each. `hash` is a filter for testing a business's "
        "own hashes. Exit 1: a line or a file is wrong, or something is not looked up yet."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("hash", help="JSON lines in, JSON lines out")
        match = verbs.add_parser("match", help="keep lists and find whom they mean")
        match.add_argument("files", nargs="+", metavar="FILE", help="DAY_BROKER_KIND.csv")
        match.add_argument(
            "--open-batch",
            action="store_true",
            help="and freeze plans for whom an item means alone",
        )
        match.add_argument("--as", dest="by", metavar="USERNAME", help="in whose name")
        shown = verbs.add_parser("lists", help="every list, newest first")
        for one in (match, shown):
            one.add_argument("--json", action="store_true", help="print facts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. Raises CommandError when the house refuses."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except REFUSALS as refusal:
            raise CommandError(str(refusal) or type(refusal).__doc__ or "") from None

    def _hash(self, _options: dict[str, Any]) -> None:
        vectors.require_sound()
        wrong = 0
        for number, told in answers(sys.stdin.buffer):
            wrong += "error" in told
            self.stdout.write(json.dumps({**told, "line": number} if "error" in told else told))
            self.stdout.flush()
        if wrong:
            raise SystemExit(1)

    def _match(self, options: dict[str, Any]) -> None:
        by = staff(options["by"])
        told = [
            self._matched(Path(name), by, opens=options["open_batch"]) for name in options["files"]
        ]
        if options["json"]:
            self.stdout.write(json.dumps(told))
        for each in () if options["json"] else told:
            self.stdout.write(facts.words(each))
        if not all(each.get("settled") for each in told):
            raise SystemExit(1)

    def _matched(self, path: Path, by: Actor, *, opens: bool) -> dict[str, Any]:
        at = clock.now()
        try:
            with path.open("rb") as file:
                drop_list, is_new = loading.load(file, name=path.name, by=by, at=at)
        except OSError as error:
            words = f"{path.name} cannot be read ({type(error).__name__})."
            raise CommandError(words, returncode=2) from None
        except reading.FileRefused as refused:
            wrong = [asdict(each) for each in refused.wrong]
            return {"file": path.name, "settled": False, "lines_wrong": refused.count,
                    "wrong": wrong}  # fmt: skip
        met = matching.match(drop_list, by=by, at=at)
        found = {**facts.of(drop_list), "new": is_new, "systems": facts.stands(met)}
        if opens and drop_list.settled_at:
            batches = deleting.open_batches(drop_list, by=by, at=at)
            found["batches"] = [
                {"batch": each.pk, "system": each.system_key, "people": each.people}
                for each in batches
            ]
        return found

    def _lists(self, options: dict[str, Any]) -> None:
        rows = [facts.of(each) for each in DropList.objects.order_by("-pk")]
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            self.stdout.write(facts.words(row))
        if not rows:
            self.stdout.write("No list yet.")


def answers(lines: Iterable[bytes]) -> Iterable[tuple[int, dict[str, Any]]]:
    """Each line's number and its answer, or its error."""
    for number, raw in enumerate(lines, start=1):
        try:
            yield number, filtering.answer(raw.decode())
        except UnicodeDecodeError:
            yield number, {"error": "not UTF-8"}
        except filtering.LineRefused as refused:
            yield number, {"error": str(refused)}
