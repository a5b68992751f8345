"""The first account of an office: a chief, who opens the others."""

import getpass
import json
import re
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ccpa_office import clock, staff
from ccpa_office.models import StaffMember

NAME = re.compile(r"[a-z][a-z0-9._-]{1,39}")


class Command(BaseCommand):
    help = (
        "Run once after the first `migrate`: opens an account with the role of chief, who signs in "
        "at the desks and opens the others there. The password is asked for, or read from the "
        "first line of the input. Exit 1 where an open account has that role already."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name; a password never stands on a command line."""
        parser.add_argument("username", metavar="USERNAME")
        parser.add_argument("--json", action="store_true", help="print facts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. Raises CommandError when the house refuses."""
        name = options["username"]
        if not NAME.fullmatch(name):
            words = "A username is small letters, digits, dots, hyphens and _, 2 to 40 of them."
            raise CommandError(words, returncode=2)
        if StaffMember.objects.filter(username__iexact=name).exists():
            raise CommandError("This name is taken.")
        try:
            member = staff.first(name, password=_password(), at=clock.now())
        except staff.NotTheFirst as refusal:
            raise CommandError(str(refusal)) from None
        words = f"{name} is chief. Sign in at /admin/ and set up a second factor."
        facts = {"username": member.username, "roles": ["chief"]}
        self.stdout.write(json.dumps(facts) if options["json"] else words)


def _password() -> str:
    """What was typed, if it may be a password. Raises CommandError."""
    typed = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline()
    password = typed.rstrip("\r\n")
    try:
        validate_password(password)
    except ValidationError as refusal:
        raise CommandError(" ".join(refusal.messages), returncode=2) from None
    return password
