"""The pages of the manual that are made from code."""

from collections.abc import Callable
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ccpa_office import checks
from ccpa_office.doctor import round as doctor
from ccpa_office.management.commands_page import commands_page

REFERENCE = "docs/reference"


def printed(*command: str) -> str:
    """Return what a command prints."""
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def settings_page() -> str:
    """Return the page of the settings, from ``.env.example``."""
    lines = (settings.BASE_DIR / ".env.example").read_text(encoding="utf-8").splitlines()
    page = ["# Settings", "", "Generated from `.env.example` by `manage.py manual`."]
    words: list[str] = []
    for line in lines:
        name, sign, default = line.partition("=")
        if line.startswith("# ---"):
            heading = line.strip("# -").partition(":")[0]
            page += ["", f"## {heading.capitalize()}", "", "| setting | meaning |", "|---|---|"]
        elif line.startswith("#"):
            words.append(line.lstrip("# "))
        elif sign and not name.startswith("#"):
            example = f" (`{default}`)" if default else ""
            page.append(f"| `{name}` | {' '.join(words)}{example} |")
        words = words if line.startswith("# ") and not line.startswith("# ---") else []
    return "\n".join([*page, ""])


def findings_page() -> str:
    """Return the page of what production refuses and what the doctor finds."""
    page = ["# Findings", "", "Generated from the code by `manage.py manual`.", ""]
    page += ["## What production refuses to start with", ""]
    page += [f"- {_first_line(rule)}" for rule in checks.RULES]
    page += [f"- {_first_line(checks.application_role)}"]
    page += ["", "## What `manage.py doctor` finds besides", ""]
    rules: list[Callable[..., object]] = [
        rule for rule in doctor.everything() if rule not in doctor.CHECKED
    ]
    page += [f"- {_first_line(rule)}" for rule in [*rules, doctor.asked]]
    return "\n".join([*page, ""])


def _first_line(rule: Callable[..., object]) -> str:
    code, sign, words = (rule.__doc__ or "").strip().splitlines()[0].partition(": ")
    return f"`{code}`: {words}" if sign else code


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "findings.md": findings_page,
    "commands.md": commands_page,
    "roles.md": lambda: printed("roles_table"),
    "workflow.md": lambda: printed("workflow"),
    "map-keys.md": lambda: printed("datamap", "reference"),
    "map-findings.md": lambda: printed("datamap", "codes"),
    "map.schema.json": lambda: printed("datamap", "schema"),
    "outside-system.schema.json": lambda: printed("datamap", "schema", "--outside"),
}


class Command(BaseCommand):
    help = (
        "Write the manual's pages that are made from code. --check only says whether they are "
        "current. Run it after changing roles, moves, settings, checks or commands."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Write, or only compare."""
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail if not current"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. Raises CommandError naming the pages that are not current."""
        folder = settings.BASE_DIR / REFERENCE
        made = {folder / name: make() for name, make in PAGES.items()}
        old = [p for p, text in made.items() if not p.exists() or p.read_text("utf-8") != text]
        if options["check"] and old:
            names = ", ".join(path.name for path in old)
            raise CommandError(f"Not current: {names}. Run `make docs`.")
        for path in old:
            path.write_text(made[path], encoding="utf-8")
            self.stdout.write(f"Wrote {path.name}.")
