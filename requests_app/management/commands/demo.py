"""The demo company, loaded."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from ccpa_office import clock, clock_guard
from ccpa_office.law.deadlines import received_date
from notices_app import datamap, loading
from notices_app.management.commands.load_notices import SEED
from notices_app.models import DataMapVersion
from requests_app.management.demo_company.days import play
from requests_app.management.demo_company.people import Learners, Staff, fill_if_empty
from requests_app.management.demo_company.stories import MONTHS, stories
from requests_app.models import ConsumerRequest

KEY = "learners"
MAP = settings.BASE_DIR / "demo" / "learners.yml"
SETTLED = timedelta(days=MONTHS + 40)


class Command(BaseCommand):
    help = (
        "Load the demo company: staff, learners, their data map, notices, and some fifty requests "
        "in every state. `make run` calls it. What is there already stays as it is. Refused "
        "outside a demo."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Smaller demos for tests."""
        parser.add_argument("--people", type=int, default=10_000, help="learners to invent")
        parser.add_argument("--no-requests", action="store_true", help="leave the queue empty")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load what is missing. Raises CommandError outside a demo."""
        if not settings.DEMO:
            raise CommandError("The demo is loaded where DEMO=1 says that this is one.")
        if not settings.LEARNER_DATABASE_URL:
            raise CommandError("LEARNER_DATABASE_URL names no database for the learners.")
        now = clock.now()
        founded = now - timedelta(days=MONTHS)
        clock_guard.witness(now)
        staff = Staff.found(self._password(), at=founded)
        fill_if_empty(settings.LEARNER_DATABASE_URL, people=options["people"])
        people = loading.People(editor=staff.editor, reviewer=staff.counsel)
        loading.load(SEED, people=people, on=received_date(now), at=founded)
        self._map(staff, at=founded)
        if not options["no_requests"]:
            self._requests(staff, now)
        self.stdout.write(f"{ConsumerRequest.objects.count()} requests")

    def _password(self) -> str:
        password: str = settings.DEMO_PASSWORD
        if not password:
            password = secrets.token_urlsafe(12)
            self.stdout.write(f"Password of every demo user: {password}")
        return password

    @staticmethod
    def _map(staff: Staff, *, at: datetime) -> None:
        """Register the learner database; the editor loads its map, the chief approves it."""
        if DataMapVersion.objects.active().filter(system__key=KEY).exists():
            return
        datamap.add_system(
            KEY, name="Quillmere Learning", url="env:LEARNER_DATABASE_URL", by=staff.editor, at=at
        )
        version = datamap.load(MAP.read_text("utf-8"), system_key=KEY, by=staff.editor, at=at)
        datamap.approve(version, digest=version.digest, by=staff.chief, at=at)

    @staticmethod
    def _requests(staff: Staff, now: datetime) -> None:
        learners = Learners(settings.LEARNER_DATABASE_URL, settled=now - SETTLED)
        with ordinary_times(), transaction.atomic():  # all or nothing, and no worker in between
            play(stories(staff, learners, now=now), until=now)


@contextmanager
def ordinary_times() -> Iterator[None]:
    """The past of the demo had the cool-off, the nights and the ceiling of an ordinary office."""
    ordinary = {"COOL_OFF_HOURS": 72.0, "BATCH_AT": "02:00", "CEILING_PEOPLE": 200}
    present = {name: getattr(settings, name) for name in ordinary}
    for name, value in ordinary.items():
        setattr(settings, name, value)
    try:
        yield
    finally:
        for name, value in present.items():
            setattr(settings, name, value)
