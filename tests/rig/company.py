"""The office that every run begins with: staff, a learner database, its map, two providers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from django.conf import settings as settings_of_django
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, connections

from ccpa_office import clock, clock_guard, connectors
from ccpa_office.connectors.base import Identity, StoreUnreachable
from ccpa_office.law.vocabulary import LegalRole, RecipientCategory
from notices_app import vocabulary
from notices_app.management.commands.learner_database import fill
from requests_app import targets
from requests_app.fulfillment.locating import locate, weigh
from requests_app.fulfillment.packing import Subject
from tests.builders import Team, serve
from tests.fulfillment import outsiders
from tests.rig import crew, settings
from tests.vendor.server import Vendor

PEOPLE = 80
PROVIDERS = ("Hallam Post", "Corvid Proctoring")
T = TypeVar("T")


@dataclass(frozen=True)
class Learner:
    """One learner, and what they would answer."""

    email: str
    name: str
    points: dict[str, str]
    key: int
    order: str


@dataclass
class Company:
    """What a run needs to know of the office."""

    team: Team
    learners: list[Learner]

    def fill(self, vendor: Vendor) -> None:
        """Let the vendor hold two records of everybody, and have forgotten what was asked."""
        vendor.jobs.clear()
        vendor.answers.clear()
        vendor.log_file.write_text("")
        vendor.people = {
            key: {"id": key, "email": each.email, "name": "somebody"}
            for number, each in enumerate(self.learners)
            for key in (f"p{number:04d}a", f"p{number:04d}b")
        }


def found(count: int) -> Company:
    """Make the office and its pristine copies; choose ``count`` people whose plans anybody may
    approve."""
    crew.make_database(settings.OFFICE)
    crew.make_database(settings.LEARNERS)
    fill(settings.LEARNER_URL, people=PEOPLE, seed=1)
    call_command("collectstatic", interactive=False, verbosity=0)
    migrate()
    clock_guard.witness(clock.now())
    team = Team()
    serve(team, settings.LEARNER_URL)
    for number, name in enumerate(PROVIDERS):
        _provider(team, number, name)
    company = Company(team, _people(count))
    connectors.close_all()
    connections.close_all()
    crew.keep_pristine()
    return company


def found_rooms(company: Company, vendor: Vendor) -> None:
    """Two systems outside besides: a vendor that holds two records of each, and an archive."""
    outsiders.register(company.team, "vendor", vendor.url)
    outsiders.register(
        company.team, "paper", f"mailto:{outsiders.ARCHIVE}", outsiders.MANUAL, "manual"
    )
    connectors.close_all()
    connections.close_all()
    crew.keep_rooms()


def migrate() -> None:
    """Migrate as the owner does, so that the application's role gets its grants and no more."""
    given = settings_of_django.DATABASE_OWNER_URL
    settings_of_django.DATABASE_OWNER_URL = settings.OWNER_URL
    application = connections["default"]
    call_command("migrate", interactive=False, verbosity=0)
    connections.close_all()
    connections["default"] = application
    settings_of_django.DATABASE_OWNER_URL = given


def _provider(team: Team, number: int, name: str) -> None:
    entry = vocabulary.Entry(
        code=f"provider{number}",
        names={"en": name, "ja": name, "es": name},
        category=RecipientCategory.ANALYTICS,
        legal_role=LegalRole.SERVICE_PROVIDER,
        contact={"instruction_email": f"privacy{number}@provider.invalid", "language": "en"},
    )
    vocabulary.enter("recipient", entry, by=team.editor, at=clock.now())


def _people(count: int) -> list[Learner]:
    """Learners with an address, a telephone and a postal code, and no row that others share."""
    with psycopg.connect(settings.LEARNER_URL) as there:
        rows = there.execute(
            "SELECT a.id, a.email, a.full_name, a.phone, d.postal_code, min(o.number)"
            " FROM accounts a JOIN addresses d ON d.id = a.address_id"
            " LEFT JOIN orders o ON o.account_id = a.id"
            " WHERE a.phone IS NOT NULL AND d.postal_code IS NOT NULL"
            " GROUP BY a.id, d.id ORDER BY a.id"
        ).fetchall()
    chosen = []
    for number, email, name, phone, postal, order in rows:
        keys = targets.of("learners").connector.people([Identity({"email": [email]})])[0]
        plan = locate("learners", [Subject(key, {"email": [email]}) for key in keys],
                      on=clock.today())  # fmt: skip
        if len(keys) == 1 and not weigh(plan).undecided:
            points = {"phone": phone, "postal_code": postal}
            chosen.append(Learner(email, name, points, number, order or ""))
        if len(chosen) == count:
            return chosen
    raise LookupError("too few learners without shared rows")


def again(do: Callable[[], T], *, seconds: float = 120) -> T:
    """Do something with the office's database, over and over while it is away."""
    answers: list[T] = []

    def tried() -> bool:
        try:
            answers.append(do())
        except (DatabaseError, InterfaceError, StoreUnreachable):
            connections.close_all()
            connectors.close_all()
            return False
        return True

    crew.until(tried, "the database", seconds=seconds)
    return answers[0]
