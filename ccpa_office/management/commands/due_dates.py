"""Print the dates that follow from a moment of receipt. Needs no database."""

import json
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ccpa_office.law.calendar import Calendar
from ccpa_office.law.deadlines import DUTY_KEYS, DueDates, InstantHasNoZone, due_dates
from ccpa_office.law.kinds import RequestKind

ADVICE = "Give an instant with its offset, such as 2026-12-24T23:30:00-08:00 or ...T07:30:00Z."


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"{text!r} is not an ISO 8601 instant. {ADVICE}", returncode=2
        ) from error


def _calendar(text: str | None) -> Calendar:
    code = str(text or getattr(settings, "OFFICE_CALENDAR", Calendar.CA_STATE.value))
    try:
        return Calendar(code)
    except ValueError as error:
        known = ", ".join(Calendar.values)
        raise CommandError(f"No calendar {code!r}; there are {known}.", returncode=2) from error


def _dates(kind: RequestKind, instant: datetime, calendar: Calendar) -> DueDates:
    try:
        return due_dates(kind, instant, calendar=calendar)
    except InstantHasNoZone as error:
        raise CommandError(f"{error}. {ADVICE}", returncode=2) from error
    except (ValueError, OverflowError) as error:
        message = f"{instant.isoformat()} is too far away to count from."
        raise CommandError(message, returncode=2) from error


def _text(fact: date | Calendar | None) -> str | None:
    if isinstance(fact, datetime):
        return fact.isoformat().replace("+00:00", "Z")
    return fact.isoformat() if isinstance(fact, date) else fact and fact.value


def as_json(due: DueDates) -> dict[str, Any]:
    """The facts by name, dates in ISO 8601, and the section of each; what is absent is null."""
    facts: dict[str, Any] = {key: _text(getattr(due, key)) for key in DUTY_KEYS}
    return {**facts, "sections": {key: due.sections.get(key) for key in DUTY_KEYS}}


def as_lines(kind: RequestKind, due: DueDates) -> list[str]:
    """The facts that ``kind`` has, one a line, with their sections."""
    facts = ((key, _text(getattr(due, key))) for key in DUTY_KEYS)
    lines = [f"  {key:20} {text:22} {due.sections[key]}" for key, text in facts if text]
    return [kind.value, *lines]


class Command(BaseCommand):
    """Answer "by when?" for one moment of receipt."""

    help = (
        "Print the statutory dates for a request received at a given instant: use it to check a "
        "date by hand or from a script. Without --kind it prints every kind."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the moment, and if wanted the kind, the calendar and the form."""
        parser.add_argument("--received", required=True, metavar="ISO-INSTANT", help=ADVICE)
        parser.add_argument("--kind", choices=RequestKind.values, help="one kind of request")
        parser.add_argument("--calendar", choices=Calendar.values, help="of business days")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compute and print; wrong use ends with code 2."""
        instant, calendar = _instant(options["received"]), _calendar(options["calendar"])
        kinds = [RequestKind(options["kind"])] if options["kind"] else list(RequestKind)
        found = {kind: _dates(kind, instant, calendar) for kind in kinds}
        if not options["json"]:
            self.stdout.write(
                "\n".join(line for k, due in found.items() for line in as_lines(k, due))
            )
        elif options["kind"]:
            self.stdout.write(json.dumps(as_json(found[kinds[0]]), indent=2))
        else:
            facts = {kind.value: as_json(due) for kind, due in found.items()}
            self.stdout.write(json.dumps(facts, indent=2))
