"""What must stand in the database after every migration: the groups of the roles, the guard."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db.backends.base.base import BaseDatabaseWrapper

from ccpa_office import clock
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


def tell_the_time(connection: BaseDatabaseWrapper, **_signal: Any) -> None:
    """Let a new session's triggers honor CLOCK_OFFSET, as ``ccpa_now()`` reads it."""
    seconds = clock.offset().total_seconds()
    if seconds:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('ccpa.clock_offset', %s, false)", [f"{seconds:.0f} seconds"]
            )
