"""The demo company, made by public verbs alone."""

import secrets
from collections import Counter
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ccpa_office import connectors, ledger
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import StaffMember
from ccpa_office.office import learners_beside
from requests_app.management.commands import learner, workflow
from requests_app.models import (
    Batch,
    BatchState,
    Chunk,
    ConsumerRequest,
    Look,
    Message,
    Plan,
    Status,
    Step,
)
from requests_app.workflow import drawing
from tests import builders

PASSING = {Status.RECEIVED, Status.TELLING}
"""States that last for seconds: no demo can show them standing still."""


@pytest.fixture
def demo(db, settings, mailbox):
    """A demo of three hundred learners, loaded."""
    name = f"demo_{secrets.token_hex(6)}"
    settings.DEMO, settings.DEMO_PASSWORD = True, "a-password-for-the-demo"
    settings.LEARNER_DATABASE_URL = builders.url(name)
    load()
    yield name
    connectors.close_all()
    builders.administer("DROP DATABASE {} WITH (FORCE)", name)


def load():
    call_command("demo", people=300, stdout=StringIO())


def test_the_demo_shows_every_kind_and_every_state(demo):
    requests = ConsumerRequest.objects.all()
    assert {each.kind for each in requests} == set(RequestKind.values)
    assert {each.status for each in requests} == set(Status) - PASSING
    assert 40 <= len(requests) <= 60
    assert Plan.objects.filter(state="frozen", undecided__gt=0).exists()
    assert [p.approvals.count() for p in Plan.objects.filter(above_ceiling=True)] == [1]
    assert Batch.objects.filter(state=BatchState.PAUSED).count() == 1
    assert requests.filter(extended_at__isnull=False).count() == 2
    no_work_is_broken_and_the_book_is_sound()


def no_work_is_broken_and_the_book_is_sound():
    while ledger.seal():
        pass
    assert ledger.verify().sound
    states = Counter(
        (type(row).__name__, row.state, row.error_code)
        for model in (Step, Message, Chunk, Look)
        for row in model.objects.all()
    )
    assert {key for key in states if key[1] in {"parked", "running"}} == set()
    assert {key for key in states if key[1] == "ready"} == {
        ("Chunk", "ready", ""),
        ("Look", "ready", ""),
    }


def test_a_second_load_changes_nothing_but_a_new_password_and_the_tour_is_free(demo, settings):
    before = ConsumerRequest.objects.count()
    settings.DEMO_PASSWORD = "another-password-for-the-demo"
    load()
    assert ConsumerRequest.objects.count() == before
    assert all(
        each.check_password("another-password-for-the-demo") for each in StaffMember.objects.all()
    )
    the_people_of_the_tour_are_left_alone(settings)


def the_people_of_the_tour_are_left_alone(settings):
    rows = learner.held(settings.LEARNER_DATABASE_URL, builders.HANA)
    assert rows["accounts"] == (1, 1)
    assert rows["invoices"] == (2, 2)
    assert sum(own for own, _mentions in rows.values()) == 37
    out = StringIO()
    call_command("learner", "nobody@example.net", stdout=out)
    assert out.getvalue().splitlines()[-1].split() == ["together", "0", "0"]


def test_the_demo_is_refused_elsewhere(db, settings):
    settings.DEMO = False
    for command in (["demo"], ["learner", builders.HANA]):
        with pytest.raises(CommandError):
            call_command(*command)


def test_the_drawing_in_the_manual_is_current():
    assert workflow.PAGE.read_text(encoding="utf-8") == drawing()


def test_on_somebodys_own_server_the_learners_stand_beside_the_office():
    beside = learners_beside("postgresql://office@db.example:5432/office?sslmode=require")
    assert beside == "postgresql://office@db.example:5432/office_learners?sslmode=require"
