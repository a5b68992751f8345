"""What must stand in the database after every migration: the groups of the roles, the guard."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group

from ccpa_office.models import ClockGuard
from ccpa_office.roles import Role


def after_migrate(using: str = "default", **_signal: Any) -> None:
    """Make what is missing; leave what is there. Rehearsals of the clock are the demo's alone."""
    Group.objects.using(using).bulk_create(
        [Group(name=role.value) for role in Role], ignore_conflicts=True
    )
    guards = ClockGuard.objects.using(using)
    guards.bulk_create([ClockGuard()], ignore_conflicts=True)
    guards.update(rehearsal=settings.DEMO)
