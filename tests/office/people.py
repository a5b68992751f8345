"""Members of staff for tests, made through the public verbs."""

from itertools import count

from django.test import override_settings

from ccpa_office import clock, staff
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, Role

NUMBERS = count(1)


def member(*roles: Role) -> StaffMember:
    """A member of staff whose account nobody has touched."""
    with override_settings(DEMO=True):
        return staff.found(f"person-{next(NUMBERS)}", password=None, roles=roles, at=clock.now())


def actor(*roles: Role) -> Actor:
    """Such a member, acting."""
    return Actor.of(member(*roles))
