"""The page of the manual about roles."""

from typing import Any

from django.core.management.base import BaseCommand

from ccpa_office.roles import matrix_markdown


class Command(BaseCommand):
    help = "Print who may do what as Markdown, for docs/reference/roles.md."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the table."""
        self.stdout.write(matrix_markdown(), ending="")
