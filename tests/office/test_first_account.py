"""How a real office gets its first account."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ccpa_office import clock, staff
from ccpa_office.models import LedgerLine, StaffMember
from ccpa_office.roles import Actor, Role, TouchedAccount, may_decide_now
from tests.office.people import actor

pytestmark = pytest.mark.django_db

PASSWORD = "seven quiet harbors in the fog"


@pytest.fixture
def opened(settings, monkeypatch):
    settings.DEMO = False

    def first_account(name, typed=PASSWORD):
        monkeypatch.setattr("sys.stdin", StringIO(f"{typed}\n"))
        call_command("first_account", name, stdout=StringIO())
        return StaffMember.objects.get(username=name)

    return first_account


def test_the_first_account_is_a_chiefs_who_opens_the_others(opened):
    lena = opened("lena")
    assert lena.check_password(PASSWORD)
    assert (lena.is_staff, lena.is_superuser) == (True, False)
    by, at = Actor.of(lena), clock.now()
    noor = staff.create("noor", password=None, roles=[Role.CLERK], by=by, at=at)
    assert Actor.of(noor).roles == {Role.CLERK}
    (line,) = LedgerLine.objects.filter(subject=f"staff:{lena.pk}")
    assert (line.verb, line.actor) == ("staff.created", "system:command-line")


def test_it_decides_nothing_for_72_hours(opened):
    lena = Actor.of(opened("lena"))
    with pytest.raises(TouchedAccount):
        may_decide_now(lena, at=clock.now())
    may_decide_now(lena, at=clock.now() + timedelta(hours=73))


def test_there_is_one_first_account_while_a_chief_can_sign_in(opened):
    lena = opened("lena")
    with pytest.raises(CommandError, match="it opens the others"):
        opened("eve")
    staff.set_active(lena, False, actor(Role.CHIEF), clock.now())
    with pytest.raises(CommandError, match="it opens the others"):
        opened("eve")
    StaffMember.objects.update(is_active=False)
    assert Actor.of(opened("eve")).roles == {Role.CHIEF}


@pytest.mark.parametrize(
    ("name", "typed"), [("Lena Berg", PASSWORD), ("lena", "too short"), ("lena", "")]
)
def test_a_name_or_a_password_that_cannot_be_one_opens_nothing(opened, name, typed):
    with pytest.raises(CommandError) as refused:
        opened(name, typed)
    assert refused.value.returncode == 2
    assert StaffMember.objects.count() == 0
