"""Staff of the notices' desk, and the demo company's notice."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import Group

from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor
from notices_app import loading
from notices_app.management.commands.load_notices import SEED
from notices_app.models import NoticeVersion

NOON = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)


def staff(username, *roles):
    member = StaffMember.objects.create_user(username=username, password=None)
    member.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
    return Actor.of(member)


@pytest.fixture
def editor(db):
    return staff("edith", "editor")


@pytest.fixture
def counsel(db):
    return staff("conrad", "counsel")


@pytest.fixture
def chief(db):
    return staff("chiara", "chief")


@pytest.fixture
def clerk(db):
    return staff("clara", "clerk")


@pytest.fixture
def loaded(editor, counsel):
    people = loading.People(editor=editor, reviewer=counsel)
    return loading.load(SEED, people=people, on=TODAY, at=NOON)


@pytest.fixture
def first(loaded):
    return NoticeVersion.objects.get(number=1)


@pytest.fixture
def second(loaded):
    return NoticeVersion.objects.get(number=2)
